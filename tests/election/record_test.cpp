#include "runtime/election/record.hpp"

#include <gtest/gtest.h>

#include "runtime/base/crc32c.hpp"
#include "runtime/base/random.hpp"
#include "runtime/election/messages.hpp"
#include "runtime/election/vote_file.hpp"

namespace troupe {
namespace {

cluster_record sample() {
  cluster_record r;
  r.cluster = {1, 2};
  r.cluster_name = "troupe";
  r.expected_members = 3;
  r.voters = {{{1, 1}, "a", "a:1"}, {{2, 2}, "b", "b:1"}, {{3, 3}, "c", "c:1"}};
  r.highest_pid = 9;
  r.pids = {{{"a", {5, 5}}, 7}, {{"b", {6, 6}}, 9}};
  r.shard_table = std::string("opaque\0bytes", 12);
  r.values = {{"cache.shards", "256"}};
  r.at = {4, 17};
  return r;
}

TEST(record, comes_back_as_it_was_written) {
  const auto decoded = decode_record(encode(sample()));
  ASSERT_TRUE(decoded) << describe(decoded.error());
  EXPECT_EQ(*decoded, sample());
}

TEST(record, truncation_at_each_byte_is_refused_or_sound_and_never_more_than_it_was) {
  const auto bytes = encode(sample());
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const auto decoded = decode_record(std::string_view(bytes).substr(0, n));
    if (!decoded) continue;
    EXPECT_TRUE(fault_of(*decoded).empty());  // a whole prefix of fields may stand for itself
    EXPECT_NE(*decoded, sample());
  }
}

TEST(record, faults_are_named) {
  const auto broken = [](auto change) {
    auto r = sample();
    change(r);
    EXPECT_FALSE(fault_of(r).empty());
    EXPECT_FALSE(decode_record(encode(r)));
  };
  broken([](auto& r) { r.cluster = {}; });
  broken([](auto& r) { r.cluster_name.clear(); });
  broken([](auto& r) { r.expected_members = 0; });
  broken([](auto& r) { r.expected_members = 1000; });
  broken([](auto& r) { r.voters.clear(); });
  broken([](auto& r) { r.voters.push_back(r.voters[0]); });
  broken([](auto& r) { r.voters[1].name = r.voters[0].name; });
  broken([](auto& r) { r.voters[0].id = {}; });
  broken([](auto& r) { r.voters[0].address = std::string(300, 'x'); });
  broken([](auto& r) { r.pids[{"z", {1, 1}}] = 10; });
  broken([](auto& r) { r.pids[{"z", {1, 1}}] = 7; });
  broken([](auto& r) { r.pids[{"z", {1, 1}}] = 0; });
  broken([](auto& r) { r.at.term = term_max; });
  broken([](auto& r) { r.values["k"] = std::string(record_value_bytes_max + 1, 'v'); });
}

vote_file sample_file() {
  vote_file f;
  f.voter = {11, 12};
  f.promised = 5;
  f.holder = {"b", {6, 6}};
  f.accepted = std::make_shared<const cluster_record>(sample());
  f.committed = true;
  return f;
}

TEST(vote_file, comes_back_as_it_was_written) {
  const auto f = decode_vote_file(encode(sample_file()));
  ASSERT_TRUE(f);
  EXPECT_EQ(f->voter, sample_file().voter);
  EXPECT_EQ(f->promised, 5U);
  EXPECT_EQ(f->holder, sample_file().holder);
  EXPECT_EQ(*f->accepted, sample());
  EXPECT_TRUE(f->committed);
}

TEST(vote_file, truncation_and_every_flipped_byte_are_corrupt) {
  const auto bytes = encode(sample_file());
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_EQ(decode_vote_file(std::string_view(bytes).substr(0, n)).error().code, errc::corrupt);
    auto flipped = bytes;
    flipped[n] = static_cast<char>(flipped[n] ^ 0x10);
    EXPECT_EQ(decode_vote_file(flipped).error().code, errc::corrupt);
  }
}

