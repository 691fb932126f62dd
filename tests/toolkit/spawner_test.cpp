// Spawning by name between nodes that have nothing but a link: what comes of it, and every way in which it may not.
#include "actors/toolkit/spawner_actor.hpp"

#include "tests/actors/stopped_clock.hpp"
#include "tests/link/actor_node.hpp"

namespace troupe {
namespace {

using namespace testing;
using namespace std::chrono_literals;

struct thrower : caf::event_based_actor {
  thrower(caf::actor_config& cfg, const std::string& words) : caf::event_based_actor(cfg) {
    throw std::runtime_error(words);
  }
};

std::unique_ptr<caf::actor_system_config> types() {
  auto c = std::make_unique<system_config>();
  c->add_actor_type("adder", [](caf::event_based_actor* me, std::int32_t start) -> caf::behavior {
    return {[start](std::int32_t n) { return start + n; }, [me](const std::string&) { me->quit(); }};
  });
  c->add_actor_type<thrower, const std::string&>("thrower");
  return c;
}

struct spawn_node : actor_node {
  std::shared_ptr<spawner_state> state = std::make_shared<spawner_state>();
  caf::actor spawner;

  spawn_node(std::string name, std::uint64_t id, std::size_t spawned_max = 100)
      : actor_node(std::move(name), id, test_settings(), "127.0.0.1:0", types()) {
    spawner = system->spawn<spawner_actor>(actors, state, *log, spawned_max);
    EXPECT_TRUE(actors->publish(spawner_actor::published_as, spawner));
    spawned.push_back(spawner);
  }

  [[nodiscard]] candidate as_candidate() const { return {self.name, self.id, self.address}; }

  expected<caf::actor> run(const std::string& type, caf::message arguments, std::vector<candidate> where_to,
                           bool by_load = false, duration deadline = patience) {
    watched<std::optional<expected<caf::actor>>> result;
    auto call = std::make_shared<spawn_call>();
    call->type = type;
    call->arguments = std::move(arguments);
    call->candidates = std::move(where_to);
    call->by_load = by_load;
    call->deadline = std::chrono::steady_clock::now() + deadline;
    call->done = [&](expected<caf::actor> r) { result.update([&](auto& all) { all = std::move(r); }); };
    caf::anon_send(spawner, call);
    if (!result.wait([](const auto& r) { return r.has_value(); })) return fail(errc::deadline_exceeded, "test");
    return *result.read();
  }

