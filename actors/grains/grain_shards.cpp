// How a node's grains follow its shards, the time, and their own ends.
#include <algorithm>
#include <utility>

#include <caf/detail/serialized_size.hpp>
#include <caf/exit_reason.hpp>

#include "actors/clock.hpp"
#include "actors/grains/grain_handles.hpp"
#include "actors/grains/grain_mail.hpp"
#include "actors/grains/grain_service.hpp"
#include "actors/messages/error.hpp"

namespace troupe {

namespace {

constexpr std::uint64_t unknown_size = 1024;  // of what cannot be measured

time_point now() { return clock_now(); }

// `at` is when the next line may come.
bool may_log(std::atomic<std::int64_t>& at) {
  const auto time = now().time_since_epoch().count();
  const duration interval = grain_service::line_interval;
  auto next = at.load();
  return time >= next && at.compare_exchange_strong(next, time + interval.count());
}

}  // namespace

// The stamp is read first: a message that was sent by a later one waits for the next call.
void grain_service::follow() {
  if (closed_) return;
  const auto table = with_.shards.table_stamp();
  {
    const std::lock_guard lock(mutex_);
    gates_.clear();
  }
  const auto me = with_.shards.my_pid();
  for (std::uint32_t s = 0; s < places_.size(); ++s) {
    grain_output out;
    with_machine(s, [&](grain_shard& machine) {
      const auto owner = with_.shards.owner_of(s);
      machine.on_row(owner == me ? 0 : owner, with_.shards.tenures().now(s), table, out);
    });
    carry_out(out, nullptr);
  }
  reminders_->follow();
}

bool grain_service::calm(std::uint32_t shard) {
  grain_output out;
  const bool calm = with_machine(shard, [&](grain_shard& machine) { return machine.calm(out); });
  carry_out(out, nullptr);
  return calm;
}

void grain_service::stir(std::uint32_t shard) {
  grain_output out;
  with_machine(shard, [&](grain_shard& machine) { machine.stir(out); });
  carry_out(out, nullptr);
}

// ---- time ----

void grain_service::ring_by(time_point at) {
  if (at.time_since_epoch().count() >= ring_hint_.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(ring_mutex_);
  if (at >= rings_at_) return;
  rings_at_ = at;
  ring_hint_.store(at.time_since_epoch().count(), std::memory_order_relaxed);
  clock_.set(at);
}

void grain_service::run() {
  {
    const std::lock_guard lock(ring_mutex_);
    rings_at_ = time_point::max();
    ring_hint_.store(rings_at_.time_since_epoch().count(), std::memory_order_relaxed);
  }
  const auto time = now();
  const bool sweeps = time >= sweep_at_;
  if (sweeps) sweep_at_ = time + sweep_interval;
  const bool holds = ledger_.held() > 0;
  const bool leased = with_.shards.serves(time);
  for (std::uint32_t s = 0; s < places_.size() && (sweeps || holds); ++s) {
    grain_output out;
    with_machine(s, [&](grain_shard& machine) {
      if (holds) machine.on_tick(leased, time, out);
      if (sweeps) machine.sweep(time, out);
    });
    carry_out(out, nullptr);
  }
  if (ledger_.held() > 0) ring_by(time + held_tick);
  if (ledger_.active() > 0) ring_by(sweep_at_);
}

// ---- activations ----

bool grain_service::enter(grain_seat& seat) {
  if (!with_.shards.tenures().enter(seat.shard, seat.tenure)) return false;
  const auto time = now();
  if (with_.shards.serves(time) && !closed_.load(std::memory_order_relaxed)) {
    seat.used.store(time.time_since_epoch().count(), std::memory_order_relaxed);
    return true;
  }
  leave(seat);
  return false;
}

void grain_service::on_lapsed(const grain_seat& seat) {
  grain_output out;
  with_machine(seat.shard, [&](grain_shard& machine) { machine.on_lapsed(seat.key, seat.number, out); });
  carry_out(out, nullptr);
}

void grain_service::on_ended(const grain_seat& seat) {
  on_lapsed(seat);
  if (!seat.idle) reminders_->on_ended(seat);
  const std::lock_guard lock(ended_mutex_);
  if (--alive_ == 0) ended_.notify_all();
}

void grain_service::wish(const grain_seat& seat) {
  grain_output out;
  with_machine(seat.shard, [&](grain_shard& machine) { machine.on_wish(seat.key, seat.number, out); });
  carry_out(out, nullptr);
}

void grain_service::send_on(const grain_seat& seat, caf::mailbox_element_ptr what, std::uint32_t hops,
                            caf::execution_unit* host) {
  call c;
  c.type = seat.type;
  c.id = seat.id;
  c.key = seat.key;
  c.shard = seat.shard;
  c.hops = hops;
  c.what = std::move(what);
  route(std::move(c), host);
}

// Per grain, so only where someone asked for it.
void grain_service::tell(const grain_seat& seat, const char* what) const {
  if (with_.log.enabled(log_level::debug)) with_.log.debug("grains", what, {{"type", seat.type}, {"id", seat.id}});
}

void grain_service::note_failed(const grain_seat& seat, const error& why) {
  add(count::failed);
  if (!may_log(line_at_)) return;
  with_.log.warn("grains", "grain_failed", {{"type", seat.type}, {"id", seat.id}, {"reason", describe(why)}});
}

// Each code has lines of its own, so that a flood of one does not hide another. None when the service is closed: who
// still has a handle may outlive the log.
void grain_service::note_refused(std::string_view type, std::string_view id, const error& why) {
  const auto code = static_cast<std::size_t>(why.code);
  const auto all = ++numbers_->refused[code];
  auto& r = refusals_[code];
  if (closed_ || !may_log(r.line_at)) return;
  const auto news = all - std::min(all, r.told.exchange(all));
  with_.log.warn("grains", "grain_refused",
                 {{"type", type}, {"id", id}, {"reason", name_of(why.code)}, {"words", why.context}, {"count", news}});
}

// Without its handles: those need somebody to write them for. A floating-point number may have no end in CAF.
std::uint64_t grain_service::size_of(const caf::mailbox_element& what) {
  const auto& content = what.content();
  std::uint64_t bytes = sizeof(caf::mailbox_element);
  for (std::size_t i = 0; i < content.size(); ++i) {
    if (content.match_element<std::string>(i)) {
      bytes += content.get_as<std::string>(i).size();
      continue;
    }
    const auto type = content.type(i).first;
    const bool floats = type == caf::type_nr<float>::value || type == caf::type_nr<double>::value ||
                        type == caf::type_nr<long double>::value;
    if (floats) continue;
    try {
      caf::detail::serialized_size_inspector sink(nullptr);
      bytes += content.save(i, sink) ? unknown_size : sink.result();
    } catch (const std::exception&) {
      bytes += unknown_size;
    }
  }
  return bytes;
}

// ---- the end ----

void grain_service::rest_all() {
  const auto end = now() + rest_max;
  for (bool calm_all = false; !calm_all && now() < end;) {
    calm_all = true;
    for (std::uint32_t s = 0; s < places_.size(); ++s) calm_all = calm(s) && calm_all;
    if (calm_all) break;
    std::unique_lock lock(ended_mutex_);
    (void)ended_.wait_for(lock, std::chrono::milliseconds(5), [this] { return alive_ == 0; });
  }
}

// False when it was before.
bool grain_service::shut() {
  if (closed_.exchange(true)) return false;
  if (reminders_) reminders_->close();
  clock_.close();
  caf::actor gate;
  {
    const std::lock_guard lock(mutex_);
    gate = std::exchange(gate_, nullptr);
    gates_.clear();
  }
  for (std::uint32_t s = 0; s < places_.size(); ++s) {
    grain_output out;
    with_machine(s, [&](grain_shard& machine) { machine.close(out); });
    carry_out(out, nullptr);
  }
  if (gate) {
    with_.directory->unpublish(grain_gate::published_as);
    static_cast<caf::actor_proxy*>(caf::actor_cast<caf::abstract_actor*>(gate))
        ->kill_proxy(nullptr, caf::exit_reason::user_shutdown);
  }
  return true;
}

void grain_service::close() {
  if (!shut()) return;
  std::unique_lock lock(ended_mutex_);
  if (!ended_.wait_for(lock, close_max, [this] { return alive_ == 0; }))
    with_.log.warn("grains", "grains_left_behind", {{"count", alive_}});
}

void grain_service::register_metrics(metrics& m) {
  reminders_->register_metrics(m);
  const auto read = [&](const char* name, const char* help, count what) {
    m.read_counter(name, help, {}, [n = numbers_, what] {
      return static_cast<double>(n->by_kind[static_cast<std::size_t>(what)].load());
    });
  };
  read("troupe_grains_started_total", "Grains that were woken at this node", count::started);
  read("troupe_grains_rested_total", "Grains that went to rest: idle, asked to, or because their shard moved",
       count::rested);
  read("troupe_grains_cut_total", "Grains that were ended because this node no longer served their shard", count::cut);
  read("troupe_grains_failed_total", "Grains that could not be woken, or threw", count::failed);
  read("troupe_grains_forwarded_total", "Messages for grains that were sent to the node of their shard",
       count::forwarded);
  read("troupe_grains_held_total", "Times that a message waited for a grain, an owner or the lease", count::held);
  for (const auto code : {errc::unavailable, errc::not_implemented, errc::invalid_argument}) {
    m.read_counter("troupe_grains_refused_total", "Messages for grains that were refused here, by reason",
                   {{"reason", std::string(name_of(code))}}, [n = numbers_, code] {
                     return static_cast<double>(n->refused[static_cast<std::size_t>(code)].load());
                   });
  }
  m.read_gauge("troupe_grains_active_count", "Grains that are awake at this node", {}, [weak = weak_from_this()] {
    const auto s = weak.lock();
    return s ? static_cast<double>(s->ledger_.active()) : 0.0;
  });
}

}  // namespace troupe
