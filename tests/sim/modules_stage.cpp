#include "tests/sim/modules_stage.hpp"

#include <algorithm>

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> service_names{"db", "cache"};

std::string name_of_node(node_index n) { return "n" + std::to_string(n); }

}  // namespace

std::vector<module_spec> draw_specs(random& rng) {
  std::vector<module_spec> all;
  const auto count = 2 + rng.below(6);
  for (std::uint64_t m = 0; m < count; ++m) {
    module_spec s;
    s.name = "m" + std::to_string(m);
    s.exports = {"x" + std::to_string(m)};
    s.checked = rng.chance(0.5);
    s.limits.restarts_max = 100000;
    std::set<std::string> names;
    if (rng.chance(0.3)) names.insert(service_names[rng.below(service_names.size())]);
    for (std::uint64_t k = 0; m > 0 && k < rng.below(4); ++k) {
      names.insert((rng.chance(0.5) ? "m" : "x") + std::to_string(rng.below(m)));
    }
    for (const auto& name : names) {
      s.imports.push_back({name, rng.chance(0.5) ? import_scope::here : import_scope::anywhere, rng.chance(0.8)});
    }
    all.push_back(std::move(s));
  }
  // The machine must not live by the order in which they are listed.
  for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[rng.below(i)]);
  return all;
}

// --- a process

modules_process::modules_process(modules_stage& stage, node_index self, random rng)
    : stage_(stage),
      self_(self),
      rng_(rng),
      machine_(
          [&] {
            auto specs = stage.setup.specs;
            // Which node wants which is the same after a restart.
            for (std::size_t m = 0; m < specs.size(); ++m) specs[m].wanted = (m * 7 + self * 3) % 4 != 0;
            return specs;
          }(),
          rng_.fork()),
      books_(stage.setup.specs.size()) {
  world_.node = name_of_node(self);
  for (const auto& s : service_names) world_.services[s] = "";
}

void modules_process::on_start(time_point now) { look(now); }

time_point modules_process::next_tick() const {
  auto next = std::min(look_at_, machine_.next_tick());
  for (const auto& b : books_) {
    if (!b.hooks.empty()) next = std::min(next, b.hooks.front().due);
  }
  return next;
}

void modules_process::turn_service(const std::string& name, time_point now) {
  auto& why = world_.services[name];
  why = why.empty() ? "is degraded" : "";
  module_output out;
  machine_.set_world(world_, now, out);
  carry_out(out, now);
}

// Each change of another node is seen sooner or later; one that is gone is gone as a whole.
void modules_process::look(time_point now) {
  look_at_ = now + look_interval;
  for (node_index n = 0; n < stage_.w.size(); ++n) {
    if (n == self_ || !rng_.chance(stage_.setup.noticed)) continue;
    const auto* there = stage_.at(n);
    for (auto& [name, rows] : world_.elsewhere) {
      std::erase_if(rows, [&](const auto& e) { return e.source.member == name_of_node(n); });
    }
    if (there == nullptr) continue;
    for (const auto& [name, v] : there->machine().exported())
      world_.elsewhere[name].push_back({{name_of_node(n), "", false, {}}, true});
    for (const auto& s : service_names) world_.elsewhere[s].push_back({{name_of_node(n), "", false, {}}, true});
  }
  world_.others = stage_.w.size() > 1;
  for (auto& [name, why] : world_.services) {
    if (rng_.chance(stage_.setup.service_turns)) why = why.empty() ? "is degraded" : "";
  }
  module_output out;
  machine_.set_world(world_, now, out);
  carry_out(out, now);
}

void modules_process::on_tick(time_point now) {
  if (now >= look_at_) look(now);
  for (std::size_t m = 0; m < books_.size(); ++m) {
    if (books_[m].hooks.empty() || books_[m].hooks.front().due > now) continue;
    module_output out;
    finish(m, now, out);
    carry_out(out, now);
  }
  module_output out;
  machine_.on_tick(now, out);
  carry_out(out, now);
  if (machine_.next_tick() <= now) stage_.w.fail(world_.node + ": a tick that leads nowhere");
}

void modules_process::finish(std::size_t m, time_point now, module_output& out) {
  auto& b = books_[m];
  const auto done = b.hooks.front();
  b.hooks.pop_front();
  switch (done.hook) {
    case module_hook::start: {
      const bool fails = rng_.chance(stage_.setup.start_fails);
      b.up = !fails;
      b.again = b.again || fails || now >= done.limit;
      stage_.failures += fails ? 1 : 0;
      return machine_.on_start(m, fails ? troupe::fail(errc::unavailable, "no port") : expected<void>(), now, out);
    }
    case module_hook::stop:
      b.up = b.told_to_stop = false;
      b.there_since.reset();
      return machine_.on_stop(m, now, out);
    case module_hook::health: return machine_.on_health(m, rng_.chance(stage_.setup.sick) ? "sick" : "", now, out);
    case module_hook::update: return machine_.on_update(m, now, out);
  }
}

void modules_process::carry_out(module_output& out, time_point now) {
  check_books(now);
  for (const auto& c : out.calls) {
    auto& b = books_[c.module];
    if (c.hook == module_hook::start) check_start(c.module, now);
    if (c.hook == module_hook::stop) check_stop(c.module, now);
    const auto begins = b.hooks.empty() ? now : std::max(now, b.hooks.back().due);
    const auto takes = rng_.chance(stage_.setup.hangs) ? rng_.between(5s, 50s) : rng_.between(1ms, 500ms);
    const auto limit = c.hook == module_hook::start ? machine_.spec(c.module).limits.start_limit : duration(5s);
    b.hooks.push_back({c.hook, begins + takes, now + limit});
  }
  out = {};
}

