#include "harness/node/vm_shape.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>

#include "harness/base/file.h"
#include "harness/node/builtin_shapes.h"

namespace nodeproof::node {
namespace {

using Json = nlohmann::json;

constexpr int kMaxNodes = 16;
constexpr int kMaxDistance = 254;  // ACPI SLIT: 255 is "unreachable"
// CXL 3.0, 8.2.4.19: decoders of host memory count in these.
constexpr Bytes kCxlUnit = MiB(256);

// Reads fields of one JSON object; the first problem is kept, with the field's full name.
class Reader {
 public:
  Reader(const Json& json, std::string where, std::string& problem)
      : json_(json), where_(std::move(where)), problem_(problem) {
    if (!json_.is_object()) Complain("", "must be an object");
  }

  bool Has(const char* name) const { return json_.is_object() && json_.contains(name); }

  int Integer(const char* name, int low, int high) {
    const Json* field = Take(name, &Json::is_number_integer, "an integer");
    if (field == nullptr) return low;
    // Compared as floating point: a number beyond int must not wrap into the range.
    const double value = field->get<double>();
    if (value < low || value > high) {
      Complain(name, fmt::format("must be {} to {}", low, high));
      return low;
    }
    return field->get<int>();
  }
  std::string Text(const char* name) {
    const Json* field = Take(name, &Json::is_string, "a string");
    if (field == nullptr) return "";
    std::string text = field->get<std::string>();
    // These texts become parts of QEMU's comma-separated options.
    if (text.empty() || text.find_first_of(",\n") != std::string::npos) {
      Complain(name, "must be a text without commas");
    }
    return text;
  }
  // Free text, for people.
  std::string Prose(const char* name) {
    const Json* field = Take(name, &Json::is_string, "a string");
    return field != nullptr ? field->get<std::string>() : "";
  }
  Bytes Size(const char* name) {
    const std::string text = Text(name);
    if (text.empty()) return {};
    const auto size = ParseSize(text);
    if (!size) {
      Complain(name, size.error().message);
      return {};
    }
    return *size;
  }
  // A list of words: each becomes an argument of its own, or a part of one of QEMU's options.
  std::vector<std::string> ListOfWords(const char* name) {
    std::vector<std::string> words;
    for (const Json& item : Items(name)) {
      words.push_back(item.is_string() ? item.get<std::string>() : "");
      if (words.back().empty() || words.back().find_first_of(", \n") != std::string::npos) {
        Complain(name, "must be a list of words without commas");
      }
    }
    return words;
  }
  // The items of a list, or nothing.
  std::vector<Json> Items(const char* name) {
    const Json* field = Take(name, &Json::is_array, "a list");
    if (field == nullptr) return {};
    return field->get<std::vector<Json>>();
  }
  Json Object(const char* name) {
    const Json* field = Take(name, &Json::is_object, "an object");
    return field != nullptr ? *field : Json::object();
  }
  void NoOthers() {
    if (!json_.is_object()) return;
    for (const auto& [name, unused] : json_.items()) {
      if (std::find(taken_.begin(), taken_.end(), name) == taken_.end()) {
        Complain(name.c_str(), "is not a field of a shape");
      }
    }
  }
  void Complain(const std::string& name, const std::string& what) {
    if (!problem_.empty()) return;
    const bool dot = !where_.empty() && !name.empty();
    problem_ = fmt::format("{}{}{}: {}", where_, dot ? "." : "", name, what);
  }

 private:
  const Json* Take(const char* name, bool (Json::*is)() const noexcept, const char* wanted) {
    taken_.emplace_back(name);
    if (!Has(name)) {
      Complain(name, "is missing");
      return nullptr;
    }
    const Json& field = json_.at(name);
    if ((field.*is)()) return &field;
    Complain(name, fmt::format("must be {}", wanted));
    return nullptr;
  }

