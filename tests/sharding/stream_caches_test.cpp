// Drops, and caches that copies hold nothing of, in the stream of a shard.
#include "tests/sharding/stream_fixture.hpp"

namespace troupe {
namespace {

struct stream_caches : stream_fixture {};

TEST_F(stream_caches, copies_follow_a_drop) {
  founded();
  (void)run(1, cache_op::put, "a", "1");
  (void)run_words(1, {"RPUSH", "l", "x"});
  carry();
  const auto dropped = run_words(1, {"SHARD_DROP"});
  EXPECT_FALSE(dropped->answered) << "the copies have not said that they have it";
  carry();
  EXPECT_TRUE(dropped->answered);
  (void)run(1, cache_op::put, "b", "2");
  (void)run_words(1, {"RPUSH", "l", "y"});
  carry();
  for (std::uint64_t pid = 1; pid <= 3; ++pid) {
    EXPECT_FALSE(at(pid).store().peek(0, "a", now)) << pid;
    EXPECT_EQ(at(pid).store().keys(), 2u) << pid;
    const auto list = at(pid).store().peek(0, "l", now);
    ASSERT_TRUE(list) << pid;
    EXPECT_EQ(list->object->size(), 1u) << pid;
  }
}

TEST_F(stream_caches, a_read_waits_for_a_drop_that_copies_lack) {
  founded();
  (void)run(1, cache_op::put, "a", "1");
  carry();
  (void)run_words(1, {"SHARD_DROP"});
  const auto read = run(1, cache_op::get, "a");
  EXPECT_FALSE(read->answered);
  carry();
  EXPECT_TRUE(read->answered);
  EXPECT_EQ(read->reply.code, errc::not_found);
}

TEST_F(stream_caches, a_copy_that_lost_its_link_gets_the_drop_again) {
  founded();
  (void)run(1, cache_op::put, "a", "1");
  carry();
  (void)run_words(1, {"SHARD_DROP"});
  (void)run(1, cache_op::put, "b", "2");
  lose = {{1, 2}, {1, 3}};
  carry();
  lose.clear();
  for (const std::uint64_t pid : {2, 3}) at(1).stream().on_broken(pid, now);
  tick();
  tick();
  for (std::uint64_t pid = 2; pid <= 3; ++pid) {
    EXPECT_FALSE(at(pid).store().peek(0, "a", now)) << pid;
    EXPECT_TRUE(at(pid).store().peek(0, "b", now)) << pid;
  }
}

TEST_F(stream_caches, a_shard_that_is_being_copied_tells_of_the_drop) {
  row = {1, {3}, {}, 1, 1};
  adopt_all();
  (void)run(1, cache_op::put, "a", "1");
  at(1).watch();
  ASSERT_TRUE(at(3).begin_copy(1));
  const auto take = [&](const shard_store::entry_view& e) { (void)at(3).copy(e, now); };
  EXPECT_EQ(at(1).read(0, UINT64_MAX, now, take), 0u);
  EXPECT_EQ(at(3).store().keys(), 1u);
  (void)run_words(1, {"SHARD_DROP"});
  (void)run(1, cache_op::put, "b", "2");
  const auto erased = [](cache_id, std::string_view, std::uint64_t) {};
  EXPECT_TRUE(at(1).read_changes(UINT64_MAX, now, take, erased,
                                 [&](cache_id cache, std::uint64_t version) { at(3).store().drop(cache, version); }));
  EXPECT_FALSE(at(3).store().peek(0, "a", now));
  EXPECT_TRUE(at(3).store().peek(0, "b", now));
}

struct caches_at_the_primary : stream_fixture {
  caches_at_the_primary() {
    for (std::uint64_t pid = 1; pid <= 3; ++pid)
      members[pid] = std::make_unique<member_of_shard>(pid, nullptr, 1 << 20, &rules);
  }
  cache_rule_book rules{{{true, 0s, 0s}}};  // of cache 0
};

TEST_F(caches_at_the_primary, are_answered_at_once_and_not_sent_to_copies) {
  founded();
  EXPECT_TRUE(run(1, cache_op::put, "a", "1")->answered);
  EXPECT_TRUE(run_words(1, {"RPUSH", "l", "x"})->answered);
  EXPECT_TRUE(run(1, cache_op::get, "a")->answered);
  carry();
  EXPECT_EQ(at(2).store().keys(), 0u);
  EXPECT_EQ(at(1).stream().sequence(), 0u);
}

TEST_F(caches_at_the_primary, begin_empty_at_a_promoted_copy_and_versions_rise) {
  founded();
  (void)run(1, cache_op::put, "a", "1");
  const auto before = at(1).store().version();
  row = {2, {3}, {3}, 2, 1};
  for (const std::uint64_t pid : {2, 3}) adopt(pid);
  tick();
  tick();
  EXPECT_EQ(run(2, cache_op::get, "a")->reply.code, errc::not_found);
  (void)run(2, cache_op::put, "a", "2");
  EXPECT_GT(at(2).store().version(), before);
  // The first returns as a copy, and is promoted again: nothing old comes back.
  row = {2, {1}, {1}, 3, 1};
  for (const std::uint64_t pid : {1, 2}) adopt(pid);
  tick();
  tick();
  row = {1, {}, {}, 4, 1};
  adopt(1);
  EXPECT_EQ(run(1, cache_op::get, "a")->reply.code, errc::not_found);
}

TEST_F(caches_at_the_primary, go_along_when_the_shard_moves_and_not_to_a_copy) {
  row = {1, {2, 3}, {}, 1, 1};
  row.heir = 2;
  adopt_all();
  (void)run(1, cache_op::put, "a", "1");
  for (const std::uint64_t pid : {2, 3}) {
    ASSERT_TRUE(at(pid).begin_copy(1));
    EXPECT_EQ(at(1).read(0, UINT64_MAX, now, [&](const shard_store::entry_view& e) { (void)at(pid).copy(e, now); }),
              0u);
  }
  EXPECT_EQ(at(2).store().keys(), 1u);
  EXPECT_EQ(at(3).store().keys(), 0u);
}

}  // namespace
}  // namespace troupe
