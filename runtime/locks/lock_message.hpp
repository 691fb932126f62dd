// What a member and the leader say to each other about locks. A member says in each ask all that it claims; the
// leader answers item by item.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/locks/lock_table.hpp"

namespace troupe {

enum class lock_word : std::uint8_t {
  want = 1,  // a member: I wait for it (at_once: or refuse me)
  hold,      // I hold it: renew
  drop,      // I let go of it, or wait no longer
  held,      // the leader: it is yours, under this token
  gone,      // you do not hold it
  refused,   // you cannot have it: code, reason
};

struct lock_item {
  lock_word what = lock_word::want;
  claim_number claim = 0;
  lock_key key;
  std::uint32_t permits = 1;
  duration ttl{};  // whole milliseconds
  std::uint64_t token = 0;
  bool at_once = false;
  errc code = errc::ok;
  std::string reason;
};

struct lock_message {
  std::uint64_t sequence = 0;  // of an ask, rising; in an answer: of the ask that is answered
  bool answer = false;
  std::vector<lock_item> items;
};

struct lock_packet {
  member_ref to;
  lock_message message;
};

inline constexpr std::size_t lock_items_max = 1024;
inline constexpr std::size_t lock_message_bytes_max = 512U << 10U;

[[nodiscard]] std::string encode(const lock_message& message);
/// errc::corrupt for anything out of bounds.
[[nodiscard]] expected<lock_message> decode_lock_message(std::string_view bytes);

}  // namespace troupe
