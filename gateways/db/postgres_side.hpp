// The connections of one namespace to one side, the primary or a standby: the pool machine (runtime/database) with
// sockets and timers. All of it lives on one Asio loop; other threads hand requests in, and what waits there is taken
// at once, so that callers who come together share round trips.
//
//   what becomes of a request when        reads                    writes
//   a statement beside it fails           sent again, alone        (never shares a sync point)
//   the connection breaks, not done       sent again               sent again
//   the connection breaks, who knows      sent again               outcome_unknown
//   its deadline passes in the queue      deadline_exceeded        deadline_exceeded
//   its deadline passes at the server     deadline_exceeded        cancelled; deadline_exceeded when the server
//                                                                  says so within cancel_grace, else outcome_unknown
//   it is committed, not at the standby   -                        outcome_unknown
//   what is prepared no longer fits       sent again, prepared     the same
//   the server takes no writes any more   invalid_argument         sent again on another connection; this one takes
//                                                                  nothing more and closes when it is empty
//
// A cancellation goes by a connection dialled for it, to the very server, and only while the one that is overdue is
// what that server is at. One that hits the next all the same is told by take_cancel(): that one is sent again.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "gateways/db/postgres_connection.hpp"
#include "gateways/db/postgres_login.hpp"
#include "runtime/database/connection_pool.hpp"
#include "runtime/database/database_access.hpp"

namespace troupe {

class postgres_side : public std::enable_shared_from_this<postgres_side> {
 public:
  static constexpr std::size_t group_max = 64;   // reads that share a sync point
  static constexpr std::uint32_t tries_max = 4;  // of a request that may be sent again
  static constexpr duration cancel_grace = std::chrono::milliseconds(250);
  static constexpr duration silence_max = std::chrono::seconds(1);  // after a cancellation: then the connection goes
  static constexpr duration stop_max = std::chrono::seconds(1);
  static constexpr std::size_t bytes_max = 128 * 1024 * 1024;  // of the values of all that waits and is under way

  /// A connection that one user has alone; goes back when it goes. On the loop's thread only.
  class lease {
   public:
    lease(std::shared_ptr<postgres_side> side, connection_pool::connection id, std::shared_ptr<postgres_connection> c)
        : connection(std::move(c)), side_(std::move(side)), id_(id) {}
    ~lease() { side_->give_back(id_); }
    lease(const lease&) = delete;
    lease& operator=(const lease&) = delete;
    /// The server gives up what runs on it.
    void cancel() { side_->cancel(id_); }
    /// It is of no use to anybody any more.
    void spoil() { side_->on_broken(id_); }
    [[nodiscard]] postgres_side& side() noexcept { return *side_; }

    const std::shared_ptr<postgres_connection> connection;

   private:
    const std::shared_ptr<postgres_side> side_;
    const connection_pool::connection id_;
  };
  using lease_callback = std::function<void(expected<std::shared_ptr<lease>>)>;

  postgres_side(boost::asio::io_context& loop, std::shared_ptr<const postgres_login> login, postgres_role side,
                const pool_limits& limits, std::uint64_t seed);
  ~postgres_side();

  void start();
  /// What is under way ends at once. Not from the loop's thread: it waits for it, at most stop_max.
  void stop();

  /// From any thread: at most so many connections from now on.
  void narrow(std::size_t connections_max);

  /// From any thread. `together`: all or nothing; otherwise there is one call.
  void run(std::vector<sql_call> calls, bool reads, bool together, time_point deadline, sql_results_callback done);
  /// From any thread; the callback runs on the loop.
  void borrow(time_point deadline, lease_callback done);
  /// From any thread: `came` on the loop at that time, or false when the side is stopped before.
  void at(time_point when, std::function<void(bool came)> f);

  /// From any thread: `f` on the loop; false, and `f` never runs, when the side is stopped.
  template <class Function>
  [[nodiscard]] bool post(Function f) {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    boost::asio::post(loop_, std::move(f));
    return true;
  }

