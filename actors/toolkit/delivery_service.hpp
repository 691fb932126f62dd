// Reliable delivery of a node: makes the endpoints, which find each other by the registry.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include <caf/actor_system.hpp>

#include <troupe/caf_delivery.hpp>

#include "actors/metrics.hpp"
#include "actors/toolkit/delivery_actors.hpp"
#include "actors/toolkit/registry_service.hpp"

namespace troupe {

class delivery_service final : public deliveries {
 public:
  delivery_service(caf::actor_system& system, std::shared_ptr<registry_service> registry, incarnation_id self,
                   std::uint64_t seed)
      : system_(system), registry_(std::move(registry)), self_(self), seed_(seed) {}

  [[nodiscard]] expected<caf::actor> sender(const std::string& name, const delivery_options& o) override;
  expected<caf::actor> receiver(const std::string& name, const caf::actor& target) override;

  /// troupe_delivery_*.
  void register_metrics(metrics& m);

 private:
  [[nodiscard]] incarnation_id next_id();

  caf::actor_system& system_;
  const std::shared_ptr<registry_service> registry_;
  const incarnation_id self_;
  const std::uint64_t seed_;
  std::atomic<std::uint64_t> endpoints_{0};
  const std::shared_ptr<delivery_numbers> numbers_ = std::make_shared<delivery_numbers>();
};

}  // namespace troupe
