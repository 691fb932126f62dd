#include "runtime/replication/shard_stream.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

// --- the row

void shard_stream::lead(std::uint32_t shard, const shard_row& row, bool promoted) {
  shard_ = shard;
  epoch_ = row.epoch;
  if (part_ != part::primary) promoted = true;
  std::vector<follower> before = std::exchange(followers_, {});
  for (const auto pid : row.in_sync) {
    follower f;
    f.pid = pid;
    const auto was = std::find_if(before.begin(), before.end(), [pid](const follower& b) { return b.pid == pid; });
    if (!promoted && was != before.end()) f.acked = was->acked;
    followers_.push_back(f);
  }
  part_ = part::primary;
  // Of a shard made anew nobody holds anything.
  recovering_ = (promoted || recovering_) && !followers_.empty() && row.created != row.epoch;
  settle();
}

void shard_stream::follow(std::uint32_t shard, const shard_row& row, std::uint64_t my_pid) {
  shard_ = shard;
  // What a copy out of sync was given under another row counts for nothing.
  const bool same = part_ == part::copy && epoch_ == row.epoch;
  whole_ = row.has_in_sync(my_pid) || (same && whole_);
  part_ = part::copy;
  epoch_ = row.epoch;
  primary_ = row.primary;
  recovering_ = false;
  followers_.clear();
  give_up_held();
}

void shard_stream::rest() {
  part_ = part::none;
  whole_ = recovering_ = false;
  followers_.clear();
  give_up_held();
  reset();
}

void shard_stream::reset() {
  sequence_ = committed_ = to_log_ = logged_ = 0;
  tail_.clear();
  tail_bytes_ = 0;
  give_up_held();
}

// --- primary

shard_stream::follower* shard_stream::find(std::uint64_t pid) noexcept {
  const auto at = std::find_if(followers_.begin(), followers_.end(), [pid](const follower& f) { return f.pid == pid; });
  return at == followers_.end() ? nullptr : &*at;
}

bool shard_stream::unsettled() const noexcept {
  return std::any_of(followers_.begin(), followers_.end(),
                     [](const follower& f) { return f.state == sending::asking; });
}

void shard_stream::note(const stream_entry& e, time_point now) {
  ++sequence_;
  tail_entry t;
  t.cache = e.cache;
  t.more = e.more;
  t.value_size = static_cast<std::uint32_t>(e.value.size());
  t.key = e.key;
  if (e.form == entry_form::edit) {
    const auto expiry = e.ttl == duration::zero() ? time_point::max() : now + e.ttl;
    t.edit = std::make_unique<tail_edit>(tail_edit{e.edit, e.base, e.version, expiry, std::string(e.value)});
  }
  tail_.push_back(std::move(t));
  tail_bytes_ += e.key.size() + e.value.size();
}

void shard_stream::trim(std::uint64_t committed) {
  for (; committed_ < committed && !tail_.empty(); ++committed_) {
    tail_bytes_ -= tail_.front().key.size() + tail_.front().value_size;
    tail_.pop_front();
  }
  committed_ = std::max(committed_, std::min(committed, sequence_));
}

void shard_stream::wrote(std::span<const stream_entry> write, time_point now, replica_channel& channel) {
  const auto before = sequence_;
  for (const auto& e : write) note(e, now);
  for (auto& f : followers_) {
    if (f.owes_since == time_point::max()) f.owes_since = now;
    if (f.state != sending::streaming || f.sent != before) continue;
    if (channel.append(f.pid, position(before), write)) f.sent = sequence_;
  }
}

std::uint64_t shard_stream::pending(cache_id cache, std::string_view key) const noexcept {
  // A long tail is not searched: waiting for all of it is right as well.
  constexpr std::size_t searched_max = 64;
  if (tail_.size() > searched_max) return sequence_;
  for (std::size_t i = tail_.size(); i-- > 0;) {
    if (tail_[i].cache != cache) continue;
    const bool drops = tail_[i].edit && tail_[i].edit->edit == value_edit::drop;
    if (drops || tail_[i].key == key) return committed_ + 1 + i;
  }
  return 0;
}

void shard_stream::hold(std::uint64_t sequence, owned_reply reply, bool is_write, time_point deadline,
                        reply_callback done) {
  if (sequence <= committed_) {
    ready_.push_back({std::move(reply), std::move(done)});
    return;
  }
  auto at = held_.end();
  while (at != held_.begin() && std::prev(at)->sequence > sequence) --at;
  held_.insert(at, {sequence, std::move(reply), is_write, deadline, std::move(done)});
}

