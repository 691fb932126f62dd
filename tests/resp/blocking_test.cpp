// Commands that wait for elements, one connection and a cache that answers when the test says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateways/resp/blocked_command.hpp"
#include "tests/resp/conversation.hpp"

namespace troupe::resp {
namespace {

using namespace std::chrono_literals;

/// Every command is answered by the test.
struct asked_cache : far_cache {
  struct question {
    owned_command command;
    time_point until;
    reply_callback done;
  };
  [[nodiscard]] bool try_now(const cache_command& c, time_point, visitor visit) override {
    if (here.empty() || c.op != cache_op::run) return false;
    cache_reply r;
    r.value = here;
    visit(r);
    return true;
  }
  void submit(const cache_command& c, time_point until, reply_callback done) override {
    pops.push_back({owned_command(c), until, std::move(done)});
  }
  void wait(const cache_command& c, time_point until, reply_callback done) override {
    if (c.procedure == procedure::leave_keys)
      left.push_back(c.version);
    else
      waits.push_back({owned_command(c), until, std::move(done)});
  }
  static void answer(std::deque<question>& of, owned_reply r) {
    ASSERT_FALSE(of.empty());
    auto first = std::move(of.front());
    of.pop_front();
    first.done(std::move(r));
  }
  void popped(std::string value) {
    owned_reply r;
    r.value = std::move(value);
    answer(pops, std::move(r));
  }
  void called() { answer(waits, {}); }

  std::string here;  // what try_now finds; empty: it refuses
  std::deque<question> pops;
  std::deque<question> waits;
  std::vector<std::uint64_t> left;
};

struct blocking : ::testing::Test, completion_gate {
  reply_callback callback_for(std::uint64_t slot) override {
    return [this, slot](owned_reply answer) { client.complete(slot, std::move(answer)); };
  }
  [[nodiscard]] time_point read_clock() const override { return now; }
  void run_again_at(time_point until) override { again_at = until; }

  std::string say(std::initializer_list<std::string_view> words) {
    input.append(request(words));
    return go_on();
  }
  std::string go_on() {
    (void)client.run(input, now);
    std::string out(client.output().view());
    client.output().clear();
    return out;
  }
  void unblock(bool with_error) { client.more().waits->unblock(client, with_error); }

