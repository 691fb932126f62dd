// Entities that are on at some nodes only: every node answers for all of them, by asking a member that serves them.
#include <atomic>
#include <set>
#include <thread>

#include <gmock/gmock.h>

#include <troupe/local_cluster.hpp>

#include "tests/entities/models.hpp"
#include "tests/node/entities_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string books = "/v1/entities/book";
const std::string libraries = "/v1/entities/library";

// n1 serves libraries, n2 serves all, n3 has a door and no model.
struct entities_of_three : ::testing::Test {
  void SetUp() override {
    server = test::postgres_node::make();
    if (!server) GTEST_SKIP() << "PostgreSQL 15 is not installed";
    server->start();
    std::ofstream(home.path() + "/model.json") << library_model;
    local_cluster_options o;
    o.adjust = [this](config& c, std::size_t node) {
      c.node.services = {"http", "cache"};
      c.cache.shards = 16;
      if (node == 2) {
        c.election.priority = 1;  // it leads: the tables are made by another
        return;
      }
      c.node.services.insert(c.node.services.end(), {"db", "entities"});
      c.db.type = "postgres";
      c.db.dsn = server->dsn();
      c.entities.model = home.path() + "/model.json";
      if (node == 0) c.entities.off = {"Book"};
    };
    auto started = local_cluster::start(std::move(o));
    ASSERT_TRUE(started) << describe(started.error());
    cluster.emplace(std::move(*started));
    EXPECT_EQ(cluster->leader(), 2U);
    for (std::size_t i = 0; i < cluster->size(); ++i) addresses.push_back(cluster->at(i).addresses().http);
    for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(answers(i, books, 200)) << i;
  }

  raw_answer call(std::size_t node, const std::string& method, const std::string& target, const std::string& body = {},
                  const std::string& fields = "Content-Type: application/json\r\n") {
    raw_client client(addresses[node]);
    const auto length = "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return client.call(method + " " + target + " HTTP/1.1\r\nHost: test\r\n" + fields + length + "\r\n" + body,
                       method == "HEAD");
  }
  bool answers(std::size_t node, const std::string& target, int status) {
    return cluster->wait_until([&](local_cluster&) { return call(node, "GET", target).status == status; });
  }
  static json parsed(const raw_answer& a) { return json::parse(a.body, nullptr, false); }
  std::string book(const std::string& title, const std::string& library = "1") {
    return R"({"title": ")" + title + R"(", "hardcover": true, "copies": 2, "library_id": )" + library + "}";
  }
  std::set<std::string> titles(std::size_t node) {
    std::set<std::string> all;
    const auto page = parsed(call(node, "GET", books + "?$limit=1000"));
    for (const auto& row : page.value("items", json::array())) all.insert(row["title"].get<std::string>());
    return all;
  }
  json service(std::size_t node, const std::string& name) {
    const auto rows = parsed(call(node, "GET", "/v1/services"));
    for (const auto& row : rows) {
      if (row["name"] == name) return row;
    }
    return {};
  }

  /// The marks of a member, as n3 knows them.
  std::string told_by(const std::string& name) {
    std::string marks;
    const auto members = cluster->at(2).view()->members;
    for (const auto& m : members) {
      if (m.name != name) continue;
      for (const auto& s : m.services) marks += s.starts_with("entities/") ? s : "";
    }
    return marks;
  }

  std::unique_ptr<test::postgres_node> server;
  temporary_directory home;
  std::optional<local_cluster> cluster;
  std::vector<std::string> addresses;
};

