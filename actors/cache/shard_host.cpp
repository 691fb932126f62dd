#include "actors/cache/shard_host.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "actors/clock.hpp"
#include "runtime/base/check.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe {

namespace {

/// Entries that may have expired, looked at by one sweep in one shard.
constexpr std::size_t sweep_entries_max = 512;
/// Slots, while what was dropped is freed.
constexpr std::size_t dropped_slots_max = 4096;
/// Times that other shards make room before a write ends as out_of_memory: others may take what was freed.
constexpr int room_attempts_max = 4;
/// What one shard gives up at a time, about.
constexpr std::uint64_t evict_bytes_step = 4096;

/// Of a node that stands alone: nobody has copies.
class no_channel final : public replica_channel {
 public:
  bool append(std::uint64_t, const stream_position&, std::span<const stream_entry>) override { return false; }
  void ask(std::uint64_t, const stream_position&) override {}
};

replica_channel& nobody() {
  static no_channel none;
  return none;
}

// The wall clock at `now`, for a run: times to live are kept on the monotonic clock.
const cache_command& with_wall_clock(const cache_command& c, time_point now, cache_command& timed) {
  if (c.op != cache_op::run) return c;
  timed = c;
  const duration wall = wall_clock_now().time_since_epoch();
  timed.wall = wall - (clock_now() - now);
  return timed;
}

}  // namespace

shard_host::shard_host(const options& o)
    : backed_(o.backed),
      channel_(&nobody()),
      ledger_(o.memory_max),
      kept_(o.memory_max / kept_share),
      caches_(o.limits),
      rules_(o.rules),
      tenures_(o.shards),
      eviction_(o.eviction) {
  TROUPE_CHECK(o.shards >= 1 && o.shards <= shards_max);
  shards_.reserve(o.shards);
  for (std::uint32_t i = 0; i < o.shards; ++i)
    shards_.emplace_back(store_settings{&ledger_, o.hash_seed, o.eviction, &limits_, &caches_, &rules_, &kept_}, i);
}

owned_reply shard_host::copy_of(const cache_reply& r) {
  owned_reply o;
  o.code = r.code;
  o.version = r.version;
  o.ttl = r.ttl;
  o.value.assign(r.value);
  if (r.code == errc::unavailable) o.context = "too many writes of the shard wait for its copies or its log";
  if (r.code == errc::storage_failed)
    o.context = "Errors writing to the AOF file: the log of durable caches takes no writes";
  return o;
}

std::uint32_t shard_host::shard_of_key(std::string_view key) const noexcept { return shard_of(slot_of(key), shards()); }

bool shard_host::is_primary(std::uint32_t shard) const noexcept {
  const auto& s = shards_[shard];
  const std::lock_guard lock(s.lock);
  return s.held.is_primary();
}

std::uint64_t shard_host::owner_of(std::uint32_t shard) const noexcept {
  return shards_[shard].owner.load(std::memory_order_acquire);
}

bool shard_host::execute(const cache_command& asked, time_point now, visitor visit) {
  cache_command timed;
  const auto& command = with_wall_clock(asked, now, timed);
  const std::uint32_t index = shard_of_key(command.key);
  auto& s = shards_[index];
  std::vector<called_client> called;
  for (int attempt = 0;; ++attempt) {
    bool done = false;
    {
      const std::lock_guard lock(s.lock);
      if (!s.held.is_primary() || !may_serve(now) || s.held.must_wait(command)) return false;
      const auto reply = s.held.replicate(command, now, *channel_).reply;
      done = reply.code != errc::out_of_memory || attempt == room_attempts_max;
      if (done) visit(reply);
      gather(s, called);
    }
    give(called);
    if (done) return true;
    // Without the lock: others may be served meanwhile, and the command is decided anew.
    const bool made_room = make_room(command.key.size() + command.value.size(), index, command.cache, now);
    if (!made_room) attempt = room_attempts_max - 1;
  }
}

