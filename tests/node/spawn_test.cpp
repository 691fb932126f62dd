// Actors spawned by name, on real nodes.
#include "tests/node/actors_fixture.hpp"

namespace troupe {
namespace {

TEST_F(actors_test, an_actor_is_spawned_where_it_is_wanted) {
  start();
  const auto from = [&](const where& w) {
    const auto a = at(0).spawn("teller", caf::make_message(std::string("hi")), w);
    if (!a) return describe(a.error());
    return ask(0, *a, "you").value_or("no answer");
  };
  EXPECT_EQ(from(where::here()), "hi you from n1");
  EXPECT_EQ(from(where::nearest()), "hi you from n1");
  EXPECT_EQ(from(where::on("n3")), "hi you from n3");
  EXPECT_EQ(from(where::all().in_role("worker")).substr(0, 13), "the request i") << "one actor, one place";
  EXPECT_EQ(from(where::role("worker").with_tag("zone", "eu")), "hi you from n2");
  std::map<std::string, int> spread;  // n1 has two already, the others one each
  for (int i = 0; i < 8; ++i) ++spread[from(where::least_loaded())];
  EXPECT_EQ(spread, (std::map<std::string, int>{{"hi you from n1", 2}, {"hi you from n2", 3}, {"hi you from n3", 3}}));
}

TEST_F(actors_test, one_is_spawned_on_each) {
  start();
  const auto all = at(1).spawn_all("teller", caf::make_message(std::string("hi")));
  ASSERT_EQ(all.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(all[i].member, name(i));
    ASSERT_TRUE(all[i].actor) << describe(all[i].actor.error());
    EXPECT_EQ(ask(1, *all[i].actor, "you"), "hi you from " + name(i));
  }
  EXPECT_EQ(at(1).spawn_all("teller", {}, where::role("worker")).size(), 2u);
  EXPECT_TRUE(at(1).spawn_all("teller", {}, where::role("nobody")).empty());
  const auto rare = at(0).spawn_all("rare");
  ASSERT_EQ(rare.size(), 3u);
  EXPECT_EQ(rare[0].actor.error().code, errc::not_implemented);
  EXPECT_TRUE(rare[2].actor);
}

TEST_F(actors_test, spawning_says_why_it_does_not) {
  start();
  const auto code = [&](const std::string& type, const caf::message& m, const where& w) {
    const auto r = at(0).spawn(type, m, w);
    return r ? errc::ok : r.error().code;
  };
  const auto greeting = caf::make_message(std::string("hi"));
  EXPECT_EQ(code("rare", {}, where::on("n2")), errc::not_implemented);
  EXPECT_EQ(code("rare", {}, where::on("n3")), errc::ok);
  EXPECT_EQ(code("teller", {}, where::on("n2")), errc::invalid_argument);
  EXPECT_EQ(code("teller", greeting, where::on("n9")), errc::not_found);
  EXPECT_EQ(code("teller", greeting, where::role("nobody")), errc::not_found);
  cluster().kill(1);
  wait_until([&] { return state_seen(0, 1) == member_state::failed; }, "it has failed");
  EXPECT_EQ(code("teller", greeting, where::on("n2")), errc::unavailable);
  EXPECT_TRUE(cluster().leave(2));
  wait_until([&] { return state_seen(0, 2) == member_state::departed; }, "it has left");
  EXPECT_EQ(code("teller", greeting, where::on("n3")), errc::unavailable);
}

// The leave goes no further than the hand-over until the spawn is answered: the others still hold the member for alive.
TEST_F(actors_test, a_member_in_the_middle_of_leaving_refuses_and_says_so_and_so_does_who_knows_that_it_leaves) {
  keeps_logs_ = true;
  start();
  struct seen {
    std::optional<member_state> state;
    error why;
  };
  const auto in_the_middle = std::make_shared<guarded<seen>>();
  const auto greeting = caf::make_message(std::string("hi"));
  const auto made = at(2).singleton("anchor", [=, this](const singleton_start& s) {
    return s.system.spawn([=, this](caf::event_based_actor* me) -> caf::behavior {
      auto state = std::make_shared<caf::response_promise>();
      return {[](const std::string& text) { return text; },
              [=, this](hand_over_atom) {
                *state = me->make_response_promise();
                const auto told = [=, this, self = caf::actor(me)](const expected<caf::actor>& r) {
                  in_the_middle->update([&](seen& its) {
                    its.state = state_seen(0, 2);
                    its.why = r ? error{errc::ok, {}} : r.error();
                  });
                  caf::anon_send(self, caf::ok_atom::value);
                };
                at(0).spawn("teller", greeting, where::on("n3"), told, 20s);
                return *state;
              },
              [state](caf::ok_atom) { state->deliver(std::string("its state")); }};
    });
  });
  ASSERT_TRUE(made) << describe(made.error());
  ASSERT_EQ(ask(2, *made, "it runs"), "it runs");
  EXPECT_TRUE(cluster().leave(2));
  const auto its = in_the_middle->read();
  EXPECT_EQ(its.state, member_state::alive);
  EXPECT_EQ(its.why.code, errc::unavailable);
  EXPECT_EQ(its.why.context, "n3: the node leaves");
  EXPECT_NE(log_of(2).find("actors spawn_refused type=teller reason=unavailable words=\"the node leaves\""),
            std::string::npos)
      << log_of(2);

  wait_until([&] { return state_seen(0, 2) == member_state::departed; }, "it has left");
  EXPECT_EQ(log_of(0).find("spawn_refused"), std::string::npos) << "the member said it";
  const auto late = at(0).spawn("teller", greeting, where::on("n3"));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, errc::unavailable);
  EXPECT_EQ(late.error().context, "the member n3 is departed");
  EXPECT_NE(log_of(0).find("actors spawn_refused type=teller reason=unavailable words=\"the member n3 is departed\""),
            std::string::npos)
      << log_of(0);
}

TEST_F(actors_test, what_was_spawned_outlives_who_spawned_it_and_goes_with_its_node) {
  start();
  const auto a = at(0).spawn("teller", caf::make_message(std::string("hi")), where::on("n2"));
  ASSERT_TRUE(a) << describe(a.error());
  ASSERT_TRUE(at(1).registry().one("none").error().code == errc::not_found);
  const auto seen = watch(0, *a, 0);
  EXPECT_TRUE(cluster().leave(1));
  wait_until([&] { return seen->read().down.has_value(); }, "it went with its node");
}

}  // namespace
}  // namespace troupe
