#include "runtime/kvs/proposer.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

namespace {

bool has_key(kvs_op op) noexcept { return op != kvs_op::list && op != kvs_op::is_alive; }

constexpr std::uint64_t counter_of(std::uint64_t ballot) noexcept {
  return ballot & ((std::uint64_t{1} << kvs_counter_bits) - 1);
}

}  // namespace

std::optional<kvs_result> kvs_proposer::refusal_of(const kvs_request& r) {
  kvs_result result;
  result.id = r.id;
  const auto refuse = [&](errc code, std::string context) {
    result.code = code;
    result.context = std::move(context);
    return result;
  };
  if (has_key(r.op) && r.key.empty()) return refuse(errc::invalid_argument, "the key is empty");
  if (r.key.size() > kvs_key_bytes_max)
    return refuse(errc::too_large, "a key has at most " + std::to_string(kvs_key_bytes_max) + " bytes");
  if (r.value.size() > kvs_value_bytes_max)
    return refuse(errc::too_large, "a value has at most " + std::to_string(kvs_value_bytes_max) + " bytes");
  if (r.ttl < duration::zero() || r.ttl > kvs_ttl_max) return refuse(errc::invalid_argument, "ttl: above 366d");
  return std::nullopt;
}

// --- operations

void kvs_proposer::add(kvs_request r, kvs_task task, time_point now, output& out) {
  const auto id = r.id;
  auto& o = operations_[id];
  o.request = std::move(r);
  o.task = task;
  if (has_key(o.request.op)) {
    auto& line = by_key_[o.request.key];
    line.push_back(id);
    if (line.size() > 1) return;
  }
  begin(o, now, out);
}

void kvs_proposer::on_request(kvs_request r, time_point now, output& out) {
  auto refused = refusal_of(r);
  if (!refused && (operations_.size() >= operations_max || operations_.contains(r.id))) {
    refused = kvs_result{};
    refused->id = r.id;
    refused->code = errc::unavailable;
    refused->context = "too many requests are under way";
  }
  if (refused) {
    out.results.push_back(std::move(*refused));
    return;
  }
  r.ttl = std::chrono::ceil<std::chrono::milliseconds>(r.ttl);
  add(std::move(r), kvs_task::request, now, out);
}

void kvs_proposer::readmit(const std::string& name, const incarnation_id& disk, time_point now, output& out) {
  if (std::exchange(readmitting_, true)) return;
  kvs_request r;
  r.id = next_own_id_++;
  r.op = kvs_op::put;
  r.value = name;
  r.deadline = now + std::chrono::seconds(5);
  const auto id = r.id;
  auto& o = operations_[id];
  o.request = std::move(r);
  o.task = kvs_task::readmit;
  o.disk = disk;
  by_key_[""].push_back(id);
  if (by_key_[""].size() == 1) begin(o, now, out);
}

void kvs_proposer::add_task(const std::string& key, kvs_op op, kvs_task task, std::uint64_t version, time_point now,
                            output& out) {
  if (by_key_.contains(key) || operations_.size() >= operations_max) return;
  kvs_request r;
  r.id = next_own_id_++;
  r.op = op;
  r.key = key;
  r.version = version;
  r.condition = version != 0 ? kvs_condition::version : kvs_condition::none;
  r.deadline = now + linger_max;
  add(std::move(r), task, now, out);
}

void kvs_proposer::collect(const std::string& key, time_point now, output& out) {
  add_task(key, kvs_op::erase, kvs_task::collect, 0, now, out);
}

void kvs_proposer::expire(const std::string& key, std::uint64_t version, time_point now, output& out) {
  add_task(key, kvs_op::erase, kvs_task::expire, version, now, out);
}

void kvs_proposer::repair(const std::string& key, time_point now, output& out) {
  add_task(key, kvs_op::get, kvs_task::repair, 0, now, out);
}

// The next of its key begins.
void kvs_proposer::release(const std::string& key, std::uint64_t id, time_point now, output& out) {
  const auto line = by_key_.find(key);
  if (line == by_key_.end()) return;
  const bool first = line->second.front() == id;
  std::erase(line->second, id);
  if (line->second.empty()) {
    by_key_.erase(line);
    return;
  }
  if (!first) return;
  begin(operations_.find(line->second.front())->second, now, out);
}

void kvs_proposer::finish(operation& o, kvs_result result, time_point now, output& out) {
  const auto id = o.request.id;
  const auto key = o.request.key;
  const bool keyed = has_key(o.request.op);
  result.id = id;
  if (o.task == kvs_task::readmit) readmitting_ = false;
  if (o.task == kvs_task::request) {
    count_result(result.code);
    out.results.push_back(std::move(result));
  }
  const bool tombstone = o.now == phase::accepting && o.proposal.version != 0 && !o.proposal.present;
  if (tombstone && count(o, true) < o.answers.size()) {
    o.now = phase::lingering;
    o.linger_until = now + linger_max;
  } else {
    by_round_.erase(o.round);
    operations_.erase(id);
  }
  if (keyed) release(key, id, now, out);
}

void kvs_proposer::count_result(errc code) noexcept {
  switch (code) {
    case errc::ok: ++counts_.done; break;
    case errc::not_found:
    case errc::condition_failed: ++counts_.missed; break;
    case errc::outcome_unknown: ++counts_.unknown; break;
    default: ++counts_.not_done;
  }
}

void kvs_proposer::give_up(operation& o, time_point now, output& out) {
  kvs_result r;
  if (!o.tried.empty()) {
    r.code = errc::outcome_unknown;
    r.context = "the kvs members did not say in time whether it was done";
  } else {
    r.code = errc::unavailable;
    r.context = roster_.epoch == 0 ? "no member that runs kvs is known yet"
                                   : "no majority of the kvs members answers in time: " + roster_.names();
  }
  finish(o, std::move(r), now, out);
}

