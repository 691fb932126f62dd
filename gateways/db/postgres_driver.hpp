// PostgreSQL behind the database service: a schema for each namespace. Blocking sessions migrate and serve backed
// caches; everything else goes the asynchronous way (connect), over pipelined connections.
//
// Names in the DSN are looked up without blocking on the asynchronous way; a blocking session leaves that to libpq.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <troupe/config.hpp>

#include "actors/io_pool.hpp"
#include "gateways/db/postgres_database.hpp"
#include "gateways/db/postgres_login.hpp"
#include "gateways/db/postgres_target.hpp"
#include "runtime/services/database_driver.hpp"

namespace troupe {

class postgres_driver final : public database_driver {
 public:
  /// bad_config for a DSN that is none and a password file that cannot be read; unavailable without libpq.
  [[nodiscard]] static expected<std::shared_ptr<postgres_driver>> make(const db_config& c, io_pool& io,
                                                                       std::uint64_t seed);
  postgres_driver(postgres_target target, const pool_limits& limits, role_mode roles, io_pool& io, std::uint64_t seed);
  ~postgres_driver() override;

  [[nodiscard]] expected<std::unique_ptr<database_session>> open(const std::string& name_space) override;
  [[nodiscard]] expected<std::unique_ptr<database_session>> open_reader(const std::string& name_space) override;
  [[nodiscard]] std::string_view name() const noexcept override { return "postgres"; }
  [[nodiscard]] sql_dialect dialect() const noexcept override { return sql_dialect::postgres; }
  [[nodiscard]] bool shared() const noexcept override { return true; }
  [[nodiscard]] std::shared_ptr<database_access> connect(const std::string& name_space) override;
  [[nodiscard]] std::vector<database_numbers> numbers() const override;
  [[nodiscard]] role_note role_of(const std::string& name_space) const override;
  void stop() override;

 private:
  [[nodiscard]] std::shared_ptr<postgres_login> login_of(const std::string& name_space);

  const postgres_target target_;
  const pool_limits limits_;
  const role_mode roles_;
  io_pool& io_;
  const std::uint64_t seed_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<postgres_database>> databases_;      // guarded by mutex_
  std::map<std::string, std::shared_ptr<postgres_login>> logins_;  // guarded by mutex_
};

}  // namespace troupe
