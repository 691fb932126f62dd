// A call with a callback, waited for by a thread that may block.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

namespace troupe {

/// How long past its deadline an answer is waited for: the node answers at the deadline or shortly after.
inline constexpr duration answer_grace = std::chrono::milliseconds(500);

[[nodiscard]] inline time_point deadline_after(duration d) {
  const auto now = time_point(std::chrono::steady_clock::now());
  return d > time_point::max() - now - answer_grace ? time_point::max() - answer_grace : now + d;
}

/// `begin` is given the callback. `late`: the code when no answer came at all.
template <class T, class Begin>
[[nodiscard]] expected<T> await_answer(time_point deadline, errc late, Begin&& begin) {
  struct place {
    std::mutex mutex;
    std::condition_variable came;
    std::optional<expected<T>> answer;
  };
  auto waiting = std::make_shared<place>();
  begin(std::function<void(expected<T>)>([waiting](expected<T> a) {
    const std::lock_guard lock(waiting->mutex);
    waiting->answer.emplace(std::move(a));
    waiting->came.notify_one();
  }));
  std::unique_lock lock(waiting->mutex);
  const auto there = [&] { return waiting->answer.has_value(); };
  if (deadline == time_point::max()) {
    waiting->came.wait(lock, there);
  } else if (!waiting->came.wait_until(lock, deadline + answer_grace, there)) {
    return fail(late, "no answer came");
  }
  return std::move(*waiting->answer);
}

}  // namespace troupe
