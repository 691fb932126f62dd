// What one member knows of another, and which of two pieces of news is the newer one.
//
// News of one process (name and incarnation id) is ordered by the incarnation counter, which only that
// process raises, then by the state: alive < departing < suspect < failed. `departed` is final for an
// incarnation id. Two processes that bear one name, one after the other, are ordered by the counter
// too: the later one starts above the earlier one's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/cluster.hpp>
#include <troupe/error.hpp>
#include <troupe/ids.hpp>
#include <troupe/time.hpp>

#include "runtime/membership/flap_history.hpp"

namespace troupe::membership {

inline constexpr std::size_t members_max = 10'000;
inline constexpr std::size_t name_bytes_max = 64;
inline constexpr std::size_t address_bytes_max = 128;
inline constexpr std::size_t services_max = 32;
inline constexpr std::size_t tags_max = 32;
inline constexpr std::size_t tag_value_bytes_max = 256;
inline constexpr std::size_t meta_bytes_max = 512;
inline constexpr std::size_t digest_bytes_max = 64;
/// No news may claim more; the owner of a name can always refute it.
inline constexpr std::uint64_t incarnation_max = std::uint64_t{1} << 62;

/// What a member says of itself and everybody gets to know.
struct attributes {
  std::uint64_t pid = 0;
  std::vector<std::string> services;
  std::map<std::string, std::string> tags;
  std::uint32_t protocol = 0;      // the highest minor version that it speaks (protocol.hpp)
  std::uint32_t protocol_min = 0;  // and the lowest
  std::string meta;                // opaque here: the election's stamp and leader hint

  bool operator==(const attributes&) const = default;
};

/// News of one member, as it travels.
struct update {
  std::string name;
  incarnation_id id;
  std::uint64_t incarnation = 0;
  member_state state = member_state::alive;
  std::string address;        // empty: only the state is told
  attributes told;            // only with an address
  std::uint64_t told_at = 0;  // the incarnation that they are of, at most `incarnation`
  std::string by;             // suspect: who says so
  bool link_closed = false;
  duration age{};  // failed, departed: for how long, in whole seconds
};

struct record {
  std::string name;
  incarnation_id id;
  std::uint64_t incarnation = 0;
  member_state state = member_state::alive;
  std::string address;
  attributes told;
  std::uint64_t told_at = 0;  // the incarnation that `told` is of
  std::string digest;         // last heard from the member itself
  time_point since{};         // of the state, on this member's clock
  time_point hinted{};        // when we last told it what we think of it
  bool was_departing = false;
  flap_history flapping;  // of the name, over all its incarnations
};

/// Whether `s` is UTF-8 without control characters and at most `bytes_max` long: what may be a name, an
/// address or a tag, and is shown to people and put into JSON.
[[nodiscard]] bool is_text(std::string_view s, std::size_t bytes_max) noexcept;

/// errc::too_large or errc::invalid_argument when a limit above is broken.
[[nodiscard]] expected<void> check(const attributes& a);

/// Probed, gossiped to, counted.
[[nodiscard]] constexpr bool is_live(member_state s) noexcept {
  return s == member_state::alive || s == member_state::suspect || s == member_state::departing;
}

/// Orders states of one incarnation.
[[nodiscard]] constexpr int rank_of(member_state s) noexcept {
  switch (s) {
    case member_state::alive: return 0;
    case member_state::departing: return 1;
    case member_state::suspect: return 2;
    case member_state::failed: return 3;
    case member_state::departed: return 4;
  }
  return 0;
}

/// Whether news of the same incarnation id replaces what is known.
[[nodiscard]] constexpr bool supersedes(const update& news, const record& known) noexcept {
  if (known.state == member_state::departed || news.incarnation < known.incarnation) return false;
  if (news.state == member_state::departed) return true;
  return news.incarnation > known.incarnation || rank_of(news.state) > rank_of(known.state);
}

/// Whether news of another incarnation id of the same name replaces what is known.
[[nodiscard]] constexpr bool succeeds(const update& news, const record& known) noexcept {
  return news.incarnation != known.incarnation ? news.incarnation > known.incarnation : news.id > known.id;
}

}  // namespace troupe::membership
