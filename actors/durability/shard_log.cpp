#include "actors/durability/shard_log.hpp"

#include <utility>

#include <unistd.h>

#include "actors/wall_clock.hpp"
#include "runtime/durability/log_record.hpp"

namespace troupe {

namespace {

log_record record_of(record_kind kind, const journal_position& at) {
  log_record r;
  r.kind = kind;
  r.shard = at.shard;
  r.epoch = at.epoch;
  r.sequence = at.sequence;
  r.wall_ms = wall_now_ms();
  return r;
}

// What says which data it is.
log_record life_of(record_kind kind, const journal_position& at, bool whole) {
  auto r = record_of(kind, at);
  r.created = at.created;
  r.pid = at.pid;
  r.version = at.version;
  r.whole = whole;
  return r;
}

}  // namespace

shard_log::shard_log(surroundings s, const loaded_log& loaded)
    : s_(std::move(s)), modes_(s_.modes), last_(s_.host.shards()), next_number_(loaded.next_segment) {
  numbers_.log_bytes = loaded.log_bytes;
  numbers_.base_bytes = loaded.live_bytes;
  rewrite_asked_ = loaded.segments > segments_max;
}

shard_log::~shard_log() { stop(); }

expected<void> shard_log::start() {
  auto opened = log_segment::create(s_.directory, next_number_, s_.host.shards());
  if (!opened) return tl::unexpected<error>(std::move(opened.error()));
  segment_ = std::move(*opened);
  ++next_number_;
  marked_ = segment_.size();
  synced_at_ = std::chrono::steady_clock::now();
  syncer_ = std::make_unique<job_thread<sync_job>>("troupe-fsync", [this](std::vector<sync_job>& jobs) {
    for (auto& j : jobs) {
      const bool done = ::fdatasync(j.fd) == 0;
      ::close(j.fd);
      on_synced(j.segment, j.bytes, done);
    }
  });
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "troupe-log");
  return {};
}

void shard_log::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    work_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  if (syncer_) syncer_->stop();
}

errc shard_log::may_write() const noexcept {
  if (const auto refusal = refusal_.load(std::memory_order_relaxed); refusal != errc::ok) return refusal;
  return waiting_.load(std::memory_order_relaxed) <= waiting_max ? errc::ok : errc::unavailable;
}

bool shard_log::settled(std::uint32_t shard) const noexcept {
  return last_[shard].load(std::memory_order_acquire) <= kept_.load(std::memory_order_acquire);
}

void shard_log::when_settled(std::function<void()> then) {
  {
    const std::lock_guard lock(mutex_);
    const auto at = appended_.load(std::memory_order_relaxed);
    if (at > kept_.load(std::memory_order_acquire)) return waiters_.emplace_back(at, std::move(then)), void();
  }
  then();
}

bool shard_log::gather(std::span<const stream_entry> entries, log_record& into, bool& sync) const {
  for (const auto& e : entries) {
    if (!keeps(e.cache)) continue;
    sync = sync || modes_[e.cache] == fsync_mode::always;
    into.entries.push_back({s_.caches.get(e.cache)->name, e});
  }
  return !into.entries.empty();
}

// Made outside the log's lock: that is held for a copy of the bytes.
void shard_log::append(std::uint32_t shard, const log_record& r, bool sync, const told* write) {
  thread_local std::string bytes;
  bytes.clear();
  append_record(bytes, r);
  constexpr std::size_t kept_capacity = 64 * kib;
  {
    const std::lock_guard lock(mutex_);
    gathered_.bytes += bytes;
    ++gathered_.records;
    gathered_.sync = gathered_.sync || sync;
    if (write != nullptr) gathered_.writes.push_back(*write);
    const auto end = appended_.load(std::memory_order_relaxed) + bytes.size();
    gathered_.end = end;
    last_[shard].store(end, std::memory_order_release);
    appended_.store(end, std::memory_order_release);
    waiting_.fetch_add(bytes.size(), std::memory_order_relaxed);
    if (asleep_) work_.notify_one();
  }
  if (bytes.capacity() > kept_capacity) std::string().swap(bytes);
}

