#include "gateways/kvs/postgres_store.hpp"

#include <charconv>
#include <string_view>
#include <utility>

#include <poll.h>

#include "gateways/db/libpq.hpp"
#include "runtime/election/store_entry.hpp"

namespace troupe {

namespace {

constexpr const char* table_statement =
    "create table if not exists troupe_leader (key text primary key, version text not null, term bigint not null, "
    "leader text not null, released boolean not null, lease_ms bigint not null, expires_at timestamptz not null, "
    "value bytea not null)";
// The value goes as hexadecimal text: libpq's text form of bytea.
constexpr const char* insert_statement =
    "insert into troupe_leader values ($1, $2, $3, $4, false, $5, clock_timestamp() + $5::bigint * interval '1 ms', "
    "decode($6, 'hex')) on conflict (key) do nothing";
constexpr const char* set_statement =
    "update troupe_leader set version = $2, term = $3, leader = $4, released = false, lease_ms = $5, "
    "expires_at = clock_timestamp() + $5::bigint * interval '1 ms', value = decode($6, 'hex') "
    "where key = $1 and version = $7";
constexpr const char* renew_statement =
    "update troupe_leader set version = $2, expires_at = clock_timestamp() + lease_ms * interval '1 ms' "
    "where key = $1 and version = $3";
constexpr const char* release_statement =
    "update troupe_leader set version = $2, released = true, expires_at = clock_timestamp() "
    "where key = $1 and version = $3";
constexpr const char* table_question = "select to_regclass('troupe_leader') is not null";
constexpr const char* durable_question =
    "select current_setting('fsync') = 'on' and current_setting('synchronous_commit') <> 'off'";
constexpr const char* copied_question =
    "select current_setting('synchronous_standby_names') <> '' and current_setting('synchronous_commit') <> 'local'";
constexpr std::string_view read_only_state = "25006";
constexpr const char* get_statement =
    "select version, released, encode(value, 'hex') from troupe_leader where key = $1";

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto b = static_cast<unsigned char>(c);
    text.push_back(digits[b >> 4U]);
    text.push_back(digits[b & 15U]);
  }
  return text;
}

std::string from_hex(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    unsigned value = 0;
    std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
    bytes.push_back(static_cast<char>(value));
  }
  return bytes;
}

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

void postgres_store::closer::operator()(pg_conn* c) const noexcept { pq().PQfinish(c); }
void postgres_store::freer::operator()(pg_result* r) const noexcept { pq().PQclear(r); }

postgres_store::postgres_store(std::string dsn, std::string password)
    : dsn_(std::move(dsn)), password_(std::move(password)) {}

postgres_store::~postgres_store() = default;

bool postgres_store::wait(bool for_writing, time_point deadline) const {
  pollfd p{pq().PQsocket(connection_.get()), static_cast<short>(for_writing ? POLLOUT : POLLIN), 0};
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  return left > 0 && ::poll(&p, 1, static_cast<int>(left)) > 0;
}

/// Whatever is under way on this connection may still be done: nothing more is read from it.
error postgres_store::lost(time_point deadline) {
  const bool late = std::chrono::steady_clock::now() >= deadline;
  std::string why = "postgres: " + first_line(connection_ ? pq().PQerrorMessage(connection_.get()) : "no connection");
  if (late) why = "postgres: no answer in time";
  connection_.reset();
  return {late ? errc::deadline_exceeded : errc::unavailable, std::move(why)};
}