  config settings;
  asked_cache cache;
  cluster_board board;
  io_pool io{1};
  event_hub events;
  std::shared_ptr<pubsub_service> channels =
      std::make_shared<pubsub_service>(pubsub_service::surroundings{io, nullptr, board, events});
  environment shared{settings, cache,         board, 7, door_numbers(1), time_point{}, [] { return std::string(); },
                     nullptr,  channels.get()};
  byte_buffer input;
  time_point now{1h};
  time_point again_at{};
  connection client{shared, shared.numbers.of(0), *this};
};

constexpr const char* nothing = "*-1\r\n";
constexpr const char* element = "*2\r\n$1\r\nk\r\n$1\r\na\r\n";

TEST_F(blocking, an_element_that_is_there_is_replied_at_once) {
  cache.here = element;
  EXPECT_EQ(say({"BLPOP", "k", "0"}), element);
  EXPECT_FALSE(client.blocked());
  EXPECT_EQ(shared.blocked, 0U);
}

TEST_F(blocking, a_client_waits_and_pops_when_it_is_called) {
  cache.here = nothing;
  EXPECT_EQ(say({"BLPOP", "k", "0"}), "");
  EXPECT_TRUE(client.blocked());
  EXPECT_EQ(shared.blocked, 1U);
  ASSERT_EQ(cache.waits.size(), 1U);
  EXPECT_EQ(cache.waits.front().until, now + blocked_command::slice);
  EXPECT_EQ(say({"PING"}), "") << "waits for the reply before it";
  cache.called();
  ASSERT_EQ(cache.pops.size(), 1U);
  EXPECT_EQ(cache.pops.front().command.command.procedure, procedure::blpop);
  cache.popped(nothing);
  now += 3s;
  cache.called();
  EXPECT_EQ(cache.pops.front().command.command.ttl, 3s) << "how long it has waited";
  cache.popped(element);
  EXPECT_EQ(go_on(), std::string(element) + "+PONG\r\n");
  EXPECT_FALSE(client.blocked());
  EXPECT_EQ(shared.blocked, 0U);
  EXPECT_TRUE(cache.left.empty()) << "the pop has left the line";
}

TEST_F(blocking, keys_of_another_node_are_looked_at_before_waiting) {
  EXPECT_EQ(say({"BRPOP", "k", "0"}), "");
  ASSERT_EQ(cache.pops.size(), 1U);
  EXPECT_TRUE(cache.waits.empty());
  cache.popped(element);
  EXPECT_EQ(go_on(), element);
}

TEST_F(blocking, the_time_ends_with_a_null_array) {
  cache.here = nothing;
  EXPECT_EQ(say({"BLMOVE", "{k}a", "{k}b", "LEFT", "RIGHT", "3.5"}), "");
  now += 2s;
  cache.answer(cache.waits, owned_reply::failed(errc::not_found));
  ASSERT_EQ(cache.waits.size(), 1U) << "it waits again";
  EXPECT_EQ(cache.waits.front().until, now + 1500ms);
  now += 1500ms;
  cache.answer(cache.waits, owned_reply::failed(errc::not_found));
  EXPECT_EQ(go_on(), nothing);
  EXPECT_EQ(cache.left.size(), 1U);
}

TEST_F(blocking, a_lost_place_is_looked_for_anew_after_a_moment) {
  cache.here = nothing;
  EXPECT_EQ(say({"BLPOP", "k", "1"}), "");
  cache.answer(cache.waits, owned_reply::failed(errc::peer_lost));
  EXPECT_EQ(again_at, now + blocked_command::rest);
  EXPECT_EQ(go_on(), "");
  EXPECT_TRUE(cache.pops.empty());
  now = again_at;
  EXPECT_EQ(go_on(), "");
  ASSERT_EQ(cache.pops.size(), 1U);
  now += 2s;
  cache.answer(cache.pops, owned_reply::failed(errc::unavailable, "the shard has no primary"));
  EXPECT_EQ(go_on(), "-CLUSTERDOWN not done, it may be tried again: the shard has no primary\r\n")
      << "the time is over, and nobody has looked";
}

TEST_F(blocking, an_outcome_that_nobody_knows_is_said) {
  cache.here = nothing;
  EXPECT_EQ(say({"BLPOP", "k", "0"}), "");
  cache.called();
  cache.answer(cache.pops, owned_reply::failed(errc::outcome_unknown, "lost"));
  EXPECT_THAT(go_on(), testing::StartsWith("-UNKNOWN "));
}

TEST_F(blocking, unblock_ends_a_wait_and_late_answers_are_nobodys) {
  cache.here = nothing;
  for (const bool with_error : {false, true}) {
    EXPECT_EQ(say({"BZPOPMIN", "k", "0"}), "");
    unblock(with_error);
    EXPECT_EQ(go_on(), with_error ? "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n" : nothing);
    cache.called();
    EXPECT_TRUE(cache.pops.empty());
  }
  EXPECT_EQ(cache.left.size(), 2U);
  EXPECT_EQ(shared.blocked, 0U);
}

TEST_F(blocking, unblock_does_not_lose_what_is_being_popped) {
  cache.here = nothing;
  EXPECT_EQ(say({"BLPOP", "k", "0"}), "");
  cache.called();
  unblock(true);
  EXPECT_EQ(go_on(), "");
  cache.popped(element);
  EXPECT_EQ(go_on(), element);
  EXPECT_EQ(say({"BLPOP", "k", "0"}), "");
  cache.called();
  unblock(true);
  cache.popped(nothing);
  EXPECT_EQ(go_on(), "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
}

TEST_F(blocking, a_pause_holds_up_who_is_called) {
  cache.here = nothing;
  EXPECT_EQ(say({"BLPOP", "k", "0"}), "");
  shared.pause.until = (now + 80ms).time_since_epoch().count();
  cache.called();
  EXPECT_TRUE(cache.pops.empty());
  now += blocked_command::rest;
  (void)go_on();
  EXPECT_TRUE(cache.pops.empty());
  now += blocked_command::rest;
  (void)go_on();
  EXPECT_EQ(cache.pops.size(), 1U);
}

TEST_F(blocking, a_client_that_goes_leaves_the_line) {
  cache.here = nothing;
  EXPECT_EQ(say({"BLPOP", "k", "0"}), "");
  const auto id = cache.waits.front().command.command.version;
  client.end_conversation();
  EXPECT_EQ(cache.left, std::vector<std::uint64_t>{id});
  EXPECT_EQ(shared.blocked, 0U);
}

TEST_F(blocking, mistakes_are_answered_by_the_procedure_or_at_once) {
  EXPECT_EQ(say({"BLPOP", "{a}1", "{b}1", "0"}), "-CROSSSLOT Keys in request don't hash to the same slot\r\n");
  EXPECT_EQ(say({"BLPOP", "k"}), "-ERR wrong number of arguments for 'blpop' command\r\n");
  EXPECT_EQ(say({"BLPOP", "k", "x"}), "");
  EXPECT_FALSE(client.blocked());
  cache.popped("-ERR timeout is not a float or out of range\r\n");
  EXPECT_EQ(go_on(), "-ERR timeout is not a float or out of range\r\n");
  std::vector<std::string> keys(1025, "k");
  std::string all = "*1027\r\n$5\r\nBLPOP\r\n";
  for (const auto& k : keys) all += "$1\r\n" + k + "\r\n";
  input.append(all + "$1\r\n0\r\n");
  EXPECT_EQ(go_on(), "-ERR too many keys to wait for\r\n");
}

TEST_F(blocking, too_many_clients_are_refused) {
  cache.here = nothing;
  shared.blocked = blocked_command::clients_max;
  EXPECT_EQ(say({"BLPOP", "k", "0"}), "-ERR too many clients wait at this node\r\n");
  EXPECT_EQ(shared.blocked, blocked_command::clients_max);
}

}  // namespace
}  // namespace troupe::resp
