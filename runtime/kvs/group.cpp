#include "runtime/kvs/group.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

kvs_group::kvs_group(options o, kvs_meta restored, time_point now)
    : options_(std::move(o)), meta_(std::move(restored)), next_hello_(now) {
  if (meta_.disk.empty()) meta_.disk = options_.fresh_disk;
}

bool kvs_group::in_roster() const {
  const auto* row = roster().find(options_.self);
  return options_.runs && row != nullptr && row->disk == meta_.disk;
}

bool kvs_group::wants_readmission() const {
  const auto* row = roster().find(options_.self);
  return options_.runs && founded() && row != nullptr && row->disk != meta_.disk;
}

void kvs_group::on_peers(std::vector<kvs_peer> peers) {
  std::erase_if(peers, [this](const kvs_peer& p) { return p.name == options_.self; });
  peers_ = std::move(peers);
  std::erase_if(hellos_, [this](const auto& row) {
    return std::none_of(peers_.begin(), peers_.end(), [&](const kvs_peer& p) { return p.name == row.first; });
  });
  std::erase_if(heard_, [this](const auto& row) {
    return std::none_of(peers_.begin(), peers_.end(), [&](const kvs_peer& p) { return p.name == row.first; });
  });
}

void kvs_group::note_heard(const std::string& name, time_point now) { heard_[name] = now; }

bool kvs_group::heard_lately(const std::string& name, time_point now, duration within) const {
  const auto found = heard_.find(name);
  return found != heard_.end() && now - found->second <= within;
}

bool kvs_group::on_hello(const std::string& from, const kvs_message& m, time_point now) {
  if (std::none_of(peers_.begin(), peers_.end(), [&](const kvs_peer& p) { return p.name == from; })) return false;
  const auto before = meta_;
  hellos_[from] = {m, now};
  if (m.meta.founded)
    adopt(m.meta.roster);
  else if (m.runs && m.meta.roster.epoch != 0)
    take_founding(m.meta.roster);
  complete();
  return !(before == meta_);
}

bool kvs_group::on_tick(time_point now) {
  const auto before = meta_;
  if (options_.runs && roster().epoch == 0) found(now);
  complete();
  return !(before == meta_);
}

// --- founding

bool kvs_group::found(time_point now) {
  fault_ = "waits for the other members that run kvs";
  std::vector<kvs_row> rows{{options_.self, meta_.disk}};
  for (const auto& p : peers_) {
    if (!p.runs) continue;
    const auto told = hellos_.find(p.name);
    if (told == hellos_.end() || now - told->second.at > hello_valid || !told->second.hello.runs) continue;
    const auto& h = told->second.hello;
    if (h.expected != options_.expected) {
      fault_ = p.name + " expects another number of kvs members: " + std::to_string(h.expected);
      return false;
    }
    if (h.meta.roster.epoch != 0) {  // one that this member is in comes with its hello
      fault_ = p.name + " has begun without this member: " + h.meta.roster.names();
      return false;
    }
    rows.push_back({p.name, h.meta.disk});
  }
  const auto running = 1 + std::count_if(peers_.begin(), peers_.end(), [](const kvs_peer& p) { return p.runs; });
  if (static_cast<std::size_t>(running) > options_.expected) {
    fault_ = std::to_string(running) + " members run kvs and none has begun, kvs.expected_members is " +
             std::to_string(options_.expected);
    return false;
  }
  if (rows.size() != options_.expected) return false;
  return take_founding(founding_of(std::move(rows)));
}

bool kvs_group::take_founding(const kvs_roster& roster) {
  const auto* row = roster.find(options_.self);
  const bool sound = options_.runs && row != nullptr && row->disk == meta_.disk && roster.epoch == 1 &&
                     roster.rows.size() == options_.expected;
  if (!sound || meta_.roster.epoch != 0) return false;
  meta_.roster = roster;
  next_hello_ = time_point::min();
  return true;
}

// Only what is said after the write is on the disk goes out (kvs_machine), so a hello is an acceptance.
bool kvs_group::complete() {
  if (founded() || roster().epoch == 0) return false;
  fault_ = "its founding is not complete: " + roster().names() +
           "; if one of them lost its disk meanwhile, the data directories of all must be cleared";
  for (const auto& row : roster().rows) {
    if (row.name == options_.self) continue;
    const auto told = hellos_.find(row.name);
    if (told == hellos_.end() || !(told->second.hello.meta.roster == roster())) return false;
  }
  meta_.founded = true;
  next_hello_ = time_point::min();
  return true;
}

// --- later rosters

bool kvs_group::adopt(const kvs_roster& next) {
  if (next.epoch == 0) return false;
  const auto& mine = roster();
  if (mine.epoch != 0 && mine.group != next.group) {
    conflict_ = "there is another kvs group: " + next.names();
    return false;
  }
  if (founded() && next.epoch <= mine.epoch) return false;
  const bool was_in = in_roster();
  meta_.roster = next;
  meta_.founded = true;
  // A disk that comes into its row by this change brings nothing along.
  if (in_roster() && !was_in) meta_.syncing = true;
  if (was_in && !in_roster()) {
    meta_.disk = {options_.fresh_disk.high, options_.fresh_disk.low + ++renewals_};
    meta_.syncing = false;
    replaced_ = true;
  }
  next_hello_ = time_point::min();
  return true;
}

// --- telling

std::vector<std::string> kvs_group::take_hellos(time_point now) {
  if (now < next_hello_) return {};
  next_hello_ = now + (founded() ? hello_settled : hello_searching);
  std::vector<std::string> to;
  for (const auto& p : peers_) {
    if (is_told(p)) to.push_back(p.name);
  }
  return to;
}

time_point kvs_group::next_tick() const {
  const bool any = std::any_of(peers_.begin(), peers_.end(), [this](const kvs_peer& p) { return is_told(p); });
  return options_.runs || any ? next_hello_ : time_point::max();
}

void kvs_group::hurry(time_point now) {
  if (!founded()) next_hello_ = std::min(next_hello_, now);
}

kvs_message kvs_group::hello(bool asks) const {
  kvs_message m;
  m.kind = kvs_kind::hello;
  m.meta = meta_;
  m.meta.floor = 0;
  m.runs = options_.runs;
  m.expected = options_.expected;
  m.asks = asks;
  return m;
}

std::string kvs_group::fault() const {
  if (!conflict_.empty()) return conflict_;
  if (!founded()) return fault_.empty() ? "no member that runs kvs was found yet" : fault_;
  if (!options_.runs || serves()) return {};
  if (roster().find(options_.self) == nullptr) return "a spare: the members of kvs are " + roster().names();
  if (meta_.syncing) return "copies its keys from the other members";
  return "has a new disk and waits for a majority of " + roster().names();
}

}  // namespace troupe
