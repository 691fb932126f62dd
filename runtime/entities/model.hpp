// A model of entities after it was read and found sound: what tables, checks, statements and routes are made from.
//
// Names: `name` is the model's (LibraryID), `field` that of JSON and of the column (library_id). A row has besides
// them the columns id, given by the database, and _version, raised by each write. Never changes once made.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/sql_value.hpp>

namespace troupe {

inline constexpr std::string_view id_field = "id";
inline constexpr std::string_view version_column = "_version";

enum class value_kind : std::uint8_t { text, boolean, integer, real };

/// "text", "boolean", "integer", "real".
[[nodiscard]] std::string_view name_of(value_kind kind) noexcept;

enum class filter_operator : std::uint8_t { eq, ne, lt, le, gt, ge, like, in };

/// "eq", ...
[[nodiscard]] std::string_view name_of(filter_operator op) noexcept;
[[nodiscard]] std::optional<filter_operator> filter_operator_of(std::string_view name) noexcept;

/// Which operators a field may be filtered by.
class operator_set {
 public:
  void add(filter_operator op) noexcept { bits_ |= bit(op); }
  [[nodiscard]] bool has(filter_operator op) const noexcept { return (bits_ & bit(op)) != 0; }
  [[nodiscard]] bool empty() const noexcept { return bits_ == 0; }
  /// "eq, like", or "none".
  [[nodiscard]] std::string names() const;

 private:
  static std::uint16_t bit(filter_operator op) noexcept {
    return static_cast<std::uint16_t>(1U << static_cast<unsigned>(op));
  }
  std::uint16_t bits_ = 0;
};

struct reference_spec {
  std::size_t entity = 0;
  std::string field;  // id, or a unique one
};

struct property_spec {
  std::string name;
  std::string field;
  value_kind kind = value_kind::text;
  std::int64_t lowest = std::numeric_limits<std::int64_t>::min();  // of integers
  std::int64_t highest = std::numeric_limits<std::int64_t>::max();
  bool single = false;  // of reals: float32
  std::string format;   // of texts; empty: any
  bool required = false;
  bool unique = false;
  bool indexed = false;
  bool stored = true;
  std::optional<sql_value> fallback;  // the value of a field that is not given
  operator_set selectable;
  std::optional<reference_spec> refers_to;
};

struct index_spec {
  std::vector<std::string> fields;
  bool unique = false;
};

enum class relation_kind : std::uint8_t { has_one, has_many, belongs_to };

/// Rows of `target` whose target_field is this row's own_field.
struct relation_spec {
  std::string name;
  std::vector<std::string> paths;  // tobooks, books
  relation_kind kind = relation_kind::has_many;
  std::size_t target = 0;
  std::string own_field;
  std::string target_field;
};

struct entity_spec {
  std::string type_name;
  std::string path;   // in lower case
  std::string table;  // in snake case
  std::int64_t first_id = 1;
  std::vector<property_spec> properties;
  std::vector<index_spec> composites;
  std::vector<relation_spec> relations;

  [[nodiscard]] const property_spec* find(std::string_view field) const noexcept;
  [[nodiscard]] const relation_spec* find_relation(std::string_view path_part) const noexcept;
};

struct entity_model {
  std::vector<entity_spec> entities;

  [[nodiscard]] const entity_spec* find(std::string_view path) const noexcept;
};

}  // namespace troupe
