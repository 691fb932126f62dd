// What talk_routes say and read, as JSON. Bytes that are no UTF-8 are replaced when they are shown.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include <troupe/error.hpp>
#include <troupe/query.hpp>

namespace troupe {

using tag_map = std::map<std::string, std::string>;

/// {"tags": {...}}
[[nodiscard]] std::string tags_json(const tag_map& tags);
/// Reads {"zone": "b", ...}; errc::invalid_argument when it is anything else.
[[nodiscard]] expected<tag_map> read_tags(std::string_view body);
/// {"name": ..., "ltime": 7}
[[nodiscard]] std::string said_json(const std::string& name, std::uint64_t time);
[[nodiscard]] std::string query_json(const std::string& name, const query_result& r);
/// {"a": ..., "b": ..., "rtt_ms": 1.25}
[[nodiscard]] std::string round_trip_json(const std::string& a, const std::string& b, duration d);

}  // namespace troupe
