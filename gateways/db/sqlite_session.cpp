#include "gateways/db/sqlite_session.hpp"

#include <algorithm>
#include <climits>
#include <new>

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include "runtime/services/migration_plan.hpp"

namespace troupe {
namespace {

constexpr int primary_code_mask = 0xff;

int milliseconds_of(duration d) noexcept {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
  return static_cast<int>(std::clamp<std::int64_t>(ms, 0, INT_MAX));
}

// An I/O error during COMMIT comes after or while the pages were written: they may be found again.
bool is_ambiguous_at_commit(int code) noexcept { return (code & primary_code_mask) == SQLITE_IOERR; }

bool holds_statement(sqlite3* db, const char* text, const char** tail) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(db, text, -1, &statement, tail);
  sqlite3_finalize(statement);
  return code != SQLITE_OK || statement != nullptr;
}

// Text after the first statement that is more than blanks, semicolons and comments.
bool has_second_statement(sqlite3* db, const std::string& sql) {
  const char* rest = sql.c_str();
  if (!holds_statement(db, sql.c_str(), &rest)) return false;
  while (rest != nullptr && *rest != '\0') {
    const char* here = rest;
    if (holds_statement(db, here, &rest)) return true;
    if (rest == here) return false;
  }
  return false;
}

void bind_all(SQLite::Statement& s, const db_row& parameters) {
  struct binder {
    SQLite::Statement& statement;
    int index;
    void operator()(std::monostate) const { statement.bind(index); }
    void operator()(std::int64_t v) const { statement.bind(index, v); }
    void operator()(double v) const { statement.bind(index, v); }
    void operator()(const std::string& v) const { statement.bindNoCopy(index, v); }
    void operator()(const blob& v) const {
      statement.bindNoCopy(index, static_cast<const void*>(v.bytes.data()), static_cast<int>(v.bytes.size()));
    }
  };
  for (std::size_t i = 0; i < parameters.size(); ++i) std::visit(binder{s, static_cast<int>(i) + 1}, parameters[i]);
}

std::size_t bytes_of(const db_value& v) noexcept {
  if (const auto* text = std::get_if<std::string>(&v)) return text->size();
  if (const auto* bytes = std::get_if<blob>(&v)) return bytes->bytes.size();
  return 0;
}

db_value value_of(const SQLite::Column& c) {
  switch (c.getType()) {
    case SQLITE_INTEGER: return static_cast<std::int64_t>(c.getInt64());
    case SQLITE_FLOAT: return c.getDouble();
    case SQLITE_TEXT: return c.getString();
    case SQLITE_BLOB: {
      // The bytes first, their number after: the order that SQLite asks for.
      const auto* bytes = static_cast<const char*>(c.getBlob());
      const auto size = static_cast<std::size_t>(c.getBytes());
      return bytes == nullptr ? blob{} : blob{std::string(bytes, size)};
    }
    default: return std::monostate{};
  }
}

}  // namespace

errc code_of_sqlite(int result) noexcept {
  switch (result & primary_code_mask) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM: return errc::storage_failed;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return errc::unavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return errc::corrupt;
    case SQLITE_NOMEM: return errc::out_of_memory;
    case SQLITE_TOOBIG: return errc::too_large;
    default: return errc::invalid_argument;
  }
}

// Every call into SQLiteCpp stands in one of these: what it throws ends here.
template <class F>
auto sqlite_session::guarded(F&& f) -> decltype(f()) {
  try {
    return f();
  } catch (const SQLite::Exception& e) {
    return failed(e.getExtendedErrorCode() > 0 ? e.getExtendedErrorCode() : e.getErrorCode(), e.what());
  } catch (const std::bad_alloc&) {
    return fail(errc::out_of_memory, "no memory for a statement of " + path_);
  } catch (const std::exception& e) {
    return fail(errc::invalid_argument, e.what());
  }
}

tl::unexpected<error> sqlite_session::failed(int code, const std::string& what) const {
  const errc ours = code_of_sqlite(code);
  std::string context = "database " + path_ + ": " + what;
  if (ours == errc::corrupt)
    context += " (the file is damaged or no database: restore it from a copy, or move it away)";
  return fail(ours, std::move(context));
}

sqlite_session::sqlite_session(const std::string& path, duration busy_timeout)
    : path_(path),
      db_(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX, milliseconds_of(busy_timeout)) {}

