// A shard store with its own ledger and a clock that a test moves, and verbs for its commands.
#pragma once

#include <string>
#include <vector>

#include "runtime/cache/shard_store.hpp"

namespace troupe {

struct store_fixture {
  explicit store_fixture(std::uint64_t bytes_max = 1 << 30, eviction_policy eviction = eviction_policy::lru)
      : ledger(bytes_max), store({&ledger, 42, eviction}) {}

  struct result {
    errc code = errc::ok;
    std::uint64_t version = 0;
    duration ttl{};
    std::string value;
  };

  result run(const cache_command& c) {
    const auto r = store.apply(c, now);
    return {r.code, r.version, r.ttl, std::string(r.value)};
  }

  static cache_command command(cache_op op, std::string_view key, cache_id cache = 0) {
    cache_command c;
    c.op = op;
    c.cache = cache;
    c.key = key;
    return c;
  }
  static cache_command put_command(std::string_view key, std::string_view value, duration ttl = {}) {
    auto c = command(cache_op::put, key);
    c.value = value;
    c.ttl = ttl;
    return c;
  }

  result get(std::string_view key, cache_id cache = 0) { return run(command(cache_op::get, key, cache)); }
  result erase(std::string_view key, cache_id cache = 0) { return run(command(cache_op::erase, key, cache)); }
  result put(std::string_view key, std::string_view value, duration ttl = {}) {
    return run(put_command(key, value, ttl));
  }

  std::vector<std::string> scan_all(std::size_t count) {
    std::vector<std::string> keys;
    std::uint64_t cursor = 0;
    do {
      cursor = store.scan(cursor, count, now, [&](const shard_store::entry_view& e) { keys.emplace_back(e.key); });
    } while (cursor != 0);
    return keys;
  }

  memory_ledger ledger;
  shard_store store;
  time_point now{std::chrono::hours(1)};
};

}  // namespace troupe
