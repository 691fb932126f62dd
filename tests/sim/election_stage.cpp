#include "tests/sim/election_stage.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

constexpr auto beat_interval = 100ms;
constexpr auto beat_timeout = 900ms;
constexpr const char* vote_path = "vote";

std::string name_of(node_index n) { return "n" + std::to_string(100 + n); }

std::optional<node_index> node_named(const std::string& name) {
  node_index n = 0;
  const auto end = name.data() + name.size();
  if (name.size() < 2 || std::from_chars(name.data() + 1, end, n).ptr != end) return std::nullopt;
  return n - 100;
}

void put(const incarnation_id& id, std::string& out) { out += to_string(id); }

incarnation_id take_id(std::string_view& bytes) {
  const auto id = parse_incarnation_id(bytes.substr(0, 32));
  bytes.remove_prefix(std::min<std::size_t>(32, bytes.size()));
  return id;
}

const bool packets_traced = std::getenv("TROUPE_SIM_PACKETS") != nullptr;

std::string line_of(const std::string& to, const election_message& m) {
  const auto text = [](const stamp& at) { return std::to_string(at.term) + "," + std::to_string(at.epoch); };
  return "to " + to + ": " + std::string(troupe::name_of(m.kind)) + " term " + std::to_string(m.term) + " at " +
         text(m.at) + (m.record ? " with " + text(m.record->at) : "") + (m.granted ? " granted" : "") +
         (m.why == refusal::none ? "" : " refused " + std::to_string(static_cast<int>(m.why)));
}

std::string voters_of(const cluster_record& r) {
  std::string text;
  for (const auto& v : r.voters) text += " " + v.name + "/" + std::to_string(v.id.low % 1000);
  return text;
}

std::string describe(const cluster_record& r) {
  const auto& table = r.shard_table;
  return "record (" + std::to_string(r.at.term) + ", " + std::to_string(r.at.epoch) + ") pids " +
         std::to_string(r.highest_pid) + " bytes " + std::to_string(table.size()) + " ending " +
         table.substr(table.size() - std::min<std::size_t>(table.size(), 40));
}

}  // namespace

election_process::election_process(node_index self, std::uint32_t, election_setup setup, outside& out, random rng,
                                   election_witness& witness)
    : self_(self), setup_(setup), out_(out), rng_(rng), witness_(witness) {
  id_ = {rng_.next() | 1U, rng_.next()};
}

void election_process::on_start(time_point now) {
  now_ = now;
  const auto found = out_.files().find(vote_path);
  const auto bytes = found == out_.files().end() ? std::string() : found->second;
  auto file = open_vote_file(bytes, {rng_.next() | 1U, rng_.next()});
  election_options options;
  options.self = {name_of(self_), id_};
  options.address = name_of(self_) + ":7070";
  options.priority = setup_.priority_of(self_);
  options.take_over = setup_.take_over;
  options.hold_down = 3s;
  options.expected_members = setup_.expected_members;
  options.lease = setup_.lease;
  options.fresh_cluster = {rng_.next() | 1U, rng_.next()};
  machine_ = std::make_unique<election>(options, *file, rng_.fork(), now);
  next_beat_ = now;
  on_tick(now);
}

time_point election_process::next_tick() const {
  return std::min({next_beat_, exit_at_, machine_ ? machine_->next_tick() : time_point::max()});
}

void election_process::on_tick(time_point now) {
  now_ = now;
  if (now >= exit_at_) finished_ = true;
  if (now >= next_beat_) beat(now);
  with(now, [&](election& e, election_output& o) { e.on_tick(now, o); });
  if (machine_->next_tick() <= now) witness_.on_idle_tick(self_, machine_->phase_name());
  if (setup_.proposes) propose(now);
}

