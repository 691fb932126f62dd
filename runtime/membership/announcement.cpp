#include "runtime/membership/announcement.hpp"

#include <algorithm>

namespace troupe::membership {

bool is_announcement_name(std::string_view name) noexcept {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-' || c == ':' || c == '/';
  };
  return !name.empty() && name.size() <= announcement_name_max && std::all_of(name.begin(), name.end(), fits);
}

expected<void> check(const announcement& a) {
  if (!is_announcement_name(a.name)) {
    return fail(errc::invalid_argument,
                "a name has 1 to " + std::to_string(announcement_name_max) + " letters, digits, or . _ - : /");
  }
  if (a.payload.size() > announcement_payload_max) {
    return fail(errc::too_large, "a payload has at most " + std::to_string(announcement_payload_max) + " bytes");
  }
  if (a.tags.size() > query_tags_max) {
    return fail(errc::too_large, "a query asks by at most " + std::to_string(query_tags_max) + " tags");
  }
  const auto sound = [](const auto& tag) {
    return !tag.first.empty() && is_text(tag.first, name_bytes_max) && is_text(tag.second, tag_value_bytes_max);
  };
  if (!std::all_of(a.tags.begin(), a.tags.end(), sound) || !is_text(a.service, name_bytes_max)) {
    return fail(errc::invalid_argument, "a tag or service that is asked for is no text or too long");
  }
  const bool timed = a.timeout >= query_timeout_min && a.timeout <= query_timeout_max;
  if (a.kind == announcement_kind::query && !timed) {
    return fail(errc::invalid_argument, "a query's timeout is from 10ms to 60s");
  }
  if (encode(a).size() > announcement_bytes_max) {
    return fail(errc::too_large,
                "name, payload and tags together exceed " + std::to_string(announcement_bytes_max) + " bytes");
  }
  return {};
}

bool is_asked(const announcement& query, const record& member) {
  if (!is_live(member.state)) return false;
  const auto& services = member.told.services;
  if (!query.service.empty() && std::find(services.begin(), services.end(), query.service) == services.end()) {
    return false;
  }
  return std::all_of(query.tags.begin(), query.tags.end(), [&member](const auto& wanted) {
    const auto at = member.told.tags.find(wanted.first);
    return at != member.told.tags.end() && at->second == wanted.second;
  });
}

}  // namespace troupe::membership
