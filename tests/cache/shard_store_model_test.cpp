// The store against a model that is obviously right: a std::map. Random commands, virtual time,
// fixed seeds; after each, code, version, ttl and value must agree.
#include <map>
#include <optional>

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"
#include "tests/cache/store_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

class model {
 public:
  store_fixture::result run(const cache_command& c, time_point now) {
    const auto key = std::pair(c.cache, std::string(c.key));
    auto at = rows_.find(key);
    if (at != rows_.end() && at->second.expiry && *at->second.expiry <= now) {
      rows_.erase(at);
      at = rows_.end();
    }
    const bool present = at != rows_.end();
    if (c.op == cache_op::put) return put(c, key, present ? &at->second : nullptr, now);
    if (!present) return {errc::not_found, 0, {}, {}};
    if (c.op == cache_op::erase) {
      const bool wrong = c.condition == write_condition::if_absent ||
                         (c.condition == write_condition::if_version && c.version != at->second.version);
      if (wrong) return {errc::condition_failed, at->second.version, {}, {}};
      rows_.erase(at);
      return {errc::ok, ++version_, {}, {}};
    }
    const auto& found = at->second;
    return {errc::ok, found.version, found.expiry ? *found.expiry - now : 0s, c.op == cache_op::get ? found.value : ""};
  }

  void drop_expired(time_point now) {
    std::erase_if(rows_, [now](const auto& r) { return r.second.expiry && *r.second.expiry <= now; });
  }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  void begin_epoch(std::uint64_t epoch) { version_ = std::max(version_, epoch << version_counter_bits); }
  void clear(cache_id cache) {
    std::erase_if(rows_, [cache](const auto& r) { return r.first.first == cache; });
  }

 private:
  struct row {
    std::string value;
    std::uint64_t version = 0;
    std::optional<time_point> expiry;
  };

  store_fixture::result put(const cache_command& c, const std::pair<cache_id, std::string>& key, const row* old,
                            time_point now) {
    const std::uint64_t old_version = old == nullptr ? 0 : old->version;
    bool holds = true;
    if (c.condition == write_condition::if_absent) holds = old == nullptr;
    if (c.condition == write_condition::if_present) holds = old != nullptr;
    if (c.condition == write_condition::if_version) holds = old != nullptr && old_version == c.version;
    if (!holds) return {errc::condition_failed, old_version, {}, {}};
    row fresh{std::string(c.value), ++version_, {}};
    if (c.keep_ttl && old != nullptr) {
      fresh.expiry = old->expiry;
    } else if (c.ttl > 0s) {
      fresh.expiry = now + c.ttl;
    }
    rows_[key] = fresh;
    return {errc::ok, fresh.version, fresh.expiry ? *fresh.expiry - now : 0s, {}};
  }

  std::map<std::pair<cache_id, std::string>, row> rows_;
  std::uint64_t version_ = 0;
};

cache_command random_command(random& r, std::string& key, std::string& value, std::uint64_t version_near) {
  key = "key" + std::to_string(r.below(400));
  value.assign(r.below(r.chance(0.05) ? 3000 : 90), static_cast<char>(r.below(256)));
  cache_command c;
  const auto dice = r.below(100);
  c.op = dice < 35 ? cache_op::get : dice < 40 ? cache_op::head : dice < 80 ? cache_op::put : cache_op::erase;
  c.cache = static_cast<cache_id>(r.below(3));
  if (r.chance(0.3)) c.condition = static_cast<write_condition>(r.below(4));
  c.version = version_near - r.below(3);
  c.keep_ttl = r.chance(0.2);
  if (r.chance(0.4)) c.ttl = std::chrono::milliseconds(1 + r.below(5000));
  c.key = key;
  c.value = value;
  return c;
}

void run_against_model(std::uint64_t seed, int steps) {
  random r(seed);
  store_fixture s;
  model m;
  std::string key;
  std::string value;
  std::uint64_t last_version = 0;
  for (int step = 0; step < steps; ++step) {
    s.now += std::chrono::milliseconds(r.below(20));
    const auto c = random_command(r, key, value, last_version);
    const auto is = s.run(c);
    const auto should = m.run(c, s.now);
    ASSERT_EQ(is.code, should.code) << "seed " << seed << " step " << step;
    ASSERT_EQ(is.version, should.version) << "seed " << seed << " step " << step;
    ASSERT_EQ(is.ttl, should.ttl) << "seed " << seed << " step " << step;
    ASSERT_EQ(is.value, should.value) << "seed " << seed << " step " << step;
    if (is.version != 0) last_version = is.version;
    const auto dice = r.below(1000);
    if (dice < 100) (void)s.store.expire(s.now, 1 + r.below(50));
    if (dice == 100) {
      s.store.begin_epoch(step);
      m.begin_epoch(step);
    }
    if (dice == 101) {
      s.store.clear(1);
      m.clear(1);
    }
    if (dice > 990) {
      m.drop_expired(s.now);
      ASSERT_EQ(s.scan_all(1 + r.below(100)).size(), m.size()) << "seed " << seed << " step " << step;
      ASSERT_EQ(s.store.bytes(), s.ledger.used());
    }
  }
  s.store.clear();
  ASSERT_EQ(s.ledger.used(), 0u);
}

TEST(shard_store_model, agrees_for_many_seeds) {
  for (std::uint64_t seed = 1; seed <= 40 && !testing::Test::HasFailure(); ++seed) run_against_model(seed, 5000);
}

// Under a small limit entries vanish, but what is found must be right and the limit must hold.
TEST(shard_store_model, never_shows_a_wrong_value_and_never_leaves_its_limit) {
  constexpr std::uint64_t limit = 20000;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    random r(seed);
    store_fixture s(limit);
    std::map<std::string, std::pair<std::uint64_t, std::string>> written;
    for (int step = 0; step < 4000; ++step) {
      const auto key = "key" + std::to_string(r.below(300));
      if (r.chance(0.5)) {
        const std::string value(r.below(300), static_cast<char>('a' + r.below(26)));
        const auto put = s.put(key, value);
        ASSERT_EQ(put.code, errc::ok);
        written[key] = {put.version, value};
      } else if (const auto got = s.get(key); got.code == errc::ok) {
        ASSERT_EQ(got.version, written[key].first);
        ASSERT_EQ(got.value, written[key].second);
      }
      ASSERT_LE(s.ledger.used(), limit);
    }
    EXPECT_GT(s.store.evicted(), 0u);
  }
}

}  // namespace
}  // namespace troupe
