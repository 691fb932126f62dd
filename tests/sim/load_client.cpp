#include "tests/sim/load_client.hpp"

#include <algorithm>
#include <functional>

#include "tests/sim/cluster_clients.hpp"

namespace troupe::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr duration patience = seconds(2);

}  // namespace

std::string load_client::name_of(key k) { return "s" + std::to_string(k.first) + "l" + std::to_string(k.second); }

void load_client::start(duration gap, duration drops) {
  act_again(gap);
  drop_again(drops);
}

void load_client::act_again(duration gap) {
  w_.after(gap, [weak = weak_from_this(), gap] {
    const auto self = weak.lock();
    if (!self || self->resting_) return;
    self->act();
    self->act_again(gap);
  });
}

void load_client::drop_again(duration drops) {
  w_.after(drops, [weak = weak_from_this(), drops] {
    const auto self = weak.lock();
    if (!self || self->resting_) return;
    for (std::uint32_t s = 0; s < simulated_shards; ++s) self->drop(s);
    self->drop_again(drops);
  });
}

// Few keys, so that gets meet on loads.
void load_client::act() {
  const key k{static_cast<std::uint32_t>(rng_.below(simulated_shards)), static_cast<std::uint32_t>(rng_.below(2))};
  const auto dice = rng_.below(20);
  if (dice >= 3)
    for (std::uint64_t i = 0; i <= rng_.below(3); ++i) (void)get(k);
  else if (dice == 0)
    put(k);
  else
    erase(k);
}

bool load_client::read_all() {
  bool all = true;
  for (std::uint32_t s = 0; s < simulated_shards; ++s) all = get({s, 0}) && get({s, 1}) && all;
  return all;
}

bool load_client::get(key k) {
  const auto [p, n, clock] = server_of(w_, k.first);
  if (p == nullptr) return false;
  const auto name = name_of(k);
  cache_command c;
  c.key = name;
  ++asked_;
  const auto done = answered_once::make([weak = weak_from_this(), k, least = truths_[k].least](const owned_reply& r) {
    const auto self = weak.lock();
    if (!self) return;
    --self->asked_;
    if (r.code != errc::ok) return;
    ++self->numbers_.values;
    const auto number = std::stoull(r.value);
    if (number < least || number > self->truths_[k].now)
      self->w_.fail("key " + name_of(k) + " is " + r.value +
                    ", which was overtaken or dropped before it was asked for: at least " + std::to_string(least));
  });
  if (k.second != 0) {
    p->submit(k.first, c, clock + patience, clock, done);
    return true;
  }
  const auto before = asked_;
  const auto begun = p->load(k.first, c, clock + patience, clock, done);
  if (begun != 0) return begin_load(k, n, *p, begun), true;
  if (asked_ == before && p->stores().at(k.first).is_loading()) ++numbers_.shared;
  return true;
}

// Whether a load is one that others are to wait for: its process lives and serves, and nothing overtook it.
bool load_client::is_current(const flight& f, std::uint32_t shard) {
  auto* p = w_.process_of<cluster_process>(f.node);
  if (p == nullptr || p->id() != f.process) return false;
  if ((p->serves(w_.clock_of(f.node)) & shard_set{1} << shard) == 0) return false;
  auto* loads = p->stores().at(shard).loads_so_far();
  const auto* found = loads == nullptr ? nullptr : loads->find(f.load);
  return found != nullptr && found->current;
}

void load_client::begin_load(key k, node_index n, cluster_process& p, std::uint64_t load) {
  auto& all = flights_[k];
  for (const auto& other : all) {
    if (is_current(other, k.first)) w_.fail("two loads of key " + name_of(k) + " run at the same time");
  }
  ++numbers_.loads;
  const flight f{n, p.id(), load};
  all.push_back(f);
  // The database is read at some moment, and the answer comes some time later.
  const auto read = rng_.between(milliseconds(0), milliseconds(60));
  const auto answer = rng_.between(milliseconds(0), rng_.below(20) == 0 ? seconds(5) : duration(milliseconds(60)));
  w_.after(read, [weak = weak_from_this(), k, f, answer] {
    const auto self = weak.lock();
    if (!self) return;
    self->w_.after(answer, [weak, k, f, number = self->truths_[k].now] {
      if (const auto alive = weak.lock()) alive->end_load(k, f, number);
    });
  });
}

void load_client::end_load(key k, const flight& f, std::uint64_t number) {
  if (w_.paused(f.node)) {  // it hears of it when it goes on
    w_.after(milliseconds(100), [weak = weak_from_this(), k, f, number] {
      if (const auto self = weak.lock()) self->end_load(k, f, number);
    });
    return;
  }
  std::erase_if(flights_[k], [&](const flight& o) { return o.process == f.process && o.load == f.load; });
  auto* p = w_.process_of<cluster_process>(f.node);
  if (p == nullptr || p->id() != f.process) return;
  loaded_value value;
  value.bytes = std::to_string(number);
  const load_result failed = fail(errc::unavailable, "the database is down");
  p->finish_load(k.first, f.load, rng_.below(20) == 0 ? failed : load_result(std::optional(value)),
                 w_.clock_of(f.node));
}

void load_client::acknowledge(key k, std::uint64_t number, const owned_reply& r) {
  if (r.code != errc::ok && r.code != errc::not_found) return;
  auto& t = truths_[k];
  t.least = std::max(t.least, number);
}

void load_client::erase(key k) {
  const auto [p, n, clock] = server_of(w_, k.first);
  if (p == nullptr) return;
  const auto name = name_of(k);
  cache_command c;
  c.op = cache_op::erase;
  c.key = name;
  p->submit(k.first, c, clock + patience, clock,
            answered_once::make([weak = weak_from_this(), k, number = ++truths_[k].now](const owned_reply& r) {
              const auto self = weak.lock();
              if (!self) return;
              self->acknowledge(k, number, r);
              self->numbers_.changes += r.code == errc::ok ? 1 : 0;
            }));
}

void load_client::put(key k) {
  const auto [p, n, clock] = server_of(w_, k.first);
  if (p == nullptr) return;
  const auto name = name_of(k);
  const auto number = ++truths_[k].now;
  const auto value = std::to_string(number);
  cache_command c;
  c.op = cache_op::put;
  c.key = name;
  c.value = value;
  p->submit(k.first, c, clock + patience, clock,
            answered_once::make([weak = weak_from_this(), k, number](const owned_reply& r) {
              const auto self = weak.lock();
              if (!self) return;
              self->acknowledge(k, number, r);
              self->numbers_.changes += r.code == errc::ok ? 1 : 0;
            }));
}

void load_client::drop(std::uint32_t shard) {
  const auto [p, n, clock] = server_of(w_, shard);
  if (p == nullptr) return;
  const auto name = name_of({shard, 0});
  cache_command c;
  c.op = cache_op::run;
  c.procedure = procedure::shard_drop;
  c.key = name;
  const auto first = ++truths_[{shard, 0}].now;
  const auto second = ++truths_[{shard, 1}].now;
  p->submit(shard, c, clock + patience, clock,
            answered_once::make([weak = weak_from_this(), shard, first, second](const owned_reply& r) {
              const auto self = weak.lock();
              if (!self || r.code != errc::ok) return;
              self->acknowledge({shard, 0}, first, r);
              self->acknowledge({shard, 1}, second, r);
              ++self->numbers_.drops;
            }));
}

}  // namespace troupe::sim
