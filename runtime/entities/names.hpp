// How names of a model become names of JSON, SQL and paths, and which names it may not use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

inline constexpr std::size_t model_name_bytes_max = 40;
inline constexpr std::size_t table_name_bytes_max = 46;  // statements are named after it

/// LibraryID -> library_id, isoCode -> iso_code, HTTPServer -> http_server.
[[nodiscard]] std::string snake_case(std::string_view name);

/// ASCII letters in lower case.
[[nodiscard]] std::string lower_case(std::string_view name);

/// [A-Za-z][A-Za-z0-9_]*, at most model_name_bytes_max.
[[nodiscard]] bool is_model_name(std::string_view name) noexcept;

/// A word that SQL (either database) reserves, in lower case.
[[nodiscard]] bool is_sql_word(std::string_view word) noexcept;

/// A name for an object of the schema: `parts` joined by _, cut and marked by a hash when PostgreSQL would cut it.
[[nodiscard]] std::string schema_name(std::string_view joined, std::string_view ending);

/// FNV-1a: notices damage and tells texts apart; no protection against intent.
[[nodiscard]] std::uint32_t text_hash(std::string_view text) noexcept;

/// Eight hexadecimal digits.
[[nodiscard]] std::string hash_digits(std::uint32_t hash);

}  // namespace troupe
