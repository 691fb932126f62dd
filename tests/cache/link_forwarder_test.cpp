#include "actors/cache/link_forwarder.hpp"

#include <algorithm>

#include <boost/asio/post.hpp>

#include <gtest/gtest.h>

#include "tests/cache/forward_node.hpp"

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;

struct link_forwarder_test : forward_pair {
  [[nodiscard]] std::uint64_t failures(link_forwarder::failure f) const {
    return a.way->numbers().failures[static_cast<std::size_t>(f)].load();
  }
};

TEST_F(link_forwarder_test, does_every_command_at_the_owner) {
  give_all_to(b.pid);
  EXPECT_EQ(a.ask(a.get("k")).code, errc::not_found);
  const auto first = a.ask(a.put("k", std::string("v\0w", 3)));
  EXPECT_EQ(first.code, errc::ok);
  const auto got = a.ask(a.get("k"));
  EXPECT_EQ(got.value, std::string("v\0w", 3));
  EXPECT_EQ(got.version, first.version);
  EXPECT_EQ(got.ttl, 0s);
  const auto head = a.ask(a.in("default", cache_op::head, "k"));
  EXPECT_EQ(head.version, first.version);
  EXPECT_TRUE(head.value.empty());
  EXPECT_EQ(b.ask(b.get("k")).version, first.version);
  EXPECT_EQ(a.ask(a.erase("k")).code, errc::ok);
  EXPECT_EQ(a.ask(a.erase("k")).code, errc::not_found);
}

TEST_F(link_forwarder_test, carries_conditions_and_times_to_live) {
  give_all_to(b.pid);
  auto c = a.put("k", "1");
  c.condition = write_condition::if_present;
  EXPECT_EQ(a.ask(c).code, errc::condition_failed);
  c.condition = write_condition::if_absent;
  c.ttl = 1h;
  const auto made = a.ask(c);
  EXPECT_EQ(made.code, errc::ok);
  EXPECT_EQ(a.ask(c).code, errc::condition_failed);
  c.condition = write_condition::if_version;
  c.version = made.version + 1;
  EXPECT_EQ(a.ask(c).code, errc::condition_failed);
  c.version = made.version;
  c.ttl = 0s;
  c.keep_ttl = true;
  EXPECT_EQ(a.ask(c).code, errc::ok);
  const auto left = a.ask(a.get("k")).ttl;
  EXPECT_GT(left, 0s);
  EXPECT_LE(left, 1h);
  c = a.put("k", "2");
  c.ttl = -1s;
  EXPECT_EQ(a.ask(c).code, errc::invalid_argument);
}

TEST_F(link_forwarder_test, carries_a_large_value_both_ways) {
  give_all_to(b.pid);
  const std::string large(8 * mib, 'x');
  EXPECT_EQ(a.ask(a.put("k", large)).code, errc::ok);
  EXPECT_TRUE(a.ask(a.get("k")).value == large);
}

TEST_F(link_forwarder_test, asks_again_for_values_that_one_answer_cannot_hold) {
  give_all_to(b.pid);
  constexpr int values = 12;  // of 2 MiB: more than reply_bytes_max
  const std::string large(2 * mib, 'x');
  for (int i = 0; i < values; ++i) EXPECT_EQ(b.ask(b.put("k" + std::to_string(i), large)).code, errc::ok);
  std::vector<forward_node::answer> answers;
  for (int i = 0; i < values; ++i) answers.push_back(a.submit(a.get("k" + std::to_string(i))));
  for (const auto& each : answers) EXPECT_TRUE(forward_node::wait(each).value == large);
}

TEST_F(link_forwarder_test, keeps_the_order_of_thousands_in_few_batches) {
  give_all_to(b.pid);
  constexpr int commands = 5000;
  const auto deadline = soon();  // one for all: a batch holds near deadlines only
  watched<std::vector<std::uint64_t>> hot;
  watched<int> done;
  // In one turn of a loop, as a door does with what it read from a socket.
  boost::asio::post(a.io.context(0), [&] {
    for (int i = 0; i < commands; ++i) {
      const auto value = std::to_string(i);
      a.router.submit(a.put(i % 2 == 0 ? "hot" : "cold" + value, value), deadline, [&, i](owned_reply r) {
        EXPECT_EQ(r.code, errc::ok) << r.context;
        if (i % 2 == 0) hot.update([&](auto& all) { all.push_back(r.version); });
        done.update([](int& n) { ++n; });
      });
    }
  });
  ASSERT_TRUE(done.wait([](int n) { return n == commands; }));
  const auto versions = hot.read();
  EXPECT_TRUE(std::is_sorted(versions.begin(), versions.end()));
  EXPECT_EQ(a.ask(a.get("hot")).value, std::to_string(commands - 2));
  EXPECT_EQ(a.way->numbers().commands.load(), commands + 1u);
  EXPECT_LE(a.way->numbers().batches.load(), commands / batch_commands_max + 2);
  EXPECT_EQ(b.served->served.load(), commands + 1u);
  EXPECT_EQ(a.router.parked().count(), 0u);
}

