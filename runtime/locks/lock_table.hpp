// Who holds which lock, semaphore or role, as the cluster record keeps it. A plain value: that a hold is over is
// known from the clocks of its holder (lock_client) and of the leader (lock_server), not from here.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/lock.hpp>

#include "runtime/election/record.hpp"

namespace troupe {

/// Of one member's process, counted by it.
using claim_number = std::uint64_t;

inline constexpr std::size_t lock_rows_max = 256;
inline constexpr std::size_t lock_grants_max = 512;
inline constexpr std::uint32_t lock_permits_max = 256;
inline constexpr std::size_t lock_name_max = 64;
inline constexpr duration lock_ttl_min = std::chrono::seconds(1);
inline constexpr duration lock_ttl_max = std::chrono::minutes(10);
inline constexpr duration lock_wait_max = std::chrono::hours(1);

struct lock_key {
  lock_kind kind = lock_kind::lock;
  std::string name;
  auto operator<=>(const lock_key&) const = default;
};

struct lock_grant {
  std::uint64_t token = 0;
  member_ref holder;
  claim_number claim = 0;
  duration ttl{};  // whole milliseconds
  bool operator==(const lock_grant&) const = default;
};

struct lock_row {
  std::uint32_t permits = 1;
  std::vector<lock_grant> grants;  // 1..permits, by rising token
  bool operator==(const lock_row&) const = default;
};

struct lock_table {
  std::uint64_t last_token = 0;  // never falls
  std::map<lock_key, lock_row> rows;
  bool operator==(const lock_table&) const = default;

  [[nodiscard]] const lock_grant* find(const lock_key& key, const member_ref& holder, claim_number claim) const;
  [[nodiscard]] std::size_t grants() const;
};

/// Why nobody can be given this; empty: sound.
[[nodiscard]] std::string fault_of(const lock_request& request);

[[nodiscard]] std::string encode(const lock_table& table);
/// An empty text is an empty table. errc::corrupt for anything but a sound one.
[[nodiscard]] expected<lock_table> decode_lock_table(std::string_view bytes);

}  // namespace troupe
