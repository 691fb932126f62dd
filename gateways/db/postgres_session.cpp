#include "gateways/db/postgres_session.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <poll.h>

#include <troupe/sql_statement.hpp>

#include "runtime/database/sqlstate.hpp"

namespace troupe {
namespace {

time_point now() { return time_point(std::chrono::steady_clock::now()); }

constexpr std::size_t refusal_bytes_max = 512;  // of all places together

}  // namespace

bool postgres_session::wait(bool for_writing, time_point deadline) const {
  pollfd p{pq().PQsocket(connection_.get()), static_cast<short>(for_writing ? POLLOUT : POLLIN), 0};
  constexpr std::int64_t longest = 3'600'000;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now()).count();
    if (left <= 0) return false;
    const int ready = ::poll(&p, 1, static_cast<int>(std::min<std::int64_t>(left, longest)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

void postgres_session::on_notice(void* self, const PGresult* notice) {
  if (tells_unreplicated(notice)) static_cast<postgres_session*>(self)->unreplicated_ = true;
}

time_point postgres_session::until(duration most) const { return std::min(deadline_, now() + most); }

// Whatever was under way may still be done: the connection is given up.
error postgres_session::lost(const std::string& what) {
  std::string why = "postgres: " + what;
  if (connection_) {
    const auto said = first_line(pq().PQerrorMessage(connection_.get()));
    if (!said.empty()) why = "postgres: " + said;
  }
  connection_.reset();
  prepared_.clear();
  in_transaction_ = false;
  return {errc::unavailable, std::move(why)};
}

expected<std::unique_ptr<postgres_session>> postgres_session::open(identity who) {
  auto session = std::make_unique<postgres_session>(std::move(who));
  if (auto dialled = session->dial(session->who_.target); !dialled) return tl::unexpected(dialled.error());
  return session;
}

// A place at a time, as the asynchronous way does it (postgres_dial.cpp).
expected<void> postgres_session::dial(const postgres_target& target) {
  const auto end = now() + dial_timeout;
  const auto attempts = target.attempts(target.places());
  auto patience = attempts.size() == 1 ? dial_timeout : place_timeout;
  std::string refusals;
  for (bool was_silent = true; was_silent && now() < end; patience *= 2) {
    was_silent = false;
    for (const auto& attempt : attempts) {
      const auto dialled = dial_one(target, attempt, std::min(end, now() + patience));
      if (dialled) return {};
      was_silent |= dialled.error().code == errc::deadline_exceeded;
      const auto& why = dialled.error().context;
      if (refusals.find(why) == refusals.npos && refusals.size() + why.size() < refusal_bytes_max)
        refusals += (refusals.empty() ? "" : "; ") + why;
    }
  }
  return fail(errc::unavailable, refusals);
}

expected<void> postgres_session::dial_one(const postgres_target& target, const postgres_attempt& attempt,
                                          time_point deadline) {
  connection_.reset(target.dial(attempt));
  if (!connection_) return fail(errc::out_of_memory, "postgres");
  pq().PQsetNoticeReceiver(connection_.get(), on_notice, this);
  auto step = PGRES_POLLING_WRITING;
  while (step != PGRES_POLLING_OK) {
    if (step == PGRES_POLLING_FAILED || pq().PQstatus(connection_.get()) == CONNECTION_BAD)
      return tl::unexpected(lost("no connection"));
    if (!wait(step == PGRES_POLLING_WRITING, deadline)) {
      connection_.reset();
      return fail(errc::deadline_exceeded, "postgres: no connection in time");
    }
    step = pq().PQconnectPoll(connection_.get());
  }
  pq().PQsetnonblocking(connection_.get(), 1);
  return {};
}

expected<postgres_session::outcome> postgres_session::gather(time_point deadline) {
  auto* c = connection_.get();
  sent_ = true;
  for (int left = 1; left != 0;) {
    left = pq().PQflush(c);
    if (left < 0 || (left > 0 && !wait(true, deadline))) return tl::unexpected(lost("the connection broke"));
  }
  outcome o;
  for (;;) {
    while (pq().PQisBusy(c) != 0) {
      if (!wait(false, deadline)) return tl::unexpected(lost("no answer in time"));
      if (pq().PQconsumeInput(c) == 0) return tl::unexpected(lost("the connection broke"));
    }
    postgres_result next(pq().PQgetResult(c));
    if (!next) break;
    const auto status = pq().PQresultStatus(next.get());
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
      (void)lost("");  // it would wait for rows for ever
      return fail(errc::invalid_argument, "postgres: COPY between client and server is not for a statement");
    }
    const bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
    if (!good && o.state.empty()) o.state = fault_of(next.get()).state.empty() ? "?" : fault_of(next.get()).state;
    if (good && !o.state.empty()) continue;  // the first error stays
    o.last = std::move(next);
  }
  if (pq().PQstatus(c) != CONNECTION_OK) return tl::unexpected(lost("the connection broke"));
  return o;
}

expected<db_result> postgres_session::rows(expected<outcome> o) {
  if (!o) return tl::unexpected(o.error());
  if (o->state.empty()) {
    tag_ = o->last ? pq().PQcmdStatus(o->last.get()) : "";
    return o->last ? rows_of(o->last.get(), columns_) : db_result{};
  }
  auto fault = fault_of(o->last.get());
  if (spoils_connection(fault.state) || fault.stale_plan) (void)lost("");
  return tl::unexpected(std::move(fault.why));
}

expected<void> postgres_session::plain(const std::string& text, duration most) {
  sent_ = false;
  if (!connection_) return fail(errc::unavailable, "postgres: no connection");
  if (pq().PQsendQuery(connection_.get(), text.c_str()) == 0) return tl::unexpected(lost("cannot send"));
  auto done = rows(gather(until(most)));
  if (!done) return tl::unexpected(done.error());
  return {};
}

// The name under which the text is prepared here.
expected<std::string> postgres_session::known(std::string_view sql, std::size_t parameters, time_point deadline) {
  std::string key(sql);
  if (const auto found = prepared_.find(key); found != prepared_.end()) {
    if (found->second.second == parameters) return found->second.first;
    return fail(errc::invalid_argument, "the statement takes " + std::to_string(found->second.second) +
                                            " parameters, not " + std::to_string(parameters));
  }
  const auto parsed = sql_statement::parse("session", sql, sql_dialect::postgres, 0);
  if (!parsed) return tl::unexpected(parsed.error());
  if (parsed->parameters() != parameters)
    return fail(errc::invalid_argument, "the statement takes " + std::to_string(parsed->parameters()) +
                                            " parameters, not " + std::to_string(parameters));
  if (prepared_.size() >= statements_max) return fail(errc::too_large, "too many different statements in a session");
  const auto name = "s" + std::to_string(prepared_.size() + 1);
  if (pq().PQsendPrepare(connection_.get(), name.c_str(), parsed->text().c_str(), 0, nullptr) == 0)
    return tl::unexpected(lost("cannot send"));
  auto made = rows(gather(deadline));
  if (!made) return tl::unexpected(made.error());
  prepared_.emplace(std::move(key), std::pair(name, parameters));
  return name;
}

expected<db_result> postgres_session::run(std::string_view sql, const db_row& parameters) {
  sent_ = false;
  if (!connection_) return fail(errc::unavailable, "postgres: no connection");
  const auto deadline = until(answer_timeout);
  const auto name = known(sql, parameters.size(), deadline);
  if (!name) return tl::unexpected(name.error());
  const postgres_parameters p(parameters);
  if (pq().PQsendQueryPrepared(connection_.get(), name->c_str(), p.count(), p.texts(), p.lengths(), p.formats(), 0) ==
      0)
    return tl::unexpected(lost("cannot send"));
  return rows(gather(deadline));
}

expected<void> postgres_session::begin(db_access access) {
  auto begun = plain(access == db_access::write ? "begin" : "begin read only");
  in_transaction_ = begun.has_value();
  return begun;
}

// COMMIT of a transaction that failed succeeds, too: its tag is ROLLBACK then.
expected<void> postgres_session::commit() {
  const bool was_open = connection_ != nullptr;
  in_transaction_ = false;
  unreplicated_ = false;
  auto done = plain("commit");
  if (done && unreplicated_) return fail(errc::outcome_unknown, "committed, but not at the standby");
  if (done && tag_ != "COMMIT") return fail(errc::invalid_argument, "rolled back: a statement in it had failed");
  if (done) return done;
  if (was_open && sent_ && !connection_) return fail(errc::outcome_unknown, done.error().context);
  rollback();
  return done;
}

void postgres_session::rollback() noexcept {
  in_transaction_ = false;
  if (connection_) (void)plain("rollback");
}

expected<void> postgres_session::rollback_to_savepoint() {
  if (auto undone = plain("rollback to savepoint job"); !undone) return undone;
  return release();
}

expected<void> postgres_session::open_cursor(std::string_view sql, const db_row& parameters) {
  const auto parsed = sql_statement::parse("cursor", sql, sql_dialect::postgres, 0);
  if (!parsed) return tl::unexpected(parsed.error());
  const auto text = "declare session_cursor no scroll cursor for " + parsed->text();
  const postgres_parameters p(parameters);
  if (!connection_ || pq().PQsendQueryParams(connection_.get(), text.c_str(), p.count(), nullptr, p.texts(),
                                             p.lengths(), p.formats(), 0) == 0)
    return tl::unexpected(lost("cannot send"));
  auto opened = rows(gather(until(answer_timeout)));
  if (!opened) return tl::unexpected(opened.error());
  return {};
}

expected<db_result> postgres_session::fetch(std::size_t rows_max) {
  const auto text = "fetch " + std::to_string(rows_max) + " from session_cursor";
  if (!connection_ || pq().PQsendQuery(connection_.get(), text.c_str()) == 0)
    return tl::unexpected(lost("cannot send"));
  return rows(gather(until(answer_timeout)));
}

expected<void> postgres_session::backup(const std::string&, const std::function<bool()>&) {
  return fail(errc::not_implemented, "PostgreSQL has tools of its own for backups, e.g. pg_dump and pg_basebackup");
}

}  // namespace troupe
