#include "runtime/cache/copy_reading.hpp"

#include <utility>

namespace troupe {

copy_reading::copy_reading(const copy_request& asked) : asked_(asked), comparing_(asked.digests.has_value()) {
  page_.token = asked.token;
  page_.buckets = asked.buckets;
  cursor_ = page_.next = asked.cursor;
}

bool copy_reading::step(const shard_store& store, time_point now) {
  if (!std::exchange(begun_, true) && asked_.cursor == 0) page_.version = store.version();
  const auto look = [&](const shard_store::entry_view& e) {
    if (e.cache != asked_.cache) return;
    const auto bucket = copy_bucket_of(e.key, asked_.salt);
    if (comparing_) {
      digests_[bucket] ^= copy_digest_of(e.key, e.version, asked_.salt);
      return;
    }
    if ((page_.buckets >> bucket & 1) == 0) return;
    copy_row row{bytes_.emplace_back(e.key), e.version, e.ttl, std::nullopt};
    size_ += e.key.size() + 32;
    if (e.object == nullptr && e.value.size() <= change_options::value_bytes_most) {
      row.value = bytes_.emplace_back(e.value);
      size_ += e.value.size();
    }
    page_.rows.push_back(row);
  };
  if (comparing_) {
    cursor_ = store.scan(cursor_, entries_step, now, look);
    if (cursor_ != 0) return true;
    compare();
    return page_.buckets != 0;
  }
  // One at a time: the next may be as large as a value can be.
  std::size_t looked = 0;
  do {
    cursor_ = store.scan(cursor_, 1, now, look);
  } while (cursor_ != 0 && ++looked < entries_step && size_ < page_bytes_max);
  page_.next = cursor_;
  return cursor_ != 0 && size_ < page_bytes_max && page_.rows.size() + entries_step * 4 < copy_rows_max;
}

void copy_reading::compare() {
  comparing_ = false;
  page_.buckets = 0;
  for (std::size_t b = 0; b < copy_buckets; ++b) {
    if (digests_[b] != (*asked_.digests)[b]) page_.buckets |= copy_mask{1} << b;
  }
}

}  // namespace troupe
