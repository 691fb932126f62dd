// Reminders and remembered grains on real nodes: they outlive the node that holds their shard, and the whole cluster.
#include "tests/node/actors_fixture.hpp"

#include <map>
#include <set>

#include <troupe/cache.hpp>

namespace troupe {
namespace {

class reminders_test : public actors_test {
 protected:
  struct tick {
    std::string node, grain, name, payload;
    std::uint64_t missed = 0;
  };
  struct log {
    std::vector<tick> fired;
    std::multiset<std::string> woken;  // type/id at node
    std::set<std::string> tried;
  };

  void TearDown() override { cluster_.reset(); }

  void start_nodes(std::size_t nodes, std::uint32_t copies, bool durable) {
    local_cluster_options o;
    o.nodes = nodes;
    o.services = {"cache"};
    o.adjust = [copies, durable](config& c, std::size_t) {
      c.cache.shards = 32;
      c.cache.replicas = copies;
      c.caches["default"].durable = durable;
      c.caches["short"].ttl = 1min;
    };
    o.equip = [this](node_options& brings, std::size_t i) {
      brings.actors.emplace().prepare = [this, i](cluster_actors& cluster) { add_types(cluster.grains(), name(i)); };
    };
    auto started = local_cluster::start(std::move(o));
    ASSERT_TRUE(started) << describe(started.error());
    cluster_.emplace(std::move(*started));
  }

  // A string: "remind NAME MS", "forget NAME", "list", "forget me"; it is answered when that is done.
  void add_types(grains& g, const std::string& who) {
    const auto timer = [this, who](grain* self) -> caf::behavior {
      seen_.update([&](log& l) { l.woken.insert(self->type() + "/" + self->grain_id() + " at " + who); });
      return {[self](const std::string& what) { return act(self, what); },
              [this, self, who](const reminder_fired& r) {
                bool first = false;
                seen_.update([&](log& l) { first = l.tried.insert(self->grain_id()).second; });
                if (r.name == "hard" && first) throw std::runtime_error("not yet");
                seen_.update([&](log& l) { l.fired.push_back({who, self->grain_id(), r.name, r.payload, r.missed}); });
              }};
    };
    EXPECT_TRUE(g.add("timer", timer, {.reminder_cache = "default"}));
    EXPECT_TRUE(g.add("lasting", timer, {.idle_after = {}, .reminder_cache = "default", .remembered = true}));
    EXPECT_TRUE(g.add("plain", timer));
    EXPECT_EQ(g.add("a", timer, {.remembered = true}).error().code, errc::invalid_argument);
    EXPECT_EQ(g.add("a", timer, {.reminder_cache = "none"}).error().code, errc::not_found);
    EXPECT_EQ(g.add("a", timer, {.reminder_cache = "short"}).error().code, errc::invalid_argument);
  }
  static caf::result<std::string> act(grain* self, const std::string& what) {
    auto promise = self->make_response_promise<std::string>();
    const auto done = [promise](const expected<void>& r) mutable {
      r ? promise.deliver(std::string("done")) : promise.deliver(to_caf(r.error()));
    };
    if (what.starts_with("remind ")) {
      const auto space = what.rfind(' ');
      self->remind(what.substr(7, space - 7), std::chrono::milliseconds(std::stoi(what.substr(space))), {}, "payload",
                   done);
    } else if (what == "forget me") {
      self->forget_me(done);
    } else if (what.starts_with("forget ")) {
      self->forget_reminder(what.substr(7), done);
    } else {
      const auto all = self->reminders();
      std::string names;
      for (const auto& r : all.value_or(std::vector<reminder>())) names += r.name + "=" + r.payload + " ";
      promise.deliver(all ? names : describe(all.error()));
    }
    return promise;
  }

