// The routes of the key-value service over one that lives in memory and can be made to fail.
#include <map>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "actors/kvs/kvs_access.hpp"
#include "tests/http/door_fixture.hpp"

namespace troupe {
namespace {

using nlohmann::json;

class fake_kvs final : public kvs_access {
 public:
  void ask(kvs_request r, callback done) override {
    kvs_result result;
    if (failure != errc::ok) {
      result.code = failure;
    } else if (r.op == kvs_op::list) {
      for (const auto& [key, value] : values) result.keys.push_back(key);
      result.last = true;
    } else if (r.op != kvs_op::is_alive) {
      carry_out(r, result);
    }
    last_ttl = r.ttl;
    done(std::move(result));
  }
  [[nodiscard]] kvs_status status() const override {
    kvs_status s;
    s.runs = s.serves = true;
    s.members = {"a", "b", "c"};
    s.epoch = 1;
    s.keys = values.size();
    return s;
  }

  struct stored {
    std::string value;
    std::uint64_t version = 0;
  };
  std::map<std::string, stored> values;
  std::uint64_t version = 0;
  errc failure = errc::ok;
  duration last_ttl{};

 private:
  void carry_out(const kvs_request& r, kvs_result& result) {
    const auto found = values.find(r.key);
    const bool there = found != values.end();
    const bool holds = r.condition == kvs_condition::none || (r.condition == kvs_condition::absent && !there) ||
                       (r.condition == kvs_condition::present && there) ||
                       (r.condition == kvs_condition::version && there && found->second.version == r.version);
    if (!holds) {
      result.code = errc::condition_failed;
    } else if (r.op == kvs_op::put) {
      values[r.key] = {r.value, result.version = ++version};
    } else if (!there) {
      result.code = errc::not_found;
    } else if (r.op == kvs_op::erase) {
      values.erase(found);
    } else {
      result.value = found->second.value;
      result.version = found->second.version;
      result.ttl_left = std::chrono::milliseconds(1500);
    }
  }
};

class http_kvs_test : public http_door_test {
 protected:
  void open_with(kvs_access* with) {
    door_context context{settings, io, *log, numbers, events, board, caches, [this] { ++leaves; }};
    context.kvs = with;
    door = std::make_unique<http_door>(std::move(context));
    open();
  }
  fake_kvs kvs;
};

TEST_F(http_kvs_test, puts_gets_and_deletes_a_value_under_its_version) {
  open_with(&kvs);
  const auto put = call("PUT", "/v1/kvs/a/b%20c", "hello");
  EXPECT_EQ(put.status, 204);
  EXPECT_EQ(put.field("etag"), "\"1\"");
  EXPECT_EQ(kvs.values.count("a/b c"), 1U);
  const auto got = call("GET", "/v1/kvs/a/b%20c");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, "hello");
  EXPECT_EQ(got.field("etag"), "\"1\"");
  EXPECT_EQ(got.field("x-ttl-ms"), "1500");
  EXPECT_EQ(got.field("content-type"), "application/octet-stream");
  EXPECT_EQ(call("HEAD", "/v1/kvs/a/b%20c").status, 200);
  EXPECT_EQ(call("GET", "/v1/kvs/a/b%20c", "", "If-None-Match: \"1\"\r\n").status, 304);
  EXPECT_EQ(call("DELETE", "/v1/kvs/a/b%20c").status, 204);
  EXPECT_EQ(call("DELETE", "/v1/kvs/a/b%20c").status, 404);
  EXPECT_EQ(call("GET", "/v1/kvs/a/b%20c").status, 404);
}

TEST_F(http_kvs_test, compares_and_sets) {
  open_with(&kvs);
  EXPECT_EQ(call("PUT", "/v1/kvs/k", "1", "If-None-Match: *\r\n").status, 204);
  EXPECT_EQ(call("PUT", "/v1/kvs/k", "2", "If-None-Match: *\r\n").status, 412);
  EXPECT_EQ(call("PUT", "/v1/kvs/k", "2", "If-Match: \"7\"\r\n").status, 412);
  EXPECT_EQ(call("PUT", "/v1/kvs/k", "2", "If-Match: \"1\"\r\n").field("etag"), "\"2\"");
  EXPECT_EQ(call("DELETE", "/v1/kvs/k", "", "If-Match: \"1\"\r\n").status, 412);
  EXPECT_EQ(call("DELETE", "/v1/kvs/k", "", "If-Match: \"2\"\r\n").status, 204);
  EXPECT_EQ(call("PUT", "/v1/kvs/k", "3", "If-Match: *\r\n").status, 412);
}

TEST_F(http_kvs_test, reads_a_time_to_live_and_refuses_what_is_none) {
  open_with(&kvs);
  EXPECT_EQ(call("PUT", "/v1/kvs/k?ttl=30s", "1").status, 204);
  EXPECT_EQ(kvs.last_ttl, std::chrono::seconds(30));
  EXPECT_EQ(call("PUT", "/v1/kvs/k?ttl=0s", "1").status, 400);
  EXPECT_EQ(call("PUT", "/v1/kvs/k?ttl=soon", "1").status, 400);
  EXPECT_EQ(call("GET", "/v1/kvs/k?ttl=1s").status, 400);
  EXPECT_EQ(call("PUT", "/v1/kvs/%zz", "1").status, 400);
  EXPECT_EQ(call("PUT", "/v1/kvs/", "1").status, 400);
}

TEST_F(http_kvs_test, says_what_was_not_done_and_what_may_have_been) {
  open_with(&kvs);
  kvs.failure = errc::unavailable;
  const auto none = call("PUT", "/v1/kvs/k", "1");
  EXPECT_EQ(none.status, 503);
  EXPECT_NE(none.field("retry-after"), "");
  EXPECT_EQ(call("GET", "/v1/kvs").status, 503);
  kvs.failure = errc::outcome_unknown;
  const auto unknown = call("PUT", "/v1/kvs/k", "1");
  EXPECT_EQ(unknown.status, 504);
  EXPECT_EQ(json::parse(unknown.body)["type"], "outcome-unknown");
  kvs.failure = errc::out_of_memory;
  EXPECT_EQ(call("PUT", "/v1/kvs/k", "1").status, 507);
  kvs.failure = errc::too_large;
  EXPECT_EQ(call("PUT", "/v1/kvs/k", "1").status, 413);
}

TEST_F(http_kvs_test, the_clusters_own_keys_are_only_read) {
  open_with(&kvs);
  kvs.values["troupe/x/leader"] = {"entry", 3};
  EXPECT_EQ(call("GET", "/v1/kvs/troupe/x/leader").body, "entry");
  EXPECT_EQ(call("PUT", "/v1/kvs/troupe/x/leader", "1").status, 403);
  EXPECT_EQ(call("PUT", "/v1/kvs/troupe%2Fx/leader", "1").status, 403);
  EXPECT_EQ(call("DELETE", "/v1/kvs/troupe/x/leader").status, 403);
  kvs.values["k"] = {"v", 4};
  const auto flushed = call("DELETE", "/v1/kvs");
  EXPECT_EQ(flushed.status, 200);
  EXPECT_EQ(json::parse(flushed.body)["deleted"], 1);
  EXPECT_EQ(kvs.values.size(), 1U);
}

TEST_F(http_kvs_test, shows_its_state_and_describes_itself) {
  open_with(&kvs);
  const auto state = json::parse(call("GET", "/v1/kvs").body);
  EXPECT_EQ(state["alive"], true);
  EXPECT_EQ(state["members"], json({"a", "b", "c"}));
  const auto description = json::parse(call("GET", "/openapi.json").body);
  EXPECT_TRUE(description["paths"]["/v1/kvs/{key}"].contains("put"));
  EXPECT_TRUE(description["paths"]["/v1/kvs"].contains("delete"));
}

TEST_F(http_kvs_test, answers_503_on_a_node_without_it) {
  open_with(nullptr);
  EXPECT_EQ(call("GET", "/v1/kvs").status, 503);
  EXPECT_EQ(call("PUT", "/v1/kvs/k", "1").status, 503);
}

}  // namespace
}  // namespace troupe
