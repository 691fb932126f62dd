#include "runtime/cache/waiting_line.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/cache/procedures/waiting_words.hpp"
#include "tests/cache/procedure_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using strings = std::vector<std::string>;

struct waiting_clients : ::testing::Test {
  static constexpr duration for_long = 1h;

  void wait(std::uint64_t id, strings keys, duration left = for_long, duration waited = {},
            value_type wanted = value_type::list) {
    line.wait(
        {id, 0, wanted, std::move(keys), waited, now + left},
        [this, id](const owned_reply& r) { told.push_back(std::to_string(id) + " " + word(r.code)); }, now, held());
    hear();
  }
  void push(const std::string& key) {
    full.insert(key);
    line.on_written(0, key, now, held());
    hear();
  }
  /// The last element is popped by that client.
  void pop(std::uint64_t id, const std::string& key) {
    full.erase(key);
    leave(id);
  }
  void leave(std::uint64_t id) {
    line.leave(id, now, held());
    hear();
  }
  void pass(duration d) {
    now += d;
    line.on_tick(now, held());
    hear();
  }
  bool is_ahead_of(std::uint64_t id, const std::string& key) { return line.is_ahead_of(id, now, 0, {key}, held()); }
  strings heard() { return std::exchange(told, {}); }

  static std::string word(errc code) {
    return code == errc::ok ? "called" : code == errc::not_found ? "nothing" : std::string(name_of(code));
  }
  void hear() {
    for (auto& c : line.take_called()) c.done(std::move(c.reply));
  }
  struct holder {
    waiting_clients& t;
    bool operator()(cache_id, std::string_view key, value_type type) const {
      return t.full.contains(std::string(key)) && type == t.type;
    }
  };
  holder& held() { return holds_; }

  waiting_line line;
  std::set<std::string> full;
  value_type type = value_type::list;
  time_point now{1h};
  strings told;
  holder holds_{*this};
};

TEST_F(waiting_clients, are_called_one_after_the_other_in_the_order_they_came) {
  wait(1, {"k"});
  pass(1ms);
  wait(2, {"k"});
  wait(3, {"k"});
  EXPECT_EQ(heard(), strings{});
  push("k");
  EXPECT_EQ(heard(), strings{"1 called"});
  push("k");
  EXPECT_EQ(heard(), strings{}) << "it has not popped yet";
  leave(1);
  EXPECT_EQ(heard(), strings{"2 called"}) << "there is more";
  pop(2, "k");
  EXPECT_EQ(heard(), strings{});
  push("k");
  EXPECT_EQ(heard(), strings{"3 called"});
  pop(3, "k");
  EXPECT_TRUE(line.empty());
}

TEST_F(waiting_clients, one_that_comes_when_there_is_something_is_called_at_once) {
  full.insert("b");
  wait(1, {"a", "b"});
  EXPECT_EQ(heard(), strings{"1 called"});
  wait(2, {"b"});
  EXPECT_EQ(heard(), strings{});
  pop(1, "b");
  EXPECT_EQ(heard(), strings{});
  EXPECT_EQ(line.size(), 1U);
}

TEST_F(waiting_clients, one_that_does_not_pop_loses_its_turn) {
  wait(1, {"k"});
  wait(2, {"k"});
  push("k");
  EXPECT_EQ(heard(), strings{"1 called"});
  pass(waiting_line::call_max);
  EXPECT_EQ(heard(), strings{"2 called"});
}

TEST_F(waiting_clients, one_that_found_nothing_waits_again_in_its_place) {
  wait(1, {"k"});
  pass(1ms);
  wait(2, {"k"});
  push("k");
  full.clear();  // somebody else popped
  EXPECT_EQ(heard(), strings{"1 called"});
  wait(1, {"k"});
  push("k");
  EXPECT_EQ(heard(), strings{"1 called"});
}

TEST_F(waiting_clients, one_whose_time_is_over_is_told_and_keeps_its_place_for_a_while) {
  wait(1, {"k"}, 2s);
  pass(1ms);
  wait(2, {"k"});
  pass(2s);
  EXPECT_EQ(heard(), strings{"1 nothing"});
  push("k");
  EXPECT_EQ(heard(), strings{}) << "it is on its way back";
  wait(1, {"k"}, 2s);
  EXPECT_EQ(heard(), strings{"1 called"});
  pop(1, "k");

  wait(3, {"k"}, 1s);
  pass(1s);
  EXPECT_EQ(heard(), strings{"3 nothing"});
  pass(waiting_line::away_max);
  EXPECT_EQ(line.size(), 1U) << "it did not come back";
}

