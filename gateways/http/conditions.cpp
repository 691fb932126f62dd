#include "gateways/http/conditions.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "gateways/http/uri.hpp"

namespace troupe {

bool entity_tags::holds(std::uint64_t version) const noexcept {
  return any || std::find(versions.begin(), versions.end(), version) != versions.end();
}

expected<entity_tags> parse_entity_tags(std::string_view field) {
  entity_tags tags;
  tags.given = true;
  if (field == "*") {
    tags.any = true;
    return tags;
  }
  std::size_t count = 0;
  const auto refuse = [] { return fail(errc::invalid_argument, "not a list of entity tags such as \"7\""); };
  while (true) {
    while (field.starts_with(' ') || field.starts_with('\t')) field.remove_prefix(1);
    if (field.starts_with("W/")) {
      tags.weak = true;
      field.remove_prefix(2);
    }
    const auto end = field.starts_with('"') ? field.find('"', 1) : field.npos;
    if (end == field.npos || ++count > entity_tags_max) return refuse();
    std::uint64_t version = 0;
    const char* const last = field.data() + end;
    const auto read = std::from_chars(field.data() + 1, last, version);
    const bool ours = read.ec == std::errc() && read.ptr == last && (field[1] != '0' || end == 2);
    if (ours)
      tags.versions.push_back(version);
    else
      tags.foreign = true;
    field.remove_prefix(end + 1);
    while (field.starts_with(' ') || field.starts_with('\t')) field.remove_prefix(1);
    if (field.empty()) return tags;
    if (!field.starts_with(',')) return refuse();
    field.remove_prefix(1);
  }
}

expected<duration> read_ttl(std::string_view query) {
  const auto parameters = parse_query(query);
  if (!parameters || parameters->size() != 1) return fail(errc::invalid_argument, "ttl is given twice");
  auto ttl = parse_duration(parameters->front().second);
  if (!ttl) return fail(errc::invalid_argument, "ttl: " + ttl.error().context);
  if (*ttl <= duration::zero()) return fail(errc::invalid_argument, "ttl: must be above zero");
  return *ttl;
}

expected<void> read_conditions(const http_request& request, request_conditions& c) {
  for (const auto& [name, value] : request.fields) {
    const bool match = same_field_name(name, "If-Match");
    if (!match && !same_field_name(name, "If-None-Match")) continue;
    auto& place = match ? c.match : c.none_match;
    if (place.given) return fail(errc::invalid_argument, std::string(name) + " is given twice");
    auto tags = parse_entity_tags(value);
    if (!tags) return fail(errc::invalid_argument, std::string(name) + ": " + tags.error().context);
    place = std::move(*tags);
  }
  return {};
}

int request_conditions::status_of_read(std::uint64_t version) const noexcept {
  if (match.given && !(match.any || (!match.weak && match.holds(version)))) return 412;
  if (none_match.given && none_match.holds(version)) return 304;
  return 200;
}

expected<write_rule> rule_for_write(const request_conditions& c) {
  write_rule rule;
  if (c.match.given && c.none_match.given) {
    return fail(errc::invalid_argument, "If-Match and If-None-Match in one write");
  }
  if (c.none_match.given) {
    if (!c.none_match.any) return fail(errc::invalid_argument, "a write takes If-None-Match only as *");
    rule.condition = write_condition::if_absent;
  } else if (c.match.given && c.match.any) {
    rule.condition = write_condition::if_present;
  } else if (c.match.given) {
    if (c.match.versions.size() + (c.match.foreign ? 1 : 0) > 1) {
      return fail(errc::invalid_argument, "a write takes one entity tag in If-Match");
    }
    rule.never = c.match.foreign || c.match.weak;  // strong comparison: a weak tag matches nothing
    rule.condition = write_condition::if_version;
    rule.version = c.match.versions.empty() ? 0 : c.match.versions.front();
  }
  return rule;
}

}  // namespace troupe
