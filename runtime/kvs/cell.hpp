// What one member of the key-value service keeps of one key: the state of a CASPaxos register (Rystsov,
// "CASPaxos: Replicated State Machines without logs", 2018).
//
// The picture: a cell is Paxos' acceptor for one value that may be proposed again and again. A ballot is one
// number: the epoch of the roster above, a counter below, so that every ballot of a later roster is higher than
// any of an earlier one. An acceptor grants a number once, so a number that got a majority belongs to one proposer
// and, as the version of what was written under it, to one write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <troupe/ids.hpp>
#include <troupe/time.hpp>

namespace troupe {

inline constexpr std::size_t kvs_key_bytes_max = 512;
inline constexpr std::size_t kvs_value_bytes_max = (1U << 20U) + (64U << 10U);
inline constexpr std::size_t kvs_cell_overhead = 160;  // what a cell counts for beside key and value
inline constexpr std::size_t kvs_cells_max = 65'536;   // tombstones included
inline constexpr duration kvs_ttl_max = std::chrono::hours(24 * 366);

inline constexpr int kvs_counter_bits = 40;
inline constexpr std::uint64_t kvs_epoch_max = 1U << 20U;

[[nodiscard]] constexpr std::uint64_t first_ballot_of(std::uint64_t epoch) noexcept {
  return epoch << kvs_counter_bits;
}
[[nodiscard]] constexpr std::uint64_t epoch_of_ballot(std::uint64_t ballot) noexcept {
  return ballot >> kvs_counter_bits;
}

/// What a majority agrees on. Never written: version 0.
struct kvs_value {
  std::uint64_t version = 0;  // ballot under which it was first proposed
  std::uint64_t base = 0;     // version that it replaced: who wrote that one learns that it was done
  std::uint64_t gone = 0;     // without a base: what was written up to here may have been there, and be forgotten
  bool present = false;       // false with a version: a tombstone
  std::string bytes;
  duration ttl{};  // whole milliseconds; 0: none

  bool operator==(const kvs_value&) const = default;
};

struct kvs_cell {
  std::uint64_t promised = 0;  // never below `accepted`
  incarnation_id promised_to;
  std::uint64_t accepted = 0;  // 0: nothing was accepted
  kvs_value value;

  bool operator==(const kvs_cell&) const = default;
};

[[nodiscard]] inline std::size_t bytes_of(const std::string& key, const kvs_cell& cell) noexcept {
  return key.size() + cell.value.bytes.size() + kvs_cell_overhead;
}

}  // namespace troupe
