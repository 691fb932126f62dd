// The leader's entry in PostgreSQL: a row of the table troupe_leader, which is made when it is not there.
// Every change is one statement with the version in its where clause. expires_at, by the server's clock,
// is for people who look: no rule goes by it, since that clock may be set.
//
// libpq without blocking calls but for names: a host name in the DSN is looked up while connecting, for as
// long as the resolver takes; hostaddr avoids it. Several hosts in the DSN are tried in turn by libpq.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <troupe/leader_store.hpp>

#include "gateways/kvs/redial.hpp"

struct pg_conn;
struct pg_result;

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

 private:
  struct closer {
    void operator()(pg_conn* c) const noexcept;
  };
  struct freer {
    void operator()(pg_result* r) const noexcept;
  };
  using result = std::unique_ptr<pg_result, freer>;

  [[nodiscard]] expected<void> connect(time_point deadline);
  [[nodiscard]] expected<void> dial(time_point deadline);
  [[nodiscard]] expected<void> prepare(time_point deadline);
  [[nodiscard]] expected<bool> holds(const char* question, time_point deadline);
  [[nodiscard]] bool several_hosts() const;
  [[nodiscard]] expected<result> run(const char* statement, const std::vector<std::string>& values,
                                     time_point deadline);
  [[nodiscard]] expected<void> change(const char* statement, const std::vector<std::string>& values,
                                      time_point deadline);
  [[nodiscard]] bool wait(bool for_writing, time_point deadline) const;
  [[nodiscard]] error lost(time_point deadline);

  const std::string dsn_;
  const std::string password_;
  redial dial_{{"the DSN"}};
  std::unique_ptr<pg_conn, closer> connection_;
  std::uint64_t connects_ = 0;
  std::string may_forget_ = "postgres was not reached yet";
};

}  // namespace troupe
