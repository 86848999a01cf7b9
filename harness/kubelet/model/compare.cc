#include "harness/kubelet/model/compare.h"

#include <algorithm>

#include "harness/kubelet/api/quantity.h"
#include "harness/kubelet/model/model.h"
#include "harness/topology/cpu_set.h"

namespace nodeproof::kubelet {
namespace {

std::string Differs(const std::string& at, const Json& expect, const Json& answer) {
  return fmt::format("{}: expected {}, got {}", at.empty() ? "answer" : at, expect.dump(),
                     answer.dump());
}

bool IsRange(const Json& expect) {
  return expect.is_object() && expect.size() == 2 && expect.contains("min") &&
         expect.contains("max");
}

// Lists whose order means nothing: by key, or hints ({numa, preferred}).
bool IsSet(const std::string& key, const Json& list) {
  if (key.ends_with("_any_order") || key == "hints") return true;
  return !list.empty() && std::ranges::all_of(list, [](const Json& e) {
    return e.is_object() && e.contains("numa") && e.contains("preferred");
  });
}

bool SameText(const Json& expect, const Json& answer) {
  const auto& a = expect.get_ref<const std::string&>();
  const auto& b = answer.get_ref<const std::string&>();
  if (a == b) return true;
  const auto cpus_a = CpuSet::Parse(a);
  const auto cpus_b = CpuSet::Parse(b);
  if (cpus_a && cpus_b && *cpus_a == *cpus_b) return true;
  const auto quantity_a = Quantity::Parse(a);
  const auto quantity_b = Quantity::Parse(b);
  return quantity_a && quantity_b && *quantity_a == *quantity_b;
}

std::string Compare(const std::string& at, const std::string& key, const Json& expect,
                    const Json& answer);

std::string CompareError(const std::string& at, const Json& expect, const Json& answer) {
  if (expect.is_null() || (expect.is_boolean() && !expect.get<bool>())) {
    const bool none = answer.is_null() || (answer.is_boolean() && !answer.get<bool>());
    return none ? "" : Differs(at, expect, answer);
  }
  if (answer.is_null() || (answer.is_boolean() && !answer.get<bool>())) {
    return Differs(at, expect, answer);
  }
  if (expect.is_object() && expect.contains("type")) {
    const bool same = answer.is_object() && answer.value("type", Json()) == expect["type"];
    return same ? "" : Differs(at, expect, answer);
  }
  return "";
}

std::string CompareSets(const std::string& at, const Json& expect, const Json& answer) {
  if (expect.size() != answer.size()) return Differs(at, expect, answer);
  std::vector<bool> used(answer.size(), false);
  for (const Json& each : expect) {
    size_t found = 0;
    while (found < answer.size() &&
           (used[found] || !Compare(at, "", each, answer[found]).empty())) {
      ++found;
    }
    if (found == answer.size()) return Differs(at, expect, answer);
    used[found] = true;
  }
  return "";
}

std::string CompareLists(const std::string& at, const std::string& key, const Json& expect,
                         const Json& answer) {
  if (IsSet(key, expect)) return CompareSets(at, expect, answer);
  if (expect.size() != answer.size()) return Differs(at, expect, answer);
  for (size_t i = 0; i < expect.size(); ++i) {
    const std::string where = fmt::format("{}[{}]", at, i);
    if (std::string wrong = Compare(where, "", expect[i], answer[i]); !wrong.empty()) return wrong;
  }
  return "";
}

std::string CompareObjects(const std::string& at, const Json& expect, const Json& answer) {
  for (const auto& [key, value] : expect.items()) {
    if (key == "note") continue;
    if (key == "error_contains") {  // an error, whatever its words
      const Json error = answer.contains("error") ? answer["error"] : Json();
      if (std::string wrong = CompareError(at + ".error", true, error); !wrong.empty())
        return wrong;
      continue;
    }
    const std::string where = at + "." + key;
    const Json given = answer.contains(key) ? answer[key] : Json();
    // Node Allocatable: every returned resource must be expected, not the other way round.
    const std::string wrong = key == "resources" && value.is_object() && given.is_object()
                                  ? Compare(where, "", given, value)
                              : key == "error" ? CompareError(where, value, given)
                                               : Compare(where, key, value, given);
    if (!wrong.empty()) return wrong;
  }
  return "";
}

std::string Compare(const std::string& at, const std::string& key, const Json& expect,
                    const Json& answer) {
  if (IsRange(expect)) {
    const bool inside = answer.is_number() && answer >= expect["min"] && answer <= expect["max"];
    return inside ? "" : Differs(at, expect, answer);
  }
  if (expect.is_object() && answer.is_object()) return CompareObjects(at, expect, answer);
  if (expect.is_array() && answer.is_array()) return CompareLists(at, key, expect, answer);
  // [] stands for none or empty.
  if (key == "hints" && expect.is_array() && expect.empty() && answer.is_null()) return "";
  if (expect.is_string() && answer.is_string()) {
    return SameText(expect, answer) ? "" : Differs(at, expect, answer);
  }
  return expect == answer ? "" : Differs(at, expect, answer);
}

}  // namespace

std::string Mismatch(const Json& the_case, const Json& answer) {
  if (answer.is_object() && answer.contains("unsupported")) {
    return fmt::format("unsupported: {}", answer["unsupported"].dump());
  }
  if (the_case.contains("expect_compare"))
    return Compare("", "", the_case["expect_compare"], answer);
  if (!the_case.contains("expect")) return "the case expects nothing";
  const Json& expect = the_case["expect"];
  if (the_case.contains("ordered") && !the_case["ordered"].get<bool>()) {
    for (const Json* list :
         {&expect, expect.is_object() && expect.size() == 1 ? &expect.begin().value() : &expect}) {
      if (!list->is_array()) continue;
      const Json& given = list == &expect ? answer : answer.value(expect.begin().key(), Json());
      return given.is_array() ? CompareSets("", *list, given) : Differs("", *list, given);
    }
  }
  return Compare("", "", expect, answer);
}

}  // namespace nodeproof::kubelet
