// What members say beyond who lives, over machines on a perfect wire, and what rides on a packet from outside.
#include "runtime/membership/talk.hpp"

#include "runtime/membership/swim.hpp"
#include "tests/membership/fixture.hpp"
#include "troupe/wire/talk.pb.h"

namespace troupe::membership {
namespace {

record record_named(const std::string& name) {
  record r;
  r.name = name;
  r.id = {7, 7};
  r.told.services = {"cache"};
  r.told.tags = {{"zone", "a"}};
  return r;
}

const time_point start = time_point{} + 1h;

/// Two talks that hand each other every packet.
class two_talks : public ::testing::Test {
 protected:
  talk a{"a", {1, 1}, "1.2.3", random(1)};
  talk b{"b", {2, 2}, "1.2.3", random(2)};
  record self_a = record_named("a");
  record self_b = record_named("b");

  static packet from(const std::string& name, std::string bytes) {
    packet p;
    p.from = name;
    p.from_id = {1, 1};
    p.talk = std::move(bytes);
    return p;
  }
  void gossip(talk& of, const std::string& name, talk& to, const record& self) {
    const auto p = from(name, of.board(packet_kind::news, 1200, 3));
    to.alight({self, p, "x:1", false, std::nullopt}, start);
  }
  void pass_packets() {
    for (auto* t : {&a, &b}) {
      for (auto& one : t->take_packets()) {
        const auto p = from(t == &a ? "a" : "b", one.bytes);
        (t == &a ? b : a).alight({t == &a ? self_b : self_a, p, "x:1", false, std::nullopt}, start);
      }
    }
  }
  std::uint64_t ask(query q, std::set<std::string> others = {"b"}) {
    const auto time = a.ask(std::move(q), std::move(others), self_a, start);
    EXPECT_TRUE(time) << describe(time.error());
    gossip(a, "a", b, self_b);
    return time ? *time : 0;
  }
};

query named(std::string name) {
  query q;
  q.name = std::move(name);
  return q;
}

TEST_F(two_talks, an_event_is_heard_once_by_both) {
  ASSERT_TRUE(a.raise("deploy", "v2", start));
  for (int i = 0; i < 3; ++i) gossip(a, "a", b, self_b);
  const auto here = a.take_output().events;
  const auto there = b.take_output().events;
  ASSERT_EQ(here.size(), 1U);
  ASSERT_EQ(there.size(), 1U);
  EXPECT_EQ(there[0].name, "deploy");
  EXPECT_EQ(there[0].payload, "v2");
  EXPECT_EQ(there[0].origin, "a");
  EXPECT_TRUE(b.take_fresh());
}

TEST_F(two_talks, ping_and_version_are_answered_by_the_machines_and_end_the_query_at_once) {
  ask(named("ping"));
  pass_packets();
  auto done = a.take_output().finished;
  ASSERT_EQ(done.size(), 1U);
  ASSERT_EQ(done[0].result.answers.size(), 2U);
  EXPECT_EQ(done[0].result.answers[0].payload, "a");
  EXPECT_EQ(done[0].result.answers[1].payload, "b");
  ask(named("version"));
  pass_packets();
  EXPECT_EQ(a.take_output().finished.at(0).result.answers.at(1).payload, "1.2.3");
}

TEST_F(two_talks, other_names_go_to_the_handlers) {
  const auto time = ask(named("load"));
  const auto asked = b.take_output().asked;
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].asker, "a");
  b.answer(asked[0].id, "0.7", start + 5ms);
  const auto mine = a.take_output().asked;
  ASSERT_EQ(mine.size(), 1U) << "the asker matches too";
  a.answer(mine[0].id, std::nullopt, start + 5ms);
  pass_packets();
  const auto done = a.take_output().finished;
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0].time, time);
  EXPECT_EQ(done[0].result.answers.at(0).payload, "0.7");
  EXPECT_EQ(done[0].result.unhandled, (std::vector<std::string>{"a"}));
  EXPECT_TRUE(done[0].result.silent.empty());
}

TEST_F(two_talks, who_does_not_answer_in_time_is_silent) {
  ask(named("load"), {"b", "c"});
  a.on_tick(start + 1999ms);
  EXPECT_TRUE(a.take_output().finished.empty());
  EXPECT_LE(a.next_tick(), start + 2s);
  a.on_tick(start + 2s);
  const auto done = a.take_output().finished;
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0].result.silent, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(a.next_tick(), time_point::max());
}

TEST_F(two_talks, only_members_with_the_tags_and_the_service_are_asked) {
  auto q = named("ping");
  q.tags = {{"zone", "b"}};
  self_b.told.tags["zone"] = "b";
  ask(q);
  pass_packets();
  EXPECT_EQ(a.take_output().finished.at(0).result.answers.size(), 1U);
  q.service = "db";
  ask(q, {});
  EXPECT_TRUE(a.take_output().finished.at(0).result.answers.empty()) << "nobody is asked: over at once";
  pass_packets();
  EXPECT_EQ(a.counts().answers_stray, 0U);
}

TEST_F(two_talks, answers_are_cut_at_their_limit_and_counted_once_a_member) {
  ask(named("load"));
  const auto asked = b.take_output().asked.at(0);
  b.answer(asked.id, std::string(5000, 'x'), start);
  b.answer(asked.id, "again", start);
  pass_packets();
  talk_bundle forged;
  forged.reply = query_reply{asked.id.time, true, "twice"};
  const auto p = from("b", encode_talk(forged));
  a.alight({self_a, p, "x:1", false, std::nullopt}, start);
  EXPECT_EQ(a.counts().answers_stray, 1U);
  a.on_tick(start + 2s);
  const auto answers = a.take_output().finished.at(0).result.answers;
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].payload.size(), answer_bytes_max);
}

