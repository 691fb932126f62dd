// One connection to PostgreSQL in pipeline mode, driven by an Asio loop: it never blocks. All calls and callbacks are
// on that loop's thread.
//
// What it is given is a group: statements that end with one sync point, so that together they are one transaction
// of their own (or, inside BEGIN .. COMMIT, just statements). Many groups are under way at a time; their answers come
// in order. A statement's answer counts only when the sync point was answered: the commit happens there.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <troupe/database.hpp>

#include "gateways/db/postgres_target.hpp"
#include "gateways/db/postgres_values.hpp"

namespace troupe {

/// How a group ended.
struct postgres_answer {
  std::vector<sql_result> results;  // of the statements before the first that failed
  bool failed = false;              // the statement at results.size() failed, or the sync point when all have results
  bool unread = false;              // it failed here, not at the server: its result is too large, or damaged
  bool lost = false;                // the connection broke before the sync point: the outcome is not known,
  bool not_done = false;            // but that the server said goodbye before it committed this
  bool reached = false;             // lost while the server was at it
  bool unreplicated = false;        // committed, but the wait for the standby was cancelled
  bool stale_plan = false;          // what was prepared no longer fits; the next time it is prepared anew
  std::string state;                // SQLSTATE
  std::string tag;                  // of the last statement without an id: "COMMIT", "ROLLBACK", ...
  error why;
};

class postgres_connection : public std::enable_shared_from_this<postgres_connection> {
 public:
  static constexpr duration dial_timeout = std::chrono::seconds(5);          // of all places together
  static constexpr duration place_timeout = std::chrono::milliseconds(500);  // of one of several, at the first round
  static constexpr std::size_t copy_bytes_max = 256 * 1024;                  // given to libpq at a time

  using dial_callback = std::function<void(expected<void>)>;
  using answer_callback = std::function<void(postgres_answer)>;

  postgres_connection(boost::asio::io_context& loop, const postgres_target& target);
  ~postgres_connection();

  /// Looks names up, connects, authenticates, enters pipeline mode. Once. A place that is silent is left after
  /// place_timeout for the next one; each further round has twice the patience.
  void dial(dial_callback done);

  /// `lost` is called once when the connection breaks by itself, after all answers; `notified` for each notification.
  void on_lost(std::function<void(error)> f) { lost_ = std::move(f); }
  void on_notification(std::function<void(std::string channel, std::string payload)> f) { notified_ = std::move(f); }

  /// Not more than a few thousand calls. They are sent at once.
  void send(std::vector<sql_call> calls, answer_callback done);
  /// COPY .. FROM STDIN in a transaction of its own; nothing else may be under way. How many rows. `unclear`: it may
  /// have been committed, or is committed but perhaps not at the standby; without it an error says that it was not
  /// done.
  void copy_in(const std::string& text, std::function<expected<std::string>()> next_chunk,
               std::function<void(expected<std::uint64_t>, bool unclear)> done);

  /// The number of the server's process, for pg_cancel_backend.
  [[nodiscard]] int server_process() const noexcept { return open_ ? pq().PQbackendPID(connection_.get()) : 0; }
  [[nodiscard]] postgres_place peer() const;
  /// Groups are numbered from 1 in the order of send(); answers come in that order. A COPY counts as one.
  [[nodiscard]] std::uint64_t next_group() const noexcept { return answered_ + groups_.size() + 1; }
  /// The one that the server is at, or will be.
  [[nodiscard]] std::uint64_t first_group() const noexcept { return answered_ + 1; }
  /// Groups that are not answered yet.
  [[nodiscard]] std::size_t under_way() const noexcept { return groups_.size(); }
  [[nodiscard]] bool is_busy_with(std::uint64_t number) const noexcept {
    return open_ && first_group() == number && (copying_ || !groups_.empty());
  }

  /// A cancellation was sent to its server's process; whom it hits is told by the next statement that was cancelled.
  void note_cancel() noexcept { ++cancels_; }
  [[nodiscard]] bool has_cancel() const noexcept { return cancels_ > 0; }
  /// Whether one was; each counts once.
  [[nodiscard]] bool take_cancel() noexcept { return cancels_ > 0 && cancels_-- > 0; }

  [[nodiscard]] bool is_open() const noexcept { return open_; }
  /// What is under way ends as lost; no callback of on_lost. Idempotent.
  void close(const error& why);

 private:
  enum class part : std::uint8_t { prepare, run, sync };
  struct expectation {
    part what = part::run;
    bool ended = false;
    std::uint64_t id = 0;      // of the statement
    std::uint64_t serial = 0;  // of its preparation
  };
  struct group {
    postgres_answer answer;
    answer_callback done;
    std::vector<sql_statement> statements;
  };
  struct closer {
    void operator()(PGconn* c) const noexcept { pq().PQfinish(c); }
  };
  struct copying;

  void look_up(std::size_t place);
  void begin();
  void try_next();
  void step(PostgresPollingStatusType next);
  void try_failed(const error& why);
  void dialled();
  static void on_notice(void* self, const PGresult* notice);
  [[nodiscard]] bool adopt_socket();
  void release_socket();
  [[nodiscard]] bool send_one(const sql_call& call);
  void flush();
  void read();
  void process();
  [[nodiscard]] bool take(PGresult* r);
  [[nodiscard]] bool ends_connection(const PGresult* r, bool before_sync);
  void take_result(postgres_result r, const expectation& e);
  void fail_group(const PGresult* r, const expectation& e);
  void forget_prepared(const expectation& e);
  void end_group();
  void note_notifications();
  void break_off(const std::string& why);
  void copy_more();
  [[nodiscard]] bool copy_chunk();
  void end_copy(expected<std::uint64_t> outcome, bool lost);
  void close_copy(const error& why);
  [[nodiscard]] error trouble(const std::string& fallback) const;

  boost::asio::io_context& loop_;
  const postgres_target target_;
  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer dial_timer_;
  boost::asio::ip::tcp::resolver resolver_;
  std::unique_ptr<PGconn, closer> connection_;
  std::vector<postgres_place> places_;  // with addresses instead of names
  std::vector<postgres_attempt> attempts_;
  std::size_t attempt_ = 0;  // the next
  duration patience_ = place_timeout;
  bool was_silent_ = false;  // one of this round
  std::uint32_t dials_ = 0;  // tells the steps of one from those of the next
  time_point dial_end_{};
  std::string refusals_;
  dial_callback dialled_;
  std::function<void(error)> lost_;
  std::function<void(std::string, std::string)> notified_;
  std::deque<group> groups_;
  std::deque<expectation> expected_;
  std::unordered_map<std::uint64_t, std::uint64_t> prepared_;  // a statement's id -> serial
  std::uint64_t serial_ = 0;
  std::unordered_map<std::uint64_t, std::shared_ptr<const sql_columns>> columns_;
  std::unique_ptr<copying> copying_;
  std::uint64_t answered_ = 0;
  std::uint32_t cancels_ = 0;
  bool open_ = false;
  bool writing_ = false;   // waits until the socket takes more
  bool farewell_ = false;  // the server's last message was an error that ended the session
};

}  // namespace troupe
