// What a machine makes of packets that are broken, old, foreign or false.
#include <limits>

#include "tests/membership/fixture.hpp"

namespace troupe::membership {
namespace {

class swim_lies : public cluster {};

TEST_F(swim_lies, no_news_resurrects_a_departed_member) {
  start_all({"a", "b", "c"});
  const auto old = news_of("c", member_state::alive, at("c").self().incarnation);
  act("c", [this](swim& m, output& out) { m.leave(now_, out); });
  tick(2s);
  kill("c");
  for (const auto incarnation : {std::uint64_t{1}, std::uint64_t{1'000'000}, incarnation_max}) {
    packet p;
    p.updates.push_back(old);
    p.updates.back().incarnation = p.updates.back().told_at = incarnation;
    for (const auto kind : {packet_kind::news, packet_kind::state, packet_kind::ack}) {
      p.kind = kind;
      forge("b", "a", p);
      expect_state("a", "c", member_state::departed);
    }
    p.kind = packet_kind::join;
    p.from = "c";
    p.from_id = old.id;
    p.cluster_name = "troupe";
    p.expected_members = 1;
    forge("b", "a", p);
    expect_state("a", "c", member_state::departed);
  }
}

TEST_F(swim_lies, no_news_lowers_an_incarnation) {
  start_all({"a", "b", "c"});
  act("c", [this](swim& m, output& out) { EXPECT_TRUE(m.set_local_meta("one", now_, out)); });
  tick(1s);
  act("c", [this](swim& m, output& out) { EXPECT_TRUE(m.set_local_meta("two", now_, out)); });
  tick(1s);
  ASSERT_EQ(at("a").find("c")->incarnation, 3U);
  for (const auto s : {member_state::alive, member_state::suspect, member_state::failed, member_state::departing,
                       member_state::departed}) {
    packet p;
    p.updates.push_back(news_of("c", s, 2));
    p.updates.back().told.meta = "lie";
    forge("b", "a", p);
    expect_state("a", "c", member_state::alive);
    EXPECT_EQ(at("a").find("c")->incarnation, 3U);
    EXPECT_EQ(at("a").find("c")->told.meta, "two");
  }
  EXPECT_GE(at("a").counts().updates_stale, 5U);
}

TEST_F(swim_lies, a_replayed_packet_of_an_earlier_process_changes_nothing) {
  start_all({"a", "b", "c"});
  packet p;
  p.updates.push_back(news_of("c", member_state::alive, at("c").self().incarnation));
  start("c");
  tick(1s);
  const auto id = at("a").find("c")->id;
  forge("b", "a", p);
  tick(1s);
  EXPECT_EQ(at("a").find("c")->id, id);
  expect_state("a", "c", member_state::alive);
}

TEST_F(swim_lies, a_replayed_join_of_an_earlier_process_unseats_nobody_and_is_told_once) {
  start_all({"a", "b", "c"});
  packet join;
  join.kind = packet_kind::join;
  join.from = "c";
  join.from_id = at("c").self().id;
  join.cluster_name = "troupe";
  join.expected_members = 1;
  join.updates.push_back(news_of("c", member_state::alive, at("c").self().incarnation));
  start("c");
  tick(1s);
  const auto id = at("a").find("c")->id;
  for (int i = 0; i < 50; ++i) {
    forge("c", "a", join);
    forge("c", "b", join);
    tick(20ms);
    for (const auto* observer : {"a", "b"}) {
      EXPECT_EQ(at(observer).find("c")->id, id);
      expect_state(observer, "c", member_state::alive);
    }
  }
  EXPECT_GE(at("a").counts().joiners_refused, 10U);
  EXPECT_EQ(count("a", event_kind::joiner_refused), 1U);
}

TEST_F(swim_lies, a_member_told_that_it_is_dead_lives_on) {
  start_all({"a", "b", "c"});
  for (int i = 0; i < 20; ++i) {
    packet p;
    p.updates.push_back(news_of("c", member_state::failed, at("c").self().incarnation));
    forge("b", "a", p);
    tick(1s);
  }
  expect_state("a", "c", member_state::alive);
  expect_state("b", "c", member_state::alive);
}

TEST_F(swim_lies, an_incarnation_beyond_the_limit_is_refused_so_that_refuting_always_works) {
  start_all({"a", "b"});
  packet p;
  p.updates.push_back(news_of("b", member_state::failed, std::numeric_limits<std::uint64_t>::max()));
  forge("b", "a", p);
  expect_state("a", "b", member_state::alive);
  EXPECT_EQ(at("a").counts().dropped_corrupt, 1U);
}

TEST_F(swim_lies, garbage_is_dropped_and_counted) {
  start_all({"a", "b"});
  const auto before = at("a").version();
  random rng(5);
  constexpr int packets = 20'000;
  for (int i = 0; i < packets; ++i) {
    std::string bytes(rng.below(200), '\0');
    for (auto& c : bytes) c = static_cast<char>(rng.next());
    inject("a", bytes);
  }
  inject("a", std::string(packet_bytes_max + 1, 'x'));
  const auto& c = at("a").counts();
  EXPECT_EQ(c.dropped_oversize, 1U);
  EXPECT_GE(c.dropped_corrupt + c.dropped_cluster + c.dropped_protocol, static_cast<std::uint64_t>(packets));
  EXPECT_EQ(at("a").version(), before);
}

TEST_F(swim_lies, well_formed_nonsense_of_the_right_cluster_breaks_nothing) {
  start_all({"a", "b", "c"});
  random rng(8);
  for (int i = 0; i < 20'000; ++i) {
    packet p;
    p.from = rng.chance(0.5) ? "b" : "z";
    p.from_id = rng.chance(0.5) ? at("b").self().id : incarnation_id{rng.below(3) + 1, rng.below(3)};
    p.kind = static_cast<packet_kind>(rng.below(8));
    p.sequence = rng.below(50);
    p.target = rng.chance(0.5) ? "a" : "c";
    p.target_address = "nobody:1";
    p.want = rng.chance(0.1);
    p.welcome = rng.chance(0.1);
    p.cluster_name = "troupe";
    p.expected_members = 1;
    for (auto n = rng.below(3); n > 0; --n) {
      update u = news_of("b", static_cast<member_state>(rng.below(4)), rng.below(20));
      if (rng.chance(0.5)) u.name = "m" + std::to_string(rng.below(20));
      if (rng.chance(0.5)) u.id = {rng.below(5) + 1, rng.below(3)};
      if (rng.chance(0.3)) u.address.clear();
      u.link_closed = rng.chance(0.5);
      u.by = "m" + std::to_string(rng.below(5));
      p.updates.push_back(u);
    }
    forge("b", "a", p);
    if (i % 100 == 0) tick(100ms);
  }
  EXPECT_LE(at("a").others().size(), 23U);
  tick(30s);
  expect_state("a", "c", member_state::alive);
}

TEST_F(swim_lies, another_clusters_packets_are_dropped_and_counted) {
  start_all({"a", "b"});
  packet p;
  p.cluster = cluster_hash("elsewhere", 1);
  p.from = "z";
  p.from_id = {9, 9};
  p.updates.push_back(news_of("b", member_state::failed, 50));
  inject("a", encode(p));
  expect_state("a", "b", member_state::alive);
  EXPECT_EQ(at("a").counts().dropped_cluster, 1U);
}

TEST_F(swim_lies, answers_that_nobody_asked_for_do_no_harm) {
  start_all({"a", "b"});
  const auto before = at("a").version();
  for (const auto kind : {packet_kind::ack, packet_kind::ping, packet_kind::ping_request, packet_kind::refusal,
                          packet_kind::state_hash, packet_kind::state, packet_kind::join}) {
    packet p;
    p.kind = kind;
    p.sequence = 12345;
    forge("b", "a", p);
  }
  EXPECT_EQ(at("a").version(), before);
}

TEST_F(swim_lies, the_table_is_bounded) {
  start("a");
  for (std::size_t sent = 0; sent < members_max + 100;) {
    packet p;
    p.kind = packet_kind::state;
    p.from = "z";
    p.from_id = {1, 2};
    for (int i = 0; i < 10; ++i, ++sent) {
      update u;
      u.name = "m" + std::to_string(sent);
      u.id = {sent + 1, 3};
      u.incarnation = 1;
      u.address = "nobody:1";
      p.updates.push_back(u);
    }
    p.cluster = cluster_hash("troupe", 1);
    output out;
    at("a").on_packet("nobody:1", channel::datagram, encode(p), now_, out);
  }
  EXPECT_EQ(at("a").others().size(), members_max);
  EXPECT_EQ(at("a").counts().dropped_table_full, 100U);
}

}  // namespace
}  // namespace troupe::membership
