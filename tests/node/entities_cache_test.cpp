// Rows in the cluster's cache: one load for many reads, and nobody gets an older row after a newer one was
// acknowledged.
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>

#include <troupe/local_cluster.hpp>

#include "runtime/base/random.hpp"
#include "tests/entities/models.hpp"
#include "tests/node/entities_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

const std::string sharks = "/v1/entities/shark";

struct cached_rows : entity_node {
  cached_rows() {
    adjust = [](config& c) { c.node.services.push_back("cache"); };
  }
  /// A metric's value; 0 when it is not there.
  double number(const std::string& name) {
    const auto text = call("GET", "/metrics").body;
    const auto at = text.find("\n" + name + " ");
    return at == text.npos ? 0 : std::stod(text.substr(at + name.size() + 2));
  }
  double loads() { return number("troupe_cache_loads_total"); }
  /// As another program would.
  void change_behind(const std::string& sql) {
    if (on_postgres()) {
      server()->sql("set search_path to entities; " + sql);
      return;
    }
    auto db = running->open_database("entities");
    ASSERT_TRUE(db);
    ASSERT_TRUE(db->execute(sql));
  }
};

INSTANTIATE_TEST_SUITE_P(on, cached_rows, ::testing::Values("sqlite", "postgres"),
                         [](const auto& chosen) { return std::string(chosen.param); });

TEST_P(cached_rows, are_loaded_once_and_anew_after_each_change) {
  start(shark_model);
  const auto row = sharks + "/" + std::to_string(made(sharks, R"({"name": "Bruce"})"));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(get(row)["name"], "Bruce");
  EXPECT_EQ(loads(), 1);
  EXPECT_EQ(call("GET", row).field("etag"), "\"1\"");
  EXPECT_EQ(call("GET", row, {}, "If-None-Match: \"1\"\r\n").status, 304);
  EXPECT_EQ(call("GET", row, {}, "If-Match: \"7\"\r\n").status, 412);
  EXPECT_EQ(call("HEAD", row).body, "");
  EXPECT_EQ(call("PATCH", row, R"({"name": "Ada"})").status, 200);
  EXPECT_EQ(get(row)["name"], "Ada");
  EXPECT_EQ(call("GET", row).field("etag"), "\"2\"");
  EXPECT_EQ(loads(), 2);
  EXPECT_EQ(call("DELETE", row).status, 204);
  EXPECT_EQ(call("GET", row).status, 404);
}

TEST_P(cached_rows, are_served_while_the_database_is_told_nothing) {
  start(shark_model);
  const auto row = sharks + "/" + std::to_string(made(sharks, R"({"name": "Bruce"})"));
  get(row);
  change_behind("update shark set name = 'Ada'");
  EXPECT_EQ(get(row)["name"], "Bruce") << "kept for entities.cache_ttl";
}

TEST_P(cached_rows, can_be_left_out) {
  adjust = [](config& c) {
    c.node.services.push_back("cache");
    c.entities.cache_ttl = 0s;
  };
  start(shark_model);
  const auto row = sharks + "/" + std::to_string(made(sharks, R"({"name": "Bruce"})"));
  get(row);
  change_behind("update shark set name = 'Ada'");
  EXPECT_EQ(get(row)["name"], "Ada");
  EXPECT_EQ(loads(), 0);
}

TEST_P(cached_rows, of_an_entity_whose_readers_are_extended_are_not_kept) {
  std::atomic<int> seen{0};
  options.entities["Shark"].after_read = [&](const entity_call&, entity_fields& fields) {
    fields["name"] = sql_value("seen " + std::to_string(++seen));
  };
  start(shark_model);
  const auto row = sharks + "/" + std::to_string(made(sharks, R"({"name": "Bruce"})"));
  EXPECT_EQ(get(row)["name"], "seen 2");
  EXPECT_EQ(get(row)["name"], "seen 3");
  EXPECT_EQ(loads(), 0);
}

