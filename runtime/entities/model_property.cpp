// One property of a model: its type, what it may hold, how it may be asked for.
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include <troupe/fenced_sql.hpp>

#include "runtime/entities/formats.hpp"
#include "runtime/entities/model_draft.hpp"
#include "runtime/entities/names.hpp"

namespace troupe {
namespace {

struct type_row {
  std::string_view name;
  value_kind kind;
  std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  std::int64_t highest = std::numeric_limits<std::int64_t>::max();
};

template <class Integer>
constexpr type_row whole(std::string_view name) {
  return {name, value_kind::integer, static_cast<std::int64_t>(std::numeric_limits<Integer>::min()),
          static_cast<std::int64_t>(std::numeric_limits<Integer>::max())};
}
// What a column of 64 bits with a sign can hold of it.
constexpr type_row natural(std::string_view name) { return {name, value_kind::integer, 0}; }

constexpr std::array types{type_row{"string", value_kind::text},
                           type_row{"bool", value_kind::boolean},
                           natural("uint"),
                           whole<std::uint8_t>("uint8"),
                           whole<std::uint16_t>("uint16"),
                           whole<std::uint32_t>("uint32"),
                           natural("uint64"),
                           type_row{"int", value_kind::integer},
                           whole<std::int8_t>("int8"),
                           whole<std::int16_t>("int16"),
                           whole<std::int32_t>("int32"),
                           type_row{"int64", value_kind::integer},
                           type_row{"float32", value_kind::real},
                           type_row{"float64", value_kind::real}};

class property_reader {
 public:
  property_reader(const std::string& place, const ordered_json& value, model_draft& draft)
      : place_(place), value_(value), draft_(draft) {}

  property_spec read(const std::string& name) {
    property_spec p;
    p.name = name;
    p.field = snake_case(name);
    read_type(p);
    p.required = flag("required");
    p.stored = !flag("no_db");
    p.unique = flag("unique");
    read_index(p);
    read_format(p);
    read_selectable(p);
    read_fallback(p);
    if (!p.stored && (p.unique || p.indexed)) fault("", "is not stored (no_db) and can have no index");
    return p;
  }

 private:
  void fault(const char* key, const std::string& what) {
    draft_.faults.add(*key == '\0' ? place_ : place_ + "." + key, what);
  }

  bool flag(const char* key) {
    const auto found = value_.find(key);
    if (found == value_.end() || found->is_null()) return false;
    if (found->is_boolean()) return found->get<bool>();
    fault(key, "must be true or false, is " + type_words(*found));
    return false;
  }

  void read_type(property_spec& p) {
    const auto type = text_of(place_, value_, "type", draft_);
    for (const auto& row : types) {
      if (row.name != type) continue;
      p.kind = row.kind;
      p.lowest = row.lowest;
      p.highest = row.highest;
      p.single = row.name == "float32";
      return;
    }
    std::string known;
    for (const auto& row : types) known.append(known.empty() ? "" : ", ").append(row.name);
    fault("type", "must be one of " + known + ", is '" + type + "'");
  }

  void read_index(property_spec& p) {
    const auto index = text_of(place_, value_, "index", draft_);
    if (index == "unique")
      p.unique = true;
    else if (index == "nonUnique")
      p.indexed = true;
    else if (!index.empty())
      fault("index", "must be empty, unique or nonUnique, is '" + index + "'");
  }

  void read_format(property_spec& p) {
    const auto format = text_of(place_, value_, "format", draft_);
    if (format.empty()) return;
    if (p.kind != value_kind::text || !is_known_format(format))
      return draft_.warnings.add(place_ + ".format", "'" + format + "' is not known here and not checked");
    p.format = format;
  }

