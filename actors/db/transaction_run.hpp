// A transaction as its body sees it, and what runs the body again after a conflict: with waits that grow, a bound on
// the tries and on the time of all of them.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "runtime/base/backoff.hpp"
#include "runtime/base/random.hpp"
#include "runtime/database/database_access.hpp"

namespace troupe {

inline constexpr duration retry_wait_first = std::chrono::milliseconds(2);
inline constexpr duration retry_wait_most = std::chrono::milliseconds(100);

/// One try. Its end is told once: by commit, by rollback, or when its last handle goes.
struct transaction_run {
  /// `conflicted`: another try may succeed.
  using end_callback = std::function<void(expected<void> outcome, bool conflicted)>;

  transaction_run(std::shared_ptr<transaction_access> a, end_callback e) : access(std::move(a)), on_end(std::move(e)) {}
  ~transaction_run();

  void run(const sql_statement& s, sql_row values, sql_callback done);
  void commit();
  void rollback(error why);

  const std::shared_ptr<transaction_access> access;
  const end_callback on_end;
  const std::shared_ptr<std::atomic<bool>> conflicted = std::make_shared<std::atomic<bool>>(false);
  std::atomic<bool> ended{false};
};

/// The asynchronous transact(); keeps itself alive.
class transaction_retry : public std::enable_shared_from_this<transaction_retry> {
 public:
  using body = std::function<void(transaction)>;

  static void start(std::shared_ptr<database_access> access, body b, done_callback done, const transaction_options& o);

  transaction_retry(std::shared_ptr<database_access> access, body b, done_callback done, const transaction_options& o);

 private:
  void attempt();
  void on_end(expected<void> outcome, bool conflicted);

  const std::shared_ptr<database_access> access_;
  const body body_;
  const done_callback done_;
  const transaction_options options_;
  const time_point deadline_;
  random rng_;
  backoff waits_{retry_wait_first, retry_wait_most};
  std::uint32_t tries_ = 0;
};

[[nodiscard]] expected<void> transact_blocking(database_access& access,
                                               const std::function<expected<void>(blocking_transaction&)>& body,
                                               const transaction_options& o);

}  // namespace troupe
