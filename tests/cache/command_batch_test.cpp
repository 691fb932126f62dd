#include "runtime/cache/command_batch.hpp"

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"
#include "runtime/cache/shard_store.hpp"
#include "troupe/wire/cache.pb.h"

namespace troupe {
namespace {

using namespace std::chrono_literals;

batched_command sample() {
  batched_command b;
  b.command.op = cache_op::put;
  b.command.condition = write_condition::if_version;
  b.command.keep_ttl = true;
  b.command.version = ~std::uint64_t{0};
  b.command.ttl = 5s;
  b.command.key = std::string_view("k\0\xff", 3);
  b.command.value = "value";
  b.cache = "default";
  b.left = 1500us;
  return b;
}

owned_reply reply() {
  owned_reply r;
  r.code = errc::condition_failed;
  r.version = 7;
  r.ttl = 3s;
  r.value = std::string("v\0", 2);
  r.context = "words";
  return r;
}

TEST(command_batch, carries_commands_in_order) {
  auto second = sample();
  second.command = {};
  second.command.key = "other";
  const auto bytes = encode_commands({3, 4}, {sample(), second});
  const auto read = decode_commands(bytes);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->stamp, (stamp{3, 4}));
  ASSERT_EQ(read->commands.size(), 2u);
  const auto& c = read->commands[0];
  EXPECT_EQ(c.command.op, cache_op::put);
  EXPECT_EQ(c.command.condition, write_condition::if_version);
  EXPECT_TRUE(c.command.keep_ttl);
  EXPECT_EQ(c.command.version, ~std::uint64_t{0});
  EXPECT_EQ(c.command.ttl, 5s);
  EXPECT_EQ(c.command.key, std::string_view("k\0\xff", 3));
  EXPECT_EQ(c.command.value, "value");
  EXPECT_EQ(c.cache, "default");
  EXPECT_EQ(c.left, 2ms) << "rounded up: what is left is never nothing";
  EXPECT_EQ(read->commands[1].command.op, cache_op::get);
  EXPECT_EQ(read->commands[1].command.key, "other");
}

TEST(command_batch, carries_a_run_with_its_procedure_and_protocol) {
  auto b = sample();
  b.command.op = cache_op::run;
  b.command.procedure = procedure::hset;
  b.command.protocol = 3;
  const auto read = decode_commands(encode_commands({}, {b}));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->commands[0].command.op, cache_op::run);
  EXPECT_EQ(read->commands[0].command.procedure, procedure::hset);
  EXPECT_EQ(read->commands[0].command.protocol, 3);
  b.command.protocol = 4;
  EXPECT_FALSE(decode_commands(encode_commands({}, {b})).has_value());
  b.command.protocol = 2;
  b.command.procedure = procedure::none;
  EXPECT_FALSE(decode_commands(encode_commands({}, {b})).has_value());
  b.command.procedure = static_cast<procedure>(procedures_end);
  EXPECT_FALSE(decode_commands(encode_commands({}, {b})).has_value());
}

TEST(command_batch, carries_replies_in_order) {
  const auto read = decode_replies(encode_replies({3, 4}, {reply(), owned_reply{}}));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->stamp, (stamp{3, 4}));
  ASSERT_EQ(read->replies.size(), 2u);
  EXPECT_EQ(read->replies[0].code, errc::condition_failed);
  EXPECT_EQ(read->replies[0].version, 7u);
  EXPECT_EQ(read->replies[0].ttl, 3s);
  EXPECT_EQ(read->replies[0].value, std::string("v\0", 2));
  EXPECT_EQ(read->replies[0].context, "words");
  EXPECT_EQ(read->replies[1].code, errc::ok);
}

// The fields are written and read by hand; protobuf is the judge.
TEST(command_batch, is_the_protobuf_message_that_the_wire_names) {
  const auto bytes = encode_commands({3, 4}, {sample()});
  wire::CacheBatch w;
  ASSERT_TRUE(w.ParseFromString(bytes));
  EXPECT_EQ(w.SerializeAsString(), bytes);
  ASSERT_EQ(w.commands_size(), 1);
  EXPECT_EQ(w.stamp().epoch(), 4u);
  const auto& c = w.commands(0);
  EXPECT_EQ(c.op(), static_cast<std::uint32_t>(cache_op::put));
  EXPECT_TRUE(c.keep_ttl());
  EXPECT_EQ(c.version(), ~std::uint64_t{0});
  EXPECT_EQ(c.ttl_ns(), duration(5s).count());
  EXPECT_EQ(c.key(), sample().command.key);
  EXPECT_EQ(c.left_ms(), 2u);

  const auto answer = encode_replies({3, 4}, {reply(), owned_reply{}});
  wire::CacheBatchReply r;
  ASSERT_TRUE(r.ParseFromString(answer));
  EXPECT_EQ(r.SerializeAsString(), answer);
  EXPECT_EQ(r.replies(0).context(), "words");
  EXPECT_EQ(r.count(), 2u);
}

