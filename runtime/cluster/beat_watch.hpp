// Members whose messages came in a steady beat, and stopped: worth a probe long before a broken link would tell.
//
// The leader renews leases three times in one, and everybody answers. A host that the network drops everything of
// breaks no link for many seconds, and the round of probes comes to it by chance (in a cluster of five after 0.8 s on
// average, after 4 s at worst). What is found here is a hint, as a broken link is; it accuses nobody.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/time.hpp>

namespace troupe {

class beat_watch {
 public:
  /// Messages in a steady row until their end means anything.
  static constexpr std::uint32_t steady_after = 4;

  /// `beat`: between two messages of one member.
  explicit beat_watch(duration beat) : beat_(beat) {}

  void on_message(std::string_view from, time_point now);
  /// Members that were steady and have been silent for silence_max(). Each is named once, then counted anew. None when
  /// this process did not run in time: what they sent waits for it.
  [[nodiscard]] std::vector<std::string> take_silent(time_point now);
  /// max(): nobody is watched.
  [[nodiscard]] time_point next_tick() const noexcept { return next_; }

  /// Two beats are missing, and the second is late.
  [[nodiscard]] duration silence_max() const noexcept { return beat_ * 9 / 4; }

 private:
  struct row {
    std::uint32_t steady = 0;  // messages, each at most one and a half beats after the one before
    time_point last{};
  };

  void plan(time_point now);

  duration beat_;
  std::map<std::string, row, std::less<>> rows_;
  time_point next_ = time_point::max();     // no silence is due before
  time_point plan_at_ = time_point::min();  // looked at once a beat, not with each message
};

}  // namespace troupe
