#include "conformance/memory/resting_victim.h"

#include <algorithm>

namespace nodeproof::conformance {
namespace {

Result<int64_t> Refaults(const cgroup::Cgroup& group) {
  return Counter(group, "memory.stat", "workingset_refault_file");
}

}  // namespace

Result<RestingVictim> RestingVictim::Start(ArmContext& context, const cgroup::Cgroup& group,
                                           Bytes cache, Content content) {
  const std::filesystem::path& disk = *context.environment().scratch;
  probe::ScratchFile file =
      TRY(content == Content::kBlocks ? probe::ScratchFile::Write(disk, cache)
                                      : probe::ScratchFile::Holes(disk, cache));
  probe::Residency residency = TRY(probe::Residency::Open(file.path()));
  probe::CachedReader reader = TRY(probe::CachedReader::Start(
      {.name = "victim", .group = &group, .file = file.path(), .passes = 1}));
  RestingVictim victim(group, std::move(file), std::move(residency), std::move(reader));
  TRY(victim.reader_.AwaitFirstPass(context.patience()));
  victim.before_ = victim.least_ = TRY(victim.residency_.Resident());
  victim.refaults_before_ = TRY(Refaults(group));
  return victim;
}

Result<Bytes> RestingVictim::Look() {
  const Bytes resident = TRY(residency_.Resident());
  least_ = std::min(least_, resident);
  return resident;
}

Result<RestingVictim::Reread> RestingVictim::ReadAgain(ArmContext& context) {
  const int64_t passes = reader_.Passes();
  reader_.AllowPasses(1);
  TRY(Await(context, "the victim's last pass", [&]() -> Result<bool> {
    if (!TRY(reader_.Running())) return Fail("the victim ended while the aggressor ran");
    return reader_.Passes() > passes;
  }));
  return Reread{TRY(Refaults(*group_)) - refaults_before_, reader_.LastPass()};
}

std::string Describe(const RestingVictim::Reread& reread) {
  return fmt::format("the victim read its file again in {}", FormatDuration(reread.pass));
}

}  // namespace nodeproof::conformance