  expected<std::string> tell(std::size_t i, const std::string& type, const std::string& id, const std::string& what) {
    const auto a = at(i).grains().ref(type, id);
    if (!a) return tl::unexpected<error>(a.error());
    return ask(i, *a, what);
  }
  errc order(std::size_t i, const std::string& type, const std::string& id, caf::message what) {
    caf::scoped_actor me(at(i).system());
    auto code = errc::ok;
    me->request(*at(i).grains().ref(type, id), 20s, std::move(what))
        .receive([](caf::ok_atom) {}, [&](const caf::error& e) { code = from_caf(e).code; });
    return code;
  }
  std::size_t place_of(std::size_t by, const std::string& type, const std::string& id) {
    std::size_t place = 0;
    wait_until(
        [&] {
          const auto where = at(by).grains().place_of(type, id);
          if (!where) return false;
          place = static_cast<std::size_t>(where->back() - '1');
          return cluster().running(place);
        },
        "somebody holds the grain's shard");
    return place;
  }
  /// A grain whose shard is at a node that is not `by`.
  std::string far_from(std::size_t by, const std::string& type) {
    for (int i = 0;; ++i) {
      auto id = "id" + std::to_string(i);
      if (place_of(by, type, id) != by) return id;
    }
  }
  [[nodiscard]] std::vector<tick> fired(const std::string& id, const std::string& of = "") const {
    std::vector<tick> some;
    for (const auto& t : seen_.read().fired) {
      if (t.grain == id && (of.empty() || t.name == of)) some.push_back(t);
    }
    return some;
  }
  void wait_fired(const std::string& id, const std::string& of) {
    wait_until([&] { return !fired(id, of).empty(); }, of + " of " + id + " fires");
  }

