// The leader's entry in memcached: one value, "<version> <released 0|1>\n" and the entry's bytes, written by add and
// cas. memcached forgets by nature: at a restart, and under memory pressure. libmemcached, blocking, with
// time-outs; it connects again by itself, so a restart is known by the server's process id and start.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <troupe/leader_store.hpp>

struct memcached_st;

namespace troupe {

class memcached_store final : public leader_store {
 public:
  /// host:port of the one server: several know nothing of each other.
  explicit memcached_store(std::string address);
  ~memcached_store() override;

  [[nodiscard]] std::string name() const override { return "memcached"; }
  [[nodiscard]] std::string may_forget() const override { return "memcached forgets at a restart"; }
  [[nodiscard]] expected<leader_reading> get(const std::string& key, time_point deadline) override;
  [[nodiscard]] expected<void> compare_and_set(const std::string& key, std::uint64_t version, const leader_entry& next,
                                               time_point deadline) override;
  [[nodiscard]] expected<void> renew(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                     time_point deadline) override;
  [[nodiscard]] expected<void> release(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                       time_point deadline) override;

 private:
  struct closer {
    void operator()(memcached_st* m) const noexcept;
  };
  struct server_process {
    std::int64_t pid = 0;
    std::int64_t started = 0;  // by its own calendar
    bool operator==(const server_process&) const = default;
  };
  struct held {
    std::optional<leader_entry> entry;
    std::uint64_t token = 0;  // the server's, for cas
  };

  [[nodiscard]] expected<void> connect(time_point deadline);
  void set_limits(time_point deadline);
  [[nodiscard]] expected<void> look_for_restart();
  [[nodiscard]] expected<held> fetch(const std::string& key, time_point deadline);
  [[nodiscard]] expected<void> put(const std::string& key, std::uint64_t token, const leader_entry& next);
  [[nodiscard]] error lost(int code, time_point deadline);

  const std::string address_;
  std::unique_ptr<memcached_st, closer> connection_;
  std::uint64_t runs_ = 0;
  server_process server_;
};

}  // namespace troupe
