// One SQLite connection, for writing or only for reading: prepared statements kept in a bounded list, the least
// recently used closed first; every SQLite error becomes one of ours. Used by one thread at a time.
#pragma once

#include <list>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>

#include "gateways/db/sqlite_driver.hpp"

namespace troupe {

class sqlite_session final : public database_session {
 public:
  static constexpr std::size_t statements_max = 128;      // prepared and kept
  static constexpr std::size_t probe_bytes = 4096;        // written by probe()
  static constexpr std::size_t wal_bytes_kept = 8 * mib;  // of the WAL file after a checkpoint
  static constexpr int steps_between_looks = 10000;       // of SQLite's machine, at the deadline
  static constexpr int backup_pages = 256;                // copied at a time

  /// Opens, sets the pragmas and, for a writer, runs quick_check on a file that is not too large.
  [[nodiscard]] static expected<std::unique_ptr<sqlite_session>> open(const std::string& path,
                                                                      const sqlite_driver::settings& s,
                                                                      db_access access);
  ~sqlite_session() override;

  [[nodiscard]] expected<db_result> run(std::string_view sql, const db_row& parameters) override;
  [[nodiscard]] expected<void> begin(db_access access) override;
  [[nodiscard]] expected<void> commit() override;
  void rollback() noexcept override;
  void limit(time_point deadline) noexcept override { deadline_ = deadline; }
  [[nodiscard]] bool in_transaction() const noexcept override;
  [[nodiscard]] expected<void> open_cursor(std::string_view sql, const db_row& parameters) override;
  [[nodiscard]] expected<db_result> fetch(std::size_t rows_max) override;
  void close_cursor() noexcept override;
  [[nodiscard]] expected<void> savepoint() override;
  [[nodiscard]] expected<void> release() override;
  [[nodiscard]] expected<void> rollback_to_savepoint() override;
  using database_session::migrate;
  [[nodiscard]] expected<void> migrate(const std::vector<migration>& migrations,
                                       const std::optional<fenced>& right) override;
  [[nodiscard]] expected<void> run_script(const std::string& sql) override;
  [[nodiscard]] expected<void> probe() override;
  [[nodiscard]] expected<void> backup(const std::string& file, const std::function<bool()>& go_on) override;
  [[nodiscard]] expected<void> reset(const std::optional<fenced>& right) override;

  sqlite_session(const std::string& path, duration busy_timeout);

 private:
  struct kept_statement {
    std::string sql;
    SQLite::Statement prepared;
    std::shared_ptr<const sql_columns> columns;
  };
  using statements = std::list<kept_statement>;

  void set_pragmas(const sqlite_driver::settings& s, db_access access);
  [[nodiscard]] expected<void> check(std::uint64_t check_max);
  [[nodiscard]] expected<kept_statement*> prepare(std::string_view sql);
  [[nodiscard]] expected<void> bind(kept_statement& s, const db_row& parameters);
  [[nodiscard]] expected<db_result> step(kept_statement& s, std::size_t rows_max);
  static int on_progress(void* self);
  [[nodiscard]] expected<void> run_plain(std::string_view sql);
  [[nodiscard]] expected<void> apply(const migration& m);
  [[nodiscard]] expected<void> write_probe();
  [[nodiscard]] expected<void> drop_all();
  [[nodiscard]] expected<void> copy_into(const std::string& file, const std::function<bool()>& go_on);
  [[nodiscard]] tl::unexpected<error> failed(int code, const std::string& what) const;
  template <class F>
  auto guarded(F&& f) -> decltype(f());

  std::string path_;
  SQLite::Database db_;
  statements statements_;                                              // most recently used first; must end before db_
  std::unordered_map<std::string_view, statements::iterator> by_sql_;  // keys view statements_' own text
  const duration busy_timeout_;                                        // how long a statement waits for another process
  time_point deadline_ = time_point::max();
  std::optional<kept_statement> cursor_;
  bool cursor_ended_ = false;
};

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

/// The code of ours for a primary or extended result code of SQLite.
[[nodiscard]] errc code_of_sqlite(int result) noexcept;

}  // namespace troupe