TEST_F(link_forwarder_test, finds_no_cache_that_the_owner_does_not_declare) {
  give_all_to(b.pid);
  EXPECT_EQ(a.ask(a.in("only-a", cache_op::put, "k", "v")).code, errc::not_found);
}

TEST_F(link_forwarder_test, what_was_never_sent_may_be_tried_again) {
  EXPECT_EQ(forward_node::wait(a.forward(77, a.put("k", "v"))).code, errc::peer_lost) << "an unknown PID";
  a.learn(77, {a.self.address, a.self.id});
  EXPECT_EQ(forward_node::wait(a.forward(77, a.put("k", "v"))).code, errc::peer_lost) << "this very node";
  std::string nobody;
  {
    const forward_node gone(3, {});
    nobody = gone.self.address;
  }
  a.learn(78, {nobody, {3, 3}});
  EXPECT_EQ(forward_node::wait(a.forward(78, a.put("k", "v"))).code, errc::peer_lost) << "a dial that fails";
  EXPECT_EQ(forward_node::wait(a.forward(78, a.put("k", "v"))).code, errc::peer_lost) << "not dialled again so soon";
  EXPECT_EQ(failures(link_forwarder::failure::not_sent), 4u);
}

TEST_F(link_forwarder_test, does_nothing_after_the_deadline) {
  EXPECT_EQ(forward_node::wait(a.forward(b.pid, a.put("k", "v"), 0s)).code, errc::deadline_exceeded);
  EXPECT_EQ(a.way->numbers().batches.load(), 0u);
}

struct silent_pair : ::testing::Test {
  watched<std::vector<link_responder>> held;
  forward_node a{1, {}};
  link_node b{"silent", 2};

  silent_pair() {
    a.learn(2, b.target());
    b.link->handle_requests(link_request_kind::cache, [this](const link_request&, link_responder r) {
      held.update([&](auto& all) { all.push_back(std::move(r)); });
    });
  }
  [[nodiscard]] bool holds(std::size_t requests) {
    return held.wait([requests](const auto& all) { return all.size() == requests; });
  }
  void answer(std::size_t index, const expected<std::string_view>& with) {
    held.update([&](auto& all) { all[index].answer(with); });
  }
};

TEST_F(silent_pair, a_write_in_flight_is_unknown_when_the_owner_dies) {
  const auto write = a.forward(2, a.put("k", "v"));
  ASSERT_TRUE(holds(1));
  const auto read = a.forward(2, a.get("k"));
  ASSERT_TRUE(holds(2));
  a.link->forget({2, 2}, "killed");
  EXPECT_EQ(forward_node::wait(write).code, errc::outcome_unknown);
  EXPECT_EQ(forward_node::wait(read).code, errc::peer_lost);
}

TEST_F(silent_pair, a_write_without_an_answer_in_time_is_unknown) {
  const auto write = a.forward(2, a.put("k", "v"), 1s);
  const auto read = a.forward(2, a.get("k"), 1s);
  EXPECT_EQ(forward_node::wait(write).code, errc::outcome_unknown);
  EXPECT_EQ(forward_node::wait(read).code, errc::peer_lost);
}

TEST_F(silent_pair, an_answer_that_makes_no_sense_is_none) {
  const auto write = a.forward(2, a.put("k", "v"));
  ASSERT_TRUE(holds(1));
  const auto read = a.forward(2, a.get("k"));
  ASSERT_TRUE(holds(2));
  answer(0, std::string_view("garbage"));
  const auto two = encode_replies({}, std::vector<owned_reply>(2));
  answer(1, std::string_view(two));
  EXPECT_EQ(forward_node::wait(write).code, errc::outcome_unknown);
  EXPECT_EQ(forward_node::wait(read).code, errc::unavailable);
}

TEST_F(silent_pair, a_receiver_s_refusal_is_final) {
  const auto write = a.forward(2, a.put("k", "v"));
  ASSERT_TRUE(holds(1));
  answer(0, fail(errc::corrupt, "not understood"));
  const auto reply = forward_node::wait(write);
  EXPECT_EQ(reply.code, errc::unavailable);
  EXPECT_EQ(reply.context, "not understood");
}

TEST_F(silent_pair, a_batch_waits_for_no_command_of_another_deadline) {
  const auto quick = a.forward(2, a.put("k", "v"), patience / 2);
  const auto slow = a.forward(2, a.put("k", "v"));
  ASSERT_TRUE(holds(2));
  const auto one = encode_replies({}, std::vector<owned_reply>(1));
  answer(1, std::string_view(one));
  EXPECT_EQ(forward_node::wait(slow).code, errc::ok);
  answer(0, std::string_view(one));
  EXPECT_EQ(forward_node::wait(quick).code, errc::ok);
}