// --- phases

void kvs_proposer::begin(operation& o, time_point now, output& out) {
  if (roster_.epoch == 0) {
    o.now = phase::queued;
    return;
  }
  switch (o.request.op) {
    case kvs_op::get:
    case kvs_op::is_alive: return begin_look(o, now, out);
    case kvs_op::list: {
      kvs_message m;
      m.kind = kvs_kind::fetch;
      m.key = o.request.key;
      m.granted = !o.request.key.empty();
      m.keys_only = true;
      return begin_phase(o, phase::looking, std::move(m), now, out);
    }
    default: return begin_prepare(o, now, out);
  }
}

void kvs_proposer::begin_phase(operation& o, phase p, kvs_message m, time_point now, output& out) {
  by_round_.erase(o.round);
  o.now = p;
  o.round = next_round_++;
  by_round_[o.round] = o.request.id;
  o.answers.assign(roster_.rows.size(), {});
  o.highest = 0;
  m.group = roster_.group;
  m.epoch = roster_.epoch;
  m.round = o.round;
  m.proposer = self_;
  o.sent = std::move(m);
  ++counts_.rounds;
  send_missing(o, now, out);
}

void kvs_proposer::send_missing(operation& o, time_point now, output& out) {
  o.repeat_at = now + repeat_interval;
  for (std::size_t i = 0; i < o.answers.size(); ++i) {
    if (!o.answers[i].came) out.packets.push_back({roster_.rows[i].name, o.sent});
  }
}

void kvs_proposer::begin_look(operation& o, time_point now, output& out) {
  kvs_message m;
  m.kind = kvs_kind::look;
  m.key = o.request.key;
  begin_phase(o, phase::looking, std::move(m), now, out);
}

void kvs_proposer::begin_prepare(operation& o, time_point now, output& out) {
  const auto ballot = std::max(highest_ballot_, first_ballot_of(roster_.epoch)) + 1;
  if (counter_of(ballot) == 0 || epoch_of_ballot(ballot) != roster_.epoch) {
    kvs_result r;
    r.code = o.tried.empty() ? errc::unavailable : errc::outcome_unknown;
    r.context = "the ballots of this kvs group are used up";
    return finish(o, std::move(r), now, out);
  }
  highest_ballot_ = ballot;
  o.ballot = ballot;
  kvs_message m;
  m.kind = kvs_kind::prepare;
  m.key = o.request.key;
  m.ballot = ballot;
  m.promised = o.request.value.size();  // room that is needed
  begin_phase(o, phase::preparing, std::move(m), now, out);
}

void kvs_proposer::begin_accept(operation& o, kvs_value value, kvs_result verdict, time_point now, output& out) {
  o.proposal = std::move(value);
  o.verdict = std::move(verdict);
  kvs_message m;
  m.kind = kvs_kind::accept;
  m.key = o.request.key;
  m.ballot = o.ballot;
  m.value = o.proposal;
  begin_phase(o, phase::accepting, std::move(m), now, out);
}

void kvs_proposer::pause(operation& o, time_point now) {
  ++counts_.lost_rounds;
  by_round_.erase(o.round);
  o.now = phase::paused;
  const auto most = std::min<duration>(pause_first * (1 << std::min(o.losses, 10U)), pause_most);
  ++o.losses;
  o.paused_until = now + rng_.between(duration::zero(), most);
  o.repeat_at = time_point::max();
}

// --- time

time_point kvs_proposer::due_of(const operation& o) const {
  switch (o.now) {
    case phase::queued: return o.request.deadline;
    case phase::paused: return std::min(o.paused_until, o.request.deadline);
    case phase::lingering: return std::min(o.linger_until, o.repeat_at);
    default: return std::min(o.repeat_at, o.request.deadline);
  }
}

time_point kvs_proposer::next_tick() const {
  auto at = time_point::max();
  for (const auto& [id, o] : operations_) at = std::min(at, due_of(o));
  return at;
}

void kvs_proposer::on_tick(time_point now, output& out) {
  std::vector<std::uint64_t> due;
  for (const auto& [id, o] : operations_) {
    if (due_of(o) <= now) due.push_back(id);
  }
  for (const auto id : due) {
    const auto found = operations_.find(id);
    if (found == operations_.end()) continue;
    operation& o = found->second;
    if (o.now == phase::lingering) {
      if (now < o.linger_until) {
        send_missing(o, now, out);
      } else {
        by_round_.erase(o.round);
        operations_.erase(found);
      }
    } else if (now >= o.request.deadline) {
      give_up(o, now, out);
    } else if (o.now == phase::paused && now >= o.paused_until) {
      begin_prepare(o, now, out);
    } else if (o.now != phase::queued && o.now != phase::paused && now >= o.repeat_at) {
      send_missing(o, now, out);
    }
  }
}

void kvs_proposer::on_roster(const kvs_roster& roster, time_point now, output& out) {
  if (roster == roster_) return;
  roster_ = roster;
  std::vector<std::uint64_t> again;
  std::erase_if(operations_, [this](const auto& row) {
    if (row.second.now != phase::lingering) return false;
    by_round_.erase(row.second.round);
    return true;
  });
  for (const auto& [id, o] : operations_) {
    const bool waits = has_key(o.request.op) && by_key_[o.request.key].front() != id;
    if (!waits) again.push_back(id);
  }
  for (const auto id : again) {
    const auto found = operations_.find(id);
    if (found == operations_.end()) continue;
    // What was looked at under the old roster says nothing about the new one.
    if (found->second.tried.empty())
      begin(found->second, now, out);
    else
      begin_prepare(found->second, now, out);
  }
}

}  // namespace troupe
