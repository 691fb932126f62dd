// The expiring half of shard_store: its wheel, and what it does with what comes from it.
#include <algorithm>
#include <vector>

#include "runtime/cache/entry.hpp"

namespace troupe {

// Sees to it that the wheel gives an entry of the table no later than it expires.
void shard_store::schedule(entry& e) {
  if (e.has_expiry == 0 || wheel_.comes_by(e.bucket(), e.expiry())) return;
  if (wheel_.stale_beyond(with_expiry_)) forget_stale_references();
  if (!wheel_.comes_by(e.bucket(), e.expiry())) e.set_bucket(wheel_.add(e.position, e.expiry()));
  account_wheel();
}

// Nothing expires any more.
void shard_store::forget_references() noexcept {
  constexpr std::size_t worth_it = 64;
  if (wheel_.size() < worth_it) return;
  wheel_.clear();
  account_wheel();
}

void shard_store::account_wheel() noexcept {
  const auto bytes = wheel_.bytes();
  if (bytes == wheel_bytes_) return;
  settings_.ledger->add(bytes);
  bytes_ += bytes;
  give_room(std::exchange(wheel_bytes_, bytes));
}

std::size_t shard_store::expire(time_point now, std::size_t budget) {
  std::size_t freed = 0;
  for (std::size_t looked = 0; looked < std::max<std::size_t>(budget, 1); ++looked) {
    const auto due = wheel_.next(now);
    if (!due) break;
    freed += expire_one(*due, now);
  }
  expired_ += freed;
  account_wheel();
  if (freed > 0) shrink_if_sparse();
  return freed;
}

// Entries that lie together and share 32 bits of their hash are rarely more than one.
std::size_t shard_store::expire_one(const expiry_wheel::reference& due, time_point now) {
  if (count_ == 0) return 0;
  std::size_t freed = 0;
  for (std::uint32_t slot = order_.home_of(due.position); table_[slot] != 0;) {
    entry& e = *at(slot);
    const bool meant = e.position == due.position && e.bucket() == due.from && due.from != expiry_wheel::no_bucket;
    if (meant && e.is_expired(now)) {
      freed += is_dropped(e) ? 0 : 1;
      remove_unasked(slot);  // another entry may have moved here
      continue;
    }
    if (meant) e.set_bucket(wheel_.add(e.position, e.expiry()));
    slot = (slot + 1) & mask_;
  }
  return freed;
}

// An entry that is written, erased and written again within its life leaves a reference each time.
void shard_store::forget_stale_references() {
  std::vector<std::uint32_t> meant;
  meant.reserve(with_expiry_);
  while (const auto r = wheel_.take()) {
    if (count_ == 0) continue;
    for (std::uint32_t slot = order_.home_of(r->position); table_[slot] != 0; slot = (slot + 1) & mask_) {
      entry& e = *at(slot);
      if (e.position != r->position || e.bucket() != r->from) continue;
      e.set_bucket(expiry_wheel::no_bucket);
      meant.push_back(r->position);
    }
  }
  for (const auto position : meant) {
    for (std::uint32_t slot = order_.home_of(position); table_[slot] != 0; slot = (slot + 1) & mask_) {
      entry& e = *at(slot);
      if (e.position != position || e.has_expiry == 0 || e.bucket() != expiry_wheel::no_bucket) continue;
      e.set_bucket(wheel_.add(e.position, e.expiry()));
    }
  }
}

}  // namespace troupe
