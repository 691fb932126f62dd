// "host:port" as the cluster writes addresses: 127.0.0.1:7070, [::1]:7070, db-1.example:7070.
#pragma once

#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>

#include <troupe/error.hpp>

namespace troupe {

struct host_and_port {
  std::string host;
  std::string port;
};

/// errc::invalid_argument when there is no host or no port of 0..65535.
[[nodiscard]] expected<host_and_port> split_address(std::string_view address);

/// The inverse for a bound or connected endpoint.
[[nodiscard]] std::string to_address(const boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace troupe
