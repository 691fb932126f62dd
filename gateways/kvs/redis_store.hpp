// The leader's entry in Redis: a hash with the fields version, released and value. Scripts at the server
// compare and write, which is atomic there. The client is hiredis, blocking, with time-outs.
//
// Redis may forget unless it writes its append-only file before each answer (appendonly yes, appendfsync
// always); that is asked after each connect and told in may_forget(). Replicas of Redis follow later than
// its answers: after a fail-over to one, a confirmed write may be gone.
#pragma once

#include <string>
#include <vector>

#include <troupe/leader_store.hpp>

#include "gateways/kvs/redial.hpp"
#include "gateways/kvs/redis_connection.hpp"
#include "gateways/kvs/redis_watcher.hpp"

namespace troupe {

class redis_store final : public leader_store {
 public:
  /// host:port of one server, or of it and its replicas, which refuse writes: two servers that both take
  /// writes would make two leaders. An empty password: no AUTH.
  redis_store(std::vector<std::string> addresses, std::string password);
  ~redis_store() override;

  [[nodiscard]] std::string name() const override { return "redis"; }
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
  void ask_durability(time_point deadline);
  [[nodiscard]] expected<redis_connection::reply> call(const std::vector<std::string>& words, time_point deadline);
  [[nodiscard]] expected<void> change(const std::string& script, const std::vector<std::string>& arguments,
                                      time_point deadline);

  redial dial_;
  const std::string password_;
  redis_connection connection_;
  std::uint64_t connects_ = 0;
  std::string may_forget_ = "redis was not reached yet";
  redis_watcher watcher_;  // of another thread
};

}  // namespace troupe
