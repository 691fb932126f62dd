#include "actors/link/endpoint.hpp"

#include <charconv>

namespace troupe {

expected<host_and_port> split_address(std::string_view address) {
  const auto colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0)
    return fail(errc::invalid_argument, "\"" + std::string(address) + "\" is not host:port");
  auto host = address.substr(0, colon);
  const auto port = address.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  std::uint16_t number = 0;
  const auto [end, fault] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (fault != std::errc() || end != port.data() + port.size())
    return fail(errc::invalid_argument, "\"" + std::string(address) + "\" has no port of 0..65535");
  return host_and_port{std::string(host), std::string(port)};
}

std::string to_address(const boost::asio::ip::tcp::endpoint& endpoint) {
  const auto host = endpoint.address().to_string();
  const auto port = std::to_string(endpoint.port());
  return endpoint.address().is_v6() ? "[" + host + "]:" + port : host + ":" + port;
}

}  // namespace troupe
