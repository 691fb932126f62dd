#include "actors/io_loop.hpp"

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/post.hpp>

#include "actors/io_pool.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

// Takes over at once and forgives all.
constexpr io_loop::limits hasty{1ms, 1h, 0, 0s, 0s};

/// Leaves `work` on the loop's own thread; whether it was taken.
bool leave(io_loop& loop, std::function<void()> work) {
  std::promise<bool> taken;
  boost::asio::post(loop.context(), [&] { taken.set_value(io_loop::here()->leave_work(std::move(work))); });
  return taken.get_future().get();
}

void leave_in_the_end(io_loop& loop, const std::function<void()>& work) {
  while (!leave(loop, work)) std::this_thread::yield();
}

std::thread::id thread_of(io_loop& loop) {
  std::promise<std::thread::id> id;
  boost::asio::post(loop.context(), [&] { id.set_value(std::this_thread::get_id()); });
  return id.get_future().get();
}

/// Work that waits until the loop has run one more handler.
std::function<void()> needs_the_loop(io_loop& loop, std::promise<std::thread::id>& who) {
  return [&loop, &who] {
    (void)thread_of(loop);
    who.set_value(std::this_thread::get_id());
  };
}

TEST(io_loop, does_work_on_the_thread_of_the_handler_that_left_it_and_outside_of_the_loop) {
  io_loop loop;
  loop.start();
  std::promise<std::pair<std::thread::id, bool>> done;
  ASSERT_TRUE(leave(loop, [&] {
    done.set_value({std::this_thread::get_id(), loop.context().get_executor().running_in_this_thread()});
  }));
  const auto [thread, inside] = done.get_future().get();
  EXPECT_EQ(thread, thread_of(loop));
  EXPECT_FALSE(inside);
  loop.stop();
  EXPECT_EQ(loop.works(), 1);
}

TEST(io_loop, is_seen_by_its_own_threads_alone) {
  io_loop loop;
  loop.start();
  EXPECT_EQ(io_loop::here(), nullptr);
  std::promise<io_loop*> seen;
  boost::asio::post(loop.context(), [&] { seen.set_value(io_loop::here()); });
  EXPECT_EQ(seen.get_future().get(), &loop);
}

TEST(io_loop, takes_one_work_from_a_handler) {
  io_loop loop;
  loop.start();
  std::promise<bool> second;
  boost::asio::post(loop.context(), [&] {
    EXPECT_TRUE(io_loop::here()->leave_work([] {}));
    second.set_value(io_loop::here()->leave_work([] {}));
  });
  EXPECT_FALSE(second.get_future().get());
}

TEST(io_loop, goes_on_while_work_waits_for_it) {
  io_loop loop(hasty);
  loop.start();
  const auto first = thread_of(loop);
  std::promise<std::thread::id> who;
  ASSERT_TRUE(leave(loop, needs_the_loop(loop, who)));
  EXPECT_EQ(who.get_future().get(), first);
  EXPECT_NE(thread_of(loop), first);
  EXPECT_EQ(loop.takeovers(), 1);
}

TEST(io_loop, is_taken_back_by_the_thread_that_was_held_up) {
  io_loop loop(hasty);
  loop.start();
  const auto first = thread_of(loop);
  for (int i = 1; i <= 4; ++i) {
    std::promise<std::thread::id> who;
    leave_in_the_end(loop, needs_the_loop(loop, who));
    EXPECT_EQ(who.get_future().get() == first, i % 2 == 1);
  }
  EXPECT_EQ(loop.takeovers(), 4);
}

TEST(io_loop, takes_no_work_while_a_thread_is_held_up) {
  io_loop loop(hasty);
  loop.start();
  std::promise<void> go_on, ended;
  ASSERT_TRUE(leave(loop, [&] {
    go_on.get_future().wait();
    ended.set_value();
  }));
  EXPECT_FALSE(leave(loop, [] {}));  // answered by the follower
  go_on.set_value();
  ended.get_future().wait();
  leave_in_the_end(loop, [] {});
}

TEST(io_loop, takes_no_work_for_a_while_after_a_takeover) {
  io_loop loop({1ms, 1h, 0, 1h, 1h});
  loop.start();
  std::promise<std::thread::id> who;
  ASSERT_TRUE(leave(loop, needs_the_loop(loop, who)));
  who.get_future().wait();
  EXPECT_TRUE(loop.close(1h));  // the thread that was held up is back
  loop.reopen();
  EXPECT_FALSE(leave(loop, [] {}));
}

