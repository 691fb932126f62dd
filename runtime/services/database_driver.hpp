// What a database must offer to be driven by the database service; SQLite and PostgreSQL implement
// it in gateways/db. Calls block: they run on the service's own threads, never in an actor.
//
// A session belongs to one namespace (a file in SQLite, a schema in PostgreSQL) and to one thread at
// a time. Statements are only ever parameterised.
#pragma once

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

/// Numbered from 1 without a gap; applied once, in order, each in its own transaction.
struct migration {
  std::uint32_t number = 0;
  std::string name;
  std::string sql;
};

class database_session {
 public:
  virtual ~database_session() = default;

  /// Runs one statement; it is prepared on first use and kept. storage_failed when the disk is full or
  /// fails, unavailable when the database is busy or away, invalid_argument for SQL it refuses.
  [[nodiscard]] virtual expected<db_result> run(std::string_view sql, const db_row& parameters) = 0;

  [[nodiscard]] virtual expected<void> begin() = 0;
  [[nodiscard]] virtual expected<void> commit() = 0;
  virtual void rollback() noexcept = 0;

  /// Brings the namespace to the last migration. bad_config when an applied one has changed since.
  [[nodiscard]] virtual expected<void> migrate(const std::vector<migration>& migrations) = 0;
};

class database_driver {
 public:
  virtual ~database_driver() = default;

  /// A new session in `name_space`, which is created when it is missing. Names: [a-z][a-z0-9_]*.
  [[nodiscard]] virtual expected<std::unique_ptr<database_session>> open(const std::string& name_space) = 0;

  [[nodiscard]] virtual std::string_view name() const noexcept = 0;  // "sqlite", "postgres"
};

}  // namespace troupe
