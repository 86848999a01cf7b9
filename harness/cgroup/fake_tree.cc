#include "harness/cgroup/fake_tree.h"

#include <stdlib.h>

#include <fstream>

namespace nodeproof::cgroup {

FakeTree::FakeTree() {
  std::string name = (std::filesystem::temp_directory_path() / "nodeproof-tree-XXXXXX").string();
  root_ = ::mkdtemp(name.data());
}

FakeTree::~FakeTree() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

Cgroup FakeTree::Group(const std::string& path,
                       const std::map<std::string, std::string>& files) const {
  const std::filesystem::path directory = path.empty() ? root_ : root_ / path;
  std::filesystem::create_directories(directory);
  for (const auto& [file, content] : files) std::ofstream(directory / file) << content;
  return Cgroup::Open(directory.string()).value();
}

}  // namespace nodeproof::cgroup
