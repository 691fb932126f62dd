// The thread of a log: batches into the file, the disk, and back to the shards; rewriting; what becomes of failures.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <utility>

#include <unistd.h>

#include "actors/durability/shard_log.hpp"
#include "actors/wall_clock.hpp"
#include "runtime/durability/log_record.hpp"
#include "runtime/durability/log_rewrite.hpp"

namespace troupe {

namespace {

time_point read_clock() { return std::chrono::steady_clock::now(); }

}  // namespace

void shard_log::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const bool failing = refusal_.load(std::memory_order_relaxed) != errc::ok;
    const bool pages = rewriting_ != nullptr && !(failing && !unwritten_.bytes.empty());
    const auto has_work = [this, failing] {
      return stopping_ || rewrite_asked_ || synced_note_.segment != 0 || (!failing && !gathered_.bytes.empty());
    };
    if (!pages) {
      asleep_ = true;
      const auto unsynced = segment_.synced() < segment_.size() && mode() != fsync_mode::no && !syncing_;
      if (failing)
        work_.wait_for(lock, retry, has_work);
      else if (unsynced)
        work_.wait_until(lock, synced_at_ + sync_interval, has_work);
      else
        work_.wait(lock, has_work);
      asleep_ = false;
    }
    const bool stopping = stopping_;
    if (unwritten_.bytes.empty()) {
      std::swap(unwritten_, gathered_);
    } else if (unwritten_.bytes.size() + gathered_.bytes.size() <= kept_max) {
      unwritten_.bytes += gathered_.bytes;
      std::move(gathered_.writes.begin(), gathered_.writes.end(), std::back_inserter(unwritten_.writes));
      unwritten_.records += gathered_.records;
      unwritten_.sync = unwritten_.sync || gathered_.sync;
      unwritten_.end = std::max(unwritten_.end, gathered_.end);
      gathered_ = {};
    }
    lock.unlock();
    turn(stopping);
    lock.lock();
    if (stopping) return;
  }
}

void shard_log::turn(bool stopping) {
  synced_note note;
  bool asked = false;
  bool too_much = false;
  {
    const std::lock_guard lock(mutex_);
    note = std::exchange(synced_note_, {});
    asked = std::exchange(rewrite_asked_, false);
    too_much = unwritten_.bytes.size() + gathered_.bytes.size() > kept_max;
  }
  if (note.segment != 0) {
    syncing_ = false;
    if (note.failed) {
      fail_with({errc::storage_failed, "fdatasync: " + std::string(std::strerror(EIO))});
      segment_.spoil();
    } else if (note.segment == segment_.number()) {
      segment_.note_synced(note.bytes);
    }
  }
  if (too_much || segment_.spoilt()) begin_rewrite(true);
  // No new one could be made: what would be written here might follow what was lost, and is not told as kept.
  if (segment_.spoilt()) return;
  const auto size = unwritten_.bytes.size();
  if (size > 0 && !write_out()) return;
  if (refusal_.load(std::memory_order_relaxed) != errc::ok && !rewriting_) recover();
  if (stopping) {
    (void)segment_.sync();
    return;
  }
  sync_in_background();
  if (segment_.size() >= segment_bytes) (void)next_segment();
  const auto log_bytes = numbers_.log_bytes.load(std::memory_order_relaxed);
  const bool due = asked || log_rewrite::due(log_bytes, numbers_.base_bytes.load(std::memory_order_relaxed));
  if (due && !rewriting_) begin_rewrite(false);
  if (rewriting_) go_on_rewriting(size);
}

// What is known to be on the disk is said before what follows it.
bool shard_log::write_out() {
  std::string mark;
  if (segment_.synced() > marked_) {
    log_record r;
    r.kind = record_kind::mark;
    r.synced = segment_.synced();
    append_record(mark, r);
  }
  auto written = mark.empty() ? expected<void>() : segment_.append(mark);
  if (written) marked_ = std::max(marked_, segment_.synced());
  if (written) written = segment_.append(unwritten_.bytes);
  if (written && unwritten_.sync) {
    written = segment_.sync();
    synced_at_ = read_clock();
    numbers_.syncs.fetch_add(1, std::memory_order_relaxed);
  }
  if (!written) {
    fail_with(written.error());
    return false;
  }
  const auto size = unwritten_.bytes.size();
  numbers_.bytes.fetch_add(size + mark.size(), std::memory_order_relaxed);
  numbers_.log_bytes.fetch_add(size + mark.size(), std::memory_order_relaxed);
  numbers_.records.fetch_add(unwritten_.records, std::memory_order_relaxed);
  numbers_.batches.fetch_add(1, std::memory_order_relaxed);
  const auto done = std::exchange(unwritten_, {});
  waiting_.fetch_sub(size, std::memory_order_relaxed);
  tell(done);
  return true;
}

// Of each shard the last word is enough.
void shard_log::tell(const batch& done) {
  kept_.store(done.end, std::memory_order_release);
  auto writes = done.writes;
  std::stable_sort(writes.begin(), writes.end(), [](const told& a, const told& b) { return a.shard < b.shard; });
  for (std::size_t i = 0; i < writes.size(); ++i) {
    const bool last = i + 1 == writes.size() || writes[i + 1].shard != writes[i].shard;
    if (last) s_.host.on_logged(writes[i].shard, writes[i].turn, writes[i].sequence);
  }
  tell_waiters();
}

