// Runs membership alone (runtime/membership/roster.hpp) on one I/O loop, without an actor: what comes goes through the
// machine at once, on the loop's thread, and what it puts out is carried out there.
//
//   datagram, message on the link, lost link, seeds, the alarm, a call --> roster --> packets, events, the picture
//
// All sockets are of this one loop. Calls come from any thread: they wait for the loop, their answers come on it. After
// close() nothing is answered but with unavailable.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include <troupe/error.hpp>
#include <troupe/query.hpp>

#include "actors/alarm.hpp"
#include "actors/cluster/membership_numbers.hpp"
#include "actors/cluster_board.hpp"
#include "actors/event_hub.hpp"
#include "actors/link/link_table.hpp"
#include "actors/log.hpp"
#include "actors/net/gossip_socket.hpp"
#include "runtime/membership/roster.hpp"

namespace troupe {

class roster_runner {
 public:
  struct surroundings {
    boost::asio::io_context& loop;
    gossip_socket& gossip;
    link_table& link;
    event_hub& events;
    cluster_board& board;  // its members are this machine's
    event_log& log;
    std::function<void()> on_seeds_wanted;
    std::function<void(membership::asked_query)> on_asked;  // on the loop's thread: it must only hand over
  };
  /// Callbacks run once, on the loop's thread or, when it is closed, at once; they must only hand over.
  template <class Result>
  using callback = std::function<void(expected<Result>)>;

  /// Everything in `s` outlives the loop's thread.
  roster_runner(membership::roster machine, surroundings s);

  /// Takes the link's and the socket's callbacks, then begins; before the link and the loop start. errc::unavailable
  /// when the system gives no timer.
  [[nodiscard]] expected<void> start(std::vector<std::string> seeds, bool more_may_come);
  /// On the loop's thread.
  void on_datagram(const std::string& from, std::string_view bytes);
  void on_seeds(std::vector<std::string> addresses, bool complete);

  void change_tags(membership::tag_change change, callback<std::map<std::string, std::string>> done);
  void raise_event(std::string name, std::string payload, callback<std::uint64_t> done);
  void ask(query q, callback<query_result> done);
  void answer(const membership::announcement_id& id, std::optional<std::string> payload);
  void round_trip(std::string a, std::string b, callback<duration> done);
  void force_leave(std::string name, callback<void> done);
  /// `done` when the others know of it.
  void leave(callback<void> done);

  /// `done` runs on the loop's thread, when nothing happens any more. Once.
  void close(std::function<void()> done);

  void register_metrics(metrics& m) const { numbers_.register_metrics(m); }

 private:
  using step = std::function<void(membership::roster& machine, time_point now, membership::roster_output& out)>;

  /// Between two pictures in a rush: in a large cluster they are large.
  static constexpr duration picture_rest = std::chrono::milliseconds(20);

  void take(const step& s);  // on the loop's thread
  bool post(step s);         // false: it is closed
  template <class Result>
  void call(callback<Result> done,
            std::function<expected<Result>(membership::roster&, time_point, membership::roster_output&)> run);
  void connect();
  void carry_out(membership::roster_output& out);
  void show(time_point now);
  void finish();

  const surroundings s_;
  alarm clock_;
  membership_numbers numbers_;
  std::mutex mutex_;
  bool closed_ = false;  // guarded by mutex_

  // of the loop's thread
  membership::roster machine_;
  bool over_ = false;
  std::map<std::uint64_t, callback<query_result>> asking_;  // by the query's time
  callback<void> departed_;
  std::vector<membership::roster_output::happening> untold_;
  bool picture_old_ = false;
  time_point shown_at_{};
};

}  // namespace troupe
