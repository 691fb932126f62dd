// What is too large for one message between nodes is refused whole, or crosses in another form: copies never differ.
#include "runtime/cache/procedures/call.hpp"
#include "tests/sharding/stream_fixture.hpp"

namespace troupe {
namespace {

struct stream_limits : stream_fixture {
  stream_limits() {
    limits.object_bytes_max = 4096;
    for (auto& [pid, m] : members) m = std::make_unique<member_of_shard>(pid, &limits, std::uint64_t{1} << 30);
    founded();
  }
  std::string reply(const std::vector<std::string>& words) {
    const auto o = run_words(1, words);
    carry();
    EXPECT_TRUE(o->answered) << words[0];
    return o->reply.value;
  }
  /// What every member holds at the key; a difference fails.
  std::string held(std::string_view key) {
    std::string of[3];
    for (std::uint64_t pid = 1; pid <= 3; ++pid) {
      const auto found = at(pid).store().peek(0, key, now);
      auto& text = of[pid - 1];
      if (!found)
        text = "-";
      else if (found->object == nullptr)
        text = found->value;
      else
        found->object->write_words(text);
    }
    EXPECT_TRUE(of[0] == of[1] && of[0] == of[2]) << key << " differs between copies";
    return of[0];
  }
  static std::string packed(std::initializer_list<std::string_view> words) {
    std::string all;
    for (const auto w : words) pack_word(all, w);
    return all;
  }

