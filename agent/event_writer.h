// The agent's side of the event channel.
#pragma once

#include "harness/base/fd.h"
#include "harness/node/protocol.h"

namespace nodeproof::agent {

class EventWriter {
 public:
  explicit EventWriter(Fd channel) : channel_(std::move(channel)) {}

  // Writes the event as one line. Nobody can be told when the channel itself is broken: the agent
  // ends (exit 3), and whoever listened notices the silence.
  void Write(const node::Event& event) const;

  // Returns when everything written has left a serial line.
  void Drain() const;

 private:
  Fd channel_;
};

}  // namespace nodeproof::agent
