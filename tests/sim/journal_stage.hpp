// Writers of a journal in the simulated world. Node 0 is its database, the others each have a persistent_stream for
// every stream, one append_queue, and a projection_cursor of one and the same projection: so they write beside each
// other, and whoever loses begins a new life. What they ask of the database travels by the network: questions and
// answers are lost, come late, and processes on both ends die between them.
//
// Checked: a state is always what the first events of its stream make; what was told as stored is in it, what was told
// as not stored is nowhere, and what journal_database checks.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/journal/append_queue.hpp"
#include "runtime/journal/persistent_stream.hpp"
#include "runtime/journal/projection_cursor.hpp"
#include "tests/sim/journal_database.hpp"
#include "tests/sim/world.hpp"

namespace troupe::sim {

class journal_stage {
 public:
  static constexpr int streams = 2;
  static constexpr double refused = 0.02;  // of what the database is asked

  explicit journal_stage(world_options options);

  world w;
  journal_database database;

  /// Writers store events, again and again, until `until`.
  void run_writers(duration pause_max, duration until);
  /// All run, have an outcome for what they were to store, and everything is projected.
  [[nodiscard]] bool settled() const;
  /// What was told as not stored is nowhere.
  void check_refused();

  /// Done at the database when the question with that number arrives.
  std::map<std::uint64_t, std::function<void()>> questions;
  std::uint64_t last_question = 0, last_event = 0;
  std::set<std::string> refused_events;  // told as not stored
  std::uint64_t stored = 0, conflicts = 0, unknown = 0, snapshots = 0, replays = 0;
};

/// The events themselves, one after the other.
class listed_state final : public folded_state {
 public:
  void reset() override { events.clear(); }
  [[nodiscard]] expected<void> restore(const journal_event& snapshot) override;
  [[nodiscard]] expected<void> apply(const journal_event& e) override {
    events.push_back(e.bytes);
    return {};
  }
  [[nodiscard]] journal_event snapshot() const;

  std::vector<std::string> events;
};

class journal_writer final : public process {
 public:
  static constexpr duration deadline = std::chrono::seconds(2);

  journal_writer(journal_stage& stage, node_index self, outside& out, random rng);

  void on_start(time_point now) override;
  void on_packet(node_index from, channel how, std::string_view bytes, time_point now) override;
  void on_link_lost(node_index, time_point) override {}
  void on_tick(time_point now) override;
  [[nodiscard]] time_point next_tick() const override;
  void leave(time_point) override {}

  /// Stores one to three events in a stream, at random.
  void act(time_point now);
  [[nodiscard]] bool idle() const;

 private:
  struct life {
    std::string stream;
    listed_state state;
    std::unique_ptr<persistent_stream> machine;
    std::vector<std::vector<std::string>> waiting;  // groups without an outcome
    bool asked = false;
    std::uint64_t number = 0;
    time_point due = time_point::max();  // of a wait, or of the next life
  };
  struct question {
    std::function<void(bool answered, time_point now)> done;
    time_point until;
  };

  template <class T>
  void ask(std::function<expected<T>()> work, std::function<void(const expected<T>&, time_point)> done, time_point now);
  void begin(life& l, time_point now);
  void drive(life& l, time_point now);
  void store(life& l, time_point now);
  void on_outcome(life& l, const expected<appended>& outcome, time_point now);
  void on_end(life& l, time_point now);
  void check(const life& l);
  void save(life& l, time_point now);
  void pump(time_point now);
  void project(time_point now);

  journal_stage& stage_;
  const node_index self_;
  outside& out_;
  random rng_;
  std::vector<std::unique_ptr<life>> lives_;
  append_queue queue_;
  projection_cursor cursor_;
  bool cursor_asked_ = false;
  time_point cursor_due_ = time_point::max();
  std::map<std::uint64_t, question> questions_;
};

}  // namespace troupe::sim
