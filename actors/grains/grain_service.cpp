#include "actors/grains/grain_service.hpp"

#include <utility>

#include <caf/actor_cast.hpp>
#include <caf/actor_config.hpp>
#include <caf/make_actor.hpp>
#include <caf/make_message.hpp>

#include "actors/clock.hpp"
#include "actors/grains/grain_handles.hpp"
#include "actors/grains/grain_mail.hpp"
#include "actors/has_ended.hpp"
#include "actors/messages/error.hpp"
#include "runtime/grains/grain_name.hpp"
#include "runtime/registry/choice.hpp"

namespace troupe {

namespace {

time_point now() { return clock_now(); }

}  // namespace

grain_service::grain_service(surroundings s)
    : with_(std::move(s)),
      ledger_(with_.limits),
      clock_(with_.io.context(0)),
      ring_hint_(time_point::max().time_since_epoch().count()) {
  places_.reserve(with_.shards.shards());
  for (std::uint32_t i = 0; i < with_.shards.shards(); ++i) places_.push_back(std::make_unique<place>(ledger_));
}

void grain_service::attach() {
  reminder_runner::surroundings r{with_.system, with_.io, with_.shards, with_.log, {}, {}};
  r.deliver = [weak = weak_from_this()](reminder_runner::delivery d) {
    const auto s = weak.lock();
    if (!s) return;
    call c;
    c.type = d.to.type;
    c.id = d.to.id;
    c.key = d.to.grain;
    c.shard = d.shard;
    c.what = std::move(d.what);
    s->route(std::move(c), nullptr);
  };
  r.kind = [weak = weak_from_this()](std::string_view type) {
    const auto s = weak.lock();
    return s ? s->kind_of(type) : nullptr;
  };
  reminders_ = std::make_shared<reminder_runner>(std::move(r));
  with_.shards.on_tenures([weak = weak_from_this()] {
    if (const auto s = weak.lock()) s->follow();
  });
}

expected<void> grain_service::start() {
  auto ticking = clock_.start([weak = weak_from_this()] {
    if (const auto s = weak.lock()) s->run();
  });
  if (!ticking) return ticking;
  if (auto reminding = reminders_->start(); !reminding) return reminding;
  caf::actor_config cfg;
  auto gate = caf::make_actor<grain_gate, caf::actor>(with_.system.next_actor_id(), caf::node_id{}, &with_.system, cfg,
                                                      weak_from_this());
  {
    const std::lock_guard lock(mutex_);
    gate_ = gate;
  }
  follow();
  ring_by(now());
  return with_.directory->publish(grain_gate::published_as, gate);
}

// ---- types and handles ----

expected<void> grain_service::add_maker(const std::string& type, maker make, const grain_options& options) {
  if (auto sound = check_grain_type(type); !sound) return sound;
  if (!make) return fail(errc::invalid_argument, "a grain needs something to make it of");
  auto kind = std::make_shared<grain_type>();
  kind->make = std::move(make);
  kind->options = options;
  if (auto opened = open_caches(*kind); !opened) return opened;
  {
    const std::lock_guard lock(mutex_);
    if (!types_.emplace(type, kind).second)
      return fail(errc::invalid_argument, "the grain type " + type + " was added before");
  }
  if (kind->reminders) reminders_->watch(kind->reminders_id);
  return {};
}

expected<void> grain_service::open_caches(grain_type& kind) {
  const auto& o = kind.options;
  if (!o.state_cache.empty()) {
    auto states = with_.open_cache(o.state_cache);
    if (!states) return tl::unexpected<error>(states.error());
    kind.states = std::move(*states);
  }
  if (o.reminder_cache.empty()) {
    if (!o.remembered) return {};
    return fail(errc::invalid_argument, "grains that are remembered need a reminder_cache");
  }
  auto kept = with_.open_cache(o.reminder_cache);
  if (!kept) return tl::unexpected<error>(kept.error());
  const auto id = with_.caches.find(o.reminder_cache);
  const auto* declared = id ? with_.caches.get(*id) : nullptr;
  if (declared == nullptr) return fail(errc::not_found, "no cache " + o.reminder_cache + " is declared");
  if (declared->settings.backed || declared->settings.ttl != duration::zero())
    return fail(errc::invalid_argument,
                "the cache " + o.reminder_cache + " keeps no reminders: it is backed, or has a ttl");
  kind.reminders = std::move(*kept);
  kind.reminders_id = *id;
  return {};
}

std::shared_ptr<const grain_type> grain_service::kind_of(std::string_view type) const {
  const std::shared_lock lock(mutex_);
  const auto found = types_.find(type);
  return found == types_.end() ? nullptr : found->second;
}

expected<caf::actor> grain_service::ref(const std::string& type, const std::string& id) {
  if (auto sound = check_grain(type, id); !sound) return tl::unexpected<error>(sound.error());
  auto key = grain_key(type, id);
  const auto shard = shard_of(key);
  caf::actor_config cfg;
  return caf::make_actor<grain_ref, caf::actor>(with_.system.next_actor_id(), caf::node_id{}, &with_.system, cfg,
                                                shared_from_this(), type, id, std::move(key), shard);
}

expected<std::string> grain_service::place_of(const std::string& type, const std::string& id) {
  if (auto sound = check_grain(type, id); !sound) return tl::unexpected<error>(sound.error());
  const auto owner = with_.shards.owner_of(shard_of(grain_key(type, id)));
  const auto view = with_.board.read();
  for (const auto& m : view->members) {
    if (owner != 0 && m.pid == owner) return m.name;
  }
  return fail(errc::unavailable, "no node is known to hold the grain's shard");
}

// ---- messages ----

void grain_service::route(call c, caf::execution_unit* host) {
  const auto time = now();
  if (closed_.load(std::memory_order_relaxed)) return refuse(c, {errc::unavailable, "the node stops"}, host);
  const bool leased = with_.shards.serves(time);
  grain_shard::verdict v;
  stamp table;
  std::uint64_t tenure = 0;
  std::unique_ptr<held_call> ready;
  const auto decide = [&](grain_shard& machine) {
    const auto keeper = [&ready]() -> held_message_ptr { return std::move(ready); };
    v = machine.on_message({c.key, c.hops, c.known, c.until, c.owner_lost}, leased, time, keeper);
    table = machine.table();
    tenure = machine.tenure();
  };
  with_machine(c.shard, decide);
  if (v.what == grain_shard::fate::prepare) {
    ready = keep(c);
    with_machine(c.shard, decide);
    if (ready) c.what = std::move(ready->what);
  }
  switch (v.what) {
    case grain_shard::fate::prepare: break;  // it was ready
    case grain_shard::fate::deliver:
      return deliver(std::static_pointer_cast<grain_seat>(std::move(v.to)), std::move(c.what), c.hops, host);
    case grain_shard::fate::start: return begin(c, v.number, tenure, table, host);
    case grain_shard::fate::hold: add(count::held); return ring_by(time + held_tick);
    case grain_shard::fate::forward: return forward(std::move(c), v.owner, table, host);
    case grain_shard::fate::refuse: return refuse(c, {v.code, v.words}, host);
  }
}

void grain_service::refuse(const call& c, const error& why, caf::execution_unit* host) {
  auto& what = *c.what;
  note_refused(c.type, c.id, why);
  if (what.sender && what.mid.is_request())
    what.sender->enqueue(nullptr, what.mid.response_id(), caf::make_message(to_caf(why)), host);
}

// The views of the call are of somebody else, so they are copied.
std::unique_ptr<grain_service::held_call> grain_service::keep(call& c) {
  auto m = std::make_unique<held_call>();
  m->type = c.type;
  m->id = c.id;
  m->key = c.key;
  m->shard = c.shard;
  m->hops = c.hops;
  m->known = c.known;
  m->bytes = sizeof(held_call) + c.key.size() + size_of(*c.what);
  m->what = std::move(c.what);
  return m;
}

void grain_service::deliver(const std::shared_ptr<grain_seat>& seat, caf::mailbox_element_ptr what, std::uint32_t hops,
                            caf::execution_unit* host) {
  auto* actor = seat->actor->get();
  actor->enqueue(caf::mailbox_element_ptr(new grain_letter(std::move(what), seat, hops)), host);
}

void grain_service::begin(const call& c, std::uint64_t number, std::uint64_t tenure, stamp table,
                          caf::execution_unit* host) {
  grain_output out;
  const auto fail_with = [&](errc code, const char* words) {
    add(count::failed);
    with_machine(c.shard, [&](grain_shard& machine) { machine.failed(c.key, number, code, words, out); });
    carry_out(out, host);
  };
  const auto kind = kind_of(c.type);
  if (!kind)
    return fail_with(errc::not_implemented, "the grain's type is not registered at the node that holds its shard");
  auto seat = std::make_shared<grain_seat>();
  seat->service = shared_from_this();
  seat->kind = kind;
  seat->type = c.type;
  seat->id = c.id;
  seat->key = c.key;
  seat->shard = c.shard;
  seat->number = number;
  seat->tenure = tenure;
  seat->token = table;
  seat->used = now().time_since_epoch().count();
  {
    const std::lock_guard lock(ended_mutex_);
    ++alive_;
  }
  caf::actor made;
  try {
    made = kind->make(with_.system, seat);
  } catch (const std::exception& fault) {
    note_failed(*seat, {errc::unavailable, fault.what()});
  }
  if (!made) {
    const std::lock_guard lock(ended_mutex_);
    --alive_;
  }
  if (!made) return fail_with(errc::unavailable, "the grain cannot be made");
  add(count::started);
  tell(*seat, "grain_woken");
  seat->actor = caf::actor_cast<caf::strong_actor_ptr>(made);
  const bool in_time = with_machine(c.shard, [&](grain_shard& machine) {
    return machine.started(seat->key, number, seat, kind->options.idle_after);
  });
  if (!in_time) return nudge(*seat, host);
  for (;;) {
    auto some = with_machine(seat->shard, [&](grain_shard& m) { return m.take_held(seat->key, number, out); });
    if (some.empty()) break;
    for (auto& m : some) {
      auto& held = static_cast<held_call&>(*m);
      deliver(seat, std::move(held.what), held.hops, host);
    }
  }
  ring_by(now() + sweep_interval);
  carry_out(out, host);
}

void grain_service::nudge(const grain_activation& a, caf::execution_unit* host) {
  const auto& seat = static_cast<const grain_seat&>(a);
  seat.actor->enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, grain_nudge{}), host);
}

