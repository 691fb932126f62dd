#include "actors/net/bind_address.hpp"

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>

#include <ifaddrs.h>
#include <netinet/in.h>

namespace troupe {

namespace {

namespace ip = boost::asio::ip;

// The first IPv4 address of an interface, else its first v6 one that is routable.
expected<ip::address> address_of_interface(const std::string& name) {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return fail(errc::unavailable, "the interfaces of this host cannot be listed");
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> guard(all, &::freeifaddrs);
  ip::address v6;
  for (const auto* i = all; i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr || name != i->ifa_name) continue;
    if (i->ifa_addr->sa_family == AF_INET) {
      const auto* a = reinterpret_cast<const sockaddr_in*>(i->ifa_addr);
      return ip::address_v4(ntohl(a->sin_addr.s_addr));
    }
    if (i->ifa_addr->sa_family == AF_INET6 && v6.is_unspecified()) {
      ip::address_v6::bytes_type bytes;
      const auto* a = reinterpret_cast<const sockaddr_in6*>(i->ifa_addr);
      std::copy(std::begin(a->sin6_addr.s6_addr), std::end(a->sin6_addr.s6_addr), bytes.begin());
      const ip::address_v6 found(bytes);
      if (!found.is_link_local()) v6 = found;
    }
  }
  if (v6.is_unspecified())
    return fail(errc::invalid_argument, "\"" + name + "\" is neither an address nor an interface with one");
  return v6;
}

expected<ip::address> address_of_host(std::string_view host) {
  if (host.empty() || host == "*") return ip::address_v4::any();
  if (host == "localhost") return ip::address_v4::loopback();
  boost::system::error_code failed;
  const auto literal = ip::make_address(std::string(host), failed);
  if (!failed) return literal;
  return address_of_interface(std::string(host));
}

struct host_and_port {
  std::string_view host;
  std::uint16_t port = 0;
};

expected<host_and_port> split(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return fail(errc::invalid_argument, "it must be host:port");
  host_and_port parts;
  const auto digits = text.substr(colon + 1);
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), parts.port);
  if (failed != std::errc{} || end != digits.data() + digits.size())
    return fail(errc::invalid_argument, "its port must be 0 to 65535");

  parts.host = text.substr(0, colon);
  const bool bracketed = parts.host.size() >= 2 && parts.host.front() == '[' && parts.host.back() == ']';
  if (bracketed) parts.host = parts.host.substr(1, parts.host.size() - 2);
  if (!bracketed && parts.host.find(':') != std::string_view::npos)
    return fail(errc::invalid_argument, "a v6 address must stand in brackets");
  return parts;
}

}  // namespace

expected<ip::tcp::endpoint> parse_bind(std::string_view bind) {
  const auto parts = split(bind);
  if (!parts) return tl::unexpected(parts.error());
  return address_of_host(parts->host).map([&](const ip::address& a) { return ip::tcp::endpoint(a, parts->port); });
}

expected<ip::tcp::endpoint> parse_address(std::string_view address) {
  const auto parts = split(address);
  if (!parts) return tl::unexpected(parts.error());
  boost::system::error_code failed;
  const auto literal = ip::make_address(std::string(parts->host), failed);
  if (failed) return fail(errc::invalid_argument, "\"" + std::string(parts->host) + "\" is no numeric address");
  return ip::tcp::endpoint(literal, parts->port);
}

bool is_loopback(const ip::address& a) {
  if (a.is_v6() && a.to_v6().is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, a.to_v6()).is_loopback();
  return a.is_loopback();
}

std::string to_string(const ip::tcp::endpoint& e) {
  const auto host = e.address().to_string();
  const auto port = std::to_string(e.port());
  return e.address().is_v6() ? "[" + host + "]:" + port : host + ":" + port;
}

}  // namespace troupe
