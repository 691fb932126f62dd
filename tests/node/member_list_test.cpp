// Membership alone: several members in one process, real sockets on loopback.
#include <troupe/member_list.hpp>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

#include <gtest/gtest.h>

#include <troupe/node.hpp>

#include "tests/db/temporary_directory.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr auto most = 20s;

class member_lists : public ::testing::Test {
 protected:
  member_list start(const std::string& name, member_list_options o = {}) {
    o.name = name;
    o.profile = "fast";
    o.log_level = "off";
    if (o.seeds.empty() && !seed_.empty()) o.seeds = {seed_};
    auto list = member_list::start(std::move(o));
    if (!list) throw std::runtime_error(describe(list.error()));
    if (seed_.empty()) seed_ = list->address();
    return std::move(*list);
  }
  static bool sees(const member_list& at, const std::string& name, member_state s) {
    return at.wait_until(
        [&](const auto& all) {
          return std::any_of(all.begin(), all.end(), [&](const auto& m) { return m.name == name && m.state == s; });
        },
        most);
  }

  std::string seed_;
};

/// Events as they come, and a wait for one.
class witness {
 public:
  explicit witness(member_list& of) {
    of.on_event([seen = seen_](const event& e) {
      const std::lock_guard lock(seen->mutex);
      seen->events.push_back(e);
      seen->changed.notify_all();
    });
  }
  [[nodiscard]] bool hears(const std::string& line) {
    std::unique_lock lock(seen_->mutex);
    return seen_->changed.wait_for(lock, most, [&] {
      return std::any_of(seen_->events.begin(), seen_->events.end(),
                         [&](const auto& e) { return to_string(e).starts_with(line); });
    });
  }

 private:
  struct state {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<event> events;
  };
  const std::shared_ptr<state> seen_ = std::make_shared<state>();
};

TEST_F(member_lists, all_see_each_other_and_who_ends_without_a_word_has_failed) {
  auto a = start("a");
  auto b = start("b");
  auto c = start("c");
  witness at_a(a);
  for (const auto* list : {&a, &b, &c}) {
    for (const auto* name : {"a", "b", "c"}) EXPECT_TRUE(sees(*list, name, member_state::alive)) << name;
  }
  EXPECT_TRUE(c.joined());
  EXPECT_EQ(a.find("b")->address, b.address());
  EXPECT_FALSE(a.find("nobody"));
  c.stop();
  EXPECT_TRUE(sees(a, "c", member_state::failed));
  EXPECT_TRUE(sees(b, "c", member_state::failed));
  EXPECT_TRUE(at_a.hears("member_failed name=c"));
  EXPECT_NE(a.metrics().find("troupe_membership_failures_total 1"), std::string::npos) << a.metrics();

  auto again = start("c");
  EXPECT_TRUE(sees(a, "c", member_state::alive)) << "a new process of the name, at another address";
}

TEST_F(member_lists, who_leaves_has_departed) {
  auto a = start("a");
  auto b = start("b");
  EXPECT_TRUE(sees(a, "b", member_state::alive));
  EXPECT_TRUE(b.leave());
  EXPECT_TRUE(sees(a, "b", member_state::departed));
  EXPECT_TRUE(a.leave()) << "alone by then";
}

TEST_F(member_lists, tags_events_and_queries_go_round) {
  auto a = start("a", {.tags = {{"zone", "x"}}});
  auto b = start("b");
  EXPECT_TRUE(sees(b, "a", member_state::alive) && sees(a, "b", member_state::alive));
  EXPECT_EQ(b.find("a")->tags.at("zone"), "x");
  const auto tags = a.change_tags({{"rack", "7"}}, {"zone"});
  ASSERT_TRUE(tags) << describe(tags.error());
  EXPECT_EQ(*tags, (std::map<std::string, std::string>{{"rack", "7"}}));
  EXPECT_TRUE(b.wait_until([](const auto& all) { return all.front().tags.count("rack") == 1; }, most));
  EXPECT_EQ(a.change_tags({{"no good", "7"}}).error().code, errc::invalid_argument);

  witness at_b(b);
  EXPECT_TRUE(a.raise_event("deploy", "v7"));
  EXPECT_TRUE(at_b.hears("user_event name=deploy payload=v7"));
  EXPECT_EQ(a.raise_event("bad name").error().code, errc::invalid_argument);

  b.on_query([](const std::string& name, const std::string& payload) -> std::optional<std::string> {
    if (name == "throws") throw std::runtime_error("no");
    return name + "!" + payload;
  });
  query q;
  q.name = "load";
  q.payload = "1";
  q.tags = {};
  const auto answered = a.ask(q);
  ASSERT_TRUE(answered) << describe(answered.error());
  ASSERT_EQ(answered->answers.size(), 1U);
  EXPECT_EQ(answered->answers[0].member, "b");
  EXPECT_EQ(answered->answers[0].payload, "load!1");
  EXPECT_EQ(answered->unhandled, std::vector<std::string>{"a"});
  q.name = "throws";
  EXPECT_EQ(a.ask(q)->unhandled.size(), 2U);
  q.timeout = duration::max();
  EXPECT_FALSE(a.ask(q));
}

