#include <deque>

#include <gtest/gtest.h>

#include "actors/cache/cache_router.hpp"
#include "tests/cache/host_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

/// Answers when told to.
struct held_forwarder : forwarder {
  struct held {
    std::uint64_t owner;
    std::shared_ptr<const forwarded_command> command;
    reply_callback done;
  };
  std::deque<held> all;
  void forward(std::uint64_t owner, std::shared_ptr<const forwarded_command> c, reply_callback done) override {
    all.push_back({owner, std::move(c), std::move(done)});
  }
  void finish(errc code) {
    auto h = std::move(all.front());
    all.pop_front();
    h.done(owned_reply::failed(code));
  }
};

struct router_parking_test : testing::Test, host_fixture {
  cache_catalogue caches{std::map<std::string, named_cache_config>{{"kept", backed()}}};
  held_forwarder way;  // ends after the router: what it holds calls back into it
  cache_router router{host, caches, 1000, [this] { return now; }};
  std::vector<std::string> answered;

  router_parking_test() { router.set_forwarder(&way); }

  static named_cache_config backed() {
    named_cache_config c;
    c.backed = true;
    return c;
  }
  void give_all_to(std::uint64_t owner) {
    for (auto& row : table.rows) row = {owner, {}, {}, table.stamp.epoch + 1, 1};
    adopt();
  }
  void submit(cache_command c, duration left = 1s) {
    router.submit(c, now + left, [this, key = std::string(c.key)](owned_reply r) {
      answered.push_back(key + " " + std::string(name_of(r.code)) + r.value);
    });
  }
  using lines = std::vector<std::string>;
};

TEST_F(router_parking_test, a_command_waits_for_the_first_primary) {
  submit(command(cache_op::put, "k", "v"));
  submit(command(cache_op::get, "k"));
  EXPECT_TRUE(answered.empty());
  EXPECT_TRUE(router.retry_parked(now));
  own_everything();
  EXPECT_FALSE(router.retry_parked(now));
  EXPECT_EQ(answered, (lines{"k ok", "k okv"}));
}

// The copy never answers: nobody is on the other end of the host's channel.
struct router_with_copies_test : router_parking_test {
  router_with_copies_test() {
    for (auto& row : table.rows) row = {me, {other}, {other}, 1, 1};
    adopt();
  }
};

TEST_F(router_with_copies_test, a_read_that_waits_for_a_copy_is_asked_again_where_the_shard_went) {
  submit(command(cache_op::put, "k", "v"));
  submit(command(cache_op::get, "k"));
  EXPECT_TRUE(answered.empty());
  give_all_to(other);
  (void)router.retry_parked(now);
  EXPECT_EQ(answered, lines{"k outcome_unknown"}) << "of the write";
  ASSERT_EQ(way.all.size(), 1U);
  EXPECT_EQ(way.all.front().owner, other);
  way.finish(errc::not_found);
  EXPECT_EQ(answered.back(), "k not_found");
}

TEST_F(router_with_copies_test, who_waits_for_a_copy_is_answered_when_the_node_stops_and_nobody_waits_afterwards) {
  submit(command(cache_op::put, "k", "v"));
  submit(command(cache_op::get, "k"));
  router.stop_parking();
  host.close();
  EXPECT_EQ(answered, (lines{"k outcome_unknown", "k unavailable"}));
  submit(command(cache_op::put, "k", "w"));
  EXPECT_EQ(answered.back(), "k unavailable");
}

TEST_F(router_parking_test, a_command_waits_for_its_deadline_at_most) {
  submit(command(cache_op::put, "k", "v"));
  now += 1s;
  EXPECT_FALSE(router.retry_parked(now));
  EXPECT_EQ(answered, lines{"k unavailable"});
}

TEST_F(router_parking_test, a_lapsed_lease_is_waited_out) {
  own_everything();
  host.serve_until(now - 1s);
  submit(command(cache_op::put, "k", "v"));
  EXPECT_TRUE(router.retry_parked(now));
  host.serve_until(now + 1s);
  EXPECT_FALSE(router.retry_parked(now));
  EXPECT_EQ(answered, lines{"k ok"});
}

TEST_F(router_parking_test, what_another_node_refused_is_done_here_after_a_move) {
  give_all_to(other);
  submit(command(cache_op::put, "k", "1"));
  give_all_to(me);
  submit(command(cache_op::put, "k", "2"));
  EXPECT_TRUE(answered.empty()) << "the first is still under way";
  way.finish(errc::not_owner);
  EXPECT_FALSE(router.retry_parked(now));
  submit(command(cache_op::get, "k"));
  EXPECT_EQ(answered, (lines{"k ok", "k ok", "k ok2"}));
}

TEST_F(router_parking_test, what_the_database_refuses_is_not_parked) {
  own_everything();
  auto c = command(cache_op::put, "k", "v");
  c.cache = router.find("kept").value();
  submit(c);
  EXPECT_EQ(answered, lines{"k unavailable"});
}

TEST_F(router_parking_test, what_the_owner_refuses_is_not_parked) {
  give_all_to(other);
  submit(command(cache_op::put, "k", "v"));
  submit(command(cache_op::put, "l", "v"));
  way.finish(errc::unavailable);
  way.finish(errc::out_of_memory);
  EXPECT_EQ(answered, (lines{"k unavailable", "l out_of_memory"}));
}

TEST_F(router_parking_test, a_node_that_is_alone_parks_nothing) {
  router.set_forwarder(nullptr);
  submit(command(cache_op::put, "k", "v"));
  EXPECT_EQ(answered, lines{"k unavailable"});
}

TEST_F(router_parking_test, a_stopping_node_answers_what_it_parked) {
  submit(command(cache_op::put, "k", "v"));
  router.stop_parking();
  submit(command(cache_op::put, "l", "v"));
  EXPECT_EQ(answered, (lines{"k unavailable", "l unavailable"}));
}

TEST_F(router_parking_test, knows_the_stamp_of_its_owners) {
  EXPECT_EQ(router.table_stamp(), stamp{});
  own_everything();
  EXPECT_EQ(router.table_stamp(), table.stamp);
  EXPECT_EQ(router.table_stamp(), table.stamp);
}

}  // namespace
}  // namespace troupe
