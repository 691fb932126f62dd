#include "tests/sim/simulated_reminders.hpp"

#include <algorithm>
#include <charconv>

#include "runtime/reminders/reminder_entry.hpp"

namespace troupe::sim {

namespace {

using namespace std::chrono_literals;

std::uint64_t number_of(std::string_view key) {
  std::uint64_t n = 0;
  if (key.starts_with('r')) std::from_chars(key.data() + 1, key.data() + key.size(), n);
  return n;
}

}  // namespace

std::string reminder_key_of(std::uint64_t reminder) { return "r" + std::to_string(reminder); }

// --- what the run knows

std::uint64_t reminder_truth::begin(const known& set_up) {
  const auto number = all_.size() + 1;
  all_.emplace(number, set_up);
  return number;
}

void reminder_truth::on_handled(std::uint64_t reminder, bool served, std::uint64_t due, std::uint64_t missed) {
  const auto name = reminder_key_of(reminder);
  if (!served) fail(name + " was handled at a node that does not hold its shard's lease");
  const auto found = all_.find(reminder);
  if (found == all_.end()) return fail(name + " was never set");
  auto& k = found->second;
  if (k.forgotten) fail(name + " was handled after it was forgotten");
  ++count.handled;
  count.missed += missed;
  if (k.period == 0 && ++k.handled > 1) ++count.repeated;
  if (k.period == 0) return;
  ++k.handled;
  const auto covers = due + missed * k.period;
  const bool overlaps = due <= k.covered;
  if (overlaps) ++count.repeated;
  if (!overlaps && k.covered != 0 && due != k.covered + k.period) fail(name + " left out a tick");
  k.covered = std::max(k.covered, covers);
}

// --- a node

reminder_limits simulated_reminders::limits() {
  reminder_limits l;
  l.firing_max = 20;
  l.answer_max = 1s;
  l.retry_first = 200ms;
  l.retry_max = 2s;
  l.write_retry = 200ms;
  return l;
}

simulated_reminders::simulated_reminders(node_index self, simulated_stores& stores, std::uint32_t shards,
                                         reminder_truth& truth, random rng)
    : self_(self), stores_(stores), truth_(truth), rng_(rng) {
  for (std::uint32_t s = 0; s < shards; ++s) {
    places_.push_back(std::make_unique<place>(ledger_));
    stores_.at(s).tell_changes(this);
  }
}

void simulated_reminders::on_change(std::uint32_t shard, const key_change& c, std::uint64_t) {
  note n;
  n.key = c.key;
  n.entry.version = c.version;
  n.gone = true;
  const auto e = c.value ? decode_reminder(*c.value) : expected<reminder_entry>(fail(errc::corrupt));
  if (e) {
    n.entry.due = e->due;
    n.entry.period = e->period;
    n.gone = false;
  }
  places_[shard]->notes.push_back(std::move(n));
  next_ = {};
}

void simulated_reminders::follow() {
  for (std::uint32_t s = 0; s < places_.size(); ++s) {
    auto& p = *places_[s];
    const auto& held = stores_.at(s);
    const auto before = p.tenure;
    if (!held.is_primary())
      p.tenure = 0;
    else if (p.tenure == 0 || p.created != held.created())
      p.tenure = ++last_tenure_;
    p.created = held.created();
    if (p.tenure == before) continue;
    p.machine.on_tenure(p.tenure);
    p.scanning = p.tenure != 0;
    p.cursor = 0;
    next_ = {};
  }
}

bool simulated_reminders::served(std::uint32_t shard, time_point now) const {
  const auto& held = stores_.at(shard);
  return held.is_primary() && !held.stream().recovering() && lease_ends_ && now <= lease_ends_();
}

void simulated_reminders::scan_some(std::uint32_t shard, time_point now) {
  auto& p = *places_[shard];
  p.cursor = stores_.at(shard).store().scan(p.cursor, page_entries, now, [&](const shard_store::entry_view& e) {
    const auto read = decode_reminder(e.value);
    if (!read) return;
    note n;
    n.key = e.key;
    n.entry = {e.version, read->due, read->period, false, 0};
    p.notes.push_back(std::move(n));
  });
  p.scanning = p.cursor != 0;
  if (!p.scanning) p.notes.push_back({{}, {}, false, true});
}

void simulated_reminders::feed(place& p) {
  for (const auto& n : std::exchange(p.notes, {})) {
    if (n.whole)
      p.machine.on_whole();
    else if (n.gone)
      p.machine.on_gone(n.key, n.entry.version);
    else
      p.machine.on_entry(n.key, n.entry);
  }
}

void simulated_reminders::on_tick(time_point now) {
  const auto wall = truth_.wall(self_);
  for (auto due = std::exchange(letters_, {}); auto& l : due) {
    if (l.at <= now)
      handle(std::move(l), now);
    else
      letters_.push_back(std::move(l));
  }
  next_ = now + 5s;
  first_ = (first_ + 1) % places_.size();
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const auto s = static_cast<std::uint32_t>((first_ + i) % places_.size());
    auto& p = *places_[s];
    if (p.scanning) scan_some(s, now);
    feed(p);
    reminder_output out;
    const bool ready = served(s, now);
    p.machine.on_tick(ready, now, wall, out);
    carry_out(s, out, now);
    const auto next = p.machine.next_tick(now, wall);
    next_ = std::min(next_, ready ? next : std::max(next, now + 50ms));
    if (p.scanning) next_ = std::min(next_, now + scan_tick);
  }
}