TEST(vote_file, an_empty_disk_is_a_new_voter_and_a_broken_one_is_not) {
  const auto fresh = open_vote_file("", {7, 7});
  ASSERT_TRUE(fresh);
  EXPECT_EQ(fresh->voter, (voter_id{7, 7}));
  EXPECT_EQ(fresh->accepted, nullptr);
  EXPECT_FALSE(open_vote_file("TRPVOTE1", {7, 7}));
}

election_message sample_message() {
  election_message m;
  m.kind = election_kind::accept;
  m.cluster = {1, 2};
  m.voter = {3, 4};
  m.term = 4;
  m.at = {4, 17};
  m.sequence = 6;
  m.echo = 7;
  m.record = std::make_shared<const cluster_record>(sample());
  m.granted = true;
  m.why = refusal::lease;
  m.lease = std::chrono::microseconds(1500);
  m.promised = 8;
  m.expected_members = 3;
  m.pid = 2;
  m.fenced = true;
  m.reason = "because";
  m.cluster_name = "troupe";
  m.founding = true;
  m.values = {{"cache.shards", "256"}, {"election.lease", "600ms"}};
  return m;
}

TEST(election_message, comes_back_as_it_was_sent) {
  const auto m = decode_election_message(encode(sample_message()));
  ASSERT_TRUE(m) << describe(m.error());
  EXPECT_EQ(*m->record, sample());
  EXPECT_EQ(encode(*m), encode(sample_message()));
  EXPECT_EQ(name_of(m->kind), "accept");
}

TEST(election_message, out_of_bounds_is_corrupt) {
  const auto refused = [](auto change) {
    auto m = sample_message();
    change(m);
    EXPECT_FALSE(decode_election_message(encode(m)));
  };
  refused([](auto& m) { m.kind = static_cast<election_kind>(0); });
  refused([](auto& m) { m.kind = static_cast<election_kind>(25); });
  refused([](auto& m) { m.term = term_max; });
  refused([](auto& m) { m.promised = term_max; });
  refused([](auto& m) { m.lease = election_lease_max + std::chrono::seconds(1); });
  refused([](auto& m) { m.record = nullptr; });
  refused([](auto& m) { m.cluster = {9, 9}; });
  refused([](auto& m) { m.term = 3; });
  refused([](auto& m) { m.reason = std::string(256, 'r'); });
  refused([](auto& m) { m.cause = std::string(256, 'c'); });
  refused([](auto& m) { m.values[""] = "x"; });
  refused([](auto& m) { m.values["x"] = std::string(256, 'v'); });
  refused([](auto& m) {
    for (std::size_t i = 0; i < record_values_max; ++i) m.values[std::to_string(i)] = "x";
  });
}

TEST(election_message, truncated_and_random_bytes_do_no_harm) {
  const auto bytes = encode(sample_message());
  int refused = 0;
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    if (!decode_election_message(std::string_view(bytes).substr(0, n))) ++refused;
  }
  EXPECT_GT(refused, static_cast<int>(bytes.size() / 2));
  random rng(3);
  for (int i = 0; i < 5000; ++i) {
    auto mutated = bytes;
    for (int k = 0; k < 3; ++k) mutated[rng.below(mutated.size())] = static_cast<char>(rng.next());
    if (const auto m = decode_election_message(mutated); m && m->record) {
      EXPECT_TRUE(fault_of(*m->record).empty());
    }
  }
}

TEST(election_digest, is_small_and_refuses_other_lengths) {
  const election_digest d{1, {2, 3}, 4, 5};
  const auto bytes = encode(d);
  EXPECT_LE(bytes.size(), election_digest_bytes_max);
  const auto back = decode_election_digest(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->committed, d.committed);
  EXPECT_EQ(back->leader, 5U);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_FALSE(decode_election_digest(std::string_view(bytes).substr(0, n)));
  }
  EXPECT_FALSE(decode_election_digest(bytes + "x"));
}

}  // namespace
}  // namespace troupe
