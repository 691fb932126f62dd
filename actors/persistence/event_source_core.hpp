// An event-sourced actor's stream: the machine of runtime/journal, its steps carried out by the journal, and the
// answers awaited, so that no message is handled meanwhile.
//
//   out: load, read, append, a wait          in: their answers, as responses that the actor awaits
//
// It belongs to its actor and runs in it alone; what comes from the database's threads goes through the mailbox.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <caf/event_based_actor.hpp>

#include <troupe/caf_grains.hpp>
#include <troupe/caf_persistence.hpp>

#include "actors/persistence/journal_core.hpp"
#include "runtime/journal/persistent_stream.hpp"

namespace troupe {

class event_source_core final : public folded_state, public std::enable_shared_from_this<event_source_core> {
 public:
  using stored_callback = event_source_handle::stored_callback;

  event_source_core(caf::event_based_actor* self, const journal& j, std::string stream,
                    std::shared_ptr<event_folding> state, const event_source_options& o);

  void start();
  void persist_all(std::vector<journal_event> events, stored_callback then);
  void on_ready(std::function<void()> f);
  [[nodiscard]] std::uint64_t version() const noexcept { return machine_.version(); }

  // folded_state
  void reset() override { state_->reset(); }
  [[nodiscard]] expected<void> restore(const journal_event& snapshot) override;
  [[nodiscard]] expected<void> apply(const journal_event& e) override;

 private:
  template <class T>
  using answer = std::function<void(expected<T>)>;
  template <class T>
  void await(const std::function<void(answer<T>)>& begin, void (event_source_core::*then)(expected<T>));

  void step();
  void wait();
  void on_start(expected<stream_start> r);
  void on_page(expected<std::vector<stored_event>> r);
  void on_appended(expected<appended> r);
  void on_replayed();
  void save_snapshot();
  void end();
  void refuse();
  void give_up(const error& why);
  [[nodiscard]] time_point now() const;

  caf::event_based_actor* const self_;  // its owner
  grain* const grain_;                  // null: another actor
  const std::shared_ptr<journal_core> journal_;
  const std::shared_ptr<event_folding> state_;
  const bool truncate_;
  persistent_stream machine_;
  std::deque<stored_callback> told_;  // one for each group that has no outcome yet
  std::function<void()> ready_;
  bool asking_ = false;    // a step is being carried out
  bool replayed_ = false;  // the end of the replay was told
  bool ended_ = false;
};

}  // namespace troupe
