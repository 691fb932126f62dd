#include "actors/link/remote_actor_proxy.hpp"

#include <caf/mailbox_element.hpp>

#include "actors/link/actor_session.hpp"

namespace troupe {

remote_actor_proxy::remote_actor_proxy(caf::actor_config& cfg, std::shared_ptr<actor_session> session)
    : caf::actor_proxy(cfg), session_(std::move(session)) {}

void remote_actor_proxy::enqueue(caf::mailbox_element_ptr what, caf::execution_unit*) {
  if (what) session_->forward(id(), *what);
}

// Both run inside CAF's critical section of the two actors: the session defers what needs their locks.
bool remote_actor_proxy::add_backlink(caf::abstract_actor* x) {
  if (!caf::actor_proxy::add_backlink(x)) return false;
  session_->tell_link(frame_type::actor_link, id(), caf::strong_actor_ptr(x->ctrl()));
  return true;
}

bool remote_actor_proxy::remove_backlink(caf::abstract_actor* x) {
  if (!caf::actor_proxy::remove_backlink(x)) return false;
  session_->tell_link(frame_type::actor_unlink, id(), caf::strong_actor_ptr(x->ctrl()));
  return true;
}

void remote_actor_proxy::kill_proxy(caf::execution_unit* host, caf::error reason) { cleanup(std::move(reason), host); }

}  // namespace troupe
