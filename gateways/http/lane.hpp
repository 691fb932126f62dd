// Everything of the HTTP door that belongs to one I/O thread: its connections, the one timer that sweeps
// over them (no timer a request), the clock text of the Date field, request ids, counters.
//
// Other threads come in by the gate only.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <troupe/config.hpp>

#include "gateways/http/counts.hpp"
#include "gateways/http/routes.hpp"

namespace troupe {

class http_session;

/// A connection that has left HTTP and stays on the lane's thread: a WebSocket.
class http_tenant {
 public:
  virtual ~http_tenant() = default;
  /// At once; calls http_lane::release.
  virtual void close() = 0;
};

/// What all lanes of a door share.
struct http_shared {
  const http_routes& routes;
  const http_config limits;
  const bool admin_allowed;
  std::atomic<std::uint64_t> connections{0};

  http_shared(const http_routes& r, const http_config& l, bool admin) : routes(r), limits(l), admin_allowed(admin) {}
};

/// The way into a lane's thread for everybody else. May outlive the lane, the door and the I/O threads:
/// once closed it drops what it is given.
class http_gate {
 public:
  explicit http_gate(boost::asio::io_context& io) : io_(io) {}

  template <class Function>
  void post(Function f) {
    const std::lock_guard lock(mutex_);
    if (!closed_) boost::asio::post(io_, std::move(f));
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }

 private:
  boost::asio::io_context& io_;  // not touched once closed
  std::mutex mutex_;
  bool closed_ = false;  // under mutex_
};

class http_lane : public std::enable_shared_from_this<http_lane> {
 public:
  static constexpr std::size_t request_id_size = 16;
  static constexpr std::uint64_t refused_lingering_max = 128;  // above connections_max: get a 503, the rest nothing
  static constexpr duration sweep_interval_max = std::chrono::seconds(1);
  static constexpr duration sweep_interval_min = std::chrono::milliseconds(5);

  http_lane(boost::asio::io_context& io, std::shared_ptr<http_shared> shared);

  void accept(boost::asio::ip::tcp::socket socket);
  void remove(http_session& session);
  /// Counts and keeps it until it is released; false when the lane drains.
  [[nodiscard]] bool adopt(std::shared_ptr<http_tenant> tenant);
  void release(http_tenant& tenant);

  /// Ends idle connections and streams, lets the others finish; then `drained` runs once.
  void drain(std::function<void()> drained);

  /// Closes every connection and the gate. From the lane's thread, or when it has stopped.
  void close();

  [[nodiscard]] const std::shared_ptr<http_gate>& gate() const noexcept { return gate_; }

  [[nodiscard]] const http_shared& shared() const noexcept { return *shared_; }
  [[nodiscard]] http_counts& counts() noexcept { return *counts_; }
  [[nodiscard]] const std::shared_ptr<http_counts>& counts_kept() const noexcept { return counts_; }
  [[nodiscard]] bool draining() const noexcept { return draining_; }
  [[nodiscard]] boost::asio::io_context& context() noexcept { return io_; }

  /// "Sat, 31 Jan 2026 23:59:59 GMT"; the view stays, its text follows the clock.
  [[nodiscard]] std::string_view date() noexcept;

  /// Writes request_id_size characters.
  void make_request_id(char* to) noexcept;

 private:
  void arm_sweep();
  void sweep();
  void tell_drained();
  void close_tenants();

  boost::asio::io_context& io_;
  std::shared_ptr<http_gate> gate_;
  std::shared_ptr<http_shared> shared_;
  std::shared_ptr<http_counts> counts_;
  std::vector<std::shared_ptr<http_session>> sessions_;  // session->slot() is its place
  std::vector<std::shared_ptr<http_tenant>> tenants_;
  boost::asio::steady_timer sweep_timer_;
  duration sweep_interval_;
  bool sweeping_ = false;
  bool draining_ = false;
  std::function<void()> drained_;
  std::int64_t date_second_ = -1;
  std::array<char, 32> date_{};
  std::uint64_t request_ids_;
};

}  // namespace troupe
