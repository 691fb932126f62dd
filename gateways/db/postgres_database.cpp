#include "gateways/db/postgres_database.hpp"

#include <utility>

#include "gateways/db/postgres_uses.hpp"

namespace troupe {
namespace {

sql_results_callback first_of(sql_callback done) {
  return [done = std::move(done)](expected<std::vector<sql_result>> r) {
    if (r) return done(std::move(r->front()));
    done(tl::unexpected(std::move(r.error())));
  };
}

const sql_statement& notify_statement() {
  static const auto s = sql_statement::unchecked("notify", "select pg_notify($1, $2)", 2);
  return s;
}

// Both sides together never have more than pool_max: the standby gets half of it.
pool_limits of_standby(pool_limits l) {
  l.connections_min = 0;
  l.connections_max /= 2;
  return l;
}

}  // namespace

postgres_database::postgres_database(boost::asio::io_context& loop, std::shared_ptr<const postgres_login> login,
                                     std::string name_space, const pool_limits& limits, std::uint64_t seed)
    : loop_(loop),
      login_(std::move(login)),
      name_space_(std::move(name_space)),
      limits_(limits),
      primary_(std::make_shared<postgres_side>(loop, login_, postgres_role::primary, limits, seed)),
      listener_(std::make_shared<postgres_listener>(loop, login_, name_space_, seed + 1)) {}

postgres_database::~postgres_database() = default;

void postgres_database::stop() {
  listener_->stop();
  primary_->stop();
  std::shared_ptr<postgres_side> standby;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    standby = standby_;
  }
  if (standby) standby->stop();
}

expected<sql_statement> postgres_database::prepare(const std::string& name, std::string_view text) {
  const std::lock_guard lock(mutex_);
  return catalogue_.prepare(name, text);
}

postgres_side& postgres_database::side(bool stale) {
  if (!stale) return *primary_;
  const std::lock_guard lock(mutex_);
  if (stopped_) return *primary_;                                  // refuses
  if (of_standby(limits_).connections_max == 0) return *primary_;  // there is but one
  if (!standby_) {
    primary_->narrow(limits_.connections_max - of_standby(limits_).connections_max);
    standby_ = std::make_shared<postgres_side>(loop_, login_, postgres_role::standby, of_standby(limits_),
                                               std::hash<std::string>{}(name_space_));
    standby_->start();
  }
  return *standby_;
}

void postgres_database::run(sql_call call, sql_access access, time_point deadline, sql_callback done) {
  std::vector<sql_call> calls;
  calls.push_back(std::move(call));
  side(access == sql_access::reads_stale)
      .run(std::move(calls), access != sql_access::writes, false, deadline, first_of(std::move(done)));
}

void postgres_database::run_all(std::vector<sql_call> calls, time_point deadline, sql_results_callback done) {
  primary_->run(std::move(calls), false, true, deadline, std::move(done));
}

void postgres_database::begin(const transaction_settings& s, time_point deadline, begin_callback done) {
  side(s.stale).borrow(deadline,
                       [s, deadline, done = std::move(done)](expected<std::shared_ptr<postgres_side::lease>> l) {
                         if (!l) return done(tl::unexpected(std::move(l.error())));
                         done(make_postgres_transaction(std::move(*l), s, deadline));
                       });
}

void postgres_database::open_cursor(sql_call call, bool stale, time_point deadline, open_callback done) {
  side(stale).borrow(deadline, [call = std::move(call), deadline,
                                done = std::move(done)](expected<std::shared_ptr<postgres_side::lease>> l) mutable {
    if (!l) return done(tl::unexpected(std::move(l.error())));
    open_postgres_cursor(std::move(*l), std::move(call), deadline, std::move(done));
  });
}

void postgres_database::bulk_insert(bulk_target into, row_source source, time_point deadline, count_callback done) {
  primary_->borrow(deadline, [into = std::move(into), source = std::move(source), deadline,
                              done = std::move(done)](expected<std::shared_ptr<postgres_side::lease>> l) mutable {
    if (!l) return done(tl::unexpected(std::move(l.error())));
    copy_into_postgres(std::move(*l), std::move(into), std::move(source), deadline, std::move(done));
  });
}

expected<subscription> postgres_database::listen(const std::string& channel, notification_callback f) {
  if (auto fits = check_channel(channel); !fits) return tl::unexpected(fits.error());
  return listener_->listen(channel, std::move(f));
}

void postgres_database::notify(const std::string& channel, std::string payload, time_point deadline,
                               done_callback done) {
  if (auto fits = check_channel(channel); !fits) return done(fits);
  primary_->run({{notify_statement(), {name_space_ + postgres_listener::separator + channel, std::move(payload)}}},
                false, false, deadline, [done = std::move(done)](const expected<std::vector<sql_result>>& r) {
                  if (r) return done({});
                  done(tl::unexpected(r.error()));
                });
}

// The server cuts longer names.
expected<void> postgres_database::check_channel(const std::string& channel) const {
  if (name_space_.size() + 1 + channel.size() <= sql_name_bytes_max) return {};
  return fail(errc::invalid_argument, "the channel " + channel + " is too long beside its namespace");
}

void postgres_database::after(duration wait, std::function<void(bool came)> f) {
  primary_->at(time_point(std::chrono::steady_clock::now()) + wait, std::move(f));
}

}  // namespace troupe
