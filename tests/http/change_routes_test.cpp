#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <future>

#include "gateways/http/change_stream.hpp"
#include "tests/http/door_fixture.hpp"

namespace troupe {
namespace {

class http_changes_test : public http_door_test {
 protected:
  // A client whose answer's head has been read: it is subscribed.
  raw_client listen(const std::string& cache = "default", const std::string& query = {}) {
    auto client = connect();
    const auto a = client.call(request("GET", "/v1/cache/" + cache + "/changes" + query));
    EXPECT_EQ(a.status, 200);
    EXPECT_EQ(a.field("content-type"), "text/event-stream");
    return client;
  }

  void tell(cache_change c) const {
    if (caches.told->push(std::move(c))) caches.told->wake();
  }

  struct seen {
    std::string kind;
    nlohmann::json change;
  };

  static seen next(raw_client& client) {
    seen s;
    while (auto line = client.line()) {
      if (line->starts_with("event: ")) s.kind = line->substr(7);
      if (line->starts_with("data: ")) s.change = nlohmann::json::parse(line->substr(6));
      if (line->empty() && !s.kind.empty()) return s;
    }
    return {};
  }
};

TEST_F(http_changes_test, streams_changes_as_they_are_told) {
  open();
  auto client = listen();
  tell({.kind = change_kind::opened});
  tell({.kind = change_kind::put, .key = "a", .version = 7, .shard = 3, .value = "one"});
  tell({.kind = change_kind::dropped, .version = 9, .shard = 4});
  tell({.kind = change_kind::gap, .cause = "source_changed"});
  EXPECT_EQ(next(client).kind, "open");
  const auto put = next(client);
  EXPECT_EQ(put.kind, "put");
  EXPECT_EQ(put.change, nlohmann::json({{"key", "a"}, {"version", 7}, {"shard", 3}, {"value", "one"}}));
  const auto dropped = next(client);
  EXPECT_EQ(dropped.kind, "dropped");
  EXPECT_EQ(dropped.change, nlohmann::json({{"version", 9}, {"shard", 4}}));
  const auto gap = next(client);
  EXPECT_EQ(gap.kind, "gap");
  EXPECT_EQ(gap.change, nlohmann::json({{"cause", "source_changed"}}));
}

TEST_F(http_changes_test, subscribes_to_what_the_query_names) {
  open();
  const auto client = listen("other%20one", "?prefix=user%3A&values=100");
  EXPECT_EQ(caches.subscribed.prefix, "user:");
  EXPECT_EQ(caches.subscribed.value_bytes_max, 100u);
}

TEST_F(http_changes_test, tells_no_values_unless_they_are_asked_for) {
  open();
  const auto client = listen();
  EXPECT_EQ(caches.subscribed.prefix, "");
  EXPECT_EQ(caches.subscribed.value_bytes_max, 0u);
}

TEST_F(http_changes_test, refuses_what_it_does_not_understand) {
  open();
  for (const char* query : {"?values=-1", "?values=many", "?values=1048577", "?values=", "?prefix=%zz"}) {
    EXPECT_EQ(call("GET", std::string("/v1/cache/default/changes") + query).status, 400) << query;
  }
  EXPECT_EQ(call("GET", "/v1/cache/other/changes").status, 404);
  EXPECT_EQ(caches.told, nullptr);
}

TEST_F(http_changes_test, says_that_there_are_too_many_subscribers) {
  open();
  const auto client = listen();
  const auto refused = call("GET", "/v1/cache/default/changes");
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.body, testing::HasSubstr("too many subscribers"));
}

TEST_F(http_changes_test, reads_the_key_that_is_named_as_the_route) {
  open();
  EXPECT_EQ(call("PUT", "/v1/cache/default/%63hanges", "x").status / 100, 2);
  EXPECT_EQ(call("GET", "/v1/cache/default/%63hanges").body, "x");
  EXPECT_EQ(caches.told, nullptr);
}

TEST_F(http_changes_test, unsubscribes_a_client_that_is_gone) {
  open();
  { const auto client = listen(); }
  EXPECT_TRUE(eventually([&] { return caches.unsubscribed == 1; }));
}

TEST_F(http_changes_test, ends_when_the_node_stops) {
  open();
  auto client = listen();
  caches.told->end();
  caches.told->wake();
  EXPECT_TRUE(client.closed_by_door());
}

TEST_F(http_changes_test, ends_streams_at_drain) {
  open();
  auto client = listen();
  std::promise<void> drained;
  door->drain([&] { drained.set_value(); });
  EXPECT_TRUE(client.closed_by_door());
  EXPECT_EQ(drained.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(caches.unsubscribed, 1);
}

// What waits is bounded by the subscription: the client hears of a gap and of what came after it.
TEST_F(http_changes_test, tells_a_gap_to_a_client_that_does_not_keep_up) {
  open();
  raw_client client(door->address(), 4096);
  client.call(request("GET", "/v1/cache/default/changes"));
  const std::string large(20000, 'x');
  ASSERT_TRUE(eventually([&] {
    for (int i = 0; i < 100; ++i) tell({.kind = change_kind::put, .key = large});
    return caches.told->discarded() > 0;
  }));
  for (;;) {
    const auto s = next(client);
    ASSERT_FALSE(s.kind.empty());
    if (s.kind != "gap") continue;
    EXPECT_EQ(s.change["cause"], "slow_subscriber");
    break;
  }
}

TEST(change_stream, sends_a_heartbeat_when_nothing_happens) {
  const auto queue = std::make_shared<change_queue>(change_options{}, [] {});
  change_stream stream(change_subscription(queue), std::make_shared<change_stream::alarm_clock>());
  stream.start([] {});
  const time_point start{};
  std::string out;
  ASSERT_TRUE(stream.pull(out, 1000, start));
  EXPECT_EQ(out, ": troupe changes\n\n");
  out.clear();
  ASSERT_TRUE(stream.pull(out, 1000, start + change_stream::heartbeat - std::chrono::seconds(1)));
  EXPECT_EQ(out, "");
  ASSERT_TRUE(stream.pull(out, 1000, start + change_stream::heartbeat));
  EXPECT_EQ(out, ": heartbeat\n\n");
}

TEST(change_stream, is_woken_by_what_came_before_it_started) {
  const auto clock = std::make_shared<change_stream::alarm_clock>();
  change_stream stream(change_subscription(std::make_shared<change_queue>(change_options{}, [] {})), clock);
  clock->ring();
  int wakes = 0;
  stream.start([&] { ++wakes; });
  EXPECT_EQ(wakes, 1);
}

}  // namespace
}  // namespace troupe