void shard_log::begin(const journal_position& at, bool whole) {
  append(at.shard, life_of(record_kind::begin, at, whole), mode() == fsync_mode::always, nullptr);
}

bool shard_log::write(const journal_position& at, std::span<const stream_entry> entries) {
  auto r = record_of(record_kind::write, at);
  bool sync = false;
  if (!gather(entries, r, sync)) return false;
  const told t{at.shard, at.turn, at.sequence};
  append(at.shard, r, sync, &t);
  return true;
}

void shard_log::page(const journal_position& at, std::span<const stream_entry> entries) {
  auto r = record_of(record_kind::page, at);
  bool sync = false;
  if (!gather(entries, r, sync)) return;
  append(at.shard, r, false, nullptr);
  if (std::this_thread::get_id() != thread_.get_id()) return;
  for (const auto& e : entries) paged_ += e.key.size() + e.value.size() + frame_head_bytes;
}

void shard_log::state(const journal_position& at, bool whole) {
  const told t{at.shard, at.turn, at.sequence};
  append(at.shard, life_of(record_kind::state, at, whole), mode() == fsync_mode::always, &t);
}

void shard_log::drop(const journal_position& at) {
  append(at.shard, life_of(record_kind::drop, at, false), false, nullptr);
}

cache_access::log_usage shard_log::usage() const {
  cache_access::log_usage u;
  u.enabled = true;
  u.rewriting = numbers_.rewriting.load(std::memory_order_relaxed);
  u.failing = refusal_.load(std::memory_order_relaxed) != errc::ok;
  u.bytes = numbers_.log_bytes.load(std::memory_order_relaxed);
  u.base_bytes = numbers_.base_bytes.load(std::memory_order_relaxed);
  u.waiting_bytes = waiting_.load(std::memory_order_relaxed);
  u.rewrites = numbers_.rewrites.load(std::memory_order_relaxed);
  return u;
}

bool shard_log::ask_rewrite() {
  const std::lock_guard lock(mutex_);
  if (rewrite_asked_ || numbers_.rewriting.load()) return false;
  rewrite_asked_ = true;
  work_.notify_one();
  return true;
}

std::string shard_log::fault() const {
  const std::lock_guard lock(mutex_);
  return fault_;
}

void shard_log::register_metrics(metrics& m) const {
  const auto count = [&m](const char* name, const char* help, const std::atomic<std::uint64_t>& n) {
    m.read_counter(name, help, {}, [&n] { return static_cast<double>(n.load(std::memory_order_relaxed)); });
  };
  count("troupe_durability_written_bytes_total", "Bytes written to the log of durable caches", numbers_.bytes);
  count("troupe_durability_records_total", "Records written to it", numbers_.records);
  count("troupe_durability_batches_total", "Writes to the file that carried them", numbers_.batches);
  count("troupe_durability_syncs_total", "Times that it was put on the disk", numbers_.syncs);
  count("troupe_durability_rewrites_total", "Times that it was written anew", numbers_.rewrites);
  count("troupe_durability_errors_total", "Writes and syncs that failed", numbers_.errors);
  m.read_gauge("troupe_durability_log_bytes", "Size of the log, all segments", {},
               [this] { return static_cast<double>(numbers_.log_bytes.load(std::memory_order_relaxed)); });
  m.read_gauge("troupe_durability_waiting_bytes", "Gathered and not yet written", {},
               [this] { return static_cast<double>(waiting_.load(std::memory_order_relaxed)); });
  m.read_gauge("troupe_durability_failed", "1 while writes of durable caches are refused", {},
               [this] { return refusal_.load(std::memory_order_relaxed) == errc::ok ? 0.0 : 1.0; });
}

}  // namespace troupe