TEST_F(entities_of_three, are_answered_alike_at_every_node) {
  ASSERT_EQ(call(2, "POST", libraries, R"({"name": "Bodleian", "city": "Oxford"})").status, 201);
  for (std::size_t node = 0; node < 3; ++node) {
    SCOPED_TRACE(node);
    const auto made = call(node, "POST", books, book("T" + std::to_string(node)));
    ASSERT_EQ(made.status, 201) << made.body;
    const auto row = made.field("location");
    EXPECT_THAT(row, HasSubstr(books + "/"));
    EXPECT_EQ(made.field("etag"), "\"1\"");
    const auto read = call(node, "GET", row);
    EXPECT_EQ(read.body, made.body);
    EXPECT_EQ(read.field("etag"), "\"1\"");
    EXPECT_EQ(read.field("content-type"), "application/json");
    EXPECT_EQ(call(node, "HEAD", row).field("content-length"), std::to_string(read.body.size()));
    EXPECT_EQ(call(node, "GET", row, {}, "If-None-Match: \"1\"\r\n").status, 304);
    EXPECT_EQ(call(node, "GET", row, {}, "If-Match: \"7\"\r\n").status, 412);
    const std::string json_of = "Content-Type: application/json\r\n";
    EXPECT_EQ(call(node, "PATCH", row, R"({"copies": 3})", json_of + "If-Match: \"9\"\r\n").status, 412);
    EXPECT_EQ(call(node, "PATCH", row, R"({"copies": 3})", json_of + "If-Match: \"1\"\r\n").field("etag"), "\"2\"");
    EXPECT_EQ(call(node, "PUT", row, book("U " + std::to_string(node))).status, 200);
    EXPECT_EQ(parsed(call(node, "GET", books + "?title=like:U%20%25&$count=true"))["count"], 1);
    const auto bad = call(node, "POST", books, R"({"copies": -1})", json_of + "X-Request-Id: mine\r\n");
    EXPECT_EQ(bad.status, 400);
    EXPECT_EQ(bad.field("content-type"), "application/problem+json");
    EXPECT_EQ(bad.field("x-request-id"), "mine");
    EXPECT_EQ(parsed(bad)["request_id"], "mine");
    EXPECT_EQ(parsed(bad)["errors"].size(), 4U) << bad.body;
    EXPECT_EQ(call(node, "POST", books, book("x", "99")).status, 422);
    EXPECT_EQ(call(node, "POST", books, "x", "Content-Type: text/plain\r\n").status, 415);
    EXPECT_EQ(call(node, "GET", books + "/999").status, 404);
    EXPECT_EQ(call(node, "GET", books + "?nothing=eq:1").status, 400);
    EXPECT_EQ(parsed(call(node, "GET", row + "/library"))["name"], "Bodleian");
    EXPECT_EQ(parsed(call(node, "GET", libraries + "/1/books"))["items"].size(), 1U);
    const auto list = call(node, "POST", books, "[" + book("a") + "," + book("b") + "]");
    EXPECT_EQ(list.status, 201) << list.body;
    EXPECT_EQ(call(node, "POST", books, "[" + book("c") + "," + book("a") + "]").status, 409);
    const auto made_rows = parsed(list)["items"];
    for (const auto& made_row : made_rows)
      EXPECT_EQ(call(node, "DELETE", books + "/" + std::to_string(made_row["id"].get<int>())).status, 204);
    EXPECT_EQ(call(node, "DELETE", row).status, 204);
    EXPECT_EQ(call(node, "DELETE", row).status, 404);
    EXPECT_EQ(call(node, "GET", "/v1/entities/whale").status, 404);
    EXPECT_EQ(parsed(call(node, "GET", "/v1/entities"))["entities"].size(), 2U);
    EXPECT_EQ(call(node, "GET", books + "/schema").field("content-type"), "application/schema+json");
  }
  EXPECT_THAT(titles(2), ElementsAre());
}

TEST_F(entities_of_three, are_shown_with_the_members_that_serve_them) {
  EXPECT_EQ(service(0, "entities/book")["state"], "stopped");
  EXPECT_EQ(service(1, "entities/book")["state"], "running");
  EXPECT_EQ(service(0, "entities/book")["nodes"], (json{"n2"}));
  EXPECT_EQ(service(1, "entities/library")["nodes"], (json{"n1", "n2"}));
}

TEST_F(entities_of_three, are_not_done_while_nobody_serves_them_and_never_twice) {
  ASSERT_EQ(call(0, "POST", libraries, R"({"name": "Bodleian", "city": "Oxford"})").status, 201);
  std::set<std::string> done, refused, unclear;
  std::atomic<int> calls{0};
  std::atomic<bool> stop{false};
  std::thread client([&] {
    while (!stop) {
      const auto title = "T" + std::to_string(calls);
      const auto a = call(2, "POST", books, book(title));
      ++calls;
      (a.status == 201 ? done : a.status == 503 ? refused : unclear).insert(title);
      EXPECT_TRUE(a.status != 503 || !a.field("retry-after").empty());
      EXPECT_THAT(a.status, AnyOf(201, 503, 504)) << a.body;
    }
  });
  const auto more = [&] {
    const int before = calls;
    return cluster->wait_until([&](local_cluster&) { return calls >= before + 10; });
  };
  EXPECT_TRUE(more());
  cluster->kill(1);
  EXPECT_TRUE(answers(2, books, 503));
  EXPECT_TRUE(more());
  EXPECT_TRUE(answers(0, books, 503)) << "n1 has it off";
  for (const std::size_t node : {std::size_t{0}, std::size_t{2}})
    EXPECT_EQ(call(node, "GET", books + "/schema").status, 200) << "every model tells";
  EXPECT_TRUE(answers(2, libraries + "/1", 200)) << "n1 serves these";
  EXPECT_TRUE(cluster->restart(1));
  EXPECT_TRUE(answers(2, books, 200));
  EXPECT_TRUE(more());
  stop = true;
  client.join();
  EXPECT_TRUE(answers(1, books, 200));
  const auto there = titles(1);
  for (const auto& title : done) EXPECT_EQ(there.count(title), 1U) << title << " was acknowledged";
  for (const auto& title : refused) EXPECT_EQ(there.count(title), 0U) << title << " was refused";
  EXPECT_LE(there.size(), done.size() + unclear.size());
  EXPECT_FALSE(refused.empty());
}

