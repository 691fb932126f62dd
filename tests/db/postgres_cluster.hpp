// A real PostgreSQL for tests: on a free port of loopback, in a temporary directory, as a user that is not root;
// a primary, and a standby that streams from it when one is asked for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/process/program.hpp"

namespace troupe::test {

class postgres_node {
 public:
  /// An empty cluster with the superuser troupe, who needs no password.
  postgres_node();
  ~postgres_node();

  /// Null when its package is not installed.
  [[nodiscard]] static std::unique_ptr<postgres_node> make();

  /// Starts it, and waits until it takes connections. `settings`: "name=value".
  void start(const std::vector<std::string>& settings = {});
  void kill();     // -9, with its children
  void restart();  // fast shutdown, start
  void stand_still(bool still);
  void promote();

  /// A standby of this running node, not started yet.
  [[nodiscard]] std::unique_ptr<postgres_node> make_standby();

  /// One statement by psql as the superuser; what it prints, without spaces around.
  std::string sql(const std::string& text) const;
  void demand_password(const std::string& password);
  /// Nobody else may connect.
  void let_in_only(const std::string& user);

  [[nodiscard]] std::string dsn() const;
  [[nodiscard]] int port() const noexcept { return port_; }
  [[nodiscard]] static bool is_installed();
  [[nodiscard]] static std::string tool(const std::string& name);

 private:
  struct empty {};
  explicit postgres_node(empty);
  [[nodiscard]] std::vector<std::string> as_server_user(std::vector<std::string> words) const;
  void must(const std::vector<std::string>& words) const;
  [[nodiscard]] std::vector<int> children() const;
  [[nodiscard]] std::string data() const { return home_.path() + "/data"; }

  temporary_directory home_;
  int port_;
  std::vector<std::string> settings_;
  std::unique_ptr<program> process_;
};

}  // namespace troupe::test