void election_process::beat(time_point now) {
  next_beat_ = now + beat_interval;
  std::string bytes;
  put(id_, bytes);
  bytes.push_back(exit_at_ == time_point::max() ? 'a' : 'd');
  bytes += machine_->digest();
  for (node_index n = 0; n < setup_.nodes; ++n) {
    if (n != self_) out_.send(n, channel::datagram, bytes);
  }
  for (auto& [n, p] : peers_) {
    const bool believed = p.told == member_state::alive;
    if (believed && (now - p.heard > beat_timeout || rng_.chance(setup_.false_alarms))) {
      tell(n, member_state::failed, now);
    }
  }
}

void election_process::on_beat(node_index from, std::string_view bytes, time_point now) {
  const auto id = take_id(bytes);
  if (id.empty() || bytes.empty()) return;
  const auto state = bytes[0] == 'a' ? member_state::alive : member_state::departed;
  auto& p = peers_[from];
  p.heard = now;
  if (p.id != id || p.told != state) {
    p.id = id;
    tell(from, state, now);
  }
  with(now, [&](election& e, election_output& o) { e.on_digest({name_of(from), id}, bytes.substr(1), now, o); });
}

void election_process::tell(node_index about, member_state state, time_point now) {
  auto& p = peers_[about];
  p.told = state;
  with(now, [&](election& e, election_output& o) {
    e.on_member({{name_of(about), p.id}, state, name_of(about) + ":7070", setup_.priority_of(about)}, now, o);
  });
}

void election_process::on_packet(node_index from, channel how, std::string_view bytes, time_point now) {
  now_ = now;
  if (how == channel::datagram) return on_beat(from, bytes, now);
  const auto sender = take_id(bytes);
  if (take_id(bytes) != id_) return;  // meant for an earlier process
  with(now, [&](election& e, election_output& o) { e.on_message({name_of(from), sender}, bytes, now, o); });
}

void election_process::leave(time_point now) {
  exit_at_ = now + 1s;
  with(now, [&](election& e, election_output& o) { e.leave(now, o); });
}

void election_process::with(time_point now, const std::function<void(election&, election_output&)>& act) {
  now_ = now;
  election_output o;
  act(*machine_, o);
  carry_out(o, now);
}

void election_process::carry_out(election_output& o, time_point) {
  for (auto& packet : o.packets) {
    const auto to = node_named(packet.to.name);
    const auto m = decode_election_message(packet.bytes);
    if (!to || !m) {
      out_.trace("undecodable packet");
      continue;
    }
    witness_.on_sent(self_, *m);
    if (packets_traced) out_.trace(line_of(packet.to.name, *m));
    if (m->granted) witness_.on_granted(self_, *m, out_.files());
    std::string bytes;
    put(id_, bytes);
    put(packet.to.id, bytes);
    out_.send(*to, channel::stream, bytes + packet.bytes);
  }
  if (o.persist) {
    out_.write(vote_path, o.persist->bytes, [this, token = o.persist->token] {
      with(now_, [&](election& e, election_output& more) { e.on_persisted(token, now_, more); });
    });
  }
  for (const auto& e : o.events) {
    if (const auto* end = std::get_if<proposal_ended>(&e); end != nullptr && proposal_ == end->proposal) {
      proposal_.reset();
    }
    witness_.on_event(self_, e);
  }
}

// Everyone who leads appends to the shard table: what is committed once must be in every later one.
void election_process::propose(time_point now) {
  if (proposal_ || !machine_->may_act(now) || !machine_->record() || !rng_.chance(0.3)) return;
  auto table = machine_->record()->shard_table + name_of(self_) + "." + std::to_string(id_.low % 1000) + "." +
               std::to_string(++items_) + ";";
  election_output o;
  const auto number = machine_->propose({.shard_table = std::move(table), .values = {}}, now, o);
  if (number) proposal_ = *number;
  carry_out(o, now);
}

// --- the checker

void election_checker::fail(const std::string& what) { w_->fail(what); }

