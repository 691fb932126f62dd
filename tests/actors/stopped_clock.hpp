// A clock that stands still until a test moves it on. The thread that made it goes by it while it lives: what that
// thread runs by itself, and no timers.
#pragma once

#include "actors/clock.hpp"

namespace troupe {

class stopped_clock {
 public:
  void advance(duration d) { hands_.at += d; }

 private:
  struct hands final : virtual_clock {
    time_point at = std::chrono::steady_clock::now();
    [[nodiscard]] time_point now() const noexcept override { return at; }
    void call_at(time_point, std::function<void()>) override {}
  };

  hands hands_;
  virtual_clock::scope scope_{hands_};
};

}  // namespace troupe
