#include "harness/node/elf_closure.h"

#include <elf.h>
#include <glob.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <filesystem>
#include <map>
#include <optional>

#include "harness/base/file.h"

namespace nodeproof::node {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxConfDepth = 8;  // of ld.so.conf files that include each other

// A table entry at `offset`, or nothing if it lies outside the file.
template <typename T>
std::optional<T> At(std::string_view bytes, uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

// The NUL-ended string at `offset`.
std::optional<std::string> TextAt(std::string_view bytes, uint64_t offset) {
  if (offset >= bytes.size()) return std::nullopt;
  const size_t end = bytes.find('\0', offset);
  if (end == std::string_view::npos) return std::nullopt;
  return std::string(bytes.substr(offset, end - offset));
}

std::vector<std::string> SearchPath(const std::string& text) {
  std::vector<std::string> parts;
  for (const std::string_view part : Split(text, ':')) parts.emplace_back(part);
  return parts;
}

struct Segments {
  std::vector<Elf64_Phdr> headers;
  // The file offset that a loaded address comes from.
  std::optional<uint64_t> OffsetOf(uint64_t address) const {
    for (const Elf64_Phdr& header : headers) {
      if (header.p_type == PT_LOAD && address >= header.p_vaddr &&
          address - header.p_vaddr < header.p_filesz) {
        return header.p_offset + (address - header.p_vaddr);
      }
    }
    return std::nullopt;
  }
};

Result<Segments> ReadSegments(std::string_view bytes, const std::string& name) {
  const auto header = At<Elf64_Ehdr>(bytes, 0);
  if (bytes.substr(0, SELFMAG) != ELFMAG) return Fail("{} is not an ELF file", name);
  if (!header || header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64) {
    return Fail("{} is not a 64-bit x86 ELF file", name);
  }
  Segments segments;
  for (unsigned i = 0; i < header->e_phnum; ++i) {
    const auto segment = At<Elf64_Phdr>(bytes, header->e_phoff + i * sizeof(Elf64_Phdr));
    if (!segment || segment->p_filesz > bytes.size() ||
        segment->p_offset > bytes.size() - segment->p_filesz) {
      return Fail("{} is cut short: a segment lies outside the file", name);
    }
    segments.headers.push_back(*segment);
  }
  return segments;
}

// What the dynamic section at `segment` says.
Status ReadDynamic(std::string_view bytes, const Segments& segments, const Elf64_Phdr& segment,
                   const std::string& name, ElfFacts& facts) {
  std::vector<Elf64_Dyn> entries;
  uint64_t strings_address = 0;
  for (uint64_t at = 0; at + sizeof(Elf64_Dyn) <= segment.p_filesz; at += sizeof(Elf64_Dyn)) {
    const Elf64_Dyn entry = *At<Elf64_Dyn>(bytes, segment.p_offset + at);
    if (entry.d_tag == DT_NULL) break;
    if (entry.d_tag == DT_STRTAB) strings_address = entry.d_un.d_ptr;
    entries.push_back(entry);
  }
  const auto strings = segments.OffsetOf(strings_address);
  for (const Elf64_Dyn& entry : entries) {
    if (entry.d_tag != DT_NEEDED && entry.d_tag != DT_RPATH && entry.d_tag != DT_RUNPATH) continue;
    const auto text = strings && entry.d_un.d_val < bytes.size()
                          ? TextAt(bytes, *strings + entry.d_un.d_val)
                          : std::nullopt;
    if (!text) return Fail("{} is damaged: a library name lies outside the file", name);
    if (entry.d_tag == DT_NEEDED) facts.needed.push_back(*text);
    if (entry.d_tag == DT_RPATH) facts.rpath = SearchPath(*text);
    if (entry.d_tag == DT_RUNPATH) facts.runpath = SearchPath(*text);
  }
  if (!facts.runpath.empty()) facts.rpath.clear();
  return {};
}

void AddConfDirectories(const std::string& conf, int depth, std::vector<std::string>& directories) {
  const auto text = ReadFile(conf);
  if (!text || depth > kMaxConfDepth) return;  // ld.so.conf is optional, as for ldconfig
  for (std::string_view line : Split(*text, '\n')) {
    line = Trim(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    if (!line.starts_with("include")) {
      directories.emplace_back(line);
      continue;
    }
    fs::path pattern(Trim(line.substr(std::strlen("include"))));
    if (pattern.is_relative()) pattern = fs::path(conf).parent_path() / pattern;
    glob_t found{};
    if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) {
      for (size_t i = 0; i < found.gl_pathc; ++i) {
        AddConfDirectories(found.gl_pathv[i], depth + 1, directories);
      }
    }
    ::globfree(&found);
  }
}

std::string ReplaceOrigin(std::string path, const std::string& origin) {
  for (const std::string_view token : {"${ORIGIN}", "$ORIGIN"}) {
    for (size_t at = path.find(token); at != std::string::npos; at = path.find(token, at)) {
      path.replace(at, token.size(), origin);
      at += origin.size();
    }
  }
  return path;
}

struct Object {
  std::string path;
  std::string content;
  ElfFacts facts;
  std::vector<std::string> inherited_rpath;  // of the objects that led to this one
};

Result<Object> ReadObject(const std::string& path) {
  Object object;
  object.path = path;
  object.content = TRY(ReadFile(path));
  object.facts = TRY(ReadElf(object.content, path));
  const std::string origin = fs::weakly_canonical(fs::path(path)).parent_path().string();
  for (auto* paths : {&object.facts.rpath, &object.facts.runpath}) {
    for (std::string& directory : *paths) directory = ReplaceOrigin(directory, origin);
  }
  return object;
}

// Where ld.so(8) looks for a library that `by` needs, in order.
std::vector<std::string> Candidates(const Object& by, const std::string& library,
                                    const std::vector<std::string>& directories) {
  if (library.find('/') != std::string::npos) return {library};
  std::vector<std::string> candidates;
  const auto add = [&](const std::vector<std::string>& paths) {
    for (const std::string& directory : paths) candidates.push_back(directory + "/" + library);
  };
  if (by.facts.runpath.empty()) {
    add(by.facts.rpath);
    add(by.inherited_rpath);
  }
  add(by.facts.runpath);
  add(directories);
  return candidates;
}

Result<Object> Find(const Object& by, const std::string& library,
                    const std::vector<std::string>& directories) {
  std::optional<Error> unfit;  // a file of that name that is not for this machine
  for (const std::string& candidate : Candidates(by, library, directories)) {
    std::error_code ignored;
    if (!fs::exists(candidate, ignored)) continue;
    auto object = ReadObject(candidate);
    if (object) {
      object->inherited_rpath = by.facts.rpath;
      object->inherited_rpath.insert(object->inherited_rpath.end(), by.inherited_rpath.begin(),
                                     by.inherited_rpath.end());
      return object;
    }
    if (!unfit) unfit = object.error();
  }
  if (unfit) return std::unexpected(*unfit);
  return std::unexpected(
      Error{fmt::format("library {}, which {} needs, is in none of the linker's directories",
                        library, by.path),
            "install the package that has it", 0});
}

std::string GuestLibraryPath(const std::string& name) {
  return "/lib/" + fs::path(name).filename().string();
}

}  // namespace

Result<ElfFacts> ReadElf(std::string_view bytes, const std::string& name) {
  const Segments segments = TRY(ReadSegments(bytes, name));
  ElfFacts facts;
  for (const Elf64_Phdr& segment : segments.headers) {
    // Notes and the like lie inside loaded segments; keep whatever a segment names.
    facts.loaded_size = std::max<size_t>(facts.loaded_size, segment.p_offset + segment.p_filesz);
    if (segment.p_type == PT_INTERP) {
      const auto text = TextAt(bytes, segment.p_offset);
      if (!text) return Fail("{} is damaged: its interpreter has no name", name);
      facts.interpreter = *text;
    }
    if (segment.p_type == PT_DYNAMIC) TRY(ReadDynamic(bytes, segments, segment, name, facts));
  }
  return facts;
}

std::string StripToSegments(std::string_view bytes, const ElfFacts& facts) {
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof header);
  const size_t tables_end = header.e_phoff + header.e_phnum * sizeof(Elf64_Phdr);
  std::string stripped(bytes.substr(0, std::max({facts.loaded_size, tables_end, sizeof header})));
  header.e_shoff = 0;
  header.e_shnum = 0;
  header.e_shstrndx = 0;
  std::memcpy(stripped.data(), &header, sizeof header);
  return stripped;
}

