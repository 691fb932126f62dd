#include <gmock/gmock.h>

#include "tests/http/door_fixture.hpp"

namespace troupe {
namespace {

class http_limits_test : public http_door_test {
 protected:
  http_limits_test() {
    settings.http.header_max = 1024;
    settings.http.body_max = 4096;
  }

  const std::string key = "/v1/cache/default/k";
};

TEST_F(http_limits_test, refuses_large_headers_and_targets) {
  open();
  const auto header = call("GET", "/livez", "", "Long: " + std::string(1024, 'x') + "\r\n");
  EXPECT_EQ(header.status, 431);
  EXPECT_EQ(header.field("connection"), "close");
  EXPECT_EQ(call("GET", "/" + std::string(1024, 'x')).status, 414);
  EXPECT_EQ(refused("header_too_large"), 1);
  EXPECT_EQ(refused("uri_too_long"), 1);
}

TEST_F(http_limits_test, refuses_large_bodies_before_they_come) {
  open();
  for (const char* length : {"4097", "4294967296", "18446744073709551615"}) {
    auto client = connect();
    EXPECT_EQ(client.call("PUT " + key + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + "\r\n\r\n").status, 413)
        << length;
    EXPECT_TRUE(client.closed_by_door());
  }
  EXPECT_EQ(refused("body_too_large"), 3);
  EXPECT_EQ(call("PUT", key, std::string(4096, 'x')).status, 204);
}

TEST_F(http_limits_test, refuses_large_bodies_in_chunks) {
  open();
  auto client = connect();
  client.send("PUT " + key + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 4; ++i) client.send("400\r\n" + std::string(1024, 'x') + "\r\n");
  client.send("1\r\n");
  EXPECT_EQ(client.read().status, 413);
  EXPECT_TRUE(client.closed_by_door());
}

TEST_F(http_limits_test, takes_a_large_value_whole) {
  settings.http.body_max = 8 * mib;
  open();
  std::string large(8 * mib, 'a');
  for (std::size_t i = 0; i < large.size(); i += 1000) large[i] = static_cast<char>('a' + i / 1000 % 26);
  auto client = connect();
  EXPECT_EQ(client.call(request("PUT", key, large)).status, 204);
  EXPECT_TRUE(client.call(request("GET", key)).body == large);
  EXPECT_EQ(client.call(request("GET", "/livez")).status, 200);
}

TEST_F(http_limits_test, answers_408_to_slow_headers_and_bodies) {
  settings.http.header_timeout = std::chrono::milliseconds(40);
  settings.http.body_timeout = std::chrono::milliseconds(40);
  open();
  auto header = connect();
  EXPECT_EQ(header.call("GET /livez HT").status, 408);
  EXPECT_TRUE(header.closed_by_door());
  auto body = connect();
  EXPECT_EQ(body.call("PUT " + key + " HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc").status, 408);
  EXPECT_TRUE(body.closed_by_door());
  EXPECT_EQ(refused("header_timeout"), 1);
  EXPECT_EQ(refused("body_timeout"), 1);
}

TEST_F(http_limits_test, a_trickle_does_not_extend_the_time_for_a_header) {
  settings.http.header_max = 64 * kib;
  settings.http.header_timeout = std::chrono::milliseconds(60);
  open();
  auto slow = connect();
  auto other = connect();
  slow.send("GET /livez HTTP/1.1\r\nLong: ");
  // A byte between any two answers to somebody else: never silent for long, never at its end.
  while (refused("header_timeout") == 0 && slow.send("x")) {
    ASSERT_EQ(other.call(request("GET", "/livez")).status, 200);
    ASSERT_EQ(refused("header_too_large"), 0);
  }
  EXPECT_EQ(slow.read().status, 408);
}

TEST_F(http_limits_test, closes_idle_connections) {
  settings.http.idle_timeout = std::chrono::milliseconds(40);
  open();
  auto silent = connect();
  EXPECT_TRUE(silent.closed_by_door());
  // On a busy machine a connection may be closed before its first request is there: then another is tried.
  EXPECT_TRUE(eventually([&] {
    auto client = connect();
    return client.call(request("GET", "/livez")).status == 200 && client.closed_by_door();
  }));
}

TEST_F(http_limits_test, cuts_off_clients_that_do_not_read) {
  settings.http.body_timeout = std::chrono::milliseconds(200);
  open();
  const std::string large(8 * mib, 'x');  // put past the door: an upload would race with the short time-out
  cache_command put;
  put.op = cache_op::put;
  put.key = "k";
  put.value = large;
  ASSERT_TRUE(caches.try_now(put, {}, [](const cache_reply&) {}));
  raw_client client(door->address(), 4096);
  client.send(request("GET", key) + request("GET", key));
  EXPECT_TRUE(eventually([&] { return refused("output_timeout") == 1; }));
  EXPECT_TRUE(eventually([&] { return number("troupe_http_connections") == 0; }));
}

TEST_F(http_limits_test, holds_the_number_of_connections) {
  settings.http.connections_max = 3;
  open();
  std::vector<raw_client> held;
  for (int i = 0; i < 3; ++i) {
    held.push_back(connect());
    ASSERT_EQ(held.back().call(request("GET", "/livez")).status, 200);
  }
  auto extra = connect();
  EXPECT_EQ(extra.read().status, 503);
  EXPECT_TRUE(extra.closed_by_door());
  EXPECT_EQ(refused("connections_max"), 1);
  held.pop_back();
  EXPECT_TRUE(eventually([&] { return call("GET", "/livez").status == 200; }));
}

TEST_F(http_limits_test, two_hundred_slow_clients_do_not_matter) {
  open();
  std::vector<raw_client> slow;
  for (int i = 0; i < 200; ++i) {
    slow.push_back(connect());
    slow.back().send(i % 2 == 0 ? "GET /livez HTTP/1.1\r\nHo"
                                : "PUT " + key + " HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na");
  }
  for (int i = 0; i < 50; ++i) ASSERT_EQ(call("GET", "/livez").status, 200);
  for (std::size_t i = 0; i < slow.size(); ++i) {
    slow[i].send(i % 2 == 0 ? "st: x\r\n\r\n" : "bcdefghi");
    EXPECT_EQ(slow[i].read().status, i % 2 == 0 ? 200 : 204);
  }
}

}  // namespace
}  // namespace troupe
