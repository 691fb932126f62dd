// The asynchronous interface over blocking sessions: writes go through the one lane of the namespace, where those that
// wait together share a transaction (group commit); reads go to the lanes of its readers.
//
// A transaction reserves the writer's lane, a cursor or a reading transaction one of the lanes kept for what takes
// long, until it ends or its deadline passes; no thread waits meanwhile. Notifications reach this process alone.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "actors/db/database_pool.hpp"
#include "actors/db/notice_board.hpp"
#include "runtime/database/database_access.hpp"
#include "runtime/database/statement_catalogue.hpp"

namespace troupe {

class session_database final : public database_access, public std::enable_shared_from_this<session_database> {
 public:
  static constexpr std::size_t long_readers = 4;       // cursors and reading transactions at a time
  static constexpr std::size_t notices_max = 100'000;  // that listeners have not heard yet

  /// `pool` and `loop` outlive it; `writer` is the lane of the namespace.
  session_database(database_pool& pool, boost::asio::io_context& loop, const std::string& name_space, lane_id writer,
                   std::size_t readers, sql_dialect dialect);

  [[nodiscard]] sql_dialect dialect() const noexcept override { return dialect_; }
  [[nodiscard]] expected<sql_statement> prepare(const std::string& name, std::string_view text) override;
  void run(sql_call call, sql_access access, time_point deadline, sql_callback done) override;
  void run_all(std::vector<sql_call> calls, time_point deadline, sql_results_callback done) override;
  void begin(const transaction_settings& s, time_point deadline, begin_callback done) override;
  void open_cursor(sql_call call, bool stale, time_point deadline, open_callback done) override;
  void bulk_insert(bulk_target into, row_source source, time_point deadline, count_callback done) override;
  [[nodiscard]] expected<subscription> listen(const std::string& channel, notification_callback f) override;
  void notify(const std::string& channel, std::string payload, time_point deadline, done_callback done) override;
  void after(duration wait, std::function<void(bool came)> f) override;
  void stop() override;

 private:
  struct waiting_notice {
    notification told;
    done_callback done;
  };

  [[nodiscard]] std::function<void(bool)> take_waiting(std::uint64_t id);
  void tell_next();

  database_pool& pool_;
  boost::asio::io_context& loop_;
  const lane_id writer_;
  const std::vector<lane_id> readers_;
  const std::vector<lane_id> long_readers_;
  const sql_dialect dialect_;
  std::mutex mutex_;
  statement_catalogue catalogue_;                               // guarded by mutex_
  std::map<std::uint64_t, std::function<void(bool)>> waiting_;  // in after(); guarded by mutex_
  std::uint64_t waits_ = 0;                                     // guarded by mutex_
  std::deque<waiting_notice> notices_waiting_;                  // guarded by mutex_
  bool stopped_ = false;                                        // guarded by mutex_
  const std::shared_ptr<notice_board> notices_;
};

}  // namespace troupe
