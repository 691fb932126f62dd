// etcd tells of changes by a watch on the key of the entry's version, which every change writes. It begins with the
// revision after the one that was read: what lies between is told too. An answer of the gateway that goes on has a
// connection for itself.
#pragma once

#include <string>
#include <vector>

#include "gateways/kvs/etcd_session.hpp"
#include "gateways/kvs/redial.hpp"
#include "gateways/kvs/store_watcher.hpp"

namespace troupe {

class etcd_watcher final : public store_watcher {
 public:
  etcd_watcher(std::vector<std::string> addresses, std::string password);

 protected:
  [[nodiscard]] expected<std::uint64_t> subscribe(const std::string& key, time_point deadline) override;
  [[nodiscard]] expected<std::uint64_t> next(time_point deadline) override;
  void drop() noexcept override { session_.close(); }

 private:
  [[nodiscard]] expected<std::uint64_t> dial(const std::string& address, const std::string& key, time_point deadline);

  redial dial_;
  const std::string password_;
  etcd_session session_;
};

}  // namespace troupe
