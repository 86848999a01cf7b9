#include "reports/known/known.h"

#include <algorithm>

#include "harness/base/file.h"
#include "harness/results/object.h"

namespace nodeproof::reports {
namespace {

using results::Claim;
using results::Object;
using results::Verdict;

// "6.12" as a bound of a range; unlike a release it is nothing but numbers.
Result<KernelNumbers> ReadBound(const Object& range, const char* field) {
  if (range.Find(field) == nullptr) return KernelNumbers{};
  const std::string text = TRY(range.Text(field));
  KernelNumbers numbers;
  for (const std::string_view part : Split(text, '.')) {
    const auto number = ParseUint(part);
    if (!number)
      return Fail("{}: {} is no version such as 6.12", range.PathOf(field), Quoted(text));
    numbers.push_back(*number);
  }
  if (numbers.empty()) return Fail("{}: empty", range.PathOf(field));
  return numbers;
}

Status ReadKernels(const Object& range, KnownEntry& entry) {
  TRY(range.NoFieldsBut({"from", "before"}));
  entry.from = TRY(ReadBound(range, "from"));
  entry.before = TRY(ReadBound(range, "before"));
  if (entry.from.empty() && entry.before.empty()) {
    return Fail("{}: neither \"from\" nor \"before\"", range.PathOf("from"));
  }
  if (!entry.before.empty() && entry.before <= entry.from) {
    return Fail("{}: not after \"from\"", range.PathOf("before"));
  }
  return {};
}

Result<KnownEntry> ReadEntry(const Json& json, std::string path) {
  const Object object = TRY(Object::At(json, std::move(path)));
  TRY(object.NoFieldsBut({"claim", "checks", "kernel", "probe", "evidence", "reference"}));
  KnownEntry entry;
  entry.claim = TRY(object.NonEmptyText("claim"));
  if (object.Find("checks") != nullptr) {
    entry.checks = TRY(object.Texts("checks"));
    if (entry.checks.empty()) return Fail("{}: empty", object.PathOf("checks"));
  }
  if (object.Find("kernel") != nullptr) TRY(ReadKernels(TRY(object.Sub("kernel")), entry));
  if (object.Find("probe") != nullptr) {
    const Object probe = TRY(object.Sub("probe"));
    for (const auto& item : probe.json().items()) {
      entry.probe[item.key()] = TRY(Object::TextOf(item.value(), probe.PathOf(Quoted(item.key()))));
    }
    if (entry.probe.empty()) return Fail("{}: empty", object.PathOf("probe"));
  }
  if (object.Find("kernel") == nullptr && entry.probe.empty()) {
    return Fail("{}: missing, and \"probe\" too: which nodes is it about?",
                object.PathOf("kernel"));
  }
  entry.violation.evidence = TRY(object.NonEmptyText("evidence"));
  entry.violation.reference = TRY(object.NonEmptyText("reference"));
  return entry;
}

// The fact at a dotted path as text; null when there is none. A file may hold anything here.
const Json* FactAt(const Json& node, std::string_view path) {
  const Json* at = &node;
  for (const std::string_view part : Split(path, '.')) {
    if (!at->is_object()) return nullptr;
    const auto next = at->find(part);
    if (next == at->end()) return nullptr;
    at = &*next;
  }
  return at;
}

bool FactIs(const Json& node, std::string_view path, const std::string& text) {
  const Json* fact = FactAt(node, path);
  if (fact == nullptr || fact->is_structured()) return false;
  return fact->is_string() ? fact->get_ref<const std::string&>() == text
                           : DumpJson(*fact).value_or("") == text;
}

// A range's "6.12" means 6.12 and everything after it up to the other bound, so that numbers
// compare one by one: 6.12 < 6.12.117 < 6.13.
bool IsAbout(const KnownEntry& entry, const Json& node) {
  const Json* release = FactAt(node, "kernel.release");
  const KernelNumbers kernel = release != nullptr && release->is_string()
                                   ? NumbersOf(release->get_ref<const std::string&>())
                                   : KernelNumbers{};
  if (!entry.from.empty() && (kernel.empty() || kernel < entry.from)) return false;
  if (!entry.before.empty() && (kernel.empty() || kernel >= entry.before)) return false;
  return std::ranges::all_of(
      entry.probe, [&](const auto& fact) { return FactIs(node, fact.first, fact.second); });
}

bool OnlyTheseAreOutside(const std::vector<std::string>& names, const Claim& claim) {
  if (names.empty() || !claim.protected_arm) return true;
  return std::ranges::all_of(claim.protected_arm->checks, [&](const results::Check& check) {
    return check.finding != results::Finding::kOutside ||
           std::ranges::find(names, check.name) != names.end();
  });
}

const KnownEntry* Find(const KnownList& list, const Claim& claim, const Json& node) {
  if (claim.verdict != Verdict::kViolated && claim.verdict != Verdict::kHolds) return nullptr;
  const auto at = std::ranges::find_if(list, [&](const KnownEntry& entry) {
    return entry.claim == claim.id && IsAbout(entry, node) &&
           OnlyTheseAreOutside(entry.checks, claim);
  });
  return at == list.end() ? nullptr : &*at;
}

}  // namespace

KernelNumbers NumbersOf(std::string_view release) {
  KernelNumbers numbers;
  size_t at = 0;
  while (at < release.size() && release[at] >= '0' && release[at] <= '9') {
    const size_t end = std::min(release.find_first_not_of("0123456789", at), release.size());
    const auto number = ParseUint(release.substr(at, end - at));
    if (!number) break;
    numbers.push_back(*number);
    at = end < release.size() && release[end] == '.' ? end + 1 : release.size();
  }
  return numbers;
}

Result<KnownList> ParseKnown(std::string_view text, const std::string& name) {
  return results::ReadDocument(text, name, kKnownSchema,
                               [](const Object& object) -> Result<KnownList> {
                                 TRY(object.NoFieldsBut({"schema", "violations"}));
                                 return object.Each<KnownEntry>("violations", ReadEntry);
                               });
}

void MarkKnown(const KnownList& list, results::Results& results) {
  for (Claim& claim : results.claims) {
    const KnownEntry* entry = Find(list, claim, results.node);
    claim.known.reset();
    if (entry != nullptr) claim.known = entry->violation;
  }
}

results::Results Strict(results::Results results) {
  for (Claim& claim : results.claims) {
    if (claim.verdict != Verdict::kViolated || !claim.known) continue;
    claim.reason += fmt::format(" (known: {}, {})", claim.known->evidence, claim.known->reference);
    claim.known.reset();
  }
  return results;
}

}  // namespace nodeproof::reports
