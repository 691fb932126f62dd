// A database as an application uses it: one namespace of its own (a file in SQLite, a schema in PostgreSQL), the
// same interface whichever database the configuration names.
//
// A handle is cheap to copy, may be used from any thread and must not outlive its node. Every call has a deadline and
// two forms: with a callback, which runs exactly once and must not block, and one that blocks, for threads that are
// neither an actor's nor one of the node. The callback runs on a thread of the node, or inside the call itself when
// that is refused at once: hold no lock over a call that the callback takes, too.
//
//   what a call answers        it was done   repeat it?
//   a value                    yes
//   conflict                   no            yes; transact() does so by itself
//   unavailable                no            later: the database is away, or too much waits
//   deadline_exceeded          no            with more time
//   outcome_unknown            who knows     only what may be done twice. Also: it is done, but perhaps not at a
//                                            synchronous standby, or its result is too large to be read
//   already_exists, missing_reference, invalid_argument, too_large, storage_failed, corrupt: no, and not again
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/sql_statement.hpp>
#include <troupe/sql_value.hpp>
#include <troupe/time.hpp>

namespace troupe {

class database_access;     // runtime/database: what the handles call
class transaction_access;  // the same for a transaction
class cursor_access;
struct transaction_run;

/// Numbered from 1 without a gap; applied once, in order, each in its own transaction. The text may hold several
/// statements but none that begins or ends a transaction.
struct migration {
  std::uint32_t number = 0;
  std::string name;
  std::string sql;
};

struct sql_options {
  duration deadline = std::chrono::seconds(2);
  /// A standby may answer, which may lag behind. Only for what reads; without a standby the primary answers.
  bool stale = false;
};

/// read_committed: each statement sees what was committed before it. SQLite always gives serializable.
enum class sql_isolation : std::uint8_t { read_committed, repeatable_read, serializable };

struct transaction_options {
  sql_isolation isolation = sql_isolation::read_committed;
  bool read_only = false;
  bool stale = false;                           // as in sql_options; only with read_only
  duration deadline = std::chrono::seconds(5);  // of all tries together
  std::uint32_t tries_max = 5;                  // after conflicts
};

/// A statement with its values.
struct sql_call {
  sql_statement statement;
  sql_row values;
};

using sql_callback = std::function<void(expected<sql_result>)>;
using sql_results_callback = std::function<void(expected<std::vector<sql_result>>)>;
using done_callback = std::function<void(expected<void>)>;
using count_callback = std::function<void(expected<std::uint64_t>)>;

/// A transaction that is open. Statements run in the order of the calls. It ends by commit() or rollback(), or is
/// rolled back when its last copy goes or its deadline passes; then every later call answers invalid_argument.
class transaction {
 public:
  explicit transaction(std::shared_ptr<transaction_run> run) : run_(std::move(run)) {}

  /// After an error the transaction can only be rolled back.
  void run(const sql_statement& s, sql_row values, sql_callback done);
  /// The outcome goes to the callback of transact().
  void commit();
  /// `why` goes to the callback of transact(), unless a conflict was seen: then the body runs again.
  void rollback(error why);

 private:
  std::shared_ptr<transaction_run> run_;
};

/// The same for a thread that may block; lives inside one call of transact().
class blocking_transaction {
 public:
  explicit blocking_transaction(std::shared_ptr<transaction_run> run) : run_(std::move(run)) {}
  [[nodiscard]] expected<sql_result> run(const sql_statement& s, sql_row values = {});

 private:
  std::shared_ptr<transaction_run> run_;
};

/// The rows of a query, a part at a time, as they were when it was opened. It holds a connection until its end or
/// until its last copy goes.
class cursor {
 public:
  explicit cursor(std::shared_ptr<cursor_access> access) : access_(std::move(access)) {}
  /// At most `rows_max` rows; none: that was all. One call at a time.
  void next(std::size_t rows_max, sql_callback done);
  [[nodiscard]] expected<sql_result> next(std::size_t rows_max);

