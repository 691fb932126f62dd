// The application's actors on real nodes: one handle wherever it lives, and what becomes of it when its node does not.
#include "tests/node/actors_fixture.hpp"

namespace troupe {
namespace {

TEST_F(actors_test, a_handle_works_alike_here_and_there) {
  start();
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(at(i).publish("echo", echo(i)));
  for (std::size_t from = 0; from < 3; ++from) {
    for (std::size_t to = 0; to < 3; ++to) {
      const auto a = at(from).find(name(to), "echo");
      ASSERT_TRUE(a) << describe(a.error());
      EXPECT_EQ(ask(from, *a, "hello"), name(to) + ": hello");
    }
  }
  const auto seen = watch(0, *at(0).find(name(1), "echo"), 0);
  caf::anon_send(*at(2).find(name(1), "echo"), std::string("die"));
  wait_until([&] { return seen->read().down.has_value(); }, "the watcher is told");
}

TEST_F(actors_test, says_who_is_not_there) {
  start();
  EXPECT_EQ(at(0).find("nobody", "echo").error().code, errc::not_found);
  const auto unknown = at(0).find(name(1), "nothing");
  ASSERT_TRUE(unknown);
  EXPECT_EQ(ask(0, *unknown, "x").error().code, errc::not_found);
}

TEST_F(actors_test, a_killed_node_ends_its_handles_and_the_requests_that_wait) {
  start();
  ASSERT_TRUE(at(1).publish("echo", echo(1)));
  const auto a = *at(0).find(name(1), "echo");
  ASSERT_EQ(ask(0, a, "up"), name(1) + ": up");
  const auto seen = watch(0, a, 20);
  ASSERT_EQ(ask(0, a, "all have arrived"), name(1) + ": all have arrived");
  cluster().kill(1);
  wait_until([&] { return seen->read().down && seen->read().answers.size() == 20; }, "everything has ended");
  EXPECT_EQ(seen->read().down->code, errc::peer_lost);
  for (const auto code : seen->read().answers) EXPECT_EQ(code, errc::peer_lost);
  EXPECT_EQ(ask(0, a, "again").error().code, errc::peer_lost);
}

TEST_F(actors_test, a_silent_node_ends_its_handles_as_soon_as_it_is_held_for_failed) {
  start();
  ASSERT_TRUE(at(1).publish("echo", echo(1)));
  const auto a = *at(0).find(name(1), "echo");
  const auto seen = watch(0, a, 5);
  ASSERT_EQ(ask(0, a, "up"), name(1) + ": up");
  const auto began = std::chrono::steady_clock::now();
  cluster().partition({1});  // nothing is closed: TCP would wait for long
  wait_until([&] { return state_seen(0, 1) == member_state::failed; }, "it has failed");
  const auto failed = std::chrono::steady_clock::now();
  wait_until([&] { return seen->read().down && seen->read().answers.size() == 5; }, "everything has ended");
  const auto after = std::chrono::steady_clock::now() - failed;
  EXPECT_EQ(seen->read().down->code, errc::peer_lost);
  for (const auto code : seen->read().answers) EXPECT_EQ(code, errc::peer_lost);
  EXPECT_LT(after, 1s) << "no later than membership";
  RecordProperty("failed_ms", static_cast<int>((failed - began) / 1ms));
  RecordProperty("down_after_ms", static_cast<int>(after / 1ms));

  cluster().heal();
  wait_until([&] { return cluster().converged(); }, "it is back");
  const auto anew = at(0).find(name(1), "echo");
  ASSERT_TRUE(anew) << describe(anew.error());
  EXPECT_EQ(ask(0, *anew, "back"), name(1) + ": back");
  EXPECT_FALSE(ask(0, a, "x")) << "the old handle stays dead";
}

TEST_F(actors_test, stands_still_with_its_node_and_goes_on_with_it) {
  start();
  ASSERT_TRUE(at(1).publish("echo", echo(1)));
  const auto a = *at(0).find(name(1), "echo");
  ASSERT_EQ(ask(0, a, "up"), name(1) + ": up");
  cluster().pause(1);
  cluster().resume(1);
  wait_until([&] { return ask(0, *at(0).find(name(1), "echo"), "on") == name(1) + ": on"; }, "it answers again");
}

TEST_F(actors_test, a_node_that_brings_bad_types_does_not_start) {
  config c;
  c.node.name = "bad";
  c.node.services = {"cache"};
  c.node.data_dir = ::testing::TempDir() + "actors_test_bad";
  c.cluster.bind = "127.0.0.1:0";
  c.log.level = "error";
  node_options o;
  o.actors.emplace().configure = [](caf::actor_system_config&) { throw std::runtime_error("no types today"); };
  const auto n = node::start(c, std::move(o));
  ASSERT_FALSE(n);
  EXPECT_EQ(n.error().code, errc::bad_config);
  EXPECT_NE(n.error().context.find("no types today"), std::string::npos) << n.error().context;
}

}  // namespace
}  // namespace troupe
