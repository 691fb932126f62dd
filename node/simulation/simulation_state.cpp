#include "node/simulation/simulation_state.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "actors/simulation/stepped_actors.hpp"

namespace troupe {

namespace {

constexpr duration looks_every = std::chrono::milliseconds(10);  // whether the cluster stands
constexpr duration longest = std::chrono::hours(1);
constexpr std::size_t seed_nodes = 3;
constexpr std::uint32_t shards_usual = 32;
constexpr std::uint64_t of_plan = 0x706c616eULL, of_test = 0x74657374ULL;  // streams of random numbers

}  // namespace

simulation::state::state(simulation_options o)
    : options(std::move(o)),
      world(options.nodes, options.seed),
      drawn(options.seed ^ of_test),
      nodes(options.nodes),
      network_(world),
      disks_(options.nodes),
      plan_(options.plan ? *options.plan
                         : draw_fault_plan(options.faults, options.nodes, options.runs_for, options.seed ^ of_plan)) {}

simulation::state::~state() {
  for (auto& n : nodes) n.reset();
}

expected<void> simulation::state::check(const simulation_options& o) {
  const auto no = [](std::string words) { return troupe::fail(errc::invalid_argument, std::move(words)); };
  if (o.nodes == 0 || o.nodes > nodes_max) return no("a simulation has 1 to 16 nodes");
  if (o.runs_for <= duration::zero() || o.runs_for > longest)
    return no("it runs for more than 0 s and at most an hour");
  if (o.heals_for < duration::zero() || o.heals_for > longest) return no("it heals for 0 s to an hour");
  const std::array rates{o.faults.kills, o.faults.pauses, o.faults.partitions, o.faults.losses, o.faults.delays};
  for (const double rate : rates) {
    if (!(rate >= 0 && rate <= 600)) return no("each kind of fault happens 0 to 600 times a minute");
  }
  if (o.faults.lasts_max <= duration::zero() || o.faults.lasts_max > longest ||
      o.faults.between_kills < duration::zero() || o.faults.between_kills > longest)
    return no("a fault lasts for more than 0 s and at most an hour");
  if (o.plan) {
    if (auto fault = fault_of(*o.plan, o.nodes); !fault.empty()) return no(std::move(fault));
  }
  for (std::size_t i = 0; o.equip && i < o.nodes; ++i) {
    node_options brings;
    o.equip(brings, i);
    if (brings.store || !brings.loaders.empty() || !brings.entities.empty() || !brings.modules.empty())
      return no("a simulated node brings actors and nothing else");
  }
  return {};
}

// ---- time ----

void simulation::state::tell(std::size_t node, std::string line) {
  char head[64];
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now()).count();
  std::snprintf(head, sizeof head, "%10.6f %-3s ", static_cast<double>(us) / 1e6,
                node == simulated_world::nobody ? "-" : simulated_network::name_of(node).c_str());
  lines_.push_back(head + std::move(line));
  if (lines_.size() > options.lines_max) lines_.pop_front();
}

void simulation::state::fail(std::string_view name, std::string words) {
  if (!result_.ok) return;
  result_.ok = false;
  result_.violated = name;
  result_.words = std::move(words);
  result_.at = now();
  note("BROKEN: " + result_.violated + ": " + result_.words);
}

void simulation::state::look(const std::vector<std::pair<std::string, invariant>>& all) {
  for (const auto& [name, holds] : all) {
    if (auto words = holds(); !words.empty()) return fail(name, std::move(words));
  }
}

void simulation::state::run_until(time_point end) {
  while (result_.ok && world.step(end)) {
    if (!world.fault().empty()) fail(comes_to_rest, world.fault());
    if (began_now_ && result_.ok) look(invariants);
  }
}

// What it sends, and whom it starts, runs at once.
void simulation::state::act(const step& f) {
  f();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i]) world.call_after(duration::zero(), i, [] {});
  }
}

void simulation::state::repeat(const std::shared_ptr<repeated>& r) {
  world.call_after(r->interval, simulated_world::nobody, [this, r] {
    if (healing_) return;
    act(r->f);
    repeat(r);
  });
}

void simulation::state::every(duration interval, step f) {
  auto r =
      std::make_shared<repeated>(repeated{std::max<duration>(interval, std::chrono::milliseconds(1)), std::move(f)});
  if (began_now_)
    repeat(r);
  else
    waiting_.push_back(std::move(r));
}

void simulation::state::after(duration d, step f) {
  if (began_now_)
    world.call_after(d, simulated_world::nobody, [this, f = std::move(f)] { act(f); });
  else
    waiting_once_.emplace_back(d, std::move(f));
}

