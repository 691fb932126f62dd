#include "tests/sim/seeds.hpp"

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

namespace troupe::sim {

namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

std::vector<std::uint64_t> seeds_of_shard(std::uint32_t shard, std::uint32_t shards, std::uint32_t count) {
  if (std::getenv("TROUPE_SIM_SEED") != nullptr) {
    const auto only = from_environment("TROUPE_SIM_SEED", 0);
    return only % shards == shard ? std::vector<std::uint64_t>{only} : std::vector<std::uint64_t>{};
  }
  const auto first = from_environment("TROUPE_SIM_FIRST", 1);
  const auto number = from_environment("TROUPE_SIM_SEEDS", count);
  std::vector<std::uint64_t> seeds;
  for (auto seed = first; seed < first + number; ++seed) {
    if (seed % shards == shard) seeds.push_back(seed);
  }
  return seeds;
}

std::string replay_command(std::uint64_t seed) {
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  std::string test = "*";
  if (const auto* running = ::testing::UnitTest::GetInstance()->current_test_info(); running != nullptr) {
    test = std::string(running->test_suite_name()) + "." + running->name();
  }
  return "TROUPE_SIM_SEED=" + std::to_string(seed) + " " + std::filesystem::relative(program, ignored).string() +
         " --gtest_filter='" + test + "'";
}

void for_each_seed(std::uint32_t shard, const std::function<void(std::uint64_t)>& scenario, std::uint32_t count) {
  for (const auto seed : seeds_of_shard(shard, seed_shards, count)) {
    scenario(seed);
    if (::testing::Test::HasFailure()) {
      ADD_FAILURE() << "seed " << seed << " failed. Replay:\n  " << replay_command(seed);
      return;
    }
  }
}

void expect_sound(const world& w) {
  if (w.failed()) ADD_FAILURE() << w.failure_text();
}

void expect_within(world& w, duration limit, const std::function<bool()>& done, const std::string& what) {
  if (w.run_until(done, limit)) return;
  w.fail("not within " + std::to_string(std::chrono::duration<double>(limit).count()) + " s: " + what);
  expect_sound(w);
}

}  // namespace troupe::sim
