// One node's part in one singleton: aims the node's handle at whoever runs it, and, where it may run, does what its
// machine (runtime/singleton) wants. Published as `troupe.singleton.NAME`, its gate as `troupe.singleton_gate.NAME`.
//
//   in                                      out
//   a singleton_factory                     it may run here from now on
//   hold_news (claim, hold or none)         granted, or refused: claimed again
//   holder_news (member, id, token)         who holds the role by the committed record; token 0: nobody
//   handle_news (token, handle or none)     the gate of that holder was found, or not
//   lost_atom, token                        that gate's handle went down
//   wake_atom                               members or the leader changed, or a first message waits
//   timer_atom, number                      the machine's tick, messages that waited for too long
//   state_atom, token                       the state of the instance that ended here, for its successor; not_found
//   leave_atom                              ok, when nothing of it is needed here any more
//   down_msg                                the instance ended
//
// The picture: holds and messages do not pass through here, so an application that keeps all its threads busy delays
// this actor, but never has two instances served: the gate looks at the hold with each message.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/response_promise.hpp>
#include <caf/system_messages.hpp>

#include <troupe/caf_singleton.hpp>

#include "actors/atoms.hpp"
#include "actors/cluster/lock_calls.hpp"
#include "actors/cluster_board.hpp"
#include "actors/link/actor_directory.hpp"
#include "actors/log.hpp"
#include "actors/toolkit/parking_proxy.hpp"
#include "runtime/registry/choice.hpp"
#include "runtime/singleton/kept_state.hpp"
#include "runtime/singleton/singleton_machine.hpp"

namespace troupe {

/// Shared with other threads, of all singletons of a node.
struct singleton_counters {
  std::atomic<std::uint64_t> running{0}, started{0}, failed{0}, handed_over{0}, taken_over{0}, overstayed{0};
};

struct hold_news {
  std::uint64_t claim = 0;
  lock_calls::hold held;
};
struct holder_news {
  member_ref who;
  std::uint64_t token = 0;
};
struct handle_news {
  std::uint64_t token = 0;
  caf::strong_actor_ptr gate;
};

class singleton_actor : public caf::event_based_actor {
 public:
  using lost_atom = caf::atom_constant<caf::atom("lost")>;
  using state_atom = caf::atom_constant<caf::atom("state")>;
  using leave_atom = caf::atom_constant<caf::atom("leave")>;

  static constexpr std::size_t state_bytes_max = 1U << 20U;
  static constexpr duration find_max = std::chrono::seconds(2);           // for the gate of the holder
  static constexpr duration find_again = std::chrono::milliseconds(100);  // after it was not found
  static constexpr duration successor_max = std::chrono::seconds(1);  // until somebody asks for the state of a leaver

  struct surroundings {
    std::shared_ptr<actor_directory> directory;
    cluster_board& board;
    event_log& log;
    incarnation_id self;
    std::shared_ptr<singleton_counters> numbers;
    lock_calls* locks;
    std::shared_ptr<const std::atomic<bool>> over;  // `locks` is not to be used any more
    std::uint64_t seed = 0;
  };
  struct handles {
    caf::strong_actor_ptr proxy, gate;
  };

  singleton_actor(caf::actor_config& cfg, surroundings with, std::string name, singleton_options o, handles h);

  [[nodiscard]] static std::string role_of(const std::string& name) { return "singleton:" + name; }
  [[nodiscard]] static std::string published_as(const std::string& name) { return "troupe.singleton." + name; }
  [[nodiscard]] static std::string gate_published_as(const std::string& name) {
    return "troupe.singleton_gate." + name;
  }

  caf::behavior make_behavior() override;
  const char* name() const override { return "singleton"; }
  void on_exit() override;

 private:
  using phase = singleton_machine::phase;

  using machine_event = void (singleton_machine::*)(time_point);

  [[nodiscard]] caf::weak_actor_ptr self() { return caf::weak_actor_ptr(ctrl()); }
  void step(machine_event what = nullptr);
  void on_hold(const hold_news& n);
  void on_holder(const holder_news& n);
  void on_down(const caf::down_msg& down);
  void carry_out_due();
  void look_at_hold(time_point now);
  void look_at_members(time_point now);
  void try_finish_leaving(time_point now);
  void set_timer(time_point now);
  [[nodiscard]] std::optional<candidate> alive(const member_ref& who) const;
  [[nodiscard]] std::vector<candidate> allowed() const;

  // singleton_runs.cpp: what the machine wants.
  void carry_out(singleton_action a);
  void claim();
  void drop();
  void fetch();
  void on_fetched(std::uint64_t token, std::optional<std::string> state);
  void start();
  void ask();
  void on_state(std::uint64_t token, std::optional<std::string> state);
  void end(bool kill);
  [[nodiscard]] caf::result<std::string> give_state(std::uint64_t token);

  // singleton_aims.cpp
  [[nodiscard]] parking_proxy& proxy() const { return *static_cast<parking_proxy*>(handles_.proxy->get()); }
  [[nodiscard]] parking_proxy& gate() const { return *static_cast<parking_proxy*>(handles_.gate->get()); }
  void tend_gate(time_point now);
  void aim_proxy(time_point now);
  void find_gate(time_point now);
  void on_gate(const handle_news& n);
  void on_gate_lost(std::uint64_t token);

  const surroundings with_;
  const std::string name_;
  const singleton_options options_;
  const handles handles_;
  mutable random rng_;
  singleton_machine machine_;
  std::shared_ptr<singleton_factory> make_;

  std::uint64_t claim_ = 0;  // its number here
  lock_calls::ticket ticket_;
  lock_calls::hold hold_;
  std::uint64_t token_ = 0;  // of the hold, or of the last one
  caf::actor instance_;

  holder_news holder_;                 // now
  std::optional<holder_news> before_;  // the last other one
  std::uint64_t aimed_ = 0;            // the token of the holder at whose gate the proxy is aimed
  std::uint64_t finding_ = 0;
  time_point find_at_ = time_point::min();

  std::optional<std::string> fetched_;  // for the next start
  kept_state kept_;                     // of the last instance here

  caf::response_promise left_;
  time_point left_at_ = time_point::max();
  time_point timer_at_ = time_point::max();
  std::uint64_t timer_ = 0;
  std::uint64_t follower_ = 0;
};

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::hold_news)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::holder_news)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::handle_news)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<troupe::singleton_factory>)
