#include "runtime/membership/suspicion.hpp"

#include <gtest/gtest.h>

#include "runtime/membership/settings.hpp"

namespace troupe::membership {
namespace {

time_point at(duration d) { return time_point{} + 1h + d; }

// Values of memberlist's formula, worked by hand: max - (max - min) * ln(c + 1) / ln(k + 1).
TEST(suspicion, shrinks_with_each_confirmation_as_memberlists_does) {
  struct row {
    std::uint32_t confirmations, wanted;
    double seconds;
  };
  for (const row r :
       {row{0, 2, 24.0}, row{1, 2, 11.3814}, row{2, 2, 4.0}, row{5, 2, 4.0}, row{0, 0, 4.0}, row{1, 3, 14.0}}) {
    const auto length = suspicion_length(4s, 24s, r.confirmations, r.wanted);
    EXPECT_NEAR(std::chrono::duration<double>(length).count(), r.seconds, 0.001) << r.confirmations << "/" << r.wanted;
  }
}

TEST(suspicion, counts_each_other_member_once_and_not_the_first) {
  suspicion s({4s, 24s, 2, 2, 400ms}, "a", at(0s));
  EXPECT_EQ(s.deadline(), at(24s));
  EXPECT_FALSE(s.confirm("a"));
  EXPECT_TRUE(s.confirm("b"));
  EXPECT_FALSE(s.confirm("b"));
  EXPECT_LT(s.deadline(), at(12s));
  EXPECT_TRUE(s.confirm("c"));
  EXPECT_EQ(s.deadline(), at(4s));
  EXPECT_FALSE(s.confirm("d")) << "enough";
}

TEST(suspicion, is_short_when_enough_observers_saw_the_link_closed) {
  suspicion s({4s, 24s, 2, 2, 400ms}, "a", at(0s));
  EXPECT_TRUE(s.confirm_closed("a", at(0s)));
  EXPECT_FALSE(s.confirm_closed("a", at(1s)));
  EXPECT_EQ(s.deadline(), at(24s));
  EXPECT_TRUE(s.confirm_closed("b", at(1s)));
  EXPECT_EQ(s.deadline(), at(1400ms));
  EXPECT_FALSE(s.confirm_closed("c", at(2s)));
  s.extend(3s);
  EXPECT_EQ(s.deadline(), at(4400ms));
}

TEST(settings, suspicion_grows_with_the_logarithm_of_the_cluster) {
  const settings lan;
  EXPECT_EQ(suspicion_min(lan, 1), 4s);
  EXPECT_EQ(suspicion_min(lan, 10), 4s);
  EXPECT_NEAR(std::chrono::duration<double>(suspicion_min(lan, 50)).count(), 6.8, 0.01);
  EXPECT_EQ(suspicion_min(lan, 100), 8s);
  EXPECT_EQ(suspicion_min(lan, 1000), 12s);
  EXPECT_EQ(retransmit_limit(lan, 2), 4U);
  EXPECT_EQ(retransmit_limit(lan, 9), 4U);
  EXPECT_EQ(retransmit_limit(lan, 10), 8U);
  EXPECT_EQ(retransmit_limit(lan, 100), 12U);
  EXPECT_EQ(push_pull_interval(lan, 32), 30s);
  EXPECT_EQ(push_pull_interval(lan, 64), 60s);
  EXPECT_EQ(push_pull_interval(lan, 128), 90s);
}

TEST(settings, a_profile_is_changed_by_what_the_configuration_gives) {
  for (const auto* name : {"lan", "wan", "local", "fast"}) {
    const auto s = profile(name);
    ASSERT_TRUE(s) << name;
    EXPECT_LT(s->probe_timeout, s->probe_interval);
    EXPECT_GE(s->suspicion_mult, 2U);
  }
  EXPECT_EQ(profile("lam").error().code, errc::not_found);
  gossip_config c;
  c.profile = "fast";
  c.probe_interval = 50ms;
  c.suspicion_mult = 5;
  const auto s = settings_of(c);
  ASSERT_TRUE(s);
  EXPECT_EQ(s->probe_interval, 50ms);
  EXPECT_EQ(s->probe_timeout, 50ms) << "never longer than the interval";
  EXPECT_EQ(s->suspicion_mult, 5U);
  EXPECT_EQ(s->gossip_interval, 50ms) << "the profile's";
}

}  // namespace
}  // namespace troupe::membership