bool shard_host::submit(const cache_command& asked, time_point now, time_point deadline, reply_callback& done) {
  cache_command timed;
  const auto& command = with_wall_clock(asked, now, timed);
  const std::uint32_t index = shard_of_key(command.key);
  auto& s = shards_[index];
  std::vector<called_client> called;
  for (int attempt = 0;; ++attempt) {
    owned_reply reply;
    {
      const std::lock_guard lock(s.lock);
      const bool waits = s.held.must_wait(command);
      if (!s.held.is_primary() || !may_serve(now) || s.held.stream().recovering()) return false;
      if (waits && closed_.load(std::memory_order_relaxed)) return false;
      const auto r = s.held.replicate(command, now, *channel_);
      const bool try_again = r.reply.code == errc::out_of_memory && attempt < room_attempts_max;
      if (!try_again) reply = copy_of(r.reply);
      if (!try_again && r.wait_for > s.held.stream().committed()) {
        s.held.stream().hold(r.wait_for, std::move(reply), is_write(command), deadline, std::move(done));
        done = nullptr;
      } else if (try_again) {
        reply.code = errc::out_of_memory;
      }
      gather(s, called);
    }
    give(called);
    if (!done) {
      want_ticks();
      return true;
    }
    if (reply.code != errc::out_of_memory || attempt >= room_attempts_max) {
      done(std::move(reply));
      return true;
    }
    if (!make_room(command.key.size() + command.value.size(), index, command.cache, now))
      attempt = room_attempts_max - 1;
  }
}

bool shard_host::execute_if_present(const cache_command& command, time_point now, visitor visit) {
  auto& s = shards_[shard_of_key(command.key)];
  const std::lock_guard lock(s.lock);
  return s.held.is_primary() && may_serve(now) && s.held.store().apply_if_present(command, now, visit);
}

bool shard_host::execute_settled(const cache_command& command, time_point now, visitor visit) {
  auto& s = shards_[shard_of_key(command.key)];
  const std::lock_guard lock(s.lock);
  return s.held.is_primary() && may_serve(now) && !s.held.must_wait(command) &&
         s.held.store().apply_if_present(command, now, visit);
}

bool shard_host::execute_stale(const cache_command& command, time_point now, visitor visit, bool only_present) {
  if (!is_plain_read(command) || rules_.of(command.cache).at_primary_only) return false;
  auto& s = shards_[shard_of_key(command.key)];
  const std::lock_guard lock(s.lock);
  if (!s.held.stream().is_whole_copy()) return false;
  cache_reply r;
  if (const auto found = s.held.store().peek(command.cache, command.key, now)) {
    if (found->object != nullptr && command.op == cache_op::get) r.code = errc::wrong_type;
    r.version = found->version;
    r.ttl = found->ttl;
    if (command.op == cache_op::get) r.value = found->value;
  } else if (only_present) {
    return false;
  } else {
    r.code = errc::not_found;
  }
  visit(r);
  return true;
}

// Other shards give up a little each, in turn, until there is room for an entry of `bytes` or none
// has anything left; a shard that is busy is passed over. False when nothing could be evicted.
bool shard_host::make_room(std::uint64_t bytes, std::uint32_t except, cache_id cache, time_point now) {
  if (bytes > ledger_.max() || !caches_.can_ever_hold(cache, bytes)) return false;
  const auto of = caches_.has_room(cache, bytes, 1) ? any_cache : cache;  // whose limit it was
  const std::uint64_t wanted = bytes + evict_bytes_step;
  std::uint64_t freed = 0;
  for (std::uint32_t fruitless = 0; fruitless <= shards() && freed < wanted; ++fruitless) {
    const std::uint32_t index = evict_next_.fetch_add(1, std::memory_order_relaxed) % shards();
    auto& s = shards_[index];
    if (index == except || !s.lock.try_lock()) continue;
    const std::lock_guard lock(s.lock, std::adopt_lock);
    const std::uint64_t given = s.held.evict(evict_bytes_step, now, *channel_, of);
    freed += given;
    if (given > 0) fruitless = 0;
  }
  return freed > 0;
}