TEST_F(entities_of_three, can_be_turned_on_and_off_while_nodes_run) {
  ASSERT_EQ(call(0, "POST", libraries, R"({"name": "Bodleian", "city": "Oxford"})").status, 201);
  ASSERT_EQ(call(0, "POST", books, book("T")).status, 201);
  const std::string turn = "/v1/services/entities/book?state=";
  EXPECT_EQ(call(0, "PUT", turn + "on").status, 204);
  EXPECT_EQ(call(0, "PUT", turn + "on").status, 204) << "it is so already";
  EXPECT_EQ(call(1, "PUT", turn + "off").status, 204);
  EXPECT_EQ(service(0, "entities/book")["state"], "running");
  EXPECT_TRUE(cluster->wait_until([&](local_cluster&) { return service(1, "entities/book")["nodes"] == json{"n1"}; }));
  for (std::size_t node = 0; node < 3; ++node) EXPECT_EQ(call(node, "GET", books + "/1").status, 200) << node;
  EXPECT_EQ(call(0, "PUT", turn + "off").status, 204);
  for (std::size_t node = 0; node < 3; ++node) EXPECT_TRUE(answers(node, books, 503)) << node;
  EXPECT_EQ(call(1, "PUT", turn + "maybe").status, 400);
  EXPECT_EQ(call(1, "PUT", "/v1/services/entities/whale?state=on").status, 404);
  EXPECT_EQ(call(2, "PUT", turn + "on").status, 503) << "no service, no switch";
  EXPECT_EQ(call(1, "PUT", turn + "on").status, 204);
  for (std::size_t node = 0; node < 3; ++node) EXPECT_TRUE(answers(node, books + "/1", 200)) << node;
}

// What others think of a member is a moment old: whoever is asked for what it has turned off says so, and the next is.
TEST_F(entities_of_three, are_asked_for_elsewhere_when_the_first_one_refuses) {
  for (int round = 0; round < 20; ++round) {
    const auto off = static_cast<std::size_t>(round % 2);
    EXPECT_EQ(call(off, "PUT", "/v1/services/entities/library?state=off").status, 204);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(call(2, "GET", libraries).status, 200);
    EXPECT_EQ(call(off, "PUT", "/v1/services/entities/library?state=on").status, 204);
    EXPECT_TRUE(cluster->wait_until(
        [&](local_cluster&) { return told_by("n1") == "entities/library" && told_by("n2").empty(); }));
  }
}

struct entity_switches_node : entity_node {};

INSTANTIATE_TEST_SUITE_P(on, entity_switches_node, ::testing::Values("sqlite"),
                         [](const auto& chosen) { return std::string(chosen.param); });

TEST_P(entity_switches_node, refuses_names_that_the_model_does_not_have_all_at_once) {
  adjust = [](config& c) { c.entities.off = {"Libary", "book", "Zebra"}; };
  const auto refused = try_start(library_model);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::bad_config);
  EXPECT_THAT(refused.error().context,
              HasSubstr("entities.off: the model has no entity \"Libary\"; did you mean Library?"));
  EXPECT_THAT(refused.error().context, HasSubstr("entities.off: the model has no entity \"Zebra\""));
  EXPECT_THAT(refused.error().context, Not(HasSubstr("book")));
  adjust = [](config& c) { c.entities.on = c.entities.off = {"Book"}; };
  EXPECT_THAT(try_start(library_model).error().context, HasSubstr("is of no use beside entities.on"));
}

TEST_P(entity_switches_node, alone_answers_503_for_what_it_has_turned_off) {
  adjust = [](config& c) { c.entities.on = {"Library"}; };
  start(library_model);
  EXPECT_EQ(call("GET", libraries).status, 200);
  const auto off = call("GET", books);
  EXPECT_EQ(off.status, 503);
  EXPECT_EQ(off.field("retry-after"), "1");
  EXPECT_EQ(off.field("content-type"), "application/problem+json");
  EXPECT_EQ(call("PUT", "/v1/services/entities/book?state=on").status, 204);
  EXPECT_EQ(call("GET", books).status, 200);
}

}  // namespace
}  // namespace troupe