  value_limits limits;
};

constexpr std::string_view too_long = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n";

TEST_F(stream_limits, a_string_does_not_grow_beyond_what_one_message_carries) {
  EXPECT_EQ(reply({"SET", "{t}a", std::string(4000, 'a')}), "+OK\r\n");
  EXPECT_EQ(reply({"APPEND", "{t}a", std::string(100, 'b')}), too_long);
  EXPECT_EQ(reply({"SETRANGE", "{t}a", "4096", "x"}), too_long);
  EXPECT_EQ(reply({"SETBIT", "{t}a", "40000", "1"}), too_long);
  EXPECT_EQ(reply({"BITFIELD", "{t}a", "SET", "u8", "40000", "1"}), too_long);
  EXPECT_EQ(held("{t}a"), std::string(4000, 'a'));
  EXPECT_EQ(reply({"SETRANGE", "{t}a", "4095", "x"}), ":4096\r\n");
  EXPECT_EQ(held("{t}a").size(), 4096U);
}

TEST_F(stream_limits, values_that_one_write_puts_are_counted_together_and_before_the_first) {
  const std::string large(3000, 'v');
  EXPECT_EQ(reply({"MSET", "{t}a", large, "{t}b", large}), too_long);
  EXPECT_EQ(reply({"MSETNX", "{t}a", large, "{t}b", large}), too_long);
  EXPECT_EQ(held("{t}a") + held("{t}b"), "--");
  EXPECT_EQ(reply({"MSET", "{t}a", large, "{t}b", "small"}), "+OK\r\n");
  EXPECT_EQ(held("{t}b"), "small");
}

TEST_F(stream_limits, an_element_that_would_make_a_value_too_large_is_refused) {
  limits.object_bytes_max = 65536;
  EXPECT_EQ(reply({"RPUSH", "{t}l", std::string(30000, 'e'), "second"}), ":2\r\n");
  const std::string large(40000, 'x');
  EXPECT_EQ(reply({"LSET", "{t}l", "1", large}), "-ERR the value would be larger than cache.value_max\r\n");
  EXPECT_EQ(reply({"LINSERT", "{t}l", "AFTER", "second", large}),
            "-ERR the value would be larger than cache.value_max\r\n");
  EXPECT_EQ(reply({"RPUSH", "{t}l", large}), "-ERR the value would be larger than cache.value_max\r\n");
  EXPECT_EQ(reply({"RPUSH", "{t}m", large}), ":1\r\n");
  EXPECT_EQ(reply({"LMOVE", "{t}m", "{t}l", "LEFT", "LEFT"}),
            "-ERR the value would be larger than cache.value_max\r\n");
  EXPECT_EQ(held("{t}m"), packed({large}));
  EXPECT_EQ(reply({"SADD", "{t}s", std::string(30000, 'e')}), ":1\r\n");
  EXPECT_EQ(reply({"SADD", "{t}u", large}), ":1\r\n");
  EXPECT_EQ(reply({"SMOVE", "{t}u", "{t}s", large}), "-ERR the value would be larger than cache.value_max\r\n");
  EXPECT_EQ(held("{t}u"), packed({large}));
  EXPECT_EQ(reply({"LPOP", "{t}l"}), "$30000\r\n" + std::string(30000, 'e') + "\r\n");
  EXPECT_EQ(held("{t}l"), packed({"second"}));
}

TEST_F(stream_limits, an_element_moves_within_a_list_that_is_nearly_too_large) {
  limits.object_bytes_max = 65536;
  while (reply({"RPUSH", "{t}l", std::string(100, 'e')}).starts_with(":")) {
  }
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(reply({"LMOVE", "{t}l", "{t}l", "LEFT", "RIGHT"}), "$100\r\n" + std::string(100, 'e') + "\r\n");
  (void)held("{t}l");
}

TEST_F(stream_limits, a_member_that_its_target_cannot_take_stays_where_it_was) {
  limits.object_bytes_max = 65536;
  const std::string large(40000, 'x');
  EXPECT_EQ(reply({"SADD", "{t}t", std::string(30000, 'e')}), ":1\r\n");
  EXPECT_EQ(reply({"SADD", "{t}s", large}), ":1\r\n");
  EXPECT_TRUE(reply({"SMOVE", "{t}s", "{t}t", large}).starts_with("-ERR"));
  EXPECT_EQ(held("{t}s"), packed({large}));
  EXPECT_EQ(reply({"SMOVE", "{t}s", "{t}new", large}), ":1\r\n");
  EXPECT_EQ(held("{t}s"), "-");
  EXPECT_EQ(held("{t}new"), packed({large}));
}

TEST_F(stream_limits, a_second_key_that_is_too_long_refuses_all_of_it) {
  const std::string far = "{t}" + std::string(key_bytes_max, 'k');
  (void)reply({"RPUSH", "{t}l", "1", "2"});
  (void)reply({"SADD", "{t}s", "m"});
  (void)reply({"SET", "{t}a", "v"});
  const std::vector<std::vector<std::string>> lines = {
      {"LMOVE", "{t}l", far, "LEFT", "LEFT"},
      {"SMOVE", "{t}s", far, "m"},
      {"MSET", "{t}a", "w", far, "w"},
      {"RENAME", "{t}a", far},
      {"COPY", "{t}a", far},
      {"SUNIONSTORE", far, "{t}s"},
      {"SORT", "{t}l", "LIMIT", "0", "1", "STORE", far},
      {"DEL", "{t}a", far},
  };
  for (const auto& words : lines) {
    EXPECT_EQ(reply(words), "-ERR a key is longer than 65536 bytes\r\n") << words[0];
  }
  EXPECT_EQ(held("{t}l"), packed({"1", "2"}));
  EXPECT_EQ(held("{t}s"), packed({"m"}));
  EXPECT_EQ(held("{t}a"), "v");
}

TEST_F(stream_limits, more_keys_than_one_write_may_change_are_refused) {
  (void)reply({"SET", "{t}1", "v"});
  std::vector<std::string> words{"DEL"};
  for (std::size_t i = 0; i <= procedures::written_keys_max; ++i) words.push_back("{t}" + std::to_string(i));
  EXPECT_EQ(reply(words), "-ERR too many keys in one command\r\n");
  EXPECT_EQ(held("{t}1"), "v");
  words.pop_back();
  EXPECT_EQ(reply(words), ":1\r\n");
  EXPECT_EQ(held("{t}1"), "-");
}

TEST_F(stream_limits, an_edit_of_more_words_than_a_message_has_crosses_as_a_value) {
  limits.object_bytes_max = std::uint64_t{1} << 30;
  const std::size_t many = words_max + 1000;
  std::vector<std::string> words;
  for (std::size_t i = 0; i < many;) {
    words.assign({"SADD", "{t}s"});
    for (; i < many && words.size() < 300'000; ++i) words.push_back(std::to_string(i));
    (void)reply(words);
  }
  const auto popped = run_words(1, {"SPOP", "{t}s", std::to_string(words_max + 10)});
  const auto batches = members[1]->channel.take();
  for (const auto pid : {2, 3}) {
    const auto batch = read_batch::from(batches.at(pid));
    ASSERT_TRUE(batch);
    ASSERT_EQ(batch->items.at(0).entries.size(), 1U);
    EXPECT_EQ(batch->items[0].entries[0].entry.edit, value_edit::none);
    deliver(1, pid, batches.at(pid));
  }
  tell();
  EXPECT_TRUE(popped->answered);
  EXPECT_EQ(reply({"SCARD", "{t}s"}), ":990\r\n");
  for (std::uint64_t pid = 1; pid <= 3; ++pid) {
    const auto found = at(pid).store().peek(0, "{t}s", now);
    ASSERT_TRUE(found && found->object != nullptr);
    EXPECT_EQ(found->object->size(), 990U) << pid;
  }
}

// SORT looks at keys that its own does not name: what they hold may not be acknowledged yet.
TEST_F(stream_limits, a_sort_by_other_keys_waits_for_what_it_saw) {
  (void)reply({"RPUSH", "{t}l", "1", "2"});
  lose = {{2, 1}, {3, 1}};
  const auto set = run_words(1, {"SET", "{t}w2", "-5"});
  const auto sorted = run_words(1, {"SORT_RO", "{t}l", "BY", "{t}w*"});
  carry();
  EXPECT_FALSE(set->answered);
  EXPECT_FALSE(sorted->answered);
  lose.clear();
  for (std::uint64_t pid : {2, 3}) at(1).stream().on_broken(pid, now);
  for (int i = 0; i < 10; ++i) tick();
  EXPECT_TRUE(set->answered);
  ASSERT_TRUE(sorted->answered);
  EXPECT_EQ(sorted->reply.value, "*2\r\n$1\r\n2\r\n$1\r\n1\r\n");
}

}  // namespace
}  // namespace troupe
