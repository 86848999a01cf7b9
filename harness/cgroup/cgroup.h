// A cgroup v2 directory as an object. The handle owns a directory fd, so a group that is removed
// and made again under the same name is never taken for the old one (ENODEV instead).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/clock.h"
#include "harness/base/fd.h"
#include "harness/base/result.h"

namespace nodeproof::cgroup {

class Cgroup {
 public:
  // Opens the group at `path`; tests hand it a fake tree.
  static Result<Cgroup> Open(const std::string& path);

  // `name` is one path component; '/' and ".." are errors. Creating one that exists is an error
  // with code EEXIST.
  Result<Cgroup> CreateChild(const std::string& name) const;
  Result<Cgroup> OpenChild(const std::string& name) const;
  // Child groups by name, sorted.
  Result<std::vector<std::string>> Children() const;

  bool Has(const std::string& file) const;
  Result<std::string> Read(const std::string& file) const;
  Status Write(const std::string& file, std::string_view value) const;

  // The controllers available here (cgroup.controllers).
  Result<std::vector<std::string>> Controllers() const;
  // Turns controllers on for the children; those that are on already stay on.
  Status EnableControllers(const std::vector<std::string>& controllers) const;

  // Whether a live process is in this group or below (cgroup.events "populated").
  Result<bool> Populated() const;

  // Kills everything here and below (cgroup.kill, kernel 5.14), waits until the group is empty,
  // then removes the whole subtree bottom-up, this group included. An error with code ETIMEDOUT
  // names the group that stayed populated until `timeout`.
  Status Destroy(Seconds timeout = Seconds(30)) const;

  // Extended attributes mark what nodeproof made. `user.` where the kernel allows it (5.9), else
  // `trusted.`.
  Status Mark(std::string_view value) const;
  Result<std::string> Marking() const;

  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }
  // The last component of path().
  std::string Name() const;

 private:
  Cgroup(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Status WaitUntilEmpty(Seconds timeout) const;

  Fd fd_;
  std::string path_;
};

}  // namespace nodeproof::cgroup
