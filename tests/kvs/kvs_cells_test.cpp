// The key-value service's codecs, its journal and its cells, and what bad input does to them.
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "runtime/kvs/kvs_machine.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

const incarnation_id disk_a{1, 1}, disk_b{2, 2}, disk_c{3, 3};

kvs_cell cell_of(std::uint64_t ballot, std::string bytes, duration ttl = {}) {
  kvs_cell c;
  c.promised = c.accepted = ballot;
  c.promised_to = disk_a;
  c.value.version = ballot;
  c.value.present = true;
  c.value.bytes = std::move(bytes);
  c.value.ttl = ttl;
  return c;
}

kvs_meta meta_of() {
  kvs_meta m;
  m.disk = disk_a;
  m.roster = founding_of({{"c", disk_c}, {"a", disk_a}, {"b", disk_b}});
  m.founded = true;
  m.floor = first_ballot_of(1) + 3;
  return m;
}

// --- journal

std::string journal_of_three() {
  kvs_batch first;
  first.meta = meta_of();
  first.cells.emplace_back("x", cell_of(first_ballot_of(1) + 5, "one"));
  kvs_batch second;
  second.cells.emplace_back("y", cell_of(first_ballot_of(1) + 6, "two", 5s));
  kvs_batch third;
  third.cells.emplace_back("x", std::nullopt);
  return encode(first) + encode(second) + encode(third);
}

TEST(kvs_journal, reads_back_what_was_written) {
  const auto image = read_kvs_journal(journal_of_three());
  ASSERT_TRUE(image);
  EXPECT_EQ(image->meta, meta_of());
  ASSERT_EQ(image->cells.size(), 1U);
  EXPECT_EQ(image->cells.at("y"), cell_of(first_ballot_of(1) + 6, "two", 5s));
  EXPECT_FALSE(image->torn);
  EXPECT_TRUE(read_kvs_journal({})) << "no file is an empty member";
}

TEST(kvs_journal, a_torn_last_batch_is_dropped_at_every_length) {
  const auto whole = journal_of_three();
  kvs_batch third;
  third.cells.emplace_back("x", std::nullopt);
  const auto before = whole.size() - encode(third).size();
  for (std::size_t size = before + 1; size < whole.size(); ++size) {
    const auto image = read_kvs_journal(whole.substr(0, size));
    ASSERT_TRUE(image) << size;
    EXPECT_TRUE(image->torn);
    EXPECT_EQ(image->cells.size(), 2U) << "the last batch did not happen";
  }
  EXPECT_FALSE(read_kvs_journal(whole.substr(0, before))->torn);
}

TEST(kvs_journal, damage_with_sound_batches_behind_it_is_refused) {
  const auto whole = journal_of_three();
  kvs_batch third;
  third.cells.emplace_back("x", std::nullopt);
  const auto last = whole.size() - encode(third).size();
  for (std::size_t at = 0; at < last; ++at) {
    auto damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
    const auto image = read_kvs_journal(damaged);
    ASSERT_FALSE(image) << at;
    EXPECT_EQ(image.error().code, errc::corrupt);
  }
}

// --- messages

kvs_message full_message() {
  kvs_message m;
  m.kind = kvs_kind::promise;
  m.group = disk_a;
  m.epoch = 2;
  m.round = 7;
  m.ballot = first_ballot_of(2) + 9;
  m.proposer = disk_b;
  m.key = "k";
  m.granted = true;
  m.promised = first_ballot_of(2) + 1;
  m.accepted = first_ballot_of(2) + 2;
  m.value = cell_of(m.accepted, "v", 3s).value;
  m.ttl_left = 2s;
  return m;
}

