#include "tests/sim/cluster_process.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include <gtest/gtest.h>

#include "runtime/durability/holders_file.hpp"
#include "runtime/membership/first_incarnation.hpp"
#include "tests/sim/fault_plan.hpp"

namespace troupe::sim {

namespace {

using namespace std::chrono_literals;

constexpr node_index seed_nodes = 3;
constexpr std::size_t id_bytes = 16;
constexpr shard_set all_shards = std::numeric_limits<shard_set>::max();

std::string name_of(node_index n) { return "n" + std::to_string(n); }
std::string address_of(node_index n) { return name_of(n) + ":7070"; }

/// UINT32_MAX for an address that nobody has: the world drops what is sent there.
node_index node_at(std::string_view address) {
  node_index n = std::numeric_limits<node_index>::max();
  if (address.starts_with('n')) std::from_chars(address.data() + 1, address.data() + address.size(), n);
  return n;
}

void put(const incarnation_id& id, std::string& to) {
  for (const auto part : {id.high, id.low}) {
    for (int shift = 0; shift < 64; shift += 8) to.push_back(static_cast<char>(part >> shift & 0xff));
  }
}

incarnation_id take_id(std::string_view& from) {
  incarnation_id id;
  for (auto* part : {&id.high, &id.low}) {
    for (int shift = 0; shift < 64; shift += 8) {
      *part |= std::uint64_t{static_cast<unsigned char>(from.front())} << shift;
      from.remove_prefix(1);
    }
  }
  return id;
}

config config_of(node_index n, std::uint32_t nodes, const std::string& profile) {
  config c;
  c.node.name = name_of(n);
  c.node.services = {"cache"};
  c.cluster.name = "simulated";
  c.cluster.expected_members = nodes;
  for (node_index s = 0; s < std::min(seed_nodes, nodes); ++s) c.cluster.seeds.push_back(address_of(s));
  c.gossip.profile = profile;
  c.cache.shards = simulated_shards;
  return c;
}

}  // namespace

cluster_process::cluster_process(node_index self, config settings, outside& out, random rng)
    : self_(self), settings_(std::move(settings)), out_(out), rng_(rng) {
  id_ = {rng_.next() | 1U, rng_.next()};
  const auto declared = settings_.caches.find("default");
  if (declared == settings_.caches.end() || declared->second.replicas != replicas_everywhere) return;
  copies_ = std::make_unique<simulated_copies>(stores_, simulated_shards, rng_.fork());
  for (std::uint32_t s = 0; s < simulated_shards; ++s) stores_.at(s).tell_changes(copies_.get());
}

void cluster_process::on_start(time_point now) {
  now_ = now;
  if (log_ != nullptr) {
    journal_ = std::make_unique<simulated_journal>(*log_, stores_, rng_.fork());
    const auto file = out_.files().find(std::string(holders_file));
    auto holders = decode_holders(file == out_.files().end() ? std::string_view() : std::string_view(file->second));
    fault_ = holders ? journal_->load(std::move(*holders), now) : "the holders' file was refused";
    if (!fault_.empty()) return;
  }
  node_identity self{name_of(self_), id_, address_of(self_), false,
                     membership::first_incarnation_at(out_.time_of_day())};
  auto made = cluster_machine::make(settings_, std::move(self), stores_, out_.files(), rng_.fork(), now);
  if (!made) {
    fault_ = "the disk was refused: " + made.error().context;
    return;
  }
  machine_ = std::move(*made);
  if (leader_store_ != nullptr) {
    leader_store_->watch(self_, [this](std::optional<std::uint64_t> version) {
      const auto sight = machine_->lead().sight_of_store();
      if (version && (!sight || sight->version == *version)) return;  // as actors/cluster/store_watch
      with(leader_store_->clock_of(self_), [this](auto& m, auto& out) { m.on_store_changed(now_, out); });
    });
  }
  machine_->on_start(now, output_);
  carry_out();
}

void cluster_process::on_packet(node_index from, channel how, std::string_view bytes, time_point now) {
  now_ = now;
  if (!machine_) return;
  if (how == channel::datagram) {
    machine_->on_datagram(address_of(from), bytes, now, output_);
  } else {
    if (bytes.size() < 2 * id_bytes) return;
    const auto sender = take_id(bytes);
    const auto meant = take_id(bytes);
    if (!meant.empty() && meant != id_) return;  // for an earlier process
    const bool of_grains = !bytes.empty() && grains_ != nullptr && simulated_grains::is_mine(bytes.front());
    const bool of_copies = !bytes.empty() && copies_ != nullptr && simulated_copies::is_mine(bytes.front());
    if (!bytes.empty() && (bytes.front() == writes_tag || bytes.front() == answers_tag || of_copies || of_grains)) {
      const auto& record = machine_->lead().record();
      const auto pid = record ? record->pid_of({name_of(from), sender}) : 0;
      if (of_grains)
        grains_->on_message(pid, bytes, now);
      else if (of_copies)
        copies_->on_message(pid, bytes, now <= machine_->serve_until(), now);
      else if (bytes.front() == writes_tag)
        take_writes(pid, bytes.substr(1));
      else
        take_answers(pid, bytes.substr(1));
      return carry_out();
    }
    machine_->on_link_message({name_of(from), sender}, address_of(from), bytes, now, output_);
  }
  carry_out();
}

void cluster_process::on_link_ended(node_index peer, bool closed, time_point now) {
  now_ = now;
  if (!machine_) return;
  const auto how = closed ? membership::link_loss::closed : membership::link_loss::timed_out;
  machine_->on_link_lost(name_of(peer), how, now, output_);
  for (const auto& [pid, target] : machine_->addresses_by_pid()) {
    if (target.address != address_of(peer)) continue;
    for (std::uint32_t s = 0; s < simulated_shards; ++s) stores_.at(s).stream().on_broken(pid, now);
    if (copies_) copies_->on_lost(pid, now);
    if (grains_) grains_->on_lost(pid);
  }
  carry_out();
}

void cluster_process::on_tick(time_point now) {
  now_ = now;
  if (!machine_) return;
  finish_writes(now);
  if (journal_) journal_->on_tick(now);
  if (copies_) copies_->on_tick(now <= machine_->serve_until(), now);
  if (grains_) grains_->on_tick(now);
  if (reminders_) reminders_->on_tick(now);
  if (restless() && now >= streams_ticked_ + stream_tick) tick_streams(now);
  machine_->on_tick(now, output_);
  carry_out();
}

time_point cluster_process::next_tick() const {
  if (!machine_) return time_point::max();
  if (!written_.empty()) return now_;
  auto next = machine_->next_tick();
  if (journal_) next = std::min(next, journal_->next_tick());
  if (copies_) next = std::min(next, copies_->next_tick());
  if (grains_) next = std::min(next, grains_->next_tick());
  if (reminders_) next = std::min(next, reminders_->next_tick());
  return restless() ? std::min(next, streams_ticked_ + stream_tick) : next;
}

void cluster_process::leave(time_point now) {
  now_ = now;
  if (!machine_) return;
  machine_->leave(now, output_);
  carry_out();
}

void cluster_process::force_leave(const std::string& name, time_point now) {
  now_ = now;
  if (!machine_) return;
  machine_->force_leave(name, now, output_);
  carry_out();
}

void cluster_process::with(time_point now, const std::function<void(cluster_machine&, cluster_output&)>& act) {
  now_ = now;
  if (!machine_) return;
  act(*machine_, output_);
  carry_out();
}

void cluster_process::finish_writes(time_point now) {
  while (!written_.empty()) {
    const auto token = written_.front();
    written_.pop_front();
    machine_->on_written(token, true, now, output_);
    carry_out();
  }
}

// The order of actors/cluster: what must be durable first, what others see of it last.
void cluster_process::carry_out() {
  for (auto& w : output_.writes) {
    out_.write(std::move(w.file), std::move(w.bytes), [this, token = w.token] { written_.push_back(token); });
  }
  for (auto& d : output_.datagrams) out_.send(node_at(d.to), channel::datagram, std::move(d.bytes));
  for (const auto& m : output_.link_messages) {
    std::string bytes;
    put(id_, bytes);
    put(m.id, bytes);
    out_.send(node_at(m.to), channel::stream, bytes + m.bytes);
  }
  if (output_.store && leader_store_ != nullptr) {
    leader_store_->call(self_, *output_.store, [this](const store_answer& a) {
      now_ = leader_store_->clock_of(self_);
      machine_->on_store(a, now_, output_);
      carry_out();
    });
  }
  const bool adopts = output_.table_changed;
  for (const auto& e : output_.events) {
    if (e.kind == "shard_lost" || e.kind == "shard_moved" || e.kind == "shard_restored") continue;
    std::string line = e.kind;
    for (const auto& [key, value] : e.fields) line += " " + key + "=" + value;
    out_.trace(std::move(line));
  }
  departed_ = departed_ || output_.departed || output_.expelled;
  output_ = {};
  carry_streams();
  if (!adopts || refuses_tables_ || !adopt()) return;
  machine_->on_adopted(now_, output_);
  carry_out();
}

bool cluster_process::adopt() {
  if (const auto taken = adopted_.accept(machine_->table()); !taken) {
    fault_ = "a table was refused: " + taken.error().context;
    return false;
  }
  const auto pid = machine_->pid();
  const auto& rows = adopted_.now().rows;
  if (rows.size() != simulated_shards) fault_ = "a table of " + std::to_string(rows.size()) + " shards";
  for (std::uint32_t s = 0; s < rows.size(); ++s) (void)stores_.at(s).take_role(rows[s], pid);
  channel_.set_sender(pid);
  if (copies_) copies_->on_adopted(adopted_.now(), pid, now_);
  tick_streams(now_);
  return true;
}

shard_set cluster_process::serves(time_point now) const {
  if (!machine_ || now > machine_->serve_until()) return 0;
  shard_set served = 0;
  for (std::uint32_t s = 0; s < simulated_shards; ++s) {
    const auto& held = stores_.at(s);
    if (held.is_primary() && !held.stream().recovering()) served |= shard_set{1} << s;
  }
  return served;
}

void cluster_process::send_to(const link_target& to, const std::string& bytes) {
  std::string head;
  put(id_, head);
  put(to.id, head);
  out_.send(node_at(to.address), channel::stream, head + bytes);
}

// --- the stage

cluster_stage::cluster_stage(world_options options, std::string gossip_profile, adjustment adjust)
    : profile(std::move(gossip_profile)),
      w(options, [this, adjust = std::move(adjust)](node_index n, std::uint32_t, outside& out, random rng) {
        auto settings = config_of(n, w.size(), profile);
        if (adjust) adjust(settings);
        auto made = std::make_unique<cluster_process>(n, std::move(settings), out, rng);
        made->use(store);
        made->use(logs.empty() ? nullptr : &logs[n]);
        made->use(grains);
        made->use(reminders);
        return made;
      }) {
  w.add(checks);
}

std::vector<node_index> cluster_stage::running() const {
  std::vector<node_index> found;
  for (node_index n = 0; n < w.size(); ++n) {
    if (w.running(n)) found.push_back(n);
  }
  return found;
}

std::optional<node_index> cluster_stage::leader(const std::vector<node_index>& group) const {
  std::optional<known_leader> agreed;
  for (const auto n : group) {
    const auto& known = at(n).lead().leader_now();
    if (!known || (agreed && (known->who != agreed->who || known->term != agreed->term))) return std::nullopt;
    agreed = known;
  }
  for (const auto n : group) {
    if (w.process_of<cluster_process>(n)->id() != agreed->who.id) continue;
    return at(n).lead().may_act(w.clock_of(n)) ? std::optional(n) : std::nullopt;
  }
  return std::nullopt;
}

shard_set cluster_stage::served_by(const std::vector<node_index>& group) const {
  shard_set all = 0;
  for (const auto n : group) all |= w.process_of<cluster_process>(n)->serves(w.clock_of(n));
  return all;
}

bool cluster_stage::settled(const std::vector<node_index>& group) const {
  if (group.empty() || !leader(group)) return false;
  const auto& table = w.process_of<cluster_process>(group.front())->adopted();
  const bool agreed = std::all_of(group.begin(), group.end(), [&](node_index n) {
    return at(n).pid() != 0 && w.process_of<cluster_process>(n)->adopted().stamp == table.stamp;
  });
  return agreed && served_by(group) == all_shards;
}

void cluster_stage::force_leave(node_index at_node, const std::string& name) {
  w.with_process(at_node,
                 [&name](process& p, time_point now) { static_cast<cluster_process&>(p).force_leave(name, now); });
}

void cluster_stage::leave_and_return(node_index n) {
  w.leave(n);
  expect_within(
      w, std::chrono::seconds(15), [&] { return !w.running(n); }, "the process that leaves exits");
  w.run_for(std::chrono::seconds(1));
  w.start(n);
  expect_settled("after the return");
}

void cluster_stage::kill_and_return(bool leads) {
  const auto n = victim(leads);
  w.crash(n);
  expect_settled("without the killed node");
  w.run_for(2s);
  w.start(n);
  expect_settled("with it");
  w.run_for(3s);
}

void cluster_stage::kill_and_return_unwaited() {
  const auto n = victim(false);
  w.crash(n);
  expect_settled("without the killed node");
  w.run_for(2s);
  w.start(n);
}

void cluster_stage::pause_in_turn() {
  for (int i = 0; i < 6 && !::testing::Test::HasFailure(); ++i) {
    const auto n = victim(i % 2 == 0);
    w.pause(n);
    w.run_for(i < 4 ? w.rng().between(50ms, 400ms) : duration(12s));
    w.resume(n);
    expect_settled("after the pause");
    w.run_for(500ms);
  }
}

void cluster_stage::cut_off_in_turn() {
  for (const bool leads : {false, true}) {
    if (::testing::Test::HasFailure()) return;
    const auto n = victim(leads);
    w.partition({n});
    w.run_for(15s);
    w.unpartition({n});
    expect_settled("after healing");
    w.run_for(1s);
  }
}

void cluster_stage::random_faults() {
  fault_mix mix;
  mix.gap_max = 3s;
  mix.length_max = 8s;
  plan_random_faults(w, mix, 30s);
  w.run_for(40s);
  w.heal();
}

void cluster_stage::expect_settled(const std::string& when) {
  expect_within(
      w, profile == "fast" ? 20s : 30s, [this] { return settled(); },
      "one leader, one table, every shard served, " + when);
  expect_sound(w);
}

void cluster_stage::expect_at_rest() {
  const auto rests = [this, at_first = stamp{}, since = w.now()]() mutable {
    const auto now = leader() ? at(*leader()).lead().record()->at : stamp{};
    if (std::exchange(at_first, now) != now || now == stamp{}) since = w.now();
    return w.now() - since >= 3s;
  };
  expect_within(w, 60s, rests, "a leader that has nothing to change in the record");
}

}  // namespace troupe::sim
