// What a handle of a database calls, and what a database must offer to be called: the asynchronous driver interface.
// One object is one namespace. PostgreSQL implements it over its connections (gateways/db/postgres_database), databases
// that only know blocking sessions get it from actors/db/session_database.
//
// Thread-safe. Callbacks run exactly once: on a thread of the node, or inside the call itself when it is refused at
// once; never under a lock. Deadlines are points on the monotonic clock.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <troupe/database.hpp>

namespace troupe {

/// How a statement may be treated: a query may run twice and beside others, the rest exactly once.
enum class sql_access : std::uint8_t { reads, reads_stale, writes };

class transaction_access {
 public:
  virtual ~transaction_access() = default;  // rolls back what is still open
  virtual void run(sql_call call, sql_callback done) = 0;
  /// outcome_unknown when it may have been committed all the same.
  virtual void commit(done_callback done) = 0;
  virtual void rollback() = 0;
};

class cursor_access {
 public:
  virtual ~cursor_access() = default;  // closes it
  virtual void next(std::size_t rows_max, sql_callback done) = 0;
};

struct transaction_settings {
  sql_isolation isolation = sql_isolation::read_committed;
  bool read_only = false;
  bool stale = false;
};
using begin_callback = std::function<void(expected<std::shared_ptr<transaction_access>>)>;
using open_callback = std::function<void(expected<std::shared_ptr<cursor_access>>)>;
using notification_callback = std::function<void(const notification&)>;

class database_access {
 public:
  virtual ~database_access() = default;

  [[nodiscard]] virtual sql_dialect dialect() const noexcept = 0;
  /// See database::prepare.
  [[nodiscard]] virtual expected<sql_statement> prepare(const std::string& name, std::string_view text) = 0;

  virtual void run(sql_call call, sql_access access, time_point deadline, sql_callback done) = 0;
  virtual void run_all(std::vector<sql_call> calls, time_point deadline, sql_results_callback done) = 0;
  virtual void begin(const transaction_settings& s, time_point deadline, begin_callback done) = 0;
  virtual void open_cursor(sql_call call, bool stale, time_point deadline, open_callback done) = 0;
  virtual void bulk_insert(bulk_target into, row_source source, time_point deadline, count_callback done) = 0;
  [[nodiscard]] virtual expected<subscription> listen(const std::string& channel, notification_callback f) = 0;
  virtual void notify(const std::string& channel, std::string payload, time_point deadline, done_callback done) = 0;

  /// Calls `f` once, on a thread of the node: after `wait`, or with false when stop() comes first.
  virtual void after(duration wait, std::function<void(bool came)> f) = 0;

  /// Ends what is under way and refuses what comes.
  virtual void stop() {}
};

}  // namespace troupe
