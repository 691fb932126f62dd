// Addresses as people write them, read into endpoints.
#pragma once

#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>

#include <troupe/error.hpp>

namespace troupe {

/// Reads "host:port" into an endpoint: host is an IPv4 address, a v6 one in brackets, "localhost", "*"
/// or "" (all of IPv4), or an interface's name. errc::invalid_argument with a sentence otherwise.
[[nodiscard]] expected<boost::asio::ip::tcp::endpoint> parse_bind(std::string_view bind);

/// The same for a numeric address only ("10.0.0.1:7070", "[::1]:7070"): no interface is looked up.
[[nodiscard]] expected<boost::asio::ip::tcp::endpoint> parse_address(std::string_view address);

/// 127.0.0.0/8, ::1, and the former written as a v6 address.
[[nodiscard]] bool is_loopback(const boost::asio::ip::address& a);

/// "127.0.0.1:80", "[::1]:80".
[[nodiscard]] std::string to_string(const boost::asio::ip::tcp::endpoint& e);

}  // namespace troupe