TEST_F(waiting_clients, of_another_primary_have_waited_already) {
  wait(1, {"k"}, for_long, 1s);
  wait(2, {"k"}, for_long, 3s);
  wait(3, {"k"});
  push("k");
  EXPECT_EQ(heard(), strings{"2 called"});
  EXPECT_TRUE(is_ahead_of(1, "k"));
  EXPECT_FALSE(is_ahead_of(2, "k"));
  EXPECT_TRUE(is_ahead_of(9, "k")) << "who is not here comes last";
  EXPECT_FALSE(is_ahead_of(9, "other"));
}

TEST_F(waiting_clients, are_called_for_what_they_want_only) {
  wait(1, {"k"}, for_long, {}, value_type::sorted_set);
  wait(2, {"k"});
  push("k");
  EXPECT_EQ(heard(), strings{"2 called"});
  type = value_type::sorted_set;
  push("k");
  EXPECT_EQ(heard(), strings{"1 called"});
}

TEST_F(waiting_clients, one_that_pops_another_of_its_keys_leaves_the_first_to_the_next) {
  wait(1, {"a", "b"});
  wait(2, {"a"});
  push("a");
  EXPECT_EQ(heard(), strings{"1 called"});
  full.insert("b");
  pop(1, "b");
  EXPECT_EQ(heard(), strings{"2 called"});
}

TEST_F(waiting_clients, are_told_when_they_leave_or_the_shard_goes_elsewhere) {
  wait(1, {"k"});
  wait(2, {"k", "k"});
  leave(1);
  leave(1);
  EXPECT_EQ(heard(), strings{"1 nothing"});
  line.give_up();
  hear();
  EXPECT_EQ(heard(), strings{"2 not_owner"});
  EXPECT_TRUE(line.empty());
  push("k");
  EXPECT_EQ(heard(), strings{});
}

TEST_F(waiting_clients, are_limited) {
  for (std::uint64_t id = 1; id <= waiting_line::clients_max; ++id) wait(id, {"k"});
  EXPECT_EQ(heard(), strings{});
  wait(0, {"k"});
  EXPECT_EQ(heard(), strings{"0 unavailable"});
  line.give_up();
  hear();
  (void)heard();
  strings many;
  for (std::size_t i = 0; i <= waiting_line::keys_max; ++i) many.push_back(std::to_string(i));
  wait(1, many);
  EXPECT_EQ(heard(), strings{"1 unavailable"});
}

TEST(waiting_words, say_how_long_as_redis_reads_it) {
  std::string_view error;
  EXPECT_EQ(read_timeout("0", error), duration::zero());
  EXPECT_EQ(read_timeout("1.5", error), 1500ms);
  EXPECT_EQ(read_timeout("0.0001", error), 1ms);
  EXPECT_EQ(read_timeout("1e3", error), 1000s);
  EXPECT_EQ(read_timeout("100000000000000", error), duration::zero()) << "as good as for ever";
  for (const auto* text : {"", "x", "1 ", "nan", "1x"}) {
    EXPECT_EQ(read_timeout(text, error), std::nullopt) << text;
    EXPECT_EQ(error, "ERR timeout is not a float or out of range");
  }
  EXPECT_EQ(read_timeout("-1", error), std::nullopt);
  EXPECT_EQ(error, "ERR timeout is negative");
  EXPECT_EQ(read_timeout("1e30", error), std::nullopt);
  EXPECT_EQ(error, "ERR timeout is out of range");
}

TEST(waiting_words, are_refused_when_they_make_no_sense) {
  const auto packed = pack(wait_words{value_type::sorted_set, {"a", ""}});
  const auto read = read_wait_words(packed);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->type, value_type::sorted_set);
  EXPECT_EQ(read->keys, (std::vector<std::string_view>{"a", ""}));
  EXPECT_FALSE(read_wait_words(""));
  EXPECT_FALSE(read_wait_words(pack(wait_words{value_type::list, {}})));
  EXPECT_FALSE(read_wait_words(pack(wait_words{value_type::hash, {"a"}})));
  for (std::size_t size = 0; size + 1 < packed.size(); ++size) {
    const auto part = read_wait_words(std::string_view(packed).substr(0, size));
    EXPECT_TRUE(!part || part->keys.size() < 2) << size;
  }
}

