// The life of one event-sourced actor beside its stream: it reads what is there, then stores one group of events after
// the other, and is over when somebody else wrote or when nobody can tell what was written.
//
//   loading -> reading -> ready <-> appending          every step but `ready` waits for an answer; waits are steps, too
//      ^__________|  a gap                |
//         any of them -> ended <----------+  condition_failed, outcome_unknown, what cannot be read
//
// Pure: it is given answers and the time, and says what to do next (next()). What events mean is behind folded_state.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include <troupe/journal.hpp>

namespace troupe {

/// The state that the events of a stream make. None of these throws.
class folded_state {
 public:
  virtual ~folded_state() = default;
  /// As before the first event.
  virtual void reset() = 0;
  [[nodiscard]] virtual expected<void> restore(const journal_event& snapshot) = 0;
  [[nodiscard]] virtual expected<void> apply(const journal_event& e) = 0;
};

struct persistent_stream_settings {
  std::string stream;
  std::size_t page_events = 500;
  std::uint64_t snapshot_every = 0;                // events; 0: never
  duration replay_for = std::chrono::seconds(10);  // a database that is away is asked again for so long
  duration settle_for = std::chrono::seconds(10);  // the same for an append that may have been done
  duration wait_first = std::chrono::milliseconds(100);
  duration wait_most = std::chrono::seconds(2);
};

class persistent_stream {
 public:
  static constexpr std::uint32_t reloads_max = 3;   // after gaps: events that were truncated while they were read
  static constexpr std::size_t waiting_max = 1000;  // groups of events that wait for their turn

  enum class doing : std::uint8_t { load, read, wait, ready, append, ended };

  /// `state` outlives it.
  persistent_stream(persistent_stream_settings s, folded_state& state);

  void begin(time_point now);
  void on_start(expected<stream_start> start, time_point now);
  void on_page(const expected<std::vector<stored_event>>& page, time_point now);
  void on_waited();

  /// Stores them behind those that wait already. errc::unavailable when it is over or waiting_max is reached;
  /// errc::too_large, errc::invalid_argument as journal::append. `id` is never used twice.
  [[nodiscard]] expected<void> persist(std::vector<journal_event> events, std::string id, time_point now);
  /// None: it is not settled yet. Otherwise what became of the group that was waited for the longest; after success its
  /// events are in the state. What still waits when it has ended is told by take_unsettled().
  [[nodiscard]] std::optional<expected<void>> on_appended(const expected<appended>& outcome, time_point now);
  /// How many groups have no outcome and will get none; each is told why().
  [[nodiscard]] std::size_t take_unsettled();

  [[nodiscard]] doing next() const noexcept { return doing_; }
  [[nodiscard]] duration wait() const noexcept { return wait_; }
  [[nodiscard]] std::size_t page() const noexcept { return settings_.page_events; }
  [[nodiscard]] const std::string& stream() const noexcept { return settings_.stream; }
  [[nodiscard]] const stream_append& append() const noexcept { return waiting_.front(); }
  [[nodiscard]] const error& why() const noexcept { return why_; }
  /// It ended before it was ready: nothing may be done in its name.
  [[nodiscard]] bool failed_to_replay() const noexcept { return doing_ == doing::ended && !was_ready_; }
  [[nodiscard]] bool was_ready() const noexcept { return was_ready_; }

  /// Of the last event in the state.
  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }
  [[nodiscard]] std::uint64_t replayed() const noexcept { return replayed_; }

  /// Time for a snapshot of the state as it is; asked once for each.
  [[nodiscard]] bool take_snapshot_due() noexcept;

 private:
  [[nodiscard]] bool waits_again(errc code, duration limit, time_point now);
  void finish_replay();
  void reload(time_point now);
  void end(error why);
  void append_next(time_point now);
  [[nodiscard]] expected<void> settle(const appended& a);

  const persistent_stream_settings settings_;
  folded_state& state_;
  doing doing_ = doing::load;
  doing after_wait_ = doing::load;
  bool was_ready_ = false;
  bool unsure_ = false;  // the append may have been done
  time_point since_{};   // the replay, or the append, began
  duration wait_{};
  std::uint32_t reloads_ = 0;
  std::uint64_t target_ = 0;  // the version to which it replays
  std::uint64_t version_ = 0;
  std::uint64_t replayed_ = 0;
  std::uint64_t snapshot_ = 0;  // the version of the last one
  std::deque<stream_append> waiting_;
  error why_{};
};

}  // namespace troupe