void election_checker::on_step(world& w, node_index changed) {
  auto* p = w.process_of<election_process>(changed);
  if (p == nullptr || !p->started()) return;
  const auto& vote = p->machine().vote();
  auto& before = memories_[changed];
  if (vote.promised() < before.promised) fail("a promise went down");
  if (vote.accepted_at() < before.accepted) fail("an accepted stamp went down");
  before.promised = vote.promised();
  before.accepted = vote.accepted_at();
  auto& durable = floors_[vote.id()];
  if (vote.promised() < durable.promised || vote.accepted_at() < durable.accepted) fail("a disk forgot");
  if (vote.durable() == vote.version()) durable = {vote.promised(), vote.accepted_at()};
  if (const auto& l = p->machine().leader_now(); l) {
    if (l->term < before.leader_term) fail("a lower term was followed");
    before.leader_term = l->term;
  }
  if (p->machine().leading()) {
    const auto who = std::pair(changed, w.starts(changed));
    const auto [first, inserted] = leaders_.emplace(p->machine().leader_now()->term, who);
    if (first->second != who) fail("two leaders of term " + std::to_string(first->first));
    if (inserted) ++terms;
  }
  check_leaders(w);
}

// By true time: each machine is asked with its own clock of this very moment.
void election_checker::check_leaders(world& w) {
  std::optional<node_index> acting;
  for (node_index n = 0; n < w.size(); ++n) {
    const auto* p = w.process_of<election_process>(n);
    if (p == nullptr || !p->started() || !p->machine().may_act(w.clock_of(n))) continue;
    if (acting) fail("nodes " + std::to_string(*acting) + " and " + std::to_string(n) + " lead at the same instant");
    acting = n;
  }
  if (!acting) return;
  const auto& leading = w.process_of<election_process>(*acting)->machine();
  for (node_index n = 0; n < w.size(); ++n) {
    const auto* p = w.process_of<election_process>(n);
    if (n == *acting || p == nullptr || !p->started()) continue;
    if (p->machine().own_lease().until <= w.clock_of(n)) continue;
    if (leading.lease_may_run_until(name_of(n)) <= w.clock_of(*acting)) {
      fail("node " + std::to_string(n) + " has a lease that the leader " + std::to_string(*acting) + " takes for over");
    }
  }
}

void election_checker::on_gone(world&, node_index gone) { memories_.erase(gone); }

void election_checker::check_record(node_index n, const record_ptr& record) {
  const auto [at, inserted] = committed_.emplace(record->at, record);
  if (!inserted) {
    if (*at->second != *record) fail("node " + std::to_string(n) + ": two committed records share a stamp");
    return;
  }
  const auto contains = [](const cluster_record& later, const cluster_record& earlier) {
    return later.shard_table.starts_with(earlier.shard_table) && later.highest_pid >= earlier.highest_pid &&
           later.cluster == earlier.cluster;
  };
  const auto compare = [&](const cluster_record& later, const cluster_record& earlier) {
    if (!contains(later, earlier)) fail(describe(later) + " does not contain " + describe(earlier));
  };
  if (at != committed_.begin()) compare(*record, *std::prev(at)->second);
  if (std::next(at) != committed_.end()) compare(*std::next(at)->second, *record);
  for (const auto& [who, pid] : record->pids) {
    if (pids_.emplace(pid, who).first->second != who) fail("PID " + std::to_string(pid) + " was given twice");
  }
}

void election_checker::on_event(node_index n, const election_event& e) {
  const auto note = [&](const std::string& what) { w_->trace("node " + std::to_string(n) + ": " + what); };
  if (const auto* c = std::get_if<record_committed>(&e)) {
    check_record(n, c->record);
    if (const auto voters = voters_of(*c->record); voters != voters_seen_[n]) {
      voters_seen_[n] = voters;
      note("voters at " + std::to_string(c->record->at.term) + "," + std::to_string(c->record->at.epoch) + voters);
    }
  } else if (const auto* p = std::get_if<proposal_ended>(&e)) {
    if (p->result) ++acknowledged;
  } else if (const auto* l = std::get_if<became_leader>(&e)) {
    note("leads term " + std::to_string(l->term));
  } else if (const auto* s = std::get_if<stepped_down>(&e)) {
    note("stepped down from term " + std::to_string(s->term) + ": " + s->reason);
  } else if (const auto* o = std::get_if<leader_lost>(&e)) {
    note("lost leader " + o->who.name + ": " + o->reason);
  } else if (const auto* f = std::get_if<leader_elected>(&e)) {
    note("follows " + f->who.name + " in term " + std::to_string(f->term));
  } else if (const auto* r = std::get_if<bootstrap_refused>(&e)) {
    note("refused: " + r->reason);
  }
}

