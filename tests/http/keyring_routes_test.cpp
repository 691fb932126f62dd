// The routes of the key ring over a ring that only remembers what it was asked.
#include <nlohmann/json.hpp>

#include "tests/http/door_fixture.hpp"

namespace troupe {
namespace {

using nlohmann::json;
using outcome = keyring_member_result::outcome;

class fake_ring final : public keyring_access {
 public:
  void list(std::function<void(keyring_list)> done) override {
    done({{{"0123456789abcdef", 3, 2}, {"fedcba9876543210", 2, 1}}, "0123456789abcdef", 4, {"n4"}});
  }
  void change(keyring_verb verb, const std::string& key, std::function<void(expected<keyring_result>)> done) override {
    asked.emplace_back(verb, key);
    if (key == "bad") return done(fail(errc::invalid_argument, "a key is the base64 of 32 bytes"));
    done(keyring_result{"0123456789abcdef", {{"n1", outcome::done, ""}, {"n2", outcome::not_reached, "no answer"}}});
  }
  std::vector<std::pair<keyring_verb, std::string>> asked;
};

class http_keyring_test : public http_door_test {
 protected:
  void open_with(keyring_access* with) {
    door = std::make_unique<http_door>(
        door_context{settings, io, *log, numbers, events, board, caches, [this] { ++leaves; }, with});
    open();
  }
  fake_ring ring;
};

TEST_F(http_keyring_test, lists_fingerprints_and_who_has_them) {
  open_with(&ring);
  const auto answer = call("GET", "/v1/cluster/keyring");
  EXPECT_EQ(answer.status, 200);
  const auto body = json::parse(answer.body);
  EXPECT_EQ(body["members"], 4);
  EXPECT_EQ(body["keys"][0]["primary"], true);
  EXPECT_EQ(body["keys"][1]["held_by"], 2);
  EXPECT_EQ(body["not_reached"][0], "n4");
}

TEST_F(http_keyring_test, carries_changes_and_shows_each_member) {
  open_with(&ring);
  EXPECT_EQ(call("POST", "/v1/cluster/keyring/install", R"({"key": "K"})").status, 200);
  EXPECT_EQ(call("POST", "/v1/cluster/keyring/use", R"({"key": "K"})").status, 200);
  const auto answer = call("DELETE", "/v1/cluster/keyring/a%2Bb");
  EXPECT_EQ(answer.status, 200);
  const auto body = json::parse(answer.body);
  EXPECT_EQ(body["complete"], false);
  EXPECT_EQ(body["members"][1]["result"], "not_reached");
  EXPECT_EQ(body["members"][1]["reason"], "no answer");
  EXPECT_EQ(ring.asked, (std::vector<std::pair<keyring_verb, std::string>>{
                            {keyring_verb::install, "K"}, {keyring_verb::use, "K"}, {keyring_verb::remove, "a+b"}}));
}

TEST_F(http_keyring_test, refuses_bodies_and_keys_that_make_no_sense) {
  open_with(&ring);
  for (const auto* body : {"", "key", "{}", R"({"key": 7})", "[1]"})
    EXPECT_EQ(call("POST", "/v1/cluster/keyring/use", body).status, 400) << body;
  EXPECT_EQ(call("POST", "/v1/cluster/keyring/use", std::string(5000, ' ')).status, 400);
  EXPECT_EQ(call("DELETE", "/v1/cluster/keyring/%zz").status, 400);
  EXPECT_TRUE(ring.asked.empty());
  EXPECT_EQ(call("POST", "/v1/cluster/keyring/install", R"({"key": "bad"})").status, 400);
}

TEST_F(http_keyring_test, answers_409_without_a_secret) {
  open_with(nullptr);
  EXPECT_EQ(call("GET", "/v1/cluster/keyring").status, 409);
  EXPECT_EQ(call("DELETE", "/v1/cluster/keyring/x").status, 409);
}

TEST_F(http_keyring_test, answers_403_outside_loopback) {
  settings.http.bind = "0.0.0.0:0";
  open_with(&ring);
  auto client = raw_client("127.0.0.1" + door->address().substr(door->address().rfind(':')));
  EXPECT_EQ(client.call(request("GET", "/v1/cluster/keyring")).status, 403);
  EXPECT_EQ(client.call(request("POST", "/v1/cluster/keyring/install", R"({"key": "K"})")).status, 403);
  EXPECT_TRUE(ring.asked.empty());
}

}  // namespace
}  // namespace troupe
