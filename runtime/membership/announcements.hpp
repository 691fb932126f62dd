// Announcements as one member hears and passes them on: Lamport's clock, the ring by which a second copy is
// known, what waits to be gossiped, the order of delivery, and the window for those that missed something.
// Serf's way (HashiCorp), with two additions: an event names the one before it of its origin, and members
// compare what they know of the window.
//
// Promised: an announcement is delivered at most once in a process. Events of one origin come in the order in
// which they were said, unless one is missing for longer than order_wait: then those after it go first. Events
// of several origins that arrive together come in the order of their times. Not promised: one order for all
// members, events of before a member joined, or more than window_max events and window_age to a member that
// was cut off.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "runtime/base/function_ref.hpp"
#include "runtime/membership/announcement.hpp"

namespace troupe::membership {

struct announcement_counters {
  std::uint64_t said = 0, delivered = 0, duplicates = 0;
  std::uint64_t refused_rate = 0;   // said here, above the rate
  std::uint64_t dropped_old = 0;    // below the ring, or of before this member joined
  std::uint64_t dropped_ahead = 0;  // a time beyond belief
  std::uint64_t dropped_full = 0;   // too many of one time, or pushed out of the queue unsent
  std::uint64_t late = 0;           // delivered after a later one of its origin
  std::uint64_t caught_up = 0;      // sent to members that had missed them
};

class announcements {
 public:
  static constexpr std::size_t ring_slots = 512;   // times that are remembered
  static constexpr std::size_t slot_ids_max = 64;  // announcements of one time
  static constexpr std::size_t waiting_max = 128;  // to be gossiped
  static constexpr std::size_t waiting_per_origin_max = 32;
  static constexpr std::size_t held_max = 256;                      // for those before them
  static constexpr std::size_t window_max = 64;                     // kept for those that missed them
  static constexpr duration window_age = std::chrono::minutes(10);  // of an event; a query: its timeout
  static constexpr duration order_wait = std::chrono::seconds(1);
  /// What one member may say: so many at once, and then so many a second.
  static constexpr double said_at_once_max = 32;
  static constexpr double said_per_second_max = 10;
  static constexpr std::uint64_t ahead_max = std::uint64_t{1} << 32;  // of the own clock

  /// An announcement of the window, as a comparison names it.
  struct mention {
    std::uint64_t time = 0;
    std::uint32_t origin = 0;  // hash_of its origin

    auto operator<=>(const mention&) const = default;
  };
  [[nodiscard]] static std::uint32_t hash_of(const incarnation_id& origin) noexcept;

  /// Gives it its time and says it to the others and here. As check(); errc::unavailable above the rate.
  [[nodiscard]] expected<announcement_id> say(announcement a, const std::string& name, const incarnation_id& self,
                                              time_point now);
  /// Passed on and delivered if it is new, and whether it is. Those of one packet: in order of their ids.
  bool hear(announcement a, time_point now);
  /// The first table of the cluster that this member joined: what was said before is not for it.
  void join_at(std::uint64_t clock) noexcept;

  /// What is ready for delivery, in order.
  [[nodiscard]] std::vector<announcement> take_ready();
  void on_tick(time_point now);
  /// When on_tick must be called; time_point::max() while nothing waits for another.
  [[nodiscard]] time_point next_tick() const;

  [[nodiscard]] bool waits() const noexcept { return !waiting_.empty(); }
  void drop_waiting() { waiting_.clear(); }
  /// Offers what waits, the least sent first and of those the newest; `take` says whether it took it. Each is
  /// sent `sendings_max` times.
  void offer(std::uint32_t sendings_max, function_ref<bool(const std::string& encoded)> take);

  [[nodiscard]] std::vector<mention> window(time_point now);
  /// Encoded announcements of the window that are neither mentioned nor of before `floor`.
  [[nodiscard]] std::vector<std::string> missing_at(const std::vector<mention>& known, std::uint64_t floor);
  /// Whether one of these is news here.
  [[nodiscard]] bool lacks(const std::vector<mention>& known) const;

  [[nodiscard]] std::uint64_t clock() const noexcept { return clock_; }
  [[nodiscard]] std::uint64_t floor() const noexcept { return floor_; }
  [[nodiscard]] const announcement_counters& counts() const noexcept { return counters_; }

 private:
  struct slot {
    std::uint64_t time = 0;
    std::vector<incarnation_id> origins;
  };
  struct waiting {
    announcement_id id;
    std::uint32_t sent = 0;
    std::uint64_t number = 0;
    std::string encoded;
  };
  struct held {
    announcement a;
    time_point until;
  };
  struct kept {
    std::string encoded;
    time_point until;
  };

  [[nodiscard]] bool below_ring(std::uint64_t time) const noexcept { return time + ring_slots <= clock_; }
  [[nodiscard]] bool seen(const announcement_id& id) const;
  [[nodiscard]] bool remember(const announcement_id& id);
  void take_in(announcement a, time_point now);
  void spread(const announcement& a, std::string encoded);
  [[nodiscard]] bool must_wait(const announcement& a) const;
  void deliver(announcement a);
  [[nodiscard]] bool may_speak(time_point now);
  void prune_window(time_point now);

  std::uint64_t clock_ = 0;
  std::uint64_t floor_ = 0;
  bool joined_ = false;
  std::uint64_t last_event_ = 0;  // said here
  double allowance_ = said_at_once_max;
  time_point allowance_at_{};
  std::array<slot, ring_slots> ring_;
  std::vector<waiting> waiting_;
  std::uint64_t next_number_ = 0;
  std::map<announcement_id, held> held_;
  std::map<incarnation_id, std::uint64_t> delivered_;  // the latest event of each origin, as long as the ring has it
  std::map<announcement_id, kept> window_;
  std::vector<announcement> ready_;
  announcement_counters counters_;
};

}  // namespace troupe::membership
