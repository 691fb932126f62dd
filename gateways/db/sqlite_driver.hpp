// SQLite behind the database service: one file a namespace, <data_dir>/db/<namespace>.sqlite3, in WAL
// mode, made when it is missing and checked (PRAGMA quick_check, which reads all of it) when it is opened, unless it
// is larger than `check_max`.
//
// Thread-safe. The sessions it opens are each used by one thread at a time. It promises no more than
// SQLite does: with synchronous "normal" the last commits may be lost to a power cut, never to a crash
// of the program.
#pragma once

#include <memory>
#include <string>

#include <troupe/config.hpp>
#include <troupe/time.hpp>

#include "runtime/services/database_driver.hpp"

namespace troupe {

enum class sqlite_synchronous : std::uint8_t { full, normal };

class sqlite_driver final : public database_driver {
 public:
  struct settings {
    std::string data_dir;
    duration busy_timeout = std::chrono::seconds(5);  // how long a statement waits for another process
    sqlite_synchronous synchronous = sqlite_synchronous::full;
    std::uint64_t check_max = 1024 * mib;  // larger files are not checked
    std::uint64_t cache_size = 8 * mib;
  };

  explicit sqlite_driver(settings s);

  /// The settings of [node] and [db]; their values are validated by the configuration.
  [[nodiscard]] static settings settings_of(const config& c);

  /// invalid_argument for a name that is none, storage_failed when the directory or file cannot be made or
  /// used, corrupt (with the file's path and what to do) when it is damaged or no database.
  [[nodiscard]] expected<std::unique_ptr<database_session>> open(const std::string& name_space) override;

  [[nodiscard]] expected<std::unique_ptr<database_session>> open_reader(const std::string& name_space) override;

  [[nodiscard]] std::string_view name() const noexcept override { return "sqlite"; }
  [[nodiscard]] sql_dialect dialect() const noexcept override { return sql_dialect::sqlite; }

  [[nodiscard]] std::string path_of(const std::string& name_space) const;

 private:
  [[nodiscard]] expected<void> make_directory() const;

  const settings settings_;
};

}  // namespace troupe
