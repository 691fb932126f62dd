#include "tests/sim/queue_client.hpp"

#include <cstdlib>
#include <functional>
#include <string>
#include <utility>

#include "runtime/cache/procedures/waiting_words.hpp"
#include "tests/sim/cluster_clients.hpp"

namespace troupe::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr duration way = milliseconds(1);  // between a client's node and the primary
constexpr duration rest = milliseconds(50);
constexpr duration slice = seconds(2);

std::string name_of(std::uint32_t shard) { return "s" + std::to_string(shard) + "q"; }

cache_command command(procedure p, const std::string& key, const std::string& words) {
  cache_command c;
  c.op = cache_op::run;
  c.procedure = p;
  c.key = key;
  c.value = words;
  return c;
}

std::string packed(std::initializer_list<std::string> words) {
  std::string all;
  for (const auto& w : words) pack_word(all, w);
  return all;
}

}  // namespace

void queue_client::start(duration gap) {
  for (std::uint32_t s = 0; s < simulated_shards; ++s) {
    for (std::size_t i = 0; i < waiting_each; ++i) {
      waiting_.push_back({s, ++next_id_});
      later(way, &queue_client::look, waiting_.size() - 1);
    }
  }
  push_again(gap);
}

void queue_client::push_again(duration gap) {
  w_.after(gap, [weak = weak_from_this(), gap] {
    const auto self = weak.lock();
    if (!self || !self->pushing_) return;
    self->push(static_cast<std::uint32_t>(self->rng_.below(simulated_shards)));
    self->push_again(gap);
  });
}

void queue_client::later(duration d, void (queue_client::*step)(std::size_t), std::size_t who) {
  w_.after(d, [weak = weak_from_this(), step, who] {
    if (const auto self = weak.lock()) (self.get()->*step)(who);
  });
}

cluster_process* queue_client::find(std::uint32_t shard, time_point& clock) {
  for (node_index n = 0; n < w_.size(); ++n) {
    auto* candidate = w_.process_of<cluster_process>(n);
    if (candidate == nullptr || w_.paused(n)) continue;
    clock = w_.clock_of(n);
    if ((candidate->serves(clock) & shard_set{1} << shard) != 0) return candidate;
  }
  return nullptr;
}

queue_client::queue& queue_client::queue_of(std::uint32_t shard, std::uint64_t created) {
  auto& q = queues_[shard];
  if (q.created != created) q = {created, {}, {}, 0};
  return q;
}

void queue_client::push(std::uint32_t shard) {
  time_point clock;
  auto* p = find(shard, clock);
  if (p == nullptr) return;
  const auto created = p->stores().at(shard).created();
  const auto number = ++next_number_;
  queue_of(shard, created).possible.insert(number);
  const auto key = name_of(shard);
  const auto words = packed({key, std::to_string(number)});
  p->submit(shard, command(procedure::rpush, key, words), clock + seconds(2), clock,
            answered_once::make([weak = weak_from_this(), shard, created, number](const owned_reply& r) {
              const auto self = weak.lock();
              if (!self || self->queues_[shard].created != created) return;
              auto& q = self->queues_[shard];
              // A client may have it already.
              if (r.code == errc::ok && q.possible.erase(number) != 0) q.acknowledged.insert(number);
              if (r.code != errc::ok && r.code != errc::outcome_unknown) q.possible.erase(number);
            }));
}

void queue_client::look(std::size_t who) {
  const auto& client = waiting_[who];
  time_point clock;
  auto* p = find(client.shard, clock);
  if (p == nullptr) return later(rest, &queue_client::look, who);
  const auto key = name_of(client.shard);
  const auto words = packed({key, "0"});
  auto c = command(procedure::blpop, key, words);
  c.version = client.id;
  const auto created = p->stores().at(client.shard).created();
  (void)queue_of(client.shard, created);
  p->submit(client.shard, c, clock + seconds(2), clock,
            answered_once::make([weak = weak_from_this(), who, created](const owned_reply& r) {
              if (const auto self = weak.lock()) self->on_looked(who, created, r);
            }));
}

void queue_client::on_looked(std::size_t who, std::uint64_t created, const owned_reply& r) {
  auto& client = waiting_[who];
  auto& q = queues_[client.shard];
  if (r.code == errc::outcome_unknown && q.created == created) ++q.unknown_pops;
  if (r.code != errc::ok) {
    client.id = ++next_id_;
    return later(rest, &queue_client::look, who);
  }
  if (is_null_reply(r.value)) return later(way, &queue_client::wait, who);
  client.id = ++next_id_;
  later(way, &queue_client::look, who);
  if (q.created != created) return;
  const auto last = r.value.substr(0, r.value.size() - 2);
  const auto number = std::strtoull(last.c_str() + last.rfind('\n') + 1, nullptr, 10);
  if (q.acknowledged.erase(number) == 0 && q.possible.erase(number) == 0)
    return w_.fail("the queue of shard " + std::to_string(client.shard) + " gave " + std::to_string(number) +
                   ", which is somebody's or was never pushed");
  ++popped_;
}

void queue_client::wait(std::size_t who) {
  const auto& client = waiting_[who];
  time_point clock;
  auto* p = find(client.shard, clock);
  if (p == nullptr) return later(rest, &queue_client::look, who);
  const auto key = name_of(client.shard);
  const auto words = pack(wait_words{value_type::list, {key}});
  auto c = command(procedure::await_keys, key, words);
  c.version = client.id;
  p->wait(client.shard, c, clock + slice, clock,
          answered_once::make([weak = weak_from_this(), who](const owned_reply& r) {
            const auto self = weak.lock();
            if (!self) return;
            if (r.code == errc::not_found) return self->later(way, &queue_client::wait, who);
            self->later(r.code == errc::ok ? way : rest, &queue_client::look, who);
          }));
}

void queue_client::check_drained() {
  for (const auto& [shard, q] : queues_) {
    if (q.acknowledged.size() <= q.unknown_pops) continue;
    w_.fail("the queue of shard " + std::to_string(shard) + " keeps " + std::to_string(q.acknowledged.size()) +
            " numbers from the clients that wait, or has lost them; pops of unknown outcome: " +
            std::to_string(q.unknown_pops));
  }
}

}  // namespace troupe::sim
