// The root file system that a guest starts with: a newc cpio archive in memory. The same content
// gives the same bytes (sorted names, fixed times and owners), which the deterministic lane needs.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "harness/base/fd.h"
#include "harness/base/result.h"

namespace nodeproof::node {

class Initramfs {
 public:
  // Paths are absolute in the guest; the directories above them come into being. The last file
  // added under a path wins.
  void AddFile(const std::string& path, std::string content, mode_t permissions = 0644);
  void AddDirectory(const std::string& path);
  void AddSymlink(const std::string& path, const std::string& target);
  void AddCharDevice(const std::string& path, unsigned major, unsigned minor);

  // The archive in an anonymous memory file, close-on-exec; nothing is left when it is closed.
  Result<Fd> Write() const;

 private:
  struct Entry {
    mode_t mode = 0;
    std::string content;  // a link's target
    dev_t device = 0;
  };
  void AddParents(const std::string& path);

  std::map<std::string, Entry> entries_;  // by path without the leading '/', parents first
};

}  // namespace nodeproof::node
