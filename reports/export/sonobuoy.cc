#include "harness/base/file.h"
#include "reports/export/export.h"
#include "reports/reports.h"

namespace nodeproof::reports {

Status WriteSonobuoy(const std::filesystem::path& directory, const results::Results& results) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return Fail("{}: {}", directory.string(), error.message());
  const std::filesystem::path junit = std::filesystem::absolute(directory, error) / "junit.xml";
  if (error) return Fail("{}: {}", directory.string(), error.message());
  TRY(WriteFileAtomic(directory / "results.json", TRY(results::Serialize(results))));
  TRY(WriteFileAtomic(directory / "junit.xml", RenderJunit(results)));
  // Without a newline: the worker takes all of it for the path.
  return WriteFileAtomic(directory / "done", junit.string());
}

}  // namespace nodeproof::reports
