// Which of several addresses is dialled, and when: a round tries each once, beginning with the one that worked
// last; after a round of failures comes a pause that doubles. Shared by the store clients; no clock of its own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

namespace troupe {

class redial {
 public:
  static constexpr duration pause_min = std::chrono::milliseconds(50);
  static constexpr duration pause_max = std::chrono::seconds(2);

  explicit redial(std::vector<std::string> addresses) : addresses_(std::move(addresses)) {}

  [[nodiscard]] const std::string& address() const { return addresses_[next_]; }
  [[nodiscard]] std::size_t count() const noexcept { return addresses_.size(); }

  /// Dials by `dial(address, deadline)`, an expected, until it works; each gets its share of the time that is left.
  /// Gives what it gave, or fails with what all of them said, and with the same during the pause.
  template <class Clock, class Dial>
  [[nodiscard]] auto round(time_point deadline, Dial&& dial)
      -> std::invoke_result_t<Dial&, const std::string&, time_point> {
    if (Clock::now() < not_before_) return tl::unexpected(fault_);
    fault_ = {errc::unavailable, {}};
    for (auto left = addresses_.size(); left > 0; --left) {
      const auto now = Clock::now();
      const auto share = (deadline - now) / static_cast<std::int64_t>(left);
      auto done = dial(addresses_[next_], now + share);
      if (done) {
        pause_ = pause_min;
        return done;
      }
      leave();
      // What needs a person is said rather than what may pass.
      if (done.error().code != errc::deadline_exceeded) fault_.code = std::max(fault_.code, done.error().code);
      fault_.context += (fault_.context.empty() ? "" : "; ") + done.error().context;
    }
    not_before_ = Clock::now() + pause_;
    pause_ = std::min(pause_ * 2, pause_max);
    return tl::unexpected(fault_);
  }

  /// The next round begins with the next address: this one answers, but not as it should.
  void leave() noexcept { next_ = (next_ + 1) % addresses_.size(); }

 private:
  std::vector<std::string> addresses_;
  std::size_t next_ = 0;
  duration pause_ = pause_min;
  time_point not_before_{};
  error fault_;
};

}  // namespace troupe
