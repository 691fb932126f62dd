// Network coordinates: how long a packet takes between two members that never spoke, estimated from places in
// a space in which every member moves so that its distances to others fit the round trips it measured.
//
// Vivaldi (Dabek, Cox, Kaashoek, Morris 2004), with heights for access links; an adjustment term of the last
// errors, a median filter for each peer and a pull to the origin so that places do not drift (Ledlie, Gardner,
// Seltzer 2007), as in HashiCorp's Serf, whose constants are used. Seconds everywhere; no clock in here.
//
// It estimates and promises nothing: where round trips do not fit any space the estimates are bad (see error).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/time.hpp>

#include "runtime/base/random.hpp"

namespace troupe::membership {

inline constexpr std::size_t coordinate_dimensions = 8;

struct coordinate {
  static constexpr double error_max = 1.5;  // knows nothing
  static constexpr double height_min = 10e-6;
  static constexpr double extent_max = 100.0;  // of each number in it, in seconds

  std::array<double, coordinate_dimensions> position{};
  double height = height_min;  // the way to the core of the network
  double adjustment = 0;
  double error = error_max;  // relative: 0.1 is 10 %

  /// Finite and within extent_max; height and error in their ranges.
  [[nodiscard]] bool sound() const noexcept;
};

/// The estimated round trip. Both must be sound.
[[nodiscard]] duration round_trip_between(const coordinate& a, const coordinate& b) noexcept;

struct coordinate_counters {
  std::uint64_t samples = 0;
  std::uint64_t refused = 0;  // unsound coordinates, round trips beyond belief
  std::uint64_t resets = 0;   // of the own place, after it had become unsound
};

class coordinates {
 public:
  static constexpr duration round_trip_max = std::chrono::seconds(10);
  static constexpr std::size_t peers_max = 10'000;
  static constexpr std::size_t filter_samples = 3;   // of one peer: their median counts
  static constexpr std::size_t window_samples = 20;  // of the adjustment

  explicit coordinates(random rng) : rng_(rng) {}

  /// A round trip to `peer`, which says that it is at `place`. False, and no change, when that is not to be
  /// believed: an unsound place, a round trip that is not positive or above round_trip_max.
  bool on_sample(std::string_view peer, const coordinate& place, duration round_trip);
  void forget(std::string_view peer);

  [[nodiscard]] const coordinate& own() const noexcept { return own_; }
  /// Where `peer` said that it is when it was last sampled.
  [[nodiscard]] const coordinate* find(std::string_view peer) const;
  [[nodiscard]] std::size_t peers() const noexcept { return peers_.size(); }
  [[nodiscard]] const coordinate_counters& counts() const noexcept { return counters_; }

 private:
  struct peer {
    coordinate place;
    std::vector<double> samples;  // the last ones, in seconds
  };

  [[nodiscard]] static double filtered(peer& p, double seconds);
  void attract(const coordinate& other, double seconds);
  void adjust(const coordinate& other, double seconds);
  void push(double force, const coordinate& other);

  random rng_;
  coordinate own_;
  std::array<double, window_samples> errors_{};  // measured less estimated
  std::size_t next_error_ = 0;
  std::map<std::string, peer, std::less<>> peers_;
  coordinate_counters counters_;
};

}  // namespace troupe::membership
