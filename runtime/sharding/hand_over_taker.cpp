// The side of a hand-over that gets the shard, and the way of messages to both.
#include <algorithm>

#include "runtime/sharding/hand_over.hpp"

namespace troupe {

void hand_over::on_message(std::uint64_t from, std::string_view bytes, bool serves, time_point now,
                           hand_over_output& out) {
  const auto read = read_copy::from(bytes);
  if (!read) {
    ++counters_.malformed;
    return;
  }
  const auto& m = read->head;
  if (from == 0) return;  // it has no PID here yet, or no more
  switch (m.kind) {
    case copy_kind::answer: return on_answer(from, m, now, out);
    case copy_kind::released:
    case copy_kind::joined:
    case copy_kind::dropped: out.words.push_back({m.kind, m.shard, m.epoch, from, m.to}); return;
    case copy_kind::page: break;
  }
  copy_message answer = m;
  answer.kind = copy_kind::answer;
  answer.outcome = take(from, *read, serves, now);
  out.messages.push_back({from, encode(answer)});
}

page_outcome hand_over::take(std::uint64_t from, const read_copy& page, bool serves, time_point now) {
  const auto& m = page.head;
  if (table_ == nullptr || m.shard >= table_->rows.size()) return page_outcome::not_yet;
  const auto& row = table_->rows[m.shard];
  if (row.epoch < m.epoch || !serves) return page_outcome::not_yet;
  if (row.epoch > m.epoch || row.primary != from || !row.has_replica(my_pid_)) return page_outcome::refused;

  auto& t = takings_[m.shard];
  if (t.epoch != m.epoch || t.attempt < m.attempt) {
    if (m.sequence != 0) return page_outcome::refused;
    if (!contents_.begin_copy(m.shard, m.epoch)) return page_outcome::not_yet;
    t = {m.epoch, m.attempt, 0};
  }
  if (m.attempt < t.attempt || m.sequence > t.next) return page_outcome::refused;
  // Whoever counts on this copy counts on its log too.
  const auto when_settled = [&] {
    return !m.last || contents_.settled(m.shard) ? page_outcome::taken : page_outcome::not_yet;
  };
  if (m.sequence < t.next) return when_settled();  // it was repeated
  if (!contents_.may_copy(m.shard)) return page_outcome::not_yet;
  const bool fits = std::all_of(page.entries.begin(), page.entries.end(),
                                [&](const copied_entry& e) { return contents_.copy(m.shard, e, now); });
  if (!fits) return page_outcome::no_room;
  ++t.next;
  if (m.last) {
    contents_.finish_copy(m.shard, m.epoch, m.version, m.stream);
    ++counters_.shards_taken;
  }
  return when_settled();
}

}  // namespace troupe
