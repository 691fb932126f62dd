// The streams of writes of a node's shards: their ticks, answers, replies whose time has come; and clients that wait
// for elements.
#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "actors/cache/shard_host.hpp"

namespace troupe {

void shard_host::on_restless(std::function<void()> wake) {
  const std::lock_guard lock(wake_mutex_);
  wake_ = std::move(wake);
  ticking_.store(false, std::memory_order_release);
}

void shard_host::want_ticks() {
  if (ticking_.exchange(true, std::memory_order_acq_rel)) return;
  const std::lock_guard lock(wake_mutex_);
  if (wake_) wake_();
}

void shard_host::give(std::vector<ready_reply>& ready) {
  for (auto& r : ready) r.done(std::move(r.reply));
  ready.clear();
}

void shard_host::give(std::vector<called_client>& called) {
  for (auto& c : called) c.done(std::move(c.reply));
  called.clear();
}

// Under the shard's lock.
void shard_host::gather(hosted_shard& s, std::vector<called_client>& called) {
  const auto move_all = [&called](std::vector<called_client> some) {
    std::move(some.begin(), some.end(), std::back_inserter(called));
  };
  if (s.held.waiting().has_called()) move_all(s.held.waiting().take_called());
  auto* loads = s.held.loads_so_far();
  if (loads != nullptr && loads->has_called()) move_all(loads->take_called());
}

bool shard_host::wait(const cache_command& command, time_point now, time_point until, reply_callback& done) {
  std::vector<called_client> called;
  {
    auto& s = shards_[shard_of_key(command.key)];
    const std::lock_guard lock(s.lock);
    if (!s.held.is_primary() || !may_serve(now) || s.held.stream().recovering()) return false;
    if (closed_.load(std::memory_order_relaxed)) return false;
    s.held.wait(command, now, until, std::exchange(done, nullptr));
    gather(s, called);
  }
  give(called);
  want_ticks();
  return true;
}

bool shard_host::tick_streams(time_point now) {
  ticking_.store(false, std::memory_order_release);  // who becomes restless during the round wakes again
  bool restless = false;
  std::vector<laggard> late;
  std::vector<ready_reply> ready;
  std::vector<called_client> called;
  for (std::uint32_t i = 0; i < shards(); ++i) {
    auto& s = shards_[i];
    const std::lock_guard lock(s.lock);
    if (!s.held.waiting().empty()) {
      s.held.tick_waiting(now);
      gather(s, called);
      restless = true;
    }
    if (auto* loads = s.held.loads_so_far(); loads != nullptr && loads->loading()) {
      loads->on_tick(now);
      gather(s, called);
      restless = true;
    }
    auto& stream = s.held.stream();
    if (!stream.restless()) continue;
    stream.on_tick(s.held.store(), now, *channel_);
    stream.laggards(now, [&](std::uint64_t pid) { late.push_back({i, stream.epoch(), pid}); });
    auto some = stream.take_ready();
    std::move(some.begin(), some.end(), std::back_inserter(ready));
    restless = restless || stream.restless();
  }
  give(ready);
  give(called);
  if (!late.empty() && tell_laggards_) tell_laggards_(std::move(late));
  if (restless) ticking_.store(true, std::memory_order_release);
  return restless;
}

void shard_host::on_answer(std::uint64_t pid, const stream_answer& a, std::span<const stream_entry> entries,
                           time_point now) {
  if (a.shard >= shards()) return;
  std::vector<ready_reply> ready;
  bool restless = false;
  {
    auto& s = shards_[a.shard];
    const std::lock_guard lock(s.lock);
    s.held.on_answer(pid, a, entries, now, *channel_);
    ready = s.held.stream().take_ready();
    restless = s.held.stream().restless();
  }
  give(ready);
  if (restless) want_ticks();
}

void shard_host::set_journal(shard_journal* journal) {
  journal_ = journal;
  for (auto& s : shards_) {
    const std::lock_guard lock(s.lock);
    s.held.set_journal(journal);
  }
}

void shard_host::on_logged(std::uint32_t shard, std::uint64_t turn, std::uint64_t sequence) {
  std::vector<ready_reply> ready;
  {
    auto& s = shards_[shard];
    const std::lock_guard lock(s.lock);
    s.held.on_logged(turn, sequence);
    if (s.held.stream().has_ready()) ready = s.held.stream().take_ready();
  }
  give(ready);
}

void shard_host::close() {
  closed_.store(true, std::memory_order_relaxed);
  std::vector<ready_reply> ready;
  std::vector<called_client> called;
  for (auto& s : shards_) {
    const std::lock_guard lock(s.lock);
    s.held.waiting().give_up();
    if (auto* loads = s.held.loads_so_far()) loads->give_up(errc::unavailable);
    gather(s, called);
    s.held.stream().give_up_held("the node stops");
    auto some = s.held.stream().take_ready();
    std::move(some.begin(), some.end(), std::back_inserter(ready));
  }
  give(ready);
  give(called);
}

void shard_host::on_broken(std::uint64_t pid, std::uint32_t shard, time_point now) {
  {
    auto& s = shards_[shard];
    const std::lock_guard lock(s.lock);
    s.held.stream().on_broken(pid, now);
  }
  want_ticks();
}

}  // namespace troupe
