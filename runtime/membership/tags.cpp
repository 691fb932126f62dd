#include "runtime/membership/tags.hpp"

#include <algorithm>
#include <string_view>

#include "runtime/membership/member.hpp"

namespace troupe::membership {

namespace {

bool is_tag_name(std::string_view name) noexcept {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= name_bytes_max && std::all_of(name.begin(), name.end(), fits);
}

}  // namespace

expected<std::map<std::string, std::string>> changed(std::map<std::string, std::string> tags, const tag_change& c) {
  for (const auto& name : c.erase) tags.erase(name);
  for (const auto& [name, value] : c.set) {
    const std::string shown = is_text(name, name_bytes_max) ? name : "?";
    if (!is_tag_name(name)) {
      return fail(errc::invalid_argument, "a tag's name has 1 to 64 letters, digits, . _ or -, is '" + shown + "'");
    }
    if (value.size() > live_tag_value_max) {
      return fail(errc::too_large,
                  "the value of tag '" + shown + "' has more than " + std::to_string(live_tag_value_max) + " bytes");
    }
    if (!is_text(value, live_tag_value_max)) {
      return fail(errc::invalid_argument,
                  "the value of tag '" + shown + "' is no UTF-8 text without control characters");
    }
    tags[name] = value;
  }
  if (tags.size() > live_tags_max) {
    return fail(errc::too_large, "a member has at most " + std::to_string(live_tags_max) + " tags");
  }
  return tags;
}

}  // namespace troupe::membership
