// The leader's entry in the key-value service that the cluster runs itself (runtime/kvs): one key, changed by a
// compare-and-set on the version that the service gives each write.
//
// It is durable, and it needs no leader; while no majority of the kvs members talks, every call fails in time.
#pragma once

#include <optional>
#include <string>

#include <troupe/leader_store.hpp>

#include "actors/kvs/kvs_access.hpp"

namespace troupe {

class builtin_store final : public leader_store {
 public:
  /// `kvs` outlives it.
  explicit builtin_store(kvs_access& kvs) : kvs_(kvs) {}

  [[nodiscard]] std::string name() const override { return "builtin"; }
  [[nodiscard]] std::string may_forget() const override { return {}; }
  [[nodiscard]] expected<leader_reading> get(const std::string& key, time_point deadline) override;
  [[nodiscard]] expected<void> compare_and_set(const std::string& key, std::uint64_t version, const leader_entry& next,
                                               time_point deadline) override;
  [[nodiscard]] expected<void> renew(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                     time_point deadline) override;
  [[nodiscard]] expected<void> release(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                       time_point deadline) override;

  /// How long a call waits beyond its deadline for an answer that says what was done.
  static constexpr duration answer_grace = std::chrono::milliseconds(20);

 private:
  struct known {
    std::string key;
    leader_entry entry;
    std::uint64_t kvs_version = 0;
  };

  [[nodiscard]] expected<kvs_result> ask(kvs_request r);
  [[nodiscard]] expected<void> know(const std::string& key, std::uint64_t version, time_point deadline);
  [[nodiscard]] expected<void> set(const std::string& key, leader_entry next, std::uint64_t over, time_point deadline);
  [[nodiscard]] expected<void> touch(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                     bool released, time_point deadline);

  kvs_access& kvs_;
  std::optional<known> known_;  // as last read or written
};

}  // namespace troupe
