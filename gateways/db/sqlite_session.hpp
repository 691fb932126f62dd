// One SQLite connection: prepared statements kept in a bounded list, the least recently used closed
// first; every SQLite error becomes one of ours. Used by one thread at a time.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include "gateways/db/sqlite_driver.hpp"

namespace troupe {

class sqlite_session final : public database_session {
 public:
  static constexpr std::size_t statements_max = 128;      // prepared and kept
  static constexpr std::size_t probe_bytes = 4096;        // written by probe()
  static constexpr std::size_t wal_bytes_kept = 8 * mib;  // of the WAL file after a checkpoint

  /// Opens, sets the pragmas and runs quick_check.
  [[nodiscard]] static expected<std::unique_ptr<sqlite_session>> open(const std::string& path,
                                                                      const sqlite_driver::settings& s);

  [[nodiscard]] expected<db_result> run(std::string_view sql, const db_row& parameters) override;
  [[nodiscard]] expected<void> begin(db_access access) override;
  [[nodiscard]] expected<void> commit() override;
  void rollback() noexcept override;
  [[nodiscard]] expected<void> savepoint() override;
  [[nodiscard]] expected<void> release() override;
  [[nodiscard]] expected<void> rollback_to_savepoint() override;
  [[nodiscard]] expected<void> migrate(const std::vector<migration>& migrations) override;
  [[nodiscard]] expected<void> probe() override;

  sqlite_session(const std::string& path, duration busy_timeout);

 private:
  struct kept_statement {
    std::string sql;
    SQLite::Statement prepared;
  };
  using statements = std::list<kept_statement>;

  void set_pragmas(const sqlite_driver::settings& s);
  [[nodiscard]] expected<void> check();
  [[nodiscard]] expected<SQLite::Statement*> prepare(std::string_view sql);
  [[nodiscard]] expected<db_result> step(SQLite::Statement& s);
  [[nodiscard]] expected<void> run_plain(std::string_view sql);
  [[nodiscard]] expected<void> apply(const migration& m);
  [[nodiscard]] expected<void> write_probe();
  [[nodiscard]] tl::unexpected<error> failed(int code, const std::string& what) const;
  template <class F>
  auto guarded(F&& f) -> decltype(f());

  std::string path_;
  SQLite::Database db_;
  statements statements_;                                              // most recently used first; must end before db_
  std::unordered_map<std::string_view, statements::iterator> by_sql_;  // keys view statements_' own text
};

/// The code of ours for a primary or extended result code of SQLite.
[[nodiscard]] errc code_of_sqlite(int result) noexcept;

}  // namespace troupe
