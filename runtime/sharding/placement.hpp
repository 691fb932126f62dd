// Where shards should be: pure functions that the leader runs when members come and go.
//
// Two steps. plan() makes the wanted table: the dead dropped, in-sync replicas promoted, primaries
// and replicas spread by weight with as few moves as possible. advance() says what may be committed
// now on the way there: a living primary keeps its shard and is told its heir, and a replica is
// dropped only when those that replace it are in sync. Same input, same output, always.
//
// Neither moves data, and neither knows leases.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/sharding/shard_table.hpp"

namespace troupe {

struct placement_member {
  std::uint64_t pid = 0;
  std::uint32_t weight = 1;  // share of the shards; 0: holds none (a member without the service, or leaving)
  std::string zone;          // copies of one shard are spread over zones where there are several

  auto operator<=>(const placement_member&) const = default;
};

struct placement_request {
  shard_table present;                    // may be empty: every shard is new
  std::vector<placement_member> members;  // those alive
  std::uint32_t shards = 0;               // 1..shards_max
  std::uint32_t wanted_replicas = 0;      // fewer are placed when there are too few members
  troupe::stamp stamp;                    // of the table to make
};

struct placement {
  /// A shard whose living primary is to give it to another member.
  struct move {
    std::uint32_t shard = 0;
    std::uint64_t from = 0;
    std::uint64_t to = 0;

    auto operator<=>(const move&) const = default;
  };

  shard_table table;
  std::vector<std::uint32_t> lost;      // had a primary, no in-sync copy is left: start empty
  std::vector<std::uint32_t> promoted;  // an in-sync replica took a dead primary's place
  std::vector<move> moves;
};

/// The wanted table. Each member's primaries, and its replicas, are within 1 of its share by weight
/// (replicas also obey zones, which may forbid an even spread). Without members of weight every
/// primary is 0. Rows that change get the request's epoch.
[[nodiscard]] placement plan(const placement_request& request);

/// What may be committed now, on the way from `present` to `wanted` (both with the same shards).
/// Owners that are not in `alive` are treated as gone. Has the wanted primaries and replicas when the
/// way is done; until then it is called again each time an in-sync set grows.
[[nodiscard]] shard_table advance(const shard_table& present, const shard_table& wanted,
                                  const std::vector<std::uint64_t>& alive, stamp next);

/// As many as cache.replicas asks for, as long as members are there, or expected, to hold them.
[[nodiscard]] constexpr std::uint32_t wanted_replicas(std::uint32_t asked, std::uint32_t expected_members,
                                                      std::size_t data_members) noexcept {
  const std::size_t members = data_members > expected_members ? data_members : expected_members;
  return members == 0 || asked < members - 1 ? asked : static_cast<std::uint32_t>(members - 1);
}

/// The row after its primary gave the shard up to its heir, which has all of it: the old primary is a replica in
/// sync. A row without an heir stays as it is.
[[nodiscard]] shard_row given_to_heir(shard_row row, std::uint64_t epoch);

/// The row with a replica that caught up, or without one that fell behind, in its in-sync set.
[[nodiscard]] shard_row with_in_sync(shard_row row, std::uint64_t pid, bool in_sync, std::uint64_t epoch);

}  // namespace troupe
