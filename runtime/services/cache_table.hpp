// A backed cache as a table: what each command does to its rows, and which version it gives.
//
// kv(key, value, version, expires_at_ms): expiry stands on the wall clock, so that it survives a restart; a row
// whose time has come counts as absent and goes with the next write of its key or the next sweep. Versions rise
// across deletes: `kv_floor` keeps the highest one that any deleted row had. One object per cache, used by
// one batch at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/base/function_ref.hpp"
#include "runtime/cache/command.hpp"
#include "runtime/services/database_job.hpp"

namespace troupe {

class cache_table {
 public:
  /// Gives a version above its argument; 0 when this node may not write the key.
  using version_source = function_ref<std::uint64_t(std::uint64_t above)>;

  /// In a database that nodes share (postgres) what others wrote meanwhile is looked at each time, and a write that
  /// comes after a later one of the key's new owner is refused.
  explicit cache_table(sql_dialect dialect) : dialect_(dialect) {}
  cache_table() = default;

  [[nodiscard]] static const std::vector<migration>& schema(sql_dialect dialect = sql_dialect::sqlite);

  /// Carries `command` out, as a shard store would. The reply's code is ok, not_found, condition_failed (then with
  /// the present version), invalid_argument (a negative ttl) or not_owner; value and what is left of the ttl are those
  /// of the row after the command. A write's version is above the row's and above every deleted one's. An error is the
  /// session's.
  [[nodiscard]] expected<owned_reply> execute(database_session& session, const cache_command& command,
                                              const batch_times& times, version_source next_version);

  /// Deletes at most `rows_max` expired rows; how many it deleted.
  [[nodiscard]] expected<std::size_t> sweep(database_session& session, const batch_times& times, std::size_t rows_max);

 private:
  struct row {
    bool live = false;               // exists and has not expired
    std::uint64_t version = 0;       // of an expired row, too; 0 without a row
    std::int64_t expires_at_ms = 0;  // 0: never
    std::string value;               // only when it was asked for
  };

  [[nodiscard]] expected<row> read(database_session& session, std::string_view key, const batch_times& times,
                                   bool with_value);
  [[nodiscard]] expected<owned_reply> load(database_session& session, const cache_command& command,
                                           const batch_times& times);
  [[nodiscard]] expected<owned_reply> put(database_session& session, const cache_command& command, const row& old,
                                          const batch_times& times, std::uint64_t version);
  [[nodiscard]] expected<owned_reply> erase(database_session& session, const cache_command& command,
                                            std::uint64_t version);
  [[nodiscard]] expected<void> learn_floor(database_session& session);
  [[nodiscard]] expected<void> raise_floor(database_session& session, std::uint64_t version);

  sql_dialect dialect_ = sql_dialect::sqlite;
  std::uint64_t floor_ = 0;  // never below what kv_floor holds; may run ahead of it after a rollback
  bool floor_known_ = false;
};

}  // namespace troupe
