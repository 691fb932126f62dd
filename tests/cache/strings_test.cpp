#include "tests/cache/procedure_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr auto not_an_integer = "ERR value is not an integer or out of range";

using strings = procedure_fixture;

TEST_F(strings, are_counted_with) {
  EXPECT_EQ(say("INCR n"), "1");
  EXPECT_EQ(say("INCRBY n 41"), "42");
  EXPECT_EQ(say("DECR n"), "41");
  EXPECT_EQ(say("DECRBY n -9"), "50");
  EXPECT_EQ(say("GET n"), "\"50\"");
  EXPECT_EQ(say("INCRBY n x"), not_an_integer);
  EXPECT_EQ(say("SET n 9223372036854775807"), "OK");
  EXPECT_EQ(say("INCR n"), "ERR increment or decrement would overflow");
  EXPECT_EQ(say("DECRBY n -9223372036854775808"), "ERR decrement would overflow");
  EXPECT_EQ(say("SET n 007"), "OK");
  EXPECT_EQ(say("INCR n"), not_an_integer);
  EXPECT_EQ(say("SET f 10.50"), "OK");
  EXPECT_EQ(say("INCRBYFLOAT f 0.1"), "\"10.6\"");
  EXPECT_EQ(say("INCRBYFLOAT f 5e3"), "\"5010.60000000000000009\"") << "as Redis, in long double";
  EXPECT_EQ(say("INCRBYFLOAT f x"), "ERR value is not a valid float");
  EXPECT_EQ(say("INCRBYFLOAT f inf"), "ERR increment would produce NaN or Infinity");
  EXPECT_EQ(say("INCRBYFLOAT n 1"), "\"8\"") << "leading zeros are no fault of a float";
  EXPECT_EQ(say("INCR a b"), "ERR wrong number of arguments for 'incr' command");
}

TEST_F(strings, are_changed_in_pieces) {
  EXPECT_EQ(say("APPEND s Hello"), "5");
  EXPECT_EQ(say({"APPEND", "s", " World"}), "11");
  EXPECT_EQ(say("STRLEN s"), "11");
  EXPECT_EQ(say("STRLEN none"), "0");
  EXPECT_EQ(say("GETRANGE s -5 -1"), "\"World\"");
  EXPECT_EQ(say("GETRANGE s 5 2"), "\"\"");
  EXPECT_EQ(say("SETRANGE s 6 Redis"), "11");
  EXPECT_EQ(say("GET s"), "\"Hello Redis\"");
  EXPECT_EQ(say("SETRANGE s -1 x"), "ERR offset is out of range");
  EXPECT_EQ(say("SETRANGE none 5 \"\""), "0");
  EXPECT_EQ(say("GET none"), "nil");
  EXPECT_EQ(say("SETRANGE s 536870911 xy"), "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  EXPECT_EQ(say("SETRANGE padded 3 x"), "4");
  EXPECT_EQ(say("GET padded"), std::string("\"\0\0\0x\"", 6));
}

TEST_F(strings, that_are_long_grow_where_they_lie) {
  std::string whole(1000, 'a');
  (void)run({"SET", "s", whole});
  EXPECT_EQ(say("SETEX s 100 x"), "OK");
  EXPECT_EQ(run({"SET", "s", whole, "PX", "5000"}), "+OK\r\n");
  for (int i = 0; i < 500; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 23 + 1), static_cast<char>('b' + i % 20));
    (void)run({"APPEND", "s", piece});
    whole += piece;
  }
  EXPECT_EQ(say("GET s"), "\"" + whole + "\"");
  EXPECT_EQ(say("SETRANGE s 20000 end"), "20003");
  EXPECT_EQ(say("GETRANGE s 19999 -1"), std::string("\"\0end\"", 6));
  pass(4999ms);
  EXPECT_EQ(say("STRLEN s"), "20003");
  pass(1ms);
  EXPECT_EQ(say("STRLEN s"), "0");
  EXPECT_EQ(ledger.used(), shard.store().bytes());
}

