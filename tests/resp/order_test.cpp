// Commands whose answer comes from elsewhere, late and out of order: replies stay in order, and so do
// the effects on one key.
#include <gtest/gtest.h>

#include "tests/resp/conversation.hpp"

namespace troupe::resp {
namespace {

struct order : testing::Test {
  conversation c;
};

TEST_F(order, replies_wait_for_those_before_them) {
  EXPECT_EQ(c.say("SET far:a 1\r\nPING\r\nSET far:b 2\r\nPING x\r\n"), "");
  ASSERT_EQ(c.cache.waiting.size(), 2u);
  c.cache.answer(1);
  EXPECT_EQ(c.heard(), "");
  c.cache.answer(0);
  EXPECT_EQ(c.heard(), "+OK\r\n+PONG\r\n+OK\r\n$1\r\nx\r\n");
  EXPECT_TRUE(c.client().idle());
  EXPECT_EQ(c.client().held_back(), 0u);
}

TEST_F(order, local_commands_behind_one_in_flight_are_submitted_too) {
  c.say("SET far:a 1\r\nSET near 2\r\nGET near\r\n");
  EXPECT_EQ(c.cache.done_now, 0);
  EXPECT_EQ(c.cache.submitted, 3);
  c.cache.answer();
  EXPECT_EQ(c.heard(), "+OK\r\n+OK\r\n$1\r\n2\r\n");
  EXPECT_EQ(c.say("GET near\r\n"), "$1\r\n2\r\n");
  EXPECT_EQ(c.cache.done_now, 1);
}

TEST_F(order, a_changed_topology_lets_the_connection_wait) {
  EXPECT_EQ(c.say("SET far:a 1\r\n"), "");
  c.cache.topology = 2;
  EXPECT_EQ(c.say("SET near 2\r\nGET near\r\n"), "");
  EXPECT_EQ(c.result, run_result::waiting);
  EXPECT_EQ(c.cache.submitted, 1);
  c.cache.answer();
  EXPECT_EQ(c.go_on(), "+OK\r\n+OK\r\n$1\r\n2\r\n");
  EXPECT_EQ(c.cache.done_now, 2);
}

TEST_F(order, a_limited_number_is_in_flight) {
  std::string all;
  for (std::size_t i = 0; i < connection::in_flight_max + 10; ++i) all += request({"GET", "far:k"});
  EXPECT_EQ(c.say(all), "");
  EXPECT_EQ(c.result, run_result::waiting);
  EXPECT_EQ(c.cache.waiting.size(), connection::in_flight_max);
  std::size_t replies = 0;
  while (!c.cache.waiting.empty()) {
    c.cache.answer_all();
    replies += c.go_on().size() / std::string_view("$-1\r\n").size();
  }
  EXPECT_EQ(replies, connection::in_flight_max + 10);
}

TEST_F(order, del_and_exists_gather_near_and_far_keys) {
  c.say("SET near 1\r\nSET far:a 1\r\nSET far:b 1\r\n");
  c.cache.answer_all();
  c.heard();
  EXPECT_EQ(c.say("EXISTS near far:a nosuch far:b far:nosuch\r\nDEL far:a near far:b\r\n"), "");
  ASSERT_EQ(c.cache.waiting.size(), 5u);
  while (!c.cache.waiting.empty()) c.cache.answer(c.cache.waiting.size() - 1);
  EXPECT_EQ(c.heard(), ":3\r\n:3\r\n");
}

TEST_F(order, one_failure_fails_the_whole_count) {
  c.say("SET near 1\r\n");
  c.cache.refusal = owned_reply::failed(errc::unavailable, "no leader");
  EXPECT_EQ(c.say("DEL near far:a far:b\r\n"), "");
  c.cache.answer_all();
  EXPECT_EQ(c.heard(), "-CLUSTERDOWN not done, it may be tried again: no leader\r\n");
}

TEST_F(order, errors_of_the_cache_have_their_prefix) {
  c.cache.all_far = true;
  const struct {
    errc code;
    std::string_view prefix;
  } rows[] = {{errc::out_of_memory, "-OOM "},
              {errc::outcome_unknown, "-UNKNOWN "},
              {errc::deadline_exceeded, "-TRYAGAIN "},
              {errc::too_large, "-ERR "},
              {errc::storage_failed, "-MISCONF "}};
  for (const auto& row : rows) {
    c.cache.refusal = owned_reply::failed(row.code);
    c.say("SET k v\r\nGET k\r\nTTL k\r\nSET k v GET\r\n");
    c.cache.answer_all();
    std::string heard = c.go_on();
    std::size_t errors = 0;
    for (auto at = heard.find(row.prefix); at != std::string::npos; at = heard.find(row.prefix, at + 1)) ++errors;
    EXPECT_EQ(errors, 4u) << heard;
  }
}

TEST_F(order, a_protocol_error_comes_after_the_replies_before_it) {
  EXPECT_EQ(c.say("GET far:a\r\n*x\r\n"), "");
  EXPECT_EQ(c.result, run_result::closing);
  EXPECT_FALSE(c.client().idle());
  c.cache.answer();
  EXPECT_EQ(c.heard(), "$-1\r\n-ERR Protocol error: invalid multibulk length\r\n");
  EXPECT_TRUE(c.client().idle());
}

TEST_F(order, a_reply_keeps_the_protocol_of_its_command) {
  EXPECT_EQ(c.say("GET far:a\r\nHELLO 3\r\nGET far:a\r\n"), "");
  c.cache.answer(1);
  c.cache.answer(0);
  const auto heard = c.heard();
  EXPECT_EQ(heard.substr(0, 7), "$-1\r\n%7");
  EXPECT_EQ(heard.substr(heard.size() - 5), "\r\n_\r\n");
}

TEST_F(order, set_with_get_from_afar_lets_nothing_pass) {
  c.say("SET far:k old\r\n");
  c.cache.answer();
  c.heard();
  EXPECT_EQ(c.say("SET far:k new GET\r\nGET far:k\r\n"), "");
  EXPECT_EQ(c.result, run_result::waiting);
  EXPECT_EQ(c.cache.waiting.size(), 1u);  // the read; the second command is not submitted yet
  c.cache.answer();
  EXPECT_EQ(c.go_on(), "");
  c.cache.answer();  // the write
  EXPECT_EQ(c.go_on(), "$3\r\nold\r\n");
  c.cache.answer();
  EXPECT_EQ(c.heard(), "$3\r\nnew\r\n");
}

TEST_F(order, set_with_get_tries_again_when_another_writer_comes_between) {
  c.say("SET far:k old\r\n");
  c.cache.answer();
  c.heard();
  EXPECT_EQ(c.say("SET far:k new GET\r\n"), "");
  auto other = c.client().command_on(cache_op::put, "far:k");
  other.value = "between";
  ASSERT_EQ(c.cache.answer_to(other, c.now).code, errc::ok);
  c.cache.answer();  // read "old": its write fails
  c.cache.answer();
  c.cache.answer();  // read "between"
  c.cache.answer();
  EXPECT_EQ(c.heard(), "$7\r\nbetween\r\n");
}

TEST_F(order, set_with_get_gives_up_after_a_number_of_attempts) {
  auto other = c.client().command_on(cache_op::put, "far:k");
  c.say("SET far:k new GET\r\n");
  while (!c.cache.waiting.empty()) {
    ASSERT_EQ(c.cache.answer_to(other, c.now).code, errc::ok);
    c.cache.answer();
  }
  EXPECT_EQ(c.heard(), "-TRYAGAIN not done, the deadline passed first: too many writers of this key\r\n");
  EXPECT_EQ(c.go_on(), "");
  EXPECT_TRUE(c.client().idle());
}

TEST_F(order, the_same_conversation_gives_the_same_replies_wherever_the_keys_are) {
  const std::string said =
      "SET k 1\r\nGET k\r\nSET k 2 GET\r\nEXISTS k k j\r\nSET j 1 NX\r\nSET j 2 NX\r\nDEL k j\r\nGET k\r\nTTL "
      "k\r\nPING\r\n";
  const auto near = conversation().say(said);
  for (const bool newest_first : {false, true}) {
    conversation far;
    far.cache.all_far = true;
    auto heard = far.say(said);
    while (!far.cache.waiting.empty()) {
      far.cache.answer(newest_first ? far.cache.waiting.size() - 1 : 0);
      heard += far.go_on();
    }
    EXPECT_EQ(heard, near);
  }
}

}  // namespace
}  // namespace troupe::resp