  guarded<log> seen_;
};

TEST_F(reminders_test, wake_their_grain_once_and_are_gone) {
  start_nodes(3, 1, false);
  const auto id = far_from(0, "timer");
  EXPECT_EQ(tell(0, "timer", id, "remind soon 100"), "done");
  EXPECT_EQ(tell(0, "timer", id, "remind never 3600000"), "done");
  wait_fired(id, "soon");
  const auto first = fired(id, "soon").front();
  EXPECT_EQ(first.node, name(place_of(0, "timer", id)));
  EXPECT_EQ(first.payload, "payload");
  wait_until([&] { return tell(0, "timer", id, "list") == "never=payload "; }, "what has fired is gone");
  EXPECT_EQ(fired(id).size(), 1U);
  EXPECT_EQ(tell(0, "plain", id, "remind soon 100").error().code, errc::invalid_argument);
  EXPECT_EQ(tell(0, "timer", id, "remind So_on 100").error().code, errc::invalid_argument);
}

TEST_F(reminders_test, can_be_set_and_forgotten_from_anywhere) {
  start_nodes(3, 0, false);
  const auto id = far_from(1, "timer");
  const auto soon = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  EXPECT_EQ(order(1, "timer", id, remind_message({"gone", soon + 2s})), errc::ok);
  EXPECT_EQ(order(0, "timer", id, forget_reminder_message("gone")), errc::ok);
  EXPECT_EQ(order(0, "timer", id, forget_reminder_message("gone")), errc::ok);
  EXPECT_EQ(order(1, "timer", id, remind_message({"beat", soon - 1s, 200ms})), errc::ok);
  EXPECT_EQ(order(2, "timer", id, remind_message({"last", soon + 2500ms})), errc::ok);
  EXPECT_EQ(order(2, "timer", id, remind_message({"bad", soon, 1ms})), errc::invalid_argument);
  wait_fired(id, "last");
  EXPECT_TRUE(fired(id, "gone").empty());
  const auto beats = fired(id, "beat");
  EXPECT_GT(beats.size(), 3U);
  EXPECT_GE(beats.front().missed, 4U) << "those before it was set";
  EXPECT_EQ(order(2, "timer", id, forget_reminder_message("beat")), errc::ok);
}

TEST_F(reminders_test, come_again_when_their_handler_throws) {
  start_nodes(1, 0, false);
  EXPECT_EQ(tell(0, "timer", "a", "remind hard 10"), "done");
  wait_fired("a", "hard");
  EXPECT_EQ(seen_.read().woken.count("timer/a at n1"), 2U) << "the one that threw has ended";
  wait_until([&] { return tell(0, "timer", "a", "list") == ""; }, "it is gone");
  EXPECT_EQ(fired("a").size(), 1U);
}

TEST_F(reminders_test, fire_elsewhere_when_the_node_of_their_shard_was_killed_before) {
  start_nodes(3, 1, false);
  const auto id = far_from(0, "timer");
  const auto old = place_of(0, "timer", id);
  EXPECT_EQ(tell(0, "timer", id, "remind close 3000"), "done");
  EXPECT_EQ(tell(0, "lasting", id, "list"), "");
  cluster().kill(old);
  wait_fired(id, "close");
  EXPECT_NE(fired(id).front().node, name(old));
  const auto now_at = name(place_of(0, "lasting", id));
  wait_until([&] { return seen_.read().woken.contains("lasting/" + id + " at " + now_at); },
             "the remembered one is awake there");
}

TEST_F(reminders_test, outlive_the_whole_cluster_where_they_are_durable) {
  start_nodes(3, 1, true);
  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i) ids.push_back("g" + std::to_string(i));
  for (const auto& id : ids) {
    EXPECT_EQ(tell(0, "timer", id, "remind close 6000"), "done");
    EXPECT_EQ(tell(1, "lasting", id, "list"), "");
  }
  EXPECT_EQ(tell(1, "lasting", "g0", "forget me"), "done");
  for (std::size_t n = 0; n < 3; ++n) cluster().kill(n);
  EXPECT_TRUE(seen_.read().fired.empty()) << "they were killed too late";
  seen_.update([](log& l) { l = {}; });
  for (std::size_t n = 0; n < 3; ++n) ASSERT_TRUE(cluster().restart(n));
  for (const auto& id : ids) wait_fired(id, "close");
  const auto woken = [&](const std::string& id) {
    const auto all = seen_.read().woken;
    return std::any_of(all.begin(), all.end(), [&](const auto& w) { return w.starts_with("lasting/" + id + " at "); });
  };
  for (std::size_t i = 1; i < ids.size(); ++i) wait_until([&] { return woken(ids[i]); }, ids[i] + " is awake again");
  EXPECT_FALSE(woken("g0")) << "it is not remembered";
}

TEST_F(reminders_test, follow_their_shard_when_a_node_leaves) {
  start_nodes(3, 0, false);
  const auto id = far_from(0, "timer");
  const auto old = place_of(0, "timer", id);
  EXPECT_EQ(tell(0, "timer", id, "remind close 4000"), "done");
  EXPECT_EQ(tell(0, "lasting", id, "list"), "");
  ASSERT_TRUE(cluster().leave(old));
  const auto now_at = name(place_of(0, "lasting", id));
  wait_until([&] { return seen_.read().woken.contains("lasting/" + id + " at " + now_at); },
             "the remembered one came along");
  wait_fired(id, "close");
  EXPECT_NE(fired(id).front().node, name(old));
}

TEST_F(reminders_test, of_a_grain_are_bounded) {
  start_nodes(1, 0, false);
  for (std::size_t i = 0; i < reminders_of_grain_max; ++i)
    ASSERT_EQ(tell(0, "timer", "a", "remind r" + std::to_string(i) + " 3600000"), "done");
  EXPECT_EQ(tell(0, "timer", "a", "remind more 3600000").error().code, errc::unavailable);
  EXPECT_EQ(tell(0, "timer", "a", "remind r0 3600000"), "done") << "it takes the place of another";
  EXPECT_EQ(tell(0, "timer", "a", "forget r1"), "done");
  EXPECT_EQ(tell(0, "timer", "a", "remind more 3600000"), "done");
}

}  // namespace
}  // namespace troupe
