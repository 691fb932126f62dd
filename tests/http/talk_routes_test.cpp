// /v1/cluster/tags, events, queries, rtt where no cluster stands behind the door; with one: tests/node/talk_test.cpp.
#include <nlohmann/json.hpp>

#include "gateways/http/talk_json.hpp"
#include "tests/http/door_fixture.hpp"

namespace troupe {
namespace {

class talk_routes_test : public http_door_test {};

TEST_F(talk_routes_test, show_the_tags_of_this_node) {
  board.update([](cluster_view& v) {
    v.id = {1, 2};
    member m;
    m.name = "a";
    m.id = {1, 2};
    m.tags = {{"zone", "x"}};
    v.members.push_back(m);
  });
  open();
  const auto a = call("GET", "/v1/cluster/tags");
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(nlohmann::json::parse(a.body)["tags"]["zone"], "x");
}

TEST_F(talk_routes_test, answer_503_without_a_cluster) {
  open();
  EXPECT_EQ(call("PUT", "/v1/cluster/tags", "{}").status, 503);
  EXPECT_EQ(call("DELETE", "/v1/cluster/tags?name=x").status, 503);
  EXPECT_EQ(call("POST", "/v1/cluster/events?name=x").status, 503);
  EXPECT_EQ(call("POST", "/v1/cluster/queries?name=x").status, 503);
  EXPECT_EQ(call("GET", "/v1/cluster/rtt?a=x&b=y").status, 503);
}

TEST_F(talk_routes_test, that_change_or_ask_are_for_loopback_doors_only) {
  settings.http.bind = "0.0.0.0:0";
  open();
  const auto port = door->address().substr(door->address().rfind(':'));
  const auto status = [&](const std::string& method, const std::string& target) {
    raw_client client("127.0.0.1" + port);
    return client.call(request(method, target)).status;
  };
  EXPECT_EQ(status("PUT", "/v1/cluster/tags"), 403);
  EXPECT_EQ(status("DELETE", "/v1/cluster/tags?name=x"), 403);
  EXPECT_EQ(status("POST", "/v1/cluster/events?name=x"), 403);
  EXPECT_EQ(status("POST", "/v1/cluster/queries?name=x"), 403);
  EXPECT_EQ(status("GET", "/v1/cluster/tags"), 200);
}

TEST(talk_json, reads_tags_and_nothing_else) {
  EXPECT_EQ(read_tags(R"({"zone":"b"})")->at("zone"), "b");
  EXPECT_TRUE(read_tags("{}"));
  for (const char* bad : {"", "[]", "{", "\"x\"", R"({"a":1})", R"({"a":null})", R"({"a":{}})", "\xff"}) {
    EXPECT_FALSE(read_tags(bad)) << bad;
  }
}

TEST(talk_json, shows_answers_of_any_bytes) {
  query_result r;
  r.answers.push_back({"a", "\xff\x00 x", std::chrono::milliseconds(3)});
  r.silent = {"b"};
  const auto read = nlohmann::json::parse(query_json("q", r));
  EXPECT_EQ(read["answers"][0]["member"], "a");
  EXPECT_EQ(read["silent"][0], "b");
}

}  // namespace
}  // namespace troupe
