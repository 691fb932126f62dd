// A node that serves rows over HTTP on SQLite or on a real PostgreSQL, with the model that a test gives it.
#pragma once

#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <troupe/node.hpp>

#include "tests/db/postgres_cluster.hpp"
#include "tests/db/temporary_directory.hpp"
#include "tests/http/raw_client.hpp"

namespace troupe {

class entity_node : public ::testing::TestWithParam<const char*> {
 protected:
  static void TearDownTestSuite() { server().reset(); }

  void SetUp() override {
    if (!on_postgres()) return;
    if (!server()) {
      server() = test::postgres_node::make();
      if (server()) server()->start();
    }
    if (!server()) GTEST_SKIP() << "PostgreSQL 15 is not installed";
    server()->sql("drop schema if exists entities cascade");
  }

  [[nodiscard]] bool on_postgres() const { return std::string(GetParam()) == "postgres"; }
  static std::unique_ptr<test::postgres_node>& server() {
    static std::unique_ptr<test::postgres_node> one;
    return one;
  }

  expected<node> try_start(std::string_view model, const std::string& file = "model.json") {
    const auto path = home.path() + "/" + file;
    std::ofstream(path) << model;
    config c;
    c.node.name = "a";
    c.node.services = {"http", "db", "entities"};
    c.node.data_dir = home.path() + "/data";
    c.log.level = "error";
    c.cluster.bind = "127.0.0.1:0";
    c.http.bind = "127.0.0.1:0";
    c.gossip.profile = "fast";
    c.db.type = GetParam();
    if (on_postgres()) c.db.dsn = server()->dsn();
    c.entities.model = path;
    c.entities.bulk_max = 5000;
    if (adjust) adjust(c);
    return node::start(std::move(c), options);
  }

  /// Starts it, and waits until it serves.
  void start(std::string_view model, const std::string& file = "model.json") {
    running.reset();
    auto started = try_start(model, file);
    ASSERT_TRUE(started) << describe(started.error());
    running.emplace(std::move(*started));
    const auto ready = running->wait_ready(std::chrono::seconds(20));
    ASSERT_TRUE(ready) << describe(ready.error());
  }

  raw_answer call(const std::string& method, const std::string& target, const std::string& body = {},
                  const std::string& fields = {}) {
    raw_client client(running->addresses().http);
    std::string text = method + " " + target + " HTTP/1.1\r\nHost: test\r\n" + fields;
    if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH")
      text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return client.call(text + "\r\n" + body, method == "HEAD");
  }
  raw_answer post(const std::string& target, const std::string& body) {
    return call("POST", target, body, "Content-Type: application/json\r\n");
  }
  static nlohmann::json parsed(const raw_answer& a) { return nlohmann::json::parse(a.body, nullptr, false); }
  nlohmann::json get(const std::string& target) {
    const auto a = call("GET", target);
    EXPECT_EQ(a.status, 200) << target << " " << a.body;
    return parsed(a);
  }
  /// The id of a row that is made.
  std::int64_t made(const std::string& target, const std::string& body) {
    const auto a = post(target, body);
    EXPECT_EQ(a.status, 201) << a.body;
    return a.status == 201 ? parsed(a)["id"].get<std::int64_t>() : 0;
  }
  static nlohmann::json errors(const raw_answer& a) { return parsed(a).value("errors", nlohmann::json::array()); }

  temporary_directory home;
  node_options options;
  std::function<void(config&)> adjust;
  std::optional<node> running;
};

}  // namespace troupe
