// A row as it lies in the cache of rows: its version in eight bytes, then its JSON with the end of the line, as it is
// answered. Its key is the path below /v1/entities: "book/7".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

struct cached_row {
  std::int64_t version = 0;
  std::string_view text;
};

/// `json` without the end of the line.
[[nodiscard]] std::string pack_cached_row(std::int64_t version, std::string_view json);
/// None: these bytes are no row.
[[nodiscard]] std::optional<cached_row> read_cached_row(std::string_view bytes) noexcept;

struct cached_row_key {
  std::string_view entity;  // its path
  std::int64_t id = 0;
};
[[nodiscard]] std::string text_of(const cached_row_key& key);
[[nodiscard]] std::optional<cached_row_key> read_cached_row_key(std::string_view text) noexcept;

}  // namespace troupe
