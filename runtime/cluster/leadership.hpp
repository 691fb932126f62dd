// One face for the ways to a leader: the election, by voters or by a leader store, and the lone node that
// leads itself (kvs.type = local_standalone). Adds no rule of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <troupe/config.hpp>
#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "runtime/base/random.hpp"
#include "runtime/election/election.hpp"
#include "runtime/election/standalone.hpp"

namespace troupe {

class leadership {
 public:
  leadership(const config& settings, election_options options, vote_file file, random rng, time_point now);

  /// `by_seeds`: others brought it here; they may have a cluster.
  void on_start(bool by_seeds, time_point now, election_output& out);
  void on_member(const election_member& m, time_point now, election_output& out);
  void on_message(const member_ref& from, std::string_view bytes, time_point now, election_output& out);
  void on_digest(const member_ref& from, std::string_view bytes, time_point now, election_output& out);
  void on_tick(time_point now, election_output& out);
  void on_persisted(std::uint64_t token, time_point now, election_output& out);
  void on_store(const store_answer& answer, time_point now, election_output& out);
  void on_store_changed(time_point now, election_output& out);
  [[nodiscard]] expected<std::uint64_t> propose(record_change change, time_point now, election_output& out);
  void stand_aside(bool aside, time_point now, election_output& out);
  void leave(time_point now, election_output& out);
  /// election::transfer; a lone node has nobody to hand over to: unavailable.
  [[nodiscard]] expected<void> transfer(const std::string& name, time_point now, election_output& out);

  [[nodiscard]] time_point next_tick() const;
  [[nodiscard]] bool may_act(time_point now) const;
  [[nodiscard]] const std::optional<known_leader>& leader_now() const;
  [[nodiscard]] const record_ptr& record() const;
  [[nodiscard]] std::string digest() const;
  /// Until when this node leads unless it renews; not to be asked when it does not lead.
  [[nodiscard]] time_point lease_end() const { return voting() ? voting()->lease_end() : time_point::max(); }
  [[nodiscard]] bool in_store() const noexcept { return voting() != nullptr && voting()->in_store(); }
  /// election::sight_of_store
  [[nodiscard]] std::optional<store_sight> sight_of_store() const {
    return voting() ? voting()->sight_of_store() : std::nullopt;
  }
  /// election::store_fault
  [[nodiscard]] std::string store_fault() const { return voting() ? voting()->store_fault() : std::string(); }
  /// At the leader: a shard of this member gets no new primary before.
  [[nodiscard]] time_point lease_may_run_until(const std::string& member) const;
  /// election::earlier_lease_may_run_until
  [[nodiscard]] time_point earlier_lease_may_run_until(const std::string& member) const;
  /// election::surely_lives_until
  [[nodiscard]] time_point surely_lives_until(const member_ref& who) const {
    return voting() ? voting()->surely_lives_until(who) : time_point::min();
  }
  /// Until when this node may serve the shards it is primary of.
  [[nodiscard]] time_point serve_until() const;
  /// True when the PID on disk may be that of an earlier process: the same number, another memory.
  [[nodiscard]] bool keeps_its_pid() const noexcept { return std::holds_alternative<standalone_election>(machine_); }
  [[nodiscard]] const election* voting() const noexcept { return std::get_if<election>(&machine_); }

 private:
  using machine = std::variant<election, standalone_election>;

  static machine make(const config& settings, election_options options, vote_file file, random rng, time_point now);

  machine machine_;
};

}  // namespace troupe
