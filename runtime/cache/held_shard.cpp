#include "runtime/cache/held_shard.hpp"

namespace troupe {

namespace {

/// What an entry takes on its way beside its key and value, about.
constexpr std::uint64_t entry_overhead = 32;

bool wrote(const cache_command& c, const cache_reply& r) noexcept {
  return r.code == errc::ok && (c.op == cache_op::put || c.op == cache_op::erase);
}

}  // namespace

held_shard::change held_shard::take_role(const shard_row& row, std::uint64_t my_pid) {
  const part was = part_;
  part is = part::none;
  if (my_pid != 0 && row.primary == my_pid) is = part::primary;
  if (my_pid != 0 && row.has_replica(my_pid)) is = part::replica;
  if (was == part::released && is == part::primary && row.epoch == epoch_) is = part::released;
  const bool keeps = was != part::none && is != part::none && created_ == row.created;
  const bool had = was == part::primary || was == part::released;
  const bool has = is == part::primary || is == part::released;

  change c;
  c.lost = had && (!has || !keeps);
  c.gained = has && (!had || !keeps);
  c.empty = has && !keeps;
  if (!keeps) store_.clear();
  if (is != part::none) store_.begin_epoch(row.epoch);
  // A giver goes on under a row of the same epoch only; another epoch begins another copy.
  if (!has || row.epoch != epoch_) changes_.reset();
  part_ = is;
  epoch_ = row.epoch;
  created_ = row.created;
  return c;
}

cache_reply held_shard::apply(const cache_command& command, time_point now) {
  const auto reply = store_.apply(command, now);
  if (changes_ && wrote(command, reply)) changes_->add(command.cache, command.key);
  return reply;
}

bool held_shard::apply_committed(cache_id cache, std::string_view key, std::string_view value, std::uint64_t version,
                                 duration ttl, time_point now) {
  if (changes_) changes_->add(cache, key);
  return store_.apply_committed(cache, key, value, version, ttl, now);
}

bool held_shard::apply_erased(cache_id cache, std::string_view key, std::uint64_t version) {
  if (changes_) changes_->add(cache, key);
  return store_.apply_erased(cache, key, version);
}

void held_shard::watch() { changes_ = std::make_unique<changed_keys>(); }

std::uint64_t held_shard::read(std::uint64_t cursor, std::uint64_t bytes_max, time_point now,
                               shard_store::entry_visitor visit) const {
  std::uint64_t bytes = 0;
  const auto count = [&](const shard_store::entry_view& e) {
    bytes += e.key.size() + e.value.size() + entry_overhead;
    visit(e);
  };
  // One at a time: the next may be as large as a value can be.
  do {
    cursor = store_.scan(cursor, 1, now, count);
  } while (cursor != 0 && bytes < bytes_max);
  return cursor;
}

bool held_shard::read_changes(std::uint64_t bytes_max, time_point now, shard_store::entry_visitor present,
                              erased_visitor erased) {
  std::uint64_t bytes = 0;
  while (changes_ && !changes_->empty() && bytes < bytes_max) {
    const auto [cache, key] = changes_->take();
    cache_command get;
    get.cache = cache;
    get.key = key;
    const auto r = store_.apply(get, now);
    if (r.code == errc::ok)
      present({cache, key, r.value, r.version, r.ttl});
    else
      erased(cache, key, store_.version());
    bytes += key.size() + r.value.size() + entry_overhead;
  }
  return !changes_ || changes_->empty();
}

bool held_shard::release(std::uint64_t epoch) noexcept {
  if (part_ == part::released && epoch_ == epoch) return true;
  if (part_ != part::primary || epoch_ != epoch) return false;
  part_ = part::released;
  return true;
}

void held_shard::reopen(std::uint64_t epoch) noexcept {
  if (part_ == part::released && epoch_ == epoch) part_ = part::primary;
}

bool held_shard::begin_copy(std::uint64_t epoch) noexcept {
  if (part_ != part::replica || epoch_ != epoch) return false;
  store_.clear();
  return true;
}

bool held_shard::copy(cache_id cache, std::string_view key, std::string_view value, std::uint64_t version, duration ttl,
                      time_point now) {
  if (store_.apply_committed(cache, key, value, version, ttl, now)) return true;
  cache_command head;
  head.op = cache_op::head;
  head.cache = cache;
  head.key = key;
  return ttl < duration::zero() || store_.apply(head, now).version >= version;
}

}  // namespace troupe
