// "host:port" or "[v6]:port" of kvs.addresses, which configuration has checked, in the two parts that clients want.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

struct host_port {
  std::string host;
  std::uint16_t port = 0;
};

[[nodiscard]] inline host_port host_port_of(std::string_view address) {
  host_port parts;
  const auto colon = address.rfind(':');
  auto host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  parts.host = host;
  if (colon == std::string_view::npos) return parts;
  const auto digits = address.substr(colon + 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), parts.port);
  return parts;
}

}  // namespace troupe