expected<std::unique_ptr<sqlite_session>> sqlite_session::open(const std::string& path,
                                                               const sqlite_driver::settings& s) {
  std::unique_ptr<sqlite_session> session;
  try {
    session = std::make_unique<sqlite_session>(path, s.busy_timeout);
  } catch (const SQLite::Exception& e) {
    return fail(code_of_sqlite(e.getErrorCode()), "cannot open the database " + path + ": " + e.what());
  } catch (const std::exception& e) {
    return fail(errc::out_of_memory, "cannot open the database " + path + ": " + e.what());
  }
  const auto ready = session->guarded([&]() -> expected<void> {
    session->set_pragmas(s);
    return session->check();
  });
  if (!ready) return tl::unexpected(ready.error());
  return session;
}

void sqlite_session::set_pragmas(const sqlite_driver::settings& s) {
  sqlite3_extended_result_codes(db_.getHandle(), 1);
  const std::string mode = db_.execAndGet("PRAGMA journal_mode = WAL").getString();
  if (mode != "wal") throw SQLite::Exception("the file system cannot hold a write-ahead log", SQLITE_CANTOPEN);
  db_.exec(s.synchronous == sqlite_synchronous::full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  db_.exec("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = " +
           std::to_string(wal_bytes_kept));
}

expected<void> sqlite_session::check() {
  const std::string verdict = db_.execAndGet("PRAGMA quick_check(1)").getString();
  if (verdict != "ok") return failed(SQLITE_CORRUPT, verdict);
  return {};
}

expected<SQLite::Statement*> sqlite_session::prepare(std::string_view sql) {
  if (const auto known = by_sql_.find(sql); known != by_sql_.end()) {
    statements_.splice(statements_.begin(), statements_, known->second);
    return &known->second->prepared;
  }
  std::string text(sql);
  if (text.find('\0') != std::string::npos) return fail(errc::invalid_argument, "SQL holds a zero byte");
  SQLite::Statement prepared(db_, text);
  if (has_second_statement(db_.getHandle(), text))
    return fail(errc::invalid_argument, "more than one statement in one call");
  if (statements_.size() >= statements_max) {
    by_sql_.erase(statements_.back().sql);
    statements_.pop_back();
  }
  statements_.push_front(kept_statement{std::move(text), std::move(prepared)});
  by_sql_.emplace(statements_.front().sql, statements_.begin());
  return &statements_.front().prepared;
}

expected<db_result> sqlite_session::step(SQLite::Statement& s) {
  db_result result;
  const int changes_before = db_.getTotalChanges();
  for (;;) {
    const int code = s.tryExecuteStep();
    if (code == SQLITE_DONE) break;
    if (code != SQLITE_ROW) return failed(db_.getExtendedErrorCode(), db_.getErrorMsg());
    db_row row;
    row.reserve(static_cast<std::size_t>(s.getColumnCount()));
    for (int i = 0; i < s.getColumnCount(); ++i) row.push_back(value_of(s.getColumn(i)));
    result.rows.push_back(std::move(row));
  }
  if (db_.getTotalChanges() != changes_before) result.changed = static_cast<std::uint64_t>(db_.getChanges());
  return result;
}

expected<db_result> sqlite_session::run(std::string_view sql, const db_row& parameters) {
  if (std::any_of(parameters.begin(), parameters.end(), [](const db_value& v) { return bytes_of(v) > INT_MAX; }))
    return fail(errc::too_large, "a parameter of more than 2 GiB");
  return guarded([&]() -> expected<db_result> {
    auto statement = prepare(sql);
    if (!statement) return tl::unexpected(statement.error());
    // Parameters are borrowed while the statement runs: it must not keep them, whatever happens.
    struct released {
      SQLite::Statement& statement;
      ~released() {
        (void)statement.tryReset();
        sqlite3_clear_bindings_noexcept(statement);
      }
      static void sqlite3_clear_bindings_noexcept(SQLite::Statement& s) noexcept {
        try {
          s.clearBindings();
        } catch (const SQLite::Exception&) {  // never in practice: sqlite3_clear_bindings returns OK
        }
      }
    } const after{**statement};
    if ((*statement)->getBindParameterCount() != static_cast<int>(parameters.size()))
      return fail(errc::invalid_argument, "the statement takes " +
                                              std::to_string((*statement)->getBindParameterCount()) +
                                              " parameters, not " + std::to_string(parameters.size()));
    bind_all(**statement, parameters);
    return step(**statement);
  });
}

expected<void> sqlite_session::run_plain(std::string_view sql) {
  auto result = run(sql, {});
  if (!result) return tl::unexpected(result.error());
  return {};
}

expected<void> sqlite_session::begin(db_access access) {
  return run_plain(access == db_access::write ? "BEGIN IMMEDIATE" : "BEGIN");
}

expected<void> sqlite_session::commit() {
  if (sqlite3_get_autocommit(db_.getHandle()) != 0)
    return fail(errc::storage_failed, "the transaction was rolled back by the database before its commit");
  auto done = run_plain("COMMIT");
  if (done) return done;
  const int code = db_.getExtendedErrorCode();
  rollback();
  if (is_ambiguous_at_commit(code)) return fail(errc::outcome_unknown, done.error().context);
  return done;
}

void sqlite_session::rollback() noexcept {
  if (sqlite3_get_autocommit(db_.getHandle()) == 0) (void)db_.tryExec("ROLLBACK");
}

expected<void> sqlite_session::savepoint() { return run_plain("SAVEPOINT job"); }
expected<void> sqlite_session::release() { return run_plain("RELEASE job"); }

expected<void> sqlite_session::rollback_to_savepoint() {
  if (auto undone = run_plain("ROLLBACK TO job"); !undone) return undone;
  return release();
}

expected<void> sqlite_session::migrate(const std::vector<migration>& migrations) {
  auto table = run_plain(
      "CREATE TABLE IF NOT EXISTS troupe_migrations("
      "number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at TEXT NOT NULL)");
  if (!table) return table;
  auto rows = run("SELECT number, name, checksum FROM troupe_migrations ORDER BY number", {});
  if (!rows) return tl::unexpected(rows.error());
  std::vector<applied_migration> applied;
  for (const auto& row : rows->rows) {
    const auto* number = std::get_if<std::int64_t>(&row[0]);
    const auto* label = std::get_if<std::string>(&row[1]);
    const auto* checksum = std::get_if<std::string>(&row[2]);
    if (number == nullptr || label == nullptr || checksum == nullptr)
      return failed(SQLITE_CORRUPT, "a row of troupe_migrations has the wrong types");
    applied.push_back({static_cast<std::uint32_t>(*number), *label, *checksum});
  }
  auto plan = plan_migrations(migrations, applied);
  if (!plan) return fail(plan.error().code, "database " + path_ + ": " + plan.error().context);
  for (const auto& m : *plan) {
    if (auto done = apply(m); !done) {
      rollback();
      return done;
    }
  }
  return {};
}

expected<void> sqlite_session::apply(const migration& m) {
  if (auto begun = begin(db_access::write); !begun) return begun;
  const int code = db_.tryExec(m.sql);
  if (code != SQLITE_OK) {
    const auto reason = failed(db_.getExtendedErrorCode(), db_.getErrorMsg());
    if (reason.value().code != errc::invalid_argument) return reason;
    return fail(errc::bad_config,
                "migration " + std::to_string(m.number) + " (" + m.name + "): " + reason.value().context);
  }
  if (sqlite3_get_autocommit(db_.getHandle()) != 0)
    return fail(errc::bad_config,
                "migration " + std::to_string(m.number) + " (" + m.name + ") ends its own transaction");
  auto noted =
      run("INSERT INTO troupe_migrations(number, name, checksum, applied_at) "
          "VALUES(?, ?, ?, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))",
          {std::int64_t{m.number}, m.name, checksum_of(m)});
  if (!noted) return tl::unexpected(noted.error());
  return commit();
}

expected<void> sqlite_session::probe() {
  auto written = write_probe();
  if (written || written.error().code != errc::storage_failed) return written;
  // What the log holds goes into the file: a log that filled the disk gives its room back. Only now,
  // because the file may grow by it and would take the room that a write needs.
  (void)db_.tryExec("PRAGMA wal_checkpoint(TRUNCATE)");
  return write_probe();
}

expected<void> sqlite_session::write_probe() {
  if (auto begun = begin(db_access::write); !begun) return begun;
  auto written = run_plain("CREATE TABLE IF NOT EXISTS troupe_probe(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)");
  if (written) {
    auto row = run("INSERT OR REPLACE INTO troupe_probe(id, bytes) VALUES(1, randomblob(?))",
                   {static_cast<std::int64_t>(probe_bytes)});
    if (!row) written = tl::unexpected(row.error());
  }
  if (!written) {
    rollback();
    return written;
  }
  return commit();
}

}  // namespace troupe
