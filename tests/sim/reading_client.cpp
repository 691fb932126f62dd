#include "tests/sim/reading_client.hpp"

#include <algorithm>

#include "tests/sim/cluster_clients.hpp"

namespace troupe::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Clocks of processes differ by 200 parts in a million.
constexpr duration clock_slack = milliseconds(5);

}  // namespace

std::string reading_client::name_of(key k) { return "s" + std::to_string(k.first) + "r" + std::to_string(k.second); }

void reading_client::start(duration gap) {
  w_.after(gap, [weak = weak_from_this(), gap] {
    const auto self = weak.lock();
    if (!self || self->resting_) return;
    self->act();
    self->start(gap);
  });
}

void reading_client::act() {
  const auto some = [this] {
    return key{static_cast<std::uint32_t>(rng_.below(simulated_shards)),
               static_cast<std::uint32_t>(rng_.below(keys_each))};
  };
  if (rng_.below(3) == 0) {
    const auto k = some();
    write(k, k.second == keys_each - 1 && rng_.below(3) == 0);
  }
  for (node_index n = 0; n < w_.size(); ++n) {
    for (int i = 0; i < 2; ++i) read(n, some());
  }
}

void reading_client::write(key k, bool erase) {
  const auto [p, node, clock] = server_of(w_, k.first);
  if (p == nullptr) return;
  const auto name = name_of(k);
  cache_command c;
  c.key = name;
  if (erase) {
    c.op = cache_op::erase;
    return p->submit(k.first, c, clock + seconds(2), clock, [](const owned_reply&) {});
  }
  (void)is_judged(k.first);
  auto& all = writes_[k];
  all.push_back({w_.now(), duration::max()});
  const auto number = all.size();
  const auto value = std::to_string(number);
  c.op = cache_op::put;
  c.value = value;
  p->submit(k.first, c, clock + seconds(2), clock, [weak = weak_from_this(), k, number](const owned_reply& r) {
    const auto self = weak.lock();
    if (!self || r.code != errc::ok) return;
    if (self->is_judged(k.first)) self->writes_[k][number - 1].acknowledged = self->w_.now();
    ++self->acknowledged_;
  });
}

// The record that made the shard, as far as any node knows it: also while nobody serves it.
std::uint64_t reading_client::created_of(std::uint32_t shard) const {
  std::uint64_t latest = 0;
  for (node_index n = 0; n < w_.size(); ++n) {
    const auto* p = w_.process_of<cluster_process>(n);
    if (p != nullptr && shard < p->adopted().rows.size()) latest = std::max(latest, p->adopted().rows[shard].created);
  }
  return latest;
}

bool reading_client::is_judged(std::uint32_t shard) {
  auto& lived = lives_[shard];
  if (const auto created = created_of(shard); created > lived.created) {
    const bool lost = std::exchange(lived.created, created) != 0;
    if (lost) lived.judged_from = w_.now() + seconds(3);
    for (std::uint32_t i = 0; i < keys_each; ++i) {
      for (auto& one : writes_[{shard, i}]) one.acknowledged = duration::max();
      std::erase_if(seen_, [&](const auto& row) { return row.first.second == key{shard, i}; });
    }
  }
  return w_.now() >= lived.judged_from;
}

void reading_client::read(node_index n, key k) {
  auto* p = w_.process_of<cluster_process>(n);
  if (p == nullptr || w_.paused(n) || p->copies() == nullptr) return;
  ++asked_;
  const auto found = p->copies()->find(k.first, name_of(k), w_.clock_of(n));
  if (!found) return;
  ++answered_;
  if (!is_judged(k.first)) return;
  if (k.second == keys_each - 1) return;  // it is erased now and then: its number says nothing
  const std::uint64_t number = found->found ? std::stoull(std::string(found->value)) : 0;
  const auto where = "key " + name_of(k) + " at node " + std::to_string(n) + " is " + std::to_string(number);
  const auto& all = writes_[k];
  if (number > all.size()) return w_.fail(where + ", which nobody wrote");
  for (auto later = number; later < all.size(); ++later) {
    if (all[later].acknowledged == duration::max()) continue;
    if (all[later].acknowledged + local_copy::trust + clock_slack < w_.now())
      return w_.fail(where + ", but " + std::to_string(later + 1) + " was acknowledged too long ago");
  }
  auto& last = seen_[{n, k}];
  if (last.process == p->id() && number < last.number)
    return w_.fail(where + ", after it was " + std::to_string(last.number));
  last = {p->id(), number};
}

bool reading_client::converged(std::string* why) {
  const auto say = [why](const std::string& text) {
    if (why != nullptr) *why = text;
    return false;
  };
  for (std::uint32_t s = 0; s < simulated_shards; ++s) {
    const auto [owner, node, clock] = server_of(w_, s);
    if (owner == nullptr) return say("shard " + std::to_string(s) + " is served nowhere");
    std::map<std::string, std::pair<std::uint64_t, std::string>> wanted;
    (void)owner->stores().at(s).store().scan(0, SIZE_MAX, clock, [&](const shard_store::entry_view& e) {
      wanted.emplace(std::string(e.key), std::pair(e.version, std::string(e.value)));
    });
    for (node_index n = 0; n < w_.size(); ++n) {
      auto* p = w_.process_of<cluster_process>(n);
      if (p == nullptr) continue;
      const auto where = "shard " + std::to_string(s) + " at node " + std::to_string(n);
      if (p->copies()->held().whole(0) != simulated_shards) return say("node " + std::to_string(n) + " is not whole");
      std::map<std::string, std::pair<std::uint64_t, std::string>> held;
      p->copies()->held().each(0, s, [&](const std::string& k, std::uint64_t version, const auto& value) {
        held.emplace(k, std::pair(version, value.value_or("?")));
      });
      if (held != wanted) return say(where + " is not what the primary has");
    }
  }
  return true;
}

}  // namespace troupe::sim
