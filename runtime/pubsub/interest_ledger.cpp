#include "runtime/pubsub/interest_ledger.hpp"

#include <algorithm>

#include "runtime/base/check.hpp"
#include "runtime/base/glob.hpp"

namespace troupe::pubsub {

namespace {

std::uint32_t shown(std::uint64_t listeners) noexcept {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(listeners, UINT32_MAX));
}

}  // namespace

void interest_ledger::change(const topic_view& t, std::int64_t by) {
  auto at = topics_.find(t);
  if (at == topics_.end()) {
    if (by <= 0) return;
    TROUPE_CHECK(t.name.size() <= topic_name_bytes_max);
    at = topics_.emplace(topic{t.kind, std::string(t.name)}, state{}).first;
    count_gone(at->first, true);  // until it is counted below
  }
  auto& s = at->second;
  const bool was = s.listeners != 0;
  if (by >= 0)
    s.listeners += static_cast<std::uint64_t>(by);
  else
    s.listeners -= std::min(s.listeners, static_cast<std::uint64_t>(-by));
  const bool is = s.listeners != 0;
  auto& alive = alive_[static_cast<std::size_t>(t.kind)];
  if (was != is) {
    is ? ++alive : --alive;
    count_gone(at->first, was);
  }
  note_change(at);
  if (gone_ > gone_kept_max || gone_bytes_ > gone_bytes_max) forget_oldest();
}

void interest_ledger::count_gone(const topic& t, bool more) noexcept {
  gone_ += more ? 1 : std::size_t(-1);
  gone_bytes_ += more ? t.name.size() : std::size_t(0) - t.name.size();
}

void interest_ledger::note_change(table::iterator at) {
  if (at->second.changed != 0) by_version_.erase(at->second.changed);
  at->second.changed = ++version_;
  by_version_.emplace(version_, &at->first);
}

void interest_ledger::forget_oldest() {
  for (auto v = by_version_.begin();
       v != by_version_.end() && (gone_ > gone_kept_max / 2 || gone_bytes_ > gone_bytes_max / 2);) {
    const auto at = topics_.find(*v->second);
    if (at->second.listeners != 0) {
      ++v;
      continue;
    }
    forgotten_ = std::max(forgotten_, v->first);
    v = by_version_.erase(v);
    count_gone(at->first, false);
    topics_.erase(at);
  }
  // What is left gets versions above all that were forgotten, so that whoever begins anew gets beyond them with the
  // first part.
  while (!by_version_.empty() && by_version_.begin()->first <= forgotten_)
    note_change(topics_.find(*by_version_.begin()->second));
}

interest_update interest_ledger::since(std::uint64_t known) const {
  interest_update u;
  const bool anew = known == 0 || known < forgotten_ || known > version_;
  u.from = u.to = anew ? 0 : known;
  std::size_t bytes = 0;
  for (auto v = by_version_.upper_bound(u.from); v != by_version_.end(); ++v) {
    if (u.items.size() == update_items_max || bytes > update_bytes_max) return u;
    u.to = v->first;
    const auto& s = topics_.find(*v->second)->second;
    if (anew && s.listeners == 0) continue;
    u.items.push_back({*v->second, shown(s.listeners)});
    bytes += v->second->name.size();
  }
  u.to = version_;
  return u;
}

std::uint64_t interest_ledger::listeners(const topic_view& t) const {
  const auto at = topics_.find(t);
  return at == topics_.end() ? 0 : at->second.listeners;
}

std::uint64_t interest_ledger::audience(topic_kind kind, std::string_view channel) const {
  std::uint64_t all = listeners({kind, channel});
  if (kind != topic_kind::channel || count(topic_kind::pattern) == 0) return all;
  each(topic_kind::pattern, [&](std::string_view pattern, std::uint64_t listeners) {
    if (glob_matches(pattern, channel)) all += listeners;
  });
  return all;
}

void interest_ledger::each(topic_kind kind, std::string_view prefix,
                           function_ref<void(std::string_view name, std::uint64_t listeners)> show) const {
  for (auto at = topics_.lower_bound(topic_view{kind, prefix});
       at != topics_.end() && at->first.kind == kind && at->first.name.starts_with(prefix); ++at) {
    if (at->second.listeners != 0) show(at->first.name, at->second.listeners);
  }
}

}  // namespace troupe::pubsub
