// The leader's entry in PostgreSQL: a row of the table troupe_leader, which is made when it is not there.
// Every change is one statement with the version in its where clause. expires_at, by the server's clock,
// is for people who look: no rule goes by it, since that clock may be set.
#pragma once

#include <string>
#include <vector>

#include <troupe/leader_store.hpp>

#include "gateways/kvs/postgres_store_connection.hpp"
#include "gateways/kvs/postgres_watcher.hpp"
#include "gateways/kvs/redial.hpp"

namespace troupe {

class postgres_store final : public leader_store {
 public:
  postgres_store(std::string dsn, std::string password);
  ~postgres_store() override;

  [[nodiscard]] std::string name() const override { return "postgres"; }
  [[nodiscard]] std::string may_forget() const override { return may_forget_; }
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
  [[nodiscard]] expected<void> connect(time_point deadline);
  [[nodiscard]] expected<void> prepare(time_point deadline);
  [[nodiscard]] expected<void> change(const char* statement, const std::vector<std::string>& values,
                                      time_point deadline);

  const std::string dsn_;
  const std::string password_;
  redial dial_{{"the DSN"}};
  postgres_store_connection connection_;
  std::uint64_t connects_ = 0;
  std::string may_forget_ = "postgres was not reached yet";
  postgres_watcher watcher_;  // of another thread
};

}  // namespace troupe
