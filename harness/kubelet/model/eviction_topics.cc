// The topics eviction_ranking and eviction_thresholds.
#include <algorithm>
#include <cctype>
#include <cmath>

#include "harness/kubelet/eviction/ranking.h"
#include "harness/kubelet/eviction/thresholds.h"
#include "harness/kubelet/model/model.h"

namespace nodeproof::kubelet {
namespace {

using namespace eviction;  // NOLINT(google-build-using-namespace): the room's types, in this file

constexpr size_t kMostVolumes = 10'000;
constexpr double kMostGraceSeconds = 9e9;  // what fits into 64 bits of nanoseconds

bool Mentions(std::string_view text, std::string_view word) {
  return text.find(word) != std::string_view::npos;
}

std::string Lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

Result<int64_t> UnitsFromCase(const Json& value) {
  if (value.is_number_integer()) return value.get<int64_t>();
  if (!value.is_string()) return Fail("{} is not a quantity", value.dump());
  const Quantity quantity = TRY(Quantity::Parse(value.get<std::string>()));
  return quantity.Value();
}

// One number of a pod's stats, by the words in its key: the root file system, the logs and the
// volumes have bytes and inodes, the pod has a working set and processes.
Status ReadStat(const std::string& key, int64_t value, bool has_inode_keys, ActivePod& pod) {
  PodStats& stats = *pod.stats;
  const auto set = [&](FsUsage& usage) {
    if (!has_inode_keys || !Mentions(key, "inode")) usage.bytes = value;
    // Stats that never speak of inodes give one number for whichever is measured.
    if (!has_inode_keys || Mentions(key, "inode")) usage.inodes = value;
  };
  if (Mentions(key, "root")) {
    for (ContainerStats& container : stats.containers) set(container.rootfs);
  } else if (Mentions(key, "log")) {
    for (ContainerStats& container : stats.containers) set(container.logs);
  } else if (Mentions(key, "vol")) {
    for (VolumeStats& volume : stats.volumes) set(volume.used);
  } else if (Mentions(key, "working_set") || Mentions(key, "memory")) {
    stats.working_set_bytes = value;
  } else if (Mentions(key, "proc") || Mentions(key, "pid") || key == "num") {
    stats.processes = value;
  } else {
    return Fail("the stats' field \"{}\" is unknown", key);
  }
  return {};
}

// Numbers of nested objects, their keys joined by '.'.
Status FlattenStats(const std::string& prefix, const Json& stats,
                    std::map<std::string, int64_t>& flat) {
  for (const auto& [key, value] : stats.items()) {
    const std::string path = Lower(prefix.empty() ? key : prefix + "." + key);
    if (value.is_object()) {
      TRY(FlattenStats(path, value, flat));
    } else if (!value.is_null()) {
      flat[path] = TRY(UnitsFromCase(value));
    }
  }
  return {};
}

// A volume of local_volumes: a name, or an object that may say its kind.
Volume VolumeFromCase(const Json& volume_case, size_t index) {
  Volume volume;
  volume.name = fmt::format("volume-{}", index);
  volume.kind = VolumeKind::kEmptyDir;
  if (!volume_case.is_object()) return volume;
  volume.medium = volume_case.value("medium", "");
  return volume;
}

Result<ActivePod> ActivePodFromCase(const Json& pod_case) {
  ActivePod pod{.pod = TRY(PodFromCase(pod_case)), .stats = std::nullopt};
  const Json volumes = pod_case.value("local_volumes", Json::array());
  const size_t volume_count = volumes.is_number() ? volumes.get<size_t>() : volumes.size();
  if (volume_count > kMostVolumes) return Fail("more than {} local_volumes", kMostVolumes);
  for (size_t i = 0; i < volume_count; ++i) {
    pod.pod.volumes.push_back(VolumeFromCase(volumes.is_array() ? volumes[i] : Json(), i));
  }
  if (!pod_case.contains("stats") || pod_case.at("stats").is_null()) return pod;
  std::map<std::string, int64_t> flat;
  TRY(FlattenStats("", pod_case.at("stats"), flat));
  pod.stats.emplace();
  for (const Container& container : pod.pod.containers) {
    pod.stats->containers.push_back({.name = container.name});
  }
  for (const Volume& volume : pod.pod.volumes) {
    pod.stats->volumes.push_back({.name = volume.name});
  }
  const bool has_inode_keys =
      std::ranges::any_of(flat, [](const auto& stat) { return Mentions(stat.first, "inode"); });
  for (const auto& [key, value] : flat) TRY(ReadStat(key, value, has_inode_keys, pod));
  return pod;
}

Result<FsUses> FsUsesFromCase(const Json& list) {
  FsUses uses;
  for (const Json& each : list) {
    const std::string name = Lower(each.get<std::string>());
    if (Mentions(name, "root")) {
      uses.Add(FsUses::kRootfs);
    } else if (Mentions(name, "log")) {
      uses.Add(FsUses::kLogs);
    } else if (Mentions(name, "vol")) {
      uses.Add(FsUses::kLocalVolumes);
    } else if (Mentions(name, "image")) {
      uses.Add(FsUses::kImages);
    } else {
      return Fail("fs_stats \"{}\" is unknown", name);
    }
  }
  return uses;
}

Result<Criterion> CriterionFromCase(const Json& criterion_case) {
  using Kind = Criterion::Kind;
  static const std::map<std::string, Kind, std::less<>> kKinds = {
      {"priority", Kind::kPriority},
      {"memory", Kind::kMemory},
      {"exceed_memory_requests", Kind::kExceedsMemoryRequest},
      {"process", Kind::kProcesses},
      {"processes", Kind::kProcesses},
      {"pids", Kind::kProcesses},
      {"disk", Kind::kDisk},
      {"exceed_disk_requests", Kind::kExceedsDiskRequest}};
  const std::string name = criterion_case.at("cmp").get<std::string>();
  const auto kind = kKinds.find(name);
  if (kind == kKinds.end()) return Fail("the comparator \"{}\" is unknown", name);
  Criterion criterion{.kind = kind->second,
                      .fs_uses = {FsUses::kRootfs, FsUses::kLogs, FsUses::kLocalVolumes}};
  if (criterion_case.contains("fs_stats")) {
    criterion.fs_uses = TRY(FsUsesFromCase(criterion_case.at("fs_stats")));
  }
  if (criterion_case.value("resource", "") == "inodes") {
    criterion.disk_resource = DiskResource::kInodes;
  }
  return criterion;
}

Result<Json> AnswerRanking(const Json& the_case) {
  const FeatureGates gates = TRY(GatesFromCase(the_case));
  std::vector<Criterion> criteria;
  for (const Json& each : the_case.at("order_by")) {
    criteria.push_back(TRY(CriterionFromCase(each)));
  }
  std::vector<ActivePod> pods;
  for (const Json& each : the_case.at("pods_input_order")) {
    pods.push_back(TRY(ActivePodFromCase(each)));
  }
  if (the_case.value("comparison_only", false)) {
    if (pods.size() != 2) return Fail("a comparison needs two pods, not {}", pods.size());
    for (const Criterion& criterion : criteria) {
      if (const int sign = Compare(criterion, pods[0], pods[1], gates)) return Json(sign);
    }
    return Json(0);
  }
  Json names = Json::array();
  for (const size_t index : Rank(pods, criteria, gates)) names.push_back(pods[index].pod.name);
  return names;
}

Result<ThresholdValue> ValueFromCase(const Json& value) {
  if (value.contains("percentage")) {
    return ThresholdValue{.quantity = std::nullopt,
                          .percentage = value.at("percentage").get<float>()};
  }
  const Json& quantity = value.at("quantity");
  return ThresholdValue{.quantity = TRY(Quantity::Parse(
                            quantity.is_string() ? quantity.get<std::string>() : quantity.dump()))};
}

Result<Threshold> ThresholdFromCase(const Json& threshold_case) {
  const std::string name = threshold_case.at("signal").get<std::string>();
  const std::optional<Signal> signal = SignalNamed(name);
  if (!signal) return Fail("the signal \"{}\" is unknown", name);
  Threshold threshold{.signal = *signal, .value = TRY(ValueFromCase(threshold_case.at("value")))};
  const double grace_seconds = threshold_case.value("grace_period_s", 0.0);
  if (!(grace_seconds >= 0 && grace_seconds <= kMostGraceSeconds)) {
    return Fail("grace_period_s {} is out of range", grace_seconds);
  }
  threshold.grace_period = Nanoseconds(std::llround(grace_seconds * 1e9));
  if (threshold_case.contains("min_reclaim") && !threshold_case.at("min_reclaim").is_null()) {
    threshold.min_reclaim = TRY(ValueFromCase(threshold_case.at("min_reclaim")));
  }
  return threshold;
}

Result<std::vector<Threshold>> ThresholdsFromCase(const Json& the_case) {
  std::vector<Threshold> thresholds;
  for (const Json& each : the_case.at("thresholds")) {
    thresholds.push_back(TRY(ThresholdFromCase(each)));
  }
  return thresholds;
}

// The shortest decimal that names this float32: 0.105, not 0.10499999672174454.
Json FloatToCase(float value) {
  if (!std::isfinite(value)) return fmt::format("{}", value);
  return Json::parse(fmt::format("{}", value));
}

Json ValueToCase(const ThresholdValue& value) {
  if (value.quantity) return {{"quantity", value.quantity->ToString()}};
  return {{"percentage", FloatToCase(value.percentage)}};
}

Json ThresholdsToCase(const std::vector<Threshold>& thresholds) {
  Json list = Json::array();
  for (const Threshold& threshold : thresholds) {
    Json each = {{"signal", ToString(threshold.signal)}, {"value", ValueToCase(threshold.value)}};
    if (!threshold.hard()) {
      const auto whole = std::chrono::duration_cast<std::chrono::seconds>(threshold.grace_period);
      each["grace_period_s"] = whole == threshold.grace_period
                                   ? Json(whole.count())
                                   : Json(Seconds(threshold.grace_period).count());
    }
    if (threshold.min_reclaim) each["min_reclaim"] = ValueToCase(*threshold.min_reclaim);
    list.push_back(std::move(each));
  }
  return list;
}

StringMap StringsFromCase(const Json& the_case, const char* field) {
  StringMap strings;
  if (!the_case.contains(field) || the_case.at(field).is_null()) return strings;
  for (const auto& [key, value] : the_case.at(field).items())
    strings[key] = value.get<std::string>();
  return strings;
}

Json AnswerParse(const Json& the_case) {
  ThresholdSettings settings{.hard = StringsFromCase(the_case, "hard"),
                             .soft = StringsFromCase(the_case, "soft"),
                             .soft_grace_period = StringsFromCase(the_case, "soft_grace_period"),
                             .min_reclaim = StringsFromCase(the_case, "min_reclaim")};
  settings.enforce_node_allocatable.clear();
  for (const Json& each : the_case.value("enforce_node_allocatable", Json::array())) {
    settings.enforce_node_allocatable.push_back(each.get<std::string>());
  }
  const Result<std::vector<Threshold>> thresholds = ParseThresholds(settings);
  if (!thresholds) return ErrorAnswer(thresholds.error().ToString());
  return {{"error", false}, {"thresholds_any_order", ThresholdsToCase(*thresholds)}};
}

Json AnswerParsePercentage(const Json& the_case) {
  const Result<float> value = ParsePercentage(the_case.at("input").get<std::string>());
  if (!value) return {{"error", value.error().ToString()}, {"value_float32", 0}};
  return {{"error", false}, {"value_float32", FloatToCase(*value)}};
}

Result<Json> AnswerMet(const Json& the_case) {
  const std::vector<Threshold> thresholds = TRY(ThresholdsFromCase(the_case));
  SignalObservations observations;
  for (const auto& [name, observed] : the_case.at("observations").items()) {
    const std::optional<Signal> signal = SignalNamed(name);
    if (!signal) return Fail("the signal \"{}\" is unknown", name);
    SignalObservation& observation = observations[*signal];
    observation.available = TRY(UnitsFromCase(observed.at("available")));
    if (observed.contains("capacity") && !observed.at("capacity").is_null()) {
      observation.capacity = TRY(UnitsFromCase(observed.at("capacity")));
    }
  }
  const bool enforce_min_reclaim = the_case.value("enforce_min_reclaim", false);
  return Json{
      {"met", ThresholdsToCase(ThresholdsMet(thresholds, observations, enforce_min_reclaim))}};
}

Json AnswerSort(const Json& the_case) {
  auto names = the_case.at("signals").get<std::vector<std::string>>();
  SortByEvictionPriority(names, [](const std::string& name) { return SignalNamed(name); });
  return names;
}

Result<Json> AnswerThresholds(const Json& the_case) {
  const std::string kind = the_case.at("kind").get<std::string>();
  if (kind == "parse") return AnswerParse(the_case);
  if (kind == "parse_percentage") return AnswerParsePercentage(the_case);
  if (kind == "thresholds_met") return AnswerMet(the_case);
  if (kind == "sort_by_eviction_priority") return AnswerSort(the_case);
  if (kind == "add_allocatable") {
    const std::vector<Threshold> given = TRY(ThresholdsFromCase(the_case));
    return Json{{"thresholds_any_order", ThresholdsToCase(AddAllocatableThresholds(given))}};
  }
  return Fail("the kind \"{}\" is unknown", kind);
}

}  // namespace

void RegisterEvictionTopics(TopicTable& table) {
  table.Add("eviction_ranking", AnswerRanking);
  table.Add("eviction_thresholds", AnswerThresholds);
}

}  // namespace nodeproof::kubelet
