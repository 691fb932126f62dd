// Commands that cannot be done at this very moment but may be soon: the shard has no primary yet, it
// moves, its owner is out of reach. They wait here and are tried again until their deadline, so that
// a move or a new leader shows no error to clients.
//
// A shard is a lane: commands in flight (handed to `run`, not answered) and parked ones behind them,
// each numbered. While a lane has parked commands, later ones of the shard park behind them; they
// start again, in order, when nothing is in flight any more and the next retry() is due. Commands go
// to a new owner only when those sent to the old one are answered. So commands of one thread for one
// key keep their order; a refused command that a later one of its key overtook nevertheless (the owner
// changed between two batches) ends as unavailable.
// Thread-safe; the callbacks run without locks.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <troupe/config.hpp>

#include "actors/cache/forwarder.hpp"

namespace troupe {

struct pending_command : forwarded_command {
  pending_command(forwarded_command c, reply_callback d, std::uint32_t s)
      : forwarded_command(std::move(c)), done(std::move(d)), shard(s) {}

  reply_callback done;
  std::uint32_t shard;

  // Of parked_commands, under the lane's lock.
  std::uint64_t number = 0;
  std::string why;         // of the last refusal
  bool overtaken = false;  // a later command of the key was done
  std::list<std::shared_ptr<pending_command>>::iterator place;
};

class parked_commands {
 public:
  using command_ptr = std::shared_ptr<pending_command>;
  /// Who owns the shard now. Commands of one route are handed over without waiting for answers.
  using route_of = std::function<std::uint64_t(std::uint32_t shard)>;
  /// Does the command by that route and calls finished() exactly once, now or later.
  using runner = std::function<void(const command_ptr& command, std::uint64_t route)>;

  static constexpr duration retry_interval = std::chrono::milliseconds(20);

  struct limits {
    std::size_t commands_max = 10'000;
    std::uint64_t bytes_max = 64 * mib;
  };

  parked_commands(std::uint32_t shards, const limits& l, route_of route, runner run);
  /// As close().
  ~parked_commands();

  parked_commands(const parked_commands&) = delete;
  parked_commands& operator=(const parked_commands&) = delete;

  /// Called when the first command parks: retry() is wanted from now on until count() is 0.
  void on_first_parked(std::function<void()> wake);

  /// Nothing of the shard is in flight or parked: what is done elsewhere overtakes nobody.
  [[nodiscard]] bool idle(std::uint32_t shard) const noexcept {
    return lanes_[shard].busy.load(std::memory_order_acquire) == 0;
  }

  /// Runs the command, or parks it behind others of its shard. `command->done` runs exactly once.
  void submit(const command_ptr& command);

  /// The outcome of a run. not_owner and peer_lost say that it was not done: it parks. Anything else
  /// is its answer. Beyond the limits: unavailable.
  void finished(const command_ptr& command, owned_reply reply);

  /// Answers what is past its deadline (unavailable, or deadline_exceeded when it was never refused)
  /// and starts the rest again. Called about every retry_interval while it returns true: something is
  /// still parked. After false, on_first_parked's callback tells when to begin anew.
  [[nodiscard]] bool retry(time_point now);

  /// Answers everything parked with unavailable; nothing parks from now on.
  void close();

  [[nodiscard]] std::size_t count() const noexcept { return count_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }
  /// Commands that did not fit.
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

 private:
  using command_list = std::list<command_ptr>;
  using answers = std::vector<std::pair<command_ptr, owned_reply>>;

  struct lane {
    mutable std::mutex mutex;
    std::atomic<std::uint32_t> busy{0};  // in flight and parked
    command_list in_flight;              // in the order they were started
    command_list parked;                 // by number
    std::uint64_t route = 0;             // of those in flight
    std::uint64_t next_number = 1;
    bool refused = false;   // since the last retry(): starting again now would be refused too
    bool draining = false;  // a thread starts parked commands: others append
  };

  [[nodiscard]] bool park(lane& l, const command_ptr& c, command_list& from);
  void unpark(lane& l, const command_ptr& c, command_list& into);
  static void leave(lane& l);
  void note_overtaken(lane& l, const command_ptr& done, answers& out);
  void drain(std::uint32_t shard);
  void wake_if_first();
  static void tell(answers& all);

  std::vector<lane> lanes_;
  const limits limits_;
  const route_of route_;
  const runner run_;
  std::atomic<std::size_t> count_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<bool> wanted_{false};  // the wake was called for what is parked
  std::atomic<bool> closed_{false};
  std::mutex wake_mutex_;
  std::function<void()> wake_;
};

}  // namespace troupe
