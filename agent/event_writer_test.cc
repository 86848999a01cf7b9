#include "agent/event_writer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "harness/base/file.h"

namespace nodeproof::agent {
namespace {

TEST(EventWriter, WritesALineAnEvent) {
  const Fd file = MemoryFile("events", false).value();
  const EventWriter writer(Fd(::dup(file.get())));
  writer.Write(node::NoteEvent("one\ntwo"));
  writer.Write(node::EndEvent(3));
  const std::string text = ReadAll(file.get(), "events").value();
  const auto lines = Split(text, '\n');
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(node::ParseEvent(lines[0])->kind, node::EventKind::kNote);
  EXPECT_EQ(node::ParseEvent(lines[1])->body.at("claims"), 3);
  EXPECT_EQ(lines[2], "");
}

}  // namespace
}  // namespace nodeproof::agent
