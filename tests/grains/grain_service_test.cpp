// Grains between two nodes that have nothing but a link and a table: the way of a message, and every way in which it
// may not arrive.
#include "actors/grains/grain_service.hpp"

#include "actors/cache/cache_router.hpp"
#include "runtime/registry/choice.hpp"
#include "tests/actors/stopped_clock.hpp"
#include "tests/link/actor_node.hpp"

namespace troupe {
namespace {

using namespace testing;
using namespace std::chrono_literals;

constexpr std::uint32_t shards = 8;

/// What its grains saw.
struct story {
  int woken = 0, rested = 0;
  bool inside = false;  // a handler that waits to be let go
  bool go = false;
};

struct grain_node : actor_node {
  std::uint64_t pid;
  shard_host host{{shards, 1 << 26, eviction_policy::lru, 42, {}}};
  cache_catalogue caches{{}, 0};
  std::shared_ptr<cache_router> router = std::make_shared<cache_router>(host, caches, 1 << 20);
  cluster_board board;
  std::map<std::uint64_t, link_target> others;
  std::shared_ptr<grain_service> grains;
  watched<story> seen;

  grain_node(std::string name, std::uint64_t p, grain_limits limits = {})
      : actor_node(std::move(name), p, test_settings()), pid(p) {
    grains = std::make_shared<grain_service>(
        grain_service::surroundings{*system, io, host, board, *log, actors,
                                    [this](std::uint64_t other) {
                                      const auto found = others.find(other);
                                      return found == others.end() ? std::nullopt : std::optional(found->second);
                                    },
                                    caches,
                                    [this](const std::string& cache_name) -> expected<cache> {
                                      if (cache_name != "default") return fail(errc::not_found, cache_name);
                                      return cache(router, cache_name);
                                    },
                                    limits});
    grains->attach();
    troupe::grains& types = *grains;
    EXPECT_TRUE(grains->start());
    EXPECT_TRUE(types.add("counter", [this](grain* me) { return counter(me); }));
    EXPECT_TRUE(types.add("hasty", [this](grain* me) { return counter(me); }, {.idle_after = 10ms}));
    EXPECT_TRUE(types.add("broken", [](grain*) -> caf::behavior { throw std::runtime_error("no way"); }));
    EXPECT_TRUE(types.add("empty", [](grain*) { return caf::behavior{}; }));
    EXPECT_TRUE(types.add("keeper", [](grain* me) { return keeper(me); }, {.state_cache = "default"}));
  }
  ~grain_node() { grains->close(); }

  // Answers with its node and a number that goes up.
  caf::behavior counter(grain* me) {
    seen.update([](story& s) { ++s.woken; });
    me->on_rest([this] { seen.update([](story& s) { ++s.rested; }); });
    auto n = std::make_shared<int>(0);
    return {[this, me, n](const std::string& what) {
      if (what == "rest") me->rest();
      if (what == "throw") throw std::runtime_error("as it was told");
      if (what == "wait") {
        seen.update([](story& s) { s.inside = true; });
        EXPECT_TRUE(seen.wait([](const story& s) { return s.go; }));
      }
      return self.name + std::to_string(++*n);
    }};
  }
  // Saves what it is told and answers with what it had.
  static caf::behavior keeper(grain* me) {
    return {[me](const std::string& what) -> caf::result<std::string> {
      auto had = me->state().value_or("nothing");
      if (what == "look") return had;
      auto promise = me->make_response_promise<std::string>();
      const auto told = [promise, had](const expected<void>& saved) mutable {
        if (saved)
          promise.deliver(had);
        else
          promise.deliver(to_caf(saved.error()));
      };
      if (what == "forget")
        me->forget(told);
      else
        me->save(what, told);
      return promise;
    }};
  }