  const Json& json_;
  std::string where_;
  std::string& problem_;
  std::vector<std::string> taken_;
};

NumaNode ReadNode(const Json& json, const std::string& where, std::string& problem) {
  Reader reader(json, where, problem);
  NumaNode node;
  node.memory = reader.Size("memory");
  if (reader.Has("cpus")) node.cpus = reader.Text("cpus");
  if (reader.Has("initiator")) node.initiator = reader.Integer("initiator", 0, kMaxNodes - 1);
  reader.NoOthers();
  return node;
}

HmatPair ReadHmatPair(const Json& json, int nodes, const std::string& where, std::string& problem) {
  Reader reader(json, where, problem);
  HmatPair pair;
  pair.initiator = reader.Integer("initiator", 0, nodes - 1);
  pair.target = reader.Integer("target", 0, nodes - 1);
  pair.latency_ns = reader.Integer("latency_ns", 1, 65534);  // 16 bits in the table
  pair.bandwidth = reader.Text("bandwidth");
  reader.NoOthers();
  return pair;
}

std::vector<std::vector<int>> ReadDistances(const Json& json, size_t nodes, Reader& reader) {
  std::vector<std::vector<int>> rows;
  const auto bad = [&] {
    reader.Complain("distances",
                    fmt::format("must be {0} rows of {0} numbers, symmetric, 10 on the diagonal "
                                "and 11 to {1} elsewhere",
                                nodes, kMaxDistance));
    return std::vector<std::vector<int>>();
  };
  for (const Json& row : json) {
    std::vector<int> numbers;
    for (const Json& number : row.is_array() ? row : Json::array()) {
      if (!number.is_number_unsigned() || number.get<uint64_t>() > kMaxDistance) return bad();
      numbers.push_back(number.get<int>());
    }
    rows.push_back(std::move(numbers));
  }
  if (rows.size() != nodes) return bad();
  for (size_t i = 0; i < nodes; ++i) {
    if (rows[i].size() != nodes) return bad();
    for (size_t j = 0; j < nodes; ++j) {
      if (rows[j].size() != nodes || rows[i][j] != rows[j][i]) return bad();
      if ((i == j) != (rows[i][j] == 10) || rows[i][j] < 10) return bad();
    }
  }
  return rows;
}

void ReadNuma(const Json& json, VmShape& shape, std::string& problem) {
  Reader reader(json, "numa", problem);
  const auto nodes = reader.Items("nodes");
  if (nodes.empty() || nodes.size() > kMaxNodes) {
    reader.Complain("nodes", fmt::format("must be 1 to {} nodes", kMaxNodes));
    return;
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    shape.nodes.push_back(ReadNode(nodes[i], fmt::format("numa.nodes[{}]", i), problem));
    shape.memory = shape.memory + shape.nodes.back().memory;
  }
  if (reader.Has("distances")) {
    shape.distances = ReadDistances(reader.Items("distances"), nodes.size(), reader);
  }
  if (reader.Has("hmat")) {
    const auto pairs = reader.Items("hmat");
    for (size_t i = 0; i < pairs.size(); ++i) {
      shape.hmat.push_back(ReadHmatPair(pairs[i], static_cast<int>(nodes.size()),
                                        fmt::format("numa.hmat[{}]", i), problem));
    }
  }
  reader.NoOthers();
}

void ReadCpuFlags(Reader& reader, VmShape& shape) {
  shape.cpu_flags = reader.ListOfWords("cpu_flags");
  for (const std::string& flag : shape.cpu_flags) {
    if (flag[0] != '+' && flag[0] != '-') {
      reader.Complain("cpu_flags", "must be a list of QEMU's flags, each after a '+' or '-'");
      return;
    }
  }
}

void ReadCxlMemory(Reader& reader, VmShape& shape) {
  shape.cxl_memory = reader.Size("cxl_memory");
  if (shape.cxl_memory.value <= 0 || shape.cxl_memory.value % kCxlUnit.value != 0) {
    reader.Complain("cxl_memory", fmt::format("must be a multiple of {}", FormatBytes(kCxlUnit)));
  }
  // Without a description of near memory (ACPI SRAT) kernels make no NUMA node of a CXL window.
  if (shape.nodes.empty()) reader.Complain("cxl_memory", "needs at least one node in \"numa\"");
}

Status CheckMemory(Bytes memory) {
  if (memory >= kMinMemory) return {};
  return std::unexpected(
      Error{fmt::format("a guest with {} of memory is too small: it needs at least {}",
                        FormatBytes(memory), FormatBytes(kMinMemory)),
            "give more with --memory", 0});
}

Status CheckCpus(int cpus) {
  if (cpus >= 1 && cpus <= kMaxCpus) return {};
  return std::unexpected(Error{fmt::format("a guest cannot have {} CPUs", cpus),
                               fmt::format("give 1 to {} with --cpus", kMaxCpus), 0});
}

}  // namespace

Result<VmShape> ParseShape(std::string_view text, const std::string& name) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Fail("shape {}: not valid JSON", name);
  VmShape shape;
  shape.name = name;
  std::string problem;
  Reader reader(json, "", problem);
  if (reader.Has("description")) shape.description = reader.Prose("description");
  const Json cpus = reader.Object("cpus");
  Reader cpu_reader(cpus, "cpus", problem);
  shape.sockets = cpu_reader.Integer("sockets", 1, kMaxCpus);
  if (cpu_reader.Has("dies")) shape.dies = cpu_reader.Integer("dies", 1, kMaxCpus);
  shape.cores = cpu_reader.Integer("cores", 1, kMaxCpus);
  shape.threads = cpu_reader.Integer("threads", 1, 2);
  cpu_reader.NoOthers();
  if (reader.Has("cpu_model")) shape.cpu_model = reader.Text("cpu_model");
  if (reader.Has("numa")) {
    ReadNuma(reader.Object("numa"), shape, problem);
    if (reader.Has("memory"))
      reader.Complain("memory", "is the sum of the NUMA nodes; leave it out");
  } else {
    shape.memory = reader.Size("memory");
  }
  if (reader.Has("cpu_flags")) ReadCpuFlags(reader, shape);
  if (reader.Has("cxl_memory")) ReadCxlMemory(reader, shape);
  if (reader.Has("kernel_args")) {
    for (const Json& item : reader.Items("kernel_args")) {
      if (!item.is_string()) reader.Complain("kernel_args", "must be a list of strings");
      if (item.is_string()) shape.kernel_args.push_back(item.get<std::string>());
    }
  }
  if (reader.Has("modules")) shape.modules = reader.ListOfWords("modules");
  reader.NoOthers();
  if (!problem.empty()) return Fail("shape {}: {}", name, problem);
  if (auto fits = CheckCpus(shape.cpus()); !fits) {
    return Fail("shape {}: cpus: more than {}", name, kMaxCpus);
  }
  if (auto fits = CheckMemory(shape.memory); !fits) {
    return Fail("shape {}: memory: {}", name, fits.error().message);
  }
  return shape;
}

