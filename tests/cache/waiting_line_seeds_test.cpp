// Clients that wait, at random on virtual time: they come, are called, pop, are slow, go without a word, or come back
// from another primary, while elements come. Whatever happens: nobody is called who is not first of those that are
// here, elements and clients never wait for each other for longer than the limits say, and nobody stays who is gone.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"
#include "runtime/cache/waiting_line.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr duration tick = 20ms;  // as shard_host ticks
constexpr duration slice = 2s;

class world {
 public:
  explicit world(std::uint64_t seed) : rng_(seed) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) step();
    // Everybody answers at once from now on: the line empties as far as there are elements, and those who are gone go.
    healed_ = true;
    for (int i = 0; i < 400; ++i) {
      now_ += tick;
      line_.on_tick(now_, holds_);
      settle();
    }
    for (const auto& [key, count] : elements_) {
      if (count == 0) continue;
      for (const auto& [id, c] : clients_)
        EXPECT_FALSE(c.here && c.keys.contains(key)) << "client " << id << " waits, and " << key << " has elements";
    }
    EXPECT_EQ(line_.size(), static_cast<std::size_t>(std::count_if(clients_.begin(), clients_.end(),
                                                                   [](const auto& c) { return c.second.here; })));
  }
  [[nodiscard]] int served() const { return served_; }

 private:
  struct client {
    std::set<std::string> keys;
    time_point since;
    time_point until;
    bool here = true;      // it has not gone
    bool in_line = false;  // an answer is to come
  };

  std::string key() { return std::string(1, static_cast<char>('a' + rng_.below(3))); }

  void step() {
    now_ += duration(static_cast<duration::rep>(rng_.below(30'000'000)));
    const auto dice = rng_.below(10);
    if (dice < 3) {
      client c;
      for (auto n = 1 + rng_.below(3); n > 0; --n) c.keys.insert(key());
      c.since = now_;
      clients_.emplace(++last_id_, c);
      wait(last_id_);
    } else if (dice < 6) {
      const auto k = key();
      elements_[k] += 1 + static_cast<int>(rng_.below(3));
      line_.on_written(0, k, now_, holds_);
    } else if (dice == 6 && !clients_.empty()) {
      leave(rng_.below(last_id_) + 1);
    } else if (dice == 7 && rng_.below(20) == 0) {
      line_.give_up();  // the shard moved: they come anew
    } else {
      line_.on_tick(now_, holds_);
    }
    settle();
  }

  void wait(std::uint64_t id) {
    auto& c = clients_.at(id);
    c.in_line = true;
    c.until = now_ + slice;
    line_.wait(
        {id, 0, value_type::list, {c.keys.begin(), c.keys.end()}, now_ - c.since, c.until},
        [this, id](const owned_reply& r) { answers_.emplace_back(id, r.code); }, now_, holds_);
  }

  void leave(std::uint64_t id) {
    const auto at = clients_.find(id);
    if (at == clients_.end() || !at->second.here) return;
    at->second.here = false;
    // Some go without a word: their node died.
    if (rng_.below(3) != 0) line_.leave(id, now_, holds_);
  }

  void settle() {
    for (auto& c : line_.take_called()) c.done(std::move(c.reply));
    while (!answers_.empty()) {
      const auto [id, code] = answers_.front();
      answers_.erase(answers_.begin());
      on_answer(id, code);
      for (auto& c : line_.take_called()) c.done(std::move(c.reply));
    }
  }

  void on_answer(std::uint64_t id, errc code) {
    const auto at = clients_.find(id);
    if (at == clients_.end()) return;
    at->second.in_line = false;
    if (!at->second.here) return;
    ASSERT_NE(code, errc::unavailable);
    if (code != errc::ok) return wait(id);
    pop(id);
  }

  // What its node does when it is called; now and then somebody else was quicker.
  void pop(std::uint64_t id) {
    auto& c = clients_.at(id);
    for (const auto& k : c.keys) {
      if (elements_[k] == 0) continue;
      std::vector<std::string_view> one{k};
      if (line_.is_ahead_of(id, c.since, 0, one, holds_)) continue;
      for (const auto& [other, o] : clients_) {
        const bool before = o.here && o.in_line && o.since < c.since && o.keys.contains(k);
        EXPECT_FALSE(before) << "client " << other << " came before " << id;
      }
      if (!healed_ && rng_.below(10) == 0) {
        --elements_[k];
        break;
      }
      --elements_[k];
      ++served_;
      clients_.erase(id);
      return line_.leave(id, now_, holds_);
    }
    wait(id);
  }

  struct holder {
    world& w;
    bool operator()(cache_id, std::string_view k, value_type type) const {
      const auto at = w.elements_.find(std::string(k));
      return type == value_type::list && at != w.elements_.end() && at->second > 0;
    }
  };

  random rng_;
  time_point now_{1h};
  waiting_line line_;
  std::map<std::string, int> elements_;
  std::map<std::uint64_t, client> clients_;
  std::uint64_t last_id_ = 0;
  std::vector<std::pair<std::uint64_t, errc>> answers_;
  bool healed_ = false;
  int served_ = 0;
  holder holds_{*this};
};

TEST(waiting_line_seeds, clients_and_elements_meet_in_order) {
  int served = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    world w(seed);
    w.run(300);
    served += w.served();
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(served, 10'000);
}

}  // namespace
}  // namespace troupe
