#include "harness/node/node.h"

namespace nodeproof::node {

std::string_view ToString(Ending ending) {
  switch (ending) {
    case Ending::kComplete:
      return "complete";
    case Ending::kCancelled:
      return "cancelled";
    case Ending::kFatal:
      return "fatal";
    case Ending::kDied:
      return "died";
    case Ending::kSilent:
      return "silent";
  }
  return "silent";
}

}  // namespace nodeproof::node
