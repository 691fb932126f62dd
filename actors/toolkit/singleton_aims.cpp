// The two handles of a singleton at one node: where its proxy and its gate are aimed.
#include "actors/toolkit/singleton_actor.hpp"
#include "actors/toolkit/singleton_news.hpp"

namespace troupe {

// What still comes to a node that leaves goes on to the next holder; a node that does not leave may hold it again, so
// two of them would pass messages to and fro.
void singleton_actor::tend_gate(time_point now) {
  if (machine_.at() == phase::left) {
    if (gate().aimed()) return;
    proxy().park();  // no message is on its way from the proxy to the gate any more
    aimed_ = 0;
    return gate().aim(handles_.proxy);
  }
  if (!machine_.serves(now) || !instance_) return gate().park();
  if (gate().aimed()) return;
  gate().aim(caf::actor_cast<caf::strong_actor_ptr>(instance_), [held = hold_, margin = machine_.times().end_margin] {
    return read_clock() + margin < lock_calls::sure_until(held);
  });
}

void singleton_actor::aim_proxy(time_point now) {
  const auto token = holder_.token;
  if (aimed_ != 0 && aimed_ != token) {
    proxy().park();
    aimed_ = 0;
  }
  if (token == 0 || aimed_ == token || finding_ == token) return;
  if (holder_.who.id != with_.self) return find_gate(now);
  if (machine_.at() == phase::left) return;
  aimed_ = token;
  proxy().aim(handles_.gate);
}

// A holder that membership takes for gone is not looked for: the next one comes when its hold is over.
void singleton_actor::find_gate(time_point now) {
  if (now < find_at_) return;
  const auto there = alive(holder_.who);
  if (!there) return;
  finding_ = holder_.token;
  with_.directory->lookup({there->address, there->id}, gate_published_as(name_), now + find_max,
                          [weak = self(), token = holder_.token](const expected<caf::actor>& found) {
                            tell(weak, handle_news{token, found ? caf::actor_cast<caf::strong_actor_ptr>(*found)
                                                                : caf::strong_actor_ptr()});
                          });
}

void singleton_actor::on_gate(const handle_news& n) {
  if (finding_ == n.token) finding_ = 0;
  if (n.token == holder_.token && aimed_ != n.token) {
    if (n.gate) {
      aimed_ = n.token;
      proxy().aim(n.gate);
      n.gate->get()->attach_functor([weak = self(), token = n.token] { tell(weak, lost_atom::value, token); });
    } else {
      find_at_ = read_clock() + find_again;
    }
  }
  step();
}

void singleton_actor::on_gate_lost(std::uint64_t token) {
  if (aimed_ != token) return;
  proxy().park();
  aimed_ = 0;
  find_at_ = read_clock() + find_again;
  step();
}

}  // namespace troupe
