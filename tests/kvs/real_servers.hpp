// Real store servers from the system's packages: on a free port of loopback, with a temporary directory,
// killed and started again as a test asks, ended with the object.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <troupe/leader_store.hpp>

#include "tests/process/program.hpp"

namespace troupe::test {

class store_server {
 public:
  virtual ~store_server() = default;
  [[nodiscard]] virtual std::string type() const = 0;  // kvs.type
  virtual void start() = 0;                            // and waits until it answers
  /// kill -9; what is on its disk stays.
  void kill() { process_.reset(); }
  [[nodiscard]] virtual std::unique_ptr<leader_store> client(const std::string& password = {}) const = 0;
  /// Puts something that is no leader's entry under the key.
  virtual void spoil(const std::string& key) = 0;
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] virtual std::string dsn() const { return {}; }
  /// From now on clients need this password; of servers that have one.
  virtual void demand(const std::string&) {}

 protected:
  store_server();
  [[nodiscard]] std::string port() const { return std::to_string(port_); }

  temporary_directory home_;
  std::unique_ptr<program> process_;

 private:
  int port_;
};

class redis_server final : public store_server {
 public:
  /// durable: it writes its append-only file before each answer.
  explicit redis_server(bool durable = true, std::string password = {})
      : durable_(durable), password_(std::move(password)) {}
  [[nodiscard]] std::string type() const override { return "redis"; }
  void start() override;
  [[nodiscard]] std::unique_ptr<leader_store> client(const std::string& password) const override;
  void spoil(const std::string& key) override;

 private:
  const bool durable_;
  const std::string password_;
};

class etcd_server final : public store_server {
 public:
  etcd_server();
  [[nodiscard]] std::string type() const override { return "etcd"; }
  void start() override;
  [[nodiscard]] std::unique_ptr<leader_store> client(const std::string& password) const override;
  void spoil(const std::string& key) override;
  void demand(const std::string& password) override;

 private:
  void post(const std::string& path, const std::string& body) const;
  const int peers_port_;
};

class memcached_server final : public store_server {
 public:
  [[nodiscard]] std::string type() const override { return "memcached"; }
  void start() override;
  [[nodiscard]] std::unique_ptr<leader_store> client(const std::string& password) const override;
  void spoil(const std::string& key) override;
};

/// The server refuses to run as root: it runs as the user postgres then.
class postgres_server final : public store_server {
 public:
  postgres_server();
  [[nodiscard]] std::string type() const override { return "postgres"; }
  void start() override;
  [[nodiscard]] std::unique_ptr<leader_store> client(const std::string& password) const override;
  void spoil(const std::string& key) override;
  void demand(const std::string& password) override;
  [[nodiscard]] std::string dsn() const override;

 private:
  [[nodiscard]] std::vector<std::string> as_server_user(std::vector<std::string> words) const;
  [[nodiscard]] std::string data() const { return home_.path() + "/data"; }
};

/// Null when its package is not installed.
[[nodiscard]] std::unique_ptr<store_server> make_server(const std::string& type);

}  // namespace troupe::test
