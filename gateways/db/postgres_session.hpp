// One blocking connection to PostgreSQL, for the threads of the database service: migrations, probes and the batches of
// backed caches. libpq is used without its blocking calls, so that each wait has a limit.
//
// Used by one thread at a time. Statements are written as for any database (?, ?1, $1) and prepared at first use.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "gateways/db/postgres_target.hpp"
#include "gateways/db/postgres_values.hpp"
#include "runtime/services/database_driver.hpp"

namespace troupe {

class postgres_session final : public database_session {
 public:
  static constexpr duration dial_timeout = std::chrono::seconds(3);
  static constexpr duration place_timeout = std::chrono::milliseconds(500);  // of one of several, at the first round
  static constexpr duration answer_timeout = std::chrono::seconds(10);       // of one statement
  static constexpr duration migration_timeout = std::chrono::minutes(10);
  static constexpr std::size_t statements_max = 256;

  /// Who it is: `target` as the connections of the namespace are, `owner` the login of the DSN, which owns the schema;
  /// `role` empty: they are the same.
  struct identity {
    postgres_target target;
    postgres_target owner;
    std::string name_space;
    std::string role;
  };
  /// Connects; postgres_login makes what is not there.
  [[nodiscard]] static expected<std::unique_ptr<postgres_session>> open(identity who);

  // postgres_roles.cpp.

  /// Of the owner: the schema, when it is not there.
  [[nodiscard]] expected<void> make_schema();
  /// Of the owner: the role of the namespace, with all that it needs and what is there already. Its name.
  /// errc::access_denied when the login may not do that.
  [[nodiscard]] expected<std::string> make_role(const postgres_target& login);
  /// Of the role: whether its schema is there and everything in it is its own.
  [[nodiscard]] expected<bool> has_all();

  [[nodiscard]] expected<db_result> run(std::string_view sql, const db_row& parameters) override;
  void limit(time_point deadline) noexcept override { deadline_ = deadline; }
  [[nodiscard]] expected<void> begin(db_access access) override;
  [[nodiscard]] expected<void> commit() override;
  void rollback() noexcept override;
  [[nodiscard]] bool in_transaction() const noexcept override { return in_transaction_; }
  [[nodiscard]] expected<void> open_cursor(std::string_view sql, const db_row& parameters) override;
  [[nodiscard]] expected<db_result> fetch(std::size_t rows_max) override;
  void close_cursor() noexcept override {}  // ends with its transaction
  [[nodiscard]] expected<void> savepoint() override { return plain("savepoint job"); }
  [[nodiscard]] expected<void> release() override { return plain("release savepoint job"); }
  [[nodiscard]] expected<void> rollback_to_savepoint() override;
  using database_session::migrate;
  [[nodiscard]] expected<void> migrate(const std::vector<migration>& migrations,
                                       const std::optional<fenced>& right) override;
  [[nodiscard]] expected<void> begin_change(const std::optional<fenced>& right) override;
  [[nodiscard]] expected<void> run_script(const std::string& sql) override { return plain(sql, migration_timeout); }
  [[nodiscard]] expected<void> probe() override;
  [[nodiscard]] expected<void> backup(const std::string& file, const std::function<bool()>& go_on) override;
  [[nodiscard]] expected<void> reset(const std::optional<fenced>& right) override;

  explicit postgres_session(identity who) : who_(std::move(who)), name_space_(who_.name_space) {}

 private:
  struct closer {
    void operator()(PGconn* c) const noexcept { pq().PQfinish(c); }
  };
  struct outcome {
    postgres_result last;
    std::string state;
  };

  [[nodiscard]] expected<void> dial(const postgres_target& target);
  [[nodiscard]] expected<void> dial_one(const postgres_target& target, const postgres_attempt& attempt,
                                        time_point deadline);
  static void on_notice(void* self, const PGresult* notice);
  [[nodiscard]] bool wait(bool for_writing, time_point deadline) const;
  [[nodiscard]] time_point until(duration most) const;
  [[nodiscard]] expected<outcome> gather(time_point deadline);
  [[nodiscard]] expected<db_result> rows(expected<outcome> o);
  /// Text of ours, or of a migration (several statements), without parameters.
  [[nodiscard]] expected<void> plain(const std::string& text, duration most = answer_timeout);
  [[nodiscard]] expected<std::string> known(std::string_view sql, std::size_t parameters, time_point deadline);
  [[nodiscard]] error lost(const std::string& what);
  [[nodiscard]] expected<bool> is_migrated(const std::vector<migration>& migrations);
  [[nodiscard]] expected<std::vector<migration>> missing(const std::vector<migration>& migrations);
  [[nodiscard]] expected<void> apply_all(const std::vector<migration>& migrations, const fenced& right);
  [[nodiscard]] expected<void> apply(const migration& m);
  [[nodiscard]] expected<void> lock_and_take_term(const fenced& right);
  [[nodiscard]] expected<void> take_term(const fenced& right);
  [[nodiscard]] expected<void> drop_all(const fenced& right);
  [[nodiscard]] expected<void> reset_by_owner(const fenced& right);
  [[nodiscard]] expected<void> empty_for(const std::string& role, const fenced& right);
  [[nodiscard]] expected<void> give_role(const std::string& role, const std::string& password, bool is_there);

  const identity who_;
  const std::string name_space_;
  std::unique_ptr<PGconn, closer> connection_;
  std::unordered_map<std::string, std::pair<std::string, std::size_t>> prepared_;  // text -> name, parameters
  std::shared_ptr<const sql_columns> columns_;
  time_point deadline_ = time_point::max();
  bool in_transaction_ = false;
  bool sent_ = false;          // the last statement may have reached the server
  bool unreplicated_ = false;  // it is committed, but the wait for the standby was cancelled
  std::string tag_;            // of the last statement
};

}  // namespace troupe
