// The handle of an actor on another node: what is enqueued here is sent there. It dies, with down and
// exit messages to those who watch it, when the actor ends or its node is lost, and stays dead.
#pragma once

#include <memory>

#include <caf/actor_proxy.hpp>

namespace troupe {

class actor_session;

class remote_actor_proxy : public caf::actor_proxy {
 public:
  remote_actor_proxy(caf::actor_config& cfg, std::shared_ptr<actor_session> session);

  using caf::actor_proxy::enqueue;
  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) override;
  bool add_backlink(caf::abstract_actor* x) override;
  bool remove_backlink(caf::abstract_actor* x) override;
  void kill_proxy(caf::execution_unit* host, caf::error reason) override;

  [[nodiscard]] const std::shared_ptr<actor_session>& session() const noexcept { return session_; }

 private:
  const std::shared_ptr<actor_session> session_;
};

}  // namespace troupe
