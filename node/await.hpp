// Waits for what is answered by a callback: the blocking face of a call that returns at once.
#pragma once

#include <future>
#include <memory>
#include <utility>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

namespace troupe {

/// Longer than any answer of a node that works.
inline constexpr duration call_max = std::chrono::seconds(5);

/// Calls `begin(done)` and waits for what done is given. errc::deadline_exceeded when nothing came within `limit`.
template <class Result, class Begin>
[[nodiscard]] expected<Result> await(Begin begin, duration limit = call_max) {
  const auto promise = std::make_shared<std::promise<expected<Result>>>();
  auto result = promise->get_future();
  begin([promise](expected<Result> r) { promise->set_value(std::move(r)); });
  if (result.wait_for(limit) != std::future_status::ready)
    return fail(errc::deadline_exceeded, "the node did not answer in time");
  return result.get();
}

}  // namespace troupe
