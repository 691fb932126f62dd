// Spawns actors by name: here for every node that asks, elsewhere for this one. One on each node that takes part.
//
//   in                                        out
//   spawn_atom, type, arguments               the actor, or an error
//   load_atom                                 how many of those that it spawned live
//   a spawn_call (of this node)               to the spawners of its candidates, one after the other; call.done
//   stop_atom                                 ok, when all that it spawned have ended
//   down_msg                                  one fewer
//
// Where to is chosen before (runtime/registry/choice); only loads are asked for here.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_addr.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/message.hpp>
#include <caf/response_promise.hpp>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "actors/atoms.hpp"
#include "actors/link/actor_directory.hpp"
#include "actors/log.hpp"
#include "actors/metrics.hpp"
#include "runtime/registry/choice.hpp"

namespace troupe {

struct spawn_call {
  std::string type;
  caf::message arguments;
  std::vector<candidate> candidates;  // in the order in which they are tried
  bool by_load = false;
  time_point deadline{};
  std::function<void(expected<caf::actor>)> done;
  std::size_t next = 0;  // candidate
};
using spawn_call_ptr = std::shared_ptr<spawn_call>;

/// Shared with other threads.
struct spawner_state {
  static constexpr std::size_t codes = static_cast<std::size_t>(errc_last) + 1;
  std::atomic<bool> leaves{false};
  std::atomic<std::uint64_t> alive{0};
  std::array<std::atomic<std::uint64_t>, codes> results{};  // at this node, by code
  std::atomic<std::uint64_t> unplaced{0};                   // asked for by this node, which had no member to ask

  /// A line `spawn_refused`, at most one in line_interval.
  static constexpr duration line_interval = std::chrono::seconds(1);
  void log_refusal(event_log& log, const std::string& type, const error& why);

  /// troupe_actors_spawn*.
  static void register_metrics(metrics& m, const std::shared_ptr<spawner_state>& state);

 private:
  std::mutex mutex_;
  time_point line_{};  // the last one; guarded by mutex_
};

class spawner_actor : public caf::event_based_actor {
 public:
  static constexpr const char* published_as = "troupe.spawner";
  static constexpr std::size_t tried_max = 3;
  static constexpr std::size_t loads_asked_max = 8;
  static constexpr duration load_answer_max = std::chrono::milliseconds(500);

  spawner_actor(caf::actor_config& cfg, std::shared_ptr<actor_directory> directory,
                std::shared_ptr<spawner_state> state, event_log& log, std::size_t spawned_max);

  caf::behavior make_behavior() override;
  const char* name() const override { return "spawner"; }
  void on_exit() override;

 private:
  struct load_survey {
    spawn_call_ptr call;
    std::map<incarnation_id, std::uint64_t> loads;
    std::size_t open = 0;
  };

  // For others.
  [[nodiscard]] caf::result<caf::actor> spawn_for(const std::string& type, const caf::message& arguments);
  [[nodiscard]] expected<caf::actor> make(const std::string& type, const caf::message& arguments);
  void on_child_down(const caf::actor_addr& who);
  void stop_all();

  // For this node.
  void begin(const spawn_call_ptr& call);
  void ask_loads(const spawn_call_ptr& call);
  void on_load(const std::shared_ptr<load_survey>& survey, const incarnation_id& id, std::uint64_t load);
  void try_next(const spawn_call_ptr& call);
  void on_result(const spawn_call_ptr& call, const incarnation_id& at, expected<caf::actor> result);

  const std::shared_ptr<actor_directory> directory_;
  const std::shared_ptr<spawner_state> state_;
  event_log& log_;
  const std::size_t spawned_max_;
  std::map<caf::actor_addr, caf::actor> spawned_;
  std::map<incarnation_id, std::uint64_t> under_way_;  // asked for by this node
  caf::response_promise stopped_;
};

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::spawn_call_ptr)
