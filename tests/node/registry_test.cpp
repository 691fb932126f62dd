// Actors found by what they do, on real nodes.
#include "tests/node/actors_fixture.hpp"

namespace troupe {
namespace {

TEST_F(actors_test, a_registered_actor_is_found_at_every_node_until_it_ends) {
  start();
  const auto printer = echo(0);
  ASSERT_TRUE(at(0).registry().add("printer", printer));
  ASSERT_TRUE(at(0).registry().add("printer", printer)) << "once more is no more";
  ASSERT_TRUE(at(1).registry().add("printer", echo(1)));
  for (std::size_t i = 0; i < 3; ++i) {
    expect_found(i, "printer", 2);
    const auto all = at(i).registry().find("printer");
    EXPECT_EQ(all[0].member, name(0));
    EXPECT_EQ(ask(i, all[0].actor, "page"), name(0) + ": page");
    EXPECT_EQ(ask(i, all[1].actor, "page"), name(1) + ": page");
  }
  caf::anon_send(at(2).registry().find("printer")[0].actor, std::string("die"));
  for (std::size_t i = 0; i < 3; ++i) expect_found(i, "printer", 1);
  const auto left = at(1).registry().one("printer");
  ASSERT_TRUE(left);
  at(1).registry().remove("printer", *left);
  for (std::size_t i = 0; i < 3; ++i) expect_found(i, "printer", 0);
  EXPECT_EQ(ask(1, *left, "it lives on"), name(1) + ": it lives on");
}

TEST_F(actors_test, entries_go_with_their_node_and_a_new_one_knows_all) {
  start();
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(at(i).registry().add("clock", echo(i)));
  for (std::size_t i = 0; i < 3; ++i) expect_found(i, "clock", 3);
  cluster().kill(2);
  for (std::size_t i = 0; i < 2; ++i) expect_found(i, "clock", 2);
  ASSERT_TRUE(cluster().restart(2));
  const auto began = std::chrono::steady_clock::now();
  expect_found(2, "clock", 2);
  RecordProperty("new_node_knows_ms", static_cast<int>((std::chrono::steady_clock::now() - began) / 1ms));
  ASSERT_TRUE(at(2).registry().add("clock", echo(2)));
  for (std::size_t i = 0; i < 3; ++i) expect_found(i, "clock", 3);
  EXPECT_TRUE(cluster().leave(1));
  expect_found(0, "clock", 2);
  expect_found(2, "clock", 2);
}

TEST_F(actors_test, is_found_where_it_is_wanted) {
  start();
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(at(i).registry().add("clock", echo(i)));
  for (std::size_t i = 0; i < 3; ++i) expect_found(i, "clock", 3);
  const auto who = [&](std::size_t i, const where& w) {
    std::string all;
    for (const auto& r : at(i).registry().find("clock", w)) all += r.member;
    return all;
  };
  EXPECT_EQ(who(0, where::role("front")), "n1");
  EXPECT_EQ(who(0, where::all().in_role("worker")), "n2n3");
  EXPECT_EQ(who(0, where::all().in_role("worker").with_tag("zone", "us")), "n3");
  EXPECT_EQ(who(0, where::on("n2")), "n2");
  EXPECT_EQ(who(1, where::here()), "n2");
  EXPECT_EQ(who(2, where::nearest()).substr(0, 2), "n3");
  EXPECT_EQ(ask(1, *at(1).registry().one("clock", where::nearest()), "x"), "n2: x");
  EXPECT_EQ(at(0).registry().one("clock", where::role("none")).error().code, errc::not_found);
  EXPECT_EQ(at(0).registry().one("calendar").error().code, errc::not_found);
}

TEST_F(actors_test, subscribers_are_told_now_and_after_each_change) {
  start();
  const auto told = std::make_shared<guarded<std::vector<std::size_t>>>();
  const auto sizes = [&] { return told->read(); };
  auto subscription = at(0).registry().subscribe(
      "clock", [told](const listing& now) { told->update([&](auto& all) { all.push_back(now.size()); }); });
  wait_until([&] { return sizes() == std::vector<std::size_t>{0}; }, "it is told that there are none");
  const auto heard = std::make_shared<guarded<std::vector<std::string>>>();
  const auto listener = at(0).system().spawn([heard](caf::event_based_actor*) -> caf::behavior {
    return {[heard](const std::string& key, const std::vector<caf::actor>& now) {
      heard->update([&](auto& all) { all.push_back(key + std::to_string(now.size())); });
    }};
  });
  at(0).registry().subscribe("clock", listener);
  ASSERT_TRUE(at(1).registry().add("clock", echo(1)));
  wait_until([&] { return sizes().back() == 1; }, "one came");
  ASSERT_TRUE(at(2).registry().add("clock", echo(2)));
  wait_until([&] { return sizes().back() == 2; }, "two came");
  wait_until([&] { return !heard->read().empty() && heard->read().back() == "clock2"; }, "the actor is told too");
  cluster().kill(2);
  wait_until([&] { return sizes().back() == 1; }, "one went");
  subscription.end();
  const auto count = sizes().size();
  ASSERT_TRUE(at(0).registry().add("clock", echo(0)));
  wait_until([&] { return heard->read().back() == "clock2"; }, "the actor is told of it");
  EXPECT_EQ(sizes().size(), count) << "who has ended is not";
}

TEST_F(actors_test, the_registry_refuses_what_it_cannot_show) {
  start();
  const auto here = echo(0);
  auto& r = at(0).registry();
  EXPECT_EQ(r.add("", here).error().code, errc::invalid_argument);
  EXPECT_EQ(r.add(std::string(129, 'k'), here).error().code, errc::invalid_argument);
  EXPECT_EQ(r.add("k", caf::actor()).error().code, errc::invalid_argument);
  ASSERT_TRUE(at(1).registry().add("far", echo(1)));
  expect_found(0, "far", 1);
  EXPECT_EQ(r.add("k", *r.one("far")).error().code, errc::invalid_argument) << "it is another node's";
  const auto gone = echo(0);
  caf::anon_send(gone, std::string("die"));
  (void)r.add("gone", gone);
  expect_found(0, "gone", 0);
  r.remove("never", here);
}

}  // namespace
}  // namespace troupe