  /// On the loop: runs `f` at that time, unless it is withdrawn or the side is stopped.
  using appointment = std::pair<time_point, std::uint64_t>;
  [[nodiscard]] appointment appoint(time_point when, std::function<void()> f);
  void withdraw(const appointment& a) { appointments_.erase(a); }

  struct figures {
    std::atomic<std::uint64_t> connections{0}, in_use{0}, waiting{0}, dial_failures{0}, repeated{0}, refused{0};
    std::atomic<int> breaker{0};  // 0 closed, 1 half open, 2 open
  };
  [[nodiscard]] const figures& counted() const noexcept { return figures_; }

 private:
  struct request {
    ~request() {
      if (held != nullptr) *held -= bytes;
    }
    std::vector<sql_call> calls;
    std::size_t bytes = 0;
    std::atomic<std::size_t>* held = nullptr;  // where the bytes are counted
    bool reads = false;
    bool together = false;
    bool careful = false;  // shares no sync point any more
    time_point deadline{};
    sql_results_callback done;
    lease_callback lent;  // instead of calls
    std::uint32_t tries = 0;
    connection_pool::connection where = 0;  // 0: waits
    std::uint64_t group = 0;                // of the connection; 0: not sent yet
    bool overdue = false;
  };
  using request_ptr = std::shared_ptr<request>;
  using ticket = connection_pool::ticket;

  void hand_in(request_ptr r);
  void empty_inbox();
  void want(ticket t, const request_ptr& r);
  void apply(connection_pool::output out);
  void grant(ticket t, connection_pool::connection c);
  void send_granted();
  void send_group(connection_pool::connection c, const std::vector<ticket>& reads);
  void send_alone(connection_pool::connection c, ticket t);
  void dial(connection_pool::connection c);
  void check(connection_pool::connection c);
  void on_broken(connection_pool::connection c);
  void on_group(connection_pool::connection c, const std::vector<ticket>& reads, postgres_answer a);
  void on_alone(connection_pool::connection c, ticket t, postgres_answer a);
  void settle_alone(ticket t, const request& r, postgres_answer a, bool cancelled);
  void retire(connection_pool::connection c);
  [[nodiscard]] bool take_cancel(connection_pool::connection c);
  void look_at(connection_pool::connection c);
  void finish(ticket t, expected<std::vector<sql_result>> outcome);
  void used(connection_pool::connection c);
  void again(ticket t, bool careful, const error& why);
  void give_back(connection_pool::connection c);
  void cancel(connection_pool::connection c);
  void on_deadlines();
  void on_overdue(ticket t, const request_ptr& r);
  void arm();
  void tick();

  boost::asio::io_context& loop_;
  const std::shared_ptr<const postgres_login> login_;
  const postgres_role of_;
  connection_pool pool_;
  boost::asio::steady_timer timer_;
  time_point armed_ = time_point::max();
  std::map<connection_pool::connection, std::shared_ptr<postgres_connection>> connections_;
  std::set<connection_pool::connection> retired_;  // of them: they take nothing more
  std::atomic<std::size_t> held_bytes_{0};         // stands before the requests that point to it
  std::map<ticket, request_ptr> requests_;
  std::map<connection_pool::connection, std::vector<ticket>> granted_;  // not sent yet
  std::set<std::pair<time_point, ticket>> deadlines_;
  using group_at = std::pair<connection_pool::connection, std::uint64_t>;
  std::set<group_at> overdue_;  // to be cancelled when the server comes to them
  std::map<group_at, std::shared_ptr<postgres_connection>> messengers_;  // of cancellations
  std::map<appointment, std::function<void(bool came)>> appointments_;
  std::uint64_t appointment_ids_ = 0;
  ticket next_ticket_ = 0;
  bool stopped_ = false;
  figures figures_;

  std::mutex mutex_;
  std::vector<request_ptr> inbox_;  // guarded by mutex_
  bool posted_ = false;             // guarded by mutex_
  bool closed_ = false;             // guarded by mutex_
};

}  // namespace troupe