time_point simulated_reminders::next_tick() const {
  auto next = next_;
  for (const auto& l : letters_) next = std::min(next, l.at);
  return next;
}

void simulated_reminders::carry_out(std::uint32_t shard, reminder_output& out, time_point now) {
  for (auto& f : out.fired) {
    ++truth_.count.fired;
    if (!lease_ends_ || now > lease_ends_() || !stores_.at(shard).is_primary())
      truth_.fail(f.key + " fired at a node that does not hold its shard's lease");
    if (truth_.wall(self_) < f.due) truth_.fail(f.key + " fired before it was due");
    letters_.push_back({std::move(f), shard, places_[shard]->tenure, now + some_time(40ms), false, false});
  }
  for (const auto& w : out.writes) write(shard, w, now);
}

// As a grain: under the tenure and the lease, and when the store has it still.
void simulated_reminders::handle(letter l, time_point now) {
  auto& p = *places_[l.shard];
  if (!l.answers) {
    const auto there = stores_.at(l.shard).store().peek(0, l.what.key, now);
    const bool still = l.tenure == p.tenure && served(l.shard, now) && there && there->version == l.what.version;
    const auto dice = truth_.grains_fail ? rng_.below(10) : 0;
    l.answers = true;
    l.at = now + some_time(20ms);
    l.ok = still && dice < 8;
    const bool lost = dice == 7 || dice == 9;  // the answer
    if (!still) ++truth_.count.stale;
    if (still && !l.ok) ++truth_.count.failed;
    if (l.ok)
      truth_.on_handled(number_of(l.what.key), lease_ends_ && now <= lease_ends_() && stores_.at(l.shard).is_primary(),
                        l.what.due, l.what.missed);
    if (!lost) letters_.push_back(std::move(l));
    return;
  }
  reminder_output out;
  feed(p);
  p.machine.on_answer(l.what.number, l.ok, now, out);
  carry_out(l.shard, out, now);
  next_ = {};
}

void simulated_reminders::write(std::uint32_t shard, const reminder_output::write& w, time_point now) {
  std::string value;
  cache_command c;
  c.op = cache_op::erase;
  c.key = w.key;
  c.condition = write_condition::if_version;
  c.version = w.version;
  if (w.due) {
    const auto there = stores_.at(shard).store().peek(0, w.key, now);
    if (!there) return on_written(shard, w.number, errc::not_found, now);
    const auto e = decode_reminder(there->value);
    c.op = cache_op::put;
    value = encode(reminder_entry{*w.due, e ? e->period : 0, {}});
    c.value = value;
  }
  truth_.write(self_, shard, c, w.number);
}

void simulated_reminders::on_written(std::uint32_t shard, std::uint64_t number, errc code, time_point now) {
  feed(*places_[shard]);
  places_[shard]->machine.on_written(number, code, now);
  next_ = {};
}

}  // namespace troupe::sim
