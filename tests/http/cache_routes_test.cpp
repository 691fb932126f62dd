#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/http/door_fixture.hpp"

namespace troupe {
namespace {

using testing::HasSubstr;

class http_cache_test : public http_door_test {
 protected:
  const std::string path = "/v1/cache/default/";

  static std::string type_of(const raw_answer& a) {
    EXPECT_EQ(a.field("content-type"), "application/problem+json");
    const auto problem = nlohmann::json::parse(a.body, nullptr, false);
    if (problem.is_discarded()) return "no JSON";
    EXPECT_EQ(problem["status"], a.status);
    EXPECT_EQ(problem["request_id"], a.field("x-request-id"));
    return problem["type"];
  }
};

TEST_F(http_cache_test, puts_gets_and_removes_a_value) {
  open();
  const auto put = call("PUT", path + "k", "hello");
  EXPECT_EQ(put.status, 204);
  EXPECT_EQ(put.field("etag"), "\"1\"");
  const auto got = call("GET", path + "k");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, "hello");
  EXPECT_EQ(got.field("etag"), "\"1\"");
  EXPECT_EQ(got.field("content-type"), "application/octet-stream");
  EXPECT_EQ(got.field("x-ttl-ms"), "");
  EXPECT_THAT(got.field("date"), testing::EndsWith(" GMT"));
  EXPECT_EQ(call("DELETE", path + "k").status, 204);
  EXPECT_EQ(call("DELETE", path + "k").status, 404);
  EXPECT_EQ(type_of(call("GET", path + "k")), "not-found");
}

TEST_F(http_cache_test, takes_no_order_from_a_page_of_another_site) {
  open();
  for (const char* origin : {"https://evil.example", "null"}) {
    const auto field = std::string("Origin: ") + origin + "\r\n";
    EXPECT_EQ(call("PUT", path + "k", "v", field).status, 403);
    EXPECT_EQ(call("POST", path + "k?increment=1", "", field).status, 403);
    EXPECT_EQ(call("POST", "/v1/cache/default", R"({"erase": ["k"]})", field).status, 403);
  }
  EXPECT_EQ(call("PUT", path + "k", "v", "Origin: http://test\r\n").status, 204) << "its own page";
  EXPECT_EQ(call("GET", path + "k", "", "Origin: https://evil.example\r\n").status, 200);
}

TEST_F(http_cache_test, keeps_any_bytes_and_empty_values) {
  open();
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  ASSERT_EQ(call("PUT", path + "all", all).status, 204);
  EXPECT_EQ(call("GET", path + "all").body, all);
  ASSERT_EQ(call("PUT", path + "none", "", "Content-Length: 0\r\n").status, 204);
  const auto got = call("GET", path + "none");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, "");
}

TEST_F(http_cache_test, answers_head_with_the_fields_of_get) {
  open();
  call("PUT", path + "k", "12345");
  auto client = connect();
  const auto head = client.call(request("HEAD", path + "k"), true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.field("content-length"), "5");
  EXPECT_EQ(head.field("etag"), "\"1\"");
  EXPECT_EQ(client.call(request("HEAD", path + "absent"), true).status, 404);
  EXPECT_EQ(client.call(request("GET", path + "k")).body, "12345");  // nothing was left in between
}

TEST_F(http_cache_test, drops_a_cache_whose_name_is_given_twice) {
  open();
  EXPECT_EQ(call("DELETE", "/v1/cache/default").status, 412);
  EXPECT_EQ(call("DELETE", "/v1/cache/other%20one?i_mean_it=default").status, 412);
  EXPECT_EQ(call("DELETE", "/v1/cache/nobody?i_mean_it=nobody").status, 404);
  EXPECT_EQ(call("DELETE", "/v1/cache/default?i_mean_it=default", "", "Origin: https://evil.example\r\n").status, 403);
}

