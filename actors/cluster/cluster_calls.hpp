// What other threads ask of the cluster actor beside packets: tags, user events, queries, round trips; and
// where queries for handlers leave it. Each call returns at once, its answer comes on the actor's thread.
//
//   door, embedder --call_asked--> inbox --> machine --> done(result)
//   machine --asked--> on_asked (handlers, elsewhere) --answer--> inbox --> machine --> the asker
//
// An answer may never come when the actor is restarted meanwhile: who waits has a deadline of its own.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/query.hpp>

#include "actors/cluster/election_numbers.hpp"
#include "actors/cluster/lease_watch.hpp"
#include "actors/cluster/lock_calls.hpp"
#include "actors/metrics.hpp"
#include "runtime/cluster/cluster_machine.hpp"

namespace troupe {

class cluster_inbox;

class cluster_calls {
 public:
  /// Callbacks run on the actor's thread, or at once when the inbox is full; they must only hand over.
  template <class Result>
  using callback = std::function<void(expected<Result>)>;
  using tags = std::map<std::string, std::string>;
  using asked_callback = std::function<void(membership::asked_query)>;

  explicit cluster_calls(cluster_inbox& in) : in_(in), locks_(in) {}

  [[nodiscard]] lock_calls& locks() noexcept { return locks_; }

  void change_tags(membership::tag_change change, callback<tags> done);
  void change_services(cluster_machine::offer o, std::function<void(expected<void>)> done);
  /// The event's Lamport time.
  void raise_event(std::string name, std::string payload, callback<std::uint64_t> done);
  void ask(query q, callback<query_result> done);
  void round_trip(std::string a, std::string b, callback<duration> done);

  /// cluster_machine::transfer; `done` when the other leads, with its name and term.
  struct handed_over {
    std::string name;
    std::uint64_t term = 0;
  };
  void transfer(std::string name, callback<handed_over> done);

  /// How long this node leads, for fencing tokens.
  [[nodiscard]] const std::shared_ptr<lease_watch>& lease() const noexcept { return lease_; }
  /// By the actor before anything of a step is sent: what others act upon must not find this node still leading.
  void publish_lease(const cluster_machine& machine, time_point now);

  /// Called for each query that handlers are to answer; without one, nobody here has an answer.
  void on_asked(asked_callback f);
  void answer(const membership::announcement_id& id, std::optional<std::string> payload);

  /// By the actor after each step: passes on what the machine put out, and its numbers.
  void take(cluster_output& out, const cluster_machine& machine);

  void register_metrics(metrics& m);

 private:
  struct waiting {
    callback<query_result> done;
    time_point until;
  };
  static constexpr duration answer_grace = std::chrono::seconds(5);

  struct waiting_transfer {
    std::string name;
    member_ref from;
    std::uint64_t term;  // before
    callback<handed_over> done;
    time_point until;
  };
  static constexpr duration transfer_max = std::chrono::minutes(1);

  void end_transfers(const cluster_output& out, const cluster_machine& machine);
  template <class Result>
  void call(callback<Result> done, std::function<expected<Result>(cluster_machine&, time_point, cluster_output&)> run);
  void publish(const cluster_machine& machine);

  cluster_inbox& in_;
  std::mutex mutex_;
  std::map<std::uint64_t, waiting> asking_;  // by the query's time
  asked_callback asked_;
  std::vector<waiting_transfer> transfers_;  // of the actor's thread
  const std::shared_ptr<lease_watch> lease_ = std::make_shared<lease_watch>();
  election_numbers election_;
  lock_calls locks_;

  enum number : std::size_t {
    said,
    delivered,
    duplicates,
    refused_rate,
    dropped,
    late,
    caught_up,
    malformed,
    answered,
    answers_in,
    samples,
    refused_samples,
    numbers
  };
  std::array<std::atomic<std::uint64_t>, numbers> numbers_{};
};

}  // namespace troupe
