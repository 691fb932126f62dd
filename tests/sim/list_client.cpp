#include "tests/sim/list_client.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "runtime/cache/procedures/transaction.hpp"

namespace troupe::sim {

namespace {

// Keys of one shard; `which`: 1 is pushed to, 2 gets what is moved.
std::string name_of(std::uint32_t shard, int which) {
  return "s" + std::to_string(shard) + "l" + std::to_string(which);
}

std::string packed(std::initializer_list<std::string> words) {
  std::string all;
  for (const auto& w : words) pack_word(all, w);
  return all;
}

// The numbers among the bulks of a reply.
std::vector<std::uint64_t> numbers_of(std::string_view reply) {
  std::vector<std::uint64_t> found;
  while (!reply.empty()) {
    const auto end = reply.find("\r\n");
    if (end == std::string_view::npos) break;
    const bool bulk = reply.front() == '$';
    reply.remove_prefix(end + 2);
    if (!bulk) continue;
    found.push_back(std::strtoull(std::string(reply.substr(0, reply.find('\r'))).c_str(), nullptr, 10));
    reply.remove_prefix(reply.find("\r\n") + 2);
  }
  return found;
}

}  // namespace

void list_client::start(duration gap) {
  w_.after(gap, [weak = weak_from_this(), gap] {
    const auto self = weak.lock();
    if (!self || self->resting_) return;
    const auto shard = static_cast<std::uint32_t>(self->rng_.below(simulated_shards));
    const auto dice = self->rng_.below(10);
    (void)self->command(shard, dice < 5 ? what::push : dice < 8 ? what::move : what::read);
    self->start(gap);
  });
}

bool list_client::read_all() {
  bool all = true;
  for (std::uint32_t s = 0; s < simulated_shards; ++s) all = command(s, what::read) && all;
  return all;
}

// One command under way. Whoever lets go of it without an answer (a process that died) leaves its outcome unknown.
struct list_client::question {
  std::weak_ptr<list_client> client;
  std::uint32_t shard = 0;
  what asked = what::read;
  std::uint64_t number = 0;
  std::uint64_t created = 0;
  std::vector<std::uint64_t> wanted;  // of a read: what was acknowledged before it
  bool answered = false;

  void answer(const owned_reply& r) {
    answered = true;
    if (const auto c = client.lock()) c->learn(*this, r);
  }
  ~question() {
    if (!answered) answer(owned_reply::failed(errc::outcome_unknown));
  }
};

bool list_client::command(std::uint32_t shard, what asked) {
  time_point clock;
  cluster_process* p = nullptr;
  for (node_index n = 0; n < w_.size() && p == nullptr; ++n) {
    auto* candidate = w_.process_of<cluster_process>(n);
    if (candidate == nullptr || w_.paused(n)) continue;
    clock = w_.clock_of(n);
    if ((candidate->serves(clock) & shard_set{1} << shard) != 0) p = candidate;
  }
  if (p == nullptr) return false;
  auto& lists = shards_[shard];
  const auto created = p->stores().at(shard).created();
  if (lists.created != created) lists = {created, {}, false, false};
  bool* const under_way = asked == what::push ? &lists.pushing : asked == what::move ? &lists.moving : nullptr;
  if (under_way != nullptr && std::exchange(*under_way, true)) return true;

  auto q = std::make_shared<question>();
  q->client = weak_from_this();
  q->shard = shard;
  q->asked = asked;
  q->created = created;
  const auto first = name_of(shard, 1);
  const auto second = name_of(shard, 2);
  std::string words;
  cache_command c;
  c.op = cache_op::run;
  c.key = first;
  if (asked == what::push) {
    q->number = ++next_;
    lists.pushes[q->number] = outcome::under_way;
    c.procedure = procedure::rpush;
    words = packed({first, std::to_string(q->number)});
  } else if (asked == what::move) {
    c.procedure = procedure::lmove;
    words = packed({first, second, "LEFT", "RIGHT"});
  } else {
    for (const auto& [number, o] : lists.pushes) {
      if (o == outcome::done) q->wanted.push_back(number);
    }
    transaction_words both;
    both.add(procedure::lrange, packed({second, "0", "-1"}));
    both.add(procedure::lrange, packed({first, "0", "-1"}));
    c.procedure = procedure::transaction;
    words = both.packed();
  }
  c.value = words;
  p->submit(shard, c, clock + std::chrono::seconds(2), clock, [q](owned_reply r) { q->answer(r); });
  return true;
}

void list_client::learn(const question& q, const owned_reply& r) {
  auto& lists = shards_[q.shard];
  if (lists.created != q.created) return;  // the shard was made anew meanwhile
  if (q.asked == what::read) {
    if (r.code == errc::ok) learn_read(q, lists, r);
    return;
  }
  if (q.asked == what::move) {
    lists.moving = false;
    if (r.code == errc::ok) ++moved_;
    return;
  }
  lists.pushing = false;
  auto& push = lists.pushes[q.number];
  if (r.code == errc::ok) {
    push = outcome::done;
    ++acknowledged_;
  } else if (push == outcome::under_way) {
    push = r.code == errc::outcome_unknown ? outcome::unknown : outcome::refused;
  }
}

void list_client::learn_read(const question& q, shard_lists& lists, const owned_reply& r) {
  ++read_;
  const auto found = numbers_of(r.value);
  const auto where = "the lists of shard " + std::to_string(q.shard);
  std::uint64_t last = 0;
  for (const auto number : found) {
    if (number <= last) return w_.fail(where + " have " + std::to_string(number) + " behind " + std::to_string(last));
    last = number;
    const auto push = lists.pushes.find(number);
    if (push == lists.pushes.end() || push->second == outcome::refused)
      return w_.fail(where + " have " + std::to_string(number) + ", which was never pushed");
    if (push->second == outcome::unknown) push->second = outcome::done;  // seen once, seen for ever
  }
  for (const auto number : q.wanted) {
    if (!std::binary_search(found.begin(), found.end(), number))
      return w_.fail(where + " have lost " + std::to_string(number));
  }
}

}  // namespace troupe::sim