TEST_F(http_cache_test, decodes_keys) {
  open();
  ASSERT_EQ(call("PUT", path + "a%2Fb/c%00%FF%20", "v").status, 204);
  EXPECT_EQ(call("GET", path + "a/b%2fc%00%ff%20").body, "v");
  EXPECT_EQ(call("PUT", "/v1/cache/other%20one/k", "in another").status, 204);
  EXPECT_EQ(call("GET", path + "k").status, 404);
  EXPECT_EQ(call("GET", "/v1/cache/other%20one/k").body, "in another");
}

TEST_F(http_cache_test, refuses_bad_keys_and_names) {
  open();
  for (const char* key : {"%", "a%2", "a%zz"}) EXPECT_EQ(type_of(call("GET", path + key)), "invalid-argument") << key;
  EXPECT_EQ(call("GET", path + "%").status, 400);
  EXPECT_EQ(call("GET", path).status, 400);
  EXPECT_EQ(call("GET", "/v1/cache/undeclared").status, 404);
  EXPECT_EQ(call("GET", "/v1/cache/undeclared/k").status, 404);
  EXPECT_EQ(call("GET", "/v1/cache/%zz/k").status, 400);
}

TEST_F(http_cache_test, gives_values_a_life) {
  open();
  EXPECT_EQ(call("PUT", path + "k?ttl=30s", "v").status, 204);
  EXPECT_EQ(call("GET", path + "k").field("x-ttl-ms"), "30000");
  for (const char* ttl : {"", "0s", "-1s", "30", "soon", "1s&ttl=2s"}) {
    EXPECT_EQ(call("PUT", path + "k?ttl=" + ttl, "v").status, 400) << ttl;
  }
}

TEST_F(http_cache_test, refuses_unknown_query_parameters) {
  open();
  const auto a = call("PUT", path + "k?ttl=1s&tll=2s", "v");
  EXPECT_EQ(a.status, 400);
  EXPECT_EQ(type_of(a), "bad-query");
  EXPECT_THAT(a.body, HasSubstr("unknown: tll"));
  EXPECT_EQ(call("GET", path + "k?ttl=1s").status, 400);
}

TEST_F(http_cache_test, keeps_conditions_of_writes) {
  open();
  EXPECT_EQ(call("PUT", path + "k", "v", "If-Match: *\r\n").status, 412);
  EXPECT_EQ(call("PUT", path + "k", "v", "If-None-Match: *\r\n").status, 204);
  const auto second = call("PUT", path + "k", "v", "If-None-Match: *\r\n");
  EXPECT_EQ(second.status, 412);
  EXPECT_EQ(type_of(second), "condition-failed");
  EXPECT_EQ(call("PUT", path + "k", "v", "If-Match: \"7\"\r\n").status, 412);
  EXPECT_EQ(call("PUT", path + "k", "v", "If-Match: \"x\"\r\n").status, 412);
  EXPECT_EQ(call("PUT", path + "k", "v", "If-Match: \"1\"\r\n").field("etag"), "\"2\"");
  EXPECT_EQ(call("PUT", path + "k", "v", "If-Match: 1\r\n").status, 400);
  EXPECT_EQ(call("PUT", path + "k", "v", "If-Match: \"1\"\r\nIf-Match: \"2\"\r\n").status, 400);
  EXPECT_EQ(call("DELETE", path + "k", "", "If-Match: \"1\"\r\n").status, 412);
  EXPECT_EQ(call("DELETE", path + "k", "", "If-Match: \"2\"\r\n").status, 204);
}

TEST_F(http_cache_test, keeps_conditions_of_reads) {
  open();
  call("PUT", path + "k", "v");
  auto client = connect();
  const auto same = client.call(request("GET", path + "k", "", "If-None-Match: \"1\"\r\n"));
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.field("etag"), "\"1\"");
  EXPECT_EQ(client.call(request("GET", path + "k", "", "If-None-Match: \"0\"\r\n")).body, "v");
  EXPECT_EQ(client.call(request("GET", path + "k", "", "If-Match: \"2\"\r\n")).status, 412);
}

