// What the rows of the key table are written with; the rows themselves are keys_of_cluster.cpp,
// keys_of_cache.cpp and keys_of_services.cpp. The text of a row is what config/troupe.toml says above the key.
#pragma once

#include <initializer_list>

#include "config/key.hpp"

namespace troupe {

namespace units {

inline constexpr std::int64_t kilobytes = kib;
inline constexpr std::int64_t megabytes = mib;
inline constexpr std::int64_t gigabytes = 1024 * mib;
inline constexpr std::int64_t ms = 1'000'000;
inline constexpr std::int64_t s = 1000 * ms;
inline constexpr std::int64_t minutes = 60 * s;
inline constexpr std::int64_t hours = 60 * minutes;
inline constexpr std::int64_t days = 24 * hours;

}  // namespace units

/// For key::in: one member of one section.
template <auto Section, auto Member>
field in(config& c, const std::string& /*block*/) {
  return &(c.*Section.*Member);
}

/// For key::in: one member of the cache called `block`.
template <auto Member>
field in_block(config& c, const std::string& block) {
  return &(c.caches[block].*Member);
}

/// The rows of several sections in one list.
[[nodiscard]] std::vector<key> joined_rows(std::initializer_list<std::vector<key>> groups);

/// [node], [cluster], [gossip], [election], [kvs].
[[nodiscard]] std::vector<key> keys_of_cluster();

/// [cache], [caches.NAME].
[[nodiscard]] std::vector<key> keys_of_cache();

/// [http], [resp], those of the cache, [db], [entities], [events], [log].
[[nodiscard]] std::vector<key> keys_of_services();

}  // namespace troupe
