// A singleton among processes: its own is killed with SIGKILL, or stands still and wakes up.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include <caf/send.hpp>

#include "tests/process/actor_processes.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using test::patience;

class singleton_processes : public test::actor_processes {
 protected:
  void SetUp() override {
    start_here(3);
    for (const char* each : {"p1", "p2"}) {
      const std::string name = each;
      peers_[name] = make_peer(TROUPE_SINGLETON_PEER, name);
    }
    for (const auto& [name, peer] : peers_) ASSERT_TRUE(peer->wait_for("ready")) << peer->err();
    auto one = cluster().singleton("one");
    ASSERT_TRUE(one) << describe(one.error());
    one_ = *one;
  }
  void TearDown() override { one_ = nullptr; }

  /// Who answers; a request that is on its way to a process that ends is lost, and said to be.
  std::string ask_surely(const std::string& text) {
    const auto end = std::chrono::steady_clock::now() + patience;
    expected<std::string> answer;
    do {
      answer = ask(one_, text);
      if (answer) return *answer;
    } while (std::chrono::steady_clock::now() < end);
    return "no answer: " + describe(answer.error());
  }
  /// Until all of its threads stand still: a stop takes a while on a busy machine.
  static void stop(const test::program& p) {
    p.signal(SIGSTOP);
    const auto runs = [tasks = "/proc/" + std::to_string(p.pid()) + "/task"] {
      for (const auto& task : std::filesystem::directory_iterator(tasks)) {
        std::ifstream stat(task.path() / "stat");
        std::string text;
        std::getline(stat, text);
        if (text.find(") T ") == std::string::npos) return true;
      }
      return false;
    };
    const auto end = std::chrono::steady_clock::now() + patience;
    while (runs() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    ASSERT_FALSE(runs());
  }
  [[nodiscard]] test::program& peer(const std::string& name) { return *peers_.at(name); }
  [[nodiscard]] static std::string other(const std::string& name) { return name == "p1" ? "p2" : "p1"; }

  std::map<std::string, std::unique_ptr<test::program>> peers_;
  caf::actor one_;
};

TEST_F(singleton_processes, is_taken_over_when_its_process_is_killed) {
  const auto first = ask_surely("hello");
  ASSERT_TRUE(peers_.contains(first)) << first;
  peer(first).kill_at_once();
  EXPECT_EQ(ask_surely("hello again"), other(first));
  EXPECT_TRUE(peer(other(first)).wait_for("got hello again"));
}

TEST_F(singleton_processes, is_served_no_more_where_its_process_stood_still) {
  const auto first = ask_surely("hello");
  ASSERT_TRUE(peers_.contains(first)) << first;
  stop(peer(first));
  caf::anon_send(one_, std::string("late"));  // it is on its way to the process that stands still
  EXPECT_EQ(ask_surely("hello again"), other(first));
  peer(first).signal(SIGCONT);
  EXPECT_TRUE(peer(first).wait_for("ended")) << "it wakes up and finds its time over";
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ask_surely("and again"), other(first));
  EXPECT_EQ(peer(first).out().find("late"), std::string::npos) << peer(first).out();
  EXPECT_EQ(peer(other(first)).out().find("ended"), std::string::npos);
}

}  // namespace
}  // namespace troupe
