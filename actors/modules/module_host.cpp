#include "actors/modules/module_host.hpp"

#include <algorithm>
#include <utility>

#include <pthread.h>

namespace troupe {

namespace {

time_point read_clock() { return std::chrono::steady_clock::now(); }

module_spec spec_of(const module& m, const config& c) {
  module_spec s{.name = m.name, .imports = m.imports, .required_for_ready = m.required_for_ready};
  for (const auto& e : m.exports) {
    if (e.name != m.name) s.exports.push_back(e.name);
    if (!e.variables.empty()) s.variables[e.name] = e.variables;
  }
  s.wanted = c.has_service(m.name);
  s.checked = m.health != nullptr;
  s.limits = {m.health_interval, m.health_limit, m.start_limit, m.stop_limit, m.restarts_max};
  return s;
}

module_block block_of(const config& c, const std::string& name) {
  const auto at = c.modules.find(name);
  return at == c.modules.end() ? module_block{} : at->second;
}

service_state state_of(module_state s) noexcept {
  switch (s) {
    case module_state::waiting: return service_state::waiting;
    case module_state::starting: return service_state::starting;
    case module_state::running: return service_state::running;
    case module_state::unhealthy: return service_state::degraded;
    case module_state::stopping: return service_state::stopping;
    case module_state::stopped: return service_state::stopped;
    case module_state::failed: return service_state::failed;
  }
  return service_state::failed;
}

}  // namespace

std::vector<module_spec> module_host::specs_of(const std::vector<module>& all, const config& c) {
  std::vector<module_spec> specs;
  for (const auto& m : all) specs.push_back(spec_of(m, c));
  return specs;
}

module_host::module_host(std::vector<module> all, surroundings s)
    : with_(std::move(s)),
      gate_(std::make_shared<module_gate>(std::move(with_.surface))),
      machine_(specs_of(all, with_.settings), random(with_.seed)),
      runs_(all.size()) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto name = all[i].name;
    const bool wanted = machine_.spec(i).wanted;
    with_.status.set_service(name, wanted ? service_state::waiting : service_state::stopped);
    hooks_.push_back(
        std::make_shared<module_hooks>(i, std::move(all[i]), block_of(with_.settings, name), gate_, inbox_));
    threads_.push_back(wanted ? std::make_unique<hook_thread>(name) : nullptr);
  }
  unready_ = machine_.unready();
  with_.status.change_conditions([this](local_conditions& here) { here.modules_missing = unready_; });
}

module_host::~module_host() { stop(false, duration::zero()); }

void module_host::start() {
  listener_ = with_.board.listen([inbox = inbox_] { inbox->wake(); });
  driver_ = std::thread([this] { drive(); });
  pthread_setname_np(driver_.native_handle(), "modules");
}

void module_host::drive() {
  std::shared_ptr<const cluster_view> seen;
  auto next = read_clock();
  for (;;) {
    const auto inputs = inbox_->take(next);
    {
      const std::lock_guard lock(ended_mutex_);
      if (closing_) return;
    }
    module_output out;
    bool ended = false;
    {
      const std::lock_guard lock(machine_mutex_);
      const auto now = read_clock();
      if (auto view = with_.board.read(); view != seen) {
        seen = std::move(view);
        machine_.set_world(world_of(*seen, with_.known_services), now, out);
      }
      for (const auto& i : inputs) i(machine_, now, out);
      machine_.on_tick(now, out);
      next = machine_.next_tick();
      ended = machine_.ended();
      count();
    }
    carry_out(out);
    if (!ended) continue;
    const std::lock_guard lock(ended_mutex_);
    ended_ = true;
    ended_changed_.notify_all();
  }
}

// What is withdrawn is told before anything is stopped, what runs is shown before anybody hears of its export.
void module_host::carry_out(const module_output& out) {
  for (const auto& c : out.changes) show(c);
  if (out.exports_changed) tell_exports();
  for (const auto& o : out.overdue) {
    const auto& name = machine_.spec(o.module).name;
    with_.log.warn("modules", "module_hook_overdue", {{"module", name}, {"hook", name_of(o.hook)}});
    with_.events.publish("module_hook_overdue", {{"module", name}, {"hook", std::string(name_of(o.hook))}});
  }
  for (const auto& c : out.calls) run_hook(c);
  for (std::size_t i = 0; i < hooks_.size(); ++i) {
    const auto fault = hooks_[i]->take_complaint();
    if (!fault.empty())
      with_.log.warn("modules", "module_hook_failed", {{"module", machine_.spec(i).name}, {"reason", fault}});
  }
  auto unready = machine_.unready();
  if (unready == unready_) return;
  unready_ = std::move(unready);
  with_.status.change_conditions([this](local_conditions& here) { here.modules_missing = unready_; });
}

void module_host::show(const module_output::change& c) {
  const auto& name = machine_.spec(c.module).name;
  with_.status.set_service(name, state_of(c.to), c.reason, c.code);
  if (c.from == c.to) return;
  const auto event = "module_" + std::string(name_of(c.to));
  if (c.to == module_state::failed)
    return with_.log.warn("modules", event, {{"module", name}, {"error", name_of(c.code)}, {"reason", c.reason}});
  const bool odd = c.to == module_state::unhealthy;
  with_.log.write(odd ? log_level::warn : log_level::info, "modules", event, {{"module", name}, {"reason", c.reason}});
}

