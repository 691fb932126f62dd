// What postgres_side does when a time has come: deadlines of requests, cancellations, appointments, its own timer.
#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "gateways/db/postgres_side.hpp"

namespace troupe {
namespace {

time_point now() { return time_point(std::chrono::steady_clock::now()); }

const sql_statement& cancel_statement() {
  static const auto s = sql_statement::unchecked("cancel", "select pg_cancel_backend($1::int)", 1);
  return s;
}

}  // namespace

// By a connection of its own, to the very server, so that it waits behind nothing; at most one for each group. A server
// that does not move even then is given up.
void postgres_side::cancel(connection_pool::connection c) {
  const auto found = connections_.find(c);
  if (found == connections_.end() || stopped_) return;
  const auto victim = found->second;
  const group_at at{c, victim->first_group()};
  if (!victim->is_busy_with(at.second) || messengers_.count(at) > 0) return;
  const auto target = login_->target(of_);
  if (!target) return;
  const auto messenger = std::make_shared<postgres_connection>(loop_, target->only(victim->peer()));
  messengers_.emplace(at, messenger);
  (void)appoint(now() + silence_max, [self = shared_from_this(), at, victim] {
    const auto sent = self->messengers_.find(at);
    if (sent != self->messengers_.end()) {
      const auto ended = sent->second;
      self->messengers_.erase(sent);
      ended->close({errc::unavailable, "postgres: the cancellation is over"});
    }
    if (victim->is_busy_with(at.second)) self->on_broken(at.first);
  });
  messenger->dial([victim, at, by = std::weak_ptr(messenger)](const expected<void>& dialled) {
    const auto m = by.lock();
    if (!dialled || !m || !victim->is_busy_with(at.second)) return;
    victim->note_cancel();
    m->send({{cancel_statement(), {std::int64_t{victim->server_process()}}}}, [](const postgres_answer&) {});
  });
}

// After each answer: whether the server came to one that is overdue, and whether a retired connection is empty.
void postgres_side::look_at(connection_pool::connection c) {
  const auto found = connections_.find(c);
  if (found == connections_.end()) return;
  const auto connection = found->second;
  if (retired_.count(c) > 0 && connection->under_way() == 0) return on_broken(c);
  const auto first = connection->first_group();
  overdue_.erase(overdue_.lower_bound({c, 0}), overdue_.lower_bound({c, first}));
  if (overdue_.count({c, first}) > 0) cancel(c);
}

void postgres_side::at(time_point when, std::function<void(bool came)> f) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) {
      return boost::asio::post(loop_, [self = shared_from_this(), when, f = std::move(f)]() mutable {
        if (self->stopped_) return f(false);
        self->appointments_.emplace(appointment{when, ++self->appointment_ids_}, std::move(f));
        self->arm();
      });
    }
  }
  f(false);
}

postgres_side::appointment postgres_side::appoint(time_point when, std::function<void()> f) {
  const appointment a{when, ++appointment_ids_};
  if (stopped_) return a;
  appointments_.emplace(a, [f = std::move(f)](bool came) {
    if (came) f();
  });
  arm();
  return a;
}

void postgres_side::on_deadlines() {
  const auto t = now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= t) {
    const auto due = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    const auto found = requests_.find(due);
    if (found != requests_.end()) on_overdue(due, request_ptr(found->second));
  }
  while (!appointments_.empty() && appointments_.begin()->first.first <= t) {
    const auto f = std::move(appointments_.begin()->second);
    appointments_.erase(appointments_.begin());
    f(true);
  }
}

// One that was not sent yet is surely not done; where it waits, its turn finds nobody.
void postgres_side::on_overdue(ticket t, const request_ptr& r) {
  if (r->group == 0) return finish(t, fail(errc::deadline_exceeded, "no connection was free"));
  if (r->overdue) return finish(t, fail(errc::outcome_unknown, "the server did not answer in time"));
  r->overdue = true;
  overdue_.insert({r->where, r->group});
  look_at(r->where);
  if (r->reads) return finish(t, fail(errc::deadline_exceeded, "the server did not answer in time"));
  if (requests_.count(t) == 0) return;
  r->deadline += cancel_grace;
  deadlines_.emplace(r->deadline, t);
}

void postgres_side::arm() {
  if (stopped_) return;
  auto next = pool_.next_tick();
  if (!deadlines_.empty()) next = std::min(next, deadlines_.begin()->first);
  if (!appointments_.empty()) next = std::min(next, appointments_.begin()->first.first);
  if (next >= armed_ && armed_ > now()) return;  // an early ring only looks and sleeps again
  armed_ = next;
  if (next == time_point::max()) return;
  timer_.expires_at(std::chrono::time_point_cast<std::chrono::steady_clock::duration>(next));
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code stopped) {
    const auto self = weak.lock();
    if (stopped || !self) return;
    self->armed_ = time_point::max();
    self->tick();
  });
}

}  // namespace troupe
