// Accepts the TCP connections of the cluster address and hands each socket to an I/O thread in turn.
// No SO_REUSEPORT: a second node on the same port must fail.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <troupe/error.hpp>

#include "actors/io_pool.hpp"

namespace troupe {

class link_listener : public std::enable_shared_from_this<link_listener> {
 public:
  using tcp = boost::asio::ip::tcp;
  using accepted = std::function<void(tcp::socket)>;

  explicit link_listener(io_pool& io);

  /// Binds; a port of 0 picks one. errc::unavailable with the address when that fails. Not yet accepting.
  [[nodiscard]] expected<void> bind(const std::string& address);
  [[nodiscard]] std::string address() const;

  /// Accepts from now on; `done` runs on the first I/O thread.
  void start(accepted done);
  void close();

 private:
  void accept_next();

  io_pool& io_;
  tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  accepted done_;
};

}  // namespace troupe
