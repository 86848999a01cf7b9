// `nodeproof list` and `nodeproof doc`: what claims there are and what each of them means, told by
// the claims themselves.
#include <memory>

#include "cli/catalog.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "harness/base/file.h"

namespace nodeproof::cli {
namespace {

Result<int> List(const std::vector<std::string>& globs, bool json) {
  const Catalog catalog = TRY(Catalog::Load());
  const auto selected = TRY(catalog.Select(globs));
  if (json) {
    Json claims = Json::array();
    for (const CatalogEntry* entry : selected) claims.push_back(entry->json);
    fmt::print("{}\n", TRY(DumpJson({{"claims", std::move(claims)}}, 2)));
    return kExitOk;
  }
  for (const CatalogEntry* entry : selected) {
    fmt::print("{:<24} {}\n", entry->id, entry->statement);
  }
  return kExitOk;
}

void PrintSection(const char* title, const std::string& text) {
  if (text.empty()) return;
  fmt::print("{}\n", title);
  for (const std::string_view line : Split(text, '\n')) fmt::print("    {}\n", line);
  fmt::print("\n");
}

// Prose folded at 92 columns; drawings are left as they are.
std::string Folded(const std::string& text) {
  std::string folded;
  size_t column = 0;
  for (const std::string_view word : Words(text)) {
    if (column > 0 && column + 1 + word.size() > 92) {
      folded += '\n';
      column = 0;
    } else if (column > 0) {
      folded += ' ';
      ++column;
    }
    folded += word;
    column += word.size();
  }
  return folded;
}

void PrintDoc(const CatalogEntry& entry) {
  const Json& json = entry.json;
  const auto part = [&](const char* name) {
    return json.value(Json::json_pointer(std::string("/explanation/") + name), std::string());
  };
  fmt::print("{}\n\n", entry.id);
  PrintSection("STATEMENT", Folded(entry.statement));
  PrintSection("SOURCE", Folded(entry.source));
  PrintSection("TREE", part("tree"));
  PrintSection("LOAD", Folded(part("load")));
  PrintSection("EXPECTED", Folded(part("expected")));
  PrintSection("TOLERANCE", Folded(part("tolerance")));
  PrintSection("CONTROL ARM", Folded(part("control")));
  PrintSection("NO CONTROL ARM", Folded(json.value("no_control_reason", std::string())));
  PrintSection("NEEDS", Folded(NeedsText(json)));
  std::string lanes;
  for (const Json& lane : json.value("lanes", Json::array())) {
    lanes += (lanes.empty() ? "" : ", ") + lane.get<std::string>();
  }
  const auto why = json.value("/needs/why_realtime"_json_pointer, std::string());
  PrintSection("LANES", lanes + (why.empty() ? "" : " (" + why + ")"));
}

Result<int> Doc(const std::vector<std::string>& ids, bool json) {
  const Catalog catalog = TRY(Catalog::Load());
  const auto selected = TRY(catalog.Select(ids));
  if (json) {
    Json claims = Json::array();
    for (const CatalogEntry* entry : selected) claims.push_back(entry->json);
    fmt::print("{}\n", TRY(DumpJson({{"claims", std::move(claims)}}, 2)));
    return kExitOk;
  }
  for (const CatalogEntry* entry : selected) PrintDoc(*entry);
  return kExitOk;
}

struct ListOptions {
  std::vector<std::string> globs;
  bool json = false;
};

}  // namespace

Command AddListCommand(CLI::App& app) {
  const auto options = std::make_shared<ListOptions>();
  CLI::App* command = app.add_subcommand("list", "List the claims.");
  command->add_option("GLOB", options->globs, "Claims to list, such as 'cpu.*' (default: all).");
  command->add_flag("--json", options->json, "Print JSON.");
  return [options] { return List(options->globs, options->json); };
}

Command AddDocCommand(CLI::App& app) {
  const auto options = std::make_shared<ListOptions>();
  CLI::App* command = app.add_subcommand("doc", "Explain what a claim means and how it is tested.");
  command->add_option("ID", options->globs, "The claim, or a glob.")->required();
  command->add_flag("--json", options->json, "Print JSON.");
  return [options] { return Doc(options->globs, options->json); };
}

}  // namespace nodeproof::cli