void modules_process::fail(std::size_t m, const std::string& what) {
  stage_.w.fail(world_.node + ", " + machine_.spec(m).name + ": " + what);
}

bool modules_process::gives(std::size_t m) const {
  return books_[m].up && !books_[m].told_to_stop && machine_.exported().contains(machine_.spec(m).name);
}

bool modules_process::provided(std::size_t m, const module_import& i, bool steadily) const {
  if (const auto s = world_.services.find(i.name); s != world_.services.end() && s->second.empty()) return true;
  for (std::size_t other = 0; other < books_.size(); ++other) {
    if (other != m && exports(machine_.spec(other), i.name) && gives(other)) return true;
  }
  const auto far = world_.elsewhere.find(i.name);
  return i.from == import_scope::anywhere && far != world_.elsewhere.end() &&
         std::any_of(far->second.begin(), far->second.end(), [&](const auto& e) { return e.steady || !steadily; });
}

bool modules_process::hangs(std::size_t m, time_point now) const {
  const auto& hooks = books_[m].hooks;
  return std::any_of(hooks.begin(), hooks.end(), [&](const answer& a) { return now >= a.limit; });
}

void modules_process::check_start(std::size_t m, time_point now) {
  auto& b = books_[m];
  ++stage_.starts;
  ++b.starts;
  if (!machine_.spec(m).wanted) fail(m, "runs where it is not wanted");
  if (left_) fail(m, "is started at a node that leaves");
  if (b.up || b.told_to_stop) fail(m, "is started twice");
  for (const auto& h : b.hooks) {
    if (h.hook == module_hook::start || h.hook == module_hook::stop) fail(m, "is started while a hook is under way");
  }
  for (const auto& i : machine_.spec(m).imports) {
    if (i.required && !provided(m, i, true)) fail(m, "is started without " + i.name);
  }
  const bool settled = b.there_since && now - *b.there_since >= module_machine::settle_first;
  if (!settled && !b.again) fail(m, "is started for what has just come");
}

void modules_process::check_stop(std::size_t m, time_point now) {
  ++stage_.stops;
  if (!books_[m].up || books_[m].told_to_stop) fail(m, "is stopped without having started");
  books_[m].told_to_stop = true;
  for (std::size_t x = 0; x < books_.size(); ++x) {
    const bool starting = std::any_of(books_[x].hooks.begin(), books_[x].hooks.end(),
                                      [](const answer& a) { return a.hook == module_hook::start; });
    if (x == m || (!books_[x].up && !starting) || hangs(x, now)) continue;
    for (const auto& i : machine_.spec(x).imports) {
      if (exports(machine_.spec(m), i.name) && i.required && !provided(x, i, false))
        fail(m, "is stopped while " + machine_.spec(x).name + " needs it");
    }
  }
}

// After each step: what is exported is up; since when all that a module requires has been there.
void modules_process::check_books(time_point now) {
  for (const auto& [name, v] : machine_.exported()) {
    for (std::size_t m = 0; m < books_.size(); ++m) {
      if (exports(machine_.spec(m), name) && (!books_[m].up || books_[m].told_to_stop))
        fail(m, "exports, and is not up");
    }
  }
  for (std::size_t m = 0; m < books_.size(); ++m) {
    auto& b = books_[m];
    const auto& imports = machine_.spec(m).imports;
    const bool there =
        std::all_of(imports.begin(), imports.end(), [&](const auto& i) { return !i.required || provided(m, i, true); });
    if (!there) {
      b.there_since.reset();
      b.again = false;
    } else if (!b.there_since) {
      b.there_since = now;
    }
  }
}

void modules_process::leave(time_point now) {
  left_ = true;
  module_output out;
  machine_.stop(true, 1h, now, out);
  carry_out(out, now);
}

// --- the stage

modules_stage::modules_stage(world_options options, modules_setup given)
    : setup(std::move(given)), w(options, [this](node_index n, std::uint32_t, outside&, random rng) {
        return std::make_unique<modules_process>(*this, n, rng);
      }) {
  w.add(*this);
}

bool modules_stage::can_run(const std::set<std::pair<node_index, std::size_t>>& up, node_index n, std::size_t m) const {
  const auto& machine = at(n)->machine();
  if (!machine.spec(m).wanted) return false;
  for (const auto& i : machine.spec(m).imports) {
    if (!i.required) continue;
    bool there = false;
    for (node_index other = 0; other < w.size() && !there; ++other) {
      if (at(other) == nullptr || (i.from == import_scope::here && other != n)) continue;
      const auto service = at(other)->services().find(i.name);
      // What members run is told of as configured, also while it does not work; here it is known.
      there = service != at(other)->services().end() && (other != n || service->second.empty());
      for (std::size_t x = 0; x < machine.size() && !there; ++x) {
        there = exports(machine.spec(x), i.name) && up.contains({other, x});
      }
    }
    if (!there) return false;
  }
  return true;
}

bool modules_stage::converged() const {
  std::set<std::pair<node_index, std::size_t>> up;
  for (bool more = true; more;) {
    more = false;
    for (node_index n = 0; n < w.size(); ++n) {
      if (at(n) == nullptr) continue;
      for (std::size_t m = 0; m < setup.specs.size(); ++m) {
        if (!up.contains({n, m}) && can_run(up, n, m)) more = up.emplace(n, m).second;
      }
    }
  }
  for (node_index n = 0; n < w.size(); ++n) {
    if (at(n) == nullptr) continue;
    for (std::size_t m = 0; m < setup.specs.size(); ++m) {
      if ((at(n)->machine().state(m) == module_state::running) != up.contains({n, m})) return false;
    }
  }
  return true;
}

}  // namespace troupe::sim
