// Runs a scenario for many seeds, in shards that ctest can run side by side, and says how to replay
// the one that failed.
//
//   TROUPE_SIM_SEED=n     only this seed (what the replay command sets)
//   TROUPE_SIM_SEEDS=n    how many seeds instead of the test's own number (scripts/soak.sh)
//   TROUPE_SIM_FIRST=n    the first seed, default 1
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/sim/world.hpp"

namespace troupe::sim {

inline constexpr std::uint32_t seed_shards = 8;
inline constexpr std::uint32_t seeds_default = 200;

/// The seeds that shard `shard` of `shards` runs.
[[nodiscard]] std::vector<std::uint64_t> seeds_of_shard(std::uint32_t shard, std::uint32_t shards = seed_shards,
                                                        std::uint32_t count = seeds_default);

/// One command that replays `seed` in the running GoogleTest test.
[[nodiscard]] std::string replay_command(std::uint64_t seed);

/// Calls `scenario` with each seed of the shard until one fails (by a fatal or other GoogleTest
/// failure); prints the replay command then. Use from TEST_P with GetParam() as the shard:
///
///   class election_seeds : public ::testing::TestWithParam<std::uint32_t> {};
///   TEST_P(election_seeds, survives_random_faults) {
///     for_each_seed(GetParam(), [](std::uint64_t seed) { ...; expect_sound(w); });
///   }
///   INSTANTIATE_TEST_SUITE_P(shard, election_seeds, ::testing::Range(0U, seed_shards));
void for_each_seed(std::uint32_t shard, const std::function<void(std::uint64_t seed)>& scenario,
                   std::uint32_t count = seeds_default);

/// Fails the running test, with the trace, when the world has failed.
void expect_sound(const world& w);

/// Fails the running test, with the trace, when `done` does not hold within `limit`.
void expect_within(world& w, duration limit, const std::function<bool()>& done, const std::string& what);

}  // namespace troupe::sim
