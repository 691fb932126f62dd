#include "gateways/db/postgres_side.hpp"

#include <algorithm>
#include <future>
#include <utility>

#include <boost/asio/post.hpp>

#include "runtime/database/sqlstate.hpp"
#include "runtime/database/value_bytes.hpp"

namespace troupe {
namespace {

time_point now() { return time_point(std::chrono::steady_clock::now()); }

constexpr const char* closing = "the database is being closed";

postgres_answer never_sent() {
  postgres_answer a;
  a.lost = true;
  a.not_done = true;
  a.why = {errc::unavailable, "postgres: the connection broke"};
  return a;
}

// The server behind the connection is no use any more. A read that is told so was none: its fault.
bool leaves(const postgres_answer& a, bool reads) {
  return a.failed && spoils_connection(a.state) && !(reads && a.state == sqlstate_read_only);
}

error told(const postgres_answer& a, bool reads) {
  return {reads && a.state == sqlstate_read_only ? errc::invalid_argument : a.why.code, a.why.context};
}

std::size_t bytes_of(const std::vector<sql_call>& calls) {
  std::size_t bytes = 0;
  for (const auto& c : calls) bytes += sizeof(c) + bytes_of_values(c.values);
  return bytes;
}

}  // namespace

postgres_side::postgres_side(boost::asio::io_context& loop, std::shared_ptr<const postgres_login> login,
                             postgres_role side, const pool_limits& limits, std::uint64_t seed)
    : loop_(loop), login_(std::move(login)), of_(side), pool_(limits, seed), timer_(loop) {}

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
    for (const auto& [at, c] : std::exchange(self->messengers_, {})) c->close({errc::unavailable, closing});
    for (const auto& [when, f] : std::exchange(self->appointments_, {})) f(false);
    ended->set_value();
  });
  (void)ended->get_future().wait_for(stop_max);
}

void postgres_side::run(std::vector<sql_call> calls, bool reads, bool together, time_point deadline,
                        sql_results_callback done) {
  auto r = std::make_shared<request>();
  r->calls = std::move(calls);
  r->bytes = bytes_of(r->calls);
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
  const char* refused = closing;
  r->held = &held_bytes_;
  const auto before = held_bytes_.fetch_add(r->bytes);
  {
    const std::lock_guard lock(mutex_);
    if (!closed_ && before != 0 && before + r->bytes > bytes_max) {
      refused = "too many bytes wait for the database";
    } else if (!closed_) {
      inbox_.push_back(std::move(r));
      if (std::exchange(posted_, true)) return;
    }
  }
  if (!r) return boost::asio::post(loop_, [self = shared_from_this()] { self->empty_inbox(); });
  if (r->lent) return r->lent(fail(errc::unavailable, refused));
  r->done(fail(errc::unavailable, refused));
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
  if (found == requests_.end()) return used(c);  // it was answered meanwhile
  if (connection == connections_.end()) return again(t, found->second->careful, never_sent().why);
  found->second->where = c;
  found->second->group = 0;
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
  if (connection == connections_.end()) return on_group(c, reads, never_sent());
  std::vector<sql_call> calls;
  for (const auto t : reads) {
    auto& r = *requests_.at(t);
    r.group = connection->second->next_group();
    calls.push_back(r.calls.front());  // kept: it may have to be sent again
  }
  connection->second->send(std::move(calls), [self = shared_from_this(), c, reads](postgres_answer a) {
    self->on_group(c, reads, std::move(a));
  });
}

void postgres_side::send_alone(connection_pool::connection c, ticket t) {
  const auto connection = connections_.find(c);
  if (connection == connections_.end()) return on_alone(c, t, never_sent());
  auto& r = *requests_.at(t);
  r.group = connection->second->next_group();
  connection->second->send(
      r.calls, [self = shared_from_this(), c, t](postgres_answer a) { self->on_alone(c, t, std::move(a)); });
}

// Reads before the one that failed have their rows, those after it never ran.
void postgres_side::on_group(connection_pool::connection c, const std::vector<ticket>& reads, postgres_answer a) {
  const bool leave = leaves(a, true);
  const bool at_sync = a.failed && a.results.size() == reads.size();
  const bool cancelled = a.state == sqlstate_cancelled && take_cancel(c);
  const bool repeats = leave || cancelled || a.stale_plan;
  if (a.lost) on_broken(c);
  if (leave) retire(c);
  for (std::size_t i = 0; i < reads.size(); ++i) {
    if (!a.lost) used(c);
    if (a.lost || at_sync) {
      again(reads[i], true, a.why);
    } else if (i < a.results.size()) {
      std::vector<sql_result> one;
      one.push_back(std::move(a.results[i]));
      finish(reads[i], std::move(one));
    } else if (i == a.results.size() && !repeats) {
      finish(reads[i], tl::unexpected(told(a, true)));
    } else {
      again(reads[i], true, a.why);
    }
  }
  look_at(c);
  send_granted();
  arm();
}

void postgres_side::on_alone(connection_pool::connection c, ticket t, postgres_answer a) {
  const auto found = requests_.find(t);
  const auto r = found == requests_.end() ? nullptr : found->second;  // null: it was answered before
  const auto known = connections_.find(c);
  const bool late = !a.failed && r && r->overdue && known != connections_.end() && known->second->has_cancel();
  const bool cancelled = late || (a.state == sqlstate_cancelled && take_cancel(c));
  if (a.lost) on_broken(c);
  if (!a.lost && r && leaves(a, r->reads)) retire(c);
  used(c);
  if (r) settle_alone(t, *r, std::move(a), cancelled);
  look_at(c);
  send_granted();
  arm();
}

// A cancellation that comes too late may end the wait for the standby: success is not success then.
void postgres_side::settle_alone(ticket t, const request& r, postgres_answer a, bool cancelled) {
  const bool leave = leaves(a, r.reads);
  const bool at_sync = a.failed && a.results.size() == r.calls.size();
  const bool silent = a.lost && !a.not_done;
  const bool unnamed = a.failed && a.state.empty() && !a.lost;  // not by the server
  const bool late = !a.failed && r.overdue && cancelled;
  if (!r.reads && (silent || unnamed || late || a.unreplicated || (leave && at_sync)))
    return finish(t, fail(errc::outcome_unknown,
                          late || a.unreplicated ? "committed, but perhaps not at the standby" : a.why.context));
  if (a.lost || leave || a.stale_plan || (a.failed && cancelled && !r.overdue)) return again(t, true, a.why);
  if (a.failed) return finish(t, tl::unexpected(told(a, r.reads)));
  finish(t, std::move(a.results));
}

void postgres_side::again(ticket t, bool careful, const error& why) {
  const auto found = requests_.find(t);
  if (found == requests_.end()) return;
  auto r = found->second;
  r->where = 0;
  r->group = 0;
  r->careful = careful;
  if (r->overdue) return finish(t, fail(errc::deadline_exceeded, why.context));
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
