#include "runtime/registry/registry_ledger.hpp"

#include <algorithm>

namespace troupe {

bool is_registry_key(std::string_view key) noexcept { return !key.empty() && key.size() <= registry_key_bytes_max; }

expected<void> registry_ledger::add(const registry_entry& e) {
  if (!is_registry_key(e.key)) {
    return fail(errc::invalid_argument,
                "an actor is registered under a key of 1 to " + std::to_string(registry_key_bytes_max) + " bytes");
  }
  if (entries_.contains(e)) return {};
  if (entries_.size() >= registry_entries_max)
    return fail(errc::unavailable, "this node has registered " + std::to_string(registry_entries_max) + " actors");
  note(version_ + 1, e, false);
  return {};
}

bool registry_ledger::remove(const registry_entry& e) {
  if (!entries_.contains(e)) return false;
  note(version_ + 1, e, true);
  if (gone_.size() > registry_gone_max) forget_oldest();
  return true;
}

void registry_ledger::note(std::uint64_t version, const registry_entry& e, bool gone) {
  auto& before = gone ? entries_ : gone_;
  if (const auto at = before.find(e); at != before.end()) {
    by_version_.erase(at->second);
    before.erase(at);
  }
  auto& after = gone ? gone_ : entries_;
  if (const auto at = after.find(e); at != after.end()) by_version_.erase(at->second);
  after.insert_or_assign(e, version);
  by_version_.insert_or_assign(version, noted{e, gone});
  version_ = std::max(version_, version);
}

// Half of them at once, so that it happens rarely.
void registry_ledger::forget_oldest() {
  for (auto v = by_version_.begin(); v != by_version_.end() && gone_.size() > registry_gone_max / 2;) {
    if (!v->second.gone) {
      ++v;
      continue;
    }
    forgotten_ = std::max(forgotten_, v->first);
    gone_.erase(v->second.entry);
    v = by_version_.erase(v);
  }
}

bool registry_ledger::apply(const registry_update& u, std::set<std::string>& changed) {
  if (u.to <= version_ || u.from > version_) return false;
  if (u.from == 0) {
    if (u.changes.size() > registry_entries_max) return false;
    std::map<registry_entry, std::uint64_t> before;
    before.swap(entries_);
    gone_.clear();
    by_version_.clear();
    for (const auto& c : u.changes) {
      note(c.version, c.entry, false);
      if (before.erase(c.entry) == 0) changed.insert(c.entry.key);
    }
    for (const auto& [e, version] : before) changed.insert(e.key);
    forgotten_ = u.to;  // what was taken back before is not known here
  } else {
    const auto news = std::upper_bound(u.changes.begin(), u.changes.end(), version_,
                                       [](std::uint64_t v, const registry_change& c) { return v < c.version; });
    const auto gone = std::count_if(news, u.changes.end(), [](const registry_change& c) { return c.gone; });
    const auto added = static_cast<std::size_t>(u.changes.end() - news - gone);
    if (entries_.size() + added > registry_entries_max + static_cast<std::size_t>(gone)) return false;
    for (auto c = news; c != u.changes.end(); ++c) {
      note(c->version, c->entry, c->gone);
      changed.insert(c->entry.key);
    }
    if (gone_.size() > registry_gone_max) forget_oldest();
  }
  version_ = u.to;
  return true;
}

registry_update registry_ledger::since(std::uint64_t known) const {
  registry_update u;
  u.to = version_;
  u.from = known < forgotten_ || known > version_ ? 0 : known;
  for (auto v = by_version_.upper_bound(u.from); v != by_version_.end(); ++v) {
    if (u.from == 0 && v->second.gone) continue;
    u.changes.push_back({v->first, v->second.entry, v->second.gone});
  }
  return u;
}

std::vector<std::uint64_t> registry_ledger::find(std::string_view key) const {
  std::vector<std::uint64_t> found;
  for (auto at = entries_.lower_bound({std::string(key), 0}); at != entries_.end() && at->first.key == key; ++at)
    found.push_back(at->first.actor);
  return found;
}

std::set<std::string> registry_ledger::keys() const {
  std::set<std::string> all;
  for (const auto& [e, version] : entries_) all.insert(e.key);
  return all;
}

}  // namespace troupe
