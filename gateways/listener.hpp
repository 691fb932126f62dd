// One listening TCP socket in front of a door: accepts on the first I/O thread and hands the sockets
// to all threads in turn. A door (HTTP, RESP) adds what it does with a connection.
//
// It does not count or limit connections (the door does) and never uses SO_REUSEPORT, which would
// let a second node bind the same port in silence. When accepting fails (no descriptors left) it
// waits for `accept_backoff` instead of spinning.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "actors/io_pool.hpp"
#include "actors/net/bind_address.hpp"

namespace troupe {

class listener {
 public:
  using socket = boost::asio::ip::tcp::socket;
  /// Called on thread `loop` of the pool, to which the socket belongs: non-blocking, TCP_NODELAY set.
  using accept_callback = std::function<void(socket, std::size_t loop)>;

  static constexpr duration accept_backoff = std::chrono::milliseconds(100);
  static constexpr int backlog_max = 511;

  /// The pool must outlive the listener.
  explicit listener(io_pool& io);
  ~listener();

  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  /// Binds `bind` ("host:port", "[v6]:port", "interface:port"; port 0: any free one) and accepts.
  /// `key` names the setting in errors: errc::invalid_argument when `bind` cannot be read,
  /// errc::unavailable ("resp.bind 127.0.0.1:6380: Address already in use") when it cannot be bound.
  [[nodiscard]] expected<void> open(std::string_view key, std::string_view bind, accept_callback accepted);

  /// The bound address with its real port; empty when not open. Kept after close().
  [[nodiscard]] std::string address() const;

  /// True when only this host can reach it.
  [[nodiscard]] bool on_loopback() const;

  /// How often accepting failed; the counter outlives the listener, for a metrics reader.
  [[nodiscard]] std::shared_ptr<const std::atomic<std::uint64_t>> accept_failures() const noexcept;

  /// Accepts no more. After it returns the callback is not running and will not be called again.
  /// Idempotent, from any thread, but not from inside the callback.
  void close();

 private:
  class core;
  std::shared_ptr<core> core_;
};

}  // namespace troupe
