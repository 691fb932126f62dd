// One meaning of values, versions and lives on all doors: HTTP, RESP and the handle, at nodes that own the keys or not.
#include <troupe/local_cluster.hpp>

#include <optional>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/http/raw_client.hpp"
#include "tests/resp/raw_client.hpp"

namespace troupe {
namespace {

using nlohmann::json;

struct cache_doors : ::testing::Test {
  cache_doors() {
    local_cluster_options options;
    options.nodes = 3;
    options.services = {"http", "resp", "cache"};
    auto started = local_cluster::start(std::move(options));
    if (!started) {
      ADD_FAILURE() << describe(started.error());
      return;
    }
    cluster.emplace(std::move(*started));
  }

  raw_answer http(std::size_t node, const std::string& method, const std::string& target, const std::string& body = {},
                  const std::string& fields = {}) {
    raw_client c(cluster->at(node).addresses().http);
    std::string text = method + " " + target + " HTTP/1.1\r\nHost: test\r\n" + fields;
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return c.call(text + "\r\n" + body);
  }
  std::string redis(std::size_t node, const std::string& line, std::size_t bytes) {
    resp::client c(cluster->at(node).addresses().resp);
    return c.ask(line + "\r\n", bytes);
  }
  cache handle(std::size_t node) { return *cluster->at(node).open_cache("default"); }

  std::optional<local_cluster> cluster;
};

TEST_F(cache_doors, a_number_is_one_number_at_all_doors) {
  EXPECT_EQ(http(0, "POST", "/v1/cache/default/n?increment=5&ttl=1h").body, "{\"value\":5}\n");
  EXPECT_EQ(redis(1, "INCRBY n 2", 4), ":7\r\n");
  EXPECT_EQ(handle(2).increment("n", {-10, {}}), -3);
  EXPECT_EQ(http(1, "GET", "/v1/cache/default/n").body, "-3");
  const auto left = handle(0).get("n");
  ASSERT_TRUE(left && left->ttl);
  EXPECT_LE(*left->ttl, std::chrono::hours(1));
  EXPECT_GT(*left->ttl, std::chrono::minutes(58));
  EXPECT_EQ(redis(0, "PERSIST n", 4), ":1\r\n");
  EXPECT_EQ(http(2, "GET", "/v1/cache/default/n").field("x-ttl-ms"), "");
}

TEST_F(cache_doors, a_version_is_one_version_at_all_doors) {
  const auto tag = http(0, "PUT", "/v1/cache/default/k", "v").field("etag");
  const auto got = handle(1).get("k");
  ASSERT_TRUE(got);
  EXPECT_EQ(tag, "\"" + std::to_string(got->version) + "\"");
  EXPECT_EQ(redis(2, "APPEND k w", 4), ":2\r\n");
  EXPECT_EQ(handle(0).erase_version("k", got->version).error().code, errc::condition_failed);
  EXPECT_EQ(http(1, "PUT", "/v1/cache/default/k", "x", "If-Match: " + tag + "\r\n").status, 412);
  EXPECT_EQ(handle(2).get("k")->bytes, "vw");
}

TEST_F(cache_doors, numbers_that_are_none_are_refused) {
  EXPECT_EQ(http(0, "PUT", "/v1/cache/default/text", "abc").status, 204);
  for (std::size_t node = 0; node < 3; ++node) {
    EXPECT_EQ(http(node, "POST", "/v1/cache/default/text?increment=1").status, 400);
    EXPECT_EQ(http(node, "POST", "/v1/cache/default/n?increment=x").status, 400);
    EXPECT_EQ(http(node, "POST", "/v1/cache/default/n").status, 400);
    EXPECT_EQ(http(node, "POST", "/v1/cache/default/n?increment=1&ttl=0s").status, 400);
    EXPECT_EQ(http(node, "POST", "/v1/cache/nobody/n?increment=1").status, 404);
  }
  EXPECT_EQ(redis(0, "RPUSH list e", 4), ":1\r\n");
  const auto wrong = http(1, "POST", "/v1/cache/default/list?increment=1");
  EXPECT_EQ(wrong.status, 409);
  EXPECT_EQ(json::parse(wrong.body)["type"], "wrong-type");
}

TEST_F(cache_doors, a_batch_answers_each_key) {
  const auto done =
      http(0, "POST", "/v1/cache/default",
           R"({"put": [{"key": "a", "value": "1", "ttl": "1h"}, {"key_base64": "//4=", "value_base64": "gIE="},
                             {"key": "c", "value": "", "if_present": true}], "erase": ["nothing"]})");
  ASSERT_EQ(done.status, 200) << done.body;
  const auto put = json::parse(done.body);
  EXPECT_GT(put["put"][0]["version"], 0);
  EXPECT_GT(put["put"][1]["version"], 0);
  EXPECT_EQ(put["put"][2]["error"]["status"], 412);
  EXPECT_EQ(put["erase"][0]["erased"], false);
  EXPECT_FALSE(put.contains("get"));
  const auto got =
      json::parse(http(1, "POST", "/v1/cache/default", R"({"get": ["a", {"key_base64": "//4="}, "c"]})").body);
  EXPECT_EQ(got["get"][0]["value"], "1");
  EXPECT_LE(got["get"][0]["ttl_ms"], 3'600'000);
  EXPECT_EQ(got["get"][1]["value_base64"], "gIE=");
  EXPECT_EQ(got["get"][2]["error"]["type"], "not-found");
  EXPECT_EQ(handle(2).get("\xff\xfe")->bytes, "\x80\x81");
}

TEST_F(cache_doors, a_batch_that_cannot_be_read_is_refused_with_all_its_faults) {
  const auto faults = [&](const std::string& body) {
    const auto answer = http(0, "POST", "/v1/cache/default", body);
    EXPECT_EQ(answer.status, 400) << body;
    return json::parse(answer.body)["errors"].dump();
  };
  EXPECT_EQ(faults("x"), R"(["the body is no JSON object"])");
  EXPECT_EQ(faults("{}"), R"(["nothing is asked"])");
  EXPECT_EQ(faults(R"({"take": [], "get": 1})"), R"(["take is unknown: get, put, erase","get is no array"])");
  EXPECT_EQ(
      faults(R"({"get": [1, ""], "put": [2, {"key": "k"}, {"key": "k", "value": "v", "ttl": "soon", "odd": 1},
                       {"key": "k", "value_base64": "?", "if_version": -1, "if_absent": 1}]})"),
      R"(["get[0] is no key","get[1]: the key is empty","put[0] is no object",)"
      R"("put[1]: give value or value_base64","put[2]: ttl is a duration such as 30s","put[2]: odd is unknown",)"
      R"("put[3]: value_base64 is not base64","put[3]: if_version is no version","put[3]: if_absent is true or false"])");
  std::string many = R"({"get": ["a")";
  for (std::size_t i = 0; i < cache::batch_max; ++i) many += ",\"a\"";
  EXPECT_EQ(faults(many + "]}"), R"(["more than 4096 keys"])");
  EXPECT_EQ(http(0, "POST", "/v1/cache/nobody", "{}").status, 404);
}