std::vector<std::string> ShapeNames() {
  std::vector<std::string> names;
  for (const auto& [name, text] : kBuiltinShapes) names.emplace_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

Result<VmShape> FindShape(const std::string& name) {
  for (const auto& [builtin, text] : kBuiltinShapes) {
    if (builtin == name) return ParseShape(text, name);
  }
  if (name.find('/') != std::string::npos) {
    auto text = ReadFile(name);
    if (!text) return Fail("shape: {}", text.error().message);
    return ParseShape(*text, name);
  }
  return std::unexpected(Error{fmt::format("unknown shape '{}'", name),
                               fmt::format("use {}, or the path of a shape file (./NAME.json)",
                                           fmt::join(ShapeNames(), ", ")),
                               0});
}

Result<VmShape> Resize(VmShape shape, std::optional<int> cpus, std::optional<Bytes> memory) {
  if (cpus && *cpus != shape.cpus()) {
    TRY(CheckCpus(*cpus));
    if (shape.sockets > 1 || shape.dies > 1 || shape.threads > 1 || !shape.nodes.empty()) {
      return std::unexpected(Error{
          fmt::format("shape {} has {} CPUs, --cpus cannot change that", shape.name, shape.cpus()),
          "leave out --cpus or choose another --shape", 0});
    }
    shape.cores = *cpus;
  }
  if (memory && *memory != shape.memory) {
    TRY(CheckMemory(*memory));
    if (!shape.nodes.empty()) {
      return std::unexpected(Error{
          fmt::format("shape {} has fixed NUMA nodes, --memory cannot change them", shape.name),
          "leave out --memory or choose another --shape", 0});
    }
    shape.memory = *memory;
  }
  return shape;
}

nlohmann::json DescribeShape(const VmShape& shape) {
  nlohmann::json json = {{"name", shape.name},
                         {"cpus", shape.cpus()},
                         {"sockets", shape.sockets},
                         {"dies", shape.dies},
                         {"cores", shape.cores},
                         {"threads", shape.threads},
                         {"cpu_model", shape.cpu_model},
                         {"memory_bytes", shape.memory.value},
                         {"numa_nodes", shape.nodes.size()}};
  if (shape.cxl_memory.value > 0) json["cxl_memory_bytes"] = shape.cxl_memory.value;
  return json;
}

}  // namespace nodeproof::node