void election_checker::on_granted(node_index n, const election_message& m, const disk& files) {
  const bool promise = m.kind == election_kind::term_answer;
  if (!promise && m.kind != election_kind::accept_answer && m.kind != election_kind::renew_answer) return;
  const auto found = files.find(vote_path);
  auto& [bytes, file] = files_seen_[n];  // decoded again only when it changed
  if (found != files.end() && bytes != found->second) {
    bytes = found->second;
    const auto decoded = decode_vote_file(bytes);
    file = decoded ? std::optional(*decoded) : std::nullopt;
  }
  const bool durable = found != files.end() && file && file->voter == m.voter && file->promised >= m.term &&
                       (m.kind != election_kind::accept_answer || (file->accepted && file->accepted->at >= m.at));
  if (!durable) fail("node " + std::to_string(n) + " answered before its disk: " + std::string(name_of(m.kind)));
}

void election_checker::on_idle_tick(node_index n, std::string_view phase) {
  fail("node " + std::to_string(n) + ": a tick that leads nowhere, " + std::string(phase));
}

void election_checker::on_sent(node_index, const election_message& m) { ++sent[m.kind]; }

// --- the stage

election_stage::election_stage(world_options options, election_setup given)
    : setup(given), w(options, [this](node_index n, std::uint32_t start, outside& out, random rng) {
        auto own = setup;
        own.nodes = w.size();
        return std::make_unique<election_process>(n, start, own, out, rng, checks);
      }) {
  checks.attach(w);
}

std::optional<node_index> election_stage::leader() {
  std::optional<std::string> name;
  for (node_index n = 0; n < w.size(); ++n) {
    if (!w.running(n)) continue;
    const auto& l = at(n).leader_now();
    if (!l || (name && *name != l->who.name)) return std::nullopt;
    name = l->who.name;
  }
  const auto n = name ? node_named(*name) : std::nullopt;
  if (!n || !w.running(*n) || !at(*n).may_act(w.clock_of(*n))) return std::nullopt;
  return n;
}

bool election_stage::settled() {
  const auto l = leader();
  if (!l) return false;
  const auto record = at(*l).record();
  if (!record || record->voters.size() != setup.expected_members) return false;
  for (node_index n = 0; n < w.size(); ++n) {
    if (!w.running(n)) continue;
    if (!at(n).record() || at(n).record()->at.term != record->at.term || at(n).pid() == 0) return false;
  }
  return std::all_of(record->voters.begin(), record->voters.end(), [&](const record_voter& v) {
    const auto n = node_named(v.name);
    return n && w.running(*n) && at(*n).vote().id() == v.id;
  });
}

std::optional<node_index> election_stage::acting() {
  for (node_index n = 0; n < w.size(); ++n) {
    if (w.running(n) && process(n)->started() && at(n).may_act(w.clock_of(n))) return n;
  }
  return std::nullopt;
}

void election_stage::ask_for_hand_over() {
  const auto at_node = static_cast<node_index>(w.rng().below(w.size()));
  const auto to = static_cast<node_index>(w.rng().below(w.size() + 1));
  if (!w.running(at_node) || w.paused(at_node) || !process(at_node)->started()) return;
  w.trace("node " + std::to_string(at_node) + " asks for a hand-over to " + (to < w.size() ? name_of(to) : "any"));
  act(at_node, [&](election& e, election_output& out) {
    (void)e.transfer(to < w.size() ? name_of(to) : std::string(), w.clock_of(at_node), out);
  });
}

void election_stage::act(node_index n, const std::function<void(election&, election_output&)>& what) {
  w.with_process(n, [&](sim::process& p, time_point now) { static_cast<election_process&>(p).with(now, what); });
}

}  // namespace troupe::sim
