// /v1/cluster/leader and its requests where no cluster stands behind the door; with one: tests/node/leader_test.cpp.
#include <nlohmann/json.hpp>

#include "tests/http/door_fixture.hpp"

namespace troupe {
namespace {

using nlohmann::json;

class leader_routes_test : public http_door_test {};

TEST_F(leader_routes_test, show_who_leads_since_when_and_why) {
  board.update([](cluster_view& v) {
    v.leader_now =
        leader{"b", 7, 4, false, "store_forgot", wall_time(std::chrono::milliseconds(1500)), {1, 2}, "failed"};
    v.last_leader = leader_ending{"a", 3, "failed", wall_time(std::chrono::milliseconds(1000))};
  });
  open();
  const auto a = call("GET", "/v1/cluster/leader");
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(json::parse(a.body), json::parse(R"({"name":"b","pid":7,"term":4,"fenced":false,
      "fenced_reason":"store_forgot","since":"1970-01-01T00:00:01.500Z","id":"00000000000000010000000000000002",
      "change":"failed","last_leader":{"name":"a","term":3,"reason":"failed","at":"1970-01-01T00:00:01.000Z"}})"));
}

TEST_F(leader_routes_test, say_how_the_last_leader_ended_when_there_is_none) {
  board.update([](cluster_view& v) {
    v.last_leader = leader_ending{"a", 3, "lease_over", wall_time(std::chrono::milliseconds(1000))};
  });
  open();
  const auto a = call("GET", "/v1/cluster/leader");
  EXPECT_EQ(a.status, 503);
  EXPECT_EQ(json::parse(a.body)["detail"],
            "no leader is known; a led term 3 until 1970-01-01T00:00:01.000Z: lease_over");
}

TEST_F(leader_routes_test, hand_over_by_post_on_loopback_with_a_cluster_alone) {
  open();
  EXPECT_EQ(call("POST", "/v1/cluster/leader/transfer?to=b").status, 503);
  EXPECT_EQ(call("POST", "/v1/cluster/leader/resign").status, 503);
  EXPECT_EQ(call("GET", "/v1/cluster/leader/resign").status, 405);
  EXPECT_EQ(call("POST", "/v1/cluster/leader/transfer?name=b").status, 400) << "an unknown parameter";
}

TEST_F(leader_routes_test, hand_over_on_loopback_doors_only) {
  settings.http.bind = "0.0.0.0:0";
  open();
  const auto port = door->address().substr(door->address().rfind(':'));
  for (const std::string target : {"/v1/cluster/leader/transfer?to=b", "/v1/cluster/leader/resign"}) {
    raw_client client("127.0.0.1" + port);
    EXPECT_EQ(client.call(request("POST", target)).status, 403) << target;
  }
}

}  // namespace
}  // namespace troupe
