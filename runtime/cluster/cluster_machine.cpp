#include "runtime/cluster/cluster_machine.hpp"

#include <algorithm>
#include <utility>

#include <troupe/version.hpp>

#include "runtime/durability/holders_file.hpp"

namespace troupe {

namespace {

constexpr std::string_view votes_file = "votes";
constexpr duration write_retry = std::chrono::seconds(1);

bool leads_by_store(const config& c) { return c.kvs.type != "votes" && c.kvs.type != "local_standalone"; }

duration lease_of(const config& c) {
  if (c.election.lease > duration::zero()) return c.election.lease;
  const auto lease = lease_of_profile(c.gossip.profile);
  return leads_by_store(c) ? std::max(lease, store_lease_min) : lease;
}

election_options options_of(const config& c, const node_identity& self, const cluster_id& fresh) {
  election_options o;
  o.self = {self.name, self.id};
  o.address = self.address;
  o.priority = c.election.priority;
  o.take_over = c.election.take_over;
  o.hold_down = c.election.hold_down;
  o.cluster_name = c.cluster.name;
  o.expected_members = c.cluster.expected_members;
  o.accept_joiners = c.cluster.accept_joiners;
  o.lease = lease_of(c);
  if (leads_by_store(c)) o.store_kind = c.kvs.type;
  o.founds_alone = c.cluster.seeds.empty() && !self.more_seeds;
  o.by_seeds = !o.founds_alone;
  o.fresh_cluster = fresh;
  o.founding_values = {{"cache.shards", std::to_string(c.cache.shards)}};
  o.equal_values = o.founding_values;
  o.equal_values["election.lease"] =
      std::to_string(std::chrono::floor<std::chrono::milliseconds>(o.lease).count()) + "ms";
  o.equal_values["kvs.type"] = c.kvs.type;
  return o;
}

membership::local_member local_of(const config& c, const node_identity& self) {
  membership::local_member m;
  m.cluster = c.cluster.name;
  m.name = self.name;
  m.address = self.address;
  m.id = self.id;
  m.first_incarnation = self.first_incarnation;
  m.expected_members = c.cluster.expected_members;
  m.accept_joiners = c.cluster.accept_joiners;
  m.told.services = c.node.services;
  m.told.tags = c.node.tags;
  m.told.meta = std::to_string(c.election.priority);
  return m;
}

split_brain::settings split_settings_of(const config& c) {
  const auto quorum = c.cluster.split_quorum != 0 ? c.cluster.split_quorum : c.cluster.expected_members / 2 + 1;
  return {split_policy_of(c.cluster.split_policy), quorum, c.cluster.split_settle};
}

hand_over_limits limits_of(const config& c) {
  hand_over_limits l;
  l.rate_max = c.cache.copy_rate_max;
  return l;
}

}  // namespace

std::vector<std::string> cluster_machine::file_names() { return {std::string(votes_file), std::string(holders_file)}; }

expected<std::unique_ptr<cluster_machine>> cluster_machine::make(const config& settings, node_identity self,
                                                                 shard_contents& contents, const files& disk,
                                                                 random rng, time_point now) {
  const auto found = disk.find(std::string(votes_file));
  const auto fresh = [&rng] { return incarnation_id{rng.next(), rng.next()}; };
  auto file = open_vote_file(found == disk.end() ? std::string_view{} : std::string_view(found->second), fresh());
  if (!file) return fail(errc::corrupt, std::string(votes_file) + ": " + file.error().context);
  const bool had_record = file->accepted != nullptr;
  const auto local = local_of(settings, self);
  if (auto sound = check(local); !sound) return tl::unexpected(std::move(sound.error()));
  const auto gossip = membership::settings_of(settings.gossip);
  if (!gossip) return tl::unexpected(gossip.error());
  membership::swim members(local, *gossip, rng.fork());
  leadership lead(settings, options_of(settings, self, fresh()), std::move(*file), rng.fork(), now);
  const auto holders_found = disk.find(std::string(holders_file));
  auto holders = decode_holders(holders_found == disk.end() ? std::string_view{} : holders_found->second);
  if (!holders) return fail(errc::corrupt, std::string(holders_file) + ": " + holders.error().context);
  return std::unique_ptr<cluster_machine>(
      new cluster_machine(settings, std::move(self), contents,
                          {std::move(members), std::move(lead), had_record, rng.fork(), std::move(*holders)}, now));
}

cluster_machine::cluster_machine(const config& settings, node_identity self, shard_contents& contents, parts p,
                                 time_point now)
    : settings_(settings),
      self_(std::move(self)),
      started_(now),
      talk_(self_.name, self_.id, TROUPE_VERSION_STRING, p.rng),
      members_(std::move(p.members)),
      lead_(std::move(p.lead)),
      claims_({self_.name, self_.id}, p.rng.next() >> 8U),
      lease_(lease_of(settings)),
      beats_(election_timing{lease_}.renewal()),
      split_(split_settings_of(settings)),
      moves_(contents, limits_of(settings)),
      had_record_(p.had_record),
      seeds_(settings.cluster.seeds),
      seeds_complete_(!self_.more_seeds),
      restoration_(settings.cache.restore_wait),
      held_(contents.restored()),
      shards_begin_anew_(lead_.keeps_its_pid()) {
  members_.set_rider(&talk_);
  if (held_.pids.empty()) held_.pids = std::move(p.holders);
}

void cluster_machine::on_start(time_point now, cluster_output& out) {
  consider_leading(now);
  members_.join(seeds_, now, m_, !seeds_complete_);
  settle(now, out);
}

void cluster_machine::on_datagram(std::string_view from, std::string_view bytes, time_point now, cluster_output& out) {
  members_.on_packet(from, membership::channel::datagram, bytes, now, m_);
  settle(now, out);
}

void cluster_machine::on_link_message(const member_ref& from, std::string_view address, std::string_view bytes,
                                      time_point now, cluster_output& out) {
  if (bytes.empty()) return;
  const auto body = bytes.substr(1);
  switch (static_cast<link_tag>(bytes.front())) {
    case link_tag::membership: members_.on_packet(address, membership::channel::stream, body, now, m_); break;
    case link_tag::election:
      beats_.on_message(from.name, now);
      lead_.on_message(from, body, now, e_);
      break;
    case link_tag::holdings: on_holdings(from, body); break;
    case link_tag::locks: on_lock_message(from, body, now); break;
    case link_tag::shards: {
      const auto& record = lead_.record();
      moves_.on_message(record ? record->pid_of(from) : 0, body, now <= serve_until(), now, moves_out_);
      break;
    }
  }
  settle(now, out);
}

void cluster_machine::on_store(const store_answer& answer, time_point now, cluster_output& out) {
  lead_.on_store(answer, now, e_);
  settle(now, out);
}

void cluster_machine::on_store_changed(time_point now, cluster_output& out) {
  lead_.on_store_changed(now, e_);
  settle(now, out);
}

void cluster_machine::on_adopted(time_point now, cluster_output& out) {
  adopted_ = table_.stamp;
  moves_.on_table(table_, pid(), now, moves_out_);
  settle(now, out);
}

void cluster_machine::on_link_lost(std::string_view name, membership::link_loss how, time_point now,
                                   cluster_output& out) {
  members_.on_link_lost(name, how, now, m_);
  settle(now, out);
}

void cluster_machine::on_link_refused(std::string_view address, time_point now, cluster_output& out) {
  members_.on_link_refused(address, now, m_);
  settle(now, out);
}

void cluster_machine::force_leave(std::string_view name, time_point now, cluster_output& out) {
  if (const auto asked = members_.force_leave(name, now, m_); !asked) {
    out.events.push_back({"force_leave_refused", {{"name", std::string(name)}, {"reason", asked.error().context}}});
  }
  settle(now, out);
}

expected<void> cluster_machine::transfer(const std::string& name, time_point now, cluster_output& out) {
  auto begun = lead_.transfer(name, now, e_);
  settle(now, out);
  return begun;
}

void cluster_machine::on_written(std::uint64_t token, bool durable, time_point now, cluster_output& out) {
  if ((token & holders_token) != 0) {
    on_holders_written(token & ~holders_token, durable, now);
    return settle(now, out);
  }
  if (!unwritten_ || unwritten_->token != token) return;  // a later write of the file is under way
  if (!durable) {
    write_again_ = now + write_retry;
    return;
  }
  unwritten_.reset();
  write_again_ = time_point::max();
  lead_.on_persisted(token, now, e_);
  settle(now, out);
}

void cluster_machine::on_tick(time_point now, cluster_output& out) {
  if (now >= write_again_ && unwritten_) {
    write_again_ = time_point::max();
    out.writes.push_back(*unwritten_);
  }
  if (now >= table_again_) tend_table_ = true;
  members_.on_tick(now, m_);
  for (const auto& name : beats_.take_silent(now))
    members_.on_link_lost(name, membership::link_loss::timed_out, now, m_);
  talk_.on_tick(now);
  if (lead_started_) lead_.on_tick(now, e_);
  moves_.on_tick(now, moves_out_);
  settle(now, out);
}

time_point cluster_machine::next_tick() const {
  const auto lead_tick = lead_started_ ? lead_.next_tick() : time_point::max();
  return std::min({members_.next_tick(), lead_tick, write_again_, table_again_, moves_.next_tick(),
                   departure_waits_until_, beats_.next_tick(), split_.next_tick(), talk_.next_tick(), next_lock_tick(),
                   holdings_again_});
}

void cluster_machine::on_seeds(std::vector<std::string> addresses, bool complete, time_point now, cluster_output& out) {
  seeds_ = std::move(addresses);
  seeds_complete_ = complete;
  give_seeds(now);
  settle(now, out);
}

void cluster_machine::give_seeds(time_point now) {
  auto all = seeds_;
  if (!store_seed_.empty()) all.push_back(store_seed_);
  members_.set_seeds(std::move(all), seeds_complete_, now, m_);
}

bool cluster_machine::knows_foreign_seeds() const {
  return std::any_of(seeds_.begin(), seeds_.end(), [this](const auto& s) { return s != self_.address; });
}

// A node that was told seeds belongs to their cluster: until one of them accepted it, it founds none of
// its own, or a refused joiner would lead a cluster that nobody asked for. The same while a source of
// seeds has not answered yet. With a leader store it looks there meanwhile: the leader is found by that.
void cluster_machine::consider_leading(time_point now) {
  if (may_lead_) return;
  const bool alone = seeds_complete_ && !knows_foreign_seeds();
  may_lead_ = alone || had_record_ || members_.joined();
  if (!may_lead_ && !lead_.in_store()) return;
  keep_aside(now);
  if (!std::exchange(lead_started_, true)) lead_.on_start(!alone, now, e_);
}

void cluster_machine::keep_aside(time_point now) {
  const bool guest = lead_.in_store() && !may_lead_;
  const bool aside = guest || split_.stands_aside();
  if (std::exchange(aside_, aside) != aside) lead_.stand_aside(aside, now, e_);
}

// A lease counts beside the table of its record, so only when the stores go by that. One that they refuse, that cannot
// be read, or that may not be decided by yet (may_decide_by) ends the serving here with the leases that this node had
// before: the others go by that table.
time_point cluster_machine::serve_until() const {
  if (split_.stands_aside()) return time_point::min();
  return goes_by_record() ? lead_.serve_until() : std::min(served_until_, lead_.serve_until());
}

bool cluster_machine::goes_by_record() const {
  const auto& record = lead_.record();
  return !record || record->shard_table.empty() || shards_begin_anew_ || record->at <= adopted_;
}

std::uint64_t cluster_machine::pid() const {
  const auto& record = lead_.record();
  return record ? record->pid_of({self_.name, self_.id}) : 0;
}

// Each machine's output feeds the others until all are quiet. It ends: no rule here answers an event
// with one that leads back to it.
void cluster_machine::settle(time_point now, cluster_output& out) {
  do {
    const auto heard = std::move(m_.events);
    m_.events.clear();
    for (const auto& event : heard) on_membership(event, now, out);
    consider_leading(now);
    const auto& leader = lead_.leader_now();
    moves_.on_leader(leader ? leader->pid : 0, now, moves_out_);
    const auto decided = std::move(e_.events);
    e_.events.clear();
    for (const auto& event : decided) on_election(event, now, out);
    carry_election(out);
    carry_moves(out);
    tell_holdings(now, out);
    if (tend_table_) keep_table(now, out);
    tend_locks(now, out);
    consider_split(now, out);
    consider_departure(now, out);
    tell_others(now);
  } while (!m_.events.empty() || !e_.events.empty() || e_.persist || e_.store || !e_.packets.empty() ||
           !moves_out_.messages.empty() || !moves_out_.words.empty());
  if (goes_by_record()) served_until_ = lead_.serve_until();
  carry_talk(now, out);
  carry_packets(out);
  if (join_attempts_ != members_.counts().join_attempts) {
    join_attempts_ = members_.counts().join_attempts;
    out.seeds_wanted = true;
  }
  if (pictured_ != members_.version()) {
    pictured_ = members_.version();
    out.picture_changed = true;
  }
}

void cluster_machine::carry_packets(cluster_output& out) {
  for (auto& p : m_.packets) {
    if (p.how == membership::channel::datagram) {
      out.datagrams.push_back({std::move(p.address), std::move(p.bytes)});
    } else {
      out.link_messages.push_back({std::move(p.address), {}, static_cast<char>(link_tag::membership) + p.bytes});
    }
  }
  m_.packets.clear();
}

void cluster_machine::carry_election(cluster_output& out) {
  if (e_.persist) {
    unwritten_ = cluster_output::write{std::string(votes_file), std::move(e_.persist->bytes), e_.persist->token};
    out.writes.push_back(*unwritten_);
    e_.persist.reset();
  }
  if (e_.store) out.store = std::move(e_.store);
  e_.store.reset();
  for (auto& p : e_.packets) {
    const auto* to = members_.find(p.to.name);
    if (to == nullptr || to->id != p.to.id) continue;  // not known any more: as if the packet were lost
    out.link_messages.push_back({to->address, to->id, static_cast<char>(link_tag::election) + p.bytes});
  }
  e_.packets.clear();
}

void cluster_machine::carry_moves(cluster_output& out) {
  for (const auto& w : moves_out_.words) {
    words_[{w.shard, w.to}] = w;
    tend_table_ = true;
  }
  moves_out_.words.clear();
  if (moves_out_.messages.empty()) return;
  const auto addresses = addresses_by_pid();
  for (auto& m : moves_out_.messages) {
    const auto to = addresses.find(m.to);
    if (to == addresses.end()) continue;  // as if the packet were lost
    out.link_messages.push_back(
        {to->second.address, to->second.id, static_cast<char>(link_tag::shards) + m.bytes, true});
  }
  moves_out_.messages.clear();
}

// What the others should hear of this node through gossip.
void cluster_machine::tell_others(time_point now) {
  (void)members_.set_local_digest(lead_.digest());
  if (const auto mine = pid(); mine != told_pid_) {
    told_pid_ = mine;
    auto told = members_.self().told;
    told.pid = mine;
    (void)members_.set_local(std::move(told), now, m_);
  }
}

}  // namespace troupe