// The driver alone changes the machine, so it may look at it without the lock.
void module_host::run_hook(const module_output::call& c) {
  const auto& hooks = hooks_[c.module];
  auto& thread = *threads_[c.module];
  switch (c.hook) {
    case module_hook::start:
      return thread.push(
          [hooks, found = machine_.told(c.module), run = ++runs_[c.module]] { hooks->start(found, run); });
    case module_hook::stop: return thread.push([hooks] { hooks->stop(); });
    case module_hook::health: return thread.push([hooks] { hooks->check(); });
    case module_hook::update: return thread.push([hooks, found = machine_.told(c.module)] { hooks->update(found); });
  }
}

void module_host::tell_exports() {
  with_.tell(machine_.exported(), [refused = refused_, &log = with_.log](const expected<void>& told) {
    if (told) return;
    ++*refused;
    log.error("modules", "exports_not_told", {{"reason", describe(told.error())}});
  });
}

bool module_host::stop(bool leaving, duration limit) {
  const std::lock_guard one_at_a_time(stop_mutex_);
  if (std::exchange(stopped_, true)) return left_behind_ == 0;
  const auto end = read_clock() + limit;
  if (driver_.joinable()) {
    // A hook that hangs leaves time for the stops of those that it would have held up.
    inbox_->push([leaving, hook_max = limit / 4](module_machine& m, time_point now, module_output& out) {
      m.stop(leaving, hook_max, now, out);
    });
    std::unique_lock lock(ended_mutex_);
    (void)ended_changed_.wait_until(lock, end, [this] { return ended_; });
    closing_ = true;
    lock.unlock();
    inbox_->wake();
    driver_.join();
  }
  if (listener_ != 0) with_.board.unlisten(std::exchange(listener_, 0));
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    if (!threads_[i] || threads_[i]->stop(std::max(duration::zero(), end - read_clock()))) continue;
    ++left_behind_;
    with_.log.error("modules", "module_left_behind",
                    {{"module", machine_.spec(i).name}, {"state", name_of(machine_.state(i))}});
  }
  gate_->close();
  return left_behind_ == 0;
}

std::optional<explanation> module_host::explain(const std::string& name) const {
  const std::lock_guard lock(machine_mutex_);
  return troupe::explain(machine_, name);
}

std::string module_host::short_reason(const std::string& name) const {
  const std::lock_guard lock(machine_mutex_);
  return troupe::short_reason(machine_, name);
}

void module_host::count() {
  const auto put = [this](number n, std::uint64_t value) { numbers_[n].store(value, std::memory_order_relaxed); };
  const auto& c = machine_.counts();
  put(starts, c.starts);
  put(stops, c.stops);
  put(failures, c.failures);
  put(unhealthy, c.unhealthy);
  put(lost, c.lost_imports);
  put(overdue, c.overdue);
  std::uint64_t of_state[3] = {};
  for (std::size_t i = 0; i < machine_.size(); ++i) {
    of_state[0] += machine_.state(i) == module_state::running ? 1 : 0;
    of_state[1] += machine_.state(i) == module_state::waiting ? 1 : 0;
    of_state[2] += machine_.state(i) == module_state::failed ? 1 : 0;
  }
  put(running, of_state[0]);
  put(waiting, of_state[1]);
  put(failed, of_state[2]);
}

void module_host::register_metrics(metrics& m) {
  const auto reader = [this](number n) {
    return [&value = numbers_[n]] { return static_cast<double>(value.load(std::memory_order_relaxed)); };
  };
  m.read_counter("troupe_modules_starts_total", "Starts of modules", {}, reader(starts));
  m.read_counter("troupe_modules_stops_total", "Stops of modules", {}, reader(stops));
  m.read_counter("troupe_modules_start_failures_total", "Starts that failed", {}, reader(failures));
  m.read_counter("troupe_modules_unhealthy_total", "Times that a module became unhealthy", {}, reader(unhealthy));
  m.read_counter("troupe_modules_imports_lost_total", "Times that a module was stopped for an import", {},
                 reader(lost));
  m.read_counter("troupe_modules_hooks_overdue_total", "Hooks that did not return in time", {}, reader(overdue));
  m.read_counter("troupe_modules_left_behind_total", "Modules whose hook had not returned when the node stopped", {},
                 [this] { return static_cast<double>(left_behind_.load()); });
  m.read_counter("troupe_modules_exports_refused_total", "Changes of exports that did not fit into gossip", {},
                 [n = refused_] { return static_cast<double>(n->load()); });
  m.read_gauge("troupe_modules_running_count", "Modules that run here", {}, reader(running));
  m.read_gauge("troupe_modules_waiting_count", "Modules that wait for what they import", {}, reader(waiting));
  m.read_gauge("troupe_modules_failed_count", "Modules whose start failed", {}, reader(failed));
  m.read_counter("troupe_modules_hooks_threw_total", "Times that stop or updated of a module threw", {}, [this] {
    std::uint64_t all = 0;
    for (const auto& h : hooks_) all += h->thrown();
    return static_cast<double>(all);
  });
}

}  // namespace troupe
