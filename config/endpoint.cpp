#include "config/endpoint.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace troupe {
namespace {

constexpr std::size_t interface_name_max = 15;  // IFNAMSIZ without its zero
constexpr std::size_t host_name_max = 253;
constexpr std::size_t label_max = 63;

bool is_v4(const std::string& host) noexcept {
  in_addr unused{};
  return ::inet_pton(AF_INET, host.c_str(), &unused) == 1;
}

bool is_v6(const std::string& host) noexcept {
  in6_addr unused{};
  return ::inet_pton(AF_INET6, host.c_str(), &unused) == 1;
}

/// Digits and dots only: it was meant as an IPv4 address.
bool looks_like_v4(std::string_view host) noexcept {
  return host.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool is_label(std::string_view label) noexcept {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !label.empty() && label.size() <= label_max && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), allowed);
}

}  // namespace

std::optional<endpoint> parse_endpoint(std::string_view text) {
  endpoint e;
  std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    e.host = host.substr(1, host.size() - 2);
    if (e.host.find(':') == std::string::npos) return std::nullopt;
  } else {
    e.host = host;
    if (e.host.find_first_of(":[]") != std::string::npos) return std::nullopt;
  }
  const std::string_view port = text.substr(colon + 1);
  const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), e.port);
  if (failed != std::errc() || end != port.data() + port.size() || e.host.empty()) return std::nullopt;
  return e;
}

bool is_address(const std::string& host) noexcept {
  if (is_v4(host)) return true;
  const std::size_t zone = host.find('%');
  if (zone == std::string::npos) return is_v6(host);
  return is_v6(host.substr(0, zone)) && is_interface_name(std::string_view(host).substr(zone + 1));
}

bool is_wildcard(std::string_view host) noexcept { return host == "0.0.0.0" || host == "::"; }

bool is_multicast_v4(const std::string& host) noexcept {
  in_addr v4{};
  return ::inet_pton(AF_INET, host.c_str(), &v4) == 1 && (ntohl(v4.s_addr) >> 28) == 14;
}

bool is_loopback(const std::string& host) noexcept {
  if (host == "localhost" || host == "lo") return true;
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool is_interface_name(std::string_view host) noexcept {
  const auto allowed = [](char c) { return c > ' ' && c < 0x7f && c != '/' && c != ':' && c != '[' && c != ']'; };
  return !host.empty() && host.size() <= interface_name_max && !looks_like_v4(host) &&
         std::all_of(host.begin(), host.end(), allowed);
}

bool is_host_name(std::string_view host) noexcept {
  if (host.size() > host_name_max || looks_like_v4(host)) return false;
  while (true) {
    const std::size_t dot = host.find('.');
    if (!is_label(host.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    host.remove_prefix(dot + 1);
  }
}

}  // namespace troupe
