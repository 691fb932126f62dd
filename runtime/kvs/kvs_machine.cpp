#include "runtime/kvs/kvs_machine.hpp"

#include <algorithm>

#include "runtime/base/crc32c.hpp"

namespace troupe {

namespace {

constexpr std::uint64_t sync_rounds = std::uint64_t{1} << 63U;  // apart from the proposer's
constexpr duration readmit_again = std::chrono::seconds(1);
constexpr duration expire_again = std::chrono::seconds(3);

kvs_group::options group_options(const kvs_options& o, random& rng) {
  return {o.self, o.runs, o.expected, {rng.next() | 1U, rng.next()}};
}

kvs_kind answer_to(kvs_kind asked) noexcept {
  switch (asked) {
    case kvs_kind::prepare: return kvs_kind::promise;
    case kvs_kind::accept: return kvs_kind::accepted;
    case kvs_kind::look: return kvs_kind::looked;
    default: return kvs_kind::page;
  }
}

}  // namespace

kvs_machine::kvs_machine(kvs_options o, kvs_image restored, random rng, time_point now)
    : options_(std::move(o)),
      rng_(rng),
      group_(group_options(options_, rng_), restored.meta, now),
      acceptor_(std::move(restored), options_.memory_max, now),
      proposer_(options_.id, rng_.fork()),
      sweep_at_(now + sweep_interval),
      readmit_at_(now) {}

// --- in

void kvs_machine::on_peers(std::vector<kvs_peer> peers, time_point now, kvs_output& out) {
  now_ = now;
  out_ = &out;
  group_.on_peers(std::move(peers));
  finish(out);
}

void kvs_machine::on_message(const std::string& from, std::string_view bytes, time_point now, kvs_output& out) {
  now_ = now;
  out_ = &out;
  const auto m = decode_kvs_message(bytes);
  if (m) {
    group_.note_heard(from, now);
    dispatch(from, *m);
  } else {
    ++malformed_;
  }
  finish(out);
}

void kvs_machine::on_request(kvs_request r, time_point now, kvs_output& out) {
  now_ = now;
  out_ = &out;
  kvs_proposer::output p;
  proposer_.on_request(std::move(r), now, p);
  take(p);
  group_.hurry(now);
  finish(out);
}

void kvs_machine::on_persisted(std::uint64_t token, bool done, time_point now, kvs_output& out) {
  now_ = now;
  out_ = &out;
  acceptor_.on_persisted(token, done);
  disk_failed_ = !done;
  write_at_ = done ? time_point::min() : now + write_again;
  const auto end = held_.upper_bound(acceptor_.durable());
  std::vector<held_answer> due;
  for (auto it = held_.begin(); it != end; ++it) due.push_back(std::move(it->second));
  held_.erase(held_.begin(), end);
  for (auto& h : due) send(h.to, h.message);
  finish(out);
}

void kvs_machine::on_tick(time_point now, kvs_output& out) {
  now_ = now;
  out_ = &out;
  const bool first = !std::exchange(started_, true);  // a new disk's id is kept before anybody hears of it
  if (group_.on_tick(now) || first) after_group();
  kvs_proposer::output p;
  proposer_.on_tick(now, p);
  take(p);
  if (group_.wants_readmission() && now >= readmit_at_) {
    readmit_at_ = now + readmit_again;
    kvs_proposer::output asked;
    proposer_.readmit(options_.self, group_.meta().disk, now, asked);
    take(asked);
  }
  if (group_.syncing() && now >= sync_at_) ask_pages();
  if (group_.serves()) {
    acceptor_.forget_promises(now);
    sweep();
  }
  finish(out);
}

// --- the group

// What the group knows now is kept on the disk, and rounds go by its roster.
void kvs_machine::after_group() {
  if (group_.take_replaced()) {
    acceptor_.clear();
    sync_.clear();
    sync_round_ = 0;
    out_->news.push_back("another disk has taken this member's place in kvs; its keys are dropped");
  }
  auto meta = group_.meta();
  meta.floor = acceptor_.meta().floor;
  if (options_.runs) {
    acceptor_.set_meta(std::move(meta));
    meta_version_ = acceptor_.version();
  }
  if (!group_.founded() || group_.roster().epoch == shown_epoch_) return;
  shown_epoch_ = group_.roster().epoch;
  out_->news.push_back("kvs members: " + group_.roster().names() + ", epoch " + std::to_string(shown_epoch_));
  if (group_.syncing() && sync_round_ == 0) {
    sync_round_ = sync_rounds + (rng_.next() >> 1U);
    sync_at_ = now_;
  }
  kvs_proposer::output p;
  proposer_.on_roster(group_.roster(), now_, p);
  take(p);
}

void kvs_machine::say_hello(const std::string& to, bool asks) {
  send_when_durable(options_.runs ? meta_version_ : 0, to, group_.hello(asks));
}

void kvs_machine::take(kvs_proposer::output& from) {
  for (auto& p : from.packets) send(p.to, p.message);
  std::move(from.results.begin(), from.results.end(), std::back_inserter(out_->results));
  if (from.agreed && group_.adopt(*from.agreed)) after_group();
}

// --- messages

void kvs_machine::dispatch(const std::string& from, const kvs_message& m) {
  switch (m.kind) {
    case kvs_kind::hello:
      if (group_.on_hello(from, m, now_)) after_group();
      if (m.asks) say_hello(from, false);
      return;
    case kvs_kind::prepare:
    case kvs_kind::accept:
    case kvs_kind::look:
    case kvs_kind::drop:
    case kvs_kind::fetch: return serve(from, m);
    default: break;
  }
  if (m.round >= sync_rounds) return on_page(from, m);
  kvs_proposer::output p;
  proposer_.on_answer(from, m, now_, p);
  take(p);
}

void kvs_machine::serve(const std::string& from, const kvs_message& m) {
  const auto& roster = group_.roster();
  if (m.group != roster.group || m.epoch != roster.epoch) {
    if (group_.founded()) say_hello(from, m.epoch > roster.epoch);
    return;
  }
  if (!group_.serves()) return;
  if (m.kind == kvs_kind::drop) return acceptor_.drop(m.key, m.ballot);
  kvs_message answer;
  answer.kind = answer_to(m.kind);
  answer.group = m.group;
  answer.epoch = m.epoch;
  answer.round = m.round;
  answer.proposer = m.proposer;
  answer.ballot = m.ballot;
  std::uint64_t needed = meta_version_;
  switch (m.kind) {
    case kvs_kind::prepare: acceptor_.prepare(m, now_, answer); break;
    case kvs_kind::accept: acceptor_.accept(m, now_, answer); break;
    case kvs_kind::look: acceptor_.look(m.key, now_, answer); break;
    default:
      answer.granted = true;
      answer.keys_only = m.keys_only;
      acceptor_.fill_page(m, answer);
      needed = acceptor_.version();
  }
  if (answer.granted) needed = std::max(needed, acceptor_.version_of(m.key));
  send_when_durable(needed, from, std::move(answer));
}

void kvs_machine::send_when_durable(std::uint64_t version, const std::string& to, kvs_message m) {
  if (acceptor_.durable() >= version) return send(to, m);
  held_.emplace(version, held_answer{to, std::move(m)});
}

void kvs_machine::send(const std::string& to, const kvs_message& m) {
  if (to == options_.self)
    local_.emplace_back(to, m);
  else
    out_->packets.push_back({to, encode(m)});
}

// --- taken in again: the cells of the others

void kvs_machine::ask_pages() {
  sync_at_ = now_ + sync_interval;
  for (const auto& row : group_.roster().rows) {
    if (row.name == options_.self) continue;
    const auto& s = sync_[row.name];
    if (s.done) continue;
    kvs_message m;
    m.kind = kvs_kind::fetch;
    m.group = group_.roster().group;
    m.epoch = group_.roster().epoch;
    m.round = sync_round_;
    m.proposer = options_.id;
    m.key = s.cursor;
    m.granted = s.begun;
    m.ballot = 0;
    send(row.name, m);
  }
}

// Pages are told apart by where they begin: an answer that comes twice is of no use.
void kvs_machine::on_page(const std::string& from, const kvs_message& m) {
  const auto& roster = group_.roster();
  const bool fits = group_.syncing() && m.kind == kvs_kind::page && m.round == sync_round_ &&
                    m.proposer == options_.id && !m.keys_only && m.group == roster.group && m.epoch == roster.epoch &&
                    roster.find(from) != nullptr;
  if (!fits) return;
  auto& s = sync_[from];
  if (s.done || (s.begun && !m.cells.empty() && m.cells.front().first <= s.cursor)) return;
  for (const auto& [key, cell] : m.cells) acceptor_.learn(key, cell, now_);
  sync_floor_ = std::max(sync_floor_, m.promised);
  if (!m.cells.empty()) {
    s.cursor = m.cells.back().first;
    s.begun = true;
  }
  s.done = m.last;
  if (!s.done) {
    sync_at_ = now_;
    return;
  }
  const auto done = std::count_if(sync_.begin(), sync_.end(), [](const auto& row) { return row.second.done; });
  if (static_cast<std::size_t>(done) < roster.majority()) return;
  acceptor_.raise_floor(sync_floor_);
  group_.synced();
  sync_.clear();
  sync_round_ = 0;
  sync_at_ = time_point::max();
  out_->news.push_back("this kvs member has all keys again");
  after_group();
}

// --- what time asks for

bool kvs_machine::owns(const std::string& key) const {
  const auto& roster = group_.roster();
  const auto owner = crc32c(key) % roster.rows.size();
  return roster.rows[owner].name == options_.self;
}

// A member that kept a tombstone because it had promised more when the others dropped theirs sees to it itself, and so
// does one with a value that nobody else took.
void kvs_machine::tidy(kvs_proposer::output& p) {
  for (const auto& key : acceptor_.next_tombstones(sweep_most)) {
    const bool orphan = acceptor_.age_of(key, now_) > orphan_after && rng_.chance(0.25);
    if (owns(key) || orphan) proposer_.collect(key, now_, p);
  }
  for (const auto& key : acceptor_.next_present(repair_most)) {
    if (acceptor_.age_of(key, now_) > orphan_after) proposer_.repair(key, now_, p);
  }
}

// One member lets a value expire; the others when it is silent.
void kvs_machine::sweep() {
  const auto& roster = group_.roster();
  kvs_proposer::output p;
  for (const auto& d : acceptor_.take_expired(now_, expire_again, sweep_most)) {
    const auto& owner = roster.rows[crc32c(d.key) % roster.rows.size()].name;
    if (owner == options_.self || !group_.heard_lately(owner, now_, member_heard))
      proposer_.expire(d.key, d.version, now_, p);
  }
  if (now_ >= sweep_at_) {
    sweep_at_ = now_ + sweep_interval;
    const bool all_here = std::all_of(roster.rows.begin(), roster.rows.end(), [this](const kvs_row& row) {
      return row.name == options_.self || group_.heard_lately(row.name, now_, member_heard);
    });
    if (all_here) tidy(p);
  }
  take(p);
}

void kvs_machine::finish(kvs_output& out) {
  for (const auto& to : group_.take_hellos(now_)) say_hello(to, true);
  while (!local_.empty()) {
    const auto next = std::move(local_.front());
    local_.pop_front();
    dispatch(next.first, next.second);
  }
  if (options_.runs && now_ >= write_at_) out.write = acceptor_.take_write();
  out_ = nullptr;
}

time_point kvs_machine::next_tick() const {
  auto at = std::min(group_.next_tick(), proposer_.next_tick());
  if (group_.wants_readmission()) at = std::min(at, readmit_at_);
  if (group_.syncing()) at = std::min(at, sync_at_);
  if (group_.serves()) {
    at = std::min(at, acceptor_.next_due());
    if (acceptor_.has_tombstones() || acceptor_.present() > 0) at = std::min(at, sweep_at_);
  }
  if (disk_failed_) at = std::min(at, write_at_);
  return at;
}

kvs_status kvs_machine::status() const {
  kvs_status s;
  s.runs = options_.runs;
  s.serves = group_.serves();
  s.fault = disk_failed_ ? "its disk does not take what it writes" : group_.fault();
  for (const auto& row : group_.roster().rows) s.members.push_back(row.name);
  s.epoch = group_.roster().epoch;
  s.keys = acceptor_.present();
  s.tombstones = acceptor_.tombstones();
  s.bytes = acceptor_.bytes();
  s.refused_full = acceptor_.refused_full();
  s.malformed = malformed_;
  s.requests = proposer_.counts();
  return s;
}

}  // namespace troupe
