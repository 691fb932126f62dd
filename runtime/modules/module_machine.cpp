#include "runtime/modules/module_machine.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

std::string_view name_of(module_state s) noexcept {
  switch (s) {
    case module_state::waiting: return "waiting";
    case module_state::starting: return "starting";
    case module_state::running: return "running";
    case module_state::unhealthy: return "unhealthy";
    case module_state::stopping: return "stopping";
    case module_state::stopped: return "stopped";
    case module_state::failed: return "failed";
  }
  return "unknown";
}

std::string_view name_of(module_hook h) noexcept {
  switch (h) {
    case module_hook::start: return "start";
    case module_hook::stop: return "stop";
    case module_hook::health: return "health check";
    case module_hook::update: return "update";
  }
  return "unknown";
}

module_machine::module_machine(std::vector<module_spec> all, random rng) : rng_(rng) {
  for (auto& spec : all) {
    row r{.spec = std::move(spec)};
    if (!r.spec.wanted) r.state = r.told_state = module_state::stopped;
    rows_.push_back(std::move(r));
  }
}

// ---- events ----

void module_machine::set_world(module_world w, time_point now, module_output& out) {
  world_ = std::move(w);
  settle(now, out);
}

bool module_machine::pending(std::size_t m, module_hook h) const {
  const auto at = rows_[m].hooks.find(h);
  return at != rows_[m].hooks.end() && at->second.pending;
}

bool module_machine::finish(std::size_t m, module_hook h) {
  auto& each = rows_[m].hooks[h];
  const bool asked = std::exchange(each.pending, false);
  each.overdue = false;
  return asked;
}

void module_machine::on_start(std::size_t m, const expected<void>& done, time_point now, module_output& out) {
  auto& r = rows_[m];
  if (!finish(m, module_hook::start)) return;
  r.started = done.has_value();
  if (!done) {
    if (r.state != module_state::failed) fail_start(r, done.error(), now);
    r.ending = false;
  } else if (r.state == module_state::starting && !r.ending) {
    r.state = module_state::running;
    r.reason.clear();
    r.wait.reset();
    r.ran_since = now;
    r.check_at = now + r.spec.limits.health_interval;
  } else {  // too late: what it began is ended
    r.ending = true;
    if (r.state == module_state::starting) r.state = module_state::stopping;
  }
  settle(now, out);
}

void module_machine::on_stop(std::size_t m, time_point now, module_output& out) {
  auto& r = rows_[m];
  if (!finish(m, module_hook::stop)) return;
  r.ending = false;
  r.told.clear();
  r.variables.clear();
  r.there_since.reset();
  const bool failed = r.gave_up || (r.retry_at && *r.retry_at > now);
  r.state = stopping_ ? module_state::stopped : failed ? module_state::failed : module_state::waiting;
  if (stopping_) r.reason.clear();
  settle(now, out);
}

void module_machine::on_health(std::size_t m, const std::string& fault, time_point now, module_output& out) {
  auto& r = rows_[m];
  if (!finish(m, module_hook::health)) return;
  r.check_at = now + r.spec.limits.health_interval;
  r.passed = fault.empty() ? r.passed + 1 : 0;
  if (!r.ending && r.state == module_state::running && !fault.empty()) {
    r.state = module_state::unhealthy;
    r.reason = fault;
    ++counts_.unhealthy;
  } else if (!r.ending && r.state == module_state::unhealthy) {
    if (!fault.empty()) r.reason = fault;
    if (r.passed >= healthy_again) {
      r.state = module_state::running;
      r.reason.clear();
    }
  }
  settle(now, out);
}

void module_machine::on_update(std::size_t m, time_point now, module_output& out) {
  if (finish(m, module_hook::update)) settle(now, out);
}

void module_machine::set_variables(std::size_t m, const std::string& name, export_variables v, time_point now,
                                   module_output& out) {
  auto& r = rows_[m];
  if (r.ending || (!r.started && r.state != module_state::starting)) return;
  r.variables[name] = std::move(v);
  settle(now, out);
}

void module_machine::on_tick(time_point now, module_output& out) { settle(now, out); }

void module_machine::stop(bool leaving, duration hook_max, time_point now, module_output& out) {
  stop_max_ = hook_max;
  for (auto& r : rows_) {
    for (auto& [which, h] : r.hooks) h.until = std::min(h.until, now + hook_max);
  }
  if (!std::exchange(stopping_, true)) leaving_ = leaving && world_.others;
  if (!leaving) {
    leaving_ = false;
    for (auto& r : rows_) r.end_after.reset();
  }
  settle(now, out);
}

// ---- steps ----

