#include "runtime/entities/list_query.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "runtime/entities/fault_list.hpp"
#include "runtime/entities/formats.hpp"

namespace troupe {
namespace {

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number n{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), n);
  if (text.empty() || read.ec != std::errc{} || read.ptr != text.data() + text.size()) return std::nullopt;
  return n;
}

std::optional<sql_value> value_of(value_kind kind, std::string_view text) {
  if (text.size() > list_value_bytes_max) return std::nullopt;
  switch (kind) {
    case value_kind::text:
      if (!is_storable_text(text)) return std::nullopt;
      return std::string(text);
    case value_kind::boolean:
      if (text != "true" && text != "false") return std::nullopt;
      return text == "true";
    case value_kind::integer:
      if (const auto n = number_of<std::int64_t>(text)) return *n;
      return std::nullopt;
    case value_kind::real:
      if (const auto n = number_of<double>(text); n && std::isfinite(*n)) return *n;
      return std::nullopt;
  }
  return std::nullopt;
}

class reader {
 public:
  reader(const entity_spec& e, const list_limits& limits) : e_(e), limits_(limits) {
    query_.limit = std::min(query_.limit, limits.rows_max);
  }

  answered<list_query> read(const query_pairs& parameters) {
    for (const auto& [name, value] : parameters) read_one(name, value);
    query_.scope = token_scope(limits_.scope, query_.filters);
    if (next_) {
      query_.after = read_page_token(e_, query_, *next_);
      if (!query_.after) faults_.add("$next", "is damaged, or was given for another list, $orderby or other filters");
      if (query_.offset != 0) faults_.add("$offset", "is not for a page that $next names");
    }
    if (!faults_.empty()) return refuse(errc::invalid_argument, "the query is not understood", faults_.take());
    return std::move(query_);
  }

 private:
  void read_one(const std::string& name, const std::string& value) {
    if (name.starts_with('$') && !given_.insert(name).second) faults_.add(name, "is given twice");
    if (name == "$limit") return read_number(name, value, 1, limits_.rows_max, query_.limit);
    if (name == "$offset") return read_number(name, value, 0, list_offset_max, query_.offset);
    if (name == "$orderby") return read_order(value);
    if (name == "$count") return read_count(value);
    if (name == "$next") {
      next_ = value;
      return;
    }
    read_filter(name, value);
  }

  void read_number(const std::string& name, const std::string& value, std::uint32_t least, std::uint32_t most,
                   std::uint32_t& to) {
    const auto n = number_of<std::uint32_t>(value);
    if (n && *n >= least && *n <= most) {
      to = *n;
      return;
    }
    faults_.add(name, "must be from " + std::to_string(least) + " to " + std::to_string(most));
  }

  void read_count(const std::string& value) {
    if (value.empty() || value == "true")
      query_.count = true;
    else if (value != "false")
      faults_.add("$count", "must be true or false");
  }

  // "name", "name asc", "name desc"
  void read_order(const std::string& value) {
    const auto blank = value.find(' ');
    const auto field = value.substr(0, blank);
    const auto way = blank == value.npos ? "asc" : value.substr(blank + 1);
    const auto* p = e_.find(field);
    if (field != id_field && (p == nullptr || !p->stored))
      return faults_.add("$orderby", "names no field that is stored; as in $orderby=name desc");
    if (way != "asc" && way != "desc") return faults_.add("$orderby", "goes asc or desc");
    query_.order = field;
    query_.descending = way == "desc";
  }

  void read_filter(const std::string& name, const std::string& value) {
    static const operator_set of_id = [] {
      operator_set all;
      for (const char* op : {"eq", "ne", "lt", "le", "gt", "ge", "in"}) all.add(*filter_operator_of(op));
      return all;
    }();
    const auto place = name.size() <= 64 ? name : name.substr(0, 64) + "...";
    const auto* p = e_.find(name);
    if (p == nullptr && name != id_field) return faults_.add(place, "there is no such field or parameter");
    const auto& allowed = p != nullptr ? p->selectable : of_id;
    const auto colon = value.find(':');
    const auto op = filter_operator_of(std::string_view(value).substr(0, colon));
    if (colon == value.npos || !op) return faults_.add(place, "must be OPERATOR:VALUE; it takes " + allowed.names());
    if (!allowed.has(*op))
      return faults_.add(place, "does not take " + std::string(name_of(*op)) + "; it takes " + allowed.names());
    if (query_.filters.size() == list_filters_max)
      return faults_.add(place, "there are more than " + std::to_string(list_filters_max) + " filters");
    list_filter f{name, p != nullptr ? p->kind : value_kind::integer, *op, {}};
    if (read_values(place, std::string_view(value).substr(colon + 1), f)) query_.filters.push_back(std::move(f));
  }

  bool read_values(const std::string& place, std::string_view text, list_filter& f) {
    for (bool more = true; more;) {
      const auto comma = f.op == filter_operator::in ? text.find(',') : text.npos;
      auto v = value_of(f.kind, text.substr(0, comma));
      if (!v) {
        faults_.add(place, "is compared with a value that is not " + std::string(name_of(f.kind)) + ", or too long");
        return false;
      }
      if (f.values.size() == list_in_max) {
        faults_.add(place, "in takes at most " + std::to_string(list_in_max) + " values");
        return false;
      }
      f.values.push_back(std::move(*v));
      more = comma != text.npos;
      if (more) text.remove_prefix(comma + 1);
    }
    return true;
  }

  const entity_spec& e_;
  const list_limits& limits_;
  list_query query_;
  std::set<std::string> given_;  // of the parameters of the list itself
  std::optional<std::string> next_;
  fault_list faults_;
};

}  // namespace

answered<list_query> read_list_query(const entity_spec& e, const query_pairs& parameters, const list_limits& limits) {
  return reader(e, limits).read(parameters);
}

}  // namespace troupe
