// Redis tells of changes by publish and subscribe: the scripts that change an entry publish its new version on the
// channel with the key's name. A connection that subscribes takes no other commands: the version is read by another
// one, once after each subscription.
#pragma once

#include <string>
#include <vector>

#include "gateways/kvs/redial.hpp"
#include "gateways/kvs/redis_connection.hpp"
#include "gateways/kvs/store_watcher.hpp"

namespace troupe {

class redis_watcher final : public store_watcher {
 public:
  redis_watcher(std::vector<std::string> addresses, std::string password);

 protected:
  [[nodiscard]] expected<std::uint64_t> subscribe(const std::string& key, time_point deadline) override;
  [[nodiscard]] expected<std::uint64_t> next(time_point deadline) override;
  void drop() noexcept override { connection_.close(); }

 private:
  [[nodiscard]] expected<std::uint64_t> dial(const std::string& address, const std::string& key, time_point deadline);
  [[nodiscard]] expected<void> refuse_replica(time_point deadline);

  redial dial_;
  const std::string password_;
  redis_connection connection_;
};

}  // namespace troupe