// The line and the procedures together, in a primary's shard.
struct waiting_shard : procedure_fixture {
  void wait(std::uint64_t id, std::string_view key, value_type type = value_type::list, duration left = 1h) {
    const auto words = pack(wait_words{type, {key}});
    cache_command c;
    c.op = cache_op::run;
    c.procedure = procedure::await_keys;
    c.version = id;
    c.key = key;
    c.value = words;
    shard.wait(c, now, now + left, [this, id](const owned_reply& r) {
      if (r.code == errc::ok) called.push_back(id);
    });
    hear();
  }
  std::string pop(std::uint64_t id, std::string_view line) {
    wait_id = id;
    auto reply = say(line);
    wait_id = 0;
    hear();
    return reply;
  }
  void hear() {
    for (auto& c : shard.waiting().take_called()) c.done(std::move(c.reply));
  }
  std::vector<std::uint64_t> heard() {
    hear();
    return std::exchange(called, {});
  }
  std::vector<std::uint64_t> called;
};
using ids = std::vector<std::uint64_t>;

TEST_F(waiting_shard, calls_for_every_command_that_fills_a_key) {
  std::uint64_t id = 0;
  const auto fills = [&](std::string_view key, std::string_view line, value_type type = value_type::list) {
    wait(++id, key, type);
    EXPECT_EQ(heard(), ids{});
    (void)say(line);
    EXPECT_EQ(heard(), ids{id}) << line;
    cache_command leave;
    leave.op = cache_op::run;
    leave.procedure = procedure::leave_keys;
    leave.version = id;
    shard.wait(leave, now, now, [](const owned_reply&) {});
    hear();
    (void)say("DEL " + std::string(key));
  };
  fills("k", "LPUSH k a");
  fills("k", "RPUSH k a");
  (void)say("RPUSH src a b c");
  fills("k", "LMOVE src k LEFT RIGHT");
  fills("k", "RPOPLPUSH src k");
  fills("k", "BLMOVE src k LEFT RIGHT 0");
  (void)say("RPUSH src a b c");
  fills("k", "COPY src k");
  fills("k", "SORT src ALPHA STORE k");
  const auto dumped = run("DUMP src");
  const auto bytes = dumped.substr(dumped.find("\r\n") + 2, dumped.size() - dumped.find("\r\n") - 4);
  wait(++id, "r");
  (void)say({"RESTORE", "r", "0", bytes});
  EXPECT_EQ(heard(), ids{id});
  fills("k", "RENAME src k");
  fills("z", "ZADD z 1 a", value_type::sorted_set);
  fills("z", "ZINCRBY z 1 a", value_type::sorted_set);
  (void)say("ZADD zz 1 a");
  fills("z", "ZUNIONSTORE z 1 zz", value_type::sorted_set);
  fills("z", "ZRANGESTORE z zz 0 -1", value_type::sorted_set);
}

TEST_F(waiting_shard, does_not_call_for_a_key_of_another_type_or_one_that_is_gone) {
  wait(1, "k");
  (void)say("SET k v");
  (void)say("ZADD {k}2 1 a");
  (void)say("DEL k");
  (void)say("ZADD k 1 a");
  EXPECT_EQ(heard(), ids{});
}

TEST_F(waiting_shard, gives_elements_in_the_order_in_which_clients_came) {
  wait(1, "k");
  pass(std::chrono::milliseconds(1));
  wait(2, "k");
  (void)say("RPUSH k a b");
  EXPECT_EQ(heard(), ids{1});
  EXPECT_EQ(pop(2, "BLPOP k 0"), "nothing") << "not its turn";
  EXPECT_EQ(pop(3, "BLPOP k 0"), "nothing") << "a client that has just come";
  EXPECT_EQ(pop(1, "BLPOP k 0"), "[\"k\", \"a\"]");
  EXPECT_EQ(heard(), ids{2});
  EXPECT_EQ(pop(2, "BLPOP k 0"), "[\"k\", \"b\"]");
  EXPECT_TRUE(shard.waiting().empty());
}

TEST_F(waiting_shard, tells_everybody_when_it_is_released_or_goes_elsewhere) {
  bool told = false;
  const auto words = pack(wait_words{value_type::list, {"k"}});
  cache_command c;
  c.op = cache_op::run;
  c.procedure = procedure::await_keys;
  c.version = 1;
  c.value = words;
  shard.wait(c, now, now + std::chrono::hours(1), [&](const owned_reply& r) { told = r.code == errc::not_owner; });
  ASSERT_TRUE(shard.release(1));
  hear();
  EXPECT_TRUE(told);
  shard.reopen(1);
  told = false;
  shard.wait(c, now, now + std::chrono::hours(1), [&](const owned_reply& r) { told = r.code == errc::not_owner; });
  (void)shard.take_role({9, {}, {}, 2, 1}, 5);
  hear();
  EXPECT_TRUE(told);
}

}  // namespace
}  // namespace troupe
