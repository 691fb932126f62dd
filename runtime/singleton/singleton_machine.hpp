// One node's part in a singleton: the one actor of its name in the cluster runs where a role of the cluster is held
// (runtime/locks), and ends there before the hold does.
//
//   waiting --hold--> fetching --state, or none in time--> running --hold runs out, or leave--> handing
//   handing --state, or none in time--> ending --ended--> waiting, or left
//   running --ended by itself--> pausing --> running
//
// Never two: an instance is started only under a hold that is sure for a while, is served no more from `end_margin`
// before that hold would end by this node's clock, and no other is started here before it has ended. An instance that
// stands still in the middle of something is not stopped by this: what it writes to should refuse a token that is lower
// than one seen (<troupe/fenced.hpp>). Pure; the states of instances pass by outside.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <troupe/time.hpp>

#include "runtime/base/backoff.hpp"
#include "runtime/base/random.hpp"

namespace troupe {

struct singleton_times {
  duration ttl{};                                        // of the hold
  duration end_margin{};                                 // for an instance to hand over and to end in, half of it each
  duration fetch_max = std::chrono::seconds(1);          // for the last holder to give the state
  duration hand_max = std::chrono::seconds(2);           // for the instance to give it
  duration yield_wait = std::chrono::milliseconds(500);  // until a leader takes what nobody else wants

  [[nodiscard]] static singleton_times of(duration ttl) { return {.ttl = ttl, .end_margin = ttl / 4}; }
};

enum class singleton_action : std::uint8_t {
  claim,  // the role, and wait for it
  drop,   // the claim or the hold
  fetch,  // the state, from the last holder, if one is known: on_fetched
  start,  // an instance, with the state that was fetched: on_ended when it has ended
  ask,    // the instance for its state: on_state
  end,    // the instance
  kill,   // it did not end
};

class singleton_machine {
 public:
  static constexpr duration restart_first = std::chrono::milliseconds(100);
  static constexpr duration restart_most = std::chrono::seconds(10);
  static constexpr duration stable_after = std::chrono::seconds(30);  // the next restart is a first one again
  static constexpr std::uint32_t local_tries = 4;                     // then another node may try

  enum class phase : std::uint8_t { idle, waiting, fetching, running, pausing, handing, ending, left };
  enum class holder : std::uint8_t { nobody, here, elsewhere };

  singleton_machine(const singleton_times& t, random rng) : times_(t), rng_(rng) {}

  /// This node may run it from now on.
  void begin(time_point now);
  /// This node leads the cluster and others may run the singleton: it leaves it to them, so that one death is not both.
  void on_lead(bool yields, time_point now);
  /// What the committed record says.
  void on_holder(holder h, time_point now);
  /// The hold that was claimed; before each other event as long as there is one. time_point::min(): it is over. What is
  /// wanted must be done before: a hold that is to be dropped is looked at no more.
  void on_hold(time_point sure_until, time_point now);
  /// The claim ended without a hold.
  void on_refused(time_point now);
  void on_fetched(time_point now);
  void on_state(time_point now);
  void on_ended(time_point now);
  void leave(time_point now);
  void on_tick(time_point now);
  [[nodiscard]] time_point next_tick() const;

  [[nodiscard]] std::vector<singleton_action> take() { return std::exchange(out_, {}); }
  [[nodiscard]] phase at() const noexcept { return phase_; }
  /// The instance is to get messages.
  [[nodiscard]] bool serves(time_point now) const noexcept { return phase_ == phase::running && is_sure(now); }
  /// A hold that is sure until then is good to serve under.
  [[nodiscard]] bool is_good(time_point sure_until, time_point now) const noexcept {
    return now + times_.end_margin < sure_until;
  }
  [[nodiscard]] const singleton_times& times() const noexcept { return times_; }

 private:
  [[nodiscard]] bool is_sure(time_point now) const noexcept { return is_good(sure_until_, now); }
  [[nodiscard]] bool may_claim(time_point now) const;
  [[nodiscard]] time_point before_end(duration margin) const;
  void tend_waiting(time_point now);
  void start(time_point now);
  void hand_over(time_point now);
  void end_now(time_point now);
  void let_go(time_point now, duration wait = {});

  singleton_times times_;
  random rng_;
  backoff restart_{restart_first, restart_most};
  phase phase_ = phase::idle;
  bool leaves_ = false;
  bool claimed_ = false;
  bool yields_ = false;
  bool killed_ = false;
  holder holder_ = holder::nobody;
  time_point free_since_ = time_point::min();  // while nobody holds it
  time_point sure_until_ = time_point::min();  // of the hold
  time_point until_ = time_point::max();       // of the phase; waiting: no claim before
  time_point started_{};
  std::vector<singleton_action> out_;
};

[[nodiscard]] std::string_view name_of(singleton_machine::phase p) noexcept;

}  // namespace troupe