// Until nothing moves: what one module does may be what another waits for.
void module_machine::settle(time_point now, module_output& out) {
  for (std::size_t m = 0; m < rows_.size(); ++m) look_at_limits(m, now, out);
  // First all that ends: nothing is to start for what is about to go.
  bool moved = true;
  while (moved) {
    moved = false;
    for (std::size_t m = 0; m < rows_.size(); ++m) moved = advance(m, now, out) || moved;
    if (!moved) moved = break_circle(now, out);
  }
  for (std::size_t m = 0; m < rows_.size(); ++m) {
    if (rows_[m].state == module_state::waiting) advance_waiting(m, now, out);
  }
  for (std::size_t m = 0; m < rows_.size(); ++m) keep_going(m, now, out);
  tell_changes(out);
}

bool module_machine::advance(std::size_t m, time_point now, module_output& out) {
  switch (rows_[m].state) {
    case module_state::failed: return advance_failed(m, now) || advance_started(m, now, out);
    case module_state::waiting:
    case module_state::stopped: return false;
    default: return advance_started(m, now, out);
  }
}

void module_machine::advance_waiting(std::size_t m, time_point now, module_output& out) {
  auto& r = rows_[m];
  if (stopping_) {
    r.state = module_state::stopped;
    return r.reason.clear();
  }
  auto why = first_missing(m, true);
  if (!why.empty()) {
    r.reason = std::move(why);
    r.there_since.reset();
    r.failures.clear();  // another try begins another situation
    r.wait.reset();
    return;
  }
  if (!r.there_since) r.there_since = now;
  r.reason = "what it imports is there; it starts in a moment";
  if (now >= *r.there_since + r.settle) begin_start(m, now, out);
}

bool module_machine::advance_failed(std::size_t m, time_point now) {
  auto& r = rows_[m];
  if (r.started || pending(m, module_hook::start) || pending(m, module_hook::stop)) return false;
  if (stopping_) {
    r.state = module_state::stopped;
    return true;
  }
  const bool other = !first_missing(m, true).empty();
  if (other) r.gave_up = false;
  if (!other && (r.gave_up || (r.retry_at && now < *r.retry_at))) return false;
  r.state = module_state::waiting;
  r.there_since = other ? std::nullopt : std::optional(now - r.settle);
  return true;
}

// Starting, running, unhealthy, stopping, or failed while its start is still under way.
bool module_machine::advance_started(std::size_t m, time_point now, module_output& out) {
  auto& r = rows_[m];
  if (!r.ending && r.state != module_state::failed) {
    const auto why = first_missing(m, false);
    if (stopping_) {
      begin_ending(r, "the node stops", false, now);
      return true;
    }
    if (!why.empty()) {
      begin_ending(r, why, true, now);
      return true;
    }
  }
  if (!r.ending || !r.started || (r.end_after && now < *r.end_after)) return false;
  r.end_after.reset();
  if (needed_by(m) != nullptr) return false;
  begin_stop(m, now, out);
  return true;
}

// A running module's checks, and news of its imports.
void module_machine::keep_going(std::size_t m, time_point now, module_output& out) {
  auto& r = rows_[m];
  const bool goes = (r.state == module_state::running || r.state == module_state::unhealthy) && !r.ending;
  if (!goes) return;
  if (r.spec.checked && now >= r.check_at && !pending(m, module_hook::health)) {
    call(m, module_hook::health, r.spec.limits.health_limit, now, out);
  }
  if (pending(m, module_hook::update)) return;
  auto found = resolve(m);
  if (found == r.told) return;
  r.told = std::move(found);
  call(m, module_hook::update, r.spec.limits.stop_limit, now, out);
}

void module_machine::look_at_limits(std::size_t m, time_point now, module_output& out) {
  auto& r = rows_[m];
  for (auto& [which, h] : r.hooks) {
    if (!h.pending || h.overdue || now < h.until) continue;
    h.overdue = true;
    ++counts_.overdue;
    out.overdue.push_back({m, which});
    const auto said = std::string(name_of(which)) + " has not returned in time";
    if (which == module_hook::start && !r.ending) {
      fail_start(r, {errc::deadline_exceeded, said}, now);
    } else if (which == module_hook::health && r.state == module_state::running) {
      r.state = module_state::unhealthy;
      r.reason = "its " + said;
      r.passed = 0;
      ++counts_.unhealthy;
    } else if (which == module_hook::stop) {
      r.reason = "its " + said;
    }
  }
}

void module_machine::call(std::size_t m, module_hook h, duration limit, time_point now, module_output& out) {
  rows_[m].hooks[h] = {true, false, now + limit};
  out.calls.push_back({m, h});
}

