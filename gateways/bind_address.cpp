// Addresses as a person writes them in a `bind` setting.
#include <algorithm>
#include <charconv>
#include <memory>
#include <string>

#include <ifaddrs.h>
#include <netinet/in.h>

#include "gateways/listener.hpp"

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

}  // namespace

expected<ip::tcp::endpoint> parse_bind(std::string_view bind) {
  const auto colon = bind.rfind(':');
  if (colon == std::string_view::npos) return fail(errc::invalid_argument, "it must be host:port");
  std::uint16_t port = 0;
  const auto digits = bind.substr(colon + 1);
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failed != std::errc{} || end != digits.data() + digits.size())
    return fail(errc::invalid_argument, "its port must be 0 to 65535");

  auto host = bind.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find(':') != std::string_view::npos)
    return fail(errc::invalid_argument, "a v6 address must stand in brackets");
  return address_of_host(host).map([port](const ip::address& a) { return ip::tcp::endpoint(a, port); });
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
