#include "runtime/durability/log_replay.hpp"

#include <algorithm>

#include "runtime/replication/apply_write.hpp"

namespace troupe {

namespace {

/// A record is taken for no older: clocks were wrong then.
constexpr std::uint64_t age_max_ms = std::uint64_t{50} * 365 * 24 * 3600 * 1000;

}  // namespace

time_point log_replay::moment_of(const log_record& r) const noexcept {
  const auto age = r.wall_ms < wall_ms_ ? std::min(wall_ms_ - r.wall_ms, age_max_ms) : 0;
  return now_ - std::chrono::milliseconds(age);
}

void log_replay::apply_entries(const log_record& r, shard_store& store) {
  write_.clear();
  for (const auto& e : r.entries) {
    write_.push_back(e.entry);
    write_.back().cache = find_(e.cache);
  }
  if (write_.empty()) return;
  entries_ += write_.size();
  const shard_store::settled_room settled(store);
  (void)apply_write(write_, store, moment_of(r));
}

bool log_replay::apply(const log_record& r, shard_store& store) {
  if (r.shard >= shards_.size()) return false;
  auto& place = shards_[r.shard];
  const auto take = [&](bool whole) {
    place.known = true;
    place.h = {r.shard, r.created, r.pid, r.epoch, r.sequence, whole};
    if (r.version > 0) (void)store.next_version(r.version - 1);
  };
  switch (r.kind) {
    case record_kind::begin:
      store.clear();
      take(r.whole);
      break;
    case record_kind::state: take(r.whole); break;
    case record_kind::write:
      apply_entries(r, store);
      place.h.sequence = r.sequence;
      place.h.epoch = r.epoch;
      break;
    case record_kind::page: apply_entries(r, store); break;
    case record_kind::drop:
      store.clear();
      place = {};
      break;
    case record_kind::header:
    case record_kind::mark: break;
  }
  return true;
}

holdings log_replay::found() const {
  holdings all;
  for (const auto& place : shards_) {
    if (place.known) all.shards.push_back(place.h);
  }
  return all;
}

}  // namespace troupe
