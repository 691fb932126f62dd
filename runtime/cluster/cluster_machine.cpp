#include "runtime/cluster/cluster_machine.hpp"

#include <algorithm>

namespace troupe {

namespace {

constexpr std::string_view votes_file = "votes";
constexpr duration write_retry = std::chrono::seconds(1);

template <class... Handlers>
struct overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
overloaded(Handlers...) -> overloaded<Handlers...>;

election_options options_of(const config& c, const node_identity& self, const cluster_id& fresh) {
  election_options o;
  o.self = {self.name, self.id};
  o.address = self.address;
  o.priority = c.election.priority;
  o.cluster_name = c.cluster.name;
  o.expected_members = c.cluster.expected_members;
  o.accept_joiners = c.cluster.accept_joiners;
  o.lease = c.election.lease > duration::zero() ? c.election.lease : lease_of_profile(c.gossip.profile);
  o.fresh_cluster = fresh;
  o.founding_values = {{"cache.shards", std::to_string(c.cache.shards)}};
  return o;
}

// The member's name that has this PID in the record.
class name_by_pid {
 public:
  explicit name_by_pid(const cluster_record& record) {
    for (const auto& [who, pid] : record.pids) names_[pid] = &who.name;
  }
  [[nodiscard]] std::string operator()(std::uint64_t pid) const {
    const auto it = names_.find(pid);
    return it == names_.end() ? std::string{} : *it->second;
  }
  [[nodiscard]] std::vector<std::string> operator()(const std::vector<std::uint64_t>& pids) const {
    std::vector<std::string> found;
    for (const auto pid : pids) {
      if (auto name = (*this)(pid); !name.empty()) found.push_back(std::move(name));
    }
    return found;
  }