TEST(io_loop, takes_no_work_for_a_while_after_work_that_took_long) {
  io_loop loop({1h, 0s, 1'000'000'000, 0s, 0s});
  loop.start();
  ASSERT_TRUE(leave(loop, [] {}));
  EXPECT_FALSE(leave(loop, [] {}));
  EXPECT_EQ(loop.takeovers(), 0);
}

TEST(io_loop, runs_one_handler_at_a_time_whoever_leads) {
  io_loop loop(hasty);
  loop.start();
  std::atomic<int> inside{0}, worst{0};
  std::atomic<bool> over{false};
  int count = 0;  // of the handlers: a race if two ran at once
  std::vector<std::thread> others;
  std::atomic<int> posted{0};
  for (int t = 0; t < 3; ++t) {
    others.emplace_back([&] {
      while (!over) {
        ++posted;
        std::promise<void> ran;
        boost::asio::post(loop.context(), [&] {
          worst = std::max(worst.load(), ++inside);
          ++count;
          --inside;
          ran.set_value();
        });
        ran.get_future().wait();
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    std::promise<std::thread::id> who;
    leave_in_the_end(loop, needs_the_loop(loop, who));
    who.get_future().wait();
  }
  over = true;
  for (auto& o : others) o.join();
  loop.stop();
  loop.join();
  EXPECT_EQ(worst, 1);
  EXPECT_EQ(count, posted);
  EXPECT_EQ(loop.takeovers(), 50);
}

TEST(io_loop, that_closes_waits_for_work_which_needs_it) {
  std::promise<std::thread::id> who;
  io_loop loop(hasty);
  loop.start();
  ASSERT_TRUE(leave(loop, needs_the_loop(loop, who)));
  EXPECT_TRUE(loop.close(1h));
  EXPECT_EQ(who.get_future().wait_for(0s), std::future_status::ready);
}

TEST(io_loop, takes_no_work_while_it_is_closed) {
  io_loop loop;
  loop.start();
  EXPECT_TRUE(loop.close(1h));
  EXPECT_FALSE(leave(loop, [] {}));
  loop.reopen();
  EXPECT_TRUE(leave(loop, [] {}));
}

TEST(io_loop, ends_without_the_thread_whose_work_does_not) {
  std::promise<void> go_on;
  io_loop loop(hasty);
  loop.start();
  ASSERT_TRUE(leave(loop, [&] { go_on.get_future().wait(); }));
  EXPECT_NE(thread_of(loop), std::thread::id());  // the follower's: the work is held up
  EXPECT_FALSE(loop.close(0s));
  loop.stop();
  loop.join();
  go_on.set_value();
}

TEST(io_loop, gives_up_at_once_when_its_own_work_closes_it) {
  std::promise<bool> over;
  io_loop loop;
  loop.start();
  ASSERT_TRUE(leave(loop, [&] { over.set_value(loop.close(1h)); }));
  EXPECT_FALSE(over.get_future().get());
}

TEST(io_loop, may_stop_before_it_starts_and_twice) {
  io_loop never;
  never.stop();
  never.stop();
  io_loop loop;
  loop.start();
  loop.stop();
  loop.stop();
  loop.join();
  loop.join();
}

TEST(io_pools, stop_without_work_that_does_not_end) {
  std::promise<void> go_on;
  io_pool io(2);
  io.start();
  std::promise<bool> taken;
  boost::asio::post(io.context(1),
                    [&] { taken.set_value(io_loop::here()->leave_work([&] { go_on.get_future().wait(); })); });
  ASSERT_TRUE(taken.get_future().get());
  EXPECT_FALSE(io.stop());
  go_on.set_value();
}

TEST(io_pools, stop_while_work_of_one_loop_waits_for_another) {
  io_pool io(2);
  io.start();
  std::promise<void> left;
  auto* first = &io.context(0);
  std::atomic<bool> done{false};
  boost::asio::post(io.context(1), [&] {
    EXPECT_TRUE(io_loop::here()->leave_work([&, first] {
      std::promise<void> ran;
      boost::asio::post(*first, [&] { ran.set_value(); });
      ran.get_future().wait();
      done = true;
    }));
    left.set_value();
  });
  left.get_future().wait();
  EXPECT_TRUE(io.stop());
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace troupe
