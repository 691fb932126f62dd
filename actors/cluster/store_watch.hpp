// One thread that has a leader store tell when its entry changes, and passes that on as a hint to read. It watches
// while somebody says what he knows of the entry (store_sight), and tells once for each sight.
//
// It promises nothing: a store that cannot tell, that fails or that is silent leaves whoever asks it to ask by his
// own timers. A store that tells of changes that are none is listened to less and less often.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <troupe/leader_store.hpp>

#include "runtime/base/backoff.hpp"
#include "runtime/base/random.hpp"
#include "runtime/election/store.hpp"

namespace troupe {

class store_watch {
 public:
  /// A call of leader_store::watch: stop() waits as long at most.
  static constexpr duration slice = std::chrono::milliseconds(500);
  /// After a failure, or after a hint that told nothing new; it doubles.
  static constexpr duration pause_min = std::chrono::milliseconds(100);
  static constexpr duration pause_max = std::chrono::seconds(5);
  /// Nothing to watch for so long: the store's connection for it is given up.
  static constexpr duration idle_max = std::chrono::seconds(10);

  /// All but `ports.hint` may be empty. They run on the thread, must only hand over.
  struct ports {
    std::function<bool()> hint;                // false: it could not be taken
    std::function<void(const error&)> failed;  // the first of a row of failures
    duration idle = idle_max;
  };
  struct counters {
    std::atomic<std::uint64_t> false_hints{0};
    std::atomic<std::uint64_t> failures{0};
  };

  store_watch(std::shared_ptr<leader_store> store, std::string key, ports p, random rng);
  ~store_watch() { stop(); }

  store_watch(const store_watch&) = delete;
  store_watch& operator=(const store_watch&) = delete;

  /// What is known of the entry; none: nothing is to be watched.
  void follow(std::optional<store_sight> sight);
  /// Ends it. Idempotent; no callback runs afterwards.
  void stop();

  [[nodiscard]] const counters& numbers() const noexcept { return numbers_; }

 private:
  using lock = std::unique_lock<std::mutex>;

  void loop();
  /// What is to be watched next; none: it is to end.
  [[nodiscard]] std::optional<store_sight> next(lock& held);
  /// False when nothing is to be watched ever more.
  [[nodiscard]] bool watch(lock& held, const store_sight& from);
  void tell(lock& held);
  void on_failure(lock& held, const error& why);
  void pause(lock& held);

  const std::shared_ptr<leader_store> store_;
  const std::string key_;
  const ports ports_;
  counters numbers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<store_sight> wanted_;
  std::optional<store_sight> told_;  // a hint was given while this was known, and nothing else is yet
  bool stopping_ = false;
  bool failing_ = false;
  random rng_;
  backoff pauses_{pause_min, pause_max};
  std::thread thread_;  // the last: it runs from here on
};

}  // namespace troupe