void grain_service::carry_out(grain_output& out, caf::execution_unit* host) {
  for (const auto& a : out.rest) {
    static_cast<grain_seat&>(*a).rests.store(true, std::memory_order_release);
    add(count::rested);
    tell(static_cast<grain_seat&>(*a), "grain_rests");
    nudge(*a, host);
  }
  for (const auto& a : out.cut) {
    add(count::cut);
    tell(static_cast<grain_seat&>(*a), "grain_cut");
    nudge(*a, host);
  }
  const auto as_call = [](held_message& m) -> call {
    auto& held = static_cast<held_call&>(m);
    return {held.type, held.id, held.key, held.shard, held.hops, held.known, held.until, false, std::move(held.what)};
  };
  for (auto& r : out.refused) refuse(as_call(*r.message), {r.code, r.words}, host);
  for (auto& m : std::exchange(out.again, {})) route(as_call(*m), host);
}

// ---- other nodes ----

void grain_service::forward(call c, std::uint64_t owner, stamp table, caf::execution_unit* host) {
  if (!c.what->stages.empty()) return refuse(c, {errc::not_implemented, "composed actors do not cross nodes"}, host);
  if (stays_here(std::as_const(*c.what).content()))
    return refuse(c, {errc::unavailable, "the grain's shard is elsewhere by now"}, host);
  const auto gate = gate_of(owner);
  if (!gate && gate.error().code == errc::unavailable && !c.owner_lost) {
    c.owner_lost = true;
    return route(std::move(c), host);
  }
  if (!gate) return refuse(c, gate.error(), host);
  add(count::forwarded);
  auto head = encode({c.type, c.id, static_cast<std::uint8_t>(c.hops + 1), table});
  (*gate)->enqueue(caf::make_mailbox_element(std::move(c.what->sender), c.what->mid, {}, std::move(head),
                                             c.what->move_content_to_message()),
                   host);
}

expected<caf::strong_actor_ptr> grain_service::gate_of(std::uint64_t pid) {
  {
    const std::shared_lock lock(mutex_);
    const auto found = gates_.find(pid);
    if (found != gates_.end() && !has_ended(found->second)) return found->second;
  }
  const auto target = with_.find(pid);
  if (!target) return fail(errc::unavailable, "the node that holds the grain's shard is not known here yet");
  const auto view = with_.board.read();
  for (const auto& m : view->members) {
    if (m.id != target->id) continue;
    if (m.state == member_state::failed || m.state == member_state::departed)
      return fail(errc::unavailable, "the member " + m.name + ", which held the grain's shard, is lost");
    if (!m.tags.contains(actors_tag))
      return fail(errc::not_implemented, "the member " + m.name + " holds the grain's shard and runs no actors");
  }
  auto handle = with_.directory->find(*target, grain_gate::published_as);
  if (!handle) return fail(errc::unavailable, "the node that holds the grain's shard: " + handle.error().context);
  auto gate = caf::actor_cast<caf::strong_actor_ptr>(*handle);
  const std::lock_guard lock(mutex_);
  return gates_[pid] = std::move(gate);
}

}  // namespace troupe
