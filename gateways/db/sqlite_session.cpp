#include "gateways/db/sqlite_session.hpp"

#include <algorithm>
#include <climits>
#include <cstdint>
#include <filesystem>
#include <new>
#include <system_error>

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

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
    void operator()(bool v) const { statement.bind(index, v ? 1 : 0); }
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

std::size_t bytes_of_row(const db_row& row) noexcept {
  std::size_t bytes = sizeof(db_row) + row.size() * sizeof(db_value);
  for (const auto& v : row) bytes += bytes_of(v);
  return bytes;
}

std::shared_ptr<const sql_columns> columns_of(const SQLite::Statement& s) {
  auto names = std::make_shared<sql_columns>();
  for (int i = 0; i < s.getColumnCount(); ++i) names->emplace_back(s.getColumnName(i));
  return names;
}

// Parameters are borrowed while a statement runs: it must not keep them, whatever happens.
struct unbound_after {
  SQLite::Statement& statement;
  ~unbound_after() {
    (void)statement.tryReset();
    try {
      statement.clearBindings();
    } catch (const SQLite::Exception&) {  // never in practice: sqlite3_clear_bindings returns OK
    }
  }
};

}  // namespace

errc code_of_sqlite(int result) noexcept {
  switch (result) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID: return errc::already_exists;
    case SQLITE_CONSTRAINT_FOREIGNKEY: return errc::missing_reference;
    case SQLITE_BUSY_SNAPSHOT: return errc::conflict;
    default: break;
  }
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
    case SQLITE_INTERRUPT: return errc::deadline_exceeded;
    case SQLITE_NOMEM: return errc::out_of_memory;
    case SQLITE_TOOBIG: return errc::too_large;
    default: return errc::invalid_argument;
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
      db_(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX, milliseconds_of(busy_timeout)),
      busy_timeout_(busy_timeout) {}

expected<std::unique_ptr<sqlite_session>> sqlite_session::open(const std::string& path,
                                                               const sqlite_driver::settings& s, db_access access) {
  std::unique_ptr<sqlite_session> session;
  try {
    session = std::make_unique<sqlite_session>(path, s.busy_timeout);
  } catch (const SQLite::Exception& e) {
    return fail(code_of_sqlite(e.getErrorCode()), "cannot open the database " + path + ": " + e.what());
  } catch (const std::exception& e) {
    return fail(errc::out_of_memory, "cannot open the database " + path + ": " + e.what());
  }
  const auto ready = session->guarded([&]() -> expected<void> {
    session->set_pragmas(s, access);
    return access == db_access::write ? session->check(s.check_max) : expected<void>{};
  });
  if (!ready) return tl::unexpected(ready.error());
  return session;
}

sqlite_session::~sqlite_session() { close_cursor(); }

