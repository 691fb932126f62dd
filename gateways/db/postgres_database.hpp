// The asynchronous interface over PostgreSQL: statements and reads are pipelined on shared connections; transactions,
// cursors and COPY borrow one each. Reads that may be stale go to a standby, which is dialled when the first one comes.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "actors/db/notice_board.hpp"
#include "gateways/db/postgres_listener.hpp"
#include "gateways/db/postgres_side.hpp"
#include "runtime/database/database_access.hpp"
#include "runtime/database/statement_catalogue.hpp"

namespace troupe {

class postgres_database final : public database_access, public std::enable_shared_from_this<postgres_database> {
 public:
  postgres_database(boost::asio::io_context& loop, std::shared_ptr<const postgres_login> login, std::string name_space,
                    const pool_limits& limits, std::uint64_t seed);
  ~postgres_database() override;

  void start() { primary_->start(); }
  void stop() override;

  [[nodiscard]] sql_dialect dialect() const noexcept override { return sql_dialect::postgres; }
  [[nodiscard]] expected<sql_statement> prepare(const std::string& name, std::string_view text) override;
  void run(sql_call call, sql_access access, time_point deadline, sql_callback done) override;
  void run_all(std::vector<sql_call> calls, time_point deadline, sql_results_callback done) override;
  void begin(const transaction_settings& s, time_point deadline, begin_callback done) override;
  void open_cursor(sql_call call, bool stale, time_point deadline, open_callback done) override;
  void bulk_insert(bulk_target into, row_source source, time_point deadline, count_callback done) override;
  [[nodiscard]] expected<subscription> listen(const std::string& channel, notification_callback f) override;
  void notify(const std::string& channel, std::string payload, time_point deadline, done_callback done) override;
  void after(duration wait, std::function<void(bool came)> f) override;

  [[nodiscard]] const postgres_side::figures& counted() const noexcept { return primary_->counted(); }
  [[nodiscard]] const std::string& name_space() const noexcept { return name_space_; }

 private:
  [[nodiscard]] postgres_side& side(bool stale);
  [[nodiscard]] expected<void> check_channel(const std::string& channel) const;

  boost::asio::io_context& loop_;
  const std::shared_ptr<const postgres_login> login_;
  const std::string name_space_;
  const pool_limits limits_;
  const std::shared_ptr<postgres_side> primary_;
  std::mutex mutex_;
  std::shared_ptr<postgres_side> standby_;  // guarded by mutex_; null until the first stale read
  bool stopped_ = false;                    // guarded by mutex_
  std::shared_ptr<postgres_listener> listener_;
  statement_catalogue catalogue_{sql_dialect::postgres};  // guarded by mutex_
};

}  // namespace troupe
