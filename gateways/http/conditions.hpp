// The conditions of a request on a version: If-Match and If-None-Match (RFC 9110, section 13), as far as
// a cache can keep them in one step.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <troupe/cache.hpp>
#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "gateways/http/message.hpp"

namespace troupe {

/// A list of entity tags. Tags that no version of ours can have are kept as `foreign`.
struct entity_tags {
  bool given = false;
  bool any = false;  // "*"
  bool foreign = false;
  std::vector<std::uint64_t> versions;
  bool weak = false;  // some were weak: W/"1"

  [[nodiscard]] bool holds(std::uint64_t version) const noexcept;
};

inline constexpr std::size_t entity_tags_max = 32;

/// errc::invalid_argument when the field is no list of entity tags, or too long.
[[nodiscard]] expected<entity_tags> parse_entity_tags(std::string_view field);

struct request_conditions {
  entity_tags match;       // If-Match
  entity_tags none_match;  // If-None-Match

  [[nodiscard]] bool any_given() const noexcept { return match.given || none_match.given; }
  /// What a read of an existing value answers: 200, 304 or 412.
  [[nodiscard]] int status_of_read(std::uint64_t version) const noexcept;
};

/// errc::invalid_argument when a field is no list of entity tags, or given twice.
[[nodiscard]] expected<void> read_conditions(const http_request& request, request_conditions& c);

/// The value of `?ttl=`, the only parameter; errc::invalid_argument when it is none, or not above zero.
[[nodiscard]] expected<duration> read_ttl(std::string_view query);

/// The condition of a write. `never` means that it cannot hold: 412 at once.
struct write_rule {
  write_condition condition = write_condition::none;
  std::uint64_t version = 0;
  bool never = false;
};

/// errc::invalid_argument for what cannot be decided in one step (several tags, both fields, or a
/// version under If-None-Match).
[[nodiscard]] expected<write_rule> rule_for_write(const request_conditions& c);

}  // namespace troupe
