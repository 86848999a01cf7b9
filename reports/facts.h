// The node's facts as labelled text. The facts come as JSON from wherever the file came: any field
// may be missing or of another type than the schema says, and is then shown as it is.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "harness/base/json.h"

namespace nodeproof::reports {

struct FactGroup {
  std::string title;                                       // "Kernel"
  std::vector<std::pair<std::string, std::string>> facts;  // label, printable value
};

// Every fact of `node`, known ones first and labelled, the others by their JSON name.
std::vector<FactGroup> NodeFacts(const Json& node);

// Every fact as "node.kernel.release" and its text, without the kernel's configuration.
std::vector<std::pair<std::string, std::string>> FlatNodeFacts(const Json& node);

// "Linux 6.12.57 in a VM (tcg), 4 CPUs, 2 GiB".
std::string NodeLine(const Json& node);

}  // namespace nodeproof::reports