void shard_log::tell_waiters() {
  std::vector<std::function<void()>> due;
  {
    const std::lock_guard lock(mutex_);
    const auto kept = kept_.load(std::memory_order_relaxed);
    while (!waiters_.empty() && waiters_.front().first <= kept) {
      due.push_back(std::move(waiters_.front().second));
      waiters_.pop_front();
    }
  }
  for (auto& f : due) f();
}

void shard_log::sync_in_background() {
  const bool due = mode() != fsync_mode::no && !syncing_ && segment_.synced() < segment_.size() &&
                   read_clock() >= synced_at_ + sync_interval;
  if (!due) return;
  sync_job job{segment_.duplicate(), segment_.number(), segment_.size()};
  if (job.fd < 0) return;
  synced_at_ = read_clock();
  syncing_ = syncer_->push(job);
  if (!syncing_) ::close(job.fd);
}

// On the other thread.
void shard_log::on_synced(std::uint64_t segment, std::uint64_t bytes, bool done) {
  numbers_.syncs.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  synced_note_ = {segment, bytes, !done};
  work_.notify_one();
}

// The old one is on the disk before the new one begins, in every mode: a reader relies on it.
bool shard_log::next_segment() {
  if (!segment_.spoilt() && segment_.synced() < segment_.size()) {
    if (auto synced = segment_.sync(); !synced) {
      fail_with(synced.error());
      begin_rewrite(true);
      return false;
    }
  }
  auto opened = log_segment::create(s_.directory, next_number_, s_.host.shards());
  if (!opened) {
    numbers_.errors.fetch_add(1, std::memory_order_relaxed);
    return false;  // the present one grows meanwhile
  }
  numbers_.log_bytes.fetch_add(opened->size(), std::memory_order_relaxed);
  segment_ = std::move(*opened);
  marked_ = segment_.size();
  ++next_number_;
  return true;
}

// `anew`: what was written before is not to be relied on, nor what waits to be. All shards tell what they hold.
void shard_log::begin_rewrite(bool anew) {
  if (anew && rewriting_ && rewriting_->anew && !segment_.spoilt()) return;
  if (anew) refusal_.store(errc::storage_failed, std::memory_order_relaxed);
  if (!next_segment()) return;
  if (anew) {
    const std::lock_guard lock(mutex_);
    waiting_.fetch_sub(unwritten_.bytes.size() + gathered_.bytes.size(), std::memory_order_relaxed);
    unwritten_ = {};
    gathered_ = {};
  }
  rewriting_ = std::make_unique<rewriting>();
  rewriting_->first = segment_.number();
  rewriting_->anew = anew;
  numbers_.rewriting = true;
}

void shard_log::go_on_rewriting(std::uint64_t written) {
  auto& r = *rewriting_;
  if (r.end != 0) {
    if (kept_.load(std::memory_order_relaxed) >= r.end) finish_rewrite();
    return;
  }
  const auto enough = log_rewrite::pages_after(written);
  paged_ = 0;
  while (r.shard < s_.host.shards() && paged_ < enough) {
    r.cursor = s_.host.with_shard(
        r.shard, [&](held_shard& s) { return s.rewrite(r.cursor, log_rewrite::page_bytes, read_clock()); });
    if (r.cursor == 0) ++r.shard;
  }
  r.bytes += paged_;
  if (r.shard == s_.host.shards()) r.end = std::max<std::uint64_t>(appended_.load(std::memory_order_relaxed), 1);
}

// Only when the new is on the disk does the old go.
void shard_log::finish_rewrite() {
  if (auto synced = segment_.sync(); !synced) {
    fail_with(synced.error());
    return begin_rewrite(true);
  }
  const auto done = std::exchange(rewriting_, nullptr);
  numbers_.rewriting = false;
  std::uint64_t left = 0;
  if (const auto all = segments_in(s_.directory)) {
    for (const auto number : *all) {
      const auto path = segment_path(s_.directory, number);
      std::error_code unknown;
      if (number < done->first)
        ::unlink(path.c_str());
      else
        left += std::filesystem::file_size(path, unknown);
    }
    (void)sync_directory(s_.directory);
  }
  numbers_.base_bytes = done->bytes;
  numbers_.log_bytes = left;
  numbers_.rewrites.fetch_add(1, std::memory_order_relaxed);
  numbers_.rewritten_at = static_cast<std::int64_t>(wall_now_ms() / 1000);
  s_.log.info("durability", "log_rewritten", {{"bytes", done->bytes}, {"first_segment", done->first}});
  if (done->anew) recover();
}

void shard_log::fail_with(const error& why) {
  numbers_.errors.fetch_add(1, std::memory_order_relaxed);
  refusal_.store(errc::storage_failed, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    if (fault_ == why.context) return;
    fault_ = why.context;
  }
  s_.log.error("durability", "log_write_failed", {{"reason", why.context}});
  if (s_.on_health) s_.on_health(why.context);
}

void shard_log::recover() {
  refusal_.store(errc::ok, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    fault_.clear();
  }
  s_.log.info("durability", "log_write_recovered");
  if (s_.on_health) s_.on_health({});
}

}  // namespace troupe