TEST_P(cached_rows, have_a_cache_that_no_door_shows) {
  start(shark_model);
  for (const char* name : {".entities", "%2Eentities"}) {
    EXPECT_EQ(call("GET", std::string("/v1/cache/") + name + "/shark%2F1").status, 404);
    EXPECT_EQ(call("PUT", std::string("/v1/cache/") + name + "/shark%2F1", "x").status, 404);
    EXPECT_EQ(call("DELETE", std::string("/v1/cache/") + name).status, 404);
  }
  EXPECT_FALSE(running->open_cache(".entities"));
}

TEST_P(cached_rows, changed_by_another_program_are_forgotten_when_the_tables_tell) {
  if (!on_postgres()) {
    adjust = [](config& c) { c.entities.notify = true; };
    const auto refused = try_start(shark_model);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().context, ::testing::HasSubstr("entities.notify: needs db.type postgres"));
    return;
  }
  adjust = [](config& c) {
    c.node.services.push_back("cache");
    c.entities.notify = true;
  };
  start(shark_model);
  const auto row = sharks + "/" + std::to_string(made(sharks, R"({"name": "Bruce"})"));
  const auto comes_to = [&](const std::string& name) {
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < give_up) {
      const auto a = call("GET", row);
      EXPECT_THAT(a.status, ::testing::AnyOf(200, 503)) << a.body;  // 503: the database is away for a moment
      if (a.status == 200 && parsed(a)["name"] == name) return true;
      std::this_thread::yield();
    }
    return false;
  };
  get(row);
  change_behind("update shark set name = 'Ada'");
  EXPECT_TRUE(comes_to("Ada"));
  // Nobody listens meanwhile: what was missed is told as a gap.
  server()->kill();
  server()->start();
  change_behind("update shark set name = 'Grace'");
  EXPECT_TRUE(comes_to("Grace"));
  change_behind("truncate shark");
  const auto give_up = std::chrono::steady_clock::now() + 20s;
  while (call("GET", row).status != 404 && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
  EXPECT_EQ(call("GET", row).status, 404);
}

TEST_P(cached_rows, at_a_node_without_data_come_from_the_database) {
  adjust = {};
  start(shark_model);
  const auto row = sharks + "/" + std::to_string(made(sharks, R"({"name": "Bruce"})"));
  EXPECT_EQ(get(row)["name"], "Bruce");
  EXPECT_EQ(call("PATCH", row, R"({"name": "Ada"})").status, 200);
  EXPECT_EQ(get(row)["name"], "Ada");
}

// Three nodes on one PostgreSQL: what a reader gets is never older than what was acknowledged before it asked, while
// rows are written through every node and one of the nodes is killed and comes back.
struct cached_rows_of_three : ::testing::Test {
  void SetUp() override {
    server = test::postgres_node::make();
    if (!server) GTEST_SKIP() << "PostgreSQL 15 is not installed";
    server->start();
    std::ofstream(home.path() + "/model.json") << shark_model;
    local_cluster_options o;
    o.services = {"http", "cache", "db", "entities"};
    o.adjust = [this](config& c, std::size_t) {
      c.db.type = "postgres";
      c.db.dsn = server->dsn();
      c.cache.shards = 16;
      c.entities.model = home.path() + "/model.json";
    };
    auto started = local_cluster::start(std::move(o));
    ASSERT_TRUE(started) << describe(started.error());
    cluster.emplace(std::move(*started));
    for (std::size_t i = 0; i < cluster->size(); ++i) addresses.push_back(cluster->at(i).addresses().http);
  }
  /// Status 0: no answer.
  raw_answer call(std::size_t node, const std::string& method, const std::string& target,
                  const std::string& body = {}) {
    raw_client client(addresses[node]);
    const auto fields = "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    return client.call(method + " " + target + " HTTP/1.1\r\nHost: test\r\n" + fields + "\r\n" + body);
  }
  std::uint64_t version_of(const raw_answer& a) {
    const auto tag = a.field("etag");
    return tag.size() < 3 ? 0 : std::stoull(tag.substr(1));
  }
  /// Counted by node and status, with the last words: what a failure is explained with.
  void keep(std::size_t node, const std::string& method, const raw_answer& a) {
    const std::lock_guard lock(mutex);
    auto& seen = answers[std::to_string(node) + " " + method + " " + std::to_string(a.status)];
    ++seen.first;
    if (a.status >= 400) seen.second = a.body;
  }
  void forget() {
    const std::lock_guard lock(mutex);
    answers.clear();
  }
  std::string told() {
    std::string text;
    std::unique_lock lock(mutex);
    for (const auto& [what, seen] : answers)
      text += what + ": " + std::to_string(seen.first) + " " + seen.second + "\n";
    lock.unlock();
    for (std::size_t i = 0; i < cluster->size(); ++i) {
      for (const char* what : {"health", "leader", "shards"})
        text += std::to_string(i) + " " + call(i, "GET", std::string("/v1/cluster/") + what).body + "\n";
    }
    return text;
  }

