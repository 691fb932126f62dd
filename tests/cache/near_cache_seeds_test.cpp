// Near caches on virtual time, over links that delay, lose and are cut, while shards change their owner. The judge
// knows when each version was written:
//
//   a read that begins at a node after another one of the key was answered there is never answered with an older
//   version, nor one that begins after a write through that node was answered, and what a near cache serves was the
//   owner's at some moment of the last near_cache::trust.
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"
#include "runtime/cache/near_cache.hpp"
#include "runtime/cache/near_interest.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t owners = 2;
constexpr std::size_t readers = 2;
constexpr std::size_t keys = 6;
constexpr duration call_max = 2s;

class near_world {
 public:
  explicit near_world(std::uint64_t seed) : dice_(seed) {
    for (std::size_t r = 0; r < readers; ++r) nodes_.emplace_back(seed * 10 + r);
  }

  void run(duration length) {
    for (std::size_t r = 0; r < readers; ++r) {
      tick(r);
      act(r);
    }
    trouble();
    const auto end = now_ + length;
    while (!events_.empty() && events_.begin()->first < end) {
      const auto next = events_.begin();
      now_ = next->first;
      const auto f = std::move(next->second);
      events_.erase(next);
      f();
      if (::testing::Test::HasFailure()) return;
    }
  }
  [[nodiscard]] std::uint64_t hits() const { return nodes_[0].near.count().hits + nodes_[1].near.count().hits; }
  [[nodiscard]] std::uint64_t told() const { return nodes_[0].near.count().told + nodes_[1].near.count().told; }
  [[nodiscard]] std::uint64_t resets() const { return nodes_[0].near.count().resets + nodes_[1].near.count().resets; }

 private:
  struct reader {
    explicit reader(std::uint64_t seed) : near({700}, seed) {}
    near_cache near;
    std::size_t owner = 0;                   // by its table
    std::array<std::uint64_t, keys> seen{};  // the highest version that a read or write was answered with
  };
  struct owner_node {
    near_interest interest;
    bool serves = false;  // its lease holds, and the shard is its
  };
  struct write {
    std::uint64_t version;
    time_point at;
  };

  void after(duration d, std::function<void()> f) { events_.emplace(now_ + d, std::move(f)); }
  duration some(duration from, duration to) {
    return from + duration(static_cast<duration::rep>(dice_.below(static_cast<std::uint64_t>((to - from).count()))));
  }
  [[nodiscard]] bool arrives(std::size_t r, std::size_t o) { return !cut_.contains({r, o}) && dice_.below(20) != 0; }
  /// A message and what it does at the other end; it may be slow, lost, or overtaken.
  void send(std::size_t r, std::size_t o, std::function<void()> f) {
    if (arrives(r, o)) after(dice_.below(30) == 0 ? some(100ms, 1500ms) : some(1ms, 20ms), std::move(f));
  }
  static std::string name(std::size_t key) { return "k" + std::to_string(key); }

  void act(std::size_t r) {
    after(some(1ms, 40ms), [this, r] { act(r); });
    const auto key = static_cast<std::size_t>(dice_.below(keys));
    dice_.below(8) == 0 ? put(r, key) : get(r, key);
  }

  void get(std::size_t r, std::size_t key) {
    auto& n = nodes_[r];
    const auto least = n.seen[key];
    const auto o = n.owner;
    if (const auto found = n.near.find(0, name(key), o, now_)) return judge(r, key, found->version, least, true);
    const auto began = n.near.begin_read(0, name(key), o, now_);
    const auto over = std::make_shared<bool>(false);
    const auto end = [this, r, key, least, began, over](const std::optional<near_cache::fetched>& value) {
      if (std::exchange(*over, true)) return;
      nodes_[r].near.end_read(began.read, value, now_);
      if (value) judge(r, key, value->version, least, false);
    };
    after(call_max, [end] { end(std::nullopt); });
    send(r, o, [this, r, o, key, began, end] {
      auto& at = owners_[o];
      if (!at.serves) return send(r, o, [end] { end(std::nullopt); });
      const bool told = at.interest.on_read(began.session, 0, name(key));
      const auto version = written_[key].empty() ? 0 : written_[key].back().version;
      send(r, o, [end, told, version] { end(near_cache::fetched{"v", version, {}, told}); });
    });
  }