 private:
  std::map<std::uint64_t, const std::string*> names_;
};

shard_placement row_of(std::uint32_t shard, const shard_row& row, const name_by_pid& name) {
  shard_placement p{shard, name(row.primary), name(row.replicas), name(row.in_sync), row.epoch};
  if (!p.primary.empty()) p.in_sync.insert(p.in_sync.begin(), p.primary);
  return p;
}

}  // namespace

std::vector<std::string> cluster_machine::file_names() { return {std::string(votes_file)}; }

expected<std::unique_ptr<cluster_machine>> cluster_machine::make(const config& settings, node_identity self,
                                                                 const files& disk, random rng, time_point now) {
  const auto found = disk.find(std::string(votes_file));
  const auto fresh = [&rng] { return incarnation_id{rng.next(), rng.next()}; };
  auto file = open_vote_file(found == disk.end() ? std::string_view{} : std::string_view(found->second), fresh());
  if (!file) return fail(errc::corrupt, std::string(votes_file) + ": " + file.error().context);
  auto options = options_of(settings, self, fresh());
  leadership lead(settings, std::move(options), std::move(*file), rng.fork(), now);
  return std::unique_ptr<cluster_machine>(new cluster_machine(settings, std::move(self), std::move(lead), now));
}

cluster_machine::cluster_machine(const config& settings, node_identity self, leadership lead, time_point now)
    : settings_(settings), self_(std::move(self)), started_(now), lead_(std::move(lead)) {
  shards_begin_anew_ = lead_.keeps_its_pid();
}

void cluster_machine::on_start(time_point now, cluster_output& out) {
  election_output e;
  lead_.on_start(now, e);
  settle(e, now, out);
  out.picture_changed = true;
}

void cluster_machine::on_datagram(std::string_view, std::string_view, time_point, cluster_output&) {}

void cluster_machine::on_link_message(std::string_view, std::string_view, time_point, cluster_output&) {}

void cluster_machine::on_link_lost(std::string_view, time_point, cluster_output&) {}

void cluster_machine::on_written(std::uint64_t token, bool durable, time_point now, cluster_output& out) {
  if (!unwritten_ || unwritten_->token != token) return;  // a later write of the file is under way
  if (!durable) {
    write_again_ = now + write_retry;
    return;
  }
  unwritten_.reset();
  write_again_ = time_point::max();
  election_output e;
  lead_.on_persisted(token, now, e);
  settle(e, now, out);
}

void cluster_machine::on_tick(time_point now, cluster_output& out) {
  if (now >= write_again_ && unwritten_) {
    write_again_ = time_point::max();
    out.writes.push_back(*unwritten_);
  }
  election_output e;
  lead_.on_tick(now, e);
  settle(e, now, out);
}

time_point cluster_machine::next_tick() const { return std::min(lead_.next_tick(), write_again_); }

void cluster_machine::leave(time_point now, cluster_output& out) {
  election_output e;
  lead_.leave(now, e);
  settle(e, now, out);
  out.departed = true;
}

std::uint64_t cluster_machine::pid() const {
  const auto& record = lead_.record();
  return record ? record->pid_of({self_.name, self_.id}) : 0;
}

// Carries what the election put out into the node's output and lets it move the shard table.
void cluster_machine::settle(election_output& from_election, time_point now, cluster_output& out) {
  if (from_election.persist) {
    unwritten_ = cluster_output::write{std::string(votes_file), std::move(from_election.persist->bytes),
                                       from_election.persist->token};
    out.writes.push_back(*unwritten_);
  }
  bool tend_table = false;
  for (auto& happened : from_election.events) {
    out.picture_changed = true;
    tend_table = true;
    std::visit(
        overloaded{
            [&](const leader_elected& l) {
              out.events.push_back({"leader_elected",
                                    {{"name", l.who.name},
                                     {"pid", std::to_string(l.pid)},
                                     {"term", std::to_string(l.term)},
                                     {"fenced", l.fenced ? "true" : "false"}}});
            },
            [&](const leader_lost& l) {
              out.events.push_back(
                  {"leader_lost", {{"name", l.who.name}, {"term", std::to_string(l.term)}, {"reason", l.reason}}});
            },
            [&](const became_leader&) {},
            [&](const stepped_down& s) {
              out.events.push_back({"stepped_down", {{"term", std::to_string(s.term)}, {"reason", s.reason}}});
            },
            [&](const pid_given& p) {
              out.events.push_back({"pid_given", {{"name", p.who.name}, {"pid", std::to_string(p.pid)}}});
            },
            [&](const record_committed& r) { on_record(*r.record, out); },
            [&](const proposal_ended& p) {
              if (table_proposal_ == p.proposal) table_proposal_.reset();
            },
            [&](const bootstrap_refused& b) {
              out.events.push_back({"join_refused", {{"reason", b.reason}}});
            },
            [&](const joiner_refused& j) {
              out.events.push_back({"joiner_refused", {{"name", j.who.name}, {"reason", j.reason}}});
            },
        },
        happened);
  }
  if (tend_table) keep_table(now, out);
}

void cluster_machine::on_record(const cluster_record& record, cluster_output& out) {
  if (record.shard_table.empty() || shards_begin_anew_) return;
  auto table = decode_shard_table(record.shard_table);
  if (!table || record.at <= table_.stamp) return;
  table_ = std::move(*table);
  table_.stamp = record.at;
  out.table_changed = true;
}

// The leader's duty: a table that gives every shard a living primary.
void cluster_machine::keep_table(time_point now, cluster_output& out) {
  const auto& record = lead_.record();
  if (!lead_.may_act(now) || table_proposal_ || !record) return;
  const stamp next{record->at.term, record->at.epoch + 1};
  shard_table present = table_;
  std::size_t begun_anew = 0;
  if (shards_begin_anew_) {
    const auto before = decode_shard_table(record->shard_table);
    begun_anew = before ? before->rows.size() : 0;
    present = {};
  }
  auto wanted = plan({present, data_members(), settings_.cache.shards, 0, next});
  const bool same = present.rows.size() == wanted.table.rows.size() &&
                    std::equal(present.rows.begin(), present.rows.end(), wanted.table.rows.begin(), same_owners);
  if (same) return;
  election_output e;
  record_change change;
  change.shard_table = encode(wanted.table);
  const auto proposed = lead_.propose(std::move(change), now, e);
  if (!proposed) return;  // the next event of the election leads here again
  table_proposal_ = *proposed;
  shards_begin_anew_ = false;
  for (std::uint32_t s = 0; s < begun_anew; ++s) wanted.lost.push_back(s);
  for (const auto shard : wanted.lost) out.events.push_back({"shard_lost", {{"shard", std::to_string(shard)}}});
  settle(e, now, out);
}

std::vector<placement_member> cluster_machine::data_members() const {
  std::vector<placement_member> members;
  if (settings_.has_service("cache") && pid() != 0) members.push_back({pid(), 1, {}});
  return members;
}

void cluster_machine::describe(cluster_view& view, wall_time (*wall)(time_point)) const {
  view.pid = pid();
  member self{
      self_.name,          self_.id,      view.pid, member_state::alive, 0, self_.address, settings_.node.services,
      settings_.node.tags, wall(started_)};
  view.members = {std::move(self)};
  view.leader_now.reset();
  if (const auto& l = lead_.leader_now()) {
    view.leader_now = leader{l->who.name, l->pid, l->term, l->fenced, l->fenced_reason, wall(l->since)};
  }
  view.shards.clear();
  const auto& record = lead_.record();
  if (!record) return;
  const name_by_pid name(*record);
  for (std::uint32_t s = 0; s < table_.rows.size(); ++s) view.shards.push_back(row_of(s, table_.rows[s], name));
  for (auto& service : view.services) {
    service.nodes.clear();
    for (const auto& m : view.members) {
      if (std::find(m.services.begin(), m.services.end(), service.name) != m.services.end())
        service.nodes.push_back(m.name);
    }
  }
}

}  // namespace troupe
