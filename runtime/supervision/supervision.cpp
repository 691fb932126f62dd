#include "runtime/supervision/supervision.hpp"

#include <algorithm>

namespace troupe {

supervision::supervision(const supervisor_options& o, std::vector<child_restart> children, std::uint64_t seed)
    : options_(o), rng_(seed), group_wait_(o.wait_first, o.wait_most) {
  for (const auto restart : children) rows_.push_back({restart, backoff(o.wait_first, o.wait_most)});
}

void supervision::on_start(time_point now, output& out) {
  for (child c = 0; c < rows_.size(); ++c) start(c, now, out);
}

void supervision::start(child c, time_point now, output& out) {
  rows_[c].is = phase::running;
  rows_[c].at = now;
  out.start.push_back(c);
}

void supervision::on_down(child c, bool failed, time_point now, output& out) {
  auto& r = rows_[c];
  const auto before = r.is;
  if (before != phase::running && before != phase::ending) return;
  r.is = before == phase::ending && r.restart == child_restart::temporary ? phase::done : phase::down;
  if (stopping_ || before == phase::ending) return step(now, out);
  const bool again = r.restart == child_restart::permanent || (r.restart == child_restart::transient && failed);
  if (!again) {
    r.is = phase::done;
  } else if (within_budget(now)) {
    plan_restart(c, now);
  } else {
    gave_up_ = stopping_ = true;
  }
  step(now, out);
}

bool supervision::within_budget(time_point now) {
  while (!failures_.empty() && now - failures_.front() >= options_.restarts_within) failures_.pop_front();
  if (options_.restarts_max == supervisor_options::no_limit) return true;
  failures_.push_back(now);
  return failures_.size() <= options_.restarts_max;
}

void supervision::plan_restart(child c, time_point now) {
  auto& r = rows_[c];
  const bool was_stable = now - r.at >= options_.stable_after;
  if (options_.strategy == restart_strategy::one_for_one) {
    if (was_stable) r.wait.reset();
    r.is = phase::waiting;
    r.at = now + r.wait.next(rng_);
    return;
  }
  if (was_stable && !group_) group_wait_.reset();
  const child first = options_.strategy == restart_strategy::all_for_one ? 0 : c;
  group_ = std::min(group_.value_or(first), first);
  group_at_ = now + group_wait_.next(rng_);
}

void supervision::on_tick(time_point now, output& out) {
  for (child c = 0; c < rows_.size(); ++c) {
    auto& r = rows_[c];
    if (r.is != phase::ending || now < r.at) continue;
    out.kill.push_back(c);
    r.at = time_point::max();
  }
  step(now, out);
}

void supervision::stop(time_point now, output& out) {
  stopping_ = true;
  step(now, out);
}

bool supervision::bring_down(child from, time_point now, output& out) {
  for (child c = rows_.size(); c-- > from;) {
    auto& r = rows_[c];
    if (r.is == phase::ending) return false;
    if (r.is != phase::running) continue;
    r.is = phase::ending;
    r.at = now + options_.stop_max;
    out.end.push_back(c);
    return false;
  }
  return true;
}

void supervision::step(time_point now, output& out) {
  if (ended_) return;
  if (stopping_) {
    ended_ = bring_down(0, now, out);
    out.ended = ended_;
    return;
  }
  if (group_ && bring_down(*group_, now, out) && now >= group_at_) {
    for (child c = *group_; c < rows_.size(); ++c) {
      if (rows_[c].is == phase::down) start(c, now, out);
    }
    group_.reset();
    ++restarts_;
  }
  for (child c = 0; c < rows_.size(); ++c) {
    if (rows_[c].is != phase::waiting || now < rows_[c].at) continue;
    start(c, now, out);
    ++restarts_;
  }
}

time_point supervision::next_tick() const {
  auto next = time_point::max();
  bool group_is_down = group_.has_value();
  for (child c = 0; c < rows_.size(); ++c) {
    const auto& r = rows_[c];
    if (r.is == phase::ending || (r.is == phase::waiting && !stopping_)) next = std::min(next, r.at);
    if (group_ && c >= *group_ && (r.is == phase::running || r.is == phase::ending)) group_is_down = false;
  }
  return group_is_down && !stopping_ ? std::min(next, group_at_) : next;
}

std::optional<time_point> supervision::restart_at(child c) const {
  if (stopping_) return std::nullopt;
  if (rows_[c].is == phase::waiting) return rows_[c].at;
  if (group_ && c >= *group_ && rows_[c].is == phase::down) return group_at_;
  return std::nullopt;
}

}  // namespace troupe