  std::mutex mutex;
  std::map<std::string, std::pair<int, std::string>> answers;
  std::unique_ptr<test::postgres_node> server;
  temporary_directory home;
  std::optional<local_cluster> cluster;
  std::vector<std::string> addresses;
};

TEST_F(cached_rows_of_three, are_never_older_than_what_was_acknowledged) {
  constexpr std::size_t rows = 8;
  std::vector<std::string> targets;
  std::vector<std::atomic<std::uint64_t>> acknowledged(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    const auto made = call(0, "POST", sharks, R"({"name": "Bruce"})");
    ASSERT_EQ(made.status, 201) << made.body;
    targets.push_back(std::string(made.field("location")));
    acknowledged[i] = 1;
  }
  std::atomic<bool> stop{false};
  std::atomic<int> reads{0};
  std::atomic<int> writes{0};
  std::atomic<int> too_old{0};
  const auto write = [&](std::size_t node, std::uint64_t seed) {
    random r(seed);
    while (!stop) {
      const auto i = r.below(rows);
      const auto a = call(node, "PATCH", targets[i], R"({"age": )" + std::to_string(r.below(200)) + "}");
      keep(node, "PATCH", a);
      if (a.status != 200) {
        std::this_thread::yield();
        continue;
      }
      ++writes;
      auto known = acknowledged[i].load();
      while (known < version_of(a) && !acknowledged[i].compare_exchange_weak(known, version_of(a))) {
      }
    }
  };
  const auto read = [&](std::size_t node, std::uint64_t seed) {
    random r(seed);
    while (!stop) {
      const auto i = r.below(rows);
      const auto at_least = acknowledged[i].load();
      const auto a = call(node, "GET", targets[i]);
      keep(node, "GET", a);
      if (a.status != 200) {
        std::this_thread::yield();
        continue;
      }
      ++reads;
      if (version_of(a) < at_least) ++too_old;
    }
  };
  std::vector<std::thread> clients;
  for (std::size_t node = 0; node < 3; ++node) {
    clients.emplace_back(write, node, 10 + node);
    clients.emplace_back(read, node, 20 + node);
    clients.emplace_back(read, node, 30 + node);
  }
  const auto more = [&] {
    forget();
    const int reads_before = reads;
    const int writes_before = writes;
    return cluster->wait_until(
        [&](local_cluster&) { return reads >= reads_before + 300 && writes >= writes_before + 20; });
  };
  EXPECT_TRUE(more()) << told();
  cluster->kill(2);
  EXPECT_TRUE(more()) << told();
  EXPECT_TRUE(cluster->restart(2));
  EXPECT_TRUE(cluster->wait_until([](local_cluster& c) { return c.converged(); }));
  EXPECT_TRUE(more()) << told();
  stop = true;
  for (auto& c : clients) c.join();
  EXPECT_EQ(too_old, 0);
}

}  // namespace
}  // namespace troupe