TEST(command_batch, takes_no_harm_from_fields_of_later_versions) {
  wire::CacheBatch w;
  ASSERT_TRUE(w.ParseFromString(encode_commands({3, 4}, {sample()})));
  w.mutable_commands(0)->set_ttl_ns(-1);
  auto bytes = w.SerializeAsString();
  bytes += std::string(
      "\xa0\x06\x07\xa1\x06"
      "12345678"
      "\xa2\x06\x01x\xa5\x06"
      "1234",
      23);  // field 100, of each kind
  const auto read = decode_commands(bytes);
  ASSERT_TRUE(read.has_value()) << read.error().context;
  EXPECT_EQ(read->commands[0].command.ttl, duration(-1));
  EXPECT_EQ(read->commands[0].command.value, "value");
}

TEST(command_batch, refuses_what_was_cut_off_at_any_byte) {
  const auto commands = encode_commands({3, 4}, {sample(), sample()});
  for (std::size_t n = 0; n < commands.size(); ++n)
    EXPECT_FALSE(decode_commands(std::string_view(commands).substr(0, n)).has_value()) << n;
  const auto replies = encode_replies({3, 4}, {reply(), reply()});
  for (std::size_t n = 0; n < replies.size(); ++n)
    EXPECT_FALSE(decode_replies(std::string_view(replies).substr(0, n)).has_value()) << n;
}

TEST(command_batch, reads_garbage_without_harm) {
  const auto commands = encode_commands({3, 4}, {sample(), sample()});
  const auto replies = encode_replies({3, 4}, {reply(), reply()});
  random dice(11);
  int refused = 0;
  for (int i = 0; i < 5000; ++i) {
    auto bytes = i % 2 == 0 ? commands : replies;
    for (int flips = 0; flips < 3; ++flips) bytes[dice.below(bytes.size())] = static_cast<char>(dice.below(256));
    if (const auto c = decode_commands(bytes)) {
      for (const auto& b : c->commands) {
        EXPECT_LE(b.command.op, cache_op::erase);
        EXPECT_LE(b.left, forward_deadline_max);
      }
    } else {
      ++refused;
    }
    if (const auto r = decode_replies(bytes)) {
      for (const auto& each : r->replies) EXPECT_LE(each.code, errc_last);
    }
  }
  EXPECT_GT(refused, 2500);
}

TEST(command_batch, refuses_what_is_beyond_its_limits) {
  EXPECT_FALSE(decode_commands(encode_commands({}, {})).has_value());
  EXPECT_TRUE(decode_commands(encode_commands({}, std::vector(batch_commands_max, sample()))).has_value());
  EXPECT_FALSE(decode_commands(encode_commands({}, std::vector(batch_commands_max + 1, sample()))).has_value());
  EXPECT_FALSE(decode_replies(encode_replies({}, std::vector(batch_commands_max + 1, reply()))).has_value());
  auto b = sample();
  const std::string long_key(key_bytes_max + 1, 'k');
  b.command.key = long_key;
  EXPECT_FALSE(decode_commands(encode_commands({}, {b})).has_value());
  b = sample();
  const std::string long_name(cache_name_bytes_max + 1, 'n');
  b.cache = long_name;
  EXPECT_FALSE(decode_commands(encode_commands({}, {b})).has_value());
}

// Two bytes each on the wire: millions of them must not become millions of objects.
TEST(command_batch, counts_commands_before_it_makes_them) {
  std::string many;
  for (int i = 0; i < 1'000'000; ++i) many += std::string("\x12\x00", 2);
  EXPECT_FALSE(decode_commands(many).has_value());
  EXPECT_FALSE(decode_replies(many).has_value());
}

TEST(command_batch, believes_no_deadline_for_ever) {
  auto b = sample();
  b.left = 1000h;
  EXPECT_EQ(decode_commands(encode_commands({}, {b}))->commands[0].left, forward_deadline_max);
  b.left = -5s;
  EXPECT_EQ(decode_commands(encode_commands({}, {b}))->commands[0].left, 0s);
}

}  // namespace
}  // namespace troupe
