#include "runtime/cache/change_source.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

const change_interest* change_source::interest_of(const session& s, cache_id cache) noexcept {
  const auto at =
      std::find_if(s.interests.begin(), s.interests.end(), [cache](const auto& i) { return i.cache == cache; });
  return at == s.interests.end() ? nullptr : &*at;
}

bool change_source::wants(cache_id cache) const noexcept {
  return std::any_of(sessions_.begin(), sessions_.end(),
                     [cache](const auto& row) { return interest_of(row.second, cache) != nullptr; });
}

change_source::outcome change_source::on_poll(const change_poll& p, time_point now) {
  on_tick(now);
  auto at = sessions_.find(p.session);
  const bool begins = p.number == 1;
  if (at != sessions_.end() && (p.number == 0 || begins || at->second.answered + 1 != p.number)) {
    end(at, false);
    at = sessions_.end();
  }
  if (at == sessions_.end() && (!begins || sessions_.size() >= limits_.sessions_max)) return outcome::refused;
  const bool fresh = at == sessions_.end();
  if (fresh) {
    at = sessions_.try_emplace(p.session).first;
    at->second.attached.resize(waiting_.size());
  }
  auto& s = at->second;
  s.polled = now;
  if (fresh || s.revision != p.revision) {
    s.revision = p.revision;
    s.interests = p.interests;
    push_mark(at, {.what = change_item::form::revised, .version = p.revision});
  }
  if (!std::exchange(s.holding, true) && !s.queue.empty()) ++ready_;
  return fresh ? outcome::fresh : outcome::taken;
}

void change_source::attach(std::uint64_t reader, std::uint32_t shard, std::uint64_t epoch, std::uint64_t version) {
  const auto at = sessions_.find(reader);
  if (at == sessions_.end() || at->second.attached[shard]) return;
  at->second.attached[shard] = true;
  push_mark(at, {.what = change_item::form::began, .shard = shard, .version = version, .epoch = epoch});
}

void change_source::push_mark(session_map::iterator at, change_item mark) {
  push(at, {std::make_shared<const change_item>(std::move(mark)), false});
}

// Never ends the session that it adds to: its caller goes through all of them.
void change_source::push(session_map::iterator at, queued q) {
  auto& s = at->second;
  const auto bytes = q.item->bytes();
  if (s.holding && s.queue.empty()) ++ready_;
  s.queue.push_back(std::move(q));
  s.bytes += bytes;
  bytes_ += bytes;
}

void change_source::on_change(std::uint32_t shard, const key_change& c, std::uint64_t sequence) {
  bool wanted = false, with_value = false;
  for (const auto& [number, s] : sessions_) {
    const auto* i = s.attached[shard] ? interest_of(s, c.cache) : nullptr;
    if (i == nullptr || (c.kind != change_kind::dropped && !i->covers(c.key))) continue;
    wanted = true;
    with_value = with_value || (c.value && c.value->size() <= i->value_bytes_max);
  }
  if (!wanted) return;
  auto item = std::make_shared<change_item>();
  item->kind = c.kind;
  item->cache = c.cache;
  item->shard = shard;
  item->version = c.version;
  item->key = c.key;
  item->ttl = c.ttl;
  if (with_value) item->value = *c.value;
  keep(shard, {sequence, std::move(item), 0});
}

void change_source::mark(std::uint64_t reader, cache_id cache, std::uint32_t shard, std::uint64_t token,
                         std::uint64_t sequence) {
  if (!sessions_.contains(reader)) return;
  auto item = std::make_shared<change_item>();
  item->what = change_item::form::marked;
  item->cache = cache;
  item->shard = shard;
  item->version = token;
  keep(shard, {sequence, std::move(item), reader});
}

// Whatever waits of the shard goes before it.
void change_source::keep(std::uint32_t shard, uncommitted u) {
  auto& line = waiting_[shard];
  if (u.sequence == 0 && !line.empty()) u.sequence = line.back().sequence;
  if (u.sequence == 0) {
    give(shard, u);
  } else {
    bytes_ += u.item->bytes();
    line.push_back(std::move(u));
  }
  end_overfull();
}

