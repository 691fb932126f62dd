#include "runtime/grains/grain_shard.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace troupe {

void grain_shard::on_row(std::uint64_t owner, std::uint64_t tenure, stamp table, grain_output& out) {
  table_ = std::max(table_, table);
  owner_ = owner;
  if (tenure != tenure_) {
    tenure_ = tenure;
    calming_ = false;
    end_all(out);
  }
  bring_again(room_, out);
}

// In the order of their beginning: that of the map is the hash's.
void grain_shard::end_all(grain_output& out) {
  std::vector<record*> all;
  all.reserve(records_.size());
  for (auto& [key, r] : records_) all.push_back(&r);
  std::sort(all.begin(), all.end(), [](const record* a, const record* b) { return a->number < b->number; });
  for (auto* r : all) {
    if (r->activation) out.cut.push_back(std::move(r->activation));
    bring_again(r->held, out);
    ledger_.remove_active();
  }
  records_.clear();
}

grain_shard::verdict grain_shard::on_message(const call& c, bool leased, time_point now, keeper keep) {
  if (c.until != time_point{} && now >= c.until) return refuse(errc::unavailable, "nobody served the grain in time");
  if (tenure_ == 0) return pass_on(c, now, keep);
  if (!leased || calming_) return hold(room_, c, now, keep);
  const auto found = records_.find(c.key);
  if (found == records_.end()) return begin(c, now, keep);
  auto& r = found->second;
  if (r.is != state::active) return hold(r.held, c, now, keep);
  if (r.activation->waiting.load(std::memory_order_relaxed) >= ledger_.limits().mailbox_max)
    return refuse(errc::unavailable, "the grain's mailbox is full");
  r.activation->waiting.fetch_add(1, std::memory_order_relaxed);
  r.activation->used.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  return {fate::deliver, r.activation, r.number};
}

// A sender that goes by a later table knows better than this node: its own comes in a moment.
grain_shard::verdict grain_shard::pass_on(const call& c, time_point now, keeper keep) {
  if (owner_ == 0 || c.owner_lost || c.known > table_) return hold(room_, c, now, keep);
  if (c.hops >= ledger_.limits().hops_max) return refuse(errc::unavailable, "the grain's shard moves too often");
  verdict v;
  v.what = fate::forward;
  v.owner = owner_;
  return v;
}

grain_shard::verdict grain_shard::begin(const call& c, time_point now, keeper keep) {
  if (!ledger_.add_active()) return refuse(errc::unavailable, "too many grains are awake at the node");
  auto& r = records_[std::string(c.key)];
  r.number = next_number_++;
  auto v = hold(r.held, c, now, keep);
  if (v.what != fate::hold) {
    records_.erase(records_.find(c.key));
    ledger_.remove_active();
    return v;
  }
  v.what = fate::start;
  v.number = r.number;
  return v;
}

grain_shard::verdict grain_shard::hold(std::vector<held_message_ptr>& where, const call& c, time_point now,
                                       keeper keep) {
  if (!ledger_.may_hold()) return refuse(errc::unavailable, "too many messages wait for grains at the node");
  auto m = keep();
  if (!m) {
    verdict v;
    v.what = fate::prepare;
    return v;
  }
  ledger_.hold(m->bytes);
  m->until = c.until != time_point{} ? c.until : now + ledger_.limits().held_for_max;
  where.push_back(std::move(m));
  return {};
}

grain_shard::record* grain_shard::find(std::string_view key, std::uint64_t number) {
  const auto found = records_.find(key);
  return found == records_.end() || found->second.number != number ? nullptr : &found->second;
}

void grain_shard::bring_again(std::vector<held_message_ptr>& held, grain_output& out) {
  for (auto& m : held) {
    ledger_.let_go(m->bytes);
    out.again.push_back(std::move(m));
  }
  held.clear();
}

bool grain_shard::started(std::string_view key, std::uint64_t number, grain_activation_ptr a, duration idle_after) {
  auto* r = find(key, number);
  if (r == nullptr) return false;
  r->activation = std::move(a);
  r->idle_after = idle_after;
  return true;
}