// What was changed by later writes of the tail is sent as it is now: those follow, and nobody is told before. An edit
// among them finds its version, or a later one, there already.
stream_entry shard_stream::entry_of(const tail_entry& t, const shard_store& store, time_point now,
                                    std::string& serialised) {
  stream_entry e;
  e.cache = t.cache;
  e.key = t.key;
  e.more = t.more;
  if (t.edit) {
    e.form = entry_form::edit;
    e.edit = t.edit->edit;
    e.base = t.edit->base;
    e.version = t.edit->version;
    e.value = t.edit->words;
    // Whether it has expired meanwhile is said by a later entry.
    if (t.edit->expiry != time_point::max()) e.ttl = std::max(t.edit->expiry - now, duration(1));
    return e;
  }
  const auto found = store.peek(t.cache, t.key, now);
  if (!found) {
    e.erased = true;
    e.version = store.version();
    return e;
  }
  e.version = found->version;
  e.ttl = found->ttl;
  e.value = found->value;
  if (found->object != nullptr) {
    serialised.clear();
    serialise(*found->object, serialised);
    e.form = entry_form::object;
    e.value = serialised;
  }
  return e;
}

// Gathers the write whose first entry is at a place of the tail; how many entries it has.
std::size_t shard_stream::write_at(std::size_t place, const shard_store& store, time_point now) {
  again_.clear();
  again_bytes_.clear();
  do {
    again_.push_back(entry_of(tail_[place++], store, now, again_bytes_.emplace_back()));
  } while (again_.back().more && place < tail_.size());
  return again_.size();
}

void shard_stream::pump(follower& f, const shard_store& store, time_point now, replica_channel& channel) {
  while (f.state == sending::streaming && f.sent < sequence_) {
    const auto entries = write_at(f.sent - committed_, store, now);
    const bool taken = channel.append(f.pid, position(f.sent), again_);
    if (taken) f.sent += entries;
    if (!taken) break;
  }
  if (again_.capacity() > 0) {
    again_ = std::vector<stream_entry>();
    again_bytes_.clear();
  }
}

// Another copy has writes that this one, promoted, lacks: nobody was told of them, but they may have been seen by
// the one who wrote them.
void shard_stream::take_longest(std::uint64_t asked_after, std::uint64_t last, std::span<const stream_entry> entries,
                                shard_store& store, time_point now) {
  if (last <= sequence_ || asked_after > sequence_) return;
  const auto known = sequence_ - asked_after;
  if (asked_after + entries.size() != last || known > entries.size()) return;
  // There is room for what others have taken: this shard is not to be served without it.
  const shard_store::settled_room settled(store);
  (void)take(entries.subspan(known), store, now);
}

// Applies and numbers whole writes, in order. What follows the last whole one is not taken: gap.
stream_outcome shard_stream::take(std::span<const stream_entry> entries, shard_store& store, time_point now) {
  while (!entries.empty()) {
    std::size_t size = 1;
    while (size <= entries.size() && entries[size - 1].more) ++size;
    if (size > entries.size()) return stream_outcome::gap;
    const auto write = entries.first(size);
    if (!apply_write(write, store, now)) return stream_outcome::no_room;
    for (const auto& e : write) note(e, now);
    entries = entries.subspan(size);
  }
  return stream_outcome::taken;
}

void shard_stream::on_answer(std::uint64_t from, const stream_answer& a, std::span<const stream_entry> entries,
                             shard_store& store, time_point now, replica_channel& channel) {
  auto* f = find(from);
  if (part_ != part::primary || f == nullptr || a.epoch != epoch_ || f->state == sending::copying) return;
  const bool asking = f->state == sending::asking;
  if (a.ask && !asking) return;  // it was repeated
  if (a.outcome == stream_outcome::no_room) f->owes_since = time_point::min();
  if (a.outcome == stream_outcome::taken && a.ask) {
    if (recovering_ && !f->answered) take_longest(a.asked_after, a.sequence, entries, store, now);
    const bool fits = a.sequence <= sequence_ && a.sequence >= committed_;
    if (!fits) return ask_again(*f, limits_.again, now);
    f->answered = true;
    f->state = sending::streaming;
    f->sent = a.sequence;
  } else if (a.outcome != stream_outcome::taken) {
    // Of several batches on the way the first that fails leads to one ask; the others' failures are the same one's.
    if (a.ask || !asking) ask_again(*f, a.outcome == stream_outcome::gap && !a.ask ? duration{} : limits_.again, now);
    return;
  }
  if (a.sequence > f->acked && a.sequence <= sequence_) {
    f->acked = a.sequence;
    f->ticks_owed = 0;
    if (f->owes_since != time_point::min()) f->owes_since = now;
  }
  settle();
  for (auto& other : followers_) pump(other, store, now, channel);
}

void shard_stream::ask_again(follower& f, duration pause, time_point now) noexcept {
  f.state = sending::asking;
  f.ask_at = now + pause;
}

void shard_stream::on_broken(std::uint64_t pid, time_point now) {
  auto* f = find(pid);
  if (f == nullptr || f->state == sending::copying) return;
  ask_again(*f, limits_.again, now);
  f->owes_since = std::min(f->owes_since, now);
}