  expected<std::int32_t> add(const caf::actor& a, std::int32_t n) {
    caf::scoped_actor me(*system);
    expected<std::int32_t> sum = fail(errc::deadline_exceeded, "test");
    me->request(a, patience, n)
        .receive([&](std::int32_t s) { sum = s; },
                 [&](const caf::error& e) { sum = tl::unexpected<error>(from_caf(e)); });
    return sum;
  }
};

caf::message start(std::int32_t n) { return caf::make_message(n); }

TEST(spawner, starts_actors_here_and_elsewhere_with_their_arguments) {
  spawn_node a("a", 1);
  spawn_node b("b", 2);
  const auto here = a.run("adder", start(10), {a.as_candidate()});
  ASSERT_TRUE(here) << describe(here.error());
  EXPECT_EQ(a.add(*here, 1), 11);
  const auto there = a.run("adder", start(20), {b.as_candidate()});
  ASSERT_TRUE(there) << describe(there.error());
  EXPECT_EQ(a.add(*there, 1), 21);
  EXPECT_EQ(b.state->alive, 1u);
  watcher w(a, *there);
  caf::anon_send(*there, std::string("end"));
  EXPECT_TRUE(w.saw_any());
  EXPECT_TRUE(eventually([&] { return b.state->alive == 0; }));
}

TEST(spawner, says_why_it_does_not) {
  spawn_node a("a", 1);
  spawn_node b("b", 2, 1);
  const auto code = [&](const std::string& type, const caf::message& m) {
    const auto r = a.run(type, m, {b.as_candidate()});
    return r ? errc::ok : r.error().code;
  };
  EXPECT_EQ(code("nothing", {}), errc::not_implemented);
  EXPECT_TRUE(b.logs({"actors spawn_refused type=nothing reason=not_implemented", "is not registered here"}));
  EXPECT_EQ(code("adder", {}), errc::invalid_argument);
  EXPECT_EQ(code("adder", caf::make_message(std::string("ten"))), errc::invalid_argument);
  EXPECT_EQ(code("adder", caf::make_message(1.5)), errc::invalid_argument) << "it cannot travel";
  EXPECT_EQ(code("thrower", caf::make_message(std::string("on purpose"))), errc::unavailable);
  const auto why = a.run("thrower", caf::make_message(std::string("on purpose")), {b.as_candidate()});
  EXPECT_NE(why.error().context.find("on purpose"), std::string::npos) << why.error().context;
  EXPECT_EQ(code("adder", start(1)), errc::ok);
  EXPECT_EQ(code("adder", start(1)), errc::unavailable) << "it has as many as it may";
  EXPECT_EQ(b.state->results[static_cast<std::size_t>(errc::ok)], 1u);
  EXPECT_EQ(b.state->results[static_cast<std::size_t>(errc::unavailable)], 3u);
  EXPECT_EQ(b.state->results[static_cast<std::size_t>(errc::not_implemented)], 1u);
}

TEST(spawner, tries_another_member_when_one_leaves) {
  spawn_node a("a", 1);
  spawn_node b("b", 2);
  b.state->leaves = true;
  const auto only = a.run("adder", start(1), {b.as_candidate()});
  ASSERT_FALSE(only);
  EXPECT_EQ(only.error().code, errc::unavailable);
  EXPECT_NE(only.error().context.find("leaves"), std::string::npos) << only.error().context;
  EXPECT_TRUE(b.logs({"actors spawn_refused type=adder reason=unavailable", "the node leaves"}));
  const auto other = a.run("adder", start(1), {b.as_candidate(), a.as_candidate()});
  ASSERT_TRUE(other) << describe(other.error());
  EXPECT_EQ(a.state->alive, 1u);
}

TEST(spawner, says_a_refusal_at_most_once_a_second) {
  stopped_clock clock;
  spawner_state state;
  std::vector<std::string> lines;
  const auto log = event_log::to([&](log_level, const std::string& line) { lines.push_back(line); });
  for (int i = 0; i < 10; ++i) state.log_refusal(*log, "adder", {errc::unavailable, "the node leaves"});
  EXPECT_EQ(lines,
            std::vector<std::string>{"actors spawn_refused type=adder reason=unavailable words=\"the node leaves\""});
  clock.advance(spawner_state::line_interval);
  state.log_refusal(*log, "nothing", {errc::not_implemented, "no"});
  EXPECT_EQ(lines.size(), 2u);
}

TEST(spawner, takes_the_least_loaded) {
  spawn_node a("a", 1);
  spawn_node b("b", 2);
  spawn_node c("c", 3);
  const std::vector<candidate> all{a.as_candidate(), b.as_candidate(), c.as_candidate()};
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(a.run("adder", start(i), {b.as_candidate()}));
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(a.run("adder", start(i), all, true));
  EXPECT_EQ(a.state->alive, 4u);
  EXPECT_EQ(b.state->alive, 4u);
  EXPECT_EQ(c.state->alive, 4u);
}

TEST(spawner, spreads_what_is_asked_for_at_once) {
  spawn_node a("a", 1);
  spawn_node b("b", 2);
  const std::vector<candidate> all{a.as_candidate(), b.as_candidate()};
  watched<int> done;
  for (int i = 0; i < 40; ++i) {
    auto call = std::make_shared<spawn_call>();
    call->type = "adder";
    call->arguments = start(i);
    call->candidates = all;
    call->by_load = true;
    call->deadline = soon();
    call->done = [&](const expected<caf::actor>& r) { done.update([&](int& n) { n += r ? 1 : 0; }); };
    caf::anon_send(a.spawner, call);
  }
  ASSERT_TRUE(done.wait([](int n) { return n == 40; }));
  EXPECT_GE(a.state->alive, 10u);
  EXPECT_GE(b.state->alive, 10u);
}

TEST(spawner, fails_with_its_target) {
  spawn_node a("a", 1);
  auto b = std::make_unique<spawn_node>("b", 2);
  const auto there = b->as_candidate();
  ASSERT_TRUE(a.run("adder", start(1), {there}));
  b.reset();
  const auto lost = a.run("adder", start(1), {there});
  ASSERT_FALSE(lost);
  EXPECT_TRUE(lost.error().code == errc::peer_lost || lost.error().code == errc::unavailable) << describe(lost.error());
  const auto late = a.run("adder", start(1), {a.as_candidate()}, false, duration::zero());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, errc::deadline_exceeded);
}

TEST(spawner, ends_what_it_spawned_when_its_node_stops) {
  spawn_node a("a", 1);
  spawn_node b("b", 2);
  const auto there = a.run("adder", start(1), {b.as_candidate()});
  ASSERT_TRUE(there);
  watcher w(a, *there);
  caf::scoped_actor me(*b.system);
  bool stopped = false;
  me->request(b.spawner, patience, stop_atom::value)
      .receive([&](caf::atom_value) { stopped = true; }, [](const caf::error&) {});
  EXPECT_TRUE(stopped);
  EXPECT_TRUE(w.saw_any());
  EXPECT_FALSE(a.run("adder", start(1), {b.as_candidate()}));
}

}  // namespace
}  // namespace troupe