  void read_selectable(property_spec& p) {
    std::string list = text_of(place_, value_, "selectable", draft_);
    for (std::size_t at = 0; at < list.size();) {
      const auto end = std::min(list.find(',', at), list.size());
      auto word = std::string_view(list).substr(at, end - at);
      at = end + 1;
      while (!word.empty() && word.front() == ' ') word.remove_prefix(1);
      while (!word.empty() && word.back() == ' ') word.remove_suffix(1);
      const auto op = filter_operator_of(lower_case(word));
      if (!op)
        fault("selectable", "'" + std::string(word) + "' is none of eq, ne, lt, le, gt, ge, like, in");
      else if (*op == filter_operator::like && p.kind != value_kind::text)
        draft_.warnings.add(place_ + ".selectable", "like is for text and left out");
      else if (!p.stored)
        draft_.warnings.add(place_ + ".selectable", "it is not stored (no_db) and cannot be asked for");
      else
        p.selectable.add(*op);
    }
  }

  // Null, and empty text as the generator wrote it, are no default.
  void read_fallback(property_spec& p) {
    const auto found = value_.find("default");
    if (found == value_.end() || found->is_null() ||
        (found->is_string() && found->get_ref<const std::string&>().empty()))
      return;
    p.fallback = found->is_string() ? of_text(p, found->get_ref<const std::string&>()) : of_value(p, *found);
    if (!p.fallback) fault("default", "must be a value of the property's type, is " + found->dump());
  }

  static std::optional<sql_value> of_value(const property_spec& p, const ordered_json& v) {
    if (p.kind == value_kind::boolean && v.is_boolean()) return v.get<bool>();
    if (p.kind == value_kind::real && v.is_number()) return v.get<double>();
    if (p.kind != value_kind::integer || !v.is_number_integer()) return std::nullopt;
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (v.is_number_unsigned() && v.get<std::uint64_t>() > most) return std::nullopt;
    const auto n = v.get<std::int64_t>();
    return n >= p.lowest && n <= p.highest ? std::optional<sql_value>(n) : std::nullopt;
  }

  static std::optional<sql_value> of_text(const property_spec& p, const std::string& text) {
    const auto* end = text.data() + text.size();
    if (p.kind == value_kind::text && is_storable_text(text) && has_format(text, p.format)) return text;
    if (p.kind == value_kind::boolean && (text == "true" || text == "false")) return text == "true";
    if (p.kind == value_kind::integer) {
      std::int64_t n = 0;
      const auto read = std::from_chars(text.data(), end, n);
      if (read.ec == std::errc{} && read.ptr == end && n >= p.lowest && n <= p.highest) return n;
    }
    if (p.kind == value_kind::real) {
      double d = 0;
      const auto read = std::from_chars(text.data(), end, d);
      if (read.ec == std::errc{} && read.ptr == end && std::isfinite(d)) return d;
    }
    return std::nullopt;
  }

  const std::string& place_;
  const ordered_json& value_;
  model_draft& draft_;
};

}  // namespace

void read_property(const std::string& place, const std::string& name, const ordered_json& value, entity_draft& to,
                   model_draft& draft) {
  if (!is_object_with(place, value,
                      {"type", "format", "required", "unique", "index", "selectable", "default", "no_db", "db_type",
                       "ref_entity", "ref_field"},
                      draft))
    return;
  if (!is_model_name(name))
    return draft.faults.add(
        place, "a name has 1 to " + std::to_string(model_name_bytes_max) + " letters, digits or _, a letter first");
  auto p = property_reader(place, value, draft).read(name);
  if (p.field == id_field)
    draft.faults.add(place, "'" + name + "' is reserved: each row has an id, given by the database");
  else if (is_sql_word(p.field) || is_sql_word(lower_case(name)))
    draft.faults.add(place, "'" + name + "' is a reserved word");
  if (p.field.size() > sql_name_bytes_max) draft.faults.add(place, "the name of the column is too long");
  if (to.spec.find(p.field) != nullptr) draft.faults.add(place, "another property has the name " + p.field);
  if (value.contains("db_type") && !text_of(place, value, "db_type", draft).empty())
    draft.warnings.add(place + ".db_type", "is left out: the column follows from the type");
  const auto entity = text_of(place, value, "ref_entity", draft);
  if (!entity.empty() && !p.stored) draft.faults.add(place + ".ref_entity", "is not for what is not stored (no_db)");
  if (!entity.empty())
    to.references.push_back({place, p.field, entity, snake_case(text_of(place, value, "ref_field", draft))});
  to.spec.properties.push_back(std::move(p));
}

}  // namespace troupe