TEST_F(http_cache_test, answers_what_is_done_elsewhere_when_it_is_done) {
  open();
  caches.elsewhere = true;
  auto client = connect();
  client.send(request("PUT", path + "k?ttl=1m", "v") + request("GET", path + "k") + request("DELETE", path + "k") +
              request("GET", path + "k"));
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(eventually([&] { return caches.waiting() == 1; }));  // never two of one connection
    caches.release();
  }
  EXPECT_EQ(client.read().status, 204);
  const auto got = client.read();
  EXPECT_EQ(got.body, "v");
  EXPECT_EQ(got.field("x-ttl-ms"), "60000");
  EXPECT_EQ(got.field("etag"), "\"1\"");
  EXPECT_EQ(client.read().status, 204);
  EXPECT_EQ(client.read().status, 404);
}

TEST_F(http_cache_test, tells_what_was_not_done_from_what_may_have_been) {
  open();
  caches.elsewhere = true;
  const auto failed = [&](errc code) {
    auto client = connect();
    client.send(request("PUT", path + "k", "v"));
    EXPECT_TRUE(eventually([&] { return caches.waiting() == 1; }));
    caches.release(code, "because");
    return client.read();
  };
  for (const auto code : {errc::unavailable, errc::deadline_exceeded, errc::not_owner, errc::storage_failed}) {
    const auto a = failed(code);
    EXPECT_EQ(a.status, 503) << name_of(code);
    EXPECT_EQ(a.field("retry-after"), "1");
    EXPECT_THAT(a.body, HasSubstr("because"));
  }
  const auto unknown = failed(errc::outcome_unknown);
  EXPECT_EQ(unknown.status, 504);
  EXPECT_EQ(type_of(unknown), "outcome-unknown");
  EXPECT_EQ(failed(errc::out_of_memory).status, 507);
  EXPECT_EQ(failed(errc::too_large).status, 413);
  EXPECT_EQ(failed(errc::condition_failed).status, 412);
}

TEST_F(http_cache_test, answers_for_a_cache_that_stays_silent) {
  settings.cache.deadline = std::chrono::milliseconds(-900);  // the grace of a second is all that is left
  settings.http.idle_timeout = std::chrono::seconds(2);       // sweeps often
  open();
  caches.elsewhere = true;
  auto client = connect();
  const auto a = client.call(request("PUT", path + "k", "v"));
  EXPECT_EQ(a.status, 504);
  EXPECT_EQ(type_of(a), "outcome-unknown");
  EXPECT_EQ(refused("answer_timeout"), 1);
  caches.release();  // late: nobody listens any more
}

TEST_F(http_cache_test, survives_a_client_that_leaves_before_the_answer) {
  open();
  caches.elsewhere = true;
  {
    auto client = connect();
    client.send(request("GET", path + "k"));
    ASSERT_TRUE(eventually([&] { return caches.waiting() == 1; }));
  }
  caches.release();
  EXPECT_TRUE(eventually([&] { return number("troupe_http_connections") == 0; }));
}

// What a cluster answers may come when the door, and even the I/O threads, have been destroyed.
TEST(http_cache, answers_after_the_end_of_everything_fall_into_the_void) {
  fake_cache caches;
  caches.elsewhere = true;
  {
    config settings;
    settings.http.bind = "127.0.0.1:0";
    io_pool io(1);
    const auto log = event_log::none();
    metrics numbers;
    event_hub events;
    cluster_board board;
    http_door door({settings, io, *log, numbers, events, board, caches, {}});
    ASSERT_TRUE(door.open());
    io.start();
    raw_client client(door.address());
    client.send("GET /v1/cache/default/k HTTP/1.1\r\nHost: x\r\n\r\n");
    while (caches.waiting() == 0) std::this_thread::yield();
    door.close();
    EXPECT_TRUE(client.closed_by_door());
    io.stop();
  }
  EXPECT_EQ(caches.release(), 1u);
}

}  // namespace
}  // namespace troupe
