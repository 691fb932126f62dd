// host:port as it is written in the configuration: taken apart and judged by its looks. Nothing is
// resolved here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

struct endpoint {
  std::string host;  // of [v6] without the brackets
  std::uint16_t port = 0;
};

/// "127.0.0.1:7070", "[::1]:7070", "eth0:7070", "db.example.org:5432". Nothing for other text, an
/// empty host, a port above 65535, and a v6 address without brackets.
[[nodiscard]] std::optional<endpoint> parse_endpoint(std::string_view text);

/// An IPv4 or IPv6 address; the latter may have a zone (fe80::1%eth0).
[[nodiscard]] bool is_address(const std::string& host) noexcept;

/// 0.0.0.0 or ::, which bind to all and reach nobody.
[[nodiscard]] bool is_wildcard(std::string_view host) noexcept;

/// 224.0.0.0/4.
[[nodiscard]] bool is_multicast_v4(const std::string& host) noexcept;

/// 127.0.0.0/8, ::1, localhost, or the interface lo.
[[nodiscard]] bool is_loopback(const std::string& host) noexcept;

/// Something that Linux would take as an interface's name and is no broken address.
[[nodiscard]] bool is_interface_name(std::string_view host) noexcept;

/// Labels of letters, digits and hyphens, up to 253 bytes; not a broken address.
[[nodiscard]] bool is_host_name(std::string_view host) noexcept;

}  // namespace troupe
