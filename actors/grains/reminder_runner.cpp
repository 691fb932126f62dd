#include "actors/grains/reminder_runner.hpp"

#include <algorithm>
#include <utility>

#include <caf/actor_cast.hpp>
#include <caf/actor_config.hpp>
#include <caf/actor_proxy.hpp>
#include <caf/exit_reason.hpp>
#include <caf/make_actor.hpp>
#include <caf/make_message.hpp>

#include "actors/clock.hpp"
#include "actors/grains/grain_mail.hpp"
#include "actors/messages/error.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe {

namespace {

constexpr unsigned shard_bits = 14;
static_assert(shards_max <= 1U << shard_bits);

time_point now() { return clock_now(); }
std::uint64_t wall() {
  const auto since = wall_clock_now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::milliseconds>(since).count()));
}

/// Has no mailbox: answers of grains are looked at on the grain's thread.
class reminder_desk final : public caf::actor_proxy {
 public:
  reminder_desk(caf::actor_config& cfg, std::weak_ptr<reminder_runner> runner)
      : caf::actor_proxy(cfg), runner_(std::move(runner)) {}
  using caf::actor_proxy::enqueue;
  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit*) override {
    const auto runner = runner_.lock();
    if (what && runner) runner->on_answer(*what);
  }
  void kill_proxy(caf::execution_unit* host, caf::error reason) override { cleanup(std::move(reason), host); }
  const char* name() const override { return "reminder_desk"; }

 private:
  const std::weak_ptr<reminder_runner> runner_;
};

}  // namespace

reminder_runner::reminder_runner(surroundings s)
    : with_(std::move(s)), ledger_(with_.limits), clock_(with_.io.context(0)) {
  places_.reserve(with_.shards.shards());
  for (std::uint32_t i = 0; i < with_.shards.shards(); ++i) places_.push_back(std::make_unique<place>(ledger_));
}

expected<void> reminder_runner::start() {
  caf::actor_config cfg;
  auto desk = caf::make_actor<reminder_desk, caf::actor>(with_.system.next_actor_id(), caf::node_id{}, &with_.system,
                                                         cfg, weak_from_this());
  {
    const std::lock_guard lock(desk_mutex_);
    desk_ = std::move(desk);
  }
  auto ticking = clock_.start([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->run();
  });
  if (!ticking) return ticking;
  follow();
  clock_.set(now());  // what was rung for before it could ring
  return {};
}

void reminder_runner::close() {
  if (closed_.exchange(true)) return;
  clock_.close();
  with_.shards.tell_reminders(nullptr);
  caf::actor desk;
  {
    const std::lock_guard lock(desk_mutex_);
    desk = std::exchange(desk_, nullptr);
  }
  if (!desk) return;
  static_cast<caf::actor_proxy*>(caf::actor_cast<caf::abstract_actor*>(desk))
      ->kill_proxy(nullptr, caf::exit_reason::user_shutdown);
}

// Whose tenure is another one is found out by step().
void reminder_runner::follow() {
  const bool any = std::any_of(wanted_.begin(), wanted_.end(), [](const auto& w) { return w.load(); });
  if (!any) return;
  for (auto& p : places_) p->next = 0;
  ring(0, now());
}

void reminder_runner::watch(cache_id cache) {
  wanted_[cache] = true;
  with_.shards.tell_reminders(this);
  for (auto& p : places_) p->scan = true;
  follow();
}

// ---- what the store has ----

bool reminder_runner::read_into(note& n, std::string_view value) {
  const auto e = decode_reminder(value);
  if (!e) return false;
  n.entry.due = e->due;
  n.entry.period = e->period;
  n.entry.wakes = n.key.ends_with('@');
  n.entry.cache = n.cache;
  return true;
}

// Told before its copies have it: what fires then and was not acknowledged does no harm.
void reminder_runner::on_change(std::uint32_t shard, const key_change& c, std::uint64_t) {
  note n;
  n.cache = c.cache;
  n.key = c.key;
  n.entry.version = c.version;
  n.entry.cache = c.cache;
  n.is = note::what::gone;
  if (c.kind == change_kind::put && c.value && read_into(n, *c.value)) n.is = note::what::there;
  if (c.kind == change_kind::dropped && c.key.empty()) n.is = note::what::all_gone;
  if (c.kind == change_kind::evicted || c.kind == change_kind::expired) n.is = note::what::lost;
  add_note(shard, std::move(n));
  ring(shard, now());
}

void reminder_runner::add_note(std::uint32_t shard, note n) {
  auto& p = *places_[shard];
  const std::lock_guard lock(p.notes_mutex);
  p.notes.push_back(std::move(n));
}

