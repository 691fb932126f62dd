// The clock of shard stores that no actor looks after: lets them drop what has expired, and answers who waits for a log
// or for a key when its time has come. As upkeep_actor does, but on an I/O loop; nothing is parked without a cluster.
#pragma once

#include <boost/asio/io_context.hpp>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "actors/alarm.hpp"
#include "actors/cache/shard_host.hpp"

namespace troupe {

class cache_clock {
 public:
  static constexpr duration sweep_interval = std::chrono::milliseconds(100);
  /// While nothing has a time to live.
  static constexpr duration idle_interval = std::chrono::seconds(5);

  /// Both outlive the loop's thread, and so does this object.
  cache_clock(boost::asio::io_context& loop, shard_host& shards) : loop_(loop), shards_(shards), alarm_(loop) {}

  /// Before the loop runs. errc::unavailable when the system gives no timer.
  [[nodiscard]] expected<void> start();
  /// But for a turn under way. Idempotent.
  void close();

 private:
  void turn();

  boost::asio::io_context& loop_;
  shard_host& shards_;
  alarm alarm_;
  bool streaming_ = false;  // of the loop's thread, as the next
  time_point sweep_at_{};
};

}  // namespace troupe
