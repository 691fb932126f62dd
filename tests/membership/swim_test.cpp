#include "runtime/membership/swim.hpp"

#include "tests/membership/fixture.hpp"

namespace troupe::membership {
namespace {

class swim_cluster : public cluster {};

TEST_F(swim_cluster, a_node_without_seeds_is_a_cluster_of_its_own) {
  start("a");
  EXPECT_TRUE(at("a").joined());
  EXPECT_EQ(at("a").live_count(), 1U);
  EXPECT_EQ(count("a", event_kind::joined), 1U);
}

TEST_F(swim_cluster, three_members_see_each_other) {
  start_all({"a", "b", "c"});
  EXPECT_EQ(count("c", event_kind::member_joined), 2U);
  EXPECT_EQ(at("b").live_count(), 3U);
}

TEST_F(swim_cluster, a_silent_member_is_suspect_and_then_failed) {
  start_all({"a", "b", "c"});
  kill("c");
  tick(4500ms);
  expect_state("a", "c", member_state::suspect);
  tick(6s);
  expect_state("a", "c", member_state::failed);
  expect_state("b", "c", member_state::failed);
  EXPECT_EQ(count("a", event_kind::member_failed), 1U);
  EXPECT_GE(at("a").counts().probes_indirect + at("b").counts().probes_indirect, 1U);
}

TEST_F(swim_cluster, closed_links_and_silence_make_a_death_known_in_less_than_a_second) {
  start_all({"a", "b", "c"});
  kill("c");
  break_link("a", "c", link_loss::closed);
  break_link("b", "c", link_loss::closed);
  tick(999ms);
  expect_state("a", "c", member_state::failed);
  expect_state("b", "c", member_state::failed);
}

TEST_F(swim_cluster, one_observer_with_a_closed_link_is_not_enough_among_three) {
  start_all({"a", "b", "c"});
  kill("c");
  break_link("a", "c", link_loss::closed);
  tick(1s);
  expect_state("b", "c", member_state::suspect);
}

TEST_F(swim_cluster, a_link_that_timed_out_leads_to_the_long_suspicion) {
  start_all({"a", "b", "c"});
  kill("c");
  break_link("a", "c", link_loss::timed_out);
  break_link("b", "c", link_loss::timed_out);
  tick(1s);
  expect_state("a", "c", member_state::suspect);
  tick(2500ms);
  expect_state("a", "c", member_state::suspect);
}

TEST_F(swim_cluster, a_closed_link_to_a_member_that_answers_means_nothing) {
  start_all({"a", "b", "c"});
  break_link("a", "c", link_loss::closed);
  break_link("b", "c", link_loss::closed);
  tick(5s);
  EXPECT_EQ(count("a", event_kind::member_suspect), 0U);
  break_link("a", "nobody", link_loss::closed);
}

TEST_F(swim_cluster, a_suspect_refutes_by_raising_its_incarnation) {
  start_all({"a", "b", "c"});
  packet p;
  p.updates.push_back(news_of("c", member_state::suspect, at("c").self().incarnation));
  p.updates.back().by = "a";
  const auto before = at("c").self().incarnation;
  forge("a", "b", p);
  EXPECT_EQ(count("b", event_kind::member_suspect), 1U);
  tick(2s);
  expect_state("b", "c", member_state::alive);
  EXPECT_EQ(at("c").self().incarnation, before + 1);
  EXPECT_EQ(count("c", event_kind::refuted), 1U);
  EXPECT_EQ(count("b", event_kind::member_alive), 1U);
  EXPECT_EQ(count("b", event_kind::member_failed), 0U);
}

TEST_F(swim_cluster, a_member_wrongly_declared_failed_comes_back_with_its_id) {
  start_all({"a", "b", "c"});
  const auto id = at("c").self().id;
  freeze("c");
  tick(15s);
  expect_state("a", "c", member_state::failed);
  thaw("c");
  tick(10s);
  expect_state("a", "c", member_state::alive);
  expect_state("b", "c", member_state::alive);
  EXPECT_EQ(at("a").find("c")->id, id);
  EXPECT_EQ(count("c", event_kind::member_failed), 0U);
}

TEST_F(swim_cluster, a_process_that_stood_still_judges_nobody_by_it) {
  start_all({"a", "b"});
  freeze("b");
  const auto before = at("a").counts().probes;
  while (at("a").counts().probes == before) tick(10ms);
  freeze("a");
  thaw("b");  // its answer waits at a
  tick(3s);
  act("a", [this](swim& m, output& out) { m.on_tick(now_, out); });
  EXPECT_EQ(at("a").counts().stalls, 1U);
  EXPECT_EQ(at("a").counts().probes_failed, 0U);
  EXPECT_EQ(count("a", event_kind::member_suspect), 0U);
}

TEST_F(swim_cluster, a_suspicion_lasts_longer_by_the_time_that_the_judge_stood_still) {
  start_all({"a", "b"});
  kill("b");
  while (count("a", event_kind::member_suspect) == 0) tick(10ms);
  freeze("a");
  tick(10s);
  act("a", [this](swim& m, output& out) { m.on_tick(now_, out); });
  expect_state("a", "b", member_state::suspect);
  thaw("a");
  tick(5s);
  expect_state("a", "b", member_state::failed);
}

TEST_F(swim_cluster, a_whole_tables_dead_are_suspected_and_can_refute) {
  start_all({"a", "b", "c"});
  packet p;
  p.kind = packet_kind::state;
  p.updates.push_back(news_of("c", member_state::failed, at("c").self().incarnation));
  forge("b", "a", p);
  EXPECT_EQ(count("a", event_kind::member_suspect), 1U);
  tick(1s);
  expect_state("a", "c", member_state::alive);
  EXPECT_EQ(count("a", event_kind::member_failed), 0U);
}

TEST_F(swim_cluster, a_restart_on_the_same_address_replaces_the_old_incarnation_at_once) {
  start_all({"a", "b", "c"});
  const auto old = at("c").self().id;
  start("c");
  tick(1s);
  for (const auto* n : {"a", "b"}) {
    expect_state(n, "c", member_state::alive);
    EXPECT_NE(at(n).find("c")->id, old);
    EXPECT_EQ(count(n, event_kind::member_failed), 1U) << "the old incarnation";
    EXPECT_EQ(count(n, event_kind::member_joined), 3U) << "the new one";
  }
  EXPECT_GT(at("c").self().incarnation, 1U) << "numbered above the old one";
}

TEST_F(swim_cluster, a_departure_is_known_and_final) {
  start_all({"a", "b", "c"});
  act("c", [this](swim& m, output& out) { m.depart(now_, out); });
  tick(500ms);
  expect_state("a", "c", member_state::departing);
  act("c", [this](swim& m, output& out) { m.leave(now_, out); });
  expect_state("a", "c", member_state::departed);
  expect_state("b", "c", member_state::departed);
  tick(5s);
  EXPECT_EQ(count("c", event_kind::left), 1U);
  EXPECT_TRUE(at("c").has_left());
  EXPECT_EQ(at("c").next_tick(), time_point::max());
  EXPECT_EQ(count("a", event_kind::member_departed), 1U);
  EXPECT_EQ(count("a", event_kind::member_failed), 0U);
}

TEST_F(swim_cluster, a_member_that_dies_while_it_departs_has_departed) {
  start_all({"a", "b", "c"});
  act("c", [this](swim& m, output& out) { m.depart(now_, out); });
  tick(500ms);
  kill("c");
  tick(20s);
  expect_state("a", "c", member_state::departed);
  EXPECT_EQ(count("a", event_kind::member_failed), 0U);
}

TEST_F(swim_cluster, a_node_alone_leaves_at_once) {
  start("a");
  act("a", [this](swim& m, output& out) { m.leave(now_, out); });
  EXPECT_EQ(count("a", event_kind::left), 1U);
}

TEST_F(swim_cluster, the_dead_and_the_departed_are_forgotten_after_a_while) {
  settings_.failed_retention = 10min;
  settings_.departed_retention = 5min;
  start_all({"a", "b", "c"});
  act("b", [this](swim& m, output& out) { m.leave(now_, out); });
  kill("c");
  tick(2min);
  EXPECT_EQ(at("a").others().size(), 2U);
  tick(6min);
  EXPECT_EQ(at("a").find("b"), nullptr);
  tick(6min);
  EXPECT_EQ(at("a").find("c"), nullptr);
}

TEST_F(swim_cluster, local_attributes_reach_the_others_and_have_limits) {
  start_all({"a", "b", "c"});
  attributes told;
  told.pid = 3;
  told.services = {"cache", "http"};
  told.tags = {{"rack", "7"}};
  act("c", [&](swim& m, output& out) { EXPECT_TRUE(m.set_local(told, now_, out)); });
  tick(1s);
  EXPECT_EQ(at("a").find("c")->told.pid, 3U);
  EXPECT_EQ(at("a").find("c")->told.services, told.services);
  EXPECT_EQ(at("b").find("c")->told.tags, told.tags);
  EXPECT_EQ(count("a", event_kind::member_updated), 1U);
  act("c", [&](swim& m, output& out) {
    const auto incarnation = m.self().incarnation;
    EXPECT_EQ(m.set_local_meta(std::string(meta_bytes_max + 1, 'x'), now_, out).error().code, errc::too_large);
    EXPECT_EQ(m.set_local_digest(std::string(digest_bytes_max + 1, 'x')).error().code, errc::too_large);
    attributes large = told;
    for (int i = 0; i < 8; ++i) large.tags[std::to_string(i)] = std::string(200, 'x');
    EXPECT_EQ(m.set_local(large, now_, out).error().code, errc::too_large);
    EXPECT_TRUE(m.set_local(told, now_, out)) << "no change, no news";
    EXPECT_EQ(m.self().incarnation, incarnation);
  });
}

TEST_F(swim_cluster, a_member_that_others_would_refuse_is_refused_at_once) {
  const auto code = [this](auto change) {
    local_member m = introduce("a");
    change(m);
    const auto sound = check(m);
    return sound ? errc::ok : sound.error().code;
  };
  EXPECT_EQ(code([](local_member&) {}), errc::ok);
  EXPECT_EQ(code([](local_member& m) { m.name.clear(); }), errc::invalid_argument);
  EXPECT_EQ(code([](local_member& m) { m.name = "a\tb"; }), errc::invalid_argument);
  EXPECT_EQ(code([](local_member& m) { m.address.clear(); }), errc::invalid_argument);
  EXPECT_EQ(code([](local_member& m) { m.id = {}; }), errc::invalid_argument);
  EXPECT_EQ(code([](local_member& m) { m.first_incarnation = 0; }), errc::invalid_argument);
  EXPECT_EQ(code([](local_member& m) { m.first_incarnation = incarnation_max; }), errc::invalid_argument);
  EXPECT_EQ(code([](local_member& m) { m.told.tags["t"] = "\x80"; }), errc::invalid_argument);
  EXPECT_EQ(code([](local_member& m) { m.told.meta.assign(meta_bytes_max + 1, 'x'); }), errc::too_large);
  EXPECT_EQ(code([](local_member& m) { m.told.services.assign(services_max, std::string(60, 's')); }), errc::too_large);
}

TEST_F(swim_cluster, its_own_address_among_the_seeds_is_no_seed) {
  local_member m = introduce("a");
  output out;
  swim s(m, settings_, random(1));
  s.join({m.address, m.address}, now_, out);
  EXPECT_TRUE(s.joined());
  EXPECT_TRUE(out.packets.empty());
}

TEST_F(swim_cluster, a_joiner_of_another_protocol_is_told_so) {
  start("a");
  packet p;
  p.protocol = 9;
  p.kind = packet_kind::join;
  p.from = "z";
  p.from_id = {7, 7};
  forge("a", "a", p);
  EXPECT_EQ(at("a").counts().dropped_protocol, 1U);
  EXPECT_EQ(at("a").counts().joiners_refused, 1U);
  EXPECT_EQ(at("a").live_count(), 1U);
}

}  // namespace
}  // namespace troupe::membership