TEST_F(member_lists, with_a_secret_strangers_are_not_heard) {
  const temporary_directory home;
  const auto file = home.path() + "/secret";
  std::ofstream(file) << "swordfish\n";
  auto a = start("a", {.secret = "swordfish"});
  auto b = start("b", {.secret_file = file});
  EXPECT_TRUE(sees(a, "b", member_state::alive));
  auto wrong = start("wrong", {.secret = "another"});
  auto none = start("none");
  witness at_wrong(wrong);
  witness at_none(none);
  EXPECT_TRUE(at_wrong.hears("join_unanswered"));
  EXPECT_TRUE(at_none.hears("join_unanswered"));
  EXPECT_FALSE(wrong.joined() || none.joined());
  EXPECT_EQ(a.members().size(), 2U);
}

TEST_F(member_lists, another_cluster_and_a_node_are_strangers) {
  auto a = start("a");
  witness at_a(a);
  auto other = start("b", {.cluster = "other"});
  witness at_other(other);
  config c;
  const temporary_directory home;
  c.node.name = "node";
  c.node.services = {"cache"};
  c.node.data_dir = home.path();
  c.cluster.bind = "127.0.0.1:0";
  c.cluster.seeds = {seed_};
  c.gossip.profile = "fast";
  c.log.level = "error";
  auto stranger = node::start(c);
  ASSERT_TRUE(stranger) << describe(stranger.error());
  EXPECT_TRUE(at_other.hears("join_refused"));
  EXPECT_TRUE(at_a.hears("joiner_refused name=node")) << "it asked";
  EXPECT_EQ(a.members().size(), 1U);
  EXPECT_FALSE(other.joined());
}

TEST_F(member_lists, bad_options_are_refused_with_every_fault) {
  const auto refused = [](member_list_options o) {
    o.log_level = o.log_level == "error" ? "off" : o.log_level;
    auto list = member_list::start(std::move(o));
    return list ? error{errc::ok, ""} : list.error();
  };
  EXPECT_EQ(refused({}).code, errc::bad_config) << "no name";
  EXPECT_EQ(refused({.name = "no good"}).code, errc::bad_config);
  EXPECT_EQ(refused({.name = "a", .bind = "nowhere"}).code, errc::bad_config);
  EXPECT_EQ(refused({.name = "a", .bind = "0.0.0.0:0"}).code, errc::bad_config) << "outside loopback, no secret";
  EXPECT_EQ(refused({.name = "a", .seeds = {"x"}}).code, errc::bad_config);
  EXPECT_EQ(refused({.name = "a", .profile = "slow"}).code, errc::bad_config);
  EXPECT_EQ(refused({.name = "a", .tags = {{"zone", std::string(129, 'x')}}}).code, errc::bad_config);
  EXPECT_EQ(refused({.name = "a", .secret = " \n"}).code, errc::bad_config);
  EXPECT_EQ(refused({.name = "a", .secret = "x", .secret_file = "y"}).code, errc::bad_config);
  EXPECT_EQ(refused({.name = "a", .secret_file = "/no/such/file"}).code, errc::bad_config);
  EXPECT_EQ(refused({.name = "a", .log_level = "loud"}).code, errc::bad_config);
  const auto both = refused({.name = "no good", .profile = "slow"});
  EXPECT_NE(both.context.find("node.name"), std::string::npos);
  EXPECT_NE(both.context.find("gossip.profile"), std::string::npos) << both.context;

  auto a = start("a");
  const auto taken = refused({.name = "b", .bind = a.address()});
  EXPECT_EQ(taken.code, errc::unavailable);
  EXPECT_NE(taken.context.find(a.address()), std::string::npos);
}

TEST_F(member_lists, after_the_end_calls_say_so_and_the_order_of_ends_does_not_matter) {
  auto a = start("a");
  auto b = start("b");
  EXPECT_TRUE(sees(a, "b", member_state::alive));
  a.stop();
  a.stop();
  EXPECT_EQ(a.raise_event("x").error().code, errc::unavailable);
  EXPECT_EQ(a.change_tags({}).error().code, errc::unavailable);
  query q;
  q.name = "ping";
  EXPECT_EQ(a.ask(q).error().code, errc::unavailable);
  EXPECT_EQ(a.round_trip("a", "b").error().code, errc::unavailable);
  EXPECT_TRUE(a.leave());
  EXPECT_EQ(a.members().size(), 2U) << "as it was";
  auto moved = std::move(b);
  EXPECT_EQ(moved.name(), "b");
}

TEST_F(member_lists, a_port_that_is_told_is_the_bound_one) {
  const auto a = start("a", {.advertise = "127.0.0.1:0"});
  EXPECT_FALSE(a.address().ends_with(":0"));
  const auto b = start("b");
  EXPECT_TRUE(sees(b, "a", member_state::alive));
}

}  // namespace
}  // namespace troupe
