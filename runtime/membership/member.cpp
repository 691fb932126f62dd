#include "runtime/membership/member.hpp"

#include <algorithm>

namespace troupe::membership {

namespace {

/// The bytes of the well-formed UTF-8 character at the front of `s` (Unicode 15, table 3-7); 0 when there is none.
std::size_t character_bytes(std::string_view s) noexcept {
  const auto byte = [s](std::size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0U; };
  const auto follows = [&byte](std::size_t i) { return byte(i) >= 0x80 && byte(i) <= 0xbf; };
  const unsigned first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && second < 0xa0, surrogate = first == 0xed && second > 0x9f;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool overlong = first == 0xf0 && second < 0x90, beyond = first == 0xf4 && second > 0x8f;
    return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

}  // namespace

bool is_text(std::string_view s, std::size_t bytes_max) noexcept {
  if (s.size() > bytes_max) return false;
  while (!s.empty()) {
    const auto first = static_cast<unsigned char>(s.front());
    const auto bytes = character_bytes(s);
    if (bytes == 0 || first < 0x20 || first == 0x7f) return false;
    s.remove_prefix(bytes);
  }
  return true;
}

expected<void> check(const attributes& a) {
  if (a.meta.size() > meta_bytes_max) return fail(errc::too_large, "meta of a member");
  if (a.services.size() > services_max) return fail(errc::too_large, "services of a member");
  if (a.tags.size() > tags_max) return fail(errc::too_large, "tags of a member");
  const auto is_name = [](const std::string& s) { return is_text(s, name_bytes_max); };
  if (!std::all_of(a.services.begin(), a.services.end(), is_name)) {
    return fail(errc::invalid_argument, "the name of a service is no text or too long");
  }
  for (const auto& [key, value] : a.tags) {
    if (!is_name(key) || !is_text(value, tag_value_bytes_max)) {
      return fail(errc::invalid_argument, "tag '" + key.substr(0, name_bytes_max) + "' is no text or too long");
    }
  }
  return {};
}

}  // namespace troupe::membership
