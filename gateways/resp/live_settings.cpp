#include "gateways/resp/live_settings.hpp"

#include <utility>

namespace troupe::resp {

namespace {

// As Redis has them.
constexpr std::uint64_t replica_hard = 256 * mib;
constexpr std::uint64_t replica_soft = 64 * mib;
constexpr std::uint64_t pubsub_hard = 32 * mib;
constexpr std::uint64_t pubsub_soft = 8 * mib;
constexpr std::uint64_t soft_seconds = 60;

}  // namespace

live_settings::live_settings(const config& c)
    : bulk_max(c.resp.bulk_max),
      query_buffer_max(query_buffer_max_default),
      connections_max(c.resp.connections_max),
      idle_seconds(static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(c.resp.idle_timeout).count())) {
  output_of(buffer_class::normal).hard = c.resp.output_buffer_max;
  auto& replica = output_of(buffer_class::replica);
  replica.hard = replica_hard, replica.soft = replica_soft, replica.soft_seconds = soft_seconds;
  auto& pubsub = output_of(buffer_class::pubsub);
  pubsub.hard = pubsub_hard, pubsub.soft = pubsub_soft, pubsub.soft_seconds = soft_seconds;
}

std::string live_settings::kept(std::string_view name, std::string_view otherwise) const {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(name);
  return found == kept_.end() ? std::string(otherwise) : found->second;
}

void live_settings::keep(std::string_view name, std::string value) {
  const std::lock_guard lock(mutex_);
  kept_.insert_or_assign(std::string(name), std::move(value));
}

}  // namespace troupe::resp
