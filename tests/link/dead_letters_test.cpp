// Messages that reach nobody: who asked is told, and they are counted by their reason.
#include <cstdio>
#include <fstream>

#include "tests/link/actor_node.hpp"

namespace troupe {
namespace {

using namespace testing;
using way = dead_letters::way;

/// Knows none of the tests' types.
struct bare_config : caf::actor_system_config {
  bare_config() {
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{1});
  }
};

[[nodiscard]] bool counted(actor_node& n, way w, errc why, std::uint64_t count = 1) {
  return eventually([&] { return n.actors->letters()->count(w, why) >= count; });
}

TEST(dead_letters, a_type_that_the_receiver_does_not_know_is_answered_and_counted_there) {
  actor_node a("a", 1);
  actor_node b("b", 2, test_settings(), "127.0.0.1:0", std::make_unique<bare_config>());
  b.publish_echo();
  const auto echo = a.find(b);
  wire::Stamp s;
  for (const auto& unknown : {caf::make_message(order{1, "hat", {}}), caf::make_message(s)}) {
    const auto answer = a.ask(echo, unknown);
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, errc::not_implemented) << answer.error().context;
  }
  caf::anon_send(echo, order{2, "coat", {}});
  EXPECT_TRUE(counted(b, way::in, errc::not_implemented, 3));
  EXPECT_TRUE(b.logs({"actors dead_letters direction=in reason=not_implemented", "order", "count=1"}));
  EXPECT_EQ(a.ask(echo, "the link goes on"), "the link goes on");
}

TEST(dead_letters, an_answer_of_a_type_that_the_asker_does_not_know_is_an_error) {
  actor_node a("a", 1, test_settings(), "127.0.0.1:0", std::make_unique<bare_config>());
  actor_node b("b", 2);
  ASSERT_TRUE(b.actors->publish("shop", b.spawn([](caf::event_based_actor*) -> caf::behavior {
    return {[](const std::string&) { return order{1, "hat", {}}; }};
  })));
  const auto answer = a.ask(a.find(b, "shop"), "hat");
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, errc::not_implemented) << answer.error().context;
  EXPECT_TRUE(counted(a, way::in, errc::not_implemented));
}

TEST(dead_letters, a_message_too_large_for_the_link_is_refused_at_once) {
  auto settings = test_settings();
  settings.message_max = 1 * mib;
  actor_node a("a", 1, settings);
  actor_node b("b", 2, settings);
  b.publish_echo();
  const auto echo = a.find(b);
  const auto refused = a.ask(echo, std::string(2 * mib, 'x'));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, errc::too_large);
  caf::anon_send(echo, std::string(2 * mib, 'x'));
  EXPECT_TRUE(counted(a, way::out, errc::too_large, 2));
  EXPECT_TRUE(a.logs({"actors dead_letters direction=out reason=too_large", "count=1"}));
  EXPECT_EQ(a.ask(echo, "small"), "small");
}

TEST(dead_letters, an_answer_too_large_for_the_link_is_an_error_at_the_asker) {
  auto settings = test_settings();
  settings.message_max = 1 * mib;
  actor_node a("a", 1, settings);
  actor_node b("b", 2, settings);
  ASSERT_TRUE(b.actors->publish("generous", b.spawn([](caf::event_based_actor*) -> caf::behavior {
    return {[](const std::string&) { return std::string(2 * mib, 'x'); }};
  })));
  const auto answer = a.ask(a.find(b, "generous"), "more");
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, errc::too_large);
  EXPECT_TRUE(counted(b, way::out, errc::too_large));
  EXPECT_TRUE(b.logs({"actors dead_letters direction=out reason=too_large"}));
}

TEST(dead_letters, messages_to_an_actor_that_has_ended_and_to_a_lost_node_have_their_reasons) {
  actor_node a("a", 1);
  auto b = std::make_unique<actor_node>("b", 2);
  b->publish_echo();
  const auto echo = a.find(*b);
  watcher w(a, echo);
  EXPECT_EQ(a.ask(echo, "die"), "die");
  ASSERT_TRUE(w.saw_any());
  caf::anon_send(echo, std::string("late"));
  EXPECT_TRUE(counted(*b, way::in, errc::not_found));
  b.reset();
  EXPECT_TRUE(eventually([&] {
    caf::anon_send(echo, std::string("later"));
    return a.actors->letters()->count(way::out, errc::peer_lost) > 0;
  }));
}

TEST(dead_letters, what_cannot_travel_is_counted_where_it_was_sent) {
  actor_node a("a", 1);
  actor_node b("b", 2);
  b.publish_echo();
  caf::anon_send(a.find(b), 1.5);
  EXPECT_TRUE(counted(a, way::out, errc::invalid_argument));
}

TEST(dead_letters, one_line_in_ten_seconds_for_each_reason) {
  const auto path = ::testing::TempDir() + "dead_letters_test.log";
  std::remove(path.c_str());
  log_config c;
  c.file = path;
  c.level = "warn";
  auto log = event_log::open(c, "a");
  ASSERT_TRUE(log) << describe(log.error());
  dead_letters letters(log->get());
  const time_point start = time_point{} + std::chrono::hours(1);
  for (int i = 0; i < 100; ++i) letters.note(way::out, {errc::peer_lost, "gone"}, start + std::chrono::milliseconds(i));
  letters.note(way::in, {errc::not_found, "ended"}, start);
  letters.note(way::out, {errc::peer_lost, "gone"}, start + std::chrono::seconds(11));
  (*log)->flush();
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_NE(lines[0].find("reason=peer_lost"), std::string::npos) << lines[0];
  EXPECT_NE(lines[1].find("reason=not_found"), std::string::npos) << lines[1];
  EXPECT_NE(lines[2].find("count=100"), std::string::npos) << lines[2];
  EXPECT_EQ(letters.count(way::out, errc::peer_lost), 101u);
}

}  // namespace
}  // namespace troupe
