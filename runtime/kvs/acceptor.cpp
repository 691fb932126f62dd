#include "runtime/kvs/acceptor.hpp"

#include <algorithm>

namespace troupe {

namespace {

constexpr int clock_rate_margin = 500;  // a life is longer by this part: clocks run at different rates

}  // namespace

kvs_acceptor::kvs_acceptor(kvs_image restored, std::uint64_t memory_max, time_point now)
    : meta_(std::move(restored.meta)), memory_max_(memory_max) {
  for (auto& [key, cell] : restored.cells) {
    auto& there = cells_[key];
    static_cast<kvs_cell&>(there) = std::move(cell);
    there.since = now;
    count(key, there, 1);
    plan(key, there, end_of(there));
  }
}

const kvs_cell* kvs_acceptor::find(const std::string& key) const {
  const auto found = cells_.find(key);
  return found == cells_.end() ? nullptr : &found->second;
}

// --- the rules

void kvs_acceptor::prepare(const kvs_message& m, time_point now, kvs_message& answer) {
  const auto found = cells_.find(m.key);
  held* cell = found == cells_.end() ? nullptr : &found->second;
  const auto promised = cell != nullptr ? cell->promised : meta_.floor;
  const bool repeat = cell != nullptr && m.ballot == promised && m.proposer == cell->promised_to;
  if (!repeat && m.ballot <= promised) {
    answer.why = kvs_refusal::promised;
    answer.promised = promised;
    return;
  }
  // `promised` of a prepare is the room that its value will need.
  if ((cell == nullptr || m.promised > 0) && !has_room(m.key, cell, m.promised)) {
    ++refused_full_;
    answer.why = kvs_refusal::full;
    return;
  }
  answer.promised = meta_.floor;
  if (cell == nullptr) cell = &make(m.key, now);
  if (!repeat) {
    cell->promised = m.ballot;
    cell->promised_to = m.proposer;
    if (cell->accepted == 0) plan(m.key, *cell, now + promise_keep);
    changed(m.key, *cell);
  }
  answer.granted = true;
  show(*cell, now, answer);
}

void kvs_acceptor::accept(const kvs_message& m, time_point now, kvs_message& answer) {
  const auto found = cells_.find(m.key);
  held* cell = found == cells_.end() ? nullptr : &found->second;
  const bool low = cell != nullptr ? m.ballot < cell->promised : m.ballot <= meta_.floor;
  if (low) {
    answer.why = kvs_refusal::promised;
    answer.promised = cell != nullptr ? cell->promised : meta_.floor;
    return;
  }
  answer.granted = true;
  if (cell != nullptr && cell->accepted == m.ballot) return;  // a repeat
  if (m.value.present && !has_room(m.key, cell, m.value.bytes.size())) {
    ++refused_full_;
    answer.granted = false;
    answer.why = kvs_refusal::full;
    return;
  }
  if (cell == nullptr) cell = &make(m.key, now);
  if (cell->promised != m.ballot) cell->promised_to = {};
  cell->promised = m.ballot;
  cell->accepted = m.ballot;
  put(m.key, *cell, m.value, now);
  changed(m.key, *cell);
}

void kvs_acceptor::look(const std::string& key, time_point now, kvs_message& answer) const {
  answer.granted = true;
  answer.promised = meta_.floor;
  const auto found = cells_.find(key);
  if (found != cells_.end()) show(found->second, now, answer);
}

void kvs_acceptor::drop(const std::string& key, std::uint64_t ballot) {
  const auto found = cells_.find(key);
  if (found == cells_.end()) return;
  const held& cell = found->second;
  if (cell.accepted != ballot || cell.promised != ballot || cell.value.present) return;
  raise_floor(ballot);
  erase(key);
}

void kvs_acceptor::learn(const std::string& key, const kvs_cell& cell, time_point now) {
  if (cell.accepted == 0) return;
  const auto found = cells_.find(key);
  if (found != cells_.end() && found->second.accepted >= cell.accepted) return;
  held& there = found == cells_.end() ? make(key, now) : found->second;
  if (there.promised < cell.accepted) {
    there.promised = cell.accepted;
    there.promised_to = {};
  }
  there.accepted = cell.accepted;
  put(key, there, cell.value, now);
  changed(key, there);
}

void kvs_acceptor::raise_floor(std::uint64_t floor) {
  if (floor <= meta_.floor) return;
  meta_.floor = floor;
  meta_dirty_ = true;
  ++version_;
}

void kvs_acceptor::clear() {
  while (!cells_.empty()) erase(std::string(cells_.begin()->first));
}

void kvs_acceptor::set_meta(kvs_meta meta) {
  if (meta == meta_) return;
  meta_ = std::move(meta);
  meta_dirty_ = true;
  ++version_;
}

// --- cells

bool kvs_acceptor::has_room(const std::string& key, const held* there, std::size_t value_bytes) const {
  if (there == nullptr && cells_.size() >= kvs_cells_max) return false;
  const auto before = there == nullptr ? 0 : bytes_of(key, *there);
  const auto after = key.size() + value_bytes + kvs_cell_overhead;
  return after <= before || bytes_ - before + after <= memory_max_;
}

void kvs_acceptor::count(const std::string& key, const held& cell, int sign) {
  const auto bytes = bytes_of(key, cell);
  bytes_ = sign > 0 ? bytes_ + bytes : bytes_ - bytes;
  if (cell.value.present) present_ = sign > 0 ? present_ + 1 : present_ - 1;
  if (cell.accepted == 0 || cell.value.present) return;
  if (sign > 0)
    tombstones_.insert(key);
  else
    tombstones_.erase(key);
}

kvs_acceptor::held& kvs_acceptor::make(const std::string& key, time_point now) {
  held& cell = cells_[key];
  cell.since = now;
  count(key, cell, 1);
  return cell;
}

// `accepted` was set before. A version that is here already keeps its age.
void kvs_acceptor::put(const std::string& key, held& cell, const kvs_value& value, time_point now) {
  count(key, cell, -1);
  if (cell.value.version != value.version) cell.since = now;
  cell.value = value;
  count(key, cell, 1);
  plan(key, cell, end_of(cell));
}

void kvs_acceptor::changed(const std::string& key, held& cell) {
  cell.changed = ++version_;
  dirty_.insert(key);
}

void kvs_acceptor::erase(const std::string& key) {
  const auto found = cells_.find(key);
  count(key, found->second, -1);
  plan(key, found->second, time_point::max());
  cells_.erase(found);
  dirty_.insert(key);
  ++version_;
}

void kvs_acceptor::show(const held& cell, time_point now, kvs_message& answer) const {
  answer.accepted = cell.accepted;
  if (cell.accepted == 0) return;
  answer.value = cell.value;
  if (cell.value.ttl > duration::zero()) {
    answer.ttl_left =
        std::clamp<duration>(cell.since + cell.value.ttl - now, std::chrono::milliseconds(1), kvs_ttl_max);
  }
}

std::uint64_t kvs_acceptor::version_of(const std::string& key) const {
  const auto found = cells_.find(key);
  return found == cells_.end() ? 0 : found->second.changed;
}

void kvs_acceptor::fill_page(const kvs_message& m, kvs_message& page) const {
  std::size_t bytes = 0;
  auto it = m.granted ? cells_.upper_bound(m.key) : cells_.begin();  // granted: `key` is a key, not the beginning
  for (; it != cells_.end(); ++it) {
    const auto& [key, cell] = *it;
    if (cell.accepted == 0 || (m.keys_only && !cell.value.present)) continue;
    kvs_cell shown = cell;
    if (m.keys_only) shown.value.bytes.clear();
    bytes += bytes_of(key, shown);
    if (!page.cells.empty() && (bytes > kvs_page_bytes_max || page.cells.size() >= kvs_page_cells_max)) break;
    page.cells.emplace_back(key, std::move(shown));
  }
  page.last = it == cells_.end();
  page.promised = meta_.floor;
}

// --- time

time_point kvs_acceptor::end_of(const held& cell) {
  if (!cell.value.present || cell.value.ttl <= duration::zero()) return time_point::max();
  return cell.since + cell.value.ttl + cell.value.ttl / clock_rate_margin;
}

void kvs_acceptor::plan(const std::string& key, held& cell, time_point at) {
  if (cell.due == at) return;
  if (cell.due != time_point::max()) due_.erase({cell.due, key});
  cell.due = at;
  if (at != time_point::max()) due_.emplace(at, key);
}

time_point kvs_acceptor::next_due() const { return due_.empty() ? time_point::max() : due_.begin()->first; }

std::vector<kvs_acceptor::due> kvs_acceptor::take_expired(time_point now, duration again, std::size_t most) {
  std::vector<due> found;
  while (found.size() < most && !due_.empty() && due_.begin()->first <= now) {
    const auto key = due_.begin()->second;
    held& cell = cells_.find(key)->second;
    if (cell.accepted == 0) break;  // forget_promises comes first
    found.push_back({key, cell.value.version});
    plan(key, cell, now + again);
  }
  return found;
}

void kvs_acceptor::forget_promises(time_point now) {
  std::vector<std::string> over;
  for (auto it = due_.begin(); it != due_.end() && it->first <= now; ++it) {
    if (cells_.find(it->second)->second.accepted == 0) over.push_back(it->second);
  }
  for (const auto& key : over) {
    raise_floor(cells_.find(key)->second.promised);
    erase(key);
  }
}

std::vector<std::string> kvs_acceptor::next_tombstones(std::size_t most) {
  std::vector<std::string> found;
  auto it = tombstones_.upper_bound(tombstone_cursor_);
  for (std::size_t i = 0; i < tombstones_.size() && found.size() < most; ++i, ++it) {
    if (it == tombstones_.end()) it = tombstones_.begin();
    found.push_back(*it);
  }
  if (!found.empty()) tombstone_cursor_ = found.back();
  return found;
}

std::vector<std::string> kvs_acceptor::next_present(std::size_t most) {
  std::vector<std::string> found;
  auto it = cells_.upper_bound(present_cursor_);
  for (std::size_t i = 0; i < most && i < cells_.size(); ++i, ++it) {
    if (it == cells_.end()) it = cells_.begin();
    if (it->second.value.present) found.push_back(it->first);
    present_cursor_ = it->first;
  }
  return found;
}

duration kvs_acceptor::age_of(const std::string& key, time_point now) const {
  const auto found = cells_.find(key);
  return found == cells_.end() ? duration::zero() : now - found->second.since;
}

// --- the disk

std::optional<kvs_write> kvs_acceptor::take_write() {
  if (writing_ != 0 || version_ == durable_) return std::nullopt;
  if (appended_ > appended_min && appended_ > 2 * bytes_) whole_ = true;
  kvs_batch batch;
  if (whole_ || meta_dirty_) batch.meta = meta_;
  if (whole_) {
    for (const auto& [key, cell] : cells_) batch.cells.emplace_back(key, cell);
  } else {
    for (const auto& key : dirty_) {
      const auto found = cells_.find(key);
      batch.cells.emplace_back(key, found == cells_.end() ? std::nullopt : std::optional<kvs_cell>(found->second));
    }
  }
  kvs_write w{encode(batch), version_, whole_};
  appended_ = whole_ ? 0 : appended_ + w.bytes.size();
  dirty_.clear();
  meta_dirty_ = false;
  whole_ = false;
  writing_ = version_;
  return w;
}

void kvs_acceptor::on_persisted(std::uint64_t token, bool done) {
  if (token == 0 || token != writing_) return;
  writing_ = 0;
  if (done)
    durable_ = token;
  else
    whole_ = true;
}

}  // namespace troupe
