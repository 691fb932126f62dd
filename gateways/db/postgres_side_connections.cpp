// The connections of postgres_side: dialled, checked, broken, and left when their server takes no writes any more.
#include <utility>

#include <boost/asio/post.hpp>

#include "gateways/db/postgres_side.hpp"

namespace troupe {
namespace {

time_point now() { return time_point(std::chrono::steady_clock::now()); }

const sql_statement& check_statement() {
  static const auto s = sql_statement::unchecked("check", "select 1", 0);
  return s;
}

}  // namespace

void postgres_side::narrow(std::size_t connections_max) {
  (void)post([self = shared_from_this(), connections_max] {
    connection_pool::output out;
    self->pool_.set_connections_max(connections_max, now(), out);
    self->apply(std::move(out));
    self->arm();
  });
}

void postgres_side::dial(connection_pool::connection c) {
  const auto target = login_->target(of_);
  if (!target) {
    return boost::asio::post(loop_, [self = shared_from_this(), c] {
      connection_pool::output out;
      self->pool_.on_dial_failed(c, "the role of the namespace is not known yet", now(), out);
      self->apply(std::move(out));
      self->arm();
    });
  }
  auto made = std::make_shared<postgres_connection>(loop_, *target);
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
  retired_.erase(c);
  overdue_.erase(overdue_.lower_bound({c, 0}), overdue_.upper_bound({c, UINT64_MAX}));
  connection_pool::output out;
  pool_.on_lost(c, now(), out);
  apply(std::move(out));
  gone->close({errc::unavailable, "postgres: the connection is given up"});
  send_granted();
  arm();
}

// It takes nothing more, and is closed when all that it has is answered.
void postgres_side::retire(connection_pool::connection c) {
  if (connections_.count(c) == 0 || !retired_.insert(c).second) return;
  connection_pool::output out;
  pool_.on_retired(c, now(), out);
  apply(std::move(out));
}

bool postgres_side::take_cancel(connection_pool::connection c) {
  const auto found = connections_.find(c);
  return found != connections_.end() && found->second->take_cancel();
}

}  // namespace troupe