  void adopt(const shard_table& t) { EXPECT_TRUE(host.adopt(t, pid)); }
  expected<std::string> ask_grain(const std::string& type, const std::string& id, const std::string& what = "go") {
    const auto a = grains->ref(type, id);
    if (!a) return tl::unexpected<error>(a.error());
    return ask(*a, what);
  }
  errc code(const std::string& type, const std::string& id, const std::string& what = "go") {
    const auto r = ask_grain(type, id, what);
    return r ? errc::ok : r.error().code;
  }
};

struct two_nodes : ::testing::Test {
  explicit two_nodes(grain_limits limits = {}) : a("a", 1, limits), b("b", 2, limits) {
    for (auto* n : {&a, &b}) {
      n->others = {{1, a.target()}, {2, b.target()}};
      n->board.update([&](cluster_view& v) {
        for (auto* each : {&a, &b}) {
          member m;
          m.name = each->self.name;
          m.id = each->self.id;
          m.pid = each->pid;
          v.members.push_back(m);
        }
        for (auto& m : v.members) m.tags[actors_tag] = "1";
      });
    }
    table.rows.resize(shards);
    for (std::uint32_t s = 0; s < shards; ++s) table.rows[s] = {1 + s % 2, {}, {}, 1, 1};
    adopt_both();
  }
  void adopt_both() {
    table.stamp = {1, table.stamp.epoch + 1};
    a.adopt(table);
    b.adopt(table);
  }
  /// An id of a grain that lives there.
  std::string id_at(const grain_node& n, const std::string& type = "counter") {
    for (int i = 0;; ++i) {
      auto id = std::to_string(i);
      if (table.rows[a.grains->shard_of(id)].primary == n.pid && used_.insert(type + id).second) return id;
    }
  }

