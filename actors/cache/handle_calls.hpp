// What the methods of troupe::cache have in common: commands, answers, waiting. For handle*.cpp only.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <troupe/cache.hpp>

#include "runtime/cache/cache_access.hpp"

namespace troupe::handle_calls {

/// How long past its deadline an answer is waited for: the node answers at the deadline itself.
inline constexpr duration answer_grace = std::chrono::milliseconds(250);

[[nodiscard]] time_point read_clock();
[[nodiscard]] time_point deadline_after(duration d);

[[nodiscard]] cache_command make_get(std::string_view key);
[[nodiscard]] cache_command make_put(std::string_view key, std::string_view value, const put_options& o);
[[nodiscard]] cache_command make_erase(std::string_view key);
/// A ttl that is given must be positive: zero means none inside.
[[nodiscard]] inline bool is_sound(const put_options& o) { return !o.ttl || *o.ttl > duration::zero(); }
[[nodiscard]] inline owned_reply bad_ttl() {
  return owned_reply::failed(errc::invalid_argument, "a ttl must be positive");
}

[[nodiscard]] expected<cache_value> to_value(owned_reply r);
[[nodiscard]] expected<std::uint64_t> to_version(owned_reply r);
[[nodiscard]] expected<bool> to_erased(owned_reply r);
[[nodiscard]] owned_reply no_such_cache(const std::string& name);

/// Calls `start` with a callback and waits for what that gets; none: nothing came. The callback may come afterwards.
template <class Answer>
std::optional<Answer> wait_for(const std::function<void(std::function<void(Answer)>)>& start, duration d) {
  struct waiting {
    std::mutex mutex;
    std::condition_variable arrived;
    std::optional<Answer> answer;
  };
  auto w = std::make_shared<waiting>();
  const auto until = deadline_after(d) + answer_grace;
  start([w](Answer a) {
    const std::lock_guard lock(w->mutex);
    w->answer.emplace(std::move(a));
    w->arrived.notify_one();
  });
  std::unique_lock lock(w->mutex);
  w->arrived.wait_until(lock, until, [&] { return w->answer.has_value(); });
  return std::move(w->answer);
}

}  // namespace troupe::handle_calls
