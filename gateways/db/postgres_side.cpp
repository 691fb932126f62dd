#include "gateways/db/postgres_side.hpp"

#include <algorithm>
#include <future>
#include <utility>

#include <boost/asio/post.hpp>

#include "runtime/database/sqlstate.hpp"

namespace troupe {
namespace {

time_point now() { return time_point(std::chrono::steady_clock::now()); }

constexpr const char* closing = "the database is being closed";

const sql_statement& check_statement() {
  static const auto s = sql_statement::unchecked("check", "select 1", 0);
  return s;
}

postgres_answer never_sent() {
  postgres_answer a;
  a.lost = true;
  a.not_done = true;
  a.why = {errc::unavailable, "postgres: the connection broke"};
  return a;
}

// The server behind the connection is no use any more, or what the connection has prepared is not.
bool retires(const postgres_answer& a) {
  return a.failed && (spoils_connection(a.state) || spoils_prepared(a.state, a.why.context));
}

}  // namespace

postgres_side::postgres_side(boost::asio::io_context& loop, postgres_target target, const pool_limits& limits,
                             std::uint64_t seed)
    : loop_(loop), target_(std::move(target)), pool_(limits, seed), timer_(loop) {}

postgres_side::~postgres_side() = default;

void postgres_side::start() {
  boost::asio::post(loop_, [self = shared_from_this()] { self->tick(); });
}

void postgres_side::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(closed_, true)) return;
  }
  const auto ended = std::make_shared<std::promise<void>>();
  boost::asio::post(loop_, [self = shared_from_this(), ended] {
    self->empty_inbox();
    self->stopped_ = true;
    self->timer_.cancel();
    connection_pool::output out;
    self->pool_.stop(out);
    self->apply(std::move(out));
    const auto connections = std::exchange(self->connections_, {});
    for (const auto& [id, c] : connections) c->close({errc::unavailable, closing});
    self->appointments_.clear();
    ended->set_value();
  });
  (void)ended->get_future().wait_for(stop_max);
}

void postgres_side::run(std::vector<sql_call> calls, bool reads, bool together, time_point deadline,
                        sql_results_callback done) {
  auto r = std::make_shared<request>();
  r->calls = std::move(calls);
  r->reads = reads;
  r->together = together;
  r->deadline = deadline;
  r->done = std::move(done);
  hand_in(std::move(r));
}

void postgres_side::borrow(time_point deadline, lease_callback done) {
  auto r = std::make_shared<request>();
  r->deadline = deadline;
  r->lent = std::move(done);
  hand_in(std::move(r));
}

void postgres_side::hand_in(request_ptr r) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) {
      inbox_.push_back(std::move(r));
      if (std::exchange(posted_, true)) return;
    }
  }
  if (!r) return boost::asio::post(loop_, [self = shared_from_this()] { self->empty_inbox(); });
  if (r->lent) return r->lent(fail(errc::unavailable, closing));
  r->done(fail(errc::unavailable, closing));
}

void postgres_side::empty_inbox() {
  std::vector<request_ptr> taken;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(inbox_);
    posted_ = false;
  }
  for (const auto& r : taken) {
    const ticket t = ++next_ticket_;
    requests_.emplace(t, r);
    if (r->deadline != time_point::max()) deadlines_.emplace(r->deadline, t);
    want(t, r);
  }
  send_granted();
  arm();
}

void postgres_side::want(ticket t, const request_ptr& r) {
  connection_pool::output out;
  pool_.want(t, r->lent ? pool_use::exclusive : pool_use::shared, r->deadline, now(), out);
  apply(std::move(out));
}

