#include "tests/sim/shard_client.hpp"

namespace troupe::sim {

namespace {

enum : int { read_key, write_key, erase_key, kinds_total };

std::string name_of(std::uint32_t shard, std::uint32_t key) {
  return "s" + std::to_string(shard) + "k" + std::to_string(key);
}

}  // namespace

void shard_client::start(duration gap) {
  w_.after(gap, [weak = weak_from_this(), gap] {
    const auto self = weak.lock();
    if (!self) return;
    self->act();
    self->start(gap);
  });
}

void shard_client::act() {
  const auto shard = static_cast<std::uint32_t>(rng_.below(simulated_shards));
  const auto key = static_cast<std::uint32_t>(rng_.below(keys_each));
  const auto dice = rng_.below(10);
  (void)command(shard, key, dice < 4 ? read_key : dice < 9 ? write_key : erase_key);
}

bool shard_client::read_all() {
  bool all = true;
  for (std::uint32_t s = 0; s < simulated_shards; ++s) {
    for (std::uint32_t k = 0; k < keys_each; ++k) all = command(s, k, read_key) && all;
  }
  return all;
}

cluster_process* shard_client::server_of(std::uint32_t shard, time_point& clock) {
  for (node_index n = 0; n < w_.size(); ++n) {
    auto* p = w_.process_of<cluster_process>(n);
    if (p == nullptr || w_.paused(n)) continue;
    clock = w_.clock_of(n);
    if ((p->serves(clock) & shard_set{1} << shard) != 0) return p;
  }
  return nullptr;
}

bool shard_client::command(std::uint32_t shard, std::uint32_t key, int what) {
  time_point clock;
  auto* p = server_of(shard, clock);
  if (p == nullptr) {
    ++unserved_;
    return false;
  }
  auto& held = p->stores().at(shard);
  auto& e = expected_[shard];
  if (held.created() < e.created) w_.fail("shard " + std::to_string(shard) + " is served from older data");
  if (held.created() != e.created) {
    if (!e.values.empty()) ++shards_lost_;
    e = {held.created(), {}};
  }
  const auto name = name_of(shard, key);
  cache_command c;
  c.key = name;
  std::string value;
  if (what == write_key) {
    c.op = cache_op::put;
    value = std::to_string(++next_value_);
    c.value = value;
  } else if (what == erase_key) {
    c.op = cache_op::erase;
  }
  const auto r = held.apply(c, clock);
  if (what == read_key) {
    compare(shard, key, r);
  } else if (r.code == errc::ok) {
    ++acknowledged_;
    if (what == write_key)
      e.values[key] = value;
    else
      e.values.erase(key);
  }
  return true;
}

void shard_client::compare(std::uint32_t shard, std::uint32_t key, const cache_reply& r) {
  const auto& values = expected_[shard].values;
  const auto expected = values.find(key);
  const std::string wanted = expected == values.end() ? "nothing" : expected->second;
  const std::string found = r.code == errc::ok ? std::string(r.value) : "nothing";
  if (wanted != found) w_.fail("key " + name_of(shard, key) + " is " + found + ", acknowledged was " + wanted);
}

}  // namespace troupe::sim
