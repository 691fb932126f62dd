// Scripts as children, and the threads that run them. Every wait has a deadline; what hangs is killed.
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include "actors/handlers/handler_pool.hpp"
#include "actors/handlers/run_script.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

class scripts : public ::testing::Test {
 protected:
  scripts() {
    std::string pattern = (std::filesystem::temp_directory_path() / "troupe-handlers-XXXXXX").string();
    home = ::mkdtemp(pattern.data());
  }
  ~scripts() override { std::filesystem::remove_all(home); }

  script of(const std::string& text) {
    script s;
    s.path = home + "/script";
    std::ofstream(s.path) << "#!/bin/sh\n" << text << "\n";
    std::filesystem::permissions(s.path, std::filesystem::perms::owner_all);
    s.timeout = 20s;
    return s;
  }

  std::string home;
  std::atomic<bool> stopping{false};
};

TEST_F(scripts, get_their_input_and_environment_and_their_output_is_taken) {
  auto s = of("cat; printf ' %s %s' \"$TROUPE_EVENT\" \"$TROUPE_SECRET\"");
  s.input = "payload";
  s.environment = {{"TROUPE_EVENT", "user"}};
  ::setenv("TROUPE_SECRET", "leaked", 1);
  const auto end = run_script(s, stopping);
  ::unsetenv("TROUPE_SECRET");
  ASSERT_TRUE(end) << describe(end.error());
  EXPECT_EQ(end->output, "payload user ");
  EXPECT_EQ(end->exit_code, 0);
}

TEST_F(scripts, that_do_not_read_their_input_are_fine) {
  auto s = of("exit 3");
  s.input.assign(script::input_bytes_max * 2, 'x');
  const auto end = run_script(s, stopping);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_code, 3);
}

TEST_F(scripts, that_are_missing_or_no_programs_are_told_apart_by_an_error) {
  script s;
  s.path = home + "/missing";
  EXPECT_EQ(run_script(s, stopping).error().code, errc::not_found);
  std::ofstream(home + "/plain") << "text";
  s.path = home + "/plain";
  EXPECT_EQ(run_script(s, stopping).error().code, errc::not_found);
  s.path = home;
  EXPECT_FALSE(run_script(s, stopping));
}

TEST_F(scripts, that_hang_are_killed_with_all_that_they_started) {
  auto s = of("sleep 1000 & echo $!; trap '' TERM; sleep 1000");
  s.timeout = 3s;
  const auto begin = std::chrono::steady_clock::now();
  const auto end = run_script(s, stopping);
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->timed_out);
  EXPECT_EQ(end->exit_code, 128 + SIGKILL);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 15s);
  const auto child = std::stoi(end->output);
  const auto gone = [child] {
    std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
    std::string pid, name, state;
    return !(stat >> pid >> name >> state) || state == "Z" || state == "X";
  };
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (!gone() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  EXPECT_TRUE(gone());
}

TEST_F(scripts, that_leave_a_child_with_their_output_behind_do_not_hold_us_up) {
  auto s = of("sleep 1000 & echo done");
  const auto end = run_script(s, stopping);
  ASSERT_TRUE(end);
  EXPECT_FALSE(end->timed_out);
  EXPECT_EQ(end->output, "done\n");
}

TEST_F(scripts, that_print_too_much_are_cut_and_at_last_killed) {
  auto s = of("head -c 5000 /dev/zero | tr '\\0' x");
  s.output_kept_max = 100;
  auto end = run_script(s, stopping);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->output, std::string(100, 'x'));
  EXPECT_TRUE(end->output_cut);
  EXPECT_FALSE(end->printed_too_much);
  end = run_script(of("while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done"), stopping);
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->printed_too_much);
  EXPECT_FALSE(end->timed_out);
}

TEST_F(scripts, end_when_the_node_stops) {
  stopping = true;
  const auto end = run_script(of("sleep 1000"), stopping);
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->stopped);
}

TEST(handler_pool, runs_tasks_and_refuses_beyond_its_queue) {
  handler_pool pool(1, 2);
  std::promise<void> begun, go;
  auto gate = go.get_future().share();
  std::atomic<int> ran{0};
  ASSERT_TRUE(pool.submit([&begun, gate](const std::atomic<bool>&) {
    begun.set_value();
    gate.wait();
  }));
  begun.get_future().wait();
  EXPECT_TRUE(pool.submit([&ran](const std::atomic<bool>&) { ++ran; }));
  std::promise<void> last;
  EXPECT_TRUE(pool.submit([&](const std::atomic<bool>&) {
    ++ran;
    last.set_value();
  }));
  EXPECT_FALSE(pool.submit([&ran](const std::atomic<bool>&) { ++ran; }));
  EXPECT_EQ(pool.refused(), 1U);
  go.set_value();
  EXPECT_EQ(last.get_future().wait_for(10s), std::future_status::ready);
  pool.stop();
  EXPECT_EQ(ran, 2);
  EXPECT_FALSE(pool.submit([](const std::atomic<bool>&) {}));
}

TEST(handler_pool, survives_a_task_that_throws_and_stops_one_that_waits) {
  handler_pool pool(1, 8);
  ASSERT_TRUE(pool.submit([](const std::atomic<bool>&) { throw std::runtime_error("a handler's fault"); }));
  std::promise<void> begun;
  ASSERT_TRUE(pool.submit([&begun](const std::atomic<bool>& stopping) {
    begun.set_value();
    while (!stopping) std::this_thread::yield();
  }));
  begun.get_future().wait();
  pool.stop();
  pool.stop();
}

}  // namespace
}  // namespace troupe
