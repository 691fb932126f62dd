#include "runtime/election/standalone.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

standalone_election::standalone_election(election_options options, vote_file file)
    : options_(std::move(options)), file_(std::move(file)) {}

void standalone_election::on_start(time_point, election_output& out) {
  if (writing_ != 0 || leader_) return;
  cluster_record next;
  if (file_.accepted) next = *file_.accepted;
  if (next.cluster.empty()) next.cluster = options_.fresh_cluster.empty() ? file_.voter : options_.fresh_cluster;
  next.cluster_name = options_.cluster_name;
  next.expected_members = 1;
  next.voters = {{file_.voter, options_.self.name, options_.address}};
  next.pids = {{options_.self, 1}};
  next.highest_pid = std::max<std::uint64_t>(next.highest_pid, 1);
  for (const auto& [key, value] : options_.founding_values) next.values.emplace(key, value);
  file_.promised = std::max(file_.promised, next.at.term) + 1;
  file_.holder = options_.self;
  next.at = {file_.promised, next.at.epoch};
  write(std::move(next), 0, out);
}

void standalone_election::write(cluster_record next, std::uint64_t proposal, election_output& out) {
  ++next.at.epoch;
  file_.accepted = std::make_shared<const cluster_record>(std::move(next));
  file_.committed = true;  // this disk is the only voter
  file_.founding = false;
  writing_ = ++next_token_;
  writing_proposal_ = proposal;
  out.persist = persist_request{encode(file_), writing_};
}

void standalone_election::on_persisted(std::uint64_t token, time_point now, election_output& out) {
  if (writing_ == 0 || token != writing_) return;
  writing_ = 0;
  committed_ = file_.accepted;
  out.events.emplace_back(record_committed{committed_});
  if (!leader_) {
    leader_ = known_leader{options_.self,
                           1,
                           committed_->at.term,
                           options_.durable,
                           options_.durable ? "" : "the votes are not on a durable disk",
                           now,
                           "started"};
    out.events.emplace_back(pid_given{options_.self, 1});
    out.events.emplace_back(became_leader{leader_->term, now});
    out.events.emplace_back(
        leader_elected{leader_->who, 1, leader_->term, leader_->fenced, leader_->fenced_reason, leader_->cause});
  }
  if (writing_proposal_ != 0) out.events.emplace_back(proposal_ended{writing_proposal_, committed_->at});
  if (queue_.empty()) return;
  auto next = *committed_;
  apply(queue_.front().change, next);
  const auto number = queue_.front().number;
  queue_.pop_front();
  write(std::move(next), number, out);
}

expected<std::uint64_t> standalone_election::propose(record_change change, time_point, election_output& out) {
  if (!leader_) return fail(errc::unavailable, "the first term is not yet on disk");
  auto trial = *committed_;
  apply(change, trial);
  if (const auto fault = fault_of(trial); !fault.empty()) {
    return fail(errc::invalid_argument, "cluster record: " + fault);
  }
  if (encode(trial).size() > record_bytes_max)
    return fail(errc::too_large, "the cluster record would exceed its limit");
  if (queue_.size() >= proposals_max) return fail(errc::unavailable, "too many proposals wait");
  const auto number = ++next_proposal_;
  if (writing_ != 0) {
    queue_.push_back({number, std::move(change)});
  } else {
    write(std::move(trial), number, out);
  }
  return number;
}

}  // namespace troupe
