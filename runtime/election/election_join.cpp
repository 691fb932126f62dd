// Founding a cluster, and joining one.
//
//   1  A node without a record says HELLO: to a few of those that show a cluster in their digests, if any do; to a few
//      others while more are there than may found one, and to the one that may found it alone; otherwise to everyone.
//   2  Who sees exactly expected_members members, all without a record, of its cluster name, and ranks
//      highest among them, writes a founding record (their voter ids, stamp {0, 1}) and says FOUND.
//      With one expected member it is a record of itself alone: at once when it was told no seeds, otherwise when
//      some others, but nobody new, came for found_settle. Two that never heard of each other found two clusters
//      then; more expected members are what prevents that.
//   3  A member without any record writes it and says FOUND_ACCEPTED; from now on it takes no other.
//   4  When all have accepted, the founder writes that and says FOUNDED; the first election begins. Any
//      sign of a term in this cluster says the same.
// While a founding is open every member that accepted it goes on saying HELLO and repeats FOUND to those that
// have not: a founder that restarts with its disk finds its work done, and one that stays away is not
// needed when all others see that all others accepted (it accepted before it proposed).
// A disk lost inside this window leaves the founding open for ever: the members say so, and their
// data directories, in which nothing else is yet, must be cleared.
#include <algorithm>

#include "runtime/election/election.hpp"

