// What a program needs beside itself to start: its interpreter and shared libraries, found as
// ld.so(8) finds them, so that a guest with nothing but these files can run it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace nodeproof::node {

// What the dynamic section and program headers of an x86-64 ELF file say.
struct ElfFacts {
  std::string interpreter;           // PT_INTERP, empty for a library or a static program
  std::vector<std::string> needed;   // DT_NEEDED, in order
  std::vector<std::string> rpath;    // DT_RPATH, only when there is no DT_RUNPATH
  std::vector<std::string> runpath;  // DT_RUNPATH
  size_t loaded_size = 0;            // the file's bytes up to the end of its last loaded segment
};

// Reads the bytes of the file `name`. An Error names the file and says what is wrong: not ELF, not
// 64-bit x86, or a table that lies outside the file.
Result<ElfFacts> ReadElf(std::string_view bytes, const std::string& name);

// The file without what only debuggers and linkers read (sections are dropped, segments stay):
// a program that runs as before.
std::string StripToSegments(std::string_view bytes, const ElfFacts& facts);

// Directories after DT_RPATH and DT_RUNPATH: those of /etc/ld.so.conf and its includes, then the
// usual defaults.
std::vector<std::string> DefaultLibraryDirectories(const std::string& conf = "/etc/ld.so.conf");

// One file that the guest must have.
struct ClosureFile {
  std::string guest_path;  // "/lib/libc.so.6"; the interpreter keeps its own name below /lib
  std::string host_path;   // where it was found
  std::string content;     // stripped to segments
};

// A program with its closure: `program` first (its guest path is `guest_path`), then the libraries
// sorted by name. Every library goes to /lib, which each glibc searches (with /lib64 a link to it);
// $ORIGIN and other search paths are resolved here, on the host.
// Errors: a file that cannot be read or is no x86-64 ELF; a library that no directory has, named
// with the file that needs it.
Result<std::vector<ClosureFile>> LibraryClosure(const std::string& program,
                                                const std::string& guest_path,
                                                const std::vector<std::string>& directories);

}  // namespace nodeproof::node
