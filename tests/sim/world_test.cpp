// The simulator itself: what the channels promise, and that a seed is a run.
#include "tests/sim/world.hpp"

#include <cstdlib>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/fault_plan.hpp"
#include "tests/sim/seeds.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

/// Sends a numbered packet to everybody each 10 ms on its channel and notes what it gets.
class talker final : public process {
 public:
  talker(node_index self, std::uint32_t nodes, channel how, outside& out)
      : self_(self), nodes_(nodes), how_(how), out_(out) {}

  void on_start(time_point now) override { next_ = now; }
  void on_packet(node_index from, channel, std::string_view bytes, time_point) override {
    heard.emplace_back(from, std::stoi(std::string(bytes)));
  }
  void on_link_lost(node_index peer, time_point) override { heard.emplace_back(peer, lost); }
  void on_tick(time_point now) override {
    if (silent) return;
    next_ = now + 10ms;
    ++sent_;
    for (node_index n = 0; n < nodes_; ++n) {
      if (n != self_) out_.send(n, how_, std::to_string(sent_));
    }
  }
  time_point next_tick() const override { return silent ? time_point::max() : next_; }
  void leave(time_point) override { left_ = true; }
  bool finished() const override { return left_; }

  static constexpr int lost = -1;
  std::vector<std::pair<node_index, int>> heard;
  bool silent = false;
  outside& out() { return out_; }

 private:
  node_index self_;
  std::uint32_t nodes_;
  channel how_;
  outside& out_;
  time_point next_{};
  int sent_ = 0;
  bool left_ = false;
};

struct stage {
  explicit stage(channel how, world_options o = {})
      : w(o, [how, o](node_index n, std::uint32_t, outside& out, random) {
          return std::make_unique<talker>(n, o.nodes, how, out);
        }) {
    w.start_all();
  }
  talker& at(node_index n) { return *w.process_of<talker>(n); }
  std::vector<int> heard(node_index at_node, node_index from) {
    std::vector<int> numbers;
    for (const auto& [peer, number] : at(at_node).heard) {
      if (peer == from) numbers.push_back(number);
    }
    return numbers;
  }
  world w;
};

TEST(world, the_same_seed_gives_the_same_run) {
  auto run = [](std::uint64_t seed) {
    world_options o;
    o.seed = seed;
    o.link.loss = 0.1;
    stage s(channel::datagram, o);
    plan_random_faults(s.w, {}, 20s);
    s.w.run_for(30s);
    s.w.heal();
    s.w.run_for(1s);
    return std::make_pair(s.w.counts().steps, s.at(1).heard);
  };
  EXPECT_EQ(run(5), run(5));
  EXPECT_NE(run(5), run(6));
}

TEST(world, datagrams_are_lost_and_duplicated_as_told) {
  world_options o;
  o.nodes = 2;
  o.link.loss = 0.2;
  stage s(channel::datagram, o);
  s.w.run_for(100s);
  EXPECT_NEAR(static_cast<double>(s.heard(0, 1).size()), 8000, 200);
  o.link.loss = 0;
  o.link.duplicate = 0.5;
  stage twice(channel::datagram, o);
  twice.w.run_for(100s);
  EXPECT_NEAR(static_cast<double>(twice.heard(0, 1).size()), 15000, 300);
}

TEST(world, a_stream_stays_in_order_under_loss_and_delay) {
  world_options o;
  o.link.loss = 0.3;
  o.link.latency_max = 50ms;
  stage s(channel::stream, o);
  s.w.run_for(100s);
  const auto numbers = s.heard(0, 1);
  ASSERT_GT(numbers.size(), 300U);
  for (std::size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], static_cast<int>(i) + 1);
}

TEST(world, a_cut_breaks_the_stream_and_both_ends_are_told_before_anything_new_arrives) {
  stage s(channel::stream);
  s.w.run_for(1s);
  s.w.cut({0}, {1}, false);
  s.w.run_for(10s);
  s.w.heal();
  s.w.run_for(2s);
  for (const node_index n : {0U, 1U}) {
    const auto numbers = s.heard(n, 1 - n);
    int before = 0, losses = 0;
    bool told = true;
    for (const int number : numbers) {
      if (number == talker::lost) {
        ++losses;
        told = true;
      } else {
        EXPECT_TRUE(told || number == before + 1) << "a gap without on_link_lost";
        told = false;
        before = number;
      }
    }
    EXPECT_GE(losses, 1);
    EXPECT_GT(before, 1000);
  }
  for (const int number : s.heard(2, 0)) EXPECT_NE(number, talker::lost);
}

TEST(world, a_killed_process_is_told_to_its_peers_at_once_and_a_restart_talks_again) {
  stage s(channel::stream);
  s.w.run_for(1s);
  s.w.crash(1);
  s.w.run_for(5ms);
  EXPECT_EQ(s.heard(0, 1).back(), talker::lost);
  s.w.start(1);
  s.w.run_for(1s);
  EXPECT_GT(s.heard(0, 1).back(), 90);
  EXPECT_LT(s.heard(0, 1).back(), 110) << "counts from its start again";
}

