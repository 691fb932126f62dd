#include "gateways/db/postgres_listener.hpp"

#include <utility>

#include <boost/asio/post.hpp>

namespace troupe {

postgres_listener::postgres_listener(boost::asio::io_context& loop, std::shared_ptr<const postgres_login> login,
                                     std::string prefix, std::uint64_t seed)
    : loop_(loop), login_(std::move(login)), prefix_(std::move(prefix) + separator), timer_(loop), rng_(seed) {}

notice_board& postgres_listener::board() {
  const std::lock_guard lock(mutex_);
  if (!board_) {
    board_ = std::make_shared<notice_board>([weak = weak_from_this()](const std::string& channel) {
      const auto self = weak.lock();
      if (self) boost::asio::post(self->loop_, [self, channel] { self->look_at(channel); });
    });
  }
  return *board_;
}

subscription postgres_listener::listen(const std::string& channel, notice_board::listener f) {
  return board().add(channel, std::move(f));
}

void postgres_listener::stop() {
  boost::asio::post(loop_, [self = shared_from_this()] {
    self->stopped_ = true;
    self->timer_.cancel();
    if (const auto c = std::exchange(self->connection_, nullptr)) c->close({errc::unavailable, "closed"});
  });
}

void postgres_listener::look_at(const std::string& channel) {
  if (stopped_) return;
  const bool is_open = connection_ && connection_->is_open();
  if (!board().has(channel)) {
    if (wanted_.erase(channel) > 0 && is_open) send(channel, false);
    return;
  }
  const auto [known, is_new] = wanted_.emplace(channel, false);
  if (!is_open) {
    if (!dialling_) dial();
  } else if (is_new) {
    send(channel, true);
  } else if (known->second) {
    board().tell({channel, "", true});  // one more who listens
  }
}

// The names are of [a-z0-9_:] and so need no more than quotes.
void postgres_listener::send(const std::string& channel, bool wanted) {
  const std::string text = (wanted ? "listen \"" : "unlisten \"") + prefix_ + channel + "\"";
  connection_->send({{sql_statement::unchecked("listen", text, 0), {}}},
                    [self = shared_from_this(), channel, wanted](const postgres_answer& a) {
                      if (a.lost || !self->connection_) return;
                      if (!a.failed) return wanted ? self->on_listening(channel) : void();
                      self->connection_->close(a.why);
                      self->on_lost();
                    });
}

void postgres_listener::on_listening(const std::string& channel) {
  const auto found = wanted_.find(channel);
  if (found == wanted_.end()) return;
  found->second = true;
  board().tell({channel, "", true});
}

void postgres_listener::dial() {
  const auto target = login_->target(postgres_role::primary);
  if (!target) return again();
  dialling_ = true;
  connection_ = std::make_shared<postgres_connection>(loop_, *target);
  connection_->on_lost([weak = weak_from_this()](const error&) {
    if (const auto self = weak.lock()) self->on_lost();
  });
  connection_->on_notification([weak = weak_from_this()](const std::string& channel, std::string payload) {
    const auto self = weak.lock();
    if (!self || !channel.starts_with(self->prefix_)) return;
    self->board().tell({channel.substr(self->prefix_.size()), std::move(payload), false});
  });
  connection_->dial([self = shared_from_this()](const expected<void>& outcome) { self->on_dialled(outcome); });
}

void postgres_listener::on_dialled(const expected<void>& outcome) {
  dialling_ = false;
  if (stopped_) return;
  if (!outcome) return again();
  waits_.reset();
  for (const auto& [channel, listens] : std::map(wanted_)) {
    if (connection_) send(channel, true);
  }
}

void postgres_listener::on_lost() {
  connection_.reset();
  for (auto& [channel, listens] : wanted_) listens = false;
  if (!stopped_ && !wanted_.empty() && !dialling_) again();
}

void postgres_listener::again() {
  dialling_ = true;
  connection_.reset();
  timer_.expires_after(waits_.next(rng_));
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code stopped) {
    const auto self = weak.lock();
    if (!stopped && self && !self->stopped_) self->dial();
  });
}

}  // namespace troupe
