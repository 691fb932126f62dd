// A client of the simulated cluster's shards: writes and reads a few keys of each, at whichever node
// serves the shard, as if doors and links forwarded it in no time. It knows what every key must be: a
// value that was acknowledged is read until its shard is made anew (its owner died), whoever serves it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "tests/sim/cluster_process.hpp"

namespace troupe::sim {

class shard_client : public std::enable_shared_from_this<shard_client> {
 public:
  static constexpr std::uint32_t keys_each = 4;  // of a shard

  explicit shard_client(world& w) : w_(w), rng_(w.rng().fork()) {}

  /// One command each `gap` until this object ends; it must be shared.
  void start(duration gap);
  /// Every key is read where it is served; false when some shard is served nowhere.
  bool read_all();

  [[nodiscard]] std::uint64_t acknowledged() const noexcept { return acknowledged_; }
  /// Commands that found nobody who serves their shard.
  [[nodiscard]] std::uint64_t unserved() const noexcept { return unserved_; }
  /// Shards that were made anew when values had been acknowledged in them.
  [[nodiscard]] std::uint64_t shards_lost() const noexcept { return shards_lost_; }

 private:
  struct expectation {
    std::uint64_t created = 0;
    std::map<std::uint32_t, std::string> values;  // by number of the key; none: it has no value
  };

  void act();
  bool command(std::uint32_t shard, std::uint32_t key, int what);
  [[nodiscard]] cluster_process* server_of(std::uint32_t shard, time_point& clock);
  void compare(std::uint32_t shard, std::uint32_t key, const cache_reply& r);

  world& w_;
  random rng_;
  std::map<std::uint32_t, expectation> expected_;
  std::uint64_t next_value_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t unserved_ = 0;
  std::uint64_t shards_lost_ = 0;
};

}  // namespace troupe::sim
