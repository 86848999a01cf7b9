// A fake cgroup tree for tests: plain files in a temporary directory, gone with the object.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "harness/cgroup/cgroup.h"

namespace nodeproof::cgroup {

class FakeTree {
 public:
  FakeTree();
  ~FakeTree();
  FakeTree(const FakeTree&) = delete;
  FakeTree& operator=(const FakeTree&) = delete;

  // Makes the group `path` ("" is the root) with the given files and returns a handle on it.
  Cgroup Group(const std::string& path, const std::map<std::string, std::string>& files = {}) const;
  const std::filesystem::path& root() const { return root_; }

 private:
  std::filesystem::path root_;
};

}  // namespace nodeproof::cgroup
