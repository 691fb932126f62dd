// Two handles that are no actors with a mailbox: the one that a client has of a grain, and the one that other nodes
// have of this node's grains. What is sent to either is routed at once, on the sender's thread.
#pragma once

#include <memory>
#include <string>

#include <caf/actor.hpp>
#include <caf/actor_proxy.hpp>

namespace troupe {

class grain_service;

class grain_ref final : public caf::actor_proxy {
 public:
  grain_ref(caf::actor_config& cfg, std::shared_ptr<grain_service> service, std::string type, std::string id,
            std::string key, std::uint32_t shard);

  using caf::actor_proxy::enqueue;
  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) override;
  void kill_proxy(caf::execution_unit* host, caf::error reason) override { cleanup(std::move(reason), host); }
  const char* name() const override { return "grain_ref"; }

 private:
  const std::shared_ptr<grain_service> service_;
  const std::string type_, id_, key_;
  const std::uint32_t shard_;
};

class grain_gate final : public caf::actor_proxy {
 public:
  static constexpr const char* published_as = "troupe.grains";

  grain_gate(caf::actor_config& cfg, std::weak_ptr<grain_service> service);

  using caf::actor_proxy::enqueue;
  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) override;
  void kill_proxy(caf::execution_unit* host, caf::error reason) override { cleanup(std::move(reason), host); }
  const char* name() const override { return "grain_gate"; }

 private:
  const std::weak_ptr<grain_service> service_;
};

}  // namespace troupe