// What the machine says; sending what was granted is left to the end of the turn.
void postgres_side::apply(connection_pool::output out) {
  for (const auto c : out.dial) dial(c);
  for (const auto c : out.check) check(c);
  for (const auto c : out.close) {
    const auto found = connections_.find(c);
    if (found == connections_.end()) continue;
    const auto gone = found->second;
    connections_.erase(found);
    gone->close({errc::unavailable, "postgres: an idle connection was closed"});
  }
  for (const auto& r : out.refused) {
    ++figures_.refused;
    finish(r.who, fail(r.code, r.why));
  }
  for (const auto& g : out.granted) grant(g.who, g.where);
  figures_.connections = pool_.open_connections();
  figures_.in_use = pool_.in_use();
  figures_.waiting = pool_.waiting();
  figures_.dial_failures = pool_.dial_failures();
  figures_.breaker = static_cast<int>(pool_.breaker());
}

void postgres_side::grant(ticket t, connection_pool::connection c) {
  const auto found = requests_.find(t);
  const auto connection = connections_.find(c);
  if (found == requests_.end() || connection == connections_.end()) return used(c);  // it was answered meanwhile
  found->second->where = c;
  if (!found->second->lent) return granted_[c].push_back(t);
  const auto r = found->second;
  deadlines_.erase({r->deadline, t});
  requests_.erase(found);
  r->lent(std::make_shared<lease>(shared_from_this(), c, connection->second));
}

void postgres_side::send_granted() {
  while (!granted_.empty()) {
    const auto all = std::exchange(granted_, {});
    for (const auto& [c, tickets] : all) {
      std::vector<ticket> reads;
      for (const auto t : tickets) {
        const auto found = requests_.find(t);
        if (found == requests_.end()) {
          used(c);
          continue;
        }
        const auto& r = *found->second;
        if (r.reads && !r.careful) reads.push_back(t);
        if (reads.size() == group_max || (!reads.empty() && (!r.reads || r.careful)))
          send_group(c, std::exchange(reads, {}));
        if (!r.reads || r.careful) send_alone(c, t);
      }
      if (!reads.empty()) send_group(c, reads);
    }
  }
}

void postgres_side::send_group(connection_pool::connection c, const std::vector<ticket>& reads) {
  const auto connection = connections_.find(c);
  std::vector<sql_call> calls;
  for (const auto t : reads) calls.push_back(requests_.at(t)->calls.front());  // kept: it may have to be sent again
  if (connection == connections_.end()) return on_group(c, reads, never_sent());
  connection->second->send(std::move(calls), [self = shared_from_this(), c, reads](postgres_answer a) {
    self->on_group(c, reads, std::move(a));
  });
}

void postgres_side::send_alone(connection_pool::connection c, ticket t) {
  const auto connection = connections_.find(c);
  if (connection == connections_.end()) return on_alone(c, t, never_sent());
  connection->second->send(requests_.at(t)->calls, [self = shared_from_this(), c, t](postgres_answer a) {
    self->on_alone(c, t, std::move(a));
  });
}

// Reads before the one that failed have their rows, those after it never ran.
void postgres_side::on_group(connection_pool::connection c, const std::vector<ticket>& reads, postgres_answer a) {
  const bool lost = a.lost;
  const bool at_sync = a.failed && a.results.size() == reads.size();
  const bool retired = retires(a);
  if (lost || retired) on_broken(c);
  for (std::size_t i = 0; i < reads.size(); ++i) {
    if (!lost && !retired) used(c);
    if (lost || at_sync) {
      again(reads[i], true, a.why);
    } else if (i < a.results.size()) {
      std::vector<sql_result> one;
      one.push_back(std::move(a.results[i]));
      finish(reads[i], std::move(one));
    } else if (i == a.results.size() && !retired && a.state != sqlstate_cancelled) {
      finish(reads[i], tl::unexpected(a.why));
    } else {
      again(reads[i], true, a.why);
    }
  }
  send_granted();
  arm();
}