void sqlite_session::set_pragmas(const sqlite_driver::settings& s, db_access access) {
  sqlite3_extended_result_codes(db_.getHandle(), 1);
  sqlite3_limit(db_.getHandle(), SQLITE_LIMIT_ATTACHED, 0);  // a namespace cannot reach another's file
  sqlite3_progress_handler(db_.getHandle(), steps_between_looks, &sqlite_session::on_progress, this);
  const std::string mode = db_.execAndGet("PRAGMA journal_mode = WAL").getString();
  if (mode != "wal") throw SQLite::Exception("the file system cannot hold a write-ahead log", SQLITE_CANTOPEN);
  db_.exec(s.synchronous == sqlite_synchronous::full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  db_.exec("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = " +
           std::to_string(wal_bytes_kept) + "; PRAGMA cache_size = -" + std::to_string(s.cache_size / 1024));
  if (access == db_access::read) db_.exec("PRAGMA query_only = ON");
}

// Not 0: the statement is given up.
int sqlite_session::on_progress(void* self) {
  const auto deadline = static_cast<const sqlite_session*>(self)->deadline_;
  return deadline != time_point::max() && std::chrono::steady_clock::now() >= deadline ? 1 : 0;
}

expected<void> sqlite_session::check(std::uint64_t check_max) {
  std::error_code unknown;
  const auto size = std::filesystem::file_size(path_, unknown);
  if (!unknown && size > check_max) return {};
  const std::string verdict = db_.execAndGet("PRAGMA quick_check(1)").getString();
  if (verdict != "ok") return failed(SQLITE_CORRUPT, verdict);
  return {};
}

expected<sqlite_session::kept_statement*> sqlite_session::prepare(std::string_view sql) {
  if (const auto known = by_sql_.find(sql); known != by_sql_.end()) {
    statements_.splice(statements_.begin(), statements_, known->second);
    return &*known->second;
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
  statements_.push_front(kept_statement{std::move(text), std::move(prepared), nullptr});
  by_sql_.emplace(statements_.front().sql, statements_.begin());
  return &statements_.front();
}

expected<void> sqlite_session::bind(kept_statement& s, const db_row& parameters) {
  if (std::any_of(parameters.begin(), parameters.end(), [](const db_value& v) { return bytes_of(v) > INT_MAX; }))
    return fail(errc::too_large, "a parameter of more than 2 GiB");
  if (s.prepared.getBindParameterCount() != static_cast<int>(parameters.size()))
    return fail(errc::invalid_argument, "the statement takes " + std::to_string(s.prepared.getBindParameterCount()) +
                                            " parameters, not " + std::to_string(parameters.size()));
  bind_all(s.prepared, parameters);
  return {};
}

expected<db_result> sqlite_session::step(kept_statement& s, std::size_t rows_max) {
  db_result result;
  std::size_t bytes = 0;
  const int changes_before = db_.getTotalChanges();
  const int width = s.prepared.getColumnCount();
  while (result.rows.size() < rows_max) {
    const int code = s.prepared.tryExecuteStep();
    if (code == SQLITE_DONE) break;
    if (code != SQLITE_ROW) return failed(db_.getExtendedErrorCode(), db_.getErrorMsg());
    if (!s.columns) s.columns = columns_of(s.prepared);
    db_row row;
    row.reserve(static_cast<std::size_t>(width));
    for (int i = 0; i < width; ++i) row.push_back(value_of(s.prepared.getColumn(i)));
    bytes += bytes_of_row(row);
    if (bytes > database::result_bytes_max) return fail(errc::too_large, "the rows of one statement: use a cursor");
    result.rows.push_back(std::move(row));
  }
  result.columns = s.columns;
  if (db_.getTotalChanges() != changes_before) result.changed = static_cast<std::uint64_t>(db_.getChanges());
  return result;
}

expected<db_result> sqlite_session::run(std::string_view sql, const db_row& parameters) {
  return guarded([&]() -> expected<db_result> {
    auto statement = prepare(sql);
    if (!statement) return tl::unexpected(statement.error());
    const unbound_after after{(*statement)->prepared};
    if (auto bound = bind(**statement, parameters); !bound) return tl::unexpected(bound.error());
    return step(**statement, SIZE_MAX);
  });
}

expected<void> sqlite_session::run_plain(std::string_view sql) {
  auto result = run(sql, {});
  if (!result) return tl::unexpected(result.error());
  return {};
}

// Another process may have the write lock: it is waited for no longer than the caller does.
expected<void> sqlite_session::begin(db_access access) {
  if (access != db_access::write) return run_plain("BEGIN");
  if (deadline_ == time_point::max()) return run_plain("BEGIN IMMEDIATE");
  const auto left = deadline_ - time_point(std::chrono::steady_clock::now());
  (void)sqlite3_busy_timeout(db_.getHandle(), milliseconds_of(std::min(busy_timeout_, left)));
  auto begun = run_plain("BEGIN IMMEDIATE");
  (void)sqlite3_busy_timeout(db_.getHandle(), milliseconds_of(busy_timeout_));
  if (!begun && begun.error().code == errc::unavailable && left <= busy_timeout_)
    begun.error().code = errc::deadline_exceeded;
  return begun;
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

bool sqlite_session::in_transaction() const noexcept { return sqlite3_get_autocommit(db_.getHandle()) == 0; }

expected<void> sqlite_session::savepoint() { return run_plain("SAVEPOINT job"); }
expected<void> sqlite_session::release() { return run_plain("RELEASE job"); }

expected<void> sqlite_session::rollback_to_savepoint() {
  if (auto undone = run_plain("ROLLBACK TO job"); !undone) return undone;
  return release();
}

}  // namespace troupe
