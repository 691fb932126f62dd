// How long a member stays suspect: long at first, shorter with every other member that suspects it too
// (Lifeguard, Dadgar et al. 2018; the curve is memberlist's). A suspicion that several observers base on a
// link which the member's own host has closed is short.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>

#include <troupe/time.hpp>

namespace troupe::membership {

/// Of a suspicion with `confirmations` out of `wanted`; `shortest` when none are wanted.
[[nodiscard]] duration suspicion_length(duration shortest, duration longest, std::uint32_t confirmations,
                                        std::uint32_t wanted) noexcept;

class suspicion {
 public:
  struct bounds {
    duration shortest{};
    duration longest{};
    std::uint32_t wanted = 0;         // confirmations until it is shortest
    std::uint32_t closed_wanted = 2;  // observers with a closed link until it is closed_length
    duration closed_length{};
    std::uint32_t kept = 1;  // confirmations that are counted and told on even when none are wanted
  };

  suspicion() = default;
  /// `by` is the first who suspects: no confirmation.
  suspicion(const bounds& b, const std::string& by, time_point now);

  /// True when `by` is a new confirmation that should be told on.
  bool confirm(const std::string& by);
  /// Notes that the link of `by` was closed; true when that is new.
  bool confirm_closed(const std::string& by, time_point now);

  /// Different members that accuse; those beyond what bounds keep are not counted.
  [[nodiscard]] std::size_t accusers() const noexcept { return 1 + confirmed_.size(); }
  [[nodiscard]] const std::string& first_accuser() const noexcept { return first_; }
  [[nodiscard]] bool accused_by(const std::string& name) const { return name == first_ || confirmed_.count(name) > 0; }

  [[nodiscard]] duration age(time_point now) const noexcept { return now - start_; }

  [[nodiscard]] time_point deadline() const noexcept;
  /// The earliest end when only an accuser speaks that doubts itself: shortest * (score + 1), at most longest.
  [[nodiscard]] time_point doubtful_deadline(std::uint32_t score) const noexcept {
    return start_ + std::min(bounds_.longest, bounds_.shortest * static_cast<int>(score + 1));
  }
  /// The deadline has passed without enough accusers: not before `until`.
  void postpone(time_point until) noexcept;
  /// One more accuser was heard: the suspect gets until `until` to answer that too, unless links closed.
  void allow_answer(time_point until) noexcept { not_before_ = std::max(not_before_, until); }
  /// This process was not running for `late`: nobody is judged by that time.
  void extend(duration late) noexcept;

 private:
  bounds bounds_;
  std::string first_;
  std::set<std::string> confirmed_;
  std::set<std::string> closed_;
  time_point start_{};
  time_point closed_deadline_ = time_point::max();
  time_point not_before_ = time_point::min();
};

}  // namespace troupe::membership
