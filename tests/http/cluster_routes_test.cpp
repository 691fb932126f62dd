#include <set>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "gateways/http/openapi.hpp"
#include "tests/http/door_fixture.hpp"

namespace troupe {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class http_cluster_test : public http_door_test {
 protected:
  http_cluster_test() {
    board.update([](cluster_view& v) {
      v.id = {1, 2};
      v.pid = 3;
      v.leader_now = leader{.name = "b", .pid = 7, .term = 4, .fenced = true, .fenced_reason = "", .since = at(1500)};
      v.members = {one("a", 1, member_state::alive, 2000), one("b", 9, member_state::failed, 1000),
                   one("b", 10, member_state::alive, 500)};
      v.shards = {{0, "a", {"b"}, {"a", "b"}, 12}, {1, "", {}, {}, 12}};
      v.services = {{"http", service_state::running, "", {"a", "b"}},
                    {"kvs", service_state::not_implemented, "later", {}}};
      v.health.status = health_status::yellow;
      v.health.missing_primaries = 1;
      v.health.checks = {{"leader", true, ""}, {"shards", false, "one shard has no primary"}};
    });
  }

  static wall_time at(int ms) { return wall_time(std::chrono::milliseconds(ms)); }

  static member one(std::string name, std::uint64_t id, member_state state, int since) {
    member m;
    m.name = std::move(name);
    m.id = {0, id};
    m.pid = id;
    m.state = state;
    m.incarnation = 5;
    m.address = "127.0.0.1:7070";
    m.services = {"http"};
    m.tags = {{"zone", "z1"}};
    m.since = at(since);
    return m;
  }

  json read(const std::string& target) {
    const auto a = call("GET", target);
    EXPECT_EQ(a.status, 200) << target;
    EXPECT_EQ(a.field("content-type"), "application/json") << target;
    return json::parse(a.body, nullptr, false);
  }
};

TEST_F(http_cluster_test, tells_of_the_cluster) {
  open();
  const auto c = read("/v1/cluster");
  EXPECT_EQ(c["name"], "troupe");
  EXPECT_EQ(c["node"], "a");
  EXPECT_EQ(c["id"], "00000000000000010000000000000002");
  EXPECT_EQ(c["leader"], "b");
  EXPECT_EQ(c["term"], 4);
  EXPECT_EQ(c["fenced"], true);
  EXPECT_EQ(c["health"], "yellow");
  EXPECT_EQ(c["counts"]["members"], 2);
  EXPECT_EQ(c["counts"]["alive"], 2);
  EXPECT_EQ(c["counts"]["shards"], 2);
  EXPECT_EQ(c["ready"], true);
}

TEST_F(http_cluster_test, says_how_the_leader_store_does) {
  open();
  EXPECT_FALSE(read("/v1/cluster").contains("leader_store"));
  board.update([](cluster_view& v) { v.services[1] = {"kvs", service_state::degraded, "redis: refused", {}}; });
  EXPECT_EQ(read("/v1/cluster")["leader_store"], json::parse(R"({"state":"degraded","reason":"redis: refused"})"));
}

TEST_F(http_cluster_test, lists_one_row_a_name_the_newest) {
  open();
  const auto rows = read("/v1/cluster/members");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["name"], "a");
  EXPECT_EQ(rows[1], json::parse(R"({"name":"b","id":"0000000000000000000000000000000a","pid":10,"state":"alive",
    "incarnation":5,"address":"127.0.0.1:7070","services":["http"],"tags":{"zone":"z1"},
    "since":"1970-01-01T00:00:00.500Z","flaps":0,"quarantined":false,"protocol":0})"));
}

TEST_F(http_cluster_test, tells_who_leads_and_that_nobody_does) {
  open();
  EXPECT_EQ(read("/v1/cluster/leader"),
            json::parse(R"({"name":"b","pid":7,"term":4,"fenced":true,"since":"1970-01-01T00:00:01.500Z",
                            "id":"00000000000000000000000000000000","change":""})"));
  board.update([](cluster_view& v) {
    v.leader_now->fenced = false;
    v.leader_now->fenced_reason = "the store forgets";
  });
  EXPECT_EQ(read("/v1/cluster/leader")["fenced_reason"], "the store forgets");
  board.update([](cluster_view& v) { v.leader_now.reset(); });
  const auto none = call("GET", "/v1/cluster/leader");
  EXPECT_EQ(none.status, 503);
  EXPECT_EQ(none.field("content-type"), "application/problem+json");
  EXPECT_EQ(read("/v1/cluster")["leader"], json());
  EXPECT_EQ(read("/v1/cluster")["term"], 0);
}

