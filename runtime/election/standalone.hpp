// Leadership of a node that is alone by configuration (kvs.type = local_standalone): its term is the one on
// its disk + 1, made durable first; it leads at once, always as PID 1, and is fenced, since its data
// directory is locked and no other process can have that term. The record and its stamps are the same as
// in a cluster, so everything that hangs on them works unchanged.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include <troupe/error.hpp>

#include "runtime/election/election.hpp"
#include "runtime/election/options.hpp"
#include "runtime/election/output.hpp"
#include "runtime/election/vote_file.hpp"

namespace troupe {

class standalone_election {
 public:
  /// `file`: what open_vote_file made of the node's disk.
  standalone_election(election_options options, vote_file file);

  /// Asks for the first write; became_leader comes with its on_persisted.
  void on_start(time_point now, election_output& out);
  void on_persisted(std::uint64_t token, time_point now, election_output& out);
  /// As election::propose.
  [[nodiscard]] expected<std::uint64_t> propose(record_change change, time_point now, election_output& out);

  [[nodiscard]] bool may_act() const noexcept { return leader_.has_value(); }
  [[nodiscard]] const std::optional<known_leader>& leader_now() const noexcept { return leader_; }
  [[nodiscard]] const record_ptr& record() const noexcept { return committed_; }

 private:
  struct queued_change {
    std::uint64_t number;
    record_change change;
  };

  void write(cluster_record next, std::uint64_t proposal, election_output& out);

  election_options options_;
  vote_file file_;
  record_ptr committed_;
  std::optional<known_leader> leader_;
  std::deque<queued_change> queue_;
  std::uint64_t writing_ = 0;           // 0: no write is under way
  std::uint64_t writing_proposal_ = 0;  // 0: the first write
  std::uint64_t next_token_ = 0;
  std::uint64_t next_proposal_ = 0;
};

}  // namespace troupe
