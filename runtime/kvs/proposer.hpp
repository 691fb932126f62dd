// Carries requests out: the proposer of CASPaxos, with one round at a time for a key.
//
//   get        look at all; a majority that accepted the same has it. Otherwise as a change that changes nothing
//   a change   prepare -> of a majority's answers the highest value -> its successor -> accept by a majority
//   a miss     a condition that does not hold, nothing to erase: true once what was read is a majority's
//
// A round that lost its ballot begins again under a higher one. It must then know whether what it proposed came
// to be: a value tells its version and that of the value before it, so it knows in all cases but when it was
// overwritten twice; then the outcome is unknown, and it does not try again. A tombstone that all members have
// is dropped by all.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <troupe/time.hpp>

#include "runtime/base/random.hpp"
#include "runtime/kvs/messages.hpp"
#include "runtime/kvs/request.hpp"
#include "runtime/kvs/roster.hpp"

namespace troupe {

/// Of the machine's own doing, beside kvs_op.
enum class kvs_task : std::uint8_t { request, readmit, collect, expire, repair };

class kvs_proposer {
 public:
  static constexpr std::size_t operations_max = 4096;
  static constexpr std::size_t tried_max = 16;  // proposals of one request whose fate is not known
  static constexpr duration repeat_interval = std::chrono::milliseconds(150);
  static constexpr duration pause_first = std::chrono::milliseconds(4);
  static constexpr duration pause_most = std::chrono::milliseconds(300);
  static constexpr duration linger_max = std::chrono::seconds(2);  // for the last members to take a tombstone

  struct packet {
    std::string to;
    kvs_message message;
  };
  /// What a step put out.
  struct output {
    std::vector<packet> packets;
    std::vector<kvs_result> results;
    std::optional<kvs_roster> agreed;  // a later roster
  };

  kvs_proposer(const incarnation_id& self, random rng) : self_(self), rng_(rng) {}

  void on_request(kvs_request r, time_point now, output& out);
  /// Takes this disk for the row `name`.
  void readmit(const std::string& name, const incarnation_id& disk, time_point now, output& out);
  [[nodiscard]] bool readmitting() const noexcept { return readmitting_; }
  void collect(const std::string& key, time_point now, output& out);
  void expire(const std::string& key, std::uint64_t version, time_point now, output& out);
  /// Makes all members hold the same of this key, when they are all there.
  void repair(const std::string& key, time_point now, output& out);

  void on_answer(const std::string& from, const kvs_message& m, time_point now, output& out);
  /// Begins every round anew, under the ballots of that epoch.
  void on_roster(const kvs_roster& roster, time_point now, output& out);
  void on_tick(time_point now, output& out);
  [[nodiscard]] time_point next_tick() const;
  [[nodiscard]] std::size_t under_way() const noexcept { return operations_.size(); }

  struct counters {
    std::uint64_t done = 0, missed = 0, unknown = 0, not_done = 0, rounds = 0, lost_rounds = 0, collected = 0,
                  repaired = 0;
  };
  [[nodiscard]] const counters& counts() const noexcept { return counts_; }

 private:
  enum class phase : std::uint8_t { queued, looking, preparing, accepting, paused, lingering };
  struct answer_of {
    bool came = false;
    kvs_message message;
  };
  struct operation {
    kvs_request request;
    kvs_task task = kvs_task::request;
    phase now = phase::queued;
    std::uint64_t round = 0;  // of this phase's messages; never used twice
    std::uint64_t ballot = 0;
    std::uint32_t losses = 0;
    std::vector<answer_of> answers;    // a row each
    kvs_value proposal;                // accepting
    std::vector<std::uint64_t> tried;  // versions of own proposals that may yet come to be
    kvs_result verdict;                // accepting: the answer once a majority has the proposal
    std::uint64_t highest = 0;         // ballot that was in the way
    bool refused_full = false;
    time_point repeat_at = time_point::max();
    time_point paused_until = time_point::max();
    time_point linger_until = time_point::max();
    kvs_message sent;  // what is repeated
    incarnation_id disk;
  };

  // proposer.cpp
  [[nodiscard]] static std::optional<kvs_result> refusal_of(const kvs_request& r);
  void add(kvs_request r, kvs_task task, time_point now, output& out);
  void add_task(const std::string& key, kvs_op op, kvs_task task, std::uint64_t version, time_point now, output& out);
  void begin(operation& o, time_point now, output& out);
  void begin_phase(operation& o, phase p, kvs_message m, time_point now, output& out);
  void begin_look(operation& o, time_point now, output& out);
  void begin_prepare(operation& o, time_point now, output& out);
  void begin_accept(operation& o, kvs_value value, kvs_result verdict, time_point now, output& out);
  void send_missing(operation& o, time_point now, output& out);
  void pause(operation& o, time_point now);
  void finish(operation& o, kvs_result result, time_point now, output& out);
  void count_result(errc code) noexcept;
  void give_up(operation& o, time_point now, output& out);
  void release(const std::string& key, std::uint64_t id, time_point now, output& out);
  [[nodiscard]] time_point due_of(const operation& o) const;
  // proposer_rounds.cpp
  void on_looked(operation& o, time_point now, output& out);
  void on_promise(operation& o, time_point now, output& out);
  void on_accepted(operation& o, time_point now, output& out);
  void on_page(operation& o, time_point now, output& out);
  void decide(operation& o, const kvs_value& state, bool chosen, std::uint64_t floor, time_point now, output& out);
  void propose(operation& o, const kvs_value& state, bool chosen, std::uint64_t floor, time_point now, output& out);
  void answer(operation& o, const kvs_value& state, bool chosen, kvs_result result, time_point now, output& out);
  void readmit(operation& o, const kvs_value& state, bool chosen, time_point now, output& out);
  [[nodiscard]] std::size_t count(const operation& o, bool granted) const;
  [[nodiscard]] kvs_result read_result(const operation& o, const kvs_value& state) const;

  incarnation_id self_;
  random rng_;
  kvs_roster roster_;
  std::map<std::uint64_t, operation> operations_;            // by the request's id
  std::map<std::uint64_t, std::uint64_t> by_round_;          // to the id
  std::map<std::string, std::deque<std::uint64_t>> by_key_;  // the first one runs
  std::uint64_t next_own_id_ = std::uint64_t{1} << 63U;      // tasks have no caller
  std::uint64_t next_round_ = 1;
  std::uint64_t highest_ballot_ = 0;
  bool readmitting_ = false;
  counters counts_;
};

}  // namespace troupe