  void put(std::size_t r, std::size_t key) {
    const auto o = nodes_[r].owner;
    nodes_[r].near.on_command(0, name(key));
    const auto over = std::make_shared<bool>(false);
    const auto end = [this, r, key, over](std::uint64_t version) {
      if (std::exchange(*over, true)) return;
      nodes_[r].near.on_command(0, name(key));
      nodes_[r].seen[key] = std::max(nodes_[r].seen[key], version);
    };
    after(call_max, [end] { end(0); });
    send(r, o, [this, r, o, key, end] {
      if (!owners_[o].serves) return;
      owners_[o].interest.on_write(0, name(key));
      written_[key].push_back({++version_, now_});
      send(r, o, [end, version = version_] { end(version); });
    });
  }

  void judge(std::size_t r, std::size_t key, std::uint64_t version, std::uint64_t least, bool near) {
    EXPECT_GE(version, least) << "node " << r << " key " << key << (near ? " near" : "");
    auto& seen = nodes_[r].seen[key];
    seen = std::max(seen, version);
    if (!near) return;
    for (const auto& w : written_[key]) {
      if (w.version <= version) continue;
      EXPECT_GE(w.at + near_cache::trust, now_) << "node " << r << " serves what was overwritten too long ago";
      break;
    }
  }

  void tick(std::size_t r) {
    after(20ms, [this, r] { tick(r); });
    for (const auto& p : nodes_[r].near.on_tick(now_)) {
      const auto o = static_cast<std::size_t>(p.owner);
      send(r, o, [this, r, o, p] {
        if (!owners_[o].serves) return send(r, o, [this, r, p] { nodes_[r].near.on_answer(p, std::nullopt, now_); });
        const auto a = owners_[o].interest.on_poll(p.session, now_);
        send(r, o, [this, r, p, a] { nodes_[r].near.on_answer(p, a, now_); });
      });
    }
  }

  void learn(std::size_t r, std::size_t owner, duration late) {
    after(late, [this, r, owner, turn = ++turn_[r]] {
      if (turn != turn_[r]) return;
      nodes_[r].owner = owner;
      nodes_[r].near.on_owners_changed();
    });
  }

  void trouble() {
    after(some(500ms, 4s), [this] { trouble(); });
    const std::pair<std::size_t, std::size_t> link{dice_.below(readers), dice_.below(owners)};
    switch (dice_.below(4)) {
      case 0: cut_.insert(link); break;
      case 1: cut_.clear(); break;
      default: {
        const auto from = owner_;
        owner_ = (owner_ + 1) % owners;
        // By plan it says what it lost; otherwise it is cut off, its lease ends, and it hears of that much later.
        const bool planned = dice_.below(2) == 0;
        owners_[from].serves = false;
        if (planned)
          owners_[from].interest.on_lost();
        else
          after(some(500ms, 3s), [this, from] { owners_[from].interest.on_lost(); });
        after(some(1ms, 300ms), [this, to = owner_] { owners_[to].serves = owner_ == to; });
        for (std::size_t r = 0; r < readers; ++r) learn(r, owner_, some(1ms, 2s));
      }
    }
  }

  random dice_;
  time_point now_{std::chrono::hours(1)};
  std::multimap<time_point, std::function<void()>> events_;
  std::vector<reader> nodes_;
  std::array<owner_node, owners> owners_{owner_node{{}, true}, owner_node{}};
  std::size_t owner_ = 0;
  std::array<std::uint64_t, readers> turn_{};
  std::set<std::pair<std::size_t, std::size_t>> cut_;
  std::array<std::vector<write>, keys> written_;
  std::uint64_t version_ = 0;
};

TEST(near_cache_seeds, nobody_sees_time_go_backwards_and_nothing_is_older_than_it_may_be) {
  std::uint64_t hits = 0, told = 0, resets = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    near_world world(seed);
    world.run(60s);
    if (HasFailure()) return;
    hits += world.hits();
    told += world.told();
    resets += world.resets();
  }
  EXPECT_GT(hits, 50'000u);
  EXPECT_GT(told, 10'000u);
  EXPECT_GT(resets, 1'000u);
}

}  // namespace
}  // namespace troupe
