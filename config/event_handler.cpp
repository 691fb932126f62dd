#include "config/event_handler.hpp"

#include <algorithm>

namespace troupe {

namespace {

constexpr std::string_view user_prefix = "user:";
constexpr std::string_view query_prefix = "query:";
constexpr std::size_t name_max = 64;

bool is_kind(std::string_view text) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  return !text.empty() && text.size() <= name_max && std::all_of(text.begin(), text.end(), fits);
}

bool is_name(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-' || c == ':' || c == '/';
  };
  return !text.empty() && text.size() <= name_max && std::all_of(text.begin(), text.end(), fits);
}

bool is_filter(std::string_view text) {
  if (text == "*") return true;
  if (text.starts_with(user_prefix)) return is_name(text.substr(user_prefix.size()));
  if (text.starts_with(query_prefix)) return is_name(text.substr(query_prefix.size()));
  return is_kind(text);
}

}  // namespace

bool event_handler_spec::handles_event(std::string_view kind, std::string_view name) const {
  return std::any_of(filters.begin(), filters.end(), [&](std::string_view f) {
    if (f == "*" || f == kind) return true;
    if (kind != "user_event") return false;
    return f == "user" || (f.starts_with(user_prefix) && f.substr(user_prefix.size()) == name);
  });
}

bool event_handler_spec::handles_query(std::string_view name) const {
  return std::any_of(filters.begin(), filters.end(), [&](std::string_view f) {
    return f == "query" || (f.starts_with(query_prefix) && f.substr(query_prefix.size()) == name);
  });
}

expected<event_handler_spec> parse_event_handler(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == text.npos) return fail(errc::invalid_argument, "is not FILTER=/path");
  event_handler_spec spec;
  spec.path = text.substr(equals + 1);
  if (!spec.path.starts_with('/') || spec.path.find('\0') != std::string::npos) {
    return fail(errc::invalid_argument, "needs an absolute path after the =");
  }
  for (std::string_view rest = text.substr(0, equals);;) {
    const auto bar = rest.find('|');
    const auto filter = rest.substr(0, bar);
    if (!is_filter(filter)) {
      return fail(errc::invalid_argument, "has the filter '" + std::string(filter) +
                                              "': a kind of event, user, user:NAME, query, query:NAME or *");
    }
    spec.filters.emplace_back(filter);
    if (bar == rest.npos) return spec;
    rest = rest.substr(bar + 1);
  }
}

}  // namespace troupe