// Those that come while others are delivered go behind them: only when none is left is the grain awake.
std::vector<held_message_ptr> grain_shard::take_held(std::string_view key, std::uint64_t number, grain_output& out) {
  auto* r = find(key, number);
  if (r == nullptr || r->is != state::starting || !r->activation) return {};
  if (r->held.empty()) {
    r->is = state::active;
    if (r->rests_next) r->activation->idle = true;
    if (r->rests_next || calming_) put_to_rest(*r, out);
    return {};
  }
  auto some = std::move(r->held);
  r->held.clear();
  for (const auto& m : some) ledger_.let_go(m->bytes);
  r->activation->waiting.fetch_add(static_cast<std::uint32_t>(some.size()), std::memory_order_relaxed);
  return some;
}

void grain_shard::failed(std::string_view key, std::uint64_t number, errc code, const char* words, grain_output& out) {
  const auto found = records_.find(key);
  if (found == records_.end() || found->second.number != number) return;
  for (auto& m : found->second.held) {
    ledger_.let_go(m->bytes);
    out.refused.push_back({std::move(m), code, words});
  }
  ledger_.remove_active();
  records_.erase(found);
}

void grain_shard::on_ended(std::string_view key, std::uint64_t number, grain_output& out) {
  const auto found = records_.find(key);
  if (found == records_.end() || found->second.number != number) return;
  auto held = std::move(found->second.held);
  records_.erase(found);
  ledger_.remove_active();
  bring_again(held, out);
}

void grain_shard::put_to_rest(record& r, grain_output& out) {
  r.is = state::ending;
  out.rest.push_back(r.activation);
}

void grain_shard::on_wish(std::string_view key, std::uint64_t number, grain_output& out) {
  auto* r = find(key, number);
  if (r == nullptr || r->is == state::ending) return;
  if (r->is == state::starting) {
    r->rests_next = true;
    return;
  }
  r->activation->idle = true;
  put_to_rest(*r, out);
}

bool grain_shard::calm(grain_output& out) {
  if (tenure_ == 0) return true;
  const auto first = out.rest.size();
  if (!std::exchange(calming_, true)) {
    std::vector<record*> awake;
    for (auto& [key, r] : records_) {
      if (r.is == state::active) awake.push_back(&r);
    }
    std::sort(awake.begin(), awake.end(), [](const record* a, const record* b) { return a->number < b->number; });
    out.rest.reserve(first + awake.size());
    for (auto* r : awake) put_to_rest(*r, out);
  }
  return records_.empty();
}

void grain_shard::stir(grain_output& out) {
  if (std::exchange(calming_, false)) bring_again(room_, out);
}

void grain_shard::sweep(time_point now, grain_output& out) {
  std::vector<record*> idle;
  for (auto& [key, r] : records_) {
    if (r.is != state::active || r.idle_after <= duration::zero()) continue;
    if (r.activation->waiting.load(std::memory_order_acquire) > 0) continue;
    const auto used = time_point(time_point::duration(r.activation->used.load(std::memory_order_relaxed)));
    if (now - used >= r.idle_after) idle.push_back(&r);
  }
  std::sort(idle.begin(), idle.end(), [](const record* a, const record* b) { return a->number < b->number; });
  for (auto* r : idle) {
    r->activation->idle = true;
    put_to_rest(*r, out);
  }
}

void grain_shard::refuse_late(std::vector<held_message_ptr>& held, time_point now, grain_output& out) {
  const auto late = std::stable_partition(held.begin(), held.end(), [now](const auto& m) { return m->until > now; });
  for (auto m = late; m != held.end(); ++m) {
    ledger_.let_go((*m)->bytes);
    out.refused.push_back({std::move(*m), errc::unavailable, "nobody served the grain in time"});
  }
  held.erase(late, held.end());
}

void grain_shard::on_tick(bool leased, time_point now, grain_output& out) {
  refuse_late(room_, now, out);
  if (tenure_ != 0 ? leased && !calming_ : owner_ != 0) bring_again(room_, out);
  std::vector<record*> waited_for;
  for (auto& [key, r] : records_) {
    if (!r.held.empty()) waited_for.push_back(&r);
  }
  std::sort(waited_for.begin(), waited_for.end(),
            [](const record* a, const record* b) { return a->number < b->number; });
  for (auto* r : waited_for) refuse_late(r->held, now, out);
}

void grain_shard::close(grain_output& out) {
  tenure_ = 0;
  owner_ = 0;
  end_all(out);
  bring_again(room_, out);
  for (auto& m : out.again) out.refused.push_back({std::move(m), errc::unavailable, "the node stops"});
  out.again.clear();
}

}  // namespace troupe
