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
  EXPECT_EQ(
      json::parse(a.body)["detail"],
      "not done, it may be tried again: no leader is known; a led term 3 until 1970-01-01T00:00:01.000Z: lease_over");
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

class lock_routes_test : public http_door_test {};

TEST_F(lock_routes_test, show_who_holds_what) {
  board.update([](cluster_view& v) {
    v.locks = {
        {lock_kind::semaphore, "pool", 2, {{"a", 3, std::chrono::seconds(5)}, {"b", 4, std::chrono::seconds(5)}}},
        {lock_kind::role, "reports", 1, {{"a", 9, std::chrono::seconds(2)}}}};
  });
  open();
  const auto a = call("GET", "/v1/locks");
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(json::parse(a.body), json::parse(R"([
      {"kind":"semaphore","name":"pool","permits":2,
       "holders":[{"member":"a","token":3,"ttl_ms":5000},{"member":"b","token":4,"ttl_ms":5000}]},
      {"kind":"role","name":"reports","permits":1,"holders":[{"member":"a","token":9,"ttl_ms":2000}]}])"));
}

TEST_F(lock_routes_test, are_for_loopback_doors_only_and_need_a_cluster) {
  settings.http.bind = "0.0.0.0:0";
  open();
  const auto port = door->address().substr(door->address().rfind(':'));
  for (const std::string method : {"POST", "PUT", "DELETE"}) {
    raw_client client("127.0.0.1" + port);
    const std::string target = method == "POST" ? "/v1/locks/x" : "/v1/locks/x?token=1";
    EXPECT_EQ(client.call(request(method, target)).status, 403) << method;
  }
}

TEST_F(lock_routes_test, answer_503_without_a_cluster) {
  open();
  EXPECT_EQ(call("POST", "/v1/locks/x").status, 503);
  EXPECT_EQ(call("PUT", "/v1/locks/x?token=1").status, 503);
  EXPECT_EQ(call("DELETE", "/v1/locks/x?token=1").status, 503);
}

}  // namespace
}  // namespace troupe