TEST_F(two_talks, queries_under_way_are_bounded) {
  std::size_t asked = 0;
  for (std::size_t i = 0; i < talk::asking_max + 10; ++i) {
    asked += a.ask(named("load"), {"b"}, self_a, start + 1s * i).has_value() ? 1 : 0;
  }
  EXPECT_EQ(asked, talk::asking_max);
  EXPECT_EQ(a.counts().queries_refused, 10U);
}

TEST_F(two_talks, a_comparison_brings_what_was_missed) {
  ASSERT_TRUE(a.raise("one", "", start));
  ASSERT_TRUE(b.raise("two", "", start));
  const auto hash = from("a", a.board(packet_kind::state_hash, 1000, 0));
  b.alight({self_b, hash, "a:1", false, std::nullopt}, start);
  pass_packets();
  pass_packets();
  EXPECT_EQ(a.take_output().events.size(), 2U);
  EXPECT_EQ(b.take_output().events.size(), 2U);
  EXPECT_TRUE(a.take_packets().empty());
  EXPECT_TRUE(b.take_packets().empty());
}

TEST_F(two_talks, coordinates_ride_on_acks) {
  for (int i = 0; i < 50; ++i) {
    const auto ack = from("b", b.board(packet_kind::ack, 1000, 0));
    a.alight({self_a, ack, "b:1", false, duration(8ms)}, start);
    const auto back = from("a", a.board(packet_kind::ack, 1000, 0));
    b.alight({self_b, back, "a:1", false, duration(8ms)}, start);
  }
  const auto rtt = a.round_trip("a", "b");
  ASSERT_TRUE(rtt);
  EXPECT_NEAR(std::chrono::duration<double>(*rtt).count(), 0.008, 0.002);
  EXPECT_EQ(a.round_trip("a", "c").error().code, errc::not_found);
}

TEST_F(two_talks, garbage_and_broken_limits_are_dropped_and_counted) {
  ASSERT_TRUE(a.raise("deploy", "payload", start));
  auto bytes = a.board(packet_kind::ack, 1000, 3);
  bytes += a.board(packet_kind::state_hash, 1000, 3);
  talk_bundle t;
  t.reply = query_reply{1, true, "x"};
  bytes += encode_talk(t);
  for (std::size_t n = 0; n < bytes.size(); ++n) (void)decode_talk(std::string_view(bytes).substr(0, n));
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto broken = bytes;
    broken[bit / 8] = static_cast<char>(broken[bit / 8] ^ (1 << (bit % 8)));
    const auto read = decode_talk(broken);
    if (!read) continue;
    for (const auto& one : read->heard) EXPECT_TRUE(check(one));
  }
  random rng(5);
  for (int i = 0; i < 20'000; ++i) {
    auto broken = bytes;
    for (auto flips = 1 + rng.below(6); flips > 0; --flips) {
      broken[rng.below(broken.size())] = static_cast<char>(rng.next());
    }
    const auto p = from("a", broken);
    b.alight({self_b, p, "a:1", false, std::nullopt}, start);
  }
  EXPECT_GT(b.counts().malformed, 0U);
  const auto refused = [](auto change) {
    wire::Talk w;
    change(w);
    return !decode_talk(w.SerializeAsString());
  };
  EXPECT_TRUE(refused([](wire::Talk& w) { w.add_announcements()->set_time(1); }));
  EXPECT_TRUE(refused([](wire::Talk& w) { w.mutable_coordinate()->add_position(1); }));
  EXPECT_TRUE(refused([](wire::Talk& w) { w.mutable_comparison()->add_times(1); }));
  EXPECT_TRUE(refused([](wire::Talk& w) { w.mutable_answer()->set_payload(std::string(answer_bytes_max + 1, 'x')); }));
}

class protocol : public cluster {};

TEST_F(protocol, members_speak_the_highest_minor_that_all_share) {
  start_all({"a", "b"});
  auto old = introduce("old");
  old.speaks = {1, 1};
  start(old);
  tick(3s);
  expect_state("b", "old", member_state::alive);
  EXPECT_EQ(at("a").shared_minors(), (minor_range{1, 1}));
  EXPECT_EQ(at("a").find("old")->told.protocol, 1U);
  kill("old");
  tick(120s);
  EXPECT_EQ(at("a").shared_minors(), (minor_range{minor_min, minor_max})) << "when it is gone";
}

TEST_F(protocol, a_joiner_that_shares_no_minor_is_refused_in_words) {
  start_all({"a", "b"});
  auto late = introduce("late");
  late.speaks = {5, 9};
  start(late);
  tick(3s);
  EXPECT_EQ(at("a").find("late"), nullptr);
  EXPECT_GE(count("late", event_kind::join_refused), 1U);
  EXPECT_EQ(text_of(1, {5, 9}), "1.5 to 1.9");
}

TEST_F(protocol, a_member_of_another_major_is_refused_in_words) {
  start_all({"a", "b"});
  packet p;
  p.protocol = protocol_version + 1;
  p.kind = packet_kind::join;
  p.from = "stranger";
  p.from_id = {9, 9};
  p.cluster_name = "troupe";
  output out;
  at("a").on_packet("stranger:1", channel::datagram, encode(p), now_, out);
  ASSERT_EQ(out.packets.size(), 1U);
  const auto no = decode(out.packets[0].bytes);
  ASSERT_TRUE(no);
  EXPECT_EQ(no->refusal, join_refusal::protocol);
  EXPECT_NE(no->text.find("protocol version 1 is spoken here, not 2"), std::string::npos) << no->text;
  EXPECT_EQ(at("a").counts().dropped_protocol, 1U);
}

}  // namespace
}  // namespace troupe::membership
