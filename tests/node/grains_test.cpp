// Grains on real nodes: one place for each, wherever it is asked from; rest, moves, ends, and what they answer then.
#include "tests/node/actors_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include <troupe/cache.hpp>

namespace troupe {
namespace {

class grains_test : public actors_test {
 protected:
  struct log {
    std::map<std::string, int> woken;   // by type
    std::map<std::string, int> rested;  //
    int held = 0;                       // requests that a keeper has
  };

  void TearDown() override {
    watchers_.clear();
    cluster_.reset();  // grains tell seen_ of their end
  }
  void start_grains(std::size_t nodes, std::uint32_t copies = 0, std::set<std::size_t> without_actors = {}) {
    local_cluster_options o;
    o.nodes = nodes;
    o.services = {"cache"};
    o.adjust = [copies](config& c, std::size_t) {
      c.cache.shards = 32;
      c.cache.replicas = copies;
    };
    o.equip = [this, without_actors](node_options& brings, std::size_t i) {
      if (without_actors.contains(i)) return;
      brings.actors.emplace().prepare = [this, i](cluster_actors& cluster) { add_types(cluster.grains(), i); };
    };
    auto started = local_cluster::start(std::move(o));
    ASSERT_TRUE(started) << describe(started.error());
    cluster_.emplace(std::move(*started));
    ASSERT_TRUE(cluster_->wait_until([](local_cluster& c) { return has_spread(c); }));
  }

  // Every node has shards, and all know which, and all PIDs: a node that is ready may hear of the last move, or of
  // the last member, later than others.
  static bool has_spread(local_cluster& c) {
    const auto places = [&c](std::size_t i) {
      std::vector<std::string> all;
      const auto view = c.at(i).view();
      for (const auto& m : view->members) {
        if (m.pid == 0) return all;
      }
      for (const auto& s : view->shards) all.push_back(s.primary);
      return all;
    };
    const auto known = places(0);
    if (known.empty() || std::find(known.begin(), known.end(), "") != known.end()) return false;
    if (std::set<std::string>(known.begin(), known.end()).size() != c.size()) return false;
    for (std::size_t i = 1; i < c.size(); ++i) {
      if (places(i) != known) return false;
    }
    return true;
  }

  // Each answers a string with the name of its node, a colon, and something.
  void add_types(grains& g, std::size_t i) {
    const auto who = name(i);
    const auto counter = [this, who](grain* self) -> caf::behavior {
      seen_.update([&](log& l) { ++l.woken["counter"]; });
      self->on_rest([this] { seen_.update([](log& l) { ++l.rested["counter"]; }); });
      auto n = std::make_shared<int>(0);
      return {[self, who, n](const std::string& what) {
        if (what == "rest") self->rest();
        if (what == "throw") throw std::runtime_error("as it was told");
        return who + ":" + std::to_string(++*n);
      }};
    };
    EXPECT_TRUE(g.add("counter", counter));
    EXPECT_TRUE(g.add("hasty", counter, {.idle_after = 50ms}));
    if (i == 0) {
      EXPECT_TRUE(g.add("rare", counter));
    }
    EXPECT_TRUE(g.add("keeper", [this](grain* self) { return keeper(self); }));
    EXPECT_TRUE(g.add("broken", [](grain*) -> caf::behavior { throw std::runtime_error("no way"); }));
    EXPECT_TRUE(g.add("empty", [](grain*) { return caf::behavior{}; }));
    EXPECT_TRUE(g.add("account", account(who), {.state_cache = "default"}));
  }
  // Never answers.
  caf::behavior keeper(grain* self) {
    const auto held = std::make_shared<std::vector<caf::response_promise>>();
    return {[this, self, held](const std::string&) -> caf::result<std::string> {
      held->push_back(self->make_response_promise());
      seen_.update([](log& l) { ++l.held; });
      return caf::delegated<std::string>();
    }};
  }
  // "+n" deposits and answers when it is saved; "lazy" counts one and saves it when it rests; all else: what it has.
  grain::function account(const std::string& who) {
    return [this, who](grain* self) -> caf::behavior {
      seen_.update([&](log& l) { ++l.woken["account"]; });
      auto has = std::make_shared<int>(self->state() ? std::stoi(*self->state()) : 0);
      self->on_rest([this, self, has] {
        seen_.update([](log& l) { ++l.rested["account"]; });
        self->save(std::to_string(*has));
      });
      return {[self, who, has](const std::string& what) -> caf::result<std::string> {
        if (what == "rest") self->rest();
        if (what == "lazy") ++*has;
        if (what.front() != '+') return who + ":" + std::to_string(*has);
        auto promise = self->make_response_promise<std::string>();
        const auto next = *has + std::stoi(what);
        self->save(std::to_string(next), [has, next, who, promise](const expected<void>& saved) mutable {
          if (saved) {
            *has = next;
            promise.deliver(who + ":" + std::to_string(next));
          } else {
            promise.deliver(to_caf(saved.error()));
          }
        });
        return promise;
      }};
    };
  }