TEST_F(link_forwarder_test, a_command_waits_until_the_owner_learns_that_it_is_one) {
  a.adopt(all_of(b.pid));
  const auto write = a.submit(a.put("k", "v"));
  ASSERT_TRUE(eventually([&] { return failures(link_forwarder::failure::not_owner) > 0; }));
  const auto read = a.submit(a.get("k"));
  b.adopt(all_of(b.pid));
  EXPECT_EQ(forward_node::wait(write).code, errc::ok);
  EXPECT_EQ(forward_node::wait(read).value, "v");
}

TEST_F(link_forwarder_test, a_move_shows_no_error_to_clients) {
  give_all_to(b.pid);
  EXPECT_EQ(a.ask(a.put("warm", "")).code, errc::ok);
  constexpr int commands = 2000;
  watched<int> done;
  int failed = 0;
  for (int i = 0; i < commands; ++i) {
    if (i == commands / 2) {  // the old owner hears of it first, the requester and new owner last
      const auto table = all_of(a.pid);
      b.adopt(table);
      a.router.submit(a.put("last", "v"), soon(), [](owned_reply) {});
      a.adopt(table);
    }
    a.router.submit(a.put("k" + std::to_string(i), "v"), soon(), [&](owned_reply r) {
      done.update([&](int& n) {
        ++n;
        if (r.code != errc::ok) ++failed;
      });
    });
  }
  ASSERT_TRUE(done.wait([](int n) { return n == commands; }));
  EXPECT_EQ(failed, 0);
}

TEST_F(link_forwarder_test, reads_of_a_dead_owner_wait_for_the_next_one) {
  give_all_to(b.pid);
  EXPECT_EQ(a.ask(a.put("k", "v")).code, errc::ok);
  b.leave();
  const auto read = a.submit(a.get("k"));
  ASSERT_TRUE(eventually([&] { return a.router.parked().count() == 1; }));
  a.adopt(all_of(a.pid));
  EXPECT_EQ(forward_node::wait(read).code, errc::not_found) << "the new owner started empty";
}

TEST_F(link_forwarder_test, refuses_a_batch_that_it_cannot_read) {
  const auto answer = std::make_shared<watched<std::optional<errc>>>();
  a.link->request({b.self.address, b.self.id}, link_request_kind::cache, "garbage", soon(),
                  [answer](const expected<std::string_view>& r) {
                    answer->update([&](auto& code) { code = r ? errc::ok : r.error().code; });
                  });
  ASSERT_TRUE(answer->wait([](const auto& code) { return code.has_value(); }));
  EXPECT_EQ(answer->read(), errc::corrupt);
  EXPECT_EQ(b.served->malformed.load(), 1u);
  EXPECT_EQ(b.served->served.load(), 0u);
}

link_settings small_messages() {
  auto s = test_settings();
  s.message_max = mib;
  return s;
}
struct narrow_pair : forward_pair {
  narrow_pair() : forward_pair(small_messages()) {}
};

// The owner's "my queue is full" must not read as "never sent": a write of the batch was done.
TEST_F(narrow_pair, an_answer_that_could_not_be_sent_is_no_refusal) {
  give_all_to(b.pid);
  EXPECT_EQ(b.ask(b.put("k", std::string(2 * mib, 'x'))).code, errc::ok);
  EXPECT_EQ(forward_node::wait(a.forward(b.pid, a.get("k"))).code, errc::peer_lost);
  EXPECT_EQ(a.way->numbers().failures[static_cast<std::size_t>(link_forwarder::failure::no_answer)].load(), 1u);
}

TEST_F(link_forwarder_test, shows_its_numbers) {
  give_all_to(b.pid);
  EXPECT_EQ(a.ask(a.put("k", "v")).code, errc::ok);
  metrics of_a;
  metrics of_b;
  a.way->register_metrics(of_a);
  a.router.register_metrics(of_a);
  register_metrics(of_b, b.served);
  const auto text = of_a.expose();
  EXPECT_NE(text.find("troupe_cache_forwarded_total 1"), std::string::npos) << text;
  EXPECT_NE(text.find("troupe_cache_forward_batches_total 1"), std::string::npos) << text;
  EXPECT_NE(text.find("troupe_cache_forward_failures_total{reason=\"not_owner\"} 0"), std::string::npos) << text;
  EXPECT_NE(text.find("troupe_cache_parked_count 0"), std::string::npos) << text;
  EXPECT_NE(of_b.expose().find("troupe_cache_forward_served_total 1"), std::string::npos);
}

}  // namespace
}  // namespace troupe::testing