expected<shard_host::adoption> shard_host::adopt(shard_table table, std::uint64_t my_pid) {
  told answers;
  auto changes = adopt(std::move(table), my_pid, answers);
  give(answers.ready);
  give(answers.called);
  if (changes) want_ticks();
  if (changes && tell_tenures_) tell_tenures_();
  return changes;
}

expected<shard_host::adoption> shard_host::adopt(shard_table table, std::uint64_t my_pid, told& answers) {
  const std::lock_guard lock(table_mutex_);
  if (table.rows.size() != shards_.size())
    return fail(errc::corrupt, "a table of " + std::to_string(table.rows.size()) + " shards, expected " +
                                   std::to_string(shards_.size()));
  if (auto sound = check(table); !sound) return tl::unexpected<error>(sound.error());
  std::vector<std::uint64_t> owners_before;
  for (const auto& s : shards_) owners_before.push_back(s.owner.load(std::memory_order_relaxed));
  if (auto accepted = table_.accept(std::move(table)); !accepted) return tl::unexpected<error>(accepted.error());

  my_pid_.store(my_pid, std::memory_order_relaxed);
  adoption changes;
  bool owners_changed = false;
  bool held = false;
  for (std::uint32_t i = 0; i < shards(); ++i) {
    const auto& row = table_.now().rows[i];
    take_role(i, row, my_pid, changes, answers);
    owners_changed = owners_changed || owners_before[i] != row.primary;
    held = held || row.primary != 0;
  }
  holders_.store(held ? holders::some : holders::none, std::memory_order_release);
  if (owners_changed || !changes.gained.empty() || !changes.lost.empty())
    topology_version_.fetch_add(1, std::memory_order_acq_rel);
  return changes;
}

void shard_host::take_role(std::uint32_t index, const shard_row& row, std::uint64_t my_pid, adoption& changes,
                           told& answers) {
  auto& s = shards_[index];
  const std::lock_guard lock(s.lock);
  const auto change = s.held.take_role(row, my_pid);
  if (change.lost || !s.held.is_primary()) tenures_.end(index);
  if (s.held.is_primary() && (change.gained || tenures_.now(index) == 0)) tenures_.begin(index);
  if (change.lost) changes.lost.push_back(index);
  if (change.gained) changes.gained.push_back(index);
  if (change.empty) changes.empty.push_back(index);
  if (change.promoted) {
    for (const auto cache : backed_) s.held.store().clear(cache);
  }
  if (s.held.stream().has_ready()) {
    auto some = s.held.stream().take_ready();
    std::move(some.begin(), some.end(), std::back_inserter(answers.ready));
  }
  gather(s, answers.called);
  const bool released = s.held.role() == held_shard::part::released;
  s.owner.store(released ? 0 : row.primary, std::memory_order_release);
}

// Doors that have commands of the shard on their way must not overtake them: as with any change of owners.
bool shard_host::release(std::uint32_t shard, std::uint64_t epoch) {
  auto& s = shards_[shard];
  std::vector<called_client> called;
  {
    const std::lock_guard lock(s.lock);
    if (!s.held.release(epoch)) return false;
    tenures_.end(shard);
    s.owner.store(0, std::memory_order_release);
    gather(s, called);
  }
  give(called);
  topology_version_.fetch_add(1, std::memory_order_acq_rel);
  if (tell_tenures_) tell_tenures_();
  return true;
}

void shard_host::reopen(std::uint32_t shard, std::uint64_t epoch) {
  {
    const std::lock_guard table_lock(table_mutex_);
    auto& s = shards_[shard];
    const std::lock_guard lock(s.lock);
    s.held.reopen(epoch);
    if (s.held.is_primary()) s.owner.store(table_.now().rows[shard].primary, std::memory_order_release);
    if (s.held.is_primary() && tenures_.now(shard) == 0) tenures_.begin(shard);
  }
  topology_version_.fetch_add(1, std::memory_order_acq_rel);
  if (tell_tenures_) tell_tenures_();
}