void reminder_runner::scan_some(std::uint32_t shard, time_point time) {
  auto& p = *places_[shard];
  const auto show = [&](const shard_store::entry_view& e) {
    note n;
    n.cache = e.cache;
    if (!wants(e.cache) || e.object != nullptr || !e.key.starts_with('@')) return;
    n.key = e.key;
    n.entry.version = e.version;
    if (read_into(n, e.value))
      add_note(shard, std::move(n));
    else
      add(count::unreadable);
  };
  for (int page = 0; page < pages_max && p.scanning; ++page) {
    with_.shards.with_shard(shard, [&](held_shard& s) {
      bool some = false;
      for (std::size_t c = 0; c < caches_max && !some; ++c) {
        const auto cache = static_cast<cache_id>(c);
        some = wants(cache) && s.store().keys_of(cache) > 0;
      }
      p.cursor = some ? s.store().scan(p.cursor, page_entries, time, show) : 0;
      p.scanning = p.cursor != 0;
      if (!p.scanning) add_note(shard, {note::what::whole, 0, {}, {}});
    });
  }
}

void reminder_runner::feed(place& p) {
  std::vector<note> notes;
  {
    const std::lock_guard lock(p.notes_mutex);
    notes.swap(p.notes);
  }
  for (const auto& n : notes) feed(p, n);
}

void reminder_runner::feed(place& p, const note& n) {
  switch (n.is) {
    case note::what::whole: return p.machine.on_whole();
    case note::what::all_gone: return p.machine.on_all_gone(n.cache, n.entry.version);
    case note::what::lost:
      if (p.machine.has(n.key)) note_lost(n.key);
      return p.machine.on_gone(n.key, n.entry.version);
    case note::what::gone: return p.machine.on_gone(n.key, n.entry.version);
    case note::what::there: break;
  }
  const auto k = read_reminder_key(n.key);
  const auto kind = k ? with_.kind(k->type) : nullptr;
  if (kind && kind->reminders && kind->reminders_id == n.cache) p.machine.on_entry(n.key, n.entry);
}

expected<std::optional<reminder_runner::found_entry>> reminder_runner::look(std::uint32_t shard, cache_id cache,
                                                                            std::string_view key) {
  return with_.shards.with_shard(shard, [&](held_shard& s) -> expected<std::optional<found_entry>> {
    if (!s.is_primary() || s.stream().recovering())
      return fail(errc::unavailable, "this node does not serve the grain's shard now");
    const auto e = s.store().peek(cache, key, now());
    if (!e || e->object != nullptr) return std::optional<found_entry>();
    return found_entry{e->version, std::string(e->value)};
  });
}

// ---- time ----

void reminder_runner::want(place& p, time_point at) {
  const auto wanted = at.time_since_epoch().count();
  for (auto was = p.next.load(); wanted < was && !p.next.compare_exchange_weak(was, wanted);) {
  }
}

void reminder_runner::ring(std::uint32_t shard, time_point at) {
  want(*places_[shard], at);
  if (!rung_.exchange(true)) clock_.set(now());
}

void reminder_runner::run() {
  if (closed_) return;
  rung_ = false;
  const auto time = now();
  first_ = (first_ + 1) % places_.size();
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const auto s = (first_ + i) % places_.size();
    if (places_[s]->next.load() <= time.time_since_epoch().count()) step(static_cast<std::uint32_t>(s), time);
  }
  auto earliest = time_point::max().time_since_epoch().count();
  for (const auto& p : places_) earliest = std::min(earliest, p->next.load());
  clock_.set(std::max(time, time_point(time_point::duration(earliest))));
  if (rung_) clock_.set(time);  // it was set back by this
}

void reminder_runner::step(std::uint32_t shard, time_point time) {
  auto& p = *places_[shard];
  p.next = time_point::max().time_since_epoch().count();
  const auto tenure = with_.shards.tenures().now(shard);
  bool anew = p.scan.exchange(false);
  {
    const std::lock_guard lock(p.lock);
    anew = anew || p.machine.tenure() != tenure;
    p.machine.on_tenure(tenure);
  }
  if (anew) {
    p.scanning = tenure != 0;
    p.cursor = 0;
  }
  if (p.scanning) scan_some(shard, time);
  const bool ready = tenure != 0 && with_.shards.serves(time) && with_.shards.with_shard(shard, [](held_shard& s) {
    return s.is_primary() && !s.stream().recovering();
  });
  reminder_output out;
  auto next = time_point::max();
  {
    const std::lock_guard lock(p.lock);
    feed(p);
    p.machine.on_tick(ready, time, wall(), out);
    next = p.machine.next_tick(time, wall());
    if (!ready && next != time_point::max()) next = std::max(next, time + unready_tick);
    if (p.machine.size() > 0) next = std::min(next, time + look_interval);
  }
  if (p.scanning) next = time;
  want(p, next);
  carry_out(shard, out);
}