 private:
  std::shared_ptr<cursor_access> access_;
};
using cursor_callback = std::function<void(expected<cursor>)>;

struct bulk_target {
  std::string table;
  std::vector<std::string> columns;
};
/// Called on a thread of the node until it returns no rows; each call at most a few thousand.
using row_source = std::function<std::vector<sql_row>()>;

struct notification {
  std::string channel;
  std::string payload;
  /// What was notified before may have been missed: told when the listening begins (PostgreSQL) and each time that the
  /// connection was away. From here on nothing is missed: now is the time to look at what notifications are about. The
  /// payload is empty.
  bool gap = false;
};
/// Ends the listening when it goes.
using subscription = std::shared_ptr<void>;

class database {
 public:
  static constexpr std::size_t statements_max = 1000;        // that prepare() gives out under names of their own
  static constexpr std::size_t payload_bytes_max = 7999;     // of a notification
  static constexpr std::size_t channel_bytes_max = 40;       // [a-z0-9_]
  static constexpr std::size_t calls_max = 10000;            // of one run_all()
  static constexpr std::size_t values_bytes_max = 64 << 20;  // of one call, or of all of one run_all()
  static constexpr std::size_t result_bytes_max = 64 << 20;  // of one statement; more: too_large, use a cursor

  database(std::shared_ptr<database_access> access, std::string name_space);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] sql_dialect dialect() const noexcept;

  /// Looks at a statement; touches no database. The same name and text give the same statement; another text under a
  /// known name, and more than statements_max names, are refused. Errors as sql_statement::parse.
  [[nodiscard]] expected<sql_statement> prepare(const std::string& name, std::string_view text);

  /// A statement that only reads: it may be repeated on another connection when one breaks.
  void query(const sql_statement& s, sql_row values, sql_callback done, const sql_options& o = {});
  [[nodiscard]] expected<sql_result> query(const sql_statement& s, sql_row values = {}, const sql_options& o = {});
  /// Any statement, in a transaction of its own, never repeated.
  void execute(const sql_statement& s, sql_row values, sql_callback done, const sql_options& o = {});
  [[nodiscard]] expected<sql_result> execute(const sql_statement& s, sql_row values = {}, const sql_options& o = {});
  /// Text that is not worth a name; it is looked at each time.
  [[nodiscard]] expected<sql_result> query(std::string_view text, sql_row values = {}, const sql_options& o = {});
  [[nodiscard]] expected<sql_result> execute(std::string_view text, sql_row values = {}, const sql_options& o = {});

  /// All or none, in one transaction and one round trip; a result for each call.
  void run_all(std::vector<sql_call> calls, sql_results_callback done, const sql_options& o = {});
  [[nodiscard]] expected<std::vector<sql_result>> run_all(std::vector<sql_call> calls, const sql_options& o = {});

  /// Runs `body` in a transaction, which it commits or rolls back; after a conflict it runs again, with a longer and
  /// longer wait between, at most tries_max times in all.
  void transact(std::function<void(transaction)> body, done_callback done, const transaction_options& o = {});
  /// `body` runs on this thread. What it returns decides: a value commits, an error rolls back.
  [[nodiscard]] expected<void> transact(const std::function<expected<void>(blocking_transaction&)>& body,
                                        const transaction_options& o = {});

  /// `deadline` is that of the cursor's whole life.
  void open_cursor(const sql_statement& s, sql_row values, cursor_callback done, const sql_options& o = {});
  [[nodiscard]] expected<cursor> open_cursor(const sql_statement& s, sql_row values = {}, const sql_options& o = {});

  /// Inserts all rows of `source` in one transaction, by COPY where the database has it. How many.
  void bulk_insert(bulk_target into, row_source source, count_callback done, const sql_options& o = {});
  [[nodiscard]] expected<std::uint64_t> bulk_insert(bulk_target into, row_source source, const sql_options& o = {});

  /// Calls `f` for each later notification of the channel, on a thread of the node. With SQLite only what this node
  /// notifies is heard. errc::invalid_argument for a bad channel, errc::unavailable when the node stops.
  [[nodiscard]] expected<subscription> listen(const std::string& channel, std::function<void(const notification&)> f);
  void notify(const std::string& channel, std::string payload, done_callback done, const sql_options& o = {});
  [[nodiscard]] expected<void> notify(const std::string& channel, std::string payload, const sql_options& o = {});

 private:
  std::shared_ptr<database_access> access_;
  std::string name_;
};

}  // namespace troupe
