#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <future>

#include "gateways/http/event_stream.hpp"
#include "tests/http/door_fixture.hpp"

namespace troupe {
namespace {

using testing::HasSubstr;

class http_events_test : public http_door_test {
 protected:
  // A client whose answer's head and greeting have been read: it hears every later event.
  raw_client listen(const std::string& query = {}, const std::string& fields = {}) {
    auto client = connect();
    const auto a = client.call(request("GET", "/v1/events" + query, "", fields));
    EXPECT_EQ(a.status, 200);
    EXPECT_EQ(a.field("content-type"), "text/event-stream");
    return client;
  }

  struct seen {
    std::string id;
    std::string kind;
    std::string text;
  };

  // The next event; comments are passed over.
  static seen next(raw_client& client) {
    seen s;
    while (auto line = client.line()) {
      if (line->starts_with("id: ")) s.id = line->substr(4);
      if (line->starts_with("event: ")) s.kind = line->substr(7);
      if (line->starts_with("data: ")) s.text = line->substr(6);
      if (line->empty() && !s.id.empty()) return s;
    }
    return {};
  }
};

TEST_F(http_events_test, streams_events_as_they_happen) {
  open();
  auto client = listen();
  events.publish("member_alive", {{"member", "b"}, {"text", "two\nlines \xff"}});
  events.publish("leader_elected");
  const auto first = next(client);
  EXPECT_EQ(first.id, "1");
  EXPECT_EQ(first.kind, "member_alive");
  const auto e = nlohmann::json::parse(first.text);
  EXPECT_EQ(e["sequence"], 1);
  EXPECT_EQ(e["kind"], "member_alive");
  EXPECT_EQ(e["fields"]["member"], "b");
  EXPECT_THAT(e["time"].get<std::string>(), testing::EndsWith("Z"));
  EXPECT_EQ(next(client).kind, "leader_elected");
  EXPECT_EQ(number("troupe_http_event_streams"), 1);
}

TEST_F(http_events_test, resumes_after_the_last_event_seen) {
  open();
  for (int i = 0; i < 5; ++i) events.publish("tick");
  auto client = listen("", "Last-Event-ID: 3\r\n");
  EXPECT_EQ(next(client).id, "4");
  EXPECT_EQ(next(client).id, "5");
  events.publish("tick");
  EXPECT_EQ(next(client).id, "6");
}

TEST_F(http_events_test, shows_all_it_keeps_to_a_client_of_an_earlier_life) {
  open();
  events.publish("tick");
  auto client = listen("", "Last-Event-ID: 7000\r\n");
  EXPECT_EQ(next(client).id, "1");
}

TEST_F(http_events_test, replays_a_whole_history) {
  open();
  for (std::size_t i = 0; i < 2 * event_hub::history_max; ++i) events.publish("tick");
  auto client = listen("", "Last-Event-ID: 0\r\n");
  for (std::size_t i = 0; i < event_hub::history_max; ++i) {
    ASSERT_EQ(next(client).id, std::to_string(event_hub::history_max + i + 1));
  }
}

TEST_F(http_events_test, filters_by_kind) {
  open();
  auto client = listen("?kinds=b,c");
  for (const char* kind : {"a", "b", "a", "c"}) events.publish(kind);
  EXPECT_EQ(next(client).id, "2");
  EXPECT_EQ(next(client).id, "4");
}

TEST_F(http_events_test, refuses_what_it_does_not_understand) {
  open();
  EXPECT_EQ(call("GET", "/v1/events", "", "Last-Event-ID: seven\r\n").status, 400);
  EXPECT_EQ(call("GET", "/v1/events?kind=a").status, 400);
  EXPECT_EQ(call("POST", "/v1/events", "x").status, 405);
}

TEST_F(http_events_test, answers_head_without_a_stream) {
  open();
  auto client = connect();
  EXPECT_EQ(client.call(request("HEAD", "/v1/events"), true).status, 200);
  EXPECT_TRUE(client.closed_by_door());
}

TEST_F(http_events_test, forgets_clients_that_are_gone) {
  open();
  {
    auto client = listen();
    EXPECT_EQ(number("troupe_http_event_streams"), 1);
  }
  EXPECT_TRUE(eventually([&] { return number("troupe_http_event_streams") == 0; }));
  events.publish("tick");
}

TEST_F(http_events_test, ends_streams_at_drain) {
  open();
  auto client = listen();
  std::promise<void> drained;
  door->drain([&] { drained.set_value(); });
  EXPECT_TRUE(client.closed_by_door());
  EXPECT_EQ(drained.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(number("troupe_http_event_streams"), 0);
}

TEST_F(http_events_test, ends_the_stream_of_a_client_that_does_not_keep_up) {
  open();
  raw_client client(door->address(), 4096);
  client.call(request("GET", "/v1/events"));
  const std::string large(20000, 'x');
  // Socket buffers take the first of them; what counts is that the queue behind them is bounded.
  ASSERT_TRUE(eventually([&] {
    for (int i = 0; i < 100; ++i) events.publish("tick", {{"text", large}});
    return number("troupe_http_event_streams_overrun_total") == 1 || events.last_sequence() > 20000;
  })) << events.last_sequence();
  EXPECT_TRUE(client.closed_by_door());
  EXPECT_TRUE(eventually([&] { return number("troupe_http_event_streams_overrun_total") == 1; }));
}

TEST(event_stream, sends_a_heartbeat_when_nothing_happens) {
  event_hub hub;
  event_stream stream(hub, {}, std::make_shared<event_stream_counts>());
  stream.start([] {});
  const time_point start{};
  std::string out;
  ASSERT_TRUE(stream.pull(out, 1000, start));
  EXPECT_EQ(out, ": troupe events\n\n");
  out.clear();
  ASSERT_TRUE(stream.pull(out, 1000, start + event_stream::heartbeat - std::chrono::seconds(1)));
  EXPECT_EQ(out, "");
  ASSERT_TRUE(stream.pull(out, 1000, start + event_stream::heartbeat));
  EXPECT_EQ(out, ": heartbeat\n\n");
}

TEST(event_stream, ends_when_its_queue_is_full_and_says_so_once) {
  event_hub hub;
  const auto counts = std::make_shared<event_stream_counts>();
  int wakes = 0;
  event_stream stream(hub, {}, counts);
  stream.start([&] { ++wakes; });
  for (std::size_t i = 0; i <= event_stream::queue_max; ++i) hub.publish("tick");
  EXPECT_EQ(wakes, 1);  // one wake for all that wait
  std::string out;
  EXPECT_FALSE(stream.pull(out, SIZE_MAX, {}));
  EXPECT_EQ(counts->overrun, 1u);
  EXPECT_EQ(counts->sent, event_stream::queue_max);
}

}  // namespace
}  // namespace troupe
