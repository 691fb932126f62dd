#include "runtime/singleton/singleton_machine.hpp"

#include <algorithm>

namespace troupe {

std::string_view name_of(singleton_machine::phase p) noexcept {
  switch (p) {
    case singleton_machine::phase::idle: return "idle";
    case singleton_machine::phase::waiting: return "waiting";
    case singleton_machine::phase::fetching: return "fetching";
    case singleton_machine::phase::running: return "running";
    case singleton_machine::phase::pausing: return "pausing";
    case singleton_machine::phase::handing: return "handing";
    case singleton_machine::phase::ending: return "ending";
    case singleton_machine::phase::left: return "left";
  }
  return "";
}

void singleton_machine::begin(time_point now) {
  if (phase_ != phase::idle) return;
  phase_ = phase::waiting;
  until_ = now;
  free_since_ = std::max(free_since_, now);  // what was before may not be known here
  on_tick(now);
}

void singleton_machine::on_lead(bool yields, time_point now) {
  yields_ = yields;
  on_tick(now);
}

void singleton_machine::on_holder(holder h, time_point now) {
  if (h == holder::nobody && holder_ != holder::nobody) free_since_ = now;
  holder_ = h;
  on_tick(now);
}

void singleton_machine::on_hold(time_point sure_until, time_point now) {
  sure_until_ = sure_until;
  if (phase_ == phase::waiting && claimed_) {
    if (!is_sure(now)) return let_go(now, restart_.next(rng_));
    phase_ = phase::fetching;
    until_ = now + times_.fetch_max;
    out_.push_back(singleton_action::fetch);
    return;
  }
  on_tick(now);
}

void singleton_machine::on_refused(time_point now) {
  if (phase_ != phase::waiting) return;
  claimed_ = false;
  until_ = now + restart_.next(rng_);
}

void singleton_machine::on_fetched(time_point now) {
  if (phase_ == phase::fetching) start(now);
}

void singleton_machine::start(time_point now) {
  if (!is_sure(now)) return let_go(now);
  phase_ = phase::running;
  until_ = time_point::max();
  started_ = now;
  out_.push_back(singleton_action::start);
}

// Under its hold still: who comes after may begin where this instance ends.
void singleton_machine::hand_over(time_point now) {
  phase_ = phase::handing;
  until_ = now + times_.hand_max;
  if (now >= before_end(times_.end_margin / 2)) return end_now(now);
  out_.push_back(singleton_action::ask);
}

void singleton_machine::end_now(time_point now) {
  phase_ = phase::ending;
  until_ = now + times_.end_margin / 2;
  killed_ = false;
  out_.push_back(singleton_action::end);
}

// Nothing runs here any more.
void singleton_machine::let_go(time_point now, duration wait) {
  out_.push_back(singleton_action::drop);
  claimed_ = false;
  sure_until_ = time_point::min();
  until_ = now + wait;
  phase_ = leaves_ ? phase::left : phase::waiting;
  tend_waiting(now);
}

bool singleton_machine::may_claim(time_point now) const {
  if (now < until_) return false;
  return !yields_ || (holder_ == holder::nobody && now >= free_since_ + times_.yield_wait);
}

void singleton_machine::tend_waiting(time_point now) {
  if (phase_ != phase::waiting) return;
  if (claimed_ && yields_ && holder_ == holder::elsewhere) {
    claimed_ = false;
    out_.push_back(singleton_action::drop);
  }
  if (claimed_ || !may_claim(now)) return;
  claimed_ = true;
  out_.push_back(singleton_action::claim);
}

void singleton_machine::on_state(time_point now) {
  if (phase_ == phase::handing) end_now(now);
}

void singleton_machine::on_ended(time_point now) {
  if (phase_ == phase::ending || phase_ == phase::handing) return let_go(now);
  if (phase_ != phase::running) return;
  if (now - started_ >= stable_after) restart_.reset();
  const auto wait = restart_.next(rng_);
  if (restart_.tries() % local_tries == 0) return let_go(now, wait);
  phase_ = phase::pausing;
  until_ = now + wait;
  on_tick(now);
}

void singleton_machine::leave(time_point now) {
  if (leaves_) return;
  leaves_ = true;
  switch (phase_) {
    case phase::running: return hand_over(now);
    case phase::waiting:
    case phase::fetching:
    case phase::pausing: return let_go(now);
    case phase::idle: phase_ = phase::left; return;
    default: return;
  }
}

void singleton_machine::on_tick(time_point now) {
  const bool due = now >= until_;
  switch (phase_) {
    case phase::waiting: return tend_waiting(now);
    case phase::fetching:
      if (due || !is_sure(now)) start(now);
      return;
    case phase::running:
      if (!is_sure(now)) hand_over(now);
      return;
    case phase::handing:
      if (due || now >= before_end(times_.end_margin / 2)) end_now(now);
      return;
    case phase::pausing:
      if (!is_sure(now)) return let_go(now);
      if (due) start(now);
      return;
    case phase::ending:
      if (due && !std::exchange(killed_, true)) out_.push_back(singleton_action::kill);
      return;
    default: return;
  }
}

time_point singleton_machine::before_end(duration margin) const {
  return sure_until_ == time_point::min() ? sure_until_ : sure_until_ - margin;
}

time_point singleton_machine::next_tick() const {
  switch (phase_) {
    case phase::waiting:
      if (claimed_) return time_point::max();
      if (!yields_) return until_;
      return holder_ == holder::nobody ? std::max(until_, free_since_ + times_.yield_wait) : time_point::max();
    case phase::fetching:
    case phase::pausing: return std::min(until_, before_end(times_.end_margin));
    case phase::running: return before_end(times_.end_margin);
    case phase::handing: return std::min(until_, before_end(times_.end_margin / 2));
    case phase::ending: return killed_ ? time_point::max() : until_;
    default: return time_point::max();
  }
}

}  // namespace troupe
