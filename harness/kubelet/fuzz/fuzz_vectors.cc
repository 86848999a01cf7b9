// Model input: any text gives an error or one answer a case, for every topic. The first byte
// chooses the topic.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "harness/kubelet/model/model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace nodeproof::kubelet;
  static const std::vector<std::string> topics = Topics();
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  const auto answers = AnswerTopicText(topics[bytes[0] % topics.size()], text);
  if (!answers && answers.error().message.empty()) std::abort();
  if (answers) {
    for (const Json& each : answers->at("cases")) {
      if (!each.contains("answer")) std::abort();
    }
  }
  return 0;
}
