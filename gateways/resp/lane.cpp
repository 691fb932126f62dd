#include "gateways/resp/lane.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "gateways/listener.hpp"

namespace troupe::resp {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::string_view too_many_clients = "-ERR max number of clients reached\r\n";
constexpr std::string_view protected_mode =
    "-DENIED troupe is running in protected mode because its RESP gateway is bound outside the loopback interface "
    "and has no authentication. In this mode connections are only accepted from the loopback interface. If you want "
    "to connect from external computers, put a proxy that authenticates clients on the host of this node and let it "
    "connect to the loopback address.\r\n";

// How often idle sessions are looked for, as a part of the time they may idle.
constexpr int idle_looks = 4;
constexpr duration idle_look_min = std::chrono::milliseconds(10);
constexpr duration idle_look_max = std::chrono::seconds(1);  // so that a limit set later is seen

}  // namespace

lane::lane(asio::io_context& loop, std::shared_ptr<environment> shared, std::size_t number)
    : loop_(loop),
      shared_(std::move(shared)),
      numbers_(shared_->numbers.of(number)),
      number_(number),
      idle_timer_(loop),
      pause_timer_(loop),
      rest_timer_(loop) {}

bool lane::refuse(tcp::socket& s, bool protect) {
  if (protect) {
    error_code failed;
    const auto peer = s.remote_endpoint(failed);
    if (failed || !is_loopback(peer.address())) {
      numbers_.refused_protected.add(1);
      say_and_close(s, protected_mode);
      return true;
    }
  }
  if (shared_->connections_open.fetch_add(1, std::memory_order_relaxed) >=
      shared_->live.connections_max.load(std::memory_order_relaxed)) {
    shared_->connections_open.fetch_sub(1, std::memory_order_relaxed);
    numbers_.refused_limit.add(1);
    say_and_close(s, too_many_clients);
    return true;
  }
  return false;
}

void lane::adopt(tcp::socket s, bool protect) {
  if (closed_to_new_ || refuse(s, protect)) return;
  numbers_.accepted.add(1);
  auto added = std::make_shared<session>(shared_from_this(), std::move(s));
  added->index = sessions_.size();
  sessions_.push_back(added);
  added->start(read_clock());
  watch_idle();
}

void lane::remove(session& s) {
  auto& place = sessions_[s.index];
  place = sessions_.back();
  place->index = s.index;
  sessions_.pop_back();
  shared_->connections_open.fetch_sub(1, std::memory_order_relaxed);
  report_drained();
}

void lane::flush_soon(std::shared_ptr<session> s) {
  to_flush_.push_back(std::move(s));
  if (to_flush_.size() == 1) asio::post(loop_, [self = shared_from_this()] { self->flush_all(); });
}

void lane::flush_all() {
  flushing_.swap(to_flush_);
  for (const auto& s : flushing_) s->flush();
  for (const auto& s : flushing_) s->read_after_flush();
  flushing_.clear();
}

void lane::each(function_ref<void(connection&)> visit) {
  for (const auto& s : sessions_) visit(s->talk());
}

void lane::resume_after_pause(std::shared_ptr<session> s) {
  paused_.push_back(std::move(s));
  watch_pause();
}

void lane::resume_at(time_point at, std::shared_ptr<session> s) {
  const bool sooner = resting_.empty() || at < resting_.begin()->first;
  resting_.emplace(at, std::move(s));
  if (sooner) watch_resting();
}

void lane::watch_resting() {
  rest_timer_.expires_at(resting_.begin()->first);  // who waited for another time is cancelled
  rest_timer_.async_wait([self = shared_from_this()](error_code cancelled) {
    if (!cancelled) self->resume_rested();
  });
}

void lane::resume_rested() {
  const auto now = read_clock();
  std::vector<std::shared_ptr<session>> due;
  while (!resting_.empty() && resting_.begin()->first <= now) {
    due.push_back(std::move(resting_.begin()->second));
    resting_.erase(resting_.begin());
  }
  if (!resting_.empty()) watch_resting();
  for (const auto& s : due) s->resume(now);
}

