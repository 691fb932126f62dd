// The time that this room goes by: the machine's clocks, or, on a thread that runs simulated nodes
// (actors/simulation), theirs.
#pragma once

#include <chrono>
#include <functional>
#include <utility>

#include <troupe/time.hpp>

namespace troupe {

/// The clock and the only timer of a simulated node.
class virtual_clock {
 public:
  virtual ~virtual_clock() = default;
  [[nodiscard]] virtual time_point now() const noexcept = 0;
  /// Calls `f` at that time; when it has passed, after what is under way.
  virtual void call_at(time_point at, std::function<void()> f) = 0;

  /// Of the calling thread; null: it runs no simulated node.
  [[nodiscard]] static virtual_clock* here() noexcept { return here_; }

  /// The calling thread goes by this clock until the end of the scope.
  class scope {
   public:
    explicit scope(virtual_clock& clock) noexcept : before_(std::exchange(here_, &clock)) {}
    ~scope() { here_ = before_; }
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;

   private:
    virtual_clock* const before_;
  };

 private:
  static inline constinit thread_local virtual_clock* here_ = nullptr;
};

[[nodiscard]] inline time_point clock_now() noexcept {
  const auto* simulated = virtual_clock::here();
  return simulated == nullptr ? time_point(std::chrono::steady_clock::now()) : simulated->now();
}

/// The time of day. A simulated one begins in 1970, so that a run is the same whenever it is made.
[[nodiscard]] inline std::chrono::system_clock::time_point wall_clock_now() noexcept {
  using wall = std::chrono::system_clock;
  const auto* simulated = virtual_clock::here();
  return simulated == nullptr
             ? wall::now()
             : wall::time_point(std::chrono::duration_cast<wall::duration>(simulated->now().time_since_epoch()));
}

}  // namespace troupe
