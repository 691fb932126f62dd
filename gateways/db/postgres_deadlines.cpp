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

// By a connection that nobody uses, so that it does not wait behind what it shall end. A connection that does not move
// even then is given up.
void postgres_side::cancel(connection_pool::connection c) {
  const auto found = connections_.find(c);
  if (found == connections_.end()) return;
  const auto& connection = found->second;
  borrow(now() + silence_max, [pid = std::int64_t{connection->server_process()}](expected<std::shared_ptr<lease>> l) {
    if (l) (*l)->connection->send({{cancel_statement(), {pid}}}, [kept = *l](const postgres_answer&) {});
  });
  at(now() + silence_max, [self = shared_from_this(), c, silent = connection, answered = connection->answered()] {
    const bool moved = silent->answered() != answered || silent->under_way() == 0;
    if (!moved && self->connections_.count(c) > 0) self->on_broken(c);
  });
}

void postgres_side::at(time_point when, std::function<void()> f) {
  boost::asio::post(loop_, [self = shared_from_this(), when, f = std::move(f)]() mutable {
    if (self->stopped_) return;
    self->appointments_.emplace(when, std::move(f));
    self->arm();
  });
}

void postgres_side::on_deadlines() {
  const auto t = now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= t) {
    const auto due = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    const auto found = requests_.find(due);
    if (found != requests_.end()) on_overdue(due, *found->second);
  }
  while (!appointments_.empty() && appointments_.begin()->first <= t) {
    const auto f = std::move(appointments_.begin()->second);
    appointments_.erase(appointments_.begin());
    f();
  }
}

// One that waits is refused by the pool, at the same time.
void postgres_side::on_overdue(ticket t, request& r) {
  if (r.where == 0) return;
  if (r.overdue) return finish(t, fail(errc::outcome_unknown, "the server did not answer in time"));
  r.overdue = true;
  cancel(r.where);
  if (r.reads) return finish(t, fail(errc::deadline_exceeded, "the server did not answer in time"));
  r.deadline += cancel_grace;
  deadlines_.emplace(r.deadline, t);
}

void postgres_side::arm() {
  if (stopped_) return;
  auto next = pool_.next_tick();
  if (!deadlines_.empty()) next = std::min(next, deadlines_.begin()->first);
  if (!appointments_.empty()) next = std::min(next, appointments_.begin()->first);
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
