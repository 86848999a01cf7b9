#include "harness/node/qmp_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/base/file.h"

namespace nodeproof::node {
namespace {

class QmpTest : public testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    monitor_.emplace(Fd(ends[0]));
    qemu_ = Fd(ends[1]);
  }
  void Say(const std::string& line) {
    ASSERT_TRUE(WriteAll(qemu_.get(), line + "\r\n", "qmp"));
    monitor_->Read();
  }
  std::string Heard() {
    char buffer[1024];
    const ssize_t got = ::recv(qemu_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    return got > 0 ? std::string(buffer, static_cast<size_t>(got)) : "";
  }
  std::optional<QmpMonitor> monitor_;
  Fd qemu_;
};

TEST_F(QmpTest, ReadsTheVersionAndEntersCommandMode) {
  Say(R"({"QMP":{"version":{"qemu":{"micro":22,"minor":2,"major":7},"package":"Debian 7.2"}}})");
  EXPECT_EQ(monitor_->version(), "7.2.22 (Debian 7.2)");
  EXPECT_EQ(Heard(), "{\"execute\":\"qmp_capabilities\"}\n");
}

TEST_F(QmpTest, TellsAnInternalErrorFromOtherStops) {
  Say(R"({"event":"STOP","timestamp":{}})");
  EXPECT_EQ(Heard(), "{\"execute\":\"query-status\"}\n");
  Say(R"({"return":{"status":"paused","running":false}})");
  EXPECT_FALSE(monitor_->internal_error());
  Say(R"({"return":{"status":"internal-error","running":false}})");
  EXPECT_TRUE(monitor_->internal_error());
}

TEST_F(QmpTest, KeepsTheReasonOfAShutdownAndBearsNonsense) {
  Say("nonsense");
  Say(R"({"event":7})");
  Say(R"({"QMP":{"version":3}})");
  Say(R"({"event":"SHUTDOWN","data":{"guest":true,"reason":"guest-reset"}})");
  EXPECT_EQ(monitor_->shutdown_reason(), "guest-reset");
  qemu_.Close();
  monitor_->Read();
  EXPECT_TRUE(monitor_->closed());
}

}  // namespace
}  // namespace nodeproof::node
