#include "tests/sim/membership_stage.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "runtime/membership/first_incarnation.hpp"

namespace troupe::sim {

namespace {

membership::channel wire(channel how) {
  return how == channel::stream ? membership::channel::stream : membership::channel::datagram;
}

}  // namespace

std::string address_of(node_index n) { return "node" + std::to_string(n) + ":7070"; }

node_index node_at(std::string_view address) {
  constexpr std::string_view prefix = "node";
  node_index n = std::numeric_limits<node_index>::max();
  if (address.starts_with(prefix)) std::from_chars(address.data() + prefix.size(), address.data() + address.size(), n);
  return n;
}

membership_process::membership_process(node_index self, member_setup setup, outside& out, random rng, listener on_event)
    : self_(self),
      seeds_(std::move(setup.seeds)),
      out_(out),
      on_event_(std::move(on_event)),
      machine_(setup.self, setup.settings, rng) {
  if (!setup.talks) return;
  talk_.emplace(setup.self.name, setup.self.id, "sim", random(self + 1));
  machine_.set_rider(&*talk_);
}

void membership_process::carry_out() {
  if (talk_) {
    auto said = talk_->take_output();
    for (auto& e : said.events) heard_.events.push_back(std::move(e));
    for (auto& q : said.asked) heard_.asked.push_back(std::move(q));
    for (auto& f : said.finished) heard_.finished.push_back(std::move(f));
  }
  for (auto& p : output_.packets) {
    out_.send(node_at(p.address), p.how == membership::channel::stream ? channel::stream : channel::datagram,
              std::move(p.bytes));
  }
  for (const auto& e : output_.events) {
    out_.trace(std::string(membership::name_of(e.kind)) + " " + e.name + (e.text.empty() ? "" : ": " + e.text));
    on_event_(self_, e);
  }
  output_.clear();
}

void membership_process::on_start(time_point now) {
  machine_.join(seeds_, now, output_);
  carry_out();
}

void membership_process::on_packet(node_index from, channel how, std::string_view bytes, time_point now) {
  machine_.on_packet(address_of(from), wire(how), bytes, now, output_);
  carry_out();
}

void membership_process::on_link_ended(node_index peer, bool closed, time_point now) {
  std::string name;
  for (const auto& [known, r] : machine_.others()) {
    if (node_at(r.address) == peer && membership::is_live(r.state)) name = known;
  }
  const auto how = closed ? membership::link_loss::closed : membership::link_loss::timed_out;
  machine_.on_link_lost(name, how, now, output_);
  carry_out();
}

void membership_process::on_tick(time_point now) {
  if (talk_) talk_->on_tick(now);
  machine_.on_tick(now, output_);
  carry_out();
}

void membership_process::leave(time_point now) {
  machine_.depart(now, output_);
  machine_.leave(now, output_);
  carry_out();
}

void membership_process::with(const std::function<void(membership::swim&, membership::output&)>& act) {
  act(machine_, output_);
  carry_out();
}

membership_stage::membership_stage(stage_options o)
    : options(std::move(o)), w(options.world, [this](node_index n, std::uint32_t start, outside& out, random rng) {
        member_setup setup;
        setup.self.name = name_of(n);
        setup.self.address = address_of(n);
        setup.self.id = {rng.next(), rng.next()};
        if (options.time_of_day) setup.self.first_incarnation = membership::first_incarnation_at(w.now());
        setup.settings = *membership::profile(options.profile);
        for (node_index s = 0; s < std::min(options.seed_nodes, options.world.nodes); ++s) {
          setup.seeds.push_back(address_of(s));
        }
        if (options.customise) options.customise(n, start, setup);
        ids_[n] = setup.self.id;
        nodes_[setup.self.id] = n;
        return std::make_unique<membership_process>(
            n, std::move(setup), out, rng,
            [this](node_index at_node, const membership::event& e) { on_event(at_node, e); });
      }) {}

void membership_stage::link_all() {
  if (!options.links) return;
  for (node_index a = 0; a < w.size(); ++a) {
    for (node_index b = a + 1; b < w.size(); ++b) {
      if (w.running(a) && w.running(b)) w.open_link(a, b);
    }
  }
}

void membership_stage::start_all() {
  w.start_all();
  link_all();
}

member_state membership_stage::view(node_index observer, node_index subject) {
  // By its usual name first: a scenario may have given another.
  if (const auto* r = at(observer).find(name_of(subject)); r != nullptr && r->id == ids_[subject]) return r->state;
  for (const auto& [name, r] : at(observer).others()) {
    if (r.id == ids_[subject]) return r.state;
  }
  return member_state::departed;
}

bool membership_stage::all_others_see(node_index subject, member_state state) {
  for (node_index n = 0; n < w.size(); ++n) {
    if (n != subject && w.running(n) && view(n, subject) != state) return false;
  }
  return true;
}

bool membership_stage::all_see_all() {
  std::size_t running = 0;
  for (node_index n = 0; n < w.size(); ++n) running += w.running(n) ? 1 : 0;
  for (node_index n = 0; n < w.size(); ++n) {
    if (!w.running(n)) continue;
    auto& m = at(n);
    if (!m.joined() || m.live_count() != running) return false;
    for (node_index other = 0; other < w.size(); ++other) {
      if (other == n || !w.running(other)) continue;
      const auto* r = m.find(at(other).self().name);
      if (r == nullptr || r->id != ids_[other] || r->state != member_state::alive) return false;
    }
  }
  return true;
}

std::vector<duration> membership_stage::times_until_seen(node_index subject, member_state state, duration limit) {
  const duration begin = w.now();
  std::vector<bool> seen(w.size(), false);
  std::vector<duration> times;
  const auto look = [&] {
    bool all = true;
    for (node_index n = 0; n < w.size(); ++n) {
      if (n == subject || seen[n] || !w.running(n)) continue;
      seen[n] = view(n, subject) == state;
      if (seen[n]) times.push_back(w.now() - begin);
      all = all && seen[n];
    }
    return all;
  };
  w.run_until(look, limit, std::chrono::milliseconds(1));
  return times;
}

void membership_stage::on_event(node_index n, const membership::event& e) {
  using kind = membership::event_kind;
  ++counts_[{n, e.kind}];
  last_[{n, e.kind}] = e;
  if (listener) listener(n, e);
  if (e.kind != kind::member_failed) return;
  const auto subject = nodes_.find(e.id);
  if (subject == nodes_.end()) return;
  ++failures_[subject->second];
  if (ids_[subject->second] == e.id && w.healthy(subject->second)) ++false_failures_;
}

std::uint64_t membership_stage::failures_of(node_index n) const {
  const auto at_node = failures_.find(n);
  return at_node == failures_.end() ? 0 : at_node->second;
}

std::uint64_t membership_stage::count(membership::event_kind k) const {
  std::uint64_t sum = 0;
  for (const auto& [key, n] : counts_) sum += key.second == k ? n : 0;
  return sum;
}

std::uint64_t membership_stage::count(node_index n, membership::event_kind k) const {
  const auto at_key = counts_.find({n, k});
  return at_key == counts_.end() ? 0 : at_key->second;
}

const membership::event* membership_stage::last(node_index n, membership::event_kind k) const {
  const auto at_key = last_.find({n, k});
  return at_key == last_.end() ? nullptr : &at_key->second;
}

void membership_checker::on_step(world& w, node_index changed) {
  auto& machine = w.process_of<membership_process>(changed)->machine();
  auto& m = memories_[changed];
  if (machine.version() == m.version) return;
  m.version = machine.version();
  if (machine.self().incarnation < m.own) w.fail("a process lowered its own incarnation");
  m.own = machine.self().incarnation;
  if (!machine.joined()) m.others.clear();  // it lost its name and begins anew
  for (const auto& [name, r] : machine.others()) {
    auto& s = m.others[name];
    const bool known = !s.id.empty();
    const auto wrong = [&w, changed, &name = name](const char* what) {
      w.fail("node " + std::to_string(changed) + " on " + name + ": " + what);
    };
    if (known && r.id == s.id && r.incarnation < s.incarnation) wrong("an incarnation went back");
    if (known && r.id == s.id && s.departed && r.state != member_state::departed) wrong("a departed member lives");
    const bool after = r.incarnation > s.incarnation || (r.incarnation == s.incarnation && r.id > s.id);
    if (known && r.id != s.id && !after) wrong("an earlier process replaced a later one");
    s = {r.id, r.incarnation, r.state == member_state::departed};
  }
}

void membership_checker::on_gone(world&, node_index gone) { memories_.erase(gone); }

}  // namespace troupe::sim