// Commits what all have; a promoted copy serves when all have everything.
void shard_stream::settle() {
  if (part_ != part::primary) return;
  auto all_have = sequence_;
  bool all_answered = true;
  for (auto& f : followers_) {
    all_have = std::min(all_have, f.acked);
    all_answered = all_answered && f.answered;
    if (f.acked == sequence_ && f.state == sending::streaming) {
      f.owes_since = time_point::max();
      f.ticks_owed = 0;
    }
  }
  if (recovering_ && !all_answered) return;
  if (to_log_ > logged_) all_have = std::min(all_have, logged_);
  trim(all_have);
  if (committed_ == sequence_) recovering_ = false;
  while (!held_.empty() && held_.front().sequence <= committed_) {
    ready_.push_back({std::move(held_.front().reply), std::move(held_.front().done)});
    held_.pop_front();
  }
}

void shard_stream::on_tick(const shard_store& store, time_point now, replica_channel& channel) {
  if (part_ == part::primary) {
    for (auto& f : followers_) {
      if (f.state == sending::asking && now >= f.ask_at) {
        f.ask_at = now + limits_.patience;  // should the answer be lost
        if (f.owes_since == time_point::max()) f.owes_since = now;
        channel.ask(f.pid, position(recovering_ ? sequence_ : f.acked));
      }
      if (f.owes_since != time_point::max()) ++f.ticks_owed;
      pump(f, store, now, channel);
    }
  }
  for (auto at = held_.begin(); at != held_.end();) {
    if (now < at->deadline) {
      ++at;
      continue;
    }
    const auto code = at->is_write ? errc::outcome_unknown : errc::deadline_exceeded;
    ready_.push_back({owned_reply::failed(code, "a copy of the shard did not answer in time"), std::move(at->done)});
    at = held_.erase(at);
  }
}

void shard_stream::laggards(time_point now, function_ref<void(std::uint64_t pid)> show) const {
  for (const auto& f : followers_) {
    if (f.counted && f.owes_since != time_point::max() &&
        (f.owes_since == time_point::min() ||
         (f.ticks_owed >= limits_.patience_ticks && now - f.owes_since >= limits_.patience)))
      show(f.pid);
  }
}

void shard_stream::give_up_held(const char* why) {
  for (auto& h : held_) {
    const auto code = h.is_write ? errc::outcome_unknown : errc::not_owner;
    ready_.push_back({owned_reply::failed(code, why), std::move(h.done)});
  }
  held_.clear();
}

std::vector<ready_reply> shard_stream::take_ready() { return std::exchange(ready_, {}); }

// --- a copy that joins

void shard_stream::begin_join(std::uint64_t pid) {
  if (part_ != part::primary || find(pid) != nullptr) return;
  follower f;
  f.pid = pid;
  f.state = sending::copying;
  f.counted = false;
  f.acked = f.sent = sequence_;
  followers_.push_back(f);
}

void shard_stream::confirm_join(std::uint64_t pid) {
  auto* f = find(pid);
  if (f == nullptr || f->state != sending::copying) return;
  f->state = sending::asking;
  f->counted = true;
}

bool shard_stream::abandon_join(std::uint64_t pid) {
  const auto* f = find(pid);
  if (f == nullptr) return true;
  if (f->counted) return false;
  std::erase_if(followers_, [pid](const follower& other) { return other.pid == pid; });
  settle();
  return true;
}

// --- copy

void shard_stream::begin_copy() {
  if (part_ != part::copy) return;
  whole_ = false;
  reset();
}

void shard_stream::finish_copy(std::uint64_t sequence) {
  if (part_ != part::copy) return;
  whole_ = true;
  restore(sequence);
}

stream_outcome shard_stream::judge(std::uint64_t from, std::uint64_t epoch) const noexcept {
  if (part_ == part::none || epoch > epoch_) return stream_outcome::not_yet;
  if (epoch < epoch_ || part_ != part::copy || from != primary_) return stream_outcome::refused;
  return whole_ ? stream_outcome::taken : stream_outcome::gap;
}

stream_answer shard_stream::on_append(std::uint64_t from, const stream_position& at,
                                      std::span<const stream_entry> entries, shard_store& store, time_point now) {
  stream_answer a;
  a.shard = at.shard;
  a.epoch = at.epoch;
  a.outcome = judge(from, at.epoch);
  if (a.outcome != stream_outcome::taken) return a;
  a.sequence = sequence_;
  if (at.after > sequence_) {
    a.outcome = stream_outcome::gap;
    return a;
  }
  const auto known = sequence_ - at.after;
  if (known < entries.size()) a.outcome = take(entries.subspan(known), store, now);
  trim(at.committed);
  a.sequence = sequence_;
  return a;
}

stream_answer shard_stream::on_ask(std::uint64_t from, const stream_position& at, const shard_store& store,
                                   time_point now, entry_sink beyond) {
  stream_answer a;
  a.shard = at.shard;
  a.epoch = at.epoch;
  a.outcome = judge(from, at.epoch);
  a.ask = true;
  a.asked_after = at.after;
  if (a.outcome != stream_outcome::taken) return a;
  trim(std::min(at.committed, at.after));
  a.sequence = sequence_;
  if (at.after >= committed_) {
    std::string serialised;
    for (auto i = at.after - committed_; i < tail_.size(); ++i) beyond(entry_of(tail_[i], store, now, serialised));
  }
  return a;
}

}  // namespace troupe
