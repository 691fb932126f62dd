#include "gateways/http/lane.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <random>

#include "gateways/http/session.hpp"

namespace troupe {

namespace {

constexpr std::size_t date_size = 29;

duration sweep_interval_for(const http_config& limits) {
  const duration shortest = std::min({limits.header_timeout, limits.body_timeout, limits.idle_timeout});
  return std::clamp<duration>(shortest / 4, http_lane::sweep_interval_min, http_lane::sweep_interval_max);
}

std::uint64_t random_start() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

}  // namespace

http_lane::http_lane(boost::asio::io_context& io, std::shared_ptr<http_shared> shared)
    : io_(io),
      gate_(std::make_shared<http_gate>(io)),
      shared_(std::move(shared)),
      counts_(std::make_shared<http_counts>()),
      sweep_timer_(io),
      sweep_interval_(sweep_interval_for(shared_->limits)),
      request_ids_(random_start()) {}

void http_lane::accept(boost::asio::ip::tcp::socket socket) {
  http_counts::add(counts_->accepted);
  const auto session = std::make_shared<http_session>(shared_from_this(), std::move(socket), sessions_.size());
  sessions_.push_back(session);
  const auto open = shared_->connections.fetch_add(1, std::memory_order_relaxed) + 1;
  const auto allowed = shared_->limits.connections_max;
  if (draining_ || open > std::uint64_t{allowed} + refused_lingering_max) return session->close();
  arm_sweep();
  if (open > allowed) return session->refuse_connection();
  session->start();
}

void http_lane::remove(http_session& session) {
  const std::size_t slot = session.slot();
  if (slot + 1 != sessions_.size()) {
    sessions_[slot] = std::move(sessions_.back());
    sessions_[slot]->move_to(slot);
  }
  sessions_.pop_back();
  shared_->connections.fetch_sub(1, std::memory_order_relaxed);
  if (draining_ && sessions_.empty()) tell_drained();
}

bool http_lane::adopt(std::shared_ptr<http_tenant> tenant) {
  if (draining_) return false;
  tenants_.push_back(std::move(tenant));
  shared_->connections.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void http_lane::release(http_tenant& tenant) {
  const auto gone = std::erase_if(tenants_, [&tenant](const auto& t) { return t.get() == &tenant; });
  shared_->connections.fetch_sub(gone, std::memory_order_relaxed);
}

void http_lane::close_tenants() {
  while (!tenants_.empty()) {
    const auto tenant = tenants_.back();
    tenant->close();
  }
}

void http_lane::drain(std::function<void()> drained) {
  draining_ = true;
  close_tenants();
  drained_ = std::move(drained);
  // Backwards: a session that closes moves the last one, seen already, into its place.
  for (std::size_t i = sessions_.size(); i-- > 0;) {
    const auto session = sessions_[i];
    session->drain();
  }
  if (sessions_.empty()) tell_drained();
}

void http_lane::tell_drained() {
  const auto drained = std::exchange(drained_, nullptr);
  if (drained) drained();
}

void http_lane::close() {
  gate_->close();
  draining_ = true;
  sweep_timer_.cancel();
  close_tenants();
  while (!sessions_.empty()) {
    const auto session = sessions_.back();
    session->close();
  }
}

void http_lane::arm_sweep() {
  if (sweeping_ || sessions_.empty()) return;
  sweeping_ = true;
  sweep_timer_.expires_after(sweep_interval_);
  sweep_timer_.async_wait([self = shared_from_this()](const boost::system::error_code& ec) {
    self->sweeping_ = false;
    if (!ec) self->sweep();
  });
}

void http_lane::sweep() {
  const time_point now = std::chrono::steady_clock::now();
  for (std::size_t i = sessions_.size(); i-- > 0;) {
    const auto session = sessions_[i];
    session->sweep(now);
  }
  arm_sweep();
}

std::string_view http_lane::date() noexcept {
  const std::time_t second = std::time(nullptr);
  if (second != date_second_) {
    static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    date_second_ = second;
    std::tm parts{};
    gmtime_r(&second, &parts);
    std::array<char, 96> text{};
    std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT", days[parts.tm_wday], parts.tm_mday,
                  months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
    std::copy_n(text.begin(), date_size, date_.begin());
  }
  return {date_.data(), date_size};
}

void http_lane::make_request_id(char* to) noexcept {
  static constexpr char digits[] = "0123456789abcdef";
  // An odd multiplier visits all 2^64 values before one returns: unique, and neighbours look apart.
  std::uint64_t id = ++request_ids_ * 0x9e3779b97f4a7c15ULL;
  for (std::size_t i = 0; i < request_id_size; ++i) {
    to[i] = digits[id & 15];
    id >>= 4;
  }
}

}  // namespace troupe