TEST(kvs_messages, are_read_back_and_refused_when_cut_or_out_of_bounds) {
  const auto bytes = encode(full_message());
  const auto back = decode_kvs_message(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(encode(*back), bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) (void)decode_kvs_message(bytes.substr(0, size));
  auto m = full_message();
  m.ballot = first_ballot_of(kvs_epoch_max);
  EXPECT_FALSE(decode_kvs_message(encode(m)));
  m = full_message();
  m.key.assign(kvs_key_bytes_max + 1, 'k');
  EXPECT_FALSE(decode_kvs_message(encode(m)));
  m = full_message();
  m.value.version = m.ballot + 1;
  EXPECT_FALSE(decode_kvs_message(encode(m))) << "a version above the ballot it came with";
  m = full_message();
  m.value = {};
  EXPECT_FALSE(decode_kvs_message(encode(m))) << "accepted, and no value";
  EXPECT_FALSE(decode_kvs_message(""));
  EXPECT_FALSE(decode_kvs_message(std::string(100, '\xff')));
}

// --- cells

kvs_message prepare_of(std::uint64_t ballot, const incarnation_id& who = disk_b, std::uint64_t room = 0) {
  kvs_message m;
  m.kind = kvs_kind::prepare;
  m.key = "k";
  m.ballot = ballot;
  m.proposer = who;
  m.promised = room;
  return m;
}
kvs_message accept_of(std::uint64_t ballot, std::string bytes, bool present = true) {
  kvs_message m;
  m.kind = kvs_kind::accept;
  m.key = "k";
  m.ballot = ballot;
  m.value.version = ballot;
  m.value.present = present;
  m.value.bytes = std::move(bytes);
  return m;
}

class kvs_cells : public ::testing::Test {
 protected:
  kvs_message prepare(std::uint64_t ballot, const incarnation_id& who = disk_b, std::uint64_t room = 0) {
    kvs_message answer;
    cells.prepare(prepare_of(ballot, who, room), now, answer);
    return answer;
  }
  kvs_message accept(std::uint64_t ballot, const std::string& bytes, bool present = true) {
    kvs_message answer;
    cells.accept(accept_of(ballot, bytes, present), now, answer);
    return answer;
  }
  time_point now{};
  kvs_acceptor cells{{}, 10'000, now};
};

TEST_F(kvs_cells, a_ballot_is_granted_once_and_again_only_to_the_same_proposer) {
  EXPECT_TRUE(prepare(5).granted);
  EXPECT_TRUE(prepare(5).granted) << "a repeat";
  const auto other = prepare(5, disk_c);
  EXPECT_FALSE(other.granted);
  EXPECT_EQ(other.promised, 5U);
  EXPECT_FALSE(prepare(4).granted);
  EXPECT_TRUE(prepare(6, disk_c).granted);
  EXPECT_FALSE(accept(5, "late").granted);
  EXPECT_TRUE(accept(6, "v").granted);
  const auto shown = prepare(7);
  EXPECT_EQ(shown.accepted, 6U);
  EXPECT_EQ(shown.value.bytes, "v");
}

TEST_F(kvs_cells, what_was_dropped_cannot_be_brought_back_by_a_late_message) {
  EXPECT_TRUE(accept(5, "v").granted);
  EXPECT_TRUE(accept(8, "", false).granted);
  cells.drop("k", 5);
  EXPECT_EQ(cells.cells(), 1U) << "another ballot's tombstone";
  EXPECT_TRUE(prepare(9).granted);
  cells.drop("k", 8);
  EXPECT_EQ(cells.cells(), 1U) << "something higher was promised since";
  EXPECT_TRUE(accept(9, "", false).granted);
  cells.drop("k", 9);
  EXPECT_EQ(cells.cells(), 0U);
  EXPECT_EQ(cells.bytes(), 0U);
  EXPECT_FALSE(accept(5, "v").granted);
  EXPECT_FALSE(prepare(9).granted);
  EXPECT_TRUE(prepare(10).granted);
}

TEST_F(kvs_cells, a_promise_that_nothing_follows_is_forgotten_and_still_binds) {
  EXPECT_TRUE(prepare(5).granted);
  now += kvs_acceptor::promise_keep;
  cells.forget_promises(now);
  EXPECT_EQ(cells.cells(), 0U);
  EXPECT_FALSE(accept(4, "late").granted);
  EXPECT_FALSE(prepare(5, disk_c).granted);
}

TEST_F(kvs_cells, memory_is_bounded_and_freed) {
  EXPECT_EQ(prepare(5, disk_b, 20'000).why, kvs_refusal::full);
  EXPECT_TRUE(accept(5, std::string(9000, 'x')).granted);
  EXPECT_EQ(accept(6, std::string(9999, 'x')).why, kvs_refusal::full);
  EXPECT_TRUE(accept(6, std::string(8000, 'x')).granted) << "a smaller one in its place";
  EXPECT_TRUE(accept(7, "", false).granted);
  EXPECT_LT(cells.bytes(), 200U);
}

TEST_F(kvs_cells, writes_carry_what_changed_and_everything_after_a_failure) {
  EXPECT_TRUE(accept(5, "v").granted);
  auto first = cells.take_write();
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->whole);
  EXPECT_TRUE(accept(6, "w").granted);
  EXPECT_FALSE(cells.take_write()) << "one at a time";
  cells.on_persisted(first->token, true);
  EXPECT_EQ(cells.durable(), first->token);
  EXPECT_LT(cells.durable(), cells.version_of("k"));
  auto second = cells.take_write();
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->whole);
  cells.on_persisted(second->token, false);
  EXPECT_EQ(cells.durable(), first->token);
  auto third = cells.take_write();
  ASSERT_TRUE(third);
  EXPECT_TRUE(third->whole);
  auto image = read_kvs_journal(third->bytes);
  kvs_batch named;  // a member's file begins with who it is
  EXPECT_FALSE(image) << "cells without a member are refused";
}

}  // namespace
}  // namespace troupe
