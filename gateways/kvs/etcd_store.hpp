// The leader's entry in etcd v3, through its JSON gateway (HTTP/1.1, /v3/kv/txn): three keys below the entry's key,
// version, released and value, read in one transaction and changed in one that compares the version's bytes.
// etcd answers when a majority of its members has the write on disk: it does not forget.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <troupe/leader_store.hpp>

#include "gateways/kvs/etcd_session.hpp"
#include "gateways/kvs/etcd_watcher.hpp"
#include "gateways/kvs/redial.hpp"

namespace troupe {

class etcd_store final : public leader_store {
 public:
  /// host:port of several members; an empty password: no authentication.
  etcd_store(std::vector<std::string> addresses, std::string password);
  ~etcd_store() override;

  [[nodiscard]] std::string name() const override { return "etcd"; }
  [[nodiscard]] std::string may_forget() const override { return {}; }
  [[nodiscard]] expected<leader_reading> get(const std::string& key, time_point deadline) override;
  [[nodiscard]] expected<void> compare_and_set(const std::string& key, std::uint64_t version, const leader_entry& next,
                                               time_point deadline) override;
  [[nodiscard]] expected<void> renew(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                     time_point deadline) override;
  [[nodiscard]] expected<void> release(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                       time_point deadline) override;
  [[nodiscard]] expected<void> watch(const std::string& key, std::uint64_t version, time_point deadline) override {
    return watcher_.watch(key, version, deadline);
  }
  void end_watch() override { watcher_.end(); }

 private:
  using puts = std::vector<std::pair<std::string, std::string>>;  // key, value

  [[nodiscard]] expected<void> connect(time_point deadline);
  [[nodiscard]] expected<nlohmann::json> ask(const nlohmann::json& transaction, time_point deadline);
  [[nodiscard]] expected<void> change(const std::string& key, std::uint64_t version, const puts& written,
                                      time_point deadline);

  redial dial_;
  const std::string password_;
  etcd_session session_;
  std::uint64_t connects_ = 0;
  etcd_watcher watcher_;  // of another thread
};

}  // namespace troupe
