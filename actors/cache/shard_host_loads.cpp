// Values that a loader brings: a get that begins a load or waits for one, and the end of a load.
#include <mutex>
#include <utility>
#include <vector>

#include "actors/cache/shard_host.hpp"

namespace troupe {

namespace {

/// Times that other shards make room before a loaded value is given without being stored.
constexpr int room_attempts_max = 4;

owned_reply reply_of(const shard_loads::asked& a) {
  using outcome = shard_loads::outcome;
  if (a.what == outcome::full) return owned_reply::failed(errc::unavailable, "too many loads of this cache wait");
  owned_reply r;
  r.code = a.what == outcome::stale ? errc::ok : errc::not_found;
  r.stale = a.what == outcome::stale || a.what == outcome::loading;
  r.version = a.version;
  r.ttl = a.left;
  r.value.assign(a.value);
  return r;
}

}  // namespace

bool shard_host::load(const cache_command& command, time_point now, time_point deadline, const load_terms& terms,
                      reply_callback& done, std::uint64_t& begun) {
  auto& s = shards_[shard_of_key(command.key)];
  owned_reply reply;
  std::vector<called_client> called;
  {
    const std::lock_guard lock(s.lock);
    if (!s.held.is_primary() || !may_serve(now) || s.held.stream().recovering()) return false;
    if (closed_.load(std::memory_order_relaxed)) return false;
    const auto r = s.held.replicate(command, now, *channel_);
    if (r.reply.code == errc::not_found) {
      const auto a = s.held.loads().ask(
          {command.cache, command.key, deadline, command.awaits, terms.patience, terms.budget}, now, done);
      begun = a.begin;
      if (done) reply = reply_of(a);
    } else {
      reply = copy_of(r.reply);
      if (r.wait_for > s.held.stream().committed())
        s.held.stream().hold(r.wait_for, std::move(reply), false, deadline, std::exchange(done, nullptr));
    }
    gather(s, called);
  }
  give(called);
  if (!done || begun != 0) want_ticks();
  if (done) std::exchange(done, nullptr)(std::move(reply));
  return true;
}

void shard_host::finish_load(std::uint32_t shard, std::uint64_t load, const load_result& result, time_point now) {
  auto& s = shards_[shard];
  for (int attempt = 0;; ++attempt) {
    std::vector<called_client> called;
    std::uint64_t wanted = 0;  // room
    cache_id cache = any_cache;
    {
      const std::lock_guard lock(s.lock);
      auto* loads = s.held.loads_so_far();
      const auto* f = loads == nullptr ? nullptr : loads->find(load);
      if (f == nullptr) return;
      cache = f->cache;
      if (!result) {
        loads->finish_failed(load, result.error().code, result.error().context, now);
      } else if (!*result) {
        loads->finish_none(load, rules_.of(cache).negative_ttl, now);
      } else if (const auto size = f->key.size() + (*result)->bytes.size();
                 !store_loaded(s, load, **result, now, attempt == room_attempts_max)) {
        wanted = size;
      }
      gather(s, called);
    }
    give(called);
    if (wanted == 0) return want_ticks();
    if (!make_room(wanted, shard, cache, now)) attempt = room_attempts_max - 1;
  }
}

// Under the lock. False when there is no room and it is not to be given `anyway`: nothing was done.
bool shard_host::store_loaded(hosted_shard& s, std::uint64_t load, const loaded_value& value, time_point now,
                              bool anyway) {
  auto& loads = s.held.loads();
  const auto f = *loads.find(load);
  owned_reply reply;
  reply.value = value.bytes;
  reply.ttl = value.ttl.value_or(duration::zero());
  std::uint64_t wait_for = 0;
  if (!s.held.is_primary() || !may_serve(now)) {
    reply = owned_reply::failed(errc::not_owner);
  } else if (f.current) {
    cache_command put;
    put.op = cache_op::put;
    put.condition = write_condition::if_absent;
    put.cache = f.cache;
    put.key = f.key;
    put.value = value.bytes;
    put.ttl = reply.ttl;
    loads.begin_store(load);
    const auto r = s.held.replicate(put, now, *channel_);
    loads.end_store();
    if (r.reply.code == errc::out_of_memory && !anyway) return false;
    if (r.reply.code == errc::ok) {
      reply.version = r.reply.version;
      wait_for = r.wait_for;
    }
  }
  auto& stream = s.held.stream();
  for (auto& c : loads.take(load)) {
    if (wait_for > stream.committed())
      stream.hold(wait_for, reply, false, c.deadline, std::move(c.done));
    else
      loads.call(reply, std::move(c.done));
  }
  return true;
}

// --- for the backing store

std::uint64_t shard_host::next_version(cache_id, std::string_view key, std::uint64_t above) {
  auto& s = shards_[shard_of_key(key)];
  const std::lock_guard lock(s.lock);
  return s.held.is_primary() ? s.held.store().next_version(above) : 0;
}

std::uint64_t shard_host::begin_load(cache_id, std::string_view key) {
  auto& s = shards_[shard_of_key(key)];
  const std::lock_guard lock(s.lock);
  return s.held.is_primary() ? s.held.store().commits() : 0;
}

bool shard_host::apply_loaded(cache_id cache, std::string_view key, std::string_view value, std::uint64_t version,
                              duration ttl, time_point now, std::uint64_t as_of) {
  auto& s = shards_[shard_of_key(key)];
  const std::lock_guard lock(s.lock);
  return s.held.is_primary() && s.held.store().apply_loaded(cache, key, value, version, ttl, now, as_of);
}

bool shard_host::apply_committed(cache_id cache, std::string_view key, std::string_view value, std::uint64_t version,
                                 duration ttl, time_point now) {
  auto& s = shards_[shard_of_key(key)];
  const std::lock_guard lock(s.lock);
  return s.held.is_primary() && s.held.apply_committed(cache, key, value, version, ttl, now);
}

bool shard_host::apply_erased(cache_id cache, std::string_view key, std::uint64_t version) {
  auto& s = shards_[shard_of_key(key)];
  const std::lock_guard lock(s.lock);
  return s.held.is_primary() && s.held.apply_erased(cache, key, version);
}

}  // namespace troupe
