// The methods of troupe::database, transaction and cursor, the handles that applications hold.
//
// A blocking call waits for its callback on a condition variable; the state it waits on is shared with the callback,
// which may come after it gave up. What repeats a transaction after a conflict is in transaction_run.cpp.
#include <utility>

#include <troupe/database.hpp>

#include "actors/db/awaited_answer.hpp"
#include "actors/db/transaction_run.hpp"
#include "runtime/database/database_access.hpp"

namespace troupe {

database::database(std::shared_ptr<database_access> access, std::string name_space)
    : access_(std::move(access)), name_(std::move(name_space)) {}

sql_dialect database::dialect() const noexcept { return access_->dialect(); }

expected<sql_statement> database::prepare(const std::string& name, std::string_view text) {
  return access_->prepare(name, text);
}

void database::query(const sql_statement& s, sql_row values, sql_callback done, const sql_options& o) {
  access_->run({s, std::move(values)}, o.stale ? sql_access::reads_stale : sql_access::reads,
               deadline_after(o.deadline), std::move(done));
}

void database::execute(const sql_statement& s, sql_row values, sql_callback done, const sql_options& o) {
  access_->run({s, std::move(values)}, sql_access::writes, deadline_after(o.deadline), std::move(done));
}

expected<sql_result> database::query(const sql_statement& s, sql_row values, const sql_options& o) {
  return await_answer<sql_result>(deadline_after(o.deadline), errc::deadline_exceeded,
                                  [&](sql_callback done) { query(s, std::move(values), std::move(done), o); });
}

expected<sql_result> database::execute(const sql_statement& s, sql_row values, const sql_options& o) {
  return await_answer<sql_result>(deadline_after(o.deadline), errc::outcome_unknown,
                                  [&](sql_callback done) { execute(s, std::move(values), std::move(done), o); });
}

expected<sql_result> database::query(std::string_view text, sql_row values, const sql_options& o) {
  const auto s = sql_statement::parse("ad_hoc", text, dialect(), 0);
  if (!s) return tl::unexpected(s.error());
  return query(*s, std::move(values), o);
}

expected<sql_result> database::execute(std::string_view text, sql_row values, const sql_options& o) {
  const auto s = sql_statement::parse("ad_hoc", text, dialect(), 0);
  if (!s) return tl::unexpected(s.error());
  return execute(*s, std::move(values), o);
}

void database::run_all(std::vector<sql_call> calls, sql_results_callback done, const sql_options& o) {
  access_->run_all(std::move(calls), deadline_after(o.deadline), std::move(done));
}

expected<std::vector<sql_result>> database::run_all(std::vector<sql_call> calls, const sql_options& o) {
  return await_answer<std::vector<sql_result>>(
      deadline_after(o.deadline), errc::outcome_unknown,
      [&](sql_results_callback done) { run_all(std::move(calls), std::move(done), o); });
}

void database::transact(std::function<void(transaction)> body, done_callback done, const transaction_options& o) {
  transaction_retry::start(access_, std::move(body), std::move(done), o);
}

expected<void> database::transact(const std::function<expected<void>(blocking_transaction&)>& body,
                                  const transaction_options& o) {
  return transact_blocking(*access_, body, o);
}

void database::open_cursor(const sql_statement& s, sql_row values, cursor_callback done, const sql_options& o) {
  access_->open_cursor({s, std::move(values)}, o.stale, deadline_after(o.deadline),
                       [done = std::move(done)](expected<std::shared_ptr<cursor_access>> c) {
                         if (!c) return done(tl::unexpected(std::move(c.error())));
                         done(cursor(std::move(*c)));
                       });
}

expected<cursor> database::open_cursor(const sql_statement& s, sql_row values, const sql_options& o) {
  return await_answer<cursor>(deadline_after(o.deadline), errc::deadline_exceeded,
                              [&](cursor_callback done) { open_cursor(s, std::move(values), std::move(done), o); });
}

void database::bulk_insert(bulk_target into, row_source source, count_callback done, const sql_options& o) {
  access_->bulk_insert(std::move(into), std::move(source), deadline_after(o.deadline), std::move(done));
}

expected<std::uint64_t> database::bulk_insert(bulk_target into, row_source source, const sql_options& o) {
  return await_answer<std::uint64_t>(deadline_after(o.deadline), errc::outcome_unknown, [&](count_callback done) {
    bulk_insert(std::move(into), std::move(source), std::move(done), o);
  });
}

expected<subscription> database::listen(const std::string& channel, std::function<void(const notification&)> f) {
  return access_->listen(channel, std::move(f));
}

void database::notify(const std::string& channel, std::string payload, done_callback done, const sql_options& o) {
  access_->notify(channel, std::move(payload), deadline_after(o.deadline), std::move(done));
}

expected<void> database::notify(const std::string& channel, std::string payload, const sql_options& o) {
  return await_answer<void>(deadline_after(o.deadline), errc::outcome_unknown,
                            [&](done_callback done) { notify(channel, std::move(payload), std::move(done), o); });
}

void cursor::next(std::size_t rows_max, sql_callback done) {
  if (rows_max == 0) return done(fail(errc::invalid_argument, "a cursor gives at least one row at a time"));
  access_->next(rows_max, std::move(done));
}

// The cursor's own deadline ends the wait: its last answer says so.
expected<sql_result> cursor::next(std::size_t rows_max) {
  return await_answer<sql_result>(time_point::max(), errc::deadline_exceeded,
                                  [&](sql_callback done) { next(rows_max, std::move(done)); });
}

}  // namespace troupe