// ---- what fires ----

void reminder_runner::carry_out(std::uint32_t shard, reminder_output& out) {
  for (const auto& f : out.fired) fire(shard, f);
  for (const auto& w : out.writes) write(shard, w);
}

void reminder_runner::fire(std::uint32_t shard, const reminder_output::firing& f) {
  const auto k = read_reminder_key(f.key);
  const auto kind = k ? with_.kind(k->type) : nullptr;
  caf::strong_actor_ptr desk;
  {
    const std::lock_guard lock(desk_mutex_);
    if (desk_) desk = caf::actor_cast<caf::strong_actor_ptr>(desk_);
  }
  if (!kind || !kind->reminders || !desk) return answered(shard, f.number, false);
  const auto there = look(shard, kind->reminders_id, f.key);
  if (!there) return answered(shard, f.number, false);
  if (!*there || (*there)->version != f.version) {
    const std::lock_guard lock(places_[shard]->lock);
    return places_[shard]->machine.on_gone(f.key, f.version);
  }
  const auto mid = caf::make_message_id(f.number << shard_bits | shard);
  add(f.wakes ? count::woken : count::fired);
  add(count::missed, f.missed);
  auto content = caf::make_message(grain_wake{});
  if (!f.wakes) {
    const auto e = decode_reminder((*there)->bytes);
    reminder_fired r{std::string(k->name), wall_time_of(f.due), f.missed, {}, f.version};
    if (e) r.payload = e->payload;
    content = caf::make_message(std::move(r));
  }
  with_.deliver({*k, shard, caf::make_mailbox_element(std::move(desk), mid, {}, std::move(content))});
}

void reminder_runner::on_answer(const caf::mailbox_element& answer) {
  if (!answer.mid.is_response()) return;
  const auto id = answer.mid.request_id().integer_value();
  const auto shard = static_cast<std::uint32_t>(id & ((1U << shard_bits) - 1));
  if (shard >= places_.size()) return;
  const auto& content = answer.content();
  const bool failed = content.size() == 1 && content.match_element<caf::error>(0);
  const auto number = id >> shard_bits;
  if (failed) note_failed(shard, number, from_caf(content.get_as<caf::error>(0)));
  answered(shard, number, !failed);
}

void reminder_runner::answered(std::uint32_t shard, std::uint64_t number, bool handled) {
  add(handled ? count::handled : count::failed);
  auto& p = *places_[shard];
  reminder_output out;
  auto next = time_point::max();
  {
    const std::lock_guard lock(p.lock);
    feed(p);
    p.machine.on_answer(number, handled, now(), out);
    next = p.machine.next_tick(now(), wall());
  }
  carry_out(shard, out);
  if (next != time_point::max()) ring(shard, next);
}

void reminder_runner::write(std::uint32_t shard, const reminder_output::write& w) {
  const auto k = read_reminder_key(w.key);
  const auto kind = k ? with_.kind(k->type) : nullptr;
  if (!kind || !kind->reminders) return on_written(shard, w.number, errc::unavailable);
  const auto told = [weak = weak_from_this(), shard, number = w.number](errc code) {
    if (const auto self = weak.lock()) self->on_written(shard, number, code);
  };
  auto kept = *kind->reminders;
  if (!w.due) {
    return kept.erase_version(w.key, w.version,
                              [told](const expected<bool>& r) { told(r ? errc::ok : r.error().code); });
  }
  const auto there = look(shard, kind->reminders_id, w.key);
  if (!there) return told(there.error().code);
  if (!*there || (*there)->version != w.version) return told(errc::condition_failed);
  auto e = decode_reminder((*there)->bytes);
  if (!e) return told(errc::condition_failed);
  e->due = *w.due;
  put_options how;
  how.condition = write_condition::if_version;
  how.version = w.version;
  kept.put(w.key, encode(*e), how, [told](const expected<std::uint64_t>& r) { told(r ? errc::ok : r.error().code); });
}

// What was written is noted already, and armed for its next time.
void reminder_runner::on_written(std::uint32_t shard, std::uint64_t number, errc code) {
  auto& p = *places_[shard];
  {
    const std::lock_guard lock(p.lock);
    feed(p);
    p.machine.on_written(number, code, now());
  }
  ring(shard, now());
}

}  // namespace troupe
