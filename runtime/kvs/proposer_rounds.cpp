// What the answers of a round lead to.
#include <algorithm>
#include <set>
#include <utility>

#include "runtime/kvs/proposer.hpp"

namespace troupe {

namespace {

kvs_result result_of(errc code, std::string context = {}) {
  kvs_result r;
  r.code = code;
  r.context = std::move(context);
  return r;
}

bool holds(const kvs_request& r, const kvs_value& state) {
  switch (r.condition) {
    case kvs_condition::none: return true;
    case kvs_condition::absent: return !state.present;
    case kvs_condition::present: return state.present;
    case kvs_condition::version: return state.present && state.version == r.version;
  }
  return false;
}

}  // namespace

std::size_t kvs_proposer::count(const operation& o, bool granted) const {
  return static_cast<std::size_t>(std::count_if(o.answers.begin(), o.answers.end(), [granted](const answer_of& a) {
    return a.came && a.message.granted == granted;
  }));
}

void kvs_proposer::on_answer(const std::string& from, const kvs_message& m, time_point now, output& out) {
  const auto round = by_round_.find(m.round);
  // An answer that was meant for an earlier process of this node is none.
  if (round == by_round_.end() || m.proposer != self_) return;
  if (m.group != roster_.group || m.epoch != roster_.epoch) return;
  const auto row = roster_.index_of(from);
  operation& o = operations_.find(round->second)->second;
  if (!row || o.answers[*row].came) return;
  for (const auto ballot : {m.promised, m.accepted}) {
    if (epoch_of_ballot(ballot) <= roster_.epoch) highest_ballot_ = std::max(highest_ballot_, ballot);
  }
  const auto looked = o.request.op == kvs_op::list ? kvs_kind::page : kvs_kind::looked;
  const bool fits = (o.now == phase::looking && m.kind == looked) ||
                    (o.now == phase::preparing && m.kind == kvs_kind::promise && m.ballot == o.ballot) ||
                    ((o.now == phase::accepting || o.now == phase::lingering) && m.kind == kvs_kind::accepted &&
                     m.ballot == o.ballot);
  if (!fits) return;
  o.answers[*row] = {true, m};
  switch (m.kind) {
    case kvs_kind::looked: return on_looked(o, now, out);
    case kvs_kind::page: return on_page(o, now, out);
    case kvs_kind::promise: return on_promise(o, now, out);
    default: return on_accepted(o, now, out);
  }
}

// Values are a majority's when so many accepted them under the same ballot; whatever was complete before this
// look began would have been met by it.
void kvs_proposer::on_looked(operation& o, time_point now, output& out) {
  if (count(o, true) < roster_.majority()) return;
  if (o.request.op == kvs_op::is_alive) return finish(o, result_of(errc::ok), now, out);
  if (o.task == kvs_task::repair) {
    if (count(o, true) < o.answers.size()) return;
    const auto same = std::all_of(o.answers.begin(), o.answers.end(), [&o](const answer_of& a) {
      return a.message.accepted == o.answers.front().message.accepted;
    });
    return same ? finish(o, result_of(errc::ok), now, out) : begin_prepare(o, now, out);
  }
  for (const auto& a : o.answers) {
    if (!a.came) continue;
    const auto same = std::count_if(o.answers.begin(), o.answers.end(), [&](const answer_of& b) {
      return b.came && b.message.accepted == a.message.accepted;
    });
    if (static_cast<std::size_t>(same) < roster_.majority()) continue;
    return finish(o, read_result(o, a.message.value), now, out);
  }
  begin_prepare(o, now, out);
}

kvs_result kvs_proposer::read_result(const operation& o, const kvs_value& state) const {
  if (!state.present) return result_of(errc::not_found);
  kvs_result r;
  r.version = state.version;
  r.value = state.bytes;
  for (const auto& a : o.answers) {
    if (!a.came || a.message.value.version != state.version || state.ttl <= duration::zero()) continue;
    r.ttl_left = r.ttl_left == duration::zero() ? a.message.ttl_left : std::min(r.ttl_left, a.message.ttl_left);
  }
  return r;
}

void kvs_proposer::on_page(operation& o, time_point now, output& out) {
  if (count(o, true) < roster_.majority()) return;
  kvs_result r;
  std::set<std::string> keys;
  std::optional<std::string> end;  // beyond it some page tells nothing
  for (const auto& a : o.answers) {
    if (!a.came) continue;
    for (const auto& [key, cell] : a.message.cells) keys.insert(key);
    if (a.message.last || a.message.cells.empty()) continue;
    if (!end || a.message.cells.back().first < *end) end = a.message.cells.back().first;
  }
  keys.erase("");
  for (const auto& key : keys) {
    if (!end || key <= *end) r.keys.push_back(key);
  }
  r.last = !end.has_value();
  finish(o, std::move(r), now, out);
}

void kvs_proposer::on_promise(operation& o, time_point now, output& out) {
  if (count(o, true) < roster_.majority()) {
    if (roster_.rows.size() - count(o, false) >= roster_.majority()) return;
    const bool full = std::any_of(o.answers.begin(), o.answers.end(),
                                  [](const answer_of& a) { return a.came && a.message.why == kvs_refusal::full; });
    if (!full) return pause(o, now);
    return finish(o,
                  o.tried.empty() ? result_of(errc::out_of_memory, "kvs.memory_max or the number of keys is reached")
                                  : result_of(errc::outcome_unknown, "it was tried, and then there was no room"),
                  now, out);
  }
  const answer_of* highest = nullptr;
  std::uint64_t floor = 0;
  for (const auto& a : o.answers) {
    if (!a.came || !a.message.granted) continue;
    floor = std::max(floor, a.message.promised);
    if (highest == nullptr || a.message.accepted > highest->message.accepted) highest = &a;
  }
  const auto same = std::count_if(o.answers.begin(), o.answers.end(), [&](const answer_of& a) {
    return a.came && a.message.granted && a.message.accepted == highest->message.accepted;
  });
  const bool chosen = static_cast<std::size_t>(same) >= roster_.majority();
  const kvs_value state = highest->message.value;
  decide(o, state, chosen, floor, now, out);
}

// First: did an earlier proposal of this request come to be? Values are a chain, each with the version of the
// one before it; beyond the last two links nothing is known.
void kvs_proposer::decide(operation& o, const kvs_value& state, bool chosen, std::uint64_t floor, time_point now,
                          output& out) {
  if (o.task == kvs_task::readmit) return readmit(o, state, chosen, now, out);
  std::uint64_t done = 0;
  bool unknown = false;
  for (const auto version : o.tried) {
    if (version == state.version || (version == state.base && state.version != 0))
      done = version;
    else if (state.version == 0 ? version <= floor : version < state.base || version <= state.gone)
      unknown = true;
  }
  if (done != 0) {
    auto r = result_of(errc::ok);
    if (o.request.op == kvs_op::put) r.version = done;
    return answer(o, state, chosen, std::move(r), now, out);
  }
  if (unknown || o.tried.size() >= tried_max)
    return finish(o, result_of(errc::outcome_unknown, "others wrote the key meanwhile"), now, out);
  propose(o, state, chosen, floor, now, out);
}

// What follows from what was read must not be said before that is a majority's.
void kvs_proposer::answer(operation& o, const kvs_value& state, bool chosen, kvs_result result, time_point now,
                          output& out) {
  if (chosen) return finish(o, std::move(result), now, out);
  begin_accept(o, state, std::move(result), now, out);
}

void kvs_proposer::propose(operation& o, const kvs_value& state, bool chosen, std::uint64_t floor, time_point now,
                           output& out) {
  const auto& r = o.request;
  if (o.task == kvs_task::repair) {
    // Nothing is there for a majority: what a member has was never a majority's, and will not be.
    kvs_value same = state;
    if (same.version == 0) same.version = o.ballot;
    if (state.version == 0) same.gone = floor;
    ++counts_.repaired;
    return begin_accept(o, std::move(same), result_of(errc::ok), now, out);
  }
  if (r.op == kvs_op::get) return answer(o, state, chosen, read_result(o, state), now, out);
  if (o.task == kvs_task::collect) {
    if (state.version == 0 || state.present) return finish(o, result_of(errc::ok), now, out);
    return begin_accept(o, state, result_of(errc::ok), now, out);
  }
  if (!holds(r, state)) return answer(o, state, chosen, result_of(errc::condition_failed), now, out);
  if (r.op == kvs_op::erase && !state.present) return answer(o, state, chosen, result_of(errc::not_found), now, out);
  kvs_value next;
  next.version = o.ballot;
  next.base = state.version;
  next.gone = state.version == 0 ? floor : 0;
  next.present = r.op == kvs_op::put;
  auto verdict = result_of(errc::ok);
  if (next.present) {
    next.bytes = r.value;
    next.ttl = r.ttl;
    verdict.version = next.version;
  }
  o.tried.push_back(next.version);
  begin_accept(o, std::move(next), std::move(verdict), now, out);
}

void kvs_proposer::on_accepted(operation& o, time_point now, output& out) {
  const auto granted = count(o, true);
  const auto size = roster_.rows.size();
  if (o.now == phase::lingering || granted == size) {
    const bool tombstone = !o.proposal.present;
    if (tombstone && granted == size) {
      kvs_message m;
      m.kind = kvs_kind::drop;
      m.group = roster_.group;
      m.epoch = roster_.epoch;
      m.key = o.request.key;
      m.ballot = o.ballot;
      for (const auto& row : roster_.rows) out.packets.push_back({row.name, m});
      ++counts_.collected;
    }
    if (o.now == phase::lingering) {
      if (granted + count(o, false) < size) return;
      by_round_.erase(o.round);
      operations_.erase(o.request.id);
      return;
    }
  }
  if (granted >= roster_.majority()) {
    if (o.task == kvs_task::readmit) {
      if (auto next = decode_kvs_roster(o.proposal.bytes)) out.agreed = std::move(*next);
    }
    return finish(o, std::exchange(o.verdict, {}), now, out);
  }
  if (size - count(o, false) < roster_.majority()) pause(o, now);
}

void kvs_proposer::readmit(operation& o, const kvs_value& state, bool chosen, time_point now, output& out) {
  if (state.present) {
    auto told = decode_kvs_roster(state.bytes);
    if (!told || told->group != roster_.group)
      return finish(o, result_of(errc::corrupt, "the kvs members' roster cannot be read"), now, out);
    if (told->epoch > roster_.epoch) {  // others were before us
      if (!chosen) return begin_accept(o, state, result_of(errc::ok), now, out);
      out.agreed = std::move(*told);
      return finish(o, result_of(errc::ok), now, out);
    }
  }
  const auto* row = roster_.find(o.request.value);
  if (row != nullptr && row->disk == o.disk) return finish(o, result_of(errc::ok), now, out);
  if (row == nullptr || roster_.epoch + 1 >= kvs_epoch_max) return finish(o, result_of(errc::unavailable), now, out);
  kvs_value next;
  next.version = o.ballot;
  next.base = state.version;
  next.present = true;
  next.bytes = encode(with_disk(roster_, o.request.value, o.disk));
  begin_accept(o, std::move(next), result_of(errc::ok), now, out);
}

}  // namespace troupe
