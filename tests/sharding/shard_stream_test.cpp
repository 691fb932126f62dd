// Streams of one shard between members, message by message. Faults at random are the simulator's.
#include "runtime/replication/shard_stream.hpp"

#include <deque>
#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "runtime/cache/held_shard.hpp"
#include "tests/sharding/stream_fixture.hpp"
#include "troupe/wire/replication.pb.h"

namespace troupe {
namespace {

using namespace std::chrono_literals;

TEST_F(stream_fixture, a_write_is_acknowledged_when_every_copy_in_sync_has_it) {
  founded();
  const auto w = put(1, "k", "v");
  EXPECT_FALSE(w->answered);
  carry();
  EXPECT_TRUE(w->answered);
  EXPECT_EQ(w->reply.code, errc::ok);
  EXPECT_EQ(held_at(2, "k"), "v");
  EXPECT_EQ(held_at(3, "k"), "v");
  EXPECT_EQ(at(1).stream().committed(), 1U);
}

TEST_F(stream_fixture, a_read_waits_for_the_uncommitted_write_of_its_key_and_of_no_other) {
  founded();
  (void)put(1, "other", "x");
  carry();
  const auto w = put(1, "k", "v");
  const auto waits = run(1, cache_op::get, "k");
  const auto free = run(1, cache_op::get, "other");
  EXPECT_FALSE(waits->answered);
  EXPECT_TRUE(free->answered);
  carry();
  EXPECT_TRUE(waits->answered);
  EXPECT_EQ(waits->reply.value, "v");
}

TEST_F(stream_fixture, a_silent_copy_is_named_and_holds_writes_up_until_the_row_drops_it) {
  founded();
  lose = {{1, 3}};
  const auto w = put(1, "k", "v");
  carry();
  tick(100ms);
  EXPECT_TRUE(laggards(1).empty());
  tick(500ms);
  EXPECT_TRUE(laggards(1).empty()) << "this process itself may have stood still";
  for (int i = 0; i < 5; ++i) tick();
  EXPECT_FALSE(w->answered);
  ASSERT_EQ(laggards(1), std::vector<std::uint64_t>{3});
  row.in_sync = {2};
  row.epoch = 2;
  adopt_all();
  tick();
  EXPECT_TRUE(w->answered);
  EXPECT_EQ(w->reply.code, errc::ok);
}

TEST_F(stream_fixture, a_process_that_stood_still_blames_no_copy_for_it) {
  founded();
  const auto w = put(1, "k", "v");
  now += 10s;  // the answers wait at this process
  at(1).stream().on_tick(at(1).store(), now, members[1]->channel);
  EXPECT_TRUE(laggards(1).empty());
  carry();
  EXPECT_TRUE(w->answered);
  for (int i = 0; i < 9; ++i) tick();
  EXPECT_TRUE(laggards(1).empty());
}

TEST_F(stream_fixture, a_write_that_no_copy_answers_ends_as_unknown_and_never_as_done) {
  founded();
  lose = {{1, 2}, {1, 3}};
  const auto w = put(1, "k", "v");
  tick(2s);
  ASSERT_TRUE(w->answered);
  EXPECT_EQ(w->reply.code, errc::outcome_unknown);
}

TEST_F(stream_fixture, what_was_lost_on_the_way_is_sent_again) {
  founded();
  lose = {{1, 2}};
  std::vector<std::shared_ptr<outcome>> writes;
  for (int i = 0; i < 10; ++i) writes.push_back(put(1, "k" + std::to_string(i % 3), std::to_string(i)));
  carry();
  lose.clear();
  at(1).stream().on_broken(2, now);
  tick(50ms);
  for (const auto& w : writes) EXPECT_TRUE(w->answered);
  EXPECT_EQ(held_at(2, "k0"), "9");
  EXPECT_EQ(at(2).stream().sequence(), 10U);
}

TEST_F(stream_fixture, a_promoted_copy_takes_what_another_has_beyond_it_and_brings_all_to_one_point) {
  founded();
  (void)put(1, "a", "1");
  carry();
  lose = {{1, 2}};
  const auto w = put(1, "a", "2");  // reaches 3 alone
  (void)put(1, "b", "new");
  carry();
  EXPECT_FALSE(w->answered);
  members.erase(1);
  lose.clear();
  row = {2, {3}, {3}, 2, 1};
  adopt_all();
  EXPECT_TRUE(at(2).stream().recovering());
  EXPECT_TRUE(at(2).must_wait({}));
  tick();
  EXPECT_FALSE(at(2).stream().recovering());
  EXPECT_EQ(held_at(2, "a"), "2");
  EXPECT_EQ(held_at(2, "b"), "new");
  const auto next = put(2, "a", "3");
  carry();
  EXPECT_TRUE(next->answered);
  EXPECT_EQ(held_at(3, "a"), "3");
}

TEST_F(stream_fixture, a_promoted_copy_that_is_ahead_brings_the_other_up_to_it) {
  founded();
  lose = {{1, 3}};
  (void)put(1, "a", "1");
  (void)run(1, cache_op::erase, "a");
  (void)put(1, "b", "2");
  carry();
  members.erase(1);
  lose.clear();
  row = {2, {3}, {3}, 2, 1};
  adopt_all();
  tick();
  EXPECT_FALSE(at(2).stream().recovering());
  EXPECT_EQ(held_at(3, "a"), "-");
  EXPECT_EQ(held_at(3, "b"), "2");
  EXPECT_EQ(at(3).stream().sequence(), at(2).stream().sequence());
}

TEST_F(stream_fixture, the_old_primary_tells_its_clients_that_it_does_not_know_and_gives_no_false_ok) {
  founded();
  lose = {{1, 2}, {1, 3}};
  const auto w = put(1, "k", "v");
  const auto r = run(1, cache_op::get, "k");
  row = {2, {3, 1}, {3}, 2, 1};
  adopt_all();
  tell();
  ASSERT_TRUE(w->answered);
  EXPECT_EQ(w->reply.code, errc::outcome_unknown);
  EXPECT_EQ(r->reply.code, errc::not_owner);
}

TEST_F(stream_fixture, messages_of_another_epoch_or_another_member_mean_nothing) {
  founded();
  stream_entry e;
  e.key = "k";
  e.value = "forged";
  e.version = 99;
  const std::vector<stream_entry> entries{e};
  auto& copy = at(2);
  EXPECT_EQ(copy.stream().on_append(3, {0, 1, 0, 0}, entries, copy.store(), now).outcome, stream_outcome::refused);
  EXPECT_EQ(copy.stream().on_append(1, {0, 2, 0, 0}, entries, copy.store(), now).outcome, stream_outcome::not_yet);
  EXPECT_EQ(copy.stream().on_append(1, {0, 0, 0, 0}, entries, copy.store(), now).outcome, stream_outcome::refused);
  EXPECT_EQ(copy.stream().on_append(1, {0, 1, 5, 0}, entries, copy.store(), now).outcome, stream_outcome::gap);
  EXPECT_EQ(held_at(2, "k"), "-");
}

TEST_F(stream_fixture, a_copy_repeats_nothing_that_it_has) {
  founded();
  stream_entry e;
  e.key = "k";
  e.value = "1";
  e.version = at(1).store().version() + 1;
  auto& copy = at(2);
  const std::vector<stream_entry> one{e};
  EXPECT_EQ(copy.stream().on_append(1, {0, 1, 0, 0}, one, copy.store(), now).sequence, 1U);
  EXPECT_EQ(copy.stream().on_append(1, {0, 1, 0, 0}, one, copy.store(), now).sequence, 1U);
  EXPECT_EQ(held_at(2, "k"), "1");
}

TEST_F(stream_fixture, what_was_evicted_at_the_primary_does_not_come_back_from_a_copy) {
  founded();
  (void)put(1, "k", "old");
  carry();
  (void)at(1).evict(1, now, members[1]->channel);
  const auto erased = run(1, cache_op::erase, "k");
  EXPECT_FALSE(erased->answered) << "the copies have to know first";
  carry();
  EXPECT_EQ(erased->reply.code, errc::not_found);
  EXPECT_EQ(held_at(2, "k"), "-");
  EXPECT_EQ(held_at(3, "k"), "-");
}

TEST_F(stream_fixture, a_copy_that_joins_is_waited_for_from_the_join_on_and_has_everything) {
  row = {1, {2, 3}, {2}, 1, 0};
  adopt_all();
  tick();
  (void)put(1, "before", "1");
  carry();
  ASSERT_TRUE(at(3).begin_copy(1));
  ASSERT_TRUE(at(1).begin_join(1, 3));
  const auto sequence = at(1).stream().sequence();
  const auto during = put(1, "during", "2");
  carry();
  EXPECT_FALSE(during->answered) << "it may count soon, so it has to have this";
  ASSERT_TRUE(at(3).copy({0, "before", "1", at(1).store().peek(0, "before", now)->version, {}}, now));
  at(3).finish_copy(1, at(1).store().version(), sequence);
  at(1).stream().confirm_join(3);
  tick();
  EXPECT_TRUE(during->answered);
  EXPECT_EQ(held_at(3, "during"), "2");
  EXPECT_FALSE(at(1).abandon_join(3)) << "the leader was told";
  row.in_sync = {2, 3};
  row.epoch = 2;
  adopt_all();
  tick();
  const auto after = put(1, "after", "3");
  carry();
  EXPECT_TRUE(after->answered);
  EXPECT_EQ(held_at(3, "after"), "3");
}

TEST_F(stream_fixture, too_much_that_waits_for_copies_refuses_writes_and_does_nothing) {
  founded();
  lose = {{1, 2}};
  std::size_t refused = 0;
  for (int i = 0; i < 9000; ++i) refused += put(1, "k", "v")->reply.code == errc::unavailable ? 1 : 0;
  EXPECT_EQ(refused, 9000U - stream_limits().writes_max);
}

TEST(stream_message, batches_and_answers_are_read_as_they_were_written_and_cut_ones_refused) {
  batch_writer w(7);
  stream_entry e;
  e.key = "key";
  e.value = std::string_view("va\0lue", 6);
  e.version = 5;
  e.ttl = 3s;
  w.append({1, 2, 3, 1}, {"default", e});
  w.append({1, 2, 4, 2}, {"other", e});
  w.ask({9, 2, 4, 2});
  EXPECT_EQ(w.shards().size(), 2U);
  const auto bytes = std::move(w).finish();
  const auto read = read_batch::from(bytes);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->items.size(), 2U);
  EXPECT_EQ(read->sender, 7U);
  EXPECT_EQ(read->items[0].at.after, 3U);
  EXPECT_EQ(read->items[0].at.committed, 2U);
  ASSERT_EQ(read->items[0].entries.size(), 2U);
  EXPECT_EQ(read->items[0].entries[1].cache, "other");
  EXPECT_EQ(read->items[0].entries[1].entry.value.size(), 6U);
  EXPECT_TRUE(read->items[1].ask);
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(read_batch::from(bytes.substr(0, size))) << size;
  wire::ReplicaBatch judge;  // the fields are written and read by hand
  ASSERT_TRUE(judge.ParseFromString(bytes));
  EXPECT_EQ(judge.SerializeAsString(), bytes);
  EXPECT_EQ(judge.items(0).committed(), 2U);
  EXPECT_EQ(judge.items(0).entries(1).cache(), "other");
  EXPECT_TRUE(judge.items(1).ask());

  answers_writer a;
  stream_answer answer;
  answer.shard = 3;
  answer.epoch = 4;
  answer.outcome = stream_outcome::gap;
  answer.sequence = 5;
  answer.ask = true;
  answer.asked_after = 6;
  answer.entries.push_back({"default", e});
  a.add(answer);
  const auto text = std::move(a).finish();
  const auto back = read_answers::from(text);
  ASSERT_TRUE(back);
  ASSERT_EQ(back->answers.size(), 1U);
  EXPECT_EQ(back->answers[0].outcome, stream_outcome::gap);
  EXPECT_EQ(back->answers[0].asked_after, 6U);
  EXPECT_EQ(back->answers[0].entries.at(0).entry.ttl, duration(3s));
  for (std::size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(read_answers::from(text.substr(0, size))) << size;
  wire::ReplicaAnswers judge_of_answers;
  ASSERT_TRUE(judge_of_answers.ParseFromString(text));
  EXPECT_EQ(judge_of_answers.SerializeAsString(), text);
}

}  // namespace
}  // namespace troupe