void postgres_side::on_alone(connection_pool::connection c, ticket t, postgres_answer a) {
  const bool retired = retires(a);
  if (a.lost || retired)
    on_broken(c);
  else
    used(c);
  const auto found = requests_.find(t);
  if (found != requests_.end()) {
    auto& r = *found->second;
    const bool cancelled = a.failed && a.state == sqlstate_cancelled && !r.overdue;  // meant for another
    const bool at_sync = a.failed && a.results.size() == r.calls.size();
    if (a.lost && !a.not_done && !r.reads) {
      finish(t, fail(errc::outcome_unknown, a.why.context));
    } else if (retired && at_sync && !r.reads) {
      finish(t, fail(errc::outcome_unknown, a.why.context));
    } else if (a.lost || retired || cancelled) {
      again(t, true, a.why);
    } else if (a.failed) {
      finish(t, tl::unexpected(std::move(a.why)));
    } else {
      finish(t, std::move(a.results));
    }
  }
  send_granted();
  arm();
}

void postgres_side::again(ticket t, bool careful, const error& why) {
  const auto found = requests_.find(t);
  if (found == requests_.end()) return;
  auto r = found->second;
  r->where = 0;
  r->careful = careful;
  if (stopped_ || ++r->tries >= tries_max) return finish(t, tl::unexpected(why));
  ++figures_.repeated;
  want(t, r);
}

void postgres_side::finish(ticket t, expected<std::vector<sql_result>> outcome) {
  const auto found = requests_.find(t);
  if (found == requests_.end()) return;
  const auto r = found->second;
  requests_.erase(found);
  deadlines_.erase({r->deadline, t});
  if (r->lent) return r->lent(tl::unexpected(std::move(outcome.error())));
  r->done(std::move(outcome));
}

void postgres_side::used(connection_pool::connection c) {
  connection_pool::output out;
  pool_.finished(c, now(), out);
  apply(std::move(out));
}

void postgres_side::give_back(connection_pool::connection c) {
  boost::asio::post(loop_, [self = shared_from_this(), c] {
    if (self->connections_.count(c) == 0) return;
    self->used(c);
    self->send_granted();
    self->arm();
  });
}

void postgres_side::dial(connection_pool::connection c) {
  auto made = std::make_shared<postgres_connection>(loop_, target_);
  connections_[c] = made;
  made->on_lost([weak = weak_from_this(), c](const error&) {
    if (const auto self = weak.lock()) self->on_broken(c);
  });
  // After this turn: a dial may fail at once, in the middle of what the machine is being told.
  boost::asio::post(loop_, [self = shared_from_this(), c, made] {
    if (self->stopped_) return;
    made->dial([self, c](expected<void> outcome) {
      connection_pool::output out;
      if (outcome) {
        self->pool_.on_dialled(c, now(), out);
      } else {
        self->connections_.erase(c);
        self->pool_.on_dial_failed(c, outcome.error().context, now(), out);
      }
      self->apply(std::move(out));
      self->send_granted();
      self->arm();
    });
  });
}

void postgres_side::check(connection_pool::connection c) {
  const auto found = connections_.find(c);
  if (found == connections_.end()) return;
  found->second->send({{check_statement(), {}}}, [self = shared_from_this(), c](const postgres_answer& a) {
    if (a.lost) return;
    if (a.failed) return self->on_broken(c);
    connection_pool::output out;
    self->pool_.on_checked(c, now(), out);
    self->apply(std::move(out));
    self->send_granted();
  });
}

void postgres_side::on_broken(connection_pool::connection c) {
  const auto found = connections_.find(c);
  if (found == connections_.end()) return;
  const auto gone = found->second;
  connections_.erase(found);
  connection_pool::output out;
  pool_.on_lost(c, now(), out);
  apply(std::move(out));
  gone->close({errc::unavailable, "postgres: the connection is given up"});
  send_granted();
  arm();
}

void postgres_side::tick() {
  if (stopped_) return;
  connection_pool::output out;
  pool_.on_tick(now(), out);
  apply(std::move(out));
  on_deadlines();
  send_granted();
  arm();
}

}  // namespace troupe
