// Seeds that become known later, and the word on their silence.
#include <algorithm>
#include <optional>

#include "tests/membership/fixture.hpp"

namespace troupe::membership {
namespace {

class swim_seeds : public cluster {
 protected:
  /// A machine that was told no seeds yet.
  swim& begin(bool more_may_come) {
    local_member m;
    m.name = "x";
    m.address = "x:7070";
    m.id = {77, 1};
    machine_.emplace(m, settings_, random(7));
    machine_->join({}, now_, out_, more_may_come);
    return *machine_;
  }
  void run_until(time_point end) {
    while (machine_->next_tick() <= end) {
      now_ = std::max(now_, machine_->next_tick());
      machine_->on_tick(now_, out_);
    }
    now_ = end;
  }
  [[nodiscard]] std::size_t told(event_kind k) const {
    return static_cast<std::size_t>(
        std::count_if(out_.events.begin(), out_.events.end(), [k](const event& e) { return e.kind == k; }));
  }
  [[nodiscard]] bool wrote_to(const std::string& address) const {
    return std::any_of(out_.packets.begin(), out_.packets.end(),
                       [&](const outgoing& p) { return p.address == address; });
  }

  std::optional<swim> machine_;
  output out_;
};

TEST_F(swim_seeds, a_node_whose_seeds_are_not_known_yet_founds_nothing) {
  begin(true);
  run_until(now_ + 10min);
  EXPECT_FALSE(machine_->joined());
  machine_->set_seeds({}, true, now_, out_);
  EXPECT_TRUE(machine_->joined()) << "now it is sure that there are none";
  EXPECT_EQ(told(event_kind::joined), 1U);
}

TEST_F(swim_seeds, its_own_address_alone_is_no_seed) {
  begin(true);
  machine_->set_seeds({"x:7070"}, true, now_, out_);
  EXPECT_TRUE(machine_->joined());
}

TEST_F(swim_seeds, seeds_that_are_found_later_are_written_to_at_once) {
  begin(true);
  run_until(now_ + 1min);
  out_.clear();
  machine_->set_seeds({"a:7070"}, false, now_, out_);
  EXPECT_TRUE(wrote_to("a:7070"));
  out_.clear();
  machine_->set_seeds({"a:7070"}, false, now_, out_);
  EXPECT_TRUE(out_.packets.empty()) << "nothing new, nothing to say";
  machine_->set_seeds({"b:7070"}, false, now_, out_);
  EXPECT_TRUE(wrote_to("b:7070"));
  EXPECT_FALSE(wrote_to("a:7070"));
}

TEST_F(swim_seeds, silence_of_all_seeds_is_told_and_told_again_later) {
  begin(true);
  machine_->set_seeds({"a:7070"}, true, now_, out_);
  run_until(now_ + 1900ms);
  EXPECT_EQ(told(event_kind::join_unanswered), 0U);
  run_until(now_ + 8s);
  EXPECT_EQ(told(event_kind::join_unanswered), 1U);
  run_until(now_ + 2min);
  EXPECT_GE(told(event_kind::join_unanswered), 2U);
  EXPECT_LE(told(event_kind::join_unanswered), 5U);
  EXPECT_GT(machine_->counts().join_attempts, 5U);
}

TEST_F(swim_seeds, a_refusal_is_no_silence) {
  start_all({"a"});
  auto other = introduce("b");
  other.cluster = "elsewhere";
  start(other);
  tick(20s);
  EXPECT_GE(count("b", event_kind::join_refused), 1U);
  EXPECT_EQ(count("b", event_kind::join_unanswered), 0U);
}

TEST_F(swim_seeds, a_member_goes_on_with_newer_seeds) {
  start_all({"a", "b"});
  act("b", [&](swim& m, output& out) { m.set_seeds({"new:7070", "a:7070"}, true, now_, out); });
  tick(2min);
  expect_state("a", "b", member_state::alive);
}

}  // namespace
}  // namespace troupe::membership