TEST_F(http_cluster_test, tells_of_health_shards_and_services) {
  open();
  EXPECT_EQ(read("/v1/cluster/health"),
            json::parse(R"({"status":"yellow","missing_primaries":1,"under_replicated":0,"checks":[
              {"name":"leader","passed":true,"detail":""},
              {"name":"shards","passed":false,"detail":"one shard has no primary"}]})"));
  EXPECT_EQ(read("/v1/cluster/shards"),
            json::parse(R"([{"shard":0,"primary":"a","replicas":["b"],"in_sync":["a","b"],"epoch":12},
                            {"shard":1,"primary":null,"replicas":[],"in_sync":[],"epoch":12}])"));
  EXPECT_EQ(read("/v1/services"), json::parse(R"([{"name":"http","state":"running","reason":"","nodes":["a","b"]},
                            {"name":"kvs","state":"not_implemented","reason":"later","nodes":[]}])"));
}

TEST_F(http_cluster_test, survives_names_that_are_no_text) {
  board.update([](cluster_view& v) { v.members[0].address = "\xff\xfe\""; });
  open();
  EXPECT_EQ(read("/v1/cluster/members").size(), 2u);
}

TEST_F(http_cluster_test, says_why_it_is_not_ready) {
  open();
  EXPECT_EQ(read("/readyz")["ready"], true);
  board.update([](cluster_view& v) {
    v.ready = false;
    v.not_ready_reasons = {"no leader is known", "no PID yet"};
  });
  const auto a = call("GET", "/readyz");
  EXPECT_EQ(a.status, 503);
  EXPECT_EQ(json::parse(a.body)["errors"], json::parse(R"(["no leader is known","no PID yet"])"));
  EXPECT_EQ(read("/livez")["live"], true);
}

TEST_F(http_cluster_test, exposes_metrics) {
  open();
  call("GET", "/nowhere");
  const auto a = call("GET", "/metrics");
  EXPECT_EQ(a.status, 200);
  EXPECT_THAT(a.field("content-type"), HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(a.body, HasSubstr("troupe_http_requests_total{status=\"4xx\"} 1\n"));
  EXPECT_THAT(a.body, HasSubstr("troupe_http_connections 1\n"));
}

TEST_F(http_cluster_test, leaves_when_asked_on_loopback) {
  open();
  EXPECT_EQ(call("GET", "/v1/cluster/leave").status, 405);
  EXPECT_EQ(leaves, 0);
  EXPECT_EQ(call("POST", "/v1/cluster/leave").status, 202);
  EXPECT_EQ(leaves, 1);
}

TEST_F(http_cluster_test, does_not_leave_when_asked_from_outside) {
  settings.http.bind = "0.0.0.0:0";
  open();
  auto client = raw_client("127.0.0.1" + door->address().substr(door->address().rfind(':')));
  EXPECT_EQ(client.call(request("POST", "/v1/cluster/leave")).status, 403);
  EXPECT_EQ(leaves, 0);
}

TEST_F(http_cluster_test, forces_only_failed_members_out) {
  board.update([](cluster_view& v) {
    auto gone = v.members[0];
    gone.name = "gone away";
    gone.state = member_state::failed;
    v.members.push_back(gone);
    gone.name = "left";
    gone.state = member_state::departed;
    v.members.push_back(gone);
  });
  open();
  const auto ask = [this](const std::string& query) { return call("POST", "/v1/cluster/force-leave" + query).status; };
  EXPECT_EQ(ask("?name=gone%20away"), 202);
  EXPECT_EQ(forced, std::vector<std::string>{"gone away"});
  EXPECT_EQ(ask("?name=b"), 409);
  EXPECT_EQ(ask("?name=nobody"), 404);
  EXPECT_EQ(ask("?name=left"), 404);
  EXPECT_EQ(ask("?name="), 400);
  EXPECT_EQ(ask(""), 400);
  EXPECT_EQ(ask("?name=a&name=b"), 400);
  EXPECT_EQ(ask("?member=b"), 400);
  EXPECT_EQ(call("GET", "/v1/cluster/force-leave?name=b").status, 405);
  takes_force_leave = false;
  EXPECT_EQ(ask("?name=gone%20away"), 503);
  EXPECT_EQ(forced.size(), 1U);
}

TEST_F(http_cluster_test, does_not_force_anybody_out_when_asked_from_outside) {
  settings.http.bind = "0.0.0.0:0";
  open();
  auto client = raw_client("127.0.0.1" + door->address().substr(door->address().rfind(':')));
  EXPECT_EQ(client.call(request("POST", "/v1/cluster/force-leave?name=b")).status, 403);
}

TEST_F(http_cluster_test, refuses_unknown_routes_and_methods) {
  open();
  const auto unknown = call("GET", "/v1/nothing");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(json::parse(unknown.body)["type"], "no-route");
  const auto wrong = call("PUT", "/livez", "x");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.field("allow"), "GET, HEAD");
  EXPECT_EQ(call("BREW", "/v1/cache/default/k").field("allow"), "GET, HEAD, PUT, POST, DELETE");
  EXPECT_EQ(call("GET", "/livez?verbose").status, 400);
}

