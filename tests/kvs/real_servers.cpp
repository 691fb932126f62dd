#include "tests/kvs/real_servers.hpp"

#include <fstream>
#include <stdexcept>
#include <thread>

#include <unistd.h>

#include "gateways/kvs/etcd_store.hpp"
#include "gateways/kvs/memcached_store.hpp"
#include "gateways/kvs/postgres_store.hpp"
#include "gateways/kvs/redis_store.hpp"
#include "tests/process/free_port.hpp"

namespace troupe::test {

namespace {

constexpr const char* postgres_home = "/usr/lib/postgresql/15/bin/";
constexpr auto between_looks = std::chrono::milliseconds(20);

/// Waits until the store answers a reading, with whatever but "cannot be reached".
void wait_until_answers(const std::function<std::unique_ptr<leader_store>()>& client) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < end) {
    const auto read = client()->get("nothing", std::chrono::steady_clock::now() + std::chrono::seconds(1));
    if (read || read.error().code == errc::access_denied) return;
    std::this_thread::sleep_for(between_looks);
  }
  throw std::runtime_error("the store's server does not answer");
}

bool is_root() { return ::geteuid() == 0; }

}  // namespace

store_server::store_server() : port_(free_port()) {}

void redis_server::start() {
  std::vector<std::string> words{"--port", port(), "--bind", "127.0.0.1", "--dir", home_.path(), "--save", ""};
  words.insert(words.end(), {"--appendonly", durable_ ? "yes" : "no", "--appendfsync", "always"});
  if (!password_.empty()) words.insert(words.end(), {"--requirepass", password_});
  process_ = std::make_unique<program>("redis-server", words, program::environment{}, "");
  wait_until_answers([this] { return client(password_); });
}

std::unique_ptr<leader_store> redis_server::client(const std::string& password) const {
  return std::make_unique<redis_store>(std::vector<std::string>{address()}, password);
}

void redis_server::spoil(const std::string& key) {
  (void)run_tool("redis-cli", {"-p", port(), "del", key});
  (void)run_tool("redis-cli", {"-p", port(), "set", key, "something else"});
}

etcd_server::etcd_server() : peers_port_(free_port()) {}

void etcd_server::start() {
  const auto peers = "http://127.0.0.1:" + std::to_string(peers_port_);
  const auto url = "http://" + address();
  process_ = std::make_unique<program>(
      "etcd",
      std::vector<std::string>{"--name", "one", "--data-dir", home_.path() + "/etcd", "--listen-client-urls", url,
                               "--advertise-client-urls", url, "--listen-peer-urls", peers,
                               "--initial-advertise-peer-urls", peers, "--initial-cluster", "one=" + peers},
      program::environment{}, "");
  wait_until_answers([this] { return client({}); });
}

std::unique_ptr<leader_store> etcd_server::client(const std::string& password) const {
  return std::make_unique<etcd_store>(std::vector<std::string>{address()}, password);
}

void etcd_server::spoil(const std::string& key) {  // "rubbish" in base64
  for (const char* part : {"/version", "/value"}) {
    const auto encoded = run_tool("base64", {"-w0"}, key + part).out;
    const auto body = R"({"key":")" + encoded + R"(","value":"cnViYmlzaA=="})";
    post("/v3/kv/put", body);
  }
}

void etcd_server::post(const std::string& path, const std::string& body) const {
  (void)run_tool("curl", {"-s", "-X", "POST", "-d", body, "http://" + address() + path});
}

void etcd_server::demand(const std::string& password) {
  for (const std::string name : {"root", "troupe"}) {
    post("/v3/auth/user/add", R"({"name":")" + name + R"(","password":")" + password + R"("})");
    post("/v3/auth/user/grant", R"({"user":")" + name + R"(","role":"root"})");
  }
  post("/v3/auth/enable", "{}");
}

void memcached_server::start() {
  process_ = std::make_unique<program>(
      "memcached", std::vector<std::string>{"-p", port(), "-l", "127.0.0.1", "-U", "0", "-u", "nobody"},
      program::environment{}, "");
  wait_until_answers([this] { return client({}); });
}

std::unique_ptr<leader_store> memcached_server::client(const std::string&) const {
  return std::make_unique<memcached_store>(address());
}

void memcached_server::spoil(const std::string& key) {
  const auto telnet = "telnet://" + address();
  (void)run_tool("curl", {"-s", "--max-time", "2", telnet}, "set " + key + " 0 0 7\r\nrubbish\r\nquit\r\n");
}

postgres_server::postgres_server() {
  if (is_root()) (void)run_tool("chown", {"postgres", home_.path()});
  auto words =
      as_server_user({std::string(postgres_home) + "initdb", "-D", data(), "-A", "trust", "-U", "troupe", "--no-sync"});
  const auto tool = words.front();
  words.erase(words.begin());
  if (const auto made = run_tool(tool, words); made.exit_code != 0) throw std::runtime_error("initdb: " + made.err);
}

// setpriv executes the server itself, so that a signal reaches it.
std::vector<std::string> postgres_server::as_server_user(std::vector<std::string> words) const {
  if (!is_root()) return words;
  std::vector<std::string> all{"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

void postgres_server::start() {
  auto words = as_server_user({std::string(postgres_home) + "postgres", "-D", data(), "-p", port(), "-c",
                               "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + home_.path()});
  const auto tool = words.front();
  words.erase(words.begin());
  const auto end = std::chrono::steady_clock::now() + 2 * patience;  // it may have to recover
  for (;;) {  // after kill -9 its children need a moment to see that it is gone
    process_ = std::make_unique<program>(tool, words, program::environment{}, "");
    bool ready = false;
    do ready = process_->wait_for("ready to accept connections", std::chrono::seconds(1));
    while (!ready && process_->wait_exit(duration::zero()) == -1 && std::chrono::steady_clock::now() < end);
    if (ready) break;
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error("postgres: " + process_->err());
  }
  wait_until_answers([this] { return client({}); });
}

std::string postgres_server::dsn() const {
  return "hostaddr=127.0.0.1 port=" + port() + " user=troupe dbname=postgres";
}

std::unique_ptr<leader_store> postgres_server::client(const std::string& password) const {
  return std::make_unique<postgres_store>(dsn(), password);
}

void postgres_server::spoil(const std::string& key) {
  (void)run_tool("psql", {dsn(), "-c",
                          "update troupe_leader set value = 'rubbish', version = 'rubbish' where key = '" + key + "'"});
}

void postgres_server::demand(const std::string& password) {
  (void)run_tool("psql", {dsn(), "-c", "alter user troupe password '" + password + "'"});
  std::ofstream(data() + "/pg_hba.conf") << "host all all 127.0.0.1/32 scram-sha-256\n";
  kill();
  start();
}

std::unique_ptr<store_server> make_server(const std::string& type) {
  if (type == "redis") {
    if (::access("/usr/bin/redis-server", X_OK) != 0) return nullptr;
    return std::make_unique<redis_server>();
  }
  if (type == "etcd") {
    if (::access("/usr/bin/etcd", X_OK) != 0) return nullptr;
    return std::make_unique<etcd_server>();
  }
  if (type == "memcached") {
    if (::access("/usr/bin/memcached", X_OK) != 0) return nullptr;
    return std::make_unique<memcached_server>();
  }
  if (::access((std::string(postgres_home) + "postgres").c_str(), X_OK) != 0) return nullptr;
  return std::make_unique<postgres_server>();
}

}  // namespace troupe::test
