#include "gateways/kvs/postgres_store_connection.hpp"

#include <chrono>
#include <string_view>
#include <utility>

#include <poll.h>

#include "gateways/db/libpq.hpp"

namespace troupe {

namespace {

constexpr std::string_view read_only_state = "25006";

std::string first_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return std::string(text.substr(0, text.find('\n')));
}

/// SQLSTATE classes: 28 authorization, 42501 privilege.
errc code_of(std::string_view state, std::string_view text) {
  if (state.substr(0, 2) == "28" || state == "42501") return errc::access_denied;
  const auto says = [text](std::string_view words) { return text.find(words) != std::string_view::npos; };
  return says("authentication failed") || says("no password supplied") ? errc::access_denied : errc::unavailable;
}

}  // namespace

void postgres_store_connection::closer::operator()(pg_conn* c) const noexcept { pq().PQfinish(c); }
void postgres_store_connection::freer::operator()(pg_result* r) const noexcept { pq().PQclear(r); }

int postgres_store_connection::socket() const noexcept { return pq().PQsocket(connection_.get()); }

bool postgres_store_connection::wait(bool for_writing, time_point deadline) const {
  pollfd p{pq().PQsocket(connection_.get()), static_cast<short>(for_writing ? POLLOUT : POLLIN), 0};
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  return left > 0 && ::poll(&p, 1, static_cast<int>(left)) > 0;
}

/// Whatever is under way on this connection may still be done: nothing more is read from it.
error postgres_store_connection::lost(time_point deadline) {
  const bool late = std::chrono::steady_clock::now() >= deadline;
  std::string why = "postgres: " + first_line(connection_ ? pq().PQerrorMessage(connection_.get()) : "no connection");
  if (late) why = "postgres: no answer in time";
  connection_.reset();
  return {late ? errc::deadline_exceeded : errc::unavailable, std::move(why)};
}

expected<void> postgres_store_connection::open(const std::string& dsn, const std::string& password,
                                               time_point deadline) {
  // What the DSN says of the first two prevails. A standby takes no writes; a statement that nobody waits for ends.
  const char* const names[] = {"target_session_attrs", "options", "dbname", "application_name", "password", nullptr};
  const char* const values[] = {
      "read-write", "-c statement_timeout=10s", dsn.c_str(), "troupe", password.empty() ? nullptr : password.c_str(),
      nullptr};
  connection_.reset(pq().PQconnectStartParams(names, values, 1));
  if (!connection_) return fail(errc::out_of_memory, "postgres");
  auto step = PGRES_POLLING_WRITING;
  while (step != PGRES_POLLING_OK) {
    if (step == PGRES_POLLING_FAILED || pq().PQstatus(connection_.get()) == CONNECTION_BAD) {
      const std::string why = first_line(pq().PQerrorMessage(connection_.get()));
      connection_.reset();
      return fail(code_of({}, why), "postgres: " + why);
    }
    if (!wait(step == PGRES_POLLING_WRITING, deadline)) return tl::unexpected(lost(deadline));
    step = pq().PQconnectPoll(connection_.get());
  }
  pq().PQsetnonblocking(connection_.get(), 1);
  pq().PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);  // it would print
  return {};
}

expected<bool> postgres_store_connection::holds(const char* question, time_point deadline) {
  const auto answer = run(question, {}, deadline);
  if (!answer) return tl::unexpected(answer.error());
  return pq().PQntuples(answer->get()) == 1 && std::string_view(pq().PQgetvalue(answer->get(), 0, 0)) == "t";
}

bool postgres_store_connection::several_hosts() const {
  const std::unique_ptr<PQconninfoOption, decltype(&::PQconninfoFree)> all(pq().PQconninfo(connection_.get()),
                                                                           pq().PQconninfoFree);
  for (const auto* o = all.get(); o != nullptr && o->keyword != nullptr; ++o) {
    const bool hosts = std::string_view(o->keyword) == "host" || std::string_view(o->keyword) == "hostaddr";
    if (hosts && o->val != nullptr && std::string_view(o->val).find(',') != std::string_view::npos) return true;
  }
  return false;
}

expected<postgres_store_connection::result> postgres_store_connection::run(const char* statement,
                                                                           const std::vector<std::string>& values,
                                                                           time_point deadline) {
  std::vector<const char*> texts;
  for (const auto& v : values) texts.push_back(v.c_str());
  auto* c = connection_.get();
  if (pq().PQsendQueryParams(c, statement, static_cast<int>(texts.size()), nullptr, texts.data(), nullptr, nullptr,
                             0) == 0) {
    return tl::unexpected(lost(deadline));
  }
  for (int left = 1; left != 0;) {
    left = pq().PQflush(c);
    if (left < 0 || (left > 0 && !wait(true, deadline))) return tl::unexpected(lost(deadline));
  }
  result last;
  for (;;) {
    while (pq().PQisBusy(c) != 0) {
      if (!wait(false, deadline) || pq().PQconsumeInput(c) == 0) return tl::unexpected(lost(deadline));
    }
    result next(pq().PQgetResult(c));
    if (!next) break;
    last = std::move(next);
  }
  const auto status = pq().PQresultStatus(last.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return last;
  const char* state = pq().PQresultErrorField(last.get(), PG_DIAG_SQLSTATE);
  const auto text = first_line(pq().PQresultErrorMessage(last.get()));
  if (pq().PQstatus(c) != CONNECTION_OK) return tl::unexpected(lost(deadline));
  const std::string why = "postgres: " + text;
  const auto code = code_of(state == nullptr ? "" : state, text);
  if (state != nullptr && std::string_view(state) == read_only_state) connection_.reset();  // it became a standby
  return fail(code, why);
}

expected<std::string> postgres_store_connection::next(time_point deadline) {
  struct notification_freer {
    void operator()(PGnotify* n) const noexcept { pq().PQfreemem(n); }
  };
  for (;;) {
    if (pq().PQconsumeInput(connection_.get()) == 0) return tl::unexpected(lost(time_point::max()));
    const std::unique_ptr<PGnotify, notification_freer> told(pq().PQnotifies(connection_.get()));
    if (told) return std::string(told->extra);
    if (!wait(false, deadline)) return fail(errc::deadline_exceeded, "postgres: nothing was told");
  }
}

}  // namespace troupe
