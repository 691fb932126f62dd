// /v1/events/ws by a client of plain bytes: the handshake, the frames, and clients that misbehave.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <future>

#include "gateways/http/event_socket.hpp"
#include "tests/http/door_fixture.hpp"

namespace troupe {
namespace {

class event_socket_test : public http_door_test {
 protected:
  static std::string handshake(const std::string& query = {}, const std::string& fields = {},
                               const std::string& version = "13") {
    return "GET /v1/events/ws" + query +
           " HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
           "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: " +
           version + "\r\n" + fields + "\r\n";
  }

  // The head of the answer has been read; every later event is heard.
  raw_client open_socket(const std::string& query = {}, const std::string& fields = {}) {
    auto client = connect();
    const auto a = client.call(handshake(query, fields));
    EXPECT_EQ(a.status, 101);
    EXPECT_EQ(a.field("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    return client;
  }

  struct frame {
    int opcode = -1;  // -1: the connection ended
    std::string payload;
  };
  static frame next(raw_client& client) {
    const auto head = client.take(2);
    if (head.size() < 2) return {};
    frame f;
    f.opcode = static_cast<unsigned char>(head[0]) & 0x0f;
    std::size_t size = static_cast<unsigned char>(head[1]) & 0x7f;
    if (size == 126) {
      const auto more = client.take(2);
      size = (static_cast<std::size_t>(static_cast<unsigned char>(more.at(0))) << 8) +
             static_cast<unsigned char>(more.at(1));
    }
    f.payload = client.take(size);
    return f;
  }
  static nlohmann::json next_event(raw_client& client) {
    const auto f = next(client);
    EXPECT_EQ(f.opcode, 1) << f.payload;
    return nlohmann::json::parse(f.payload, nullptr, false);
  }
  // A client's frame, masked with zeroes.
  static std::string masked(int opcode, const std::string& payload) {
    return std::string{static_cast<char>(0x80 | opcode), static_cast<char>(0x80 | payload.size())} +
           std::string(4, '\0') + payload;
  }
};

TEST_F(event_socket_test, sends_events_as_they_happen_in_order) {
  open();
  auto client = open_socket("?after=0");
  for (int i = 0; i < 50; ++i) events.publish("tick", {{"number", std::to_string(i)}});
  for (int i = 0; i < 50; ++i) {
    const auto e = next_event(client);
    EXPECT_EQ(e["sequence"], i + 1);
    EXPECT_EQ(e["fields"]["number"], std::to_string(i));
  }
  EXPECT_EQ(number("troupe_http_event_streams"), 1);
}

TEST_F(event_socket_test, filters_by_kind_and_resumes_after_a_sequence) {
  open();
  for (const char* kind : {"a", "b", "a", "c"}) events.publish(kind);
  auto client = open_socket("?kind=b,c&after=1");
  EXPECT_EQ(next_event(client)["sequence"], 2);
  EXPECT_EQ(next_event(client)["sequence"], 4);
}

TEST_F(event_socket_test, answers_pings_and_closes_when_it_is_asked_to) {
  open();
  {
    auto client = open_socket();
    client.send(masked(9, "hello"));
    auto f = next(client);
    EXPECT_EQ(f.opcode, 10);
    EXPECT_EQ(f.payload, "hello");
    client.send(masked(1, "what a client says is passed over"));
    client.send(masked(8, std::string("\x03\xe8", 2)));
    f = next(client);
    EXPECT_EQ(f.opcode, 8);
    EXPECT_TRUE(client.closed_by_door());
  }
  EXPECT_TRUE(eventually([&] { return number("troupe_http_event_streams") == 0; }));
  EXPECT_TRUE(eventually([&] { return number("troupe_http_connections") == 0; }));
}

TEST_F(event_socket_test, refuses_what_is_no_handshake) {
  open();
  EXPECT_EQ(call("GET", "/v1/events/ws").status, 426);
  EXPECT_EQ(call("GET", "/v1/events/ws").field("upgrade"), "websocket");
  EXPECT_EQ(call("HEAD", "/v1/events/ws").status, 426);
  EXPECT_EQ(connect().call(handshake("", "", "8")).status, 426);
  EXPECT_EQ(connect().call(handshake("?after=x")).status, 400);
  EXPECT_EQ(connect().call(handshake("?nonsense=1")).status, 400);
  EXPECT_EQ(call("POST", "/v1/events/ws", "x").status, 405);
}

TEST_F(event_socket_test, refuses_pages_of_other_sites) {
  open();
  EXPECT_EQ(connect().call(handshake("", "Origin: http://evil.example\r\n")).status, 403);
  EXPECT_EQ(connect().call(handshake("", "Origin: null\r\n")).status, 403);
  EXPECT_EQ(connect().call(handshake("", "Origin: http://test\r\n")).status, 101);
}

TEST_F(event_socket_test, comes_after_the_answers_to_earlier_requests) {
  open();
  auto client = connect();
  client.send(request("GET", "/livez") + handshake());
  EXPECT_EQ(client.read().status, 200);
  EXPECT_EQ(client.read().status, 101);
}

TEST_F(event_socket_test, closes_clients_that_break_the_protocol) {
  open();
  for (const auto& bad : {std::string("\x81\x01x", 3),                    // not masked
                          std::string("\xf1\x80\0\0\0\0", 6),             // reserved bits
                          std::string("\x82\xfe\x10\x00\0\0\0\0", 8)}) {  // more than it may say
    auto client = open_socket();
    client.send(bad);
    EXPECT_TRUE(client.closed_by_door());
  }
  EXPECT_TRUE(eventually([&] { return number("troupe_http_connections") == 0; }));
}

TEST_F(event_socket_test, closes_a_client_that_does_not_keep_up) {
  open();
  raw_client client(door->address(), 4096);
  ASSERT_EQ(client.call(handshake("?after=0")).status, 101);
  const std::string large(20000, 'x');
  ASSERT_TRUE(eventually([&] {
    for (int i = 0; i < 100; ++i) events.publish("tick", {{"text", large}});
    return number("troupe_http_event_streams_overrun_total") == 1 || events.last_sequence() > 20000;
  })) << events.last_sequence();
  EXPECT_TRUE(client.closed_by_door());
  EXPECT_TRUE(eventually([&] { return number("troupe_http_event_streams_overrun_total") == 1; }));
}

TEST_F(event_socket_test, ends_with_the_door) {
  open();
  auto client = open_socket();
  std::promise<void> drained;
  door->drain([&] { drained.set_value(); });
  EXPECT_TRUE(client.closed_by_door());
  EXPECT_EQ(drained.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_TRUE(eventually([&] { return number("troupe_http_event_streams") == 0; }));
}

}  // namespace
}  // namespace troupe
