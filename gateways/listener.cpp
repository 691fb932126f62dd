#include "gateways/listener.hpp"

#include <mutex>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace troupe {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Shared with the handlers under way, so that a listener may be destroyed at any moment. The mutex
// covers the acceptor (close() comes from other threads) and every call of the callback.
class listener::core : public std::enable_shared_from_this<core> {
 public:
  explicit core(io_pool& io) : io_(io), acceptor_(io.context(0)), backoff_(io.context(0)) {}

  expected<void> open(std::string_view key, std::string_view bind, accept_callback accepted) {
    const auto place = std::string(key) + " " + std::string(bind);
    const auto endpoint = parse_bind(bind);
    if (!endpoint) return fail(endpoint.error().code, place + ": " + endpoint.error().context);

    const std::lock_guard lock(mutex_);
    if (const auto failed = bind_to(*endpoint)) {
      error_code ignored;
      acceptor_.close(ignored);
      return fail(errc::unavailable, place + ": " + failed.message());
    }
    accepted_ = std::move(accepted);
    open_ = true;
    accept();
    return {};
  }

  void close() {
    const std::lock_guard lock(mutex_);
    if (!open_) return;
    open_ = false;
    accepted_ = nullptr;
    error_code ignored;
    acceptor_.close(ignored);
    backoff_.cancel();
  }

  tcp::endpoint bound() const {
    const std::lock_guard lock(mutex_);
    return bound_;
  }

  const std::atomic<std::uint64_t>& failures() const noexcept { return failures_; }

 private:
  error_code bind_to(const tcp::endpoint& endpoint) {
    error_code failed;
    acceptor_.open(endpoint.protocol(), failed);
    if (!failed) acceptor_.set_option(tcp::acceptor::reuse_address(true), failed);
    if (!failed) acceptor_.bind(endpoint, failed);
    if (!failed) acceptor_.listen(backlog_max, failed);
    if (!failed) bound_ = acceptor_.local_endpoint(failed);
    return failed;
  }

  // Under the mutex.
  void accept() {
    const std::size_t loop = turn_++ % io_.size();
    acceptor_.async_accept(io_.context(loop),
                           [self = shared_from_this(), loop](error_code failed, tcp::socket accepted) {
                             self->on_accept(failed, std::move(accepted), loop);
                           });
  }

  void on_accept(error_code failed, tcp::socket accepted, std::size_t loop) {
    const std::lock_guard lock(mutex_);
    if (!open_) return;
    if (failed) {
      failures_.fetch_add(1, std::memory_order_relaxed);
      if (failed == asio::error::connection_aborted) return accept();
      return accept_later();
    }
    asio::post(io_.context(loop), [self = shared_from_this(), s = std::move(accepted), loop]() mutable {
      self->hand_over(std::move(s), loop);
    });
    accept();
  }

  // Under the mutex. Failed for want of descriptors or memory: trying again at once would spin.
  void accept_later() {
    backoff_.expires_after(accept_backoff);
    backoff_.async_wait([self = shared_from_this()](error_code cancelled) {
      const std::lock_guard lock(self->mutex_);
      if (!cancelled && self->open_) self->accept();
    });
  }

  void hand_over(tcp::socket s, std::size_t loop) {
    error_code ignored;
    s.non_blocking(true, ignored);
    s.set_option(tcp::no_delay(true), ignored);
    const std::lock_guard lock(mutex_);
    if (open_) accepted_(std::move(s), loop);
  }

  io_pool& io_;
  mutable std::mutex mutex_;
  tcp::acceptor acceptor_;
  asio::steady_timer backoff_;
  tcp::endpoint bound_;
  accept_callback accepted_;
  bool open_ = false;
  std::size_t turn_ = 0;
  std::atomic<std::uint64_t> failures_{0};
};

listener::listener(io_pool& io) : core_(std::make_shared<core>(io)) {}

listener::~listener() { close(); }

expected<void> listener::open(std::string_view key, std::string_view bind, accept_callback accepted) {
  return core_->open(key, bind, std::move(accepted));
}

std::string listener::address() const {
  const auto bound = core_->bound();
  return bound.port() == 0 ? std::string() : to_string(bound);
}

bool listener::on_loopback() const { return is_loopback(core_->bound().address()); }

std::shared_ptr<const std::atomic<std::uint64_t>> listener::accept_failures() const noexcept {
  return {core_, &core_->failures()};
}

void listener::close() { core_->close(); }

}  // namespace troupe