void module_machine::begin_start(std::size_t m, time_point now, module_output& out) {
  auto& r = rows_[m];
  r.state = module_state::starting;
  r.reason.clear();
  r.ending = false;
  r.passed = 0;
  r.order = ++starts_;
  r.told = resolve(m);
  r.variables = r.spec.variables;
  r.end_after.reset();
  ++counts_.starts;
  call(m, module_hook::start, r.spec.limits.start_limit, now, out);
}

void module_machine::begin_ending(row& r, std::string why, bool lost, time_point now) {
  const bool gave = gives(r);
  r.ending = true;
  if (r.state != module_state::failed) {
    r.reason = std::move(why);
    if (r.state != module_state::starting) r.state = module_state::stopping;
  }
  if (leaving_ && gave) r.end_after = now + farewell;
  if (!lost) return;
  ++counts_.lost_imports;
  const bool calm_run = r.started && now - r.ran_since >= calm;
  r.settle = calm_run ? settle_first : std::min(r.settle * 2, settle_last);
}

void module_machine::begin_stop(std::size_t m, time_point now, module_output& out) {
  auto& r = rows_[m];
  r.started = false;
  if (r.state != module_state::failed) r.state = module_state::stopping;
  ++counts_.stops;
  call(m, module_hook::stop, std::min(r.spec.limits.stop_limit, stop_max_), now, out);
}

void module_machine::fail_start(row& r, const error& fault, time_point now) {
  ++counts_.failures;
  r.state = module_state::failed;
  r.failures.push_back(now);
  while (!r.failures.empty() && r.failures.front() + restart_window <= now) r.failures.pop_front();
  r.gave_up = r.failures.size() > r.spec.limits.restarts_max;
  r.retry_at = now + r.wait.next(rng_);
  r.code = fault.code;
  r.reason = fault.context.empty() ? describe(fault) : fault.context;
  if (r.gave_up) r.reason += "; it is not started again until what it imports has changed";
}

// Modules that need each other end in the order in which none should: the one started last first.
bool module_machine::break_circle(time_point now, module_output& out) {
  std::optional<std::size_t> last;
  for (std::size_t m = 0; m < rows_.size(); ++m) {
    const auto& r = rows_[m];
    const bool stands_in_the_way = (pending(m, module_hook::start) && !r.hooks.at(module_hook::start).overdue) ||
                                   (pending(m, module_hook::stop) && !r.hooks.at(module_hook::stop).overdue) ||
                                   (r.ending && r.end_after && now < *r.end_after);
    if (stands_in_the_way) return false;
    if (r.ending && r.started && (!last || r.order > rows_[*last].order)) last = m;
  }
  if (last) begin_stop(*last, now, out);
  return last.has_value();
}

void module_machine::tell_changes(module_output& out) {
  for (std::size_t m = 0; m < rows_.size(); ++m) {
    auto& r = rows_[m];
    if (r.state == r.told_state && r.reason == r.told_reason) continue;
    out.changes.push_back({m, r.told_state, r.state, r.reason, r.state == module_state::failed ? r.code : errc::ok});
    r.told_state = r.state;
    r.told_reason = r.reason;
  }
  auto now_exported = exported();
  if (now_exported == exported_) return;
  exported_ = std::move(now_exported);
  out.exports_changed = true;
}

time_point module_machine::next_tick() const {
  auto next = time_point::max();
  for (const auto& r : rows_) {
    for (const auto& [which, h] : r.hooks) {
      if (h.pending && !h.overdue) next = std::min(next, h.until);
    }
    const auto under_way = [&r](module_hook h) { return r.hooks.contains(h) && r.hooks.at(h).pending; };
    const bool idle = !under_way(module_hook::start) && !under_way(module_hook::stop);
    const bool goes = (r.state == module_state::running || r.state == module_state::unhealthy) && !r.ending;
    if (r.state == module_state::waiting && r.there_since) next = std::min(next, *r.there_since + r.settle);
    if (r.state == module_state::failed && !r.gave_up && idle && !r.started)
      next = std::min(next, r.retry_at.value_or(next));
    if (r.ending && r.started && r.end_after) next = std::min(next, *r.end_after);
    if (goes && r.spec.checked && !under_way(module_hook::health)) next = std::min(next, r.check_at);
  }
  return next;
}

bool module_machine::ended() const {
  return stopping_ && std::all_of(rows_.begin(), rows_.end(), [](const row& r) {
           const bool idle =
               std::none_of(r.hooks.begin(), r.hooks.end(), [](const auto& h) { return h.second.pending; });
           return r.state == module_state::stopped && idle;
         });
}

}  // namespace troupe
