// What a database must offer to be driven by the database service; SQLite and PostgreSQL implement
// it in gateways/db. Calls block: they run on the service's own threads, never in an actor. A database that can do
// better gives an asynchronous way of its own (database_driver::connect); for others one is made of sessions.
//
// A session belongs to one namespace (a file in SQLite, a schema in PostgreSQL) and to one thread at
// a time. Statements are only ever parameterised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/database.hpp>
#include <troupe/error.hpp>
#include <troupe/fenced.hpp>

namespace troupe {

using db_value = sql_value;
using db_row = sql_row;
using db_result = sql_result;

enum class db_access : std::uint8_t { read, write };

class database_session {
 public:
  virtual ~database_session() = default;

  /// Runs one statement; it is prepared on first use and kept. storage_failed when the disk is full or
  /// fails, unavailable when the database is busy or away, corrupt when its bytes are damaged, already_exists,
  /// missing_reference, conflict, deadline_exceeded (see limit), too_large (also for a result beyond
  /// database::result_bytes_max), out_of_memory, invalid_argument for SQL it refuses and for more than one statement.
  [[nodiscard]] virtual expected<db_result> run(std::string_view sql, const db_row& parameters) = 0;

  /// What runs at this point of time is given up. Holds until the next call.
  virtual void limit(time_point deadline) noexcept = 0;

  /// `write` takes the write lock at once, so that a transaction never fails half way for want of it.
  [[nodiscard]] virtual expected<void> begin(db_access access) = 0;

  /// On failure the transaction is over: outcome_unknown when it may have been committed all the same
  /// (an I/O error while it was made durable), any other code when it was surely not.
  [[nodiscard]] virtual expected<void> commit() = 0;

  /// Ends the transaction, if one is open, without a trace.
  virtual void rollback() noexcept = 0;

  /// False also after a statement whose failure ended the transaction.
  [[nodiscard]] virtual bool in_transaction() const noexcept = 0;

  /// One statement whose rows are fetched a part at a time, inside a transaction; one at a time. No rows: that was
  /// all. `sql` and `parameters` live until close_cursor().
  [[nodiscard]] virtual expected<void> open_cursor(std::string_view sql, const db_row& parameters) = 0;
  [[nodiscard]] virtual expected<db_result> fetch(std::size_t rows_max) = 0;
  virtual void close_cursor() noexcept = 0;

  /// A mark inside a transaction; one at a time. release() keeps what was done since,
  /// rollback_to_savepoint() undoes it; both remove the mark.
  [[nodiscard]] virtual expected<void> savepoint() = 0;
  [[nodiscard]] virtual expected<void> release() = 0;
  [[nodiscard]] virtual expected<void> rollback_to_savepoint() = 0;

  /// Brings the namespace to the last migration. bad_config when an applied one has changed since,
  /// when the database is newer than the program, and for SQL that the database refuses. A shared database wants a
  /// leader's token: without one, unavailable as long as migrations are left to apply; stale_term when a later
  /// leader has been there.
  [[nodiscard]] virtual expected<void> migrate(const std::vector<migration>& migrations,
                                               const std::optional<fenced>& right) = 0;
  [[nodiscard]] expected<void> migrate(const std::vector<migration>& migrations) {
    return migrate(migrations, std::nullopt);
  }

  /// Begins a transaction in which nobody else changes the tables of the namespace. A shared database wants a leader's
  /// token: unavailable without one, stale_term when a later leader has been there. After migrate().
  [[nodiscard]] virtual expected<void> begin_change(const std::optional<fenced>& right) {
    (void)right;
    return begin(db_access::write);
  }

  /// Statements of ours without parameters, inside a transaction; they may take as long as a migration.
  [[nodiscard]] virtual expected<void> run_script(const std::string& sql) = 0;

  /// Writes and commits a little, outside any transaction: succeeds when the storage takes writes
  /// again. Frees what room it can first.
  [[nodiscard]] virtual expected<void> probe() = 0;

  /// Copies the namespace as it is now into a new file, while others go on. `go_on` is asked now and then; false:
  /// unavailable. already_exists, storage_failed, not_implemented where the database has tools of its own.
  [[nodiscard]] virtual expected<void> backup(const std::string& file, const std::function<bool()>& go_on) = 0;

  /// Drops all that the namespace holds, while other sessions may be open; all or nothing. Migrate it anew after. A
  /// shared database wants the leader's token, as migrate() does, and remembers it.
  [[nodiscard]] virtual expected<void> reset(const std::optional<fenced>& right) = 0;
};

/// What an asynchronous way of a driver's own counts, for metrics.
struct database_numbers {
  std::string name_space;
  std::uint64_t connections = 0;
  std::uint64_t in_use = 0;
  std::uint64_t waiting = 0;
  std::uint64_t dial_failures = 0;
  std::uint64_t repeated = 0;  // requests sent again on another connection
  std::uint64_t refused = 0;
  int breaker = 0;  // 0 closed, 1 half open, 2 open
};

/// Whose rights the statements of a namespace have: "own", "switched" or "shared" (docs/DATABASE.md), and why it is not
/// the first; both empty where that means nothing.
struct role_note {
  std::string way;
  std::string why;
};

class database_driver {
 public:
  virtual ~database_driver() = default;

  /// A new session in `name_space`, which is created when it is missing. Names: [a-z][a-z0-9_]*, at
  /// most namespace_length_max characters. storage_failed, unavailable, corrupt, invalid_argument.
  [[nodiscard]] virtual expected<std::unique_ptr<database_session>> open(const std::string& name_space) = 0;

  /// A session that can only read; after open() has succeeded.
  [[nodiscard]] virtual expected<std::unique_ptr<database_session>> open_reader(const std::string& name_space) = 0;

  [[nodiscard]] virtual std::string_view name() const noexcept = 0;  // "sqlite", "postgres"
  [[nodiscard]] virtual sql_dialect dialect() const noexcept = 0;

  /// Whether other nodes use the same namespaces: then the leader alone migrates them.
  [[nodiscard]] virtual bool shared() const noexcept { return false; }

  /// The driver's own asynchronous way to a namespace; null: it has none, and one is made of sessions.
  [[nodiscard]] virtual std::shared_ptr<database_access> connect(const std::string&) { return nullptr; }
  [[nodiscard]] virtual std::vector<database_numbers> numbers() const { return {}; }
  [[nodiscard]] virtual role_note role_of(const std::string&) const { return {}; }
  /// Ends what connect() gave out, while the node's I/O threads still run.
  virtual void stop() {}
};

inline constexpr std::size_t namespace_length_max = 48;

/// Whether `name` may name a namespace.
[[nodiscard]] bool is_namespace(std::string_view name) noexcept;

}  // namespace troupe
