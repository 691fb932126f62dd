// A shard host with a table that a test changes, and verbs for its commands.
#pragma once

#include <string>

#include "actors/cache/shard_host.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe {

struct host_fixture {
  static constexpr std::uint64_t me = 5;
  static constexpr std::uint64_t other = 9;

  explicit host_fixture(std::uint32_t shards = 16, std::uint64_t memory_max = 1 << 26,
                        eviction_policy eviction = eviction_policy::lru)
      : host({shards, memory_max, eviction, 42, {}}) {
    table.rows.resize(shards);
  }

  /// Adopts the table under the next stamp.
  shard_host::adoption adopt() {
    table.stamp = {1, table.stamp.epoch + 1};
    auto changes = host.adopt(table, me);
    return changes ? *changes : shard_host::adoption{};
  }
  shard_host::adoption own_everything() {
    for (auto& row : table.rows) row = {me, {}, {}, table.stamp.epoch + 1, table.stamp.epoch + 1};
    return adopt();
  }

  static cache_command command(cache_op op, std::string_view key, std::string_view value = {}) {
    cache_command c;
    c.op = op;
    c.key = key;
    c.value = value;
    return c;
  }

  /// not_owner when the host did not do it.
  owned_reply run(const cache_command& c) {
    auto reply = owned_reply::failed(errc::not_owner);
    (void)host.execute(c, now, [&](const cache_reply& r) {
      reply.code = r.code;
      reply.version = r.version;
      reply.ttl = r.ttl;
      reply.value = r.value;
    });
    return reply;
  }
  owned_reply get(std::string_view key) { return run(command(cache_op::get, key)); }
  owned_reply put(std::string_view key, std::string_view value) { return run(command(cache_op::put, key, value)); }

  /// A key of the shard.
  [[nodiscard]] std::string key_in(std::uint32_t shard) const {
    for (int i = 0;; ++i) {
      auto key = "key" + std::to_string(i);
      if (host.shard_of_key(key) == shard) return key;
    }
  }

  shard_host host;
  shard_table table;
  time_point now{std::chrono::hours(1)};
};

}  // namespace troupe
