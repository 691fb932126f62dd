// PostgreSQL tells of changes by LISTEN and NOTIFY: the statements that change a row of troupe_leader notify the
// channel troupe_leader, in the same statement, of "version key". All keys share it: the others' are passed over.
#pragma once

#include <string>

#include "gateways/kvs/postgres_store_connection.hpp"
#include "gateways/kvs/redial.hpp"
#include "gateways/kvs/store_watcher.hpp"

namespace troupe {

class postgres_watcher final : public store_watcher {
 public:
  postgres_watcher(std::string dsn, std::string password);

 protected:
  [[nodiscard]] expected<std::uint64_t> subscribe(const std::string& key, time_point deadline) override;
  [[nodiscard]] expected<std::uint64_t> next(time_point deadline) override;
  void drop() noexcept override { connection_.close(); }

 private:
  const std::string dsn_;
  const std::string password_;
  redial dial_{{"the DSN"}};
  postgres_store_connection connection_;
  std::string key_;
};

}  // namespace troupe