TEST_F(http_cluster_test, answers_head_wherever_get_is_answered) {
  make();
  const auto rows = door->routes().rows();
  open();
  for (const auto& row : rows) {
    if (row.method != http_method::get || row.pattern.find('{') != std::string::npos) continue;
    if (row.pattern == "/metrics" || row.pattern == "/v1/events") continue;  // their bodies differ, or have no end
    const auto got = call("GET", row.pattern);
    const auto head = call("HEAD", row.pattern);
    EXPECT_EQ(head.status, got.status) << row.pattern;
    EXPECT_EQ(head.field("content-length"), std::to_string(got.body.size())) << row.pattern;
  }
}

TEST_F(http_cluster_test, describes_every_route_and_nothing_else) {
  make();
  http_route later;
  later.method = http_method::patch;
  later.pattern = "/v1/later/{id}";
  later.summary = "added by a module";
  later.handler = [](http_exchange& ex) { ex.answer(problem_reply(404, "none")); };
  ASSERT_TRUE(door->routes().add(later));
  std::set<std::string> rows;
  for (const auto& row : door->routes().rows()) {
    EXPECT_FALSE(row.summary.empty()) << row.pattern;
    std::string pattern = row.pattern;
    if (const auto dots = pattern.find("...}"); dots != pattern.npos) pattern.erase(dots, 3);
    rows.insert(std::string(name_of(row.method)) + " " + pattern);
  }
  open();
  const auto document = read("/openapi.json");
  ASSERT_FALSE(document.is_discarded());
  EXPECT_EQ(document["openapi"], "3.1.0");
  std::set<std::string> described;
  for (const auto& [path, operations] : document["paths"].items()) {
    for (const auto& [method, operation] : operations.items()) {
      std::string upper = method;
      for (char& c : upper) c = static_cast<char>(c - 32);
      described.insert(upper + " " + path);
      EXPECT_TRUE(operation["responses"].contains("default"));
      const auto parameters = operation.value("parameters", json::array());
      EXPECT_EQ(std::count(path.begin(), path.end(), '{'),
                std::count_if(parameters.begin(), parameters.end(), [](const json& p) { return p["in"] == "path"; }))
          << path;
    }
  }
  EXPECT_EQ(described, rows);
  for (const char* route : {"GET /livez", "GET /readyz", "GET /metrics", "GET /v1/cluster", "GET /v1/events",
                            "POST /v1/cluster/leave", "DELETE /v1/cache/{cache}/{key}", "PATCH /v1/later/{id}"}) {
    EXPECT_TRUE(rows.contains(route)) << route;
  }
}

void expect_references_resolve(const json& document, const json& part) {
  if (part.is_object() && part.contains("$ref")) {
    const std::string place = part["$ref"];
    EXPECT_TRUE(document.contains(json::json_pointer(place.substr(1)))) << place;
  }
  if (!part.is_structured()) return;
  for (const auto& inner : part) expect_references_resolve(document, inner);
}

TEST_F(http_cluster_test, refers_only_to_schemas_that_are_there) {
  make();
  const auto document = json::parse(openapi_json(door->routes()));
  EXPECT_TRUE(document["components"]["schemas"].is_object());
  expect_references_resolve(document, document);
}

TEST_F(http_cluster_test, shows_a_page_that_lists_the_routes) {
  open();
  const auto a = call("GET", "/");
  EXPECT_EQ(a.status, 200);
  EXPECT_THAT(a.field("content-type"), HasSubstr("text/html"));
  EXPECT_THAT(a.body, HasSubstr("<a href=\"/openapi.json\">"));
}

}  // namespace
}  // namespace troupe
