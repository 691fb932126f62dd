// What members tell each other by multicast, and its bytes (troupe/wire/announcement.proto).
#pragma once

#include <string>
#include <string_view>

#include <troupe/error.hpp>
#include <troupe/ids.hpp>

namespace troupe {

struct announcement {
  static constexpr std::size_t bytes_max = 512;

  std::string cluster;
  std::string address;  // "ip:port", numeric
  incarnation_id id;
  bool searching = false;
};

[[nodiscard]] std::string encode(const announcement& a);
/// errc::corrupt when it is malformed, breaks a limit or bears no numeric address.
[[nodiscard]] expected<announcement> decode_announcement(std::string_view bytes);

}  // namespace troupe