  expected<std::string> ask_grain(std::size_t i, const std::string& type, const std::string& id,
                                  const std::string& what = "go") {
    const auto a = at(i).grains().ref(type, id);
    if (!a) return tl::unexpected<error>(a.error());
    return ask(i, *a, what);
  }
  errc code(std::size_t i, const std::string& type, const std::string& id, const std::string& what = "go") {
    const auto r = ask_grain(i, type, id, what);
    return r ? errc::ok : r.error().code;
  }
  /// What stands behind the colon.
  int number(const expected<std::string>& answer) {
    return answer ? std::stoi(answer->substr(answer->find(':') + 1)) : -1;
  }
  /// Some id of the type whose shard node `at` holds, as node `by` sees it.
  std::string id_at(std::size_t by, const std::string& type, std::size_t where) {
    std::string found;
    wait_until(
        [&] {
          for (int i = 0; i < 1000 && found.empty(); ++i) {
            auto id = "id" + std::to_string(i);
            if (at(by).grains().place_of(type, id) == name(where)) found = id;
          }
          return !found.empty();
        },
        name(where) + " has shards");
    return found;
  }

  guarded<log> seen_;
};

TEST_F(grains_test, a_grain_is_one_wherever_it_is_asked_from) {
  start_grains(3);
  std::set<std::string> places;
  for (int id = 0; id < 30; ++id) {
    const auto name = std::to_string(id);
    const auto first = ask_grain(0, "counter", name);
    ASSERT_TRUE(first) << describe(first.error());
    const auto place = first->substr(0, first->find(':'));
    const auto seen = at(2).grains().place_of("counter", name);
    EXPECT_EQ(seen ? *seen : describe(seen.error()), place);
    EXPECT_EQ(ask_grain(1, "counter", name), place + ":2");
    EXPECT_EQ(ask_grain(2, "counter", name), place + ":3");
    places.insert(place);
  }
  EXPECT_EQ(places.size(), 3U);
  EXPECT_EQ(ask_grain(0, "hasty", "7"), *at(0).grains().place_of("hasty", "7") + ":1") << "another type, another grain";
}

TEST_F(grains_test, is_where_the_cache_keys_with_its_id_as_hash_tag_are) {
  start_grains(3);
  const auto cache = cluster().at(1).open_cache();
  ASSERT_TRUE(cache);
  std::set<std::string> places;
  for (int n = 0; n < 30; ++n) {
    const auto id = std::to_string(n);
    const auto answer = ask_grain(static_cast<std::size_t>(n % 3), "counter", id);
    ASSERT_TRUE(answer) << describe(answer.error());
    const auto place = answer->substr(0, answer->find(':'));
    for (const auto& key : {"{" + id + "}x", "rate:{" + id + "}", "account/{" + id + "}"}) {
      const auto& row = cluster().at(1).view()->shards.at(cache->shard_of(key));
      ASSERT_EQ(row.shard, cache->shard_of(key));
      EXPECT_EQ(row.primary, place) << key;
    }
    places.insert(place);
  }
  EXPECT_EQ(places.size(), 3U);
}

TEST_F(grains_test, bad_names_and_types_are_refused) {
  start_grains(1);
  auto& g = at(0).grains();
  EXPECT_EQ(g.ref("Bad type", "1").error().code, errc::invalid_argument);
  EXPECT_EQ(g.ref("counter", "").error().code, errc::invalid_argument);
  EXPECT_EQ(g.ref("counter", std::string(257, 'x')).error().code, errc::invalid_argument);
  EXPECT_EQ(g.add("counter", account("n1")).error().code, errc::invalid_argument) << "it was added";
  EXPECT_EQ(g.add("Bad", account("n1")).error().code, errc::invalid_argument);
  EXPECT_EQ(g.add_maker("none", {}, {}).error().code, errc::invalid_argument);
  EXPECT_EQ(g.add("other", account("n1"), {.state_cache = "nowhere"}).error().code, errc::not_found);
  EXPECT_EQ(code(0, "unknown", "1"), errc::not_implemented);
}

TEST_F(grains_test, a_node_without_the_type_or_without_actors_says_so) {
  start_grains(3, 0, {2});
  EXPECT_EQ(code(1, "rare", id_at(1, "rare", 0)), errc::ok);
  EXPECT_EQ(code(0, "rare", id_at(0, "rare", 1)), errc::not_implemented);
  const auto nobody = ask_grain(0, "counter", id_at(0, "counter", 2));
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, errc::not_implemented);
  EXPECT_NE(nobody.error().context.find("n3"), std::string::npos) << nobody.error().context;
}

TEST_F(grains_test, a_grain_that_cannot_wake_or_throws_answers_and_is_woken_anew) {
  start_grains(2);
  const auto broken = ask_grain(0, "broken", id_at(0, "broken", 1));
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, errc::unavailable);
  EXPECT_NE(broken.error().context.find("no way"), std::string::npos) << broken.error().context;
  EXPECT_EQ(code(0, "broken", id_at(0, "broken", 0)), errc::unavailable);
  EXPECT_EQ(code(0, "empty", "1"), errc::unavailable);
  EXPECT_EQ(code(0, "broken", id_at(0, "broken", 1)), errc::unavailable) << "and again";
  EXPECT_EQ(number(ask_grain(0, "counter", "1")), 1);
  EXPECT_EQ(code(0, "counter", "1", "throw"), errc::outcome_unknown);
  EXPECT_EQ(number(ask_grain(0, "counter", "1")), 1) << "another activation";
}