TEST_F(cache_doors, pages_show_all_keys_whatever_their_bytes) {
  std::set<std::string> wanted;
  for (int i = 0; i < 300; ++i) {
    const auto key = "user/" + std::to_string(i) + "\xff ";
    ASSERT_TRUE(handle(0).put(key, "v"));
    wanted.insert("user/" + std::to_string(i) + "%FF%20");
    ASSERT_TRUE(handle(1).put("other" + std::to_string(i), "v"));
  }
  std::set<std::string> keys;
  std::string next;
  int node = 0;
  do {
    const auto page = http(static_cast<std::size_t>(node++ % 3), "GET",
                           "/v1/cache/default?pattern=user/*&count=50" + (next.empty() ? "" : "&next=" + next));
    ASSERT_EQ(page.status, 200) << page.body;
    const auto j = json::parse(page.body);
    for (const auto& key : j["keys"]) keys.insert(key.get<std::string>());
    next = j["next"].is_null() ? "" : j["next"].get<std::string>();
    ASSERT_LT(node, 1000);
  } while (!next.empty());
  EXPECT_EQ(keys, wanted);
  EXPECT_EQ(http(0, "GET", "/v1/cache/default?count=0").status, 400);
  EXPECT_EQ(http(0, "GET", "/v1/cache/default?count=5000").status, 400);
  EXPECT_EQ(http(0, "GET", "/v1/cache/default?next=x").status, 400);
  EXPECT_EQ(http(0, "GET", "/v1/cache/nobody").status, 404);
}

}  // namespace
}  // namespace troupe
