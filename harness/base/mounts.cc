#include "harness/base/mounts.h"

#include <algorithm>
#include <utility>

#include "harness/base/file.h"

namespace nodeproof {
namespace {

// mountinfo writes space, tab, newline and backslash as \ooo.
std::string Unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](size_t at) { return at < text.size() ? text[at] - '0' : -1; };
    const int a = digit(i + 1), b = digit(i + 2), c = digit(i + 3);
    if (text[i] == '\\' && a >= 0 && a <= 3 && b >= 0 && b <= 7 && c >= 0 && c <= 7) {
      plain += static_cast<char>(a * 64 + b * 8 + c);
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

}  // namespace

bool Mount::HasOption(std::string_view option) const {
  return std::ranges::find(super_options, option) != super_options.end();
}

std::vector<Mount> ParseMounts(std::string_view mountinfo) {
  std::vector<Mount> mounts;
  for (const std::string_view line : Split(mountinfo, '\n')) {
    const auto words = Words(line);
    const auto dash = std::ranges::find(words, "-");
    if (dash - words.begin() < 6 || words.end() - dash < 4) continue;
    Mount mount{Unescape(words[3]), Unescape(words[4]), std::string(dash[1]), {}};
    for (const std::string_view option : Split(dash[3], ',')) {
      mount.super_options.emplace_back(option);
    }
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

Result<std::vector<Mount>> ReadMounts(const std::string& path) {
  return ParseMounts(TRY(ReadFile(path)));
}

const Mount* FindMount(const std::vector<Mount>& mounts, std::string_view type) {
  const auto found = std::ranges::find(mounts, type, &Mount::type);
  return found == mounts.end() ? nullptr : &*found;
}

}  // namespace nodeproof
