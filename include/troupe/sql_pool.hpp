// Databases alone: SQLite files or a PostgreSQL behind a pool, without a node, with the interface that databases of a
// node have (<troupe/database.hpp>): asynchronous and blocking calls, prepared statements, transactions, cursors, group
// commit of writes that wait together (SQLite), pipelined connections (PostgreSQL), migrations.
//
//   auto pool = troupe::sql_pool::start({.sqlite_dir = "./data"});
//   auto db = pool->open("shop", {{1, "item", "create table item(id integer primary key, name text)"}});
//   db->execute("insert into item(name) values(?)", {"pen"});
//
// Namespaces, migrations, rights and limits are those of docs/DATABASE.md, but that there is no leader: every pool
// applies what is missing, in PostgreSQL one after the other. A schema that a cluster of nodes has migrated is left to
// its leader: then calls are refused until that has done it.
//
// Threads: tuning.pool_threads that block, one for I/O, one for backups. Thread-safe; start, open and backup block.
// Handles must not outlive the pool; after stop() they answer unavailable.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <troupe/config.hpp>
#include <troupe/database.hpp>
#include <troupe/error.hpp>

namespace troupe {

struct sql_pool_options {
  std::string sqlite_dir{};    // made when it is missing; a file DIR/db/NAME.sqlite3 for each namespace
  std::string postgres_dsn{};  // postgresql://... ; a schema for each namespace. One of the two
  /// As [db] of a node's configuration; type and dsn follow from the two above.
  db_config tuning{};
  std::string log_level = "error";  // error | warn | info | debug, to standard error; off
};

class sql_pool {
 public:
  /// Nothing is opened or dialled yet. errc::bad_config with every fault, under the names that the keys have in the
  /// configuration of a node; errc::unavailable when libpq is not there.
  [[nodiscard]] static expected<sql_pool> start(sql_pool_options options);

  sql_pool(sql_pool&&) noexcept;
  sql_pool& operator=(sql_pool&&) noexcept;
  /// As stop().
  ~sql_pool();

  /// The namespace `name` ([a-z][a-z0-9_]*), made when it is not there, brought to the last of `migrations`, or of
  /// those in tuning.migrations when none are given. The same name gives the same database. errc::bad_config for an
  /// applied migration that has changed, errc::invalid_argument, errc::corrupt. A database that is full or away is no
  /// error here: calls answer unavailable, and it is tried again every second.
  [[nodiscard]] expected<database> open(const std::string& name, std::vector<migration> migrations = {});

  struct status {
    bool ok = true;
    std::string reason;  // when it is not
  };
  /// Whether every namespace takes writes.
  [[nodiscard]] status health() const;

  /// Copies a namespace into a new file outside of sqlite_dir, while others go on. errc::not_found,
  /// errc::already_exists, errc::storage_failed; errc::not_implemented with PostgreSQL.
  [[nodiscard]] expected<void> backup(const std::string& name, const std::string& file);

  /// In the Prometheus text format: troupe_db_*.
  [[nodiscard]] std::string metrics() const;

  /// Answers every call, lets transactions that run end, then closes. Idempotent.
  void stop();

 private:
  class runner;
  explicit sql_pool(std::unique_ptr<runner> r);
  std::unique_ptr<runner> runner_;
};

}  // namespace troupe