namespace troupe {
namespace {

constexpr int hellos_quick = 16;  // at hello_interval, before the pause doubles
constexpr int hello_doublings_max = 4;
constexpr std::size_t hellos_at_once = 3;   // of those that need not all be asked
constexpr std::size_t in_clusters_max = 8;  // members with a cluster that are remembered
constexpr int hellos_before_words = 3;      // that found nobody with a record
constexpr std::size_t refusals_told_max = 16;
constexpr duration refusal_told_again = std::chrono::minutes(1);

}  // namespace

void election::run_join() {
  if (founded()) return;
  if (now_ >= next_hello_) {
    // Who waits for long (more are there than may found a cluster, or too few) asks less and less often.
    const auto pause = timing_.hello_interval() * (1 << std::min(hellos_said_ / hellos_quick, hello_doublings_max));
    ++hellos_said_;
    next_hello_ = now_ + pause;
    say_hello();
  }
  if (store_) return;
  if (!has_cluster()) consider_founding();
  consider_founded();
}

void election::say_hello() {
  auto hello = make(election_kind::hello);
  hello.cluster_name = options_.cluster_name;
  for (const auto& who : whom_to_greet()) {
    send(who, hello);
    const auto met = greetings_.find(who.name);
    const bool lacks_founding = met != greetings_.end() && met->second.id == who.id && !met->second.has_record;
    const auto* founder = has_cluster() ? voter_.accepted()->voter_named(who.name) : nullptr;
    if (founder == nullptr || !lacks_founding || founders_accepted_.contains(founder->id)) continue;
    if (!voter_.accepted_is_durable()) continue;
    auto found = make(election_kind::found);
    found.record = voter_.accepted();
    send(who, std::move(found));
  }
}

// A hundred joiners that ask each other tell each other nothing and cost ten thousand connections.
std::vector<member_ref> election::whom_to_greet() {
  std::vector<member_ref> others, in_clusters;
  for (const auto& [name, row] : roll_.all()) {
    if (!row.present() || name == options_.self.name) continue;
    others.push_back({name, row.id});
    const auto shown = in_clusters_.find(name);
    if (shown != in_clusters_.end() && shown->second == row.id) in_clusters.push_back(others.back());
  }
  if (has_cluster()) return others;
  auto& whom = in_clusters.empty() ? others : in_clusters;
  if (in_clusters.empty() && others.size() < options_.expected_members) return others;
  const bool one_founds = options_.expected_members == 1 && in_clusters.empty();
  const auto founder = one_founds ? highest_present() : member_ref{};
  if (founder == options_.self) return others;
  rng_.shuffle(whom);
  if (whom.size() > hellos_at_once) whom.erase(whom.begin() + hellos_at_once, whom.end());
  if (one_founds && std::find(whom.begin(), whom.end(), founder) == whom.end()) whom.push_back(founder);
  return whom;
}

// Of those that are there, by rank without a record.
member_ref election::highest_present() const {
  auto highest = roll_.rank_of(options_.self.name, *roll_.find(options_.self.name), nullptr);
  member_ref found = options_.self;
  for (const auto& [name, row] : roll_.all()) {
    auto rank = roll_.rank_of(name, row, nullptr);
    if (!row.present() || rank < highest) continue;
    highest = std::move(rank);
    found = {name, row.id};
  }
  return found;
}

// Whether it is this node's cluster, its answer tells.
void election::note_cluster(const member_ref& from) {
  if (has_cluster()) return;
  const auto known = in_clusters_.find(from.name);
  if (known != in_clusters_.end() && known->second == from.id) return;
  std::erase_if(in_clusters_, [this](const auto& m) { return !roll_.present({m.first, m.second}); });
  if (in_clusters_.size() >= in_clusters_max) return;
  const bool first = in_clusters_.empty();
  in_clusters_[from.name] = from.id;
  if (first) next_hello_ = std::min(next_hello_, now_ + timing_.hello_gap());
}

void election::consider_founding() {
  const bool one_founds = options_.expected_members == 1;
  if (one_founds && !options_.by_seeds) return propose_founding();
  if (one_founds && now_ < met_last_ + timing_.found_settle()) return;
  std::uint32_t there = 0;
  for (const auto& [name, row] : roll_.all()) {
    if (row.present()) ++there;
  }
  if (one_founds ? there == 1 : there != options_.expected_members) {
    if (there > options_.expected_members && in_clusters_.empty() && hellos_said_ > hellos_before_words) {
      report_refusal(std::to_string(there) + " members are there and none has a record, but expected_members = " +
                     std::to_string(options_.expected_members));
    }
    return;
  }
  if (highest_present() != options_.self) return;
  for (const auto& [name, row] : roll_.all()) {
    if (!row.present() || name == options_.self.name) continue;
    const auto met = greetings_.find(name);
    if (met == greetings_.end() || met->second.id != row.id || met->second.has_record) return;
    if (met->second.expected_members != options_.expected_members) return;
  }
  propose_founding();
}

void election::propose_founding() {
  auto record = std::make_shared<cluster_record>();
  record->cluster = options_.fresh_cluster;
  if (record->cluster.empty()) record->cluster = {rng_.next() | 1U, rng_.next()};
  record->cluster_name = options_.cluster_name;
  record->expected_members = options_.expected_members;
  record->values = options_.founding_values;
  record->at = founding_stamp;
  for (const auto& [name, row] : roll_.all()) {
    if (!row.present() || (options_.expected_members == 1 && name != options_.self.name)) continue;
    const auto id = name == options_.self.name ? voter_.id() : greetings_.at(name).voter;
    record->voters.push_back({id, name, row.address});
  }
  if (const auto fault = fault_of(*record); !fault.empty()) return report_refusal("founding record: " + fault);
  voter_.accept_founding(std::move(record), voter_.id());
  founders_accepted_.clear();
  next_hello_ = now_ + timing_.hello_interval();
  for (const auto& [name, row] : roll_.all()) {  // it leaves when it is on this disk
    if (!row.present() || name == options_.self.name) continue;
    auto found = make(election_kind::found);
    found.cluster = voter_.accepted()->cluster;
    found.record = voter_.accepted();
    send_when_durable({name, row.id}, std::move(found));
  }
}

void election::on_found(const member_ref& from, const election_message& m) {
  const auto& record = *m.record;
  const auto* own_entry = record.voter_named(options_.self.name);
  const bool meant = own_entry != nullptr && own_entry->id == voter_.id() && record.at == founding_stamp &&
                     record.expected_members == options_.expected_members &&
                     record.cluster_name == options_.cluster_name;
  if (!meant) return;
  if (!has_cluster()) {
    for (const auto& v : record.voters) {  // a founder whose disk was lost meanwhile will never complete it
      const auto met = greetings_.find(v.name);
      if (met != greetings_.end() && met->second.voter != v.id) return;
    }
    voter_.accept_founding(m.record, m.voter);
  } else if (voter_.accepted()->cluster != record.cluster) {
    return;
  }
  auto answer = make(election_kind::found_accepted);
  answer.cluster = record.cluster;
  send_when_durable(from, std::move(answer));
}

void election::on_found_accepted(const member_ref&, const election_message& m) {
  if (!voter_.founding() || !voter_.accepted()->has_voter(m.voter)) return;
  founders_accepted_.insert(m.voter);
  consider_founded();
}

void election::consider_founded() {
  if (!has_cluster() || !voter_.founding() || !voter_.accepted_is_durable()) return;
  const auto& voters = voter_.accepted()->voters;
  const bool is_founder = voter_.founder() == voter_.id();
  for (const auto& v : voters) {
    if (v.id == voter_.id() || founders_accepted_.contains(v.id)) continue;
    const auto* row = roll_.find(v.name);
    const bool founder_away = v.id == voter_.founder() && (row == nullptr || !row->present());
    if (is_founder || !founder_away) return;
  }
  voter_.declare_founded();
  for (const auto& v : voters) {
    const auto to = reach(v.name);
    if (to && *to != options_.self) send_when_durable(*to, make(election_kind::founded));
  }
  founding_complete();
}

void election::on_founded(const member_ref&, const election_message& m) {
  if (!has_cluster() || !voter_.founding() || m.cluster.empty()) return;
  voter_.declare_founded();
  founding_complete();
}

void election::founding_complete() {
  refusals_told_.clear();
  greetings_.clear();
  in_clusters_.clear();
  if (phase_ != phase::without_record) return;
  phase_ = phase::waiting_rank;
  deadline_ = now_ + rank_delay();
}

void election::on_hello(const member_ref& from, const election_message& m) {
  const auto reason = fault_of_joiner(from, m);
  if (!reason.empty()) return refuse_joiner(from, reason);
  if (!founded()) {
    greetings_[from.name] = {from.id, m.voter, !m.cluster.empty(), m.founding, m.cluster, m.expected_members};
    if (voter_.founding() && m.cluster == voter_.accepted()->cluster && !m.cluster.empty()) {
      founders_accepted_.insert(m.voter);
      if (!m.founding) return on_founded(from, m);
    }
    const auto* entry = voter_.founding() ? voter_.accepted()->voter_named(from.name) : nullptr;
    if (entry != nullptr && entry->id != m.voter) {
      report_refusal("the founding waits for " + from.name + ", which came back with an empty disk: clear the data " +
                     "directories of all members");
    }
    if (!has_cluster() && !store_) consider_founding();
    return;
  }
  auto answer = make(election_kind::hello);
  answer.cluster_name = options_.cluster_name;
  if (m.cluster.empty() || m.founding) send(from, std::move(answer));
  if (committed_) {
    auto record = make(election_kind::record);
    record.at = committed_->at;
    record.record = committed_;
    send(from, std::move(record));
  }
}

std::string election::fault_of_joiner(const member_ref& from, const election_message& m) const {
  if (m.expected_members != options_.expected_members) {
    return "it has expected_members = " + std::to_string(m.expected_members) + ", this cluster " +
           std::to_string(options_.expected_members);
  }
  if (m.kind == election_kind::hello && m.cluster_name != options_.cluster_name) {
    return "it belongs to a cluster of another name";
  }
  for (const auto& [key, value] : options_.equal_values) {  // of an older version: it does not say
    const auto theirs = m.values.find(key);
    if (theirs != m.values.end() && theirs->second != value) {
      return "it has " + key + " = " + theirs->second + ", this cluster " + value;
    }
  }
  if (!options_.accept_joiners) {
    const auto& record = voter_.accepted();
    if (record == nullptr || record->voter_named(from.name) == nullptr) return "this node runs alone";
  }
  return {};
}

void election::refuse_joiner(const member_ref& from, std::string reason) {
  auto* row = roll_.find(from);
  if (row == nullptr) return;
  if (row->refused && now_ - row->refused_at < timing_.lease) return;
  if (!row->refused) {
    ++counters_.joiners_refused;
    out_->events.emplace_back(joiner_refused{from, reason});
  }
  row->refused = true;
  row->refused_at = now_;
  auto refused = make(election_kind::refused);
  refused.reason = reason.substr(0, record_text_max);
  send(from, std::move(refused));
}

// Said by whoever has another idea of the cluster: to this node a fact to show, nothing to act on.
void election::on_refused(const member_ref& from, const election_message& m) {
  report_refusal("refused by " + from.name + ": " + m.reason);
}

void election::report_refusal(std::string reason) {
  const auto told = refusals_told_.find(reason);
  if (told != refusals_told_.end() && now_ - told->second < refusal_told_again) return;
  if (told == refusals_told_.end() && refusals_told_.size() >= refusals_told_max) refusals_told_.clear();
  refusals_told_[reason] = now_;
  out_->events.emplace_back(bootstrap_refused{std::move(reason)});
}

}  // namespace troupe