// The end may have been moved since, to later or sooner: who is still held up says so again.
void lane::watch_pause() {
  const time_point end{duration(shared_->pause.until.load(std::memory_order_relaxed))};
  if (watching_pause_ && pause_timer_.expiry() == end) return;
  watching_pause_ = true;
  pause_timer_.expires_at(end);  // who waited for another end is cancelled
  pause_timer_.async_wait([self = shared_from_this()](error_code cancelled) {
    if (cancelled) return;
    self->watching_pause_ = false;
    self->look_at_paused();
  });
}

void lane::look_at_paused() {
  const auto now = read_clock();
  for (const auto& s : std::exchange(paused_, {})) s->resume_after_pause(now);
}

void lane::deliver(std::shared_ptr<session> s, std::uint64_t slot, owned_reply reply) {
  bool first = false;
  {
    const std::lock_guard lock(inbox_mutex_);
    if (inbox_closed_) return;
    first = inbox_.empty();
    inbox_.push_back({std::move(s), slot, std::move(reply)});
  }
  if (first) asio::post(loop_, [self = shared_from_this()] { self->empty_inbox(); });
}

void lane::empty_inbox() {
  std::vector<answer> answers;
  {
    const std::lock_guard lock(inbox_mutex_);
    answers.swap(inbox_);
  }
  for (auto& a : answers) a.to->take(a.slot, std::move(a.reply));
  // Each session once: one write for all its answers.
  std::sort(answers.begin(), answers.end(), [](const auto& a, const auto& b) { return a.to < b.to; });
  const auto end =
      std::unique(answers.begin(), answers.end(), [](const auto& a, const auto& b) { return a.to == b.to; });
  const auto now = read_clock();
  for (auto a = answers.begin(); a != end; ++a) a->to->resume(now);
}

void lane::drain(std::function<void()> done) {
  closed_to_new_ = true;
  drained_ = std::move(done);
  const auto all = sessions_;  // drain() may remove them
  for (const auto& s : all) s->drain();
  report_drained();
}

void lane::close_all() {
  closed_to_new_ = true;
  const auto all = sessions_;
  for (const auto& s : all) s->close();
  idle_timer_.cancel();
  pause_timer_.cancel();
  rest_timer_.cancel();
  paused_.clear();
  resting_.clear();
  to_flush_.clear();
  std::vector<answer> dropped;  // destroyed after the lock is released
  const std::lock_guard lock(inbox_mutex_);
  inbox_closed_ = true;
  dropped.swap(inbox_);
}

void lane::report_drained() {
  if (sessions_.empty() && drained_) std::exchange(drained_, nullptr)();
}

// CONFIG SET may change the limit at any time, so it is read anew at each look.
void lane::watch_idle() {
  if (watching_idle_ || sessions_.empty() || closed_to_new_) return;
  watching_idle_ = true;
  const duration idle_max = idle_limit();
  const duration look = idle_max == duration::zero() ? idle_look_max : std::min(idle_max / idle_looks, idle_look_max);
  idle_timer_.expires_after(std::max(look, idle_look_min));
  idle_timer_.async_wait([self = shared_from_this()](error_code cancelled) {
    self->watching_idle_ = false;
    if (cancelled) return;
    const duration limit = self->idle_limit();
    const auto now = self->read_clock();
    for (std::size_t i = 0; limit != duration::zero() && i < self->sessions_.size();) {
      if (!self->sessions_[i]->close_if_idle(now, limit)) ++i;  // a closed one's place is taken by the last
    }
    self->watch_idle();
  });
}

// The configuration's own value counts in less than seconds.
duration lane::idle_limit() const {
  const auto asked = std::chrono::seconds(shared_->live.idle_seconds.load(std::memory_order_relaxed));
  const duration configured = shared_->settings.resp.idle_timeout;
  return asked == std::chrono::ceil<std::chrono::seconds>(configured) ? configured : duration(asked);
}

}  // namespace troupe::resp
