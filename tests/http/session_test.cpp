#include <future>
#include <set>

#include <gmock/gmock.h>

#include "runtime/base/random.hpp"
#include "tests/http/door_fixture.hpp"

namespace troupe {
namespace {

class http_session_test : public http_door_test {
 protected:
  const std::string key = "/v1/cache/default/k";
};

TEST_F(http_session_test, answers_pipelined_requests_in_order) {
  open();
  auto client = connect();
  std::string all = request("PUT", key, "value");
  for (int i = 0; i < 200; ++i) all += request("GET", key) + request("GET", "/v1/nothing") + request("HEAD", key);
  client.send(all);
  EXPECT_EQ(client.read().status, 204);
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(client.read().body, "value");
    EXPECT_EQ(client.read().status, 404);
    EXPECT_EQ(client.read(true).status, 200);
  }
}

TEST_F(http_session_test, answers_one_byte_at_a_time) {
  open();
  auto client = connect();
  for (const char c : request("PUT", key, "slow")) ASSERT_TRUE(client.send(std::string_view(&c, 1)));
  EXPECT_EQ(client.read().status, 204);
  for (const char c : std::string("PUT /v1/cache/default/c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")) {
    ASSERT_TRUE(client.send(std::string_view(&c, 1)));
  }
  EXPECT_EQ(client.read().status, 204);
  EXPECT_EQ(client.call(request("GET", "/v1/cache/default/c")).body, "abc");
}

TEST_F(http_session_test, keeps_the_connection_as_the_client_asks) {
  open();
  auto kept = connect();
  EXPECT_EQ(kept.call(request("GET", "/livez")).field("connection"), "");
  EXPECT_EQ(kept.call(request("GET", "/livez")).status, 200);
  const auto last = kept.call(request("GET", "/livez", "", "Connection: close\r\n"));
  EXPECT_EQ(last.field("connection"), "close");
  EXPECT_TRUE(kept.closed_by_door());

  auto old = connect();
  EXPECT_EQ(old.call("GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").field("connection"), "keep-alive");
  EXPECT_EQ(old.call("GET /livez HTTP/1.0\r\n\r\n").field("connection"), "close");
  EXPECT_TRUE(old.closed_by_door());
}

TEST_F(http_session_test, answers_a_client_that_has_ended_its_sending) {
  open();
  auto client = connect();
  client.send(request("PUT", key, "v") + request("GET", key));
  client.end_sending();
  EXPECT_EQ(client.read().status, 204);
  EXPECT_EQ(client.read().body, "v");
  EXPECT_TRUE(client.closed_by_door());
}

TEST_F(http_session_test, says_continue_only_when_it_will_take_the_body) {
  open();
  auto client = connect();
  client.send("PUT " + key + " HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(client.line(), "HTTP/1.1 100 Continue\r");
  EXPECT_EQ(client.line(), "\r");
  EXPECT_EQ(client.call("body").status, 204);
  EXPECT_EQ(client.call(request("GET", key)).body, "body");
  client.send("PUT " + key + " HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 999999999\r\n\r\n");
  EXPECT_EQ(client.read().status, 413);
  EXPECT_TRUE(client.closed_by_door());
}

TEST_F(http_session_test, gives_every_answer_a_request_id) {
  open();
  auto client = connect();
  EXPECT_EQ(client.call(request("GET", "/livez", "", "X-Request-Id: Ab.9_-\r\n")).field("x-request-id"), "Ab.9_-");
  std::set<std::string> ids;
  const std::vector<std::string> bad_ids = {"", "has space", "a/b", std::string(65, 'x')};
  for (const auto& bad : bad_ids) {
    ids.insert(client.call(request("GET", "/nothing", "", "X-Request-Id: " + bad + "\r\n")).field("x-request-id"));
  }
  ids.insert(client.call("garbage\r\n\r\n").field("x-request-id"));
  EXPECT_EQ(ids.size(), 5u);
  for (const auto& id : ids) EXPECT_THAT(id, testing::MatchesRegex("[0-9a-f]{16}"));
}

TEST_F(http_session_test, closes_quietly_on_requests_cut_at_any_byte) {
  open();
  const std::string text = request("PUT", key, "value", "X-Request-Id: abc\r\n");
  for (std::size_t size = 0; size < text.size(); ++size) {
    auto client = connect();
    client.send(text.substr(0, size));
    client.end_sending();
    EXPECT_EQ(client.read().status, 0) << size;
    EXPECT_TRUE(client.closed_by_door()) << size;
  }
  EXPECT_EQ(call("GET", key).status, 404);  // none of them was done
  EXPECT_EQ(refused("bad_request"), 0);
}

TEST_F(http_session_test, refuses_garbage_and_goes_on_serving) {
  open();
  random dice(7);
  for (int round = 0; round < 200; ++round) {
    auto client = connect();
    std::string noise = round % 2 == 0 ? "" : request("PUT", key, "value");
    for (std::uint64_t i = 0, n = 1 + dice.below(300); i < n; ++i) {
      noise.insert(dice.below(noise.size() + 1), 1, static_cast<char>(dice.below(256)));
    }
    client.send(noise + "\r\n\r\n");
    client.end_sending();
    ASSERT_TRUE(client.closed_by_door()) << round;
  }
  EXPECT_GT(refused("bad_request"), 100);
  EXPECT_EQ(call("GET", "/livez").status, 200);
}

TEST_F(http_session_test, a_refused_client_reads_its_answer_though_it_is_still_sending) {
  settings.http.body_max = 1000;
  open();
  auto client = connect();
  client.send("PUT " + key + " HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n");
  for (int i = 0; i < 1000; ++i) client.send(std::string(4000, 'x'));
  EXPECT_EQ(client.read().status, 413);
}

TEST_F(http_session_test, a_failing_handler_is_answered_for) {
  make();
  http_route broken;
  broken.pattern = "/broken";
  broken.handler = [](http_exchange& ex) {
    ex.writer().open(200);
    throw std::runtime_error("a handler of somebody else");
  };
  ASSERT_TRUE(door->routes().add(broken));
  http_route silent;
  silent.pattern = "/silent";
  silent.handler = [](http_exchange&) {};
  ASSERT_TRUE(door->routes().add(silent));
  open();
  auto client = connect();
  EXPECT_EQ(client.call(request("GET", "/broken")).status, 500);
  EXPECT_EQ(client.call(request("GET", "/silent")).status, 500);
  EXPECT_EQ(client.call(request("GET", "/livez")).status, 200);
}

TEST_F(http_session_test, drains_what_is_in_flight_and_closes_what_is_idle) {
  open();
  caches.elsewhere = true;
  auto idle = connect();
  EXPECT_EQ(idle.call(request("GET", "/livez")).status, 200);
  auto half = connect();
  half.send("GET /li");
  auto busy = connect();
  busy.send(request("GET", key));
  ASSERT_TRUE(eventually([&] { return caches.waiting() == 1; }));
  std::promise<void> drained;
  door->drain([&] { drained.set_value(); });
  EXPECT_TRUE(idle.closed_by_door());
  EXPECT_TRUE(half.closed_by_door());
  EXPECT_FALSE(connect().connected());
  auto done = drained.get_future();
  EXPECT_EQ(done.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  caches.release();
  EXPECT_EQ(busy.read().status, 404);
  EXPECT_TRUE(busy.closed_by_door());
  EXPECT_EQ(done.wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST_F(http_session_test, drains_at_once_without_connections) {
  open();
  std::promise<void> drained;
  door->drain([&] { drained.set_value(); });
  EXPECT_EQ(drained.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST_F(http_session_test, closes_after_the_threads_were_stopped) {
  open();
  auto client = connect();
  EXPECT_EQ(client.call(request("GET", "/livez")).status, 200);
  io.stop();
  door->close();
  EXPECT_TRUE(client.closed_by_door());
}

TEST_F(http_session_test, says_which_address_cannot_be_bound) {
  open();
  settings.http.bind = door->address();
  http_door second({settings, io, *log, numbers, events, board, caches, {}});
  const auto failed = second.open();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, errc::unavailable);
  EXPECT_THAT(failed.error().context, testing::HasSubstr(door->address()));
}

}  // namespace
}  // namespace troupe
