#include "runtime/registry/registry_machine.hpp"

#include <algorithm>
#include <bit>

namespace troupe {

void registry_machine::set_members(const std::set<incarnation_id>& others, time_point now) {
  std::erase_if(peers_, [&](const auto& row) {
    if (others.contains(row.first)) return false;
    changed_.merge(row.second.ledger.keys());
    return true;
  });
  for (const auto& id : others) {
    if (id != self_ && !peers_.contains(id)) peers_[id] = {{}, false, ask_first, now};
  }
  if (peers_.empty())
    next_round_ = time_point::max();
  else if (next_round_ == time_point::max())
    calm_down(now);
}

expected<void> registry_machine::add(const registry_entry& e, time_point now) {
  const auto before = mine_.version();
  if (auto done = mine_.add(e); !done) return done;
  if (mine_.version() == before) return {};
  changed_.insert(e.key);
  hurry(now);
  return {};
}

void registry_machine::remove(const registry_entry& e, time_point now) {
  if (!mine_.remove(e)) return;
  changed_.insert(e.key);
  hurry(now);
}

void registry_machine::remove_all(time_point now) {
  const auto all = mine_.entries();
  for (const auto& [e, version] : all) remove(e, now);
}

// ---- rounds ----

void registry_machine::hurry(time_point now) {
  if (peers_.empty()) return;
  quick_left_ = calm_rounds + static_cast<std::uint32_t>(std::bit_width(peers_.size()));
  next_round_ = std::min(next_round_, std::max(now, last_round_ + quick_round));
}

void registry_machine::calm_down(time_point now) {
  next_round_ = now + rng_.between(slow_round / 2, slow_round * 3 / 2);
}

time_point registry_machine::next_tick() const {
  auto next = next_round_;
  for (const auto& [id, p] : peers_) {
    if (!p.heard) next = std::min(next, p.ask_at);
  }
  return next;
}

std::vector<registry_machine::outgoing> registry_machine::on_tick(time_point now) {
  std::vector<outgoing> out;
  ask_newcomers(now, out);
  if (now >= next_round_) ask_some(now, out);
  counts_.rounds += out.size();
  return out;
}

// Its own actors alone: others are asked for by rounds.
void registry_machine::ask_newcomers(time_point now, std::vector<outgoing>& out) {
  for (auto& [id, p] : peers_) {
    if (p.heard || now < p.ask_at) continue;
    out.push_back({id, {{{id, p.ledger.version()}}, false, {}, {}, false}});
    p.ask_at = now + p.wait;
    p.wait = std::min(p.wait * 2, ask_last);
  }
}

void registry_machine::ask_some(time_point now, std::vector<outgoing>& out) {
  last_round_ = now;
  const bool quick = quick_left_ > 0;
  if (quick) {
    --quick_left_;
    next_round_ = now + quick_round;
  } else {
    calm_down(now);
    const auto nothing = [](const auto& row) { return row.second.ledger.version() == 0; };
    if (mine_.version() == 0 && std::all_of(peers_.begin(), peers_.end(), nothing)) return;  // whoever has some asks
  }
  std::vector<incarnation_id> ids;
  ids.reserve(peers_.size());
  for (const auto& [id, p] : peers_) ids.push_back(id);
  rng_.shuffle(ids);
  ids.resize(std::min(ids.size(), quick ? fanout : std::size_t{1}));
  for (const auto& id : ids) out.push_back({id, digest()});
}

registry_message registry_machine::digest() const {
  registry_message m;
  m.whole = true;
  if (mine_.version() > 0) m.known.push_back({self_, mine_.version()});
  for (const auto& [id, p] : peers_) {
    if (p.ledger.version() > 0 && m.known.size() < registry_owners_max) m.known.push_back({id, p.ledger.version()});
  }
  return m;
}

// ---- messages ----

std::optional<registry_message> registry_machine::on_message(const incarnation_id& from, const registry_message& m,
                                                             time_point now) {
  const bool news = apply(m);
  if (news) hurry(now);
  if (const auto at = peers_.find(from); at != peers_.end() && tells_of(from, m, at->second)) at->second.heard = true;
  if (m.more && news) return digest();
  registry_message out;
  answer(m, out);
  if (out == registry_message{}) return std::nullopt;
  return out;
}

// After this message nothing of `from` is missing that it spoke of. An empty one: it has nothing more than asked for.
bool registry_machine::tells_of(const incarnation_id& from, const registry_message& m, const peer& p) {
  const auto is_its_own = [&](const auto& row) { return row.owner == from; };
  const auto claimed = std::find_if(m.known.begin(), m.known.end(), is_its_own);
  if (claimed != m.known.end()) return p.ledger.version() >= claimed->version;
  return m.whole || m == registry_message{} || std::any_of(m.updates.begin(), m.updates.end(), is_its_own);
}

bool registry_machine::apply(const registry_message& m) {
  bool news = false;
  for (const auto& u : m.updates) {
    const auto at = peers_.find(u.owner);
    if (at != peers_.end() && at->second.ledger.apply(u, changed_)) {
      ++counts_.applied;
      news = true;
    } else if (at == peers_.end() || u.to > at->second.ledger.version()) {
      ++counts_.refused;
    }
  }
  return news;
}

const registry_ledger* registry_machine::ledger_of(const incarnation_id& owner) const {
  return owner == self_ ? &mine_ : of(owner);
}

std::uint64_t registry_machine::known(const incarnation_id& owner) const {
  const auto* l = ledger_of(owner);
  return l == nullptr ? 0 : l->version();
}

// False when it has no room.
bool registry_machine::add_update(const registry_ledger& l, const registry_version& of, std::size_t& bytes,
                                  registry_message& out) {
  auto u = l.since(of.version);
  std::size_t size = 0;
  for (const auto& c : u.changes) size += sizeof(c) + c.entry.key.size();
  if (!out.updates.empty() && bytes + size > registry_bytes_max) {
    out.more = true;
    return false;
  }
  bytes += size;
  u.owner = of.owner;
  out.updates.push_back(std::move(u));
  return true;
}

void registry_machine::answer(const registry_message& m, registry_message& out) const {
  std::size_t bytes = 0;
  std::set<incarnation_id> named;
  const auto offer = [&](const incarnation_id& owner, std::uint64_t theirs) {
    const auto* l = ledger_of(owner);
    if (l != nullptr && l->version() > theirs) return add_update(*l, {owner, theirs}, bytes, out);
    return true;
  };
  for (const auto& v : m.known) {
    named.insert(v.owner);
    const auto here = known(v.owner);
    if (v.version > here && v.owner != self_ && of(v.owner) != nullptr) out.wanted.push_back({v.owner, here});
    if (!offer(v.owner, v.version)) return;
  }
  for (const auto& v : m.wanted) {
    if (!offer(v.owner, v.version)) return;
  }
  if (!m.whole) return;
  if (!named.contains(self_) && !offer(self_, 0)) return;
  for (const auto& [id, p] : peers_) {
    if (!named.contains(id) && !offer(id, 0)) return;
  }
}

// ---- looking ----

const registry_ledger* registry_machine::of(const incarnation_id& owner) const {
  const auto at = peers_.find(owner);
  return at == peers_.end() ? nullptr : &at->second.ledger;
}

std::vector<registry_row> registry_machine::find(std::string_view key) const {
  std::vector<registry_row> found;
  for (const auto actor : mine_.find(key)) found.push_back({self_, actor});
  for (const auto& [id, p] : peers_) {
    for (const auto actor : p.ledger.find(key)) found.push_back({id, actor});
  }
  return found;
}

std::size_t registry_machine::entries() const {
  auto all = mine_.entries().size();
  for (const auto& [id, p] : peers_) all += p.ledger.entries().size();
  return all;
}

}  // namespace troupe
