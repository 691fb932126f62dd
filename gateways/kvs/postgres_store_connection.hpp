// One connection to PostgreSQL through libpq, without blocking calls but for names: a host name in the DSN is looked
// up while connecting, for as long as the resolver takes; hostaddr avoids it. Several hosts are tried in turn by libpq.
// Whatever ends a call without an answer closes it: what is under way there may still be done.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

struct pg_conn;
struct pg_result;

namespace troupe {

class postgres_store_connection {
 public:
  struct freer {
    void operator()(pg_result* r) const noexcept;
  };
  using result = std::unique_ptr<pg_result, freer>;

  /// errc::access_denied, errc::unavailable, errc::deadline_exceeded.
  [[nodiscard]] expected<void> open(const std::string& dsn, const std::string& password, time_point deadline);
  [[nodiscard]] bool is_open() const noexcept { return connection_ != nullptr; }
  void close() noexcept { connection_.reset(); }

  /// errc::access_denied or errc::unavailable when the server refuses the statement; it stays open then, unless the
  /// server takes no writes any more.
  [[nodiscard]] expected<result> run(const char* statement, const std::vector<std::string>& values,
                                     time_point deadline);
  /// The answer to a question of one row.
  [[nodiscard]] expected<bool> holds(const char* question, time_point deadline);
  [[nodiscard]] bool several_hosts() const;

  /// The text of the next notification, after LISTEN. errc::deadline_exceeded: none yet, it stays open; what has come
  /// already is taken also when the deadline has passed.
  [[nodiscard]] expected<std::string> next(time_point deadline);
  [[nodiscard]] int socket() const noexcept;

 private:
  struct closer {
    void operator()(pg_conn* c) const noexcept;
  };
  [[nodiscard]] bool wait(bool for_writing, time_point deadline) const;
  [[nodiscard]] error lost(time_point deadline);

  std::unique_ptr<pg_conn, closer> connection_;
};

}  // namespace troupe
