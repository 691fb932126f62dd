#include "tests/sim/simulated_log.hpp"

#include <algorithm>
#include <memory>

#include "runtime/durability/log_reader.hpp"
#include "runtime/durability/log_replay.hpp"
#include "tests/sim/cluster_process.hpp"

namespace troupe::sim {

using namespace std::chrono_literals;

void simulated_log::lose_power(random& rng) {
  if (segments.empty()) return;
  auto& last = segments.back();
  const auto kept = last.synced + rng.below(last.bytes.size() - last.synced + 1);
  last.bytes.resize(kept);
  if (rng.chance(0.5)) {
    for (auto n = rng.below(40); n > 0; --n) last.bytes.push_back(static_cast<char>(rng.below(256)));
  }
}

std::size_t simulated_log::bytes() const {
  std::size_t all = 0;
  for (const auto& s : segments) all += s.bytes.size();
  return all;
}

std::string simulated_journal::load(std::vector<std::uint64_t> holders, time_point now) {
  now_ = now;
  log_replay replay(
      simulated_shards, [](std::string_view) { return cache_id{0}; }, now, log_.wall_ms());
  for (std::size_t i = 0; i < log_.segments.size(); ++i) {
    auto& segment = log_.segments[i];
    log_reader reader(segment.bytes, i + 1 == log_.segments.size());
    if (const auto header = reader.open(); !header) return "a segment was refused: " + header.error().context;
    log_record r;
    while (reader.next(r)) (void)replay.apply(r, stores_.at(r.shard).store());
    if (reader.how() == log_reader::ending::damaged) return "damaged: " + reader.fault();
    if (reader.how() == log_reader::ending::torn) ++log_.tails_cut;
    segment.bytes.resize(reader.offset());
    segment.synced = segment.bytes.size();
  }
  const auto all = std::make_shared<const holdings>(holdings{std::move(holders), {}});
  for (std::uint32_t s = 0; s < simulated_shards; ++s) {
    const auto* held = replay.held(s);
    if (held != nullptr && held->whole)
      stores_.at(s).restore(*held, all);
    else
      stores_.at(s).store().clear();
    stores_.at(s).set_journal(this);
  }
  open_segment();
  stores_.set_journal(this);
  return {};
}

void simulated_journal::open_segment() {
  if (!log_.segments.empty()) sync();
  const auto number = log_.segments.empty() ? 1 : log_.segments.back().number + 1;
  log_record header;
  header.kind = record_kind::header;
  header.version = log_version;
  header.number = number;
  header.shards = simulated_shards;
  std::string bytes(log_magic);
  append_record(bytes, header);
  const auto size = bytes.size();
  log_.segments.push_back({number, std::move(bytes), size});
  marked_ = size;
}

void simulated_journal::sync() { log_.segments.back().synced = log_.segments.back().bytes.size(); }

log_record simulated_journal::record(record_kind kind, const journal_position& at) const {
  log_record r;
  r.kind = kind;
  r.shard = at.shard;
  r.epoch = at.epoch;
  r.sequence = at.sequence;
  r.wall_ms = log_.wall_ms();
  return r;
}

log_record simulated_journal::life(record_kind kind, const journal_position& at, bool whole) const {
  auto r = record(kind, at);
  r.created = at.created;
  r.pid = at.pid;
  r.version = at.version;
  r.whole = whole;
  return r;
}

void simulated_journal::add(const log_record& r) {
  append_record(gathered_, r);
  if (due_ == time_point::max()) due_ = now_ + rng_.between(50us, 4ms);
}

bool simulated_journal::write(const journal_position& at, std::span<const stream_entry> entries) {
  auto r = record(record_kind::write, at);
  for (const auto& e : entries) r.entries.push_back({"default", e});
  add(r);
  writes_.push_back({at.shard, at.turn, at.sequence});
  return true;
}

void simulated_journal::page(const journal_position& at, std::span<const stream_entry> entries) {
  auto r = record(record_kind::page, at);
  for (const auto& e : entries) r.entries.push_back({"default", e});
  add(r);
}

void simulated_journal::when_settled(std::function<void()> then) {
  if (gathered_.empty()) return then();
  waiters_.push_back(std::move(then));
}

time_point simulated_journal::next_tick() const { return std::min(due_, sync_at_); }

void simulated_journal::on_tick(time_point now) {
  now_ = now;
  if (now >= sync_at_) {
    sync();
    sync_at_ = time_point::max();
  }
  if (now >= due_) write_out(now);
}

void simulated_journal::write_out(time_point now) {
  due_ = time_point::max();
  auto& segment = log_.segments.back();
  if (segment.synced > marked_) {
    log_record mark;
    mark.kind = record_kind::mark;
    mark.synced = marked_ = segment.synced;
    append_record(segment.bytes, mark);
  }
  segment.bytes += std::exchange(gathered_, {});
  if (log_.always)
    sync();
  else if (!log_.never && sync_at_ == time_point::max())
    sync_at_ = now + 1s;
  for (const auto& w : std::exchange(writes_, {})) stores_.at(w.shard).on_logged(w.turn, w.sequence);
  auto due = std::exchange(waiters_, {});
  for (auto& f : due) f();
  rewrite_some(now);
}

// As actors/durability does it: a page after each batch.
void simulated_journal::rewrite_some(time_point now) {
  if (rewriting_from_ == 0 && log_.bytes() < rewrite_bytes) return;
  if (rewriting_from_ == 0) {
    open_segment();
    rewriting_from_ = log_.segments.back().number;
    rewriting_shard_ = 0;
    rewriting_cursor_ = 0;
  }
  if (rewriting_shard_ == simulated_shards) {
    sync();
    std::erase_if(log_.segments, [this](const auto& s) { return s.number < rewriting_from_; });
    rewriting_from_ = 0;
    ++log_.rewrites;
    return;
  }
  for (int i = 0; i < 4 && rewriting_shard_ < simulated_shards; ++i) {
    rewriting_cursor_ = stores_.at(rewriting_shard_).rewrite(rewriting_cursor_, page_bytes, now);
    if (rewriting_cursor_ == 0) ++rewriting_shard_;
  }
  if (due_ == time_point::max()) due_ = now + 1ms;  // also when no shard had anything to tell
}

}  // namespace troupe::sim
