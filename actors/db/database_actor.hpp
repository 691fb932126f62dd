// The database service among the actors: it keeps the time of the pool (deadlines, probes, sweeps) and lets
// other actors use a database without blocking. It never blocks itself: work runs on the pool's threads
// and comes back as a message.
//
//   in                    out
//   timer_atom            pool.tick(), the sweep when it is due; timer_atom to itself after tick_interval
//   database_request_ptr  database_answer, when the work is committed or refused
//   done_atom, id, answer (from a worker) the answer to the request of that id
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/response_promise.hpp>

#include "actors/atoms.hpp"
#include "actors/db/database_pool.hpp"

namespace troupe {

/// What an actor wants done in `lane`, in one transaction. `work` runs on a worker's thread, may run again after a
/// rollback, and owns or shares whatever it captures.
struct database_request {
  lane_id lane = 0;
  bool writes = true;
  time_point deadline{};
  std::function<expected<void>(database_session&, const batch_times&)> work;
};
using database_request_ptr = std::shared_ptr<const database_request>;

struct database_answer {
  errc code = errc::ok;
  std::string context;
};

class database_actor : public caf::event_based_actor {
 public:
  using done_atom = caf::atom_constant<caf::atom("db_done")>;

  static constexpr duration tick_interval = std::chrono::milliseconds(100);
  static constexpr int ticks_per_sweep = 600;  // one sweep a minute

  /// `pool` outlives the actor; `sweep` may be empty.
  database_actor(caf::actor_config& cfg, database_pool& pool, std::function<void()> sweep);

  caf::behavior make_behavior() override;
  const char* name() const override { return "database"; }

 private:
  class request_job;

  void on_timer();
  [[nodiscard]] caf::response_promise on_request(const database_request_ptr& request);

  database_pool& pool_;
  std::function<void()> sweep_;
  int ticks_ = 0;
  std::uint64_t request_ids_ = 0;
  std::map<std::uint64_t, caf::response_promise> pending_;
};

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::database_request_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::database_answer)
