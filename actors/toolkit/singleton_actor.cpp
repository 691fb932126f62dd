#include "actors/toolkit/singleton_actor.hpp"

#include <algorithm>

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include "actors/messages/error.hpp"
#include "actors/toolkit/singleton_news.hpp"

namespace troupe {

namespace {

/// A leaver looks so often whether it is needed still.
constexpr duration leaver_looks = std::chrono::milliseconds(10);

}  // namespace

singleton_actor::singleton_actor(caf::actor_config& cfg, surroundings with, std::string name, singleton_options o,
                                 handles h)
    : caf::event_based_actor(cfg),
      with_(std::move(with)),
      name_(std::move(name)),
      options_(std::move(o)),
      handles_(std::move(h)),
      rng_(with_.seed),
      machine_(singleton_times::of(options_.ttl), rng_.fork()) {}

caf::behavior singleton_actor::make_behavior() {
  set_down_handler([this](caf::down_msg& down) { on_down(down); });
  const auto wake = [weak = self()] { tell(weak, wake_atom::value); };
  proxy().on_first(wake);
  gate().on_first(wake);
  wake();  // what came before waits already
  if (!*with_.over) {
    follower_ = with_.locks->follow({lock_kind::role, role_of(name_)}, [weak = self()](const lock_grant* g) {
      tell(weak, g == nullptr ? holder_news{} : holder_news{g->holder, g->token});
    });
  }
  return {
      [this](const std::shared_ptr<singleton_factory>& make) {
        make_ = make;
        step();
      },
      [this](const hold_news& n) { on_hold(n); },
      [this](const holder_news& n) { on_holder(n); },
      [this](const handle_news& n) { on_gate(n); },
      [this](lost_atom, std::uint64_t token) { on_gate_lost(token); },
      [this](wake_atom) { step(); },
      [this](timer_atom, std::uint64_t number) {
        if (number != timer_) return;
        timer_at_ = time_point::max();
        step();
      },
      [this](state_atom, std::uint64_t token) { return give_state(token); },
      [this](leave_atom) {
        left_ = make_response_promise();
        step(&singleton_machine::leave);
        return left_;
      },
  };
}

void singleton_actor::on_exit() {
  left_ = {};  // a promise holds its own actor alive
  proxy().on_first({});
  gate().on_first({});
  gate().park();
  if (!*with_.over) with_.locks->unfollow(follower_);
  drop();
  if (instance_) caf::anon_send_exit(instance_, caf::exit_reason::user_shutdown);
  instance_ = nullptr;
}

void singleton_actor::carry_out_due() {
  for (auto due = machine_.take(); !due.empty(); due = machine_.take()) {
    for (const auto a : due) carry_out(a);
  }
}

// One that is to be dropped is looked at no more.
void singleton_actor::look_at_hold(time_point now) {
  carry_out_due();
  if (hold_) machine_.on_hold(lock_calls::sure_until(hold_), now);
}

void singleton_actor::step(machine_event what) {
  const auto now = read_clock();
  look_at_hold(now);
  look_at_members(now);
  if (what != nullptr) (machine_.*what)(now);
  machine_.on_tick(now);
  carry_out_due();
  tend_gate(now);
  aim_proxy(now);
  try_finish_leaving(now);
  set_timer(now);
}

void singleton_actor::on_hold(const hold_news& n) {
  if (n.claim != claim_) return;  // nobody wants it any more: it is released with its last copy
  if (!n.held) return step(&singleton_machine::on_refused);
  hold_ = n.held;
  token_ = hold_->token();
  step();
}

void singleton_actor::on_holder(const holder_news& n) {
  if (n.token == holder_.token) return;
  if (holder_.token != 0) before_ = holder_;
  holder_ = n;
  kept_.on_holder(n.token);
  const auto now = read_clock();
  const bool here = n.who.id == with_.self;
  if (n.token > token_ && !here && machine_.at() != phase::left)
    gate().refuse_waiting("the singleton runs at another node");
  look_at_hold(now);
  machine_.on_holder(n.token == 0 ? singleton_machine::holder::nobody
                     : here       ? singleton_machine::holder::here
                                  : singleton_machine::holder::elsewhere,
                     now);
  step();
}

void singleton_actor::on_down(const caf::down_msg& down) {
  if (!instance_ || down.source != instance_.address()) return;
  const auto at = machine_.at();
  const bool by_itself = at == phase::running;
  if (by_itself) {
    ++with_.numbers->failed;
    with_.log.warn("actors", "singleton_failed",
                   {{"name", name_}, {"token", token_}, {"reason", system().render(down.reason)}});
  } else {
    with_.log.info("actors", "singleton_stopped",
                   {{"name", name_}, {"token", token_}, {"state", kept_.is_of(token_) ? "kept" : "none"}});
  }
  --with_.numbers->running;
  instance_ = nullptr;
  step(&singleton_machine::on_ended);
}

// ---- members ----

// Members that may run it, by what they show; whether they have said so is not known here.
std::vector<candidate> singleton_actor::allowed() const {
  auto at = options_.at;
  at.how = where::pick::all;
  return choose(*with_.board.read(), at, {}, rng_).value_or(std::vector<candidate>());
}

std::optional<candidate> singleton_actor::alive(const member_ref& who) const {
  const auto view = with_.board.read();
  for (const auto& m : view->members) {
    const bool up =
        m.state == member_state::alive || m.state == member_state::suspect || m.state == member_state::departing;
    if (m.id == who.id && up) return candidate{m.name, m.id, m.address};
  }
  return std::nullopt;
}

// The last holder does not count as another one: when it goes, the leader is next in line.
void singleton_actor::look_at_members(time_point now) {
  const auto all = allowed();
  const auto is_here = [this](const candidate& c) { return c.id == with_.self; };
  const auto& last = holder_.token != 0 ? holder_.who : before_ ? before_->who : member_ref{};
  const bool others =
      std::any_of(all.begin(), all.end(), [&](const candidate& c) { return c.id != with_.self && c.id != last.id; });
  const auto view = with_.board.read();
  const bool leads = view->leader_now && view->leader_now->id == with_.self;
  machine_.on_lead(leads && others, now);
  if (make_ && std::any_of(all.begin(), all.end(), is_here)) machine_.begin(now);
}

// ---- time ----

// It is needed until its successor has the state, and what waits here has somewhere to go.
void singleton_actor::try_finish_leaving(time_point now) {
  if (!left_.pending() || machine_.at() != phase::left) return;
  left_at_ = std::min(left_at_, now);
  const bool needed = kept_.awaits() || gate().waiting() + proxy().waiting() > 0;
  const auto all = allowed();
  const bool others = std::any_of(all.begin(), all.end(), [this](const candidate& c) { return c.id != with_.self; });
  if (needed && others && now < left_at_ + successor_max) return;
  left_.deliver(caf::atom_value{caf::ok_atom::get_value()});
}

void singleton_actor::set_timer(time_point now) {
  auto next = std::min({machine_.next_tick(), proxy().expire(now), gate().expire(now)});
  if (find_at_ > now) next = std::min(next, find_at_);
  if (left_.pending()) next = std::min(next, now + leaver_looks);
  if (next == timer_at_) return;
  timer_at_ = next;
  ++timer_;
  if (next != time_point::max()) delayed_send(this, std::max(next - now, duration::zero()), timer_atom::value, timer_);
}

}  // namespace troupe