void change_source::give(std::uint32_t shard, const uncommitted& u) {
  if (u.only == 0) return tell(shard, u.item);
  const auto at = sessions_.find(u.only);
  if (at != sessions_.end() && at->second.attached[shard]) push(at, {u.item, false});
}

void change_source::on_committed(std::uint32_t shard, std::uint64_t sequence) {
  auto& line = waiting_[shard];
  while (!line.empty() && line.front().sequence <= sequence) {
    const auto first = std::move(line.front());
    line.pop_front();
    bytes_ -= first.item->bytes();
    give(shard, first);
  }
  end_overfull();
}

void change_source::tell(std::uint32_t shard, const item_ptr& item) {
  for (auto at = sessions_.begin(); at != sessions_.end(); ++at) {
    const auto& s = at->second;
    const auto* i = s.attached[shard] ? interest_of(s, item->cache) : nullptr;
    if (i == nullptr || (item->kind != change_kind::dropped && !i->covers(item->key))) continue;
    ++numbers_.told;
    push(at, {item, item->value && item->value->size() <= i->value_bytes_max});
  }
}

// Too much waits: for a reader, which loses its session; or altogether, and the fullest goes, or all of them where it
// is what is not committed.
void change_source::end_overfull() {
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    const auto here = at++;
    if (here->second.bytes > limits_.session_bytes_max) end(here, true);
  }
  while (bytes_ > limits_.bytes_max && !sessions_.empty()) {
    const auto fullest = std::max_element(sessions_.begin(), sessions_.end(),
                                          [](const auto& a, const auto& b) { return a.second.bytes < b.second.bytes; });
    end(fullest, true);
  }
}

void change_source::end(session_map::iterator at, bool broken) {
  auto& s = at->second;
  if (broken) ++numbers_.broken;
  if (s.holding && !s.queue.empty()) --ready_;
  bytes_ -= s.bytes;
  sessions_.erase(at);
  if (!sessions_.empty()) return;
  for (std::uint32_t shard = 0; shard < waiting_.size(); ++shard) discard(shard);
}

void change_source::discard(std::uint32_t shard) {
  for (const auto& u : waiting_[shard]) bytes_ -= u.item->bytes();
  waiting_[shard].clear();
}

void change_source::on_begin(std::uint32_t shard, std::uint64_t epoch, std::uint64_t version) {
  for (const auto& [number, s] : sessions_) attach(number, shard, epoch, version);
}

void change_source::on_end(std::uint32_t shard, std::uint64_t version) {
  if (!waiting_[shard].empty()) version = 0;  // nobody knows what becomes of those
  discard(shard);
  for (auto at = sessions_.begin(); at != sessions_.end(); ++at) {
    if (!at->second.attached[shard]) continue;
    at->second.attached[shard] = false;
    push_mark(at, {.what = change_item::form::ended, .shard = shard, .version = version});
  }
}

std::vector<std::uint64_t> change_source::due(time_point now) const {
  std::vector<std::uint64_t> all;
  for (const auto& [number, s] : sessions_) {
    if (s.holding && (!s.queue.empty() || now - s.polled >= hold_max)) all.push_back(number);
  }
  return all;
}

change_answer change_source::take(std::uint64_t reader, time_point now) {
  change_answer a;
  const auto at = sessions_.find(reader);
  if (at == sessions_.end()) return a;
  auto& s = at->second;
  if (s.holding && !s.queue.empty()) --ready_;
  s.holding = false;
  s.polled = now;
  a.number = ++s.answered;
  std::size_t bytes = 0;
  while (!s.queue.empty() && bytes < limits_.answer_bytes_max && a.items.size() < change_answer::items_max) {
    const auto first = std::move(s.queue.front());
    s.queue.pop_front();
    const auto size = first.item->bytes();
    bytes += size;
    s.bytes -= size;
    bytes_ -= size;
    a.items.push_back(*first.item);
    if (!first.with_value) a.items.back().value.reset();
  }
  a.more = !s.queue.empty();
  return a;
}

void change_source::on_tick(time_point now) {
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    const auto here = at++;
    if (now - here->second.polled > silence_max) end(here, false);
  }
}

}  // namespace troupe
