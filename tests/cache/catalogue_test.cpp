#include "runtime/cache/catalogue.hpp"

#include <gtest/gtest.h>

#include "runtime/cache/shard_store.hpp"

namespace troupe {
namespace {

TEST(cache_catalogue, has_the_cache_default_without_a_declaration) {
  const cache_catalogue c({}, 2);
  EXPECT_EQ(c.find("default"), cache_id{0});
  ASSERT_NE(c.get(0), nullptr);
  EXPECT_EQ(c.get(0)->name, "default");
  EXPECT_EQ(c.get(0)->settings.replicas, 2u);
  EXPECT_FALSE(c.any_backed());
}

TEST(cache_catalogue, knows_declared_caches_and_no_others) {
  named_cache_config sessions;
  sessions.backed = true;
  sessions.ttl = std::chrono::minutes(5);
  named_cache_config usual;
  usual.ttl = std::chrono::seconds(1);
  const cache_catalogue c({{"sessions", sessions}, {"default", usual}, {"aa", {}}});
  EXPECT_EQ(c.all().size(), 3u);
  EXPECT_EQ(c.find("default"), cache_id{0});
  EXPECT_EQ(c.get(0)->settings.ttl, std::chrono::seconds(1));
  const auto id = c.find("sessions");
  ASSERT_TRUE(id);
  EXPECT_TRUE(c.get(*id)->settings.backed);
  EXPECT_EQ(c.find("Sessions"), std::nullopt);
  EXPECT_EQ(c.find(""), std::nullopt);
  EXPECT_EQ(c.get(3), nullptr);
  EXPECT_TRUE(c.any_backed());
}

TEST(cache_catalogue, holds_no_more_than_caches_max) {
  std::map<std::string, named_cache_config> many;
  for (std::uint32_t i = 0; i < caches_max + 5; ++i) many["cache" + std::to_string(i)] = {};
  EXPECT_EQ(cache_catalogue(many).all().size(), caches_max);
}

}  // namespace
}  // namespace troupe
