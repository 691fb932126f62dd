// The RESP door: speaks the Redis protocol to clients, on the cache `default`.
//
// One listener hands sockets to the I/O threads in turn; a session stays on its thread and needs no
// lock. Bound outside loopback it is in protected mode: there is no authentication yet, so only
// clients of this host are served.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "actors/door_context.hpp"
#include "actors/pubsub/pubsub_service.hpp"
#include "gateways/listener.hpp"
#include "gateways/resp/client_groups.hpp"

namespace troupe {

namespace resp {
class keyspace_channel;
class lane;
struct environment;
}  // namespace resp

class resp_door : public door, private resp::client_groups {
 public:
  /// How long close() waits for the I/O threads to close their sessions.
  static constexpr duration close_wait_max = std::chrono::seconds(2);

  explicit resp_door(const door_context& context);
  ~resp_door() override;

  /// errc::unavailable ("resp.bind 127.0.0.1:6380: Address already in use"), errc::invalid_argument when
  /// the setting cannot be read, errc::not_found when there is no cache `default`.
  [[nodiscard]] expected<void> open() override;
  [[nodiscard]] std::string address() const override;
  /// `done` runs on an I/O thread.
  void drain(std::function<void()> done) override;
  void close() override;

 private:
  void register_metrics();

  // client_groups
  [[nodiscard]] std::size_t count() const noexcept override { return lanes_.size(); }
  void visit(std::size_t i, std::function<void(resp::client_group&)> work) override;
  [[nodiscard]] std::size_t listeners(std::size_t i) const noexcept override;
  void deliver(const pubsub_access::batch& messages);

  door_context context_;
  listener listener_;
  std::shared_ptr<pubsub_service> own_channels_;  // of a door that was lent none
  std::shared_ptr<resp::environment> shared_;     // none before open()
  std::shared_ptr<resp::keyspace_channel> events_;
  std::vector<std::shared_ptr<resp::lane>> lanes_;
  bool closed_ = false;
};

}  // namespace troupe
