#include <troupe/ids.hpp>

#include <charconv>
#include <cstdio>

namespace troupe {

std::string to_string(const incarnation_id& id) {
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(id.high),
                static_cast<unsigned long long>(id.low));
  return text;
}

incarnation_id parse_incarnation_id(std::string_view text) noexcept {
  if (text.size() != 32) return {};
  incarnation_id id;
  const char* const middle = text.data() + 16;
  const auto high = std::from_chars(text.data(), middle, id.high, 16);
  const auto low = std::from_chars(middle, text.data() + 32, id.low, 16);
  const bool whole =
      high.ec == std::errc{} && high.ptr == middle && low.ec == std::errc{} && low.ptr == text.data() + 32;
  return whole ? id : incarnation_id{};
}

}  // namespace troupe