TEST_F(strings, are_set_with_all_options_of_SET) {
  EXPECT_EQ(say("SET k v XX"), "nil");
  EXPECT_EQ(say("SET k v NX GET"), "nil");
  EXPECT_EQ(say("GET k"), "\"v\"");
  EXPECT_EQ(say("SET k w NX"), "nil");
  EXPECT_EQ(say("SET k w NX GET"), "\"v\"");
  EXPECT_EQ(say("SET k w GET EX 10"), "\"v\"");
  pass(9999ms);
  EXPECT_EQ(say("SET k x KEEPTTL"), "OK");
  pass(1ms);
  EXPECT_EQ(say("GET k"), "nil");
  EXPECT_EQ(say("SET k v EX 10 PX 10"), "ERR syntax error");
  EXPECT_EQ(say("SET k v EX 10 KEEPTTL"), "ERR syntax error");
  EXPECT_EQ(say("SET k v NX XX"), "ERR syntax error");
  EXPECT_EQ(say("SET k v EX"), "ERR syntax error");
  EXPECT_EQ(say("SET k v EX 0"), "ERR invalid expire time in 'set' command");
  EXPECT_EQ(say("SET k v EX 9223372036854775807"), "ERR invalid expire time in 'set' command");
  EXPECT_EQ(say("SET k v EX x"), not_an_integer);
  EXPECT_EQ(say("SET k v PXAT 1700000000000"), "OK");
  EXPECT_EQ(say("GET k"), "nil") << "that moment has passed";
  EXPECT_EQ(say("SET k v EXAT " + std::to_string(wall_ms / 1000 + 5)), "OK");
  pass(4500ms);
  EXPECT_EQ(say("GET k"), "\"v\"");
  pass(1s);
  EXPECT_EQ(say("GET k"), "nil");
  EXPECT_EQ(say("SETEX k 0 v"), "ERR invalid expire time in 'setex' command");
  EXPECT_EQ(say("PSETEX k 5 v"), "OK");
  pass(5ms);
  EXPECT_EQ(say("SETNX k v"), "1");
  EXPECT_EQ(say("SETNX k v"), "0");
}

TEST_F(strings, are_read_and_changed_at_once) {
  EXPECT_EQ(say("GETSET k 1"), "nil");
  EXPECT_EQ(say("GETSET k 2"), "\"1\"");
  EXPECT_EQ(say("GETEX k EX 5"), "\"2\"");
  EXPECT_EQ(say("GETEX k PERSIST"), "\"2\"");
  pass(6s);
  EXPECT_EQ(say("GETEX k PX 5 PERSIST"), "ERR syntax error");
  EXPECT_EQ(say("GETEX k PX 5"), "\"2\"");
  pass(5ms);
  EXPECT_EQ(say("GETEX k"), "nil");
  EXPECT_EQ(say("GETDEL k"), "nil");
  EXPECT_EQ(say("SET k 3"), "OK");
  EXPECT_EQ(say("GETDEL k"), "\"3\"");
  EXPECT_EQ(say("GET k"), "nil");
}

TEST_F(strings, come_several_at_once) {
  EXPECT_EQ(say("MSET {t}a 1 {t}b 2"), "OK");
  EXPECT_EQ(say("MGET {t}a {t}x {t}b"), "[\"1\", nil, \"2\"]");
  EXPECT_EQ(say("MSETNX {t}b 3 {t}c 4"), "0");
  EXPECT_EQ(say("MGET {t}b {t}c"), "[\"2\", nil]");
  EXPECT_EQ(say("MSETNX {t}c 3 {t}d 4"), "1");
  EXPECT_EQ(say("MSET {t}a 1 {t}b"), "ERR wrong number of arguments for 'mset' command");
}

TEST_F(strings, have_a_longest_common_subsequence) {
  (void)run("MSET {t}1 ohmytext {t}2 mynewtext");
  EXPECT_EQ(say("LCS {t}1 {t}2"), "\"mytext\"");
  EXPECT_EQ(say("LCS {t}1 {t}2 LEN"), "6");
  EXPECT_EQ(say("LCS {t}1 {t}2 IDX MINMATCHLEN 4 WITHMATCHLEN"), "[\"matches\", [[[4, 7], [5, 8], 4]], \"len\", 6]");
  EXPECT_EQ(say("LCS {t}1 {t}2 IDX"), "[\"matches\", [[[4, 7], [5, 8]], [[2, 3], [0, 1]]], \"len\", 6]");
  EXPECT_EQ(say("LCS {t}1 {t}2 IDX LEN"), "ERR If you want both the length and indexes, please just use IDX.");
  EXPECT_EQ(say("LCS {t}1 {t}none"), "\"\"");
}

TEST_F(strings, are_refused_when_memory_is_full_and_nothing_may_go) {
  memory_ledger small(8192);
  held_shard full{store_settings{&small, 1, eviction_policy::none}};
  (void)full.take_role({5, {}, {}, 1, 1}, 5);
  const std::string big(5000, 'x');
  std::string packed;
  pack_word(packed, "k");
  pack_word(packed, big);
  cache_command c;
  c.op = cache_op::run;
  c.procedure = procedure::append;
  c.key = "k";
  c.value = packed;
  EXPECT_EQ(full.apply(c, now).code, errc::out_of_memory);
  EXPECT_EQ(full.store().keys(), 0U);
}

TEST_F(strings, words_that_cannot_be_read_do_nothing) {
  cache_command c;
  c.op = cache_op::run;
  c.procedure = procedure::incr;
  c.key = "k";
  c.value = std::string_view("\x05k", 2);
  EXPECT_EQ(shard.apply(c, now).code, errc::invalid_argument);
  c.procedure = static_cast<procedure>(999);
  EXPECT_EQ(shard.apply(c, now).code, errc::invalid_argument);
  EXPECT_EQ(shard.store().keys(), 0U);
}

}  // namespace
}  // namespace troupe