TEST(world, a_paused_process_gets_everything_at_once_afterwards) {
  stage s(channel::datagram);
  s.w.run_for(1s);
  const auto before = s.heard(1, 0).size();
  s.w.pause(1);
  s.w.run_for(3s);
  EXPECT_EQ(s.heard(1, 0).size(), before);
  const auto from_paused = s.heard(0, 1).size();
  s.w.resume(1);
  EXPECT_NEAR(static_cast<double>(s.heard(1, 0).size() - before), 300, 3);
  s.w.run_for(1s);
  EXPECT_NEAR(static_cast<double>(s.heard(0, 1).size() - from_paused), 100, 3) << "missed ticks are not made up for";
}

TEST(world, a_process_with_blocked_io_ticks_and_what_it_sent_and_should_get_passes_at_the_end) {
  stage s(channel::datagram);
  s.w.run_for(100ms);
  s.w.block_io(1);
  s.w.run_for(2ms);
  const auto sent = s.heard(0, 1).size(), heard = s.heard(1, 0).size();
  s.w.run_for(200ms);
  EXPECT_FALSE(s.w.healthy(1));
  EXPECT_EQ(s.heard(0, 1).size(), sent);
  EXPECT_EQ(s.heard(1, 0).size(), heard);
  s.w.pause(1);
  s.w.resume(1);
  EXPECT_EQ(s.heard(1, 0).size(), heard) << "a pause within it does not end it";
  s.w.unblock_io(1);
  EXPECT_GE(s.heard(1, 0).size(), heard + 19);
  s.w.run_for(2ms);
  EXPECT_GE(s.heard(0, 1).size(), sent + 19) << "its ticks went on";
  s.w.block_io(1);
  s.w.heal();
  EXPECT_TRUE(s.w.healthy(1));
}

TEST(world, a_slow_process_handles_one_packet_after_the_other) {
  stage s(channel::datagram);
  s.w.set_slow(1, 100ms);
  s.w.run_for(10s);
  EXPECT_NEAR(static_cast<double>(s.at(1).heard.size()), 100, 5);
  s.w.set_slow(1, 0ms);
  EXPECT_GT(s.at(1).heard.size(), 1900U);
}

TEST(world, a_write_is_durable_when_done_and_may_be_lost_before) {
  int kept = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    world_options o;
    o.nodes = 1;
    o.seed = seed;
    stage s(channel::datagram, o);
    bool done = false;
    s.at(0).out().write("vote", "1", [&done] { done = true; });
    s.w.run_for(10ms);
    EXPECT_TRUE(done);
    s.at(0).out().write("vote", "2", [] { FAIL() << "the process had crashed"; });
    EXPECT_EQ(s.at(0).out().files().at("vote"), "1") << "not durable yet";
    s.w.crash(0);
    s.w.start(0);
    s.w.run_for(1s);
    kept += s.at(0).out().files().at("vote") == "2" ? 1 : 0;
    s.w.crash(0, crash_kind::killed, false);
    EXPECT_TRUE(s.w.disk_of(0).empty());
  }
  EXPECT_GT(kept, 5);
  EXPECT_LT(kept, 35);
}

TEST(world, clocks_are_apart_and_drift) {
  world_options o;
  o.nodes = 2;
  o.clock_drift_ppm_max = 0;
  stage s(channel::datagram, o);
  EXPECT_NE(s.w.clock_of(0), s.w.clock_of(1));
  s.w.crash(1);
  s.w.set_clock(1, 5h, 100'000);
  s.w.start(1);
  const auto before = s.w.clock_of(1);
  const auto heard = s.heard(0, 1).size();
  s.w.run_for(100s);
  EXPECT_EQ(s.w.clock_of(1) - before, 110s);
  EXPECT_NEAR(static_cast<double>(s.heard(0, 1).size() - heard), 11000, 10) << "its ticks follow its clock";
}

TEST(world, a_process_that_has_finished_exits) {
  stage s(channel::stream);
  s.w.run_for(1s);
  s.w.leave(2);
  EXPECT_FALSE(s.w.running(2));
  s.w.run_for(10ms);
  EXPECT_EQ(s.heard(0, 2).back(), talker::lost);
}

TEST(world, a_checker_that_fails_stops_the_run_and_the_trace_is_kept) {
  class strict final : public checker {
   public:
    void on_step(world& w, node_index) override {
      if (w.now() > 1s) w.fail("later than a second");
    }
  } c;
  stage s(channel::datagram);
  s.w.add(c);
  s.w.run_for(5s);
  EXPECT_TRUE(s.w.failed());
  EXPECT_NE(s.w.failure_text().find("node 2 starts"), std::string::npos);
  EXPECT_NE(s.w.failure_text().find("later than a second"), std::string::npos);
}

TEST(seeds, shards_share_all_seeds_between_them) {
  std::size_t total = 0;
  for (std::uint32_t shard = 0; shard < seed_shards; ++shard) total += seeds_of_shard(shard, seed_shards, 200).size();
  if (std::getenv("TROUPE_SIM_SEED") != nullptr || std::getenv("TROUPE_SIM_SEEDS") != nullptr) GTEST_SKIP();
  EXPECT_EQ(total, 200U);
}

}  // namespace
}  // namespace troupe::sim