std::vector<std::string> DefaultLibraryDirectories(const std::string& conf) {
  std::vector<std::string> directories;
  AddConfDirectories(conf, 0, directories);
  for (const char* directory : {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64",
                                "/usr/lib64", "/lib", "/usr/lib"}) {
    directories.emplace_back(directory);
  }
  return directories;
}

Result<std::vector<ClosureFile>> LibraryClosure(const std::string& program,
                                                const std::string& guest_path,
                                                const std::vector<std::string>& directories) {
  Object root = TRY(ReadObject(program));
  std::vector<ClosureFile> files;
  files.push_back({guest_path, program, StripToSegments(root.content, root.facts)});
  std::map<std::string, ClosureFile> libraries;  // by name; a name is loaded once in a process
  std::deque<Object> pending;
  if (!root.facts.interpreter.empty()) {
    const Object interpreter = TRY(ReadObject(root.facts.interpreter));
    const std::string guest = GuestLibraryPath(interpreter.path);
    libraries[fs::path(guest).filename()] = {
        guest, interpreter.path, StripToSegments(interpreter.content, interpreter.facts)};
  }
  pending.push_back(std::move(root));
  while (!pending.empty()) {
    const Object object = std::move(pending.front());
    pending.pop_front();
    for (const std::string& needed : object.facts.needed) {
      const std::string guest = GuestLibraryPath(needed);
      const std::string name = fs::path(guest).filename();
      if (libraries.contains(name)) continue;
      Object library = TRY(Find(object, needed, directories));
      libraries[name] = {guest, library.path, StripToSegments(library.content, library.facts)};
      pending.push_back(std::move(library));
    }
  }
  for (auto& [name, file] : libraries) files.push_back(std::move(file));
  return files;
}

}  // namespace nodeproof::node