TEST_F(grains_test, a_message_beyond_the_limit_of_the_link_is_refused) {
  start_grains(2);
  const std::string large(66 << 20, 'x');
  EXPECT_EQ(code(0, "counter", id_at(0, "counter", 1), large), errc::too_large);
  EXPECT_EQ(code(0, "counter", id_at(0, "counter", 1)), errc::ok);
}

TEST_F(grains_test, rests_when_it_asks_or_is_idle_and_wakes_at_the_next_message) {
  start_grains(2);
  const auto id = id_at(0, "counter", 1);
  EXPECT_EQ(number(ask_grain(0, "counter", id)), 1);
  EXPECT_EQ(number(ask_grain(0, "counter", id, "rest")), 2) << "what was asked is answered";
  wait_until([&] { return seen_.read().rested["counter"] == 1; }, "it rests");
  EXPECT_EQ(number(ask_grain(0, "counter", id)), 1);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(number(ask_grain(0, "hasty", std::to_string(i))), 1);
  wait_until([&] { return seen_.read().rested["counter"] == 21; }, "all that are idle rest");
  EXPECT_EQ(seen_.read().woken["counter"], 22);
  EXPECT_EQ(number(ask_grain(1, "hasty", "3")), 1);
}

TEST_F(grains_test, keeps_its_state_in_a_cache_and_reads_it_when_it_wakes) {
  start_grains(2);
  for (const auto& id : {id_at(0, "account", 0), id_at(0, "account", 1)}) {
    EXPECT_EQ(number(ask_grain(0, "account", id, "+5")), 5);
    EXPECT_EQ(number(ask_grain(1, "account", id, "+7")), 12);
    EXPECT_EQ(cluster().at(0).open_cache()->get("account/{" + id + "}")->bytes, "12");
    const auto rested = seen_.read().rested["account"];
    EXPECT_EQ(number(ask_grain(0, "account", id, "lazy")), 13);
    EXPECT_EQ(number(ask_grain(0, "account", id, "rest")), 13);
    wait_until([&] { return seen_.read().rested["account"] > rested; }, "it rests");
    EXPECT_EQ(number(ask_grain(0, "account", id)), 13);
  }
  EXPECT_EQ(code(0, "account", "new"), errc::ok);
}

TEST_F(grains_test, whose_state_somebody_else_wrote_ends_and_reads_it) {
  start_grains(2);
  const auto id = id_at(0, "account", 1);
  EXPECT_EQ(number(ask_grain(0, "account", id, "+5")), 5);
  ASSERT_TRUE(cluster().at(0).open_cache()->put("account/{" + id + "}", "100"));
  EXPECT_EQ(code(0, "account", id, "+1"), errc::condition_failed);
  EXPECT_EQ(number(ask_grain(0, "account", id, "+1")), 101);
}

TEST_F(grains_test, is_woken_elsewhere_with_its_state_when_its_node_was_killed) {
  start_grains(3, 1);
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < 3; ++i) ids.push_back(id_at(0, "account", i));
  for (const auto& id : ids) EXPECT_EQ(number(ask_grain(0, "account", id, "+5")), 5);
  cluster().kill(2);
  wait_until([&] { return ask_grain(0, "account", ids[2]).has_value(); }, "another node serves it");
  EXPECT_EQ(number(ask_grain(1, "account", ids[2], "+1")), 6);
  for (const auto& id : ids) EXPECT_GE(number(ask_grain(1, "account", id)), 5);
  ASSERT_TRUE(cluster().restart(2));
  wait_until([&] { return cluster().converged(); }, "it is back");
  for (const auto& id : ids) EXPECT_GE(number(ask_grain(2, "account", id)), 5);
}

