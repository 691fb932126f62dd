#include "tests/sim/shard_client.hpp"

#include <utility>

#include "tests/sim/cluster_clients.hpp"

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
    if (!self || self->resting_) return;
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

// One command under way. Whoever lets go of it without an answer (a process that died) leaves its outcome unknown.
struct shard_client::question {
  std::weak_ptr<shard_client> client;
  std::uint32_t shard = 0, key = 0;
  int what = read_key;
  std::string value;
  std::uint64_t created = 0;
  bool answered = false;

  void answer(const owned_reply& r) {
    answered = true;
    if (const auto c = client.lock()) c->learn(*this, r);
  }
  ~question() {
    if (!answered) answer(owned_reply::failed(errc::outcome_unknown));
  }
};

bool shard_client::command(std::uint32_t shard, std::uint32_t key, int what) {
  const auto [p, node, clock] = server_of(w_, shard);
  if (p == nullptr) {
    ++unserved_;
    return false;
  }
  auto& held = p->stores().at(shard);
  auto& e = expected_[shard];
  if (held.created() < e.created) w_.fail("shard " + std::to_string(shard) + " is served from older data");
  if (held.created() != e.created) {
    if (e.acknowledged) ++shards_lost_;
    e = {held.created(), {}, false};
  }
  auto& known = e.keys[key];
  bool& under_way = what == read_key ? known.reading : known.writing;
  if (std::exchange(under_way, true)) return true;
  auto q = std::make_shared<question>();
  q->client = weak_from_this();
  q->shard = shard;
  q->key = key;
  q->what = what;
  q->created = e.created;
  const auto name = name_of(shard, key);
  cache_command c;
  c.key = name;
  if (what == write_key) {
    c.op = cache_op::put;
    q->value = std::to_string(++next_value_);
    c.value = q->value;
  } else if (what == erase_key) {
    c.op = cache_op::erase;
  }
  if (what == read_key) {
    known.readable = known.possible;
    if (known.writing) known.readable.insert(known.pending);
    known.overtaken = false;
  } else {
    known.pending = q->value;
    known.readable.insert(q->value);
  }
  p->submit(shard, c, clock + std::chrono::seconds(2), clock, [q](owned_reply r) { q->answer(r); });
  return true;
}

void shard_client::learn(const question& q, const owned_reply& r) {
  auto& e = expected_[q.shard];
  if (e.created != q.created) return;  // the shard was made anew meanwhile
  auto& k = e.keys[q.key];
  const bool found = r.code == errc::ok;
  if (q.what == read_key) {
    k.reading = false;
    if (found || r.code == errc::not_found) learn_read(q, k, found ? r.value : std::string());
    return;
  }
  k.writing = false;
  k.overtaken = true;
  e.acknowledged = e.acknowledged || found;
  learn_write(q, k, r);
  k.readable.insert(k.possible.begin(), k.possible.end());
}

void shard_client::learn_read(const question& q, knowledge& k, const std::string& found) {
  if (!k.readable.contains(found)) return fail(q, k.readable, found);
  if (!k.overtaken) k.possible = {found};
}

void shard_client::learn_write(const question& q, knowledge& k, const owned_reply& r) {
  if (r.code == errc::ok) {
    ++acknowledged_;
    k.possible = {q.value};  // of an erase: none
  } else if (q.what == erase_key && r.code == errc::not_found) {
    if (!k.possible.contains("")) return fail(q, k.possible, "");
    k.possible = {""};
  } else if (r.code == errc::outcome_unknown) {
    ++unknown_;
    k.possible.insert(q.value);
  }
}

void shard_client::fail(const question& q, const std::set<std::string>& wanted, const std::string& found) {
  std::string words;
  for (const auto& v : wanted) words += (words.empty() ? "" : " or ") + (v.empty() ? "nothing" : v);
  w_.fail("key " + name_of(q.shard, q.key) + " is " + (found.empty() ? "nothing" : found) + ", it should be " + words);
}

}  // namespace troupe::sim
