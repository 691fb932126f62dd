// A user event or a query as it travels: said once by its origin, passed on by everybody. Each has a time by
// Lamport's clock (Lamport 1978): higher than that of every announcement that its origin knew when it spoke.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <troupe/error.hpp>
#include <troupe/ids.hpp>
#include <troupe/time.hpp>

#include "runtime/membership/member.hpp"

namespace troupe::membership {

inline constexpr std::size_t announcement_name_max = 64;
inline constexpr std::size_t announcement_payload_max = 512;
inline constexpr std::size_t announcement_bytes_max = 1000;  // encoded
inline constexpr std::size_t query_tags_max = 8;
inline constexpr std::size_t answer_bytes_max = 1024;
inline constexpr std::uint64_t announcement_time_max = std::uint64_t{1} << 62;
inline constexpr duration query_timeout_min = std::chrono::milliseconds(10);
inline constexpr duration query_timeout_max = std::chrono::seconds(60);

enum class announcement_kind : std::uint8_t { event, query };

/// No two announcements have the same: an origin never speaks twice at one time.
struct announcement_id {
  std::uint64_t time = 0;
  incarnation_id origin;

  auto operator<=>(const announcement_id&) const = default;
};

struct announcement {
  announcement_kind kind = announcement_kind::event;
  announcement_id id;
  std::uint64_t after = 0;  // event: the time of its origin's event before; 0: none
  std::string origin;       // the member's name
  std::string name;
  std::string payload;  // any bytes

  // Of a query: who is asked, and for how long an answer is of use.
  std::map<std::string, std::string> tags;
  std::string service;
  duration timeout{};
};

/// What may name an event or a query: letters, digits, and . _ - : /
[[nodiscard]] bool is_announcement_name(std::string_view name) noexcept;

/// errc::invalid_argument or errc::too_large with words, when others would refuse it.
[[nodiscard]] expected<void> check(const announcement& a);

/// Its bytes (talk_wire.hpp).
[[nodiscard]] std::string encode(const announcement& a);

/// Of a query: whether the member is asked. A tag `role` is a tag as any other.
[[nodiscard]] bool is_asked(const announcement& query, const record& member);

}  // namespace troupe::membership
