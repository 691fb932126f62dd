// What a database must offer to be driven by the database service; SQLite and PostgreSQL implement
// it in gateways/db. Calls block: they run on the service's own threads, never in an actor.
//
// A session belongs to one namespace (a file in SQLite, a schema in PostgreSQL) and to one thread at
// a time. Statements are only ever parameterised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <troupe/error.hpp>

namespace troupe {

struct blob {
  std::string bytes;
  bool operator==(const blob&) const = default;
};

/// A parameter or a column: null, integer, real, text or bytes.
using db_value = std::variant<std::monostate, std::int64_t, double, std::string, blob>;
using db_row = std::vector<db_value>;

struct db_result {
  std::vector<db_row> rows;
  std::uint64_t changed = 0;  // rows that the statement inserted, updated or deleted
};

/// Numbered from 1 without a gap; applied once, in order, each in its own transaction. The text may
/// hold several statements but none that begins or ends a transaction.
struct migration {
  std::uint32_t number = 0;
  std::string name;
  std::string sql;
};

enum class db_access : std::uint8_t { read, write };

class database_session {
 public:
  virtual ~database_session() = default;

  /// Runs one statement; it is prepared on first use and kept. storage_failed when the disk is full or
  /// fails, unavailable when the database is busy or away, corrupt when its bytes are damaged,
  /// too_large, out_of_memory, invalid_argument for SQL it refuses and for more than one statement.
  [[nodiscard]] virtual expected<db_result> run(std::string_view sql, const db_row& parameters) = 0;

  /// `write` takes the write lock at once, so that a transaction never fails half way for want of it.
  [[nodiscard]] virtual expected<void> begin(db_access access) = 0;

  /// On failure the transaction is over: outcome_unknown when it may have been committed all the same
  /// (an I/O error while it was made durable), any other code when it was surely not.
  [[nodiscard]] virtual expected<void> commit() = 0;

  /// Ends the transaction, if one is open, without a trace.
  virtual void rollback() noexcept = 0;

  /// A mark inside a transaction; one at a time. release() keeps what was done since,
  /// rollback_to_savepoint() undoes it; both remove the mark.
  [[nodiscard]] virtual expected<void> savepoint() = 0;
  [[nodiscard]] virtual expected<void> release() = 0;
  [[nodiscard]] virtual expected<void> rollback_to_savepoint() = 0;

  /// Brings the namespace to the last migration. bad_config when an applied one has changed since,
  /// when the database is newer than the program, and for SQL that the database refuses.
  [[nodiscard]] virtual expected<void> migrate(const std::vector<migration>& migrations) = 0;

  /// Writes and commits a little, outside any transaction: succeeds when the storage takes writes
  /// again. Frees what room it can first.
  [[nodiscard]] virtual expected<void> probe() = 0;
};

class database_driver {
 public:
  virtual ~database_driver() = default;

  /// A new session in `name_space`, which is created when it is missing. Names: [a-z][a-z0-9_]*, at
  /// most namespace_length_max characters. storage_failed, unavailable, corrupt, invalid_argument.
  [[nodiscard]] virtual expected<std::unique_ptr<database_session>> open(const std::string& name_space) = 0;

  [[nodiscard]] virtual std::string_view name() const noexcept = 0;  // "sqlite", "postgres"
};

inline constexpr std::size_t namespace_length_max = 48;

/// Whether `name` may name a namespace.
[[nodiscard]] bool is_namespace(std::string_view name) noexcept;

}  // namespace troupe
