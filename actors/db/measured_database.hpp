// What every database has in front of it, whatever its kind: arguments are looked at, a namespace whose migrations are
// not there yet says so, each call is counted and timed by the name of its statement, slow ones are logged.
//
// Values never reach the log or a metric.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "actors/log.hpp"
#include "actors/metrics.hpp"
#include "runtime/database/database_access.hpp"

namespace troupe {

class measured_database final : public database_access, public std::enable_shared_from_this<measured_database> {
 public:
  static constexpr std::uint32_t slow_lines_max = 10;  // a second

  struct surroundings {
    event_log& log;
    metrics& numbers;
    duration slow{};  // 0: nothing is slow
  };

  /// Everything in `s` outlives it.
  measured_database(std::shared_ptr<database_access> inner, std::string name_space, const surroundings& s);

  /// From now on calls go through; until then they answer unavailable.
  void open() noexcept { open_ = true; }
  void close(std::string why);

  [[nodiscard]] sql_dialect dialect() const noexcept override { return inner_->dialect(); }
  [[nodiscard]] expected<sql_statement> prepare(const std::string& name, std::string_view text) override;
  void run(sql_call call, sql_access access, time_point deadline, sql_callback done) override;
  void run_all(std::vector<sql_call> calls, time_point deadline, sql_results_callback done) override;
  void begin(const transaction_settings& s, time_point deadline, begin_callback done) override;
  void open_cursor(sql_call call, bool stale, time_point deadline, open_callback done) override;
  void bulk_insert(bulk_target into, row_source source, time_point deadline, count_callback done) override;
  [[nodiscard]] expected<subscription> listen(const std::string& channel, notification_callback f) override;
  void notify(const std::string& channel, std::string payload, time_point deadline, done_callback done) override;
  void after(duration wait, std::function<void(bool came)> f) override { inner_->after(wait, std::move(f)); }
  void stop() override { inner_->stop(); }

  /// errc::invalid_argument for a statement of another database, values that do not fit it, and one that writes where
  /// only reading is meant; errc::too_large.
  [[nodiscard]] expected<void> check_call(const sql_call& call, sql_access access) const;

  /// Counts a statement of a transaction as one of its own.
  void on_done(const sql_statement& s, time_point began, const error* failed);

 private:
  struct numbers {
    prometheus::Counter* failed;
    prometheus::Histogram* seconds;
  };

  [[nodiscard]] expected<void> admits() const;
  void add_numbers(std::size_t id, const std::string& name);
  [[nodiscard]] bool may_log(time_point now);

  const std::shared_ptr<database_access> inner_;
  const std::string name_space_;
  const surroundings around_;
  std::atomic<bool> open_{false};
  mutable std::mutex mutex_;
  std::string closed_because_;  // guarded by mutex_
  std::vector<numbers> of_;     // by the statement's id; a place is filled before its id is given out
  std::unique_ptr<std::atomic<const void*>[]> known_;  // the statement of each id, by its identity
  std::vector<bool> filled_;                           // guarded by mutex_
  time_point second_{};                                // guarded by mutex_
  std::uint32_t lines_ = 0;                            // in it; guarded by mutex_
};

}  // namespace troupe