simulation_result simulation::state::run() {
  const virtual_clock::scope here(world.clock_of_driver());
  tell(simulated_world::nobody, "seed " + std::to_string(options.seed) + ", " + to_text(plan_));
  for (std::size_t i = 0; i < nodes.size(); ++i) start(i);
  const auto latest = world.now() + forms_within;
  while (result_.ok && !stands() && world.now() < latest) run_until(world.now() + looks_every);
  if (result_.ok && !stands()) fail(forms, "not within a minute");

  began_ = world.now();
  began_now_ = true;
  if (result_.ok) note("the cluster stands");
  for (const auto& r : std::exchange(waiting_, {})) repeat(r);
  for (auto& [d, f] : std::exchange(waiting_once_, {})) after(d, std::move(f));
  for (const auto& f : plan_) world.call_after(f.at, simulated_world::nobody, [this, f] { begin_with_undo(f); });
  run_until(began_ + options.runs_for);
  if (result_.ok) heal();
  run_until(began_ + options.runs_for + options.heals_for);
  if (result_.ok) look(last_ones);

  result_.plan = plan_;
  result_.timeline.assign(lines_.begin(), lines_.end());
  return result_;
}

// ---- nodes ----

config simulation::state::settings_of(std::size_t index) const {
  config c;
  c.node.name = simulated_network::name_of(index);
  c.node.services = {"cache"};
  c.cluster.name = "simulated";
  c.cluster.expected_members = static_cast<std::uint32_t>(options.nodes);
  for (std::size_t i = 0; i < std::min(seed_nodes, options.nodes); ++i)
    c.cluster.seeds.push_back(simulated_network::address_of(i));
  c.gossip.profile = "fast";
  c.cache.shards = shards_usual;
  if (options.adjust) options.adjust(c, index);
  return c;
}

void simulation::state::start(std::size_t index) {
  if (nodes[index]) return;
  node_options brings;
  if (options.equip) options.equip(brings, index);
  auto made = simulated_node::start({world, network_, index, disks_[index],
                                     [this, index](log_level level, const std::string& line) {
                                       (void)level;
                                       tell(index, line);
                                     }},
                                    settings_of(index), brings.actors.value_or(actor_options()));
  if (!made) return fail(forms, simulated_network::name_of(index) + ": " + describe(made.error()));
  nodes[index] = std::move(*made);
  for (const auto& f : on_start) f(index);
}

void simulation::state::kill(std::size_t index) { nodes[index].reset(); }

bool simulation::state::stands() const {
  for (const auto& n : nodes) {
    const auto view = n ? n->view() : nullptr;
    const auto alive = [](const member& m) { return m.state == member_state::alive; };
    if (!view || !view->ready || !view->leader_now) return false;
    if (std::count_if(view->members.begin(), view->members.end(), alive) != static_cast<std::ptrdiff_t>(nodes.size()))
      return false;
  }
  return true;
}

// ---- faults ----

void simulation::state::begin_with_undo(const planned_fault& f) {
  if (healing_) return;
  note("begins: " + to_text({f}));
  begin(f);
}

// Each is undone once: when it is over, or when all of them are.
void simulation::state::begin(const planned_fault& f) {
  using kind = planned_fault::kind;
  std::function<void()> undo;
  switch (f.what) {
    case kind::kill: {
      const auto n = f.nodes.front();
      if (!nodes[n]) return;
      kill(n);
      undo = [this, n] { start(n); };
      break;
    }
    case kind::pause: {
      const auto n = f.nodes.front();
      if (!nodes[n]) return;
      world.pause(n);
      undo = [this, n, life = world.life_of(n)] {
        if (world.lives(n) && world.life_of(n) == life) world.resume(n);
      };
      break;
    }
    case kind::partition:
      network_.cut(f.nodes);
      undo = [this, group = f.nodes] { network_.uncut(group); };
      break;
    case kind::loss:
      network_.lose(f.percent / 100.0);
      undo = [this, part = f.percent / 100.0] { network_.lose_no_more(part); };
      break;
    case kind::delay:
      network_.delay(f.delay);
      undo = [this, most = f.delay] { network_.delay_no_more(most); };
      break;
  }
  const auto once = [this, f, undo = std::move(undo), done = std::make_shared<bool>(false)] {
    if (std::exchange(*done, true)) return;
    note("is over: " + to_text({f}));
    undo();
  };
  undo_.emplace_back(once);
  world.call_after(f.lasts, simulated_world::nobody, once);
}

void simulation::state::heal() {
  healing_ = true;
  for (const auto& undo : std::exchange(undo_, {})) undo();
  note("all faults are over");
}

}  // namespace troupe