TEST_F(grains_test, lost_with_its_node_ends_requests_under_way_with_peer_lost) {
  start_grains(3, 1);
  const auto id = id_at(0, "keeper", 2);
  const auto a = at(0).grains().ref("keeper", id);
  ASSERT_TRUE(a);
  const auto seen = watch(0, *a, 3);
  wait_until([&] { return seen_.read().held == 3; }, "it has them");
  cluster().kill(2);
  wait_until([&] { return seen->read().answers.size() == 3; }, "they end");
  EXPECT_EQ(seen->read().answers, std::vector<errc>(3, errc::peer_lost));
  EXPECT_FALSE(seen->read().down) << "a handle never goes down";
  EXPECT_EQ(seen_.read().held, 3) << "what one activation had goes to no other";
}

TEST_F(grains_test, moves_with_what_it_had_and_nobody_is_told_no) {
  start_grains(3);
  std::vector<std::string> ids;
  for (int i = 0; i < 30; ++i) ids.push_back("id" + std::to_string(i));
  for (const auto& id : ids) ASSERT_EQ(number(ask_grain(0, "account", id, "lazy")), 1);
  std::atomic<bool> left{false};
  std::thread leaving([&] {
    EXPECT_TRUE(cluster().leave(2));
    left = true;
  });
  int rounds = 0;
  for (bool last = false; !last; ++rounds) {
    last = left;
    for (const auto& id : ids) {
      const auto answer = ask_grain(static_cast<std::size_t>(rounds % 2), "account", id, "lazy");
      EXPECT_EQ(number(answer), rounds + 2) << id << ": " << (answer ? *answer : describe(answer.error()));
    }
    if (HasFailure()) break;
  }
  leaving.join();
  EXPECT_GT(rounds, 1);
}

TEST_F(grains_test, of_a_node_that_stood_still_is_served_by_another_alone) {
  start_grains(3, 1);
  const auto id = id_at(0, "account", 2);
  EXPECT_EQ(number(ask_grain(2, "account", id, "+5")), 5);
  cluster().pause(2);
  wait_until([&] { return code(0, "account", id, "+1") == errc::ok; }, "another node serves it");
  cluster().resume(2);
  wait_until([&] { return cluster().converged(); }, "it goes on");
  // What was sent to it while it stood still may be handled now, by whoever serves the grain.
  const auto has = number(ask_grain(0, "account", id));
  EXPECT_GE(has, 6);
  const auto then = number(ask_grain(2, "account", id, "+1"));
  EXPECT_GT(then, has);
  EXPECT_GT(number(ask_grain(1, "account", id, "+1")), then);
}

TEST_F(grains_test, can_be_told_by_handle_from_another_node_and_answers_nobody_after_its_node_has_stopped) {
  start_grains(2);
  const auto id = id_at(0, "counter", 1);
  const auto a = at(0).grains().ref("counter", id);
  ASSERT_TRUE(a);
  caf::anon_send(*a, std::string("one way"));
  wait_until([&] { return number(ask(0, *a, "go")) >= 2; }, "it came");
  EXPECT_TRUE(at(0).registry().add("by handle", *a)) << "a handle is an actor of this node";
  expect_found(1, "by handle", 1);
  const auto there = at(1).registry().one("by handle");
  EXPECT_GE(number(ask(1, *there, "go")), 3);
}

TEST_F(grains_test, saves_what_it_has_when_the_last_node_leaves) {
  start_grains(1);
  EXPECT_EQ(number(ask_grain(0, "account", "1", "lazy")), 1);
  EXPECT_TRUE(cluster().leave(0));
  EXPECT_EQ(seen_.read().rested["account"], 1);
}

TEST_F(grains_test, prepare_that_throws_stops_the_start) {
  local_cluster_options o;
  o.nodes = 1;
  o.services = {"cache"};
  o.equip = [](node_options& brings, std::size_t) {
    brings.actors.emplace().prepare = [](cluster_actors&) { throw std::runtime_error("not today"); };
  };
  const auto started = local_cluster::start(std::move(o));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, errc::bad_config);
  EXPECT_NE(started.error().context.find("not today"), std::string::npos);
}

}  // namespace
}  // namespace troupe
