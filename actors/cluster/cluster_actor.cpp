#include "actors/cluster/cluster_actor.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <caf/send.hpp>

#include "actors/clock.hpp"
#include "actors/cluster/cluster_calls.hpp"
#include "actors/wall_clock.hpp"
#include "runtime/base/overloaded.hpp"

namespace troupe {

namespace {

time_point read_clock() { return clock_now(); }

}  // namespace

cluster_actor::cluster_actor(caf::actor_config& cfg, machine_ptr machine, cluster_ports ports)
    : caf::event_based_actor(cfg), machine_(std::move(machine)), ports_(std::move(ports)) {}

caf::behavior cluster_actor::make_behavior() {
  if (!machine_) {  // its files could not be read: the supervisor tries again
    quit(caf::make_error(caf::sec::runtime_error));
    return {};
  }
  machine_->on_start(read_clock(), out_);
  carry_out();
  show();
  send(this, wake_atom::value);  // what came while no actor listened
  return {[this](wake_atom) { on_wake(); }};
}

void cluster_actor::on_wake() {
  for (auto& item : ports_.in.take()) {
    std::visit(overloaded{
                   [&](datagram_arrived& a) { machine_->on_datagram(a.from, a.bytes, read_clock(), out_); },
                   [&](link_message_arrived& a) {
                     machine_->on_link_message({a.from.name, a.from.id}, a.from.address, a.bytes, read_clock(), out_);
                   },
                   [&](link_lost& l) { machine_->on_link_lost(l.name, l.how, read_clock(), out_); },
                   [&](write_finished& w) { machine_->on_written(w.token, w.durable, read_clock(), out_); },
                   [&](store_answered& a) { machine_->on_store(a.answer, read_clock(), out_); },
                   [&](store_hinted&) { machine_->on_store_changed(read_clock(), out_); },
                   [&](link_refused& l) { machine_->on_link_refused(l.address, read_clock(), out_); },
                   [&](force_leave_asked& f) { machine_->force_leave(f.name, read_clock(), out_); },
                   [&](alarm_rang&) { machine_->on_tick(read_clock(), out_); },
                   [&](laggards_seen& l) {
                     for (const auto& w : l.who) machine_->on_laggard(w.shard, w.epoch, w.pid, read_clock(), out_);
                   },
                   [&](leave_asked&) { machine_->leave(read_clock(), out_); },
                   [&](seeds_found& s) { machine_->on_seeds(std::move(s.addresses), s.complete, read_clock(), out_); },
                   [&](call_asked& c) { c.run(*machine_, read_clock(), out_); },
               },
               item);
    carry_out();
  }
  show();
}

// In the order that the machine relies on: what must be durable first, what others see of it last.
void cluster_actor::carry_out() {
  if (ports_.calls != nullptr) ports_.calls->publish_lease(*machine_, read_clock());
  for (auto& w : out_.writes) write(w);
  if (out_.store && ports_.ask_store) ports_.ask_store(std::move(*out_.store));
  for (auto& d : out_.datagrams) ports_.send_datagram(d.to, std::move(d.bytes));
  for (auto& m : out_.link_messages) {
    const auto& send = m.bulk ? ports_.send_bulk : ports_.send_link;
    send({std::move(m.to), m.id}, m.bytes);
  }
  for (const auto& id : out_.failed) ports_.on_failed(id);
  ports_.shards.serve_until(machine_->serve_until());
  const bool adopted = out_.table_changed && adopt_table();
  picture_old_ = picture_old_ || out_.picture_changed;
  if (out_.table_changed) publish_picture();  // who finds the owners by it is asked for them at once
  std::move(out_.events.begin(), out_.events.end(), std::back_inserter(untold_));
  tell_store_health();
  if (ports_.calls != nullptr) ports_.calls->take(out_, *machine_);
  const bool departed = out_.departed;
  if (out_.expelled) ports_.on_expelled();
  if (out_.seeds_wanted && ports_.on_seeds_wanted) ports_.on_seeds_wanted();
  out_ = {};
  if (departed) ports_.on_departed();
  if (adopted) {
    machine_->on_adopted(read_clock(), out_);
    carry_out();
  }
}

// Once for all that came together, and in a rush (many join at once) not with each packet: in a large cluster the
// picture is large. Who hears of an event finds the picture that belongs to it.
void cluster_actor::show() {
  if (picture_old_ && read_clock() >= next_picture()) publish_picture();
  if (!picture_old_) tell_events();
  tell_store_sight();
  count();
  set_alarm();
}

time_point cluster_actor::next_picture() const {
  const auto members = static_cast<int>(std::min<std::size_t>(machine_->members().live_count(), 1000));
  return shown_at_ + std::min<duration>(picture_rest_max, picture_rest_each * members);
}

void cluster_actor::count() {
  ports_.membership.publish(machine_->members());
  const auto& moves = machine_->moves().counts();
  ports_.moves.shards_given = moves.shards_given;
  ports_.moves.shards_taken = moves.shards_taken;
  ports_.moves.bytes_sent = moves.bytes_sent;
  ports_.moves.attempts_failed = moves.attempts_failed;
  ports_.moves.refused_for_room = moves.refused_for_room;
  ports_.moves.replicas_made = moves.replicas_made;
  ports_.moves.replicas_dropped = moves.replicas_dropped;
  ports_.moves.shards_to_give = machine_->moves().shards_to_give();
}

// Each lost or moved shard is an event; in the log they are one line, or a restart would bury everything else.
void cluster_actor::tell_events() {
  std::size_t shards_lost = 0;
  std::size_t shards_moved = 0;
  std::size_t shards_restored = 0;
  for (auto& e : std::exchange(untold_, {})) {
    if (e.kind == "shard_lost")
      ++shards_lost;
    else if (e.kind == "shard_moved")
      ++shards_moved;
    else if (e.kind == "shard_restored")
      ++shards_restored;
    else
      ports_.log.info("cluster", to_string(event{0, {}, e.kind, e.fields}));
    ports_.events.publish(std::move(e.kind), std::move(e.fields));
  }
  if (shards_moved > 0) ports_.log.info("cluster", "shards_moved", {{"count", shards_moved}});
  if (shards_restored > 0) ports_.log.info("cluster", "shards_restored", {{"count", shards_restored}});
  if (shards_lost == 0) return;
  ports_.shards_lost += shards_lost;
  ports_.log.warn("cluster", "shards_lost", {{"count", shards_lost}, {"reason", "no copy was left: they start empty"}});
}

void cluster_actor::write(cluster_output::write& w) {
  ports_.write(w.file, std::move(w.bytes),
               [&in = ports_.in, &log = ports_.log, file = w.file, token = w.token](const expected<void>& result) {
                 if (!result)
                   log.error("cluster", "write_failed", {{"file", file}, {"reason", describe(result.error())}});
                 (void)in.push(write_finished{token, result.has_value()});
               });
}

void cluster_actor::tell_store_health() {
  if (!ports_.ask_store) return;
  auto fault = machine_->lead().store_fault();
  if (fault == store_health_) return;
  store_health_ = std::move(fault);
  if (!store_health_.empty()) ports_.log.error("cluster", "leader_store_failed", {{"reason", store_health_}});
  ports_.on_store_health(store_health_);
}

void cluster_actor::tell_store_sight() {
  if (!ports_.watch_store) return;
  const auto sight = machine_->lead().sight_of_store();
  if (sight == store_sight_) return;
  store_sight_ = sight;
  ports_.watch_store(sight);
}

bool cluster_actor::adopt_table() {
  const auto adopted = ports_.shards.adopt(machine_->table(), machine_->pid());
  if (!adopted) {
    ports_.log.error("cluster", "shard_table_refused", {{"reason", describe(adopted.error())}});
    return false;
  }
  ports_.on_adopted();
  if (adopted->gained.empty() && adopted->lost.empty()) return true;
  ports_.log.info(
      "cluster", "shards_adopted",
      {{"gained", adopted->gained.size()}, {"lost", adopted->lost.size()}, {"empty", adopted->empty.size()}});
  return true;
}

void cluster_actor::publish_picture() {
  picture_old_ = false;
  shown_at_ = read_clock();
  ports_.on_addresses(machine_->addresses_by_pid());
  ports_.status.change_view([this](cluster_view& view) { machine_->describe(view, to_wall); });
}

void cluster_actor::set_alarm() {
  const time_point wanted = picture_old_ ? std::min(machine_->next_tick(), next_picture()) : machine_->next_tick();
  if (wanted == alarm_at_ && wanted > read_clock()) return;
  alarm_at_ = wanted;
  ports_.clock.set(wanted);
}

}  // namespace troupe
