#include "runtime/membership/coordinates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace troupe::membership {
namespace {

using namespace std::chrono_literals;

double seconds(duration d) { return std::chrono::duration<double>(d).count(); }
duration of_seconds(double s) { return std::chrono::duration_cast<duration>(std::chrono::duration<double>(s)); }

/// Members in a few sites on a plane, each behind an access link of its own; round trips jitter by up to `jitter`.
class latency_matrix {
 public:
  latency_matrix(std::size_t members, double jitter, std::uint64_t seed) : rng_(seed), jitter_(jitter) {
    for (std::size_t i = 0; i < members; ++i) {
      const auto site = static_cast<double>(i % 5);
      sites_.push_back({site * 0.020 + rng_.unit() * 0.002, std::fmod(site * 7, 5) * 0.015 + rng_.unit() * 0.002,
                        0.0002 + rng_.unit() * 0.003});
    }
  }
  [[nodiscard]] double between(std::size_t a, std::size_t b) const {
    const auto &p = sites_[a], &q = sites_[b];
    return std::hypot(p.x - q.x, p.y - q.y) + p.access + q.access;
  }
  [[nodiscard]] duration measured(std::size_t a, std::size_t b) {
    return of_seconds(between(a, b) * (1 + rng_.unit() * jitter_));
  }
  [[nodiscard]] random& rng() { return rng_; }

 private:
  struct place {
    double x, y, access;
  };
  random rng_;
  double jitter_;
  std::vector<place> sites_;
};

/// The median over all pairs after each member pinged `rounds` random others.
double median_error(latency_matrix& net, std::size_t members, int rounds) {
  std::vector<coordinates> machines;
  for (std::size_t i = 0; i < members; ++i) machines.emplace_back(random(i + 1));
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t a = 0; a < members; ++a) {
      const std::size_t b = (a + 1 + net.rng().below(members - 1)) % members;
      machines[a].on_sample("m" + std::to_string(b), machines[b].own(), net.measured(a, b));
    }
  }
  std::vector<double> errors;
  for (std::size_t a = 0; a < members; ++a) {
    for (std::size_t b = a + 1; b < members; ++b) {
      const double estimated = seconds(round_trip_between(machines[a].own(), machines[b].own()));
      errors.push_back(std::abs(estimated - net.between(a, b)) / net.between(a, b));
    }
  }
  std::nth_element(errors.begin(), errors.begin() + static_cast<std::ptrdiff_t>(errors.size() / 2), errors.end());
  return errors[errors.size() / 2];
}

TEST(coordinates, estimate_a_synthetic_network_within_ten_percent) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    latency_matrix net(50, 0, seed);
    const double error = median_error(net, 50, 400);
    RecordProperty("median_relative_error_" + std::to_string(seed), std::to_string(error));
    std::printf("median relative error, 50 members, no jitter, seed %d: %.3f\n", static_cast<int>(seed), error);
    EXPECT_LT(error, 0.10);
  }
}

TEST(coordinates, estimate_a_network_that_jitters_by_a_quarter_within_twenty_percent) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    latency_matrix net(50, 0.25, seed);
    const double error = median_error(net, 50, 400);
    std::printf("median relative error, 50 members, 25 %% jitter, seed %d: %.3f\n", static_cast<int>(seed), error);
    EXPECT_LT(error, 0.20);
  }
}

TEST(coordinates, two_members_find_their_round_trip) {
  coordinates a(random(1)), b(random(2));
  for (int i = 0; i < 200; ++i) {
    a.on_sample("b", b.own(), 30ms);
    b.on_sample("a", a.own(), 30ms);
  }
  EXPECT_NEAR(seconds(round_trip_between(a.own(), b.own())), 0.030, 0.003);
  EXPECT_LT(a.own().error, 0.3);
}

TEST(coordinates, one_packet_that_waited_in_a_queue_moves_nobody_far) {
  coordinates a(random(1)), b(random(2));
  for (int i = 0; i < 100; ++i) {
    a.on_sample("b", b.own(), 10ms);
    b.on_sample("a", a.own(), 10ms);
  }
  a.on_sample("b", b.own(), 5s);
  EXPECT_NEAR(seconds(round_trip_between(a.own(), b.own())), 0.010, 0.003);
}

TEST(coordinates, what_is_not_to_be_believed_is_refused_and_counted) {
  coordinates a(random(1));
  const coordinate good;
  ASSERT_TRUE(a.on_sample("b", good, 10ms));
  const auto before = a.own().position;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  std::uint64_t refused = 0;
  for (const double bad : {nan, inf, -inf, 1e9, -1e300, coordinate::extent_max * 1.01}) {
    for (const int field : {0, 1, 2, 3}) {
      coordinate c;
      (field == 0 ? c.position[3] : field == 1 ? c.height : field == 2 ? c.adjustment : c.error) = bad;
      EXPECT_FALSE(a.on_sample("b", c, 10ms)) << bad << " in field " << field;
      EXPECT_EQ(a.counts().refused, ++refused);
    }
  }
  for (const duration bad :
       {duration::zero(), duration(-5ms), duration(coordinates::round_trip_max + 1ns), duration::max()}) {
    EXPECT_FALSE(a.on_sample("b", good, bad));
    EXPECT_EQ(a.counts().refused, ++refused);
  }
  EXPECT_EQ(a.own().position, before);
}

TEST(coordinates, liars_within_the_bounds_never_make_a_place_unsound) {
  coordinates a(random(1));
  random rng(7);
  for (int i = 0; i < 20'000; ++i) {
    coordinate c;
    for (double& p : c.position) p = (rng.unit() - 0.5) * 2 * coordinate::extent_max;
    c.height = rng.unit() * coordinate::extent_max;
    c.adjustment = (rng.unit() - 0.5) * 2 * coordinate::extent_max;
    c.error = rng.unit() * coordinate::error_max;
    a.on_sample("p" + std::to_string(rng.below(50)), c, of_seconds(rng.unit() * 10));
    ASSERT_TRUE(a.own().sound());
    ASSERT_GE(round_trip_between(a.own(), c), duration::zero());
  }
}

TEST(coordinates, the_number_of_peers_is_bounded_and_they_can_be_forgotten) {
  coordinates a(random(1));
  for (std::size_t i = 0; i < coordinates::peers_max + 10; ++i) a.on_sample("p" + std::to_string(i), {}, 1ms);
  EXPECT_EQ(a.peers(), coordinates::peers_max);
  ASSERT_NE(a.find("p9999"), nullptr);
  a.forget("p9999");
  EXPECT_EQ(a.find("p9999"), nullptr);
}

}  // namespace
}  // namespace troupe::membership