bool shard_host::copy(std::uint32_t shard, const shard_store::entry_view& e, time_point now) {
  auto& s = shards_[shard];
  for (int attempt = 0;; ++attempt) {
    {
      const std::lock_guard lock(s.lock);
      if (s.held.copy(e, now)) return true;
    }
    if (attempt == room_attempts_max || !make_room(e.key.size() + e.value.size(), shard, e.cache, now)) return false;
  }
}

shard_table shard_host::table() const {
  const std::lock_guard lock(table_mutex_);
  return table_.now();
}

stamp shard_host::table_stamp() const {
  const std::lock_guard lock(table_mutex_);
  return table_.now().stamp;
}

std::uint64_t shard_host::tables_refused() const {
  const std::lock_guard lock(table_mutex_);
  return table_.refused();
}

std::vector<shard_host::cache_usage> shard_host::measure_caches(std::size_t caches) const {
  std::vector<cache_usage> all(caches);
  for (const auto& s : shards_) {
    const std::lock_guard lock(s.lock);
    for (std::size_t i = 0; i < caches; ++i) {
      const auto cache = static_cast<cache_id>(i);
      all[i].keys += s.held.store().keys_of(cache);
      all[i].bytes += s.held.store().bytes_of(cache);
      all[i].evicted += s.held.store().evicted_of(cache);
    }
  }
  return all;
}

// Every shard each time: a shard without due entries costs a lock and a comparison.
shard_host::sweep_result shard_host::sweep(time_point now) {
  sweep_result swept;
  swept.may_expire = listened_.load(std::memory_order_relaxed);  // it is told soon
  for (auto& s : shards_) {
    if (!s.lock.try_lock()) {  // busy: the next sweep is soon
      swept.may_expire = true;
      continue;
    }
    const std::lock_guard lock(s.lock, std::adopt_lock);
    swept.freed += s.held.expire(now, sweep_entries_max, *channel_);
    s.held.store().free_dropped(dropped_slots_max);
    const auto* loads = s.held.loads_so_far();
    swept.may_expire = swept.may_expire || s.held.store().with_expiry() > 0 || s.held.store().dropped() > 0 ||
                       (loads != nullptr && loads->keeping());
  }
  return swept;
}

void shard_host::listen(cache_id cache, keyspace_listener* listener) {
  listened_.store(listener != nullptr, std::memory_order_relaxed);
  for (auto& s : shards_) {
    const std::lock_guard lock(s.lock);
    s.held.listen(cache, listener);
  }
}

void shard_host::watch_writes(write_watcher* watcher) {
  for (auto& s : shards_) {
    const std::lock_guard lock(s.lock);
    s.held.watch_writes(watcher);
  }
}

// Whoever was under a shard's lock with the one before has left when that lock was taken here.
void shard_host::tell_changes(change_fanout::seat who, change_listener* to) {
  const std::lock_guard one(told_mutex_);
  told_.set(who, to);
  for (auto& s : shards_) {
    const std::lock_guard lock(s.lock);
    s.held.tell_changes(told_.any() ? &told_ : nullptr);
  }
}

void shard_host::set_eviction(eviction_policy p) {
  eviction_ = p;
  for (auto& s : shards_) {
    const std::lock_guard lock(s.lock);
    s.held.store().set_eviction(p);
  }
}

cache_access::usage shard_host::measure() const {
  cache_access::usage u;
  for (const auto& s : shards_) {
    const std::lock_guard lock(s.lock);
    u.keys += s.held.store().keys();
    u.evicted += s.held.store().evicted();
    u.expired += s.held.store().expired();
    u.expiring += s.held.store().with_expiry();
    u.waiting += s.held.waiting().size();
  }
  u.eviction = eviction_.load();
  u.bytes = ledger_.used();
  u.bytes_max = ledger_.max();
  return u;
}

}  // namespace troupe
