// The pool of connections on virtual time, with verbs for what happens to it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <utility>

#include "runtime/database/connection_pool.hpp"

namespace troupe {

class connection_pool_test : public testing::Test {
 protected:
  using milliseconds = std::chrono::milliseconds;
  using seconds = std::chrono::seconds;

  pool_limits limits_{.connections_min = 1,
                      .connections_max = 4,
                      .shared_width = 2,
                      .depth_max = 3,
                      .queue_max = 3,
                      .queue_timeout = seconds(1),
                      .idle = seconds(60),
                      .health_interval = seconds(10),
                      .check_timeout = seconds(2),
                      .stall = milliseconds(10),
                      .dial_first = milliseconds(20),
                      .dial_most = milliseconds(400),
                      .failures_to_open = 3};
  time_point now_ = time_point(std::chrono::hours(1));
  connection_pool::output out_;
  std::unique_ptr<connection_pool> pool_;
  std::uint64_t tickets_ = 0;

  void make() { pool_ = std::make_unique<connection_pool>(limits_, 1); }
  void SetUp() override { make(); }

  connection_pool::output take() { return std::exchange(out_, {}); }
  void tick(duration d = milliseconds(0)) {
    now_ += d;
    pool_->on_tick(now_, out_);
  }
  std::uint64_t want(pool_use use = pool_use::shared, duration d = seconds(5)) {
    pool_->want(++tickets_, use, now_ + d, now_, out_);
    return tickets_;
  }
  void dialled(std::uint32_t c) { pool_->on_dialled(c, now_, out_); }
  void failed(std::uint32_t c) { pool_->on_dial_failed(c, "refused", now_, out_); }
  void finished(std::uint32_t c) { pool_->finished(c, now_, out_); }
  void lost(std::uint32_t c) { pool_->on_lost(c, now_, out_); }
  void retired(std::uint32_t c) { pool_->on_retired(c, now_, out_); }
  void at_most(std::size_t n) { pool_->set_connections_max(n, now_, out_); }

  /// The least number of connections is there.
  void open() {
    tick();
    for (const auto c : take().dial) dialled(c);
    (void)take();
  }
  std::uint32_t granted() {
    const auto o = take();
    EXPECT_EQ(o.granted.size(), 1u);
    return o.granted.empty() ? 0 : o.granted[0].where;
  }
};

}  // namespace troupe
