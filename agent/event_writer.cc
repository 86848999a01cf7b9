#include "agent/event_writer.h"

#include <termios.h>
#include <unistd.h>

#include "harness/base/file.h"

namespace nodeproof::agent {
namespace {

constexpr int kExitChannelBroken = 3;

}  // namespace

void EventWriter::Write(const node::Event& event) const {
  if (!WriteAll(channel_.get(), node::FormatEvent(event), "the event channel")) {
    ::_exit(kExitChannelBroken);
  }
}

void EventWriter::Drain() const { (void)::tcdrain(channel_.get()); }

}  // namespace nodeproof::agent