expected<void> postgres_store::dial(time_point deadline) {
  // What the DSN says of the first two prevails. A standby takes no writes; a statement that nobody waits for ends.
  const char* const names[] = {"target_session_attrs", "options", "dbname", "application_name", "password", nullptr};
  const char* const values[] = {
      "read-write", "-c statement_timeout=10s", dsn_.c_str(), "troupe", password_.empty() ? nullptr : password_.c_str(),
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
  return {};
}

expected<void> postgres_store::connect(time_point deadline) {
  if (connection_) return {};
  if (auto there = load_libpq(); !there) return there;
  return dial_.round<std::chrono::steady_clock>(deadline, [this](const std::string&, time_point share) {
    auto done = dial(share);
    if (done) {
      ++connects_;
      done = prepare(share);
    }
    if (!done) connection_.reset();
    return done;
  });
}

expected<bool> postgres_store::holds(const char* question, time_point deadline) {
  const auto answer = run(question, {}, deadline);
  if (!answer) return tl::unexpected(answer.error());
  return pq().PQntuples(answer->get()) == 1 && std::string_view(pq().PQgetvalue(answer->get(), 0, 0)) == "t";
}

expected<void> postgres_store::prepare(time_point deadline) {
  auto there = holds(table_question, deadline);
  if (there && !*there) {
    const auto made = run(table_statement, {}, deadline);
    there = connection_ ? holds(table_question, deadline) : expected<bool>(false);  // another node may have been faster
    if (!made && !(there && *there)) return tl::unexpected(made.error());
  }
  if (!there) return tl::unexpected(there.error());
  const auto durable = holds(durable_question, deadline);
  if (!durable) return tl::unexpected(durable.error());
  const auto copied = several_hosts() ? holds(copied_question, deadline) : expected<bool>(true);
  if (!copied) return tl::unexpected(copied.error());
  may_forget_.clear();
  if (!*durable) may_forget_ = "postgres may forget: it needs fsync on and synchronous_commit on";
  if (!*copied) may_forget_ = "postgres may forget: several hosts need synchronous_standby_names";
  return {};
}

bool postgres_store::several_hosts() const {
  const std::unique_ptr<PQconninfoOption, decltype(&::PQconninfoFree)> all(pq().PQconninfo(connection_.get()),
                                                                           pq().PQconninfoFree);
  for (const auto* o = all.get(); o != nullptr && o->keyword != nullptr; ++o) {
    const bool hosts = std::string_view(o->keyword) == "host" || std::string_view(o->keyword) == "hostaddr";
    if (hosts && o->val != nullptr && std::string_view(o->val).find(',') != std::string_view::npos) return true;
  }
  return false;
}

expected<postgres_store::result> postgres_store::run(const char* statement, const std::vector<std::string>& values,
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

expected<leader_reading> postgres_store::get(const std::string& key, time_point deadline) {
  if (auto there = connect(deadline); !there) return tl::unexpected(std::move(there.error()));
  const auto answer = run(get_statement, {key}, deadline);
  if (!answer) return tl::unexpected(answer.error());
  leader_reading reading{std::nullopt, connects_};
  if (pq().PQntuples(answer->get()) == 0) return reading;
  const auto field = [&](int i) {
    return std::string_view(pq().PQgetvalue(answer->get(), 0, i),
                            static_cast<std::size_t>(pq().PQgetlength(answer->get(), 0, i)));
  };
  auto entry = decode_store_value(from_hex(field(2)));
  if (!entry) return tl::unexpected(std::move(entry.error()));
  const auto version = field(0);
  const auto read = std::from_chars(version.data(), version.data() + version.size(), entry->version);
  if (read.ec != std::errc{} || entry->version == 0)
    return fail(errc::corrupt, "postgres: no leader's entry: its version");
  entry->released = field(1) == "t";
  reading.entry = std::move(*entry);
  return reading;
}

expected<void> postgres_store::change(const char* statement, const std::vector<std::string>& values,
                                      time_point deadline) {
  if (auto there = connect(deadline); !there) return there;
  const auto answer = run(statement, values, deadline);
  if (!answer) return tl::unexpected(answer.error());
  if (std::string_view(pq().PQcmdTuples(answer->get())) == "1") return {};
  return fail(errc::condition_failed, "postgres: another version");
}

expected<void> postgres_store::compare_and_set(const std::string& key, std::uint64_t version, const leader_entry& next,
                                               time_point deadline) {
  const auto value = encode_store_value(next);
  if (!value) return tl::unexpected(value.error());
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(next.lease).count();
  std::vector<std::string> values{key,         std::to_string(next.version), std::to_string(next.term),
                                  next.leader, std::to_string(ms),           to_hex(*value)};
  if (version == 0) return change(insert_statement, values, deadline);
  values.push_back(std::to_string(version));
  return change(set_statement, values, deadline);
}

expected<void> postgres_store::renew(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                     time_point deadline) {
  return change(renew_statement, {key, std::to_string(next_version), std::to_string(version)}, deadline);
}

expected<void> postgres_store::release(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                       time_point deadline) {
  return change(release_statement, {key, std::to_string(next_version), std::to_string(version)}, deadline);
}

}  // namespace troupe