  grain_node a, b;
  shard_table table;
  std::set<std::string> used_;
};

struct grain_service_test : two_nodes {};

TEST_F(grain_service_test, a_grain_is_one_wherever_it_is_asked_from) {
  for (auto* n : {&a, &b}) {
    const auto id = id_at(*n);
    EXPECT_EQ(a.ask_grain("counter", id), n->self.name + "1");
    EXPECT_EQ(b.ask_grain("counter", id), n->self.name + "2");
    EXPECT_EQ(a.grains->place_of("counter", id), n->self.name);
  }
  EXPECT_EQ(a.code("Counter", "1"), errc::invalid_argument);
}

TEST_F(grain_service_test, says_what_it_has_not) {
  EXPECT_EQ(a.code("unknown", id_at(a)), errc::not_implemented);
  EXPECT_EQ(a.code("unknown", id_at(b)), errc::not_implemented);
  for (auto* n : {&a, &b}) {
    EXPECT_TRUE(
        n->logs({"grains grain_refused type=unknown id=", "reason=not_implemented", "is not registered", "count=1"}));
  }
  EXPECT_EQ(a.code("broken", id_at(b)), errc::unavailable);
  EXPECT_EQ(a.code("empty", id_at(a)), errc::unavailable);
  troupe::grains& types = *a.grains;
  EXPECT_EQ(types.add("counter", [](grain*) { return caf::behavior{}; }).error().code, errc::invalid_argument);
  EXPECT_EQ(types.add("x", [](grain*) { return caf::behavior{}; }, {.state_cache = "no"}).error().code,
            errc::not_found);
  EXPECT_EQ(a.ask(a.find(b, "troupe.grains"), "nonsense").error().code, errc::invalid_argument);
  EXPECT_TRUE(b.logs({"grains grain_refused type=\"\" id=\"\" reason=invalid_argument"}));
}

TEST_F(grain_service_test, says_that_the_holder_of_a_shard_runs_no_actors) {
  a.board.update([](cluster_view& v) { v.members[1].tags.clear(); });
  adopt_both();
  EXPECT_EQ(a.code("counter", id_at(b)), errc::not_implemented);
  EXPECT_TRUE(a.logs({"grains grain_refused type=counter", "reason=not_implemented", "runs no actors"}));
}

TEST_F(grain_service_test, a_handler_that_throws_is_told_of_and_the_next_message_wakes_another) {
  const auto id = id_at(b);
  EXPECT_EQ(a.ask_grain("counter", id), "b1");
  EXPECT_EQ(a.code("counter", id, "throw"), errc::outcome_unknown);
  EXPECT_EQ(a.ask_grain("counter", id), "b1");
}

// They were sent before anybody knew.
TEST_F(grain_service_test, handles_what_was_behind_a_message_that_threw_in_the_next_activation) {
  const auto counter = a.grains->ref("counter", id_at(b));
  ASSERT_TRUE(counter);
  caf::scoped_actor me(*a.system);
  const auto send = [&](const char* what) { return me->request(*counter, 20s, std::string(what)); };
  auto thrown = send("throw");
  std::vector<decltype(send(""))> behind;
  for (int i = 0; i < 50; ++i) behind.push_back(send("go"));
  std::set<std::string> answers, all;
  errc why = errc::ok;
  thrown.receive([](const std::string&) {}, [&](const caf::error& e) { why = from_caf(e).code; });
  for (auto& r : behind) {
    r.receive([&](const std::string& s) { answers.insert(s); },
              [&](const caf::error& e) { answers.insert(describe(from_caf(e))); });
  }
  EXPECT_EQ(why, errc::outcome_unknown);
  for (std::size_t i = 1; i <= behind.size(); ++i) all.insert("b" + std::to_string(i));
  EXPECT_EQ(answers, all) << "by one activation, each once";
}

TEST_F(grain_service_test, rests_when_idle_or_asked_to) {
  const auto id = id_at(b);
  EXPECT_EQ(a.ask_grain("counter", id, "rest"), "b1");
  EXPECT_TRUE(b.seen.wait([](const story& s) { return s.rested == 1; }));
  EXPECT_EQ(a.ask_grain("counter", id), "b1");
  EXPECT_EQ(a.ask_grain("hasty", id), "b1");
  EXPECT_TRUE(b.seen.wait([](const story& s) { return s.rested == 2; }));
}

TEST_F(grain_service_test, keeps_its_state_and_ends_when_somebody_else_wrote_it) {
  for (auto* n : {&a, &b}) {
    const auto id = id_at(*n);
    EXPECT_EQ(a.ask_grain("keeper", id, "one"), "nothing");
    EXPECT_EQ(b.ask_grain("keeper", id, "two"), "one");
    auto states = cache(n->router, "default");
    EXPECT_EQ(states.get("keeper/{" + id + "}")->bytes, "two");
    EXPECT_TRUE(states.put("keeper/{" + id + "}", "theirs"));
    EXPECT_EQ(a.code("keeper", id, "three"), errc::condition_failed);
    EXPECT_EQ(a.ask_grain("keeper", id, "four"), "theirs");
    EXPECT_EQ(a.ask_grain("keeper", id, "forget"), "four");
    EXPECT_EQ(a.ask_grain("keeper", id, "look"), "nothing");
    EXPECT_FALSE(states.get("keeper/{" + id + "}"));
    EXPECT_EQ(a.ask_grain("keeper", id, "five"), "nothing");
  }
}

TEST_F(grain_service_test, moves_with_its_shard_and_what_waited_follows) {
  const auto id = id_at(b);
  const auto shard = a.grains->shard_of(id);
  EXPECT_EQ(a.ask_grain("counter", id), "b1");
  EXPECT_FALSE(b.grains->calm(shard));
  EXPECT_TRUE(eventually([&] { return b.grains->calm(shard); }));
  EXPECT_EQ(b.seen.read().rested, 1);
  ASSERT_TRUE(b.host.release(shard, table.rows[shard].epoch));
  watched<std::vector<std::string>> answers;
  const auto named = *a.grains->ref("counter", id);
  auto asker = a.spawn([&](caf::event_based_actor* me) -> caf::behavior {
    for (int i = 0; i < 3; ++i)
      me->request(named, caf::infinite, std::string("go")).then([&](const std::string& s) {
        answers.update([&](auto& all) { all.push_back(s); });
      });
    return {[](int) {}};
  });
  EXPECT_EQ(b.ask_grain("hasty", id_at(a, "hasty")), "a1") << "other shards are served";
  table.rows[shard] = {1, {}, {}, table.stamp.epoch + 1, 1};
  table.stamp = {1, table.stamp.epoch + 1};
  b.adopt(table);  // sends on to a node that does not know yet
  a.adopt(table);
  EXPECT_TRUE(answers.wait([](const auto& all) { return all.size() == 3; }));
  EXPECT_EQ(answers.read(), (std::vector<std::string>{"a1", "a2", "a3"}));
}

TEST_F(grain_service_test, a_hand_over_that_comes_to_nothing_wakes_who_waited) {
  const auto id = id_at(a);
  const auto shard = a.grains->shard_of(id);
  EXPECT_TRUE(a.grains->calm(shard));
  watched<int> answers;
  const auto asker = a.spawn([&, named = *a.grains->ref("counter", id)](caf::event_based_actor* me) -> caf::behavior {
    me->request(named, caf::infinite, std::string("go")).then([&](const std::string&) {
      answers.update([](int& n) { ++n; });
    });
    return {[](int) {}};
  });
  a.grains->stir(shard);
  EXPECT_TRUE(answers.wait([](int n) { return n == 1; }));
}

TEST_F(grain_service_test, nothing_begins_after_its_tenure_and_what_runs_is_waited_for) {
  const auto id = id_at(b);
  const auto shard = a.grains->shard_of(id);
  caf::anon_send(*a.grains->ref("counter", id), std::string("wait"));
  ASSERT_TRUE(b.seen.wait([](const story& s) { return s.inside; }));
  caf::anon_send(*b.grains->ref("counter", id), std::string("go"));
  ASSERT_TRUE(b.host.release(shard, table.rows[shard].epoch));
  EXPECT_TRUE(b.host.tenures().busy(shard));
  b.seen.update([](story& s) { s.go = true; });
  EXPECT_TRUE(eventually([&] { return !b.host.tenures().busy(shard); }));
  table.rows[shard] = {1, {}, {}, table.stamp.epoch + 1, 1};
  adopt_both();
  EXPECT_TRUE(eventually([&] { return a.ask_grain("counter", id) != "a1"; })) << "the one that waited came here too";
  EXPECT_EQ(b.seen.read().rested, 0) << "it was cut";
}

TEST_F(grain_service_test, without_a_lease_messages_wait_and_go_on_with_it) {
  const auto id = id_at(b);
  EXPECT_EQ(a.ask_grain("counter", id), "b1");
  b.host.serve_until(std::chrono::steady_clock::now() - 1s);
  watched<std::string> answer;
  const auto asker = a.spawn([&, named = *a.grains->ref("counter", id)](caf::event_based_actor* me) -> caf::behavior {
    me->request(named, caf::infinite, std::string("go")).then([&](const std::string& s) {
      answer.update([&](std::string& all) { all = s; });
    });
    return {[](int) {}};
  });
  EXPECT_EQ(b.code("counter", id), errc::unavailable) << "after two seconds";
  b.host.serve_until(time_point::max());
  EXPECT_EQ(b.code("counter", id), errc::ok);
}

struct grain_limits_test : two_nodes {
  static grain_limits few() {
    grain_limits l;
    l.active_max = 2;
    l.mailbox_max = 2;
    l.held_max = 3;
    l.held_for_max = 200ms;
    return l;
  }
  grain_limits_test() : two_nodes(few()) {}
};

TEST_F(grain_limits_test, a_full_mailbox_and_a_full_node_refuse) {
  const auto id = id_at(b);
  EXPECT_EQ(b.code("counter", id), errc::ok);
  caf::anon_send(*a.grains->ref("counter", id), std::string("wait"));
  ASSERT_TRUE(b.seen.wait([](const story& s) { return s.inside; }));
  caf::anon_send(*b.grains->ref("counter", id), std::string("go"));
  {
    stopped_clock clock;
    const auto refused = [](const std::string& line) { return line.find("grains grain_refused") == 0; };
    const auto before = b.lines.read();
    ASSERT_TRUE(std::none_of(before.begin(), before.end(), refused));
    for (int i = 0; i < 9; ++i) EXPECT_EQ(b.code("counter", id), errc::unavailable) << "two are not handled";
    EXPECT_TRUE(b.logs({"type=counter id=" + id, "reason=unavailable", "the grain's mailbox is full", "count=1"}));
    clock.advance(grain_service::line_interval);
    EXPECT_EQ(b.code("counter", id), errc::unavailable);
    EXPECT_TRUE(b.logs({"the grain's mailbox is full", "count=9"}));
    const auto after = b.lines.read();
    EXPECT_EQ(std::count_if(after.begin(), after.end(), refused), 2);
  }
  b.seen.update([](story& s) { s.go = true; });
  EXPECT_TRUE(eventually([&] { return b.code("counter", id) == errc::ok; }));
  EXPECT_EQ(b.code("counter", id_at(b)), errc::ok);
  EXPECT_EQ(b.code("counter", id_at(b)), errc::unavailable) << "two are awake";
}

TEST_F(grain_limits_test, what_nobody_serves_is_refused_after_a_while_and_too_much_of_it_at_once) {
  const auto id = id_at(b);
  for (auto& row : table.rows) row = {0, {}, {}, table.stamp.epoch + 1, 1};
  adopt_both();
  for (int i = 0; i < 3; ++i) caf::anon_send(*a.grains->ref("counter", id), std::string("go"));
  EXPECT_EQ(a.code("counter", id), errc::unavailable);
  EXPECT_EQ(b.code("counter", id), errc::unavailable);
  EXPECT_EQ(a.grains->place_of("counter", id).error().code, errc::unavailable);
}

TEST_F(grain_service_test, a_node_that_stops_refuses) {
  EXPECT_EQ(a.ask_grain("counter", id_at(b)), "b1");
  b.grains->rest_all();
  EXPECT_EQ(b.seen.read().rested, 1);
  b.grains->close();
  EXPECT_EQ(b.code("counter", id_at(b)), errc::unavailable);
  EXPECT_NE(a.code("counter", id_at(b)), errc::ok);
}

}  // namespace
}  // namespace troupe
