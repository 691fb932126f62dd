#include "node/standstill.hpp"

#include <atomic>
#include <functional>
#include <future>

#include <gtest/gtest.h>
#include <boost/asio/post.hpp>

#include "actors/io_pool.hpp"

namespace troupe {
namespace {

bool leave(io_pool& io, const std::function<void()>& work) {
  std::promise<bool> taken;
  boost::asio::post(io.context(0), [&] { taken.set_value(io_loop::here()->leave_work(work)); });
  return taken.get_future().get();
}

/// Needs its loop many times, one after the other.
void work_on(io_pool& io) {
  for (int i = 0; i < 1000; ++i) {
    std::promise<void> ran;
    boost::asio::post(io.context(0), [&] { ran.set_value(); });
    ran.get_future().wait();
  }
}

TEST(standstill, waits_for_an_actor_that_runs_on_an_io_thread_and_needs_it) {
  io_pool io(1);
  io.start();
  std::atomic<bool> over{false};
  ASSERT_TRUE(leave(io, [&] {
    work_on(io);
    over = true;
  }));
  const standstill still(io, {});
  EXPECT_TRUE(over);
}

TEST(standstill, holds_the_io_threads_and_gives_them_and_their_work_back) {
  io_pool io(1);
  io.start();
  std::atomic<bool> ran{false};
  std::promise<void> done;
  {
    const standstill still(io, {});
    boost::asio::post(io.context(0), [&] {
      ran = true;
      EXPECT_TRUE(io_loop::here()->leave_work([&] { done.set_value(); }));
    });
    EXPECT_FALSE(ran) << "the only thread that could run it is held";
  }
  done.get_future().wait();
}

}  // namespace
}  // namespace troupe
