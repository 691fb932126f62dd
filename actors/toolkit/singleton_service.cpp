#include "actors/toolkit/singleton_service.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <caf/after.hpp>
#include <caf/exit_reason.hpp>
#include <caf/make_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include "actors/clock.hpp"
#include "runtime/locks/lock_table.hpp"

namespace troupe {

namespace {

constexpr duration wait_most = std::chrono::minutes(10);

expected<void> check(const std::string& name, const singleton_options& o) {
  if (name.empty() || name.size() > singleton_service::name_max || name.find(':') != std::string::npos)
    return fail(errc::invalid_argument, "a singleton has a name of 1 to 48 letters, digits, or . _ -");
  auto fault = fault_of(lock_request{lock_kind::role, singleton_actor::role_of(name), 1, o.ttl, {}});
  if (!fault.empty()) return fail(errc::invalid_argument, std::move(fault));
  if (o.wait_max < duration::zero() || o.wait_max > wait_most)
    return fail(errc::invalid_argument, "messages for a singleton wait for 0 s to 10 min");
  return {};
}

caf::strong_actor_ptr make_proxy(caf::actor_system& system, const singleton_options& o,
                                 const std::shared_ptr<dead_letters>& letters) {
  caf::actor_config cfg;
  return caf::make_actor<parking_proxy, caf::strong_actor_ptr>(
      system.next_actor_id(), caf::node_id{}, &system, cfg, parking_proxy::limits{o.waiting_max, o.wait_max}, letters);
}

parking_proxy& proxy_of(const caf::strong_actor_ptr& p) { return *static_cast<parking_proxy*>(p->get()); }

}  // namespace

void singleton_service::start() {
  listener_ = with_.events.listen([weak = weak_from_this()](const std::shared_ptr<const event>& e) {
    if (e->kind.rfind("member_", 0) != 0 && e->kind.rfind("leader_", 0) != 0 && e->kind != "joined") return;
    if (const auto s = weak.lock()) s->wake();
  });
}

void singleton_service::wake() {
  for (const auto& [name, r] : rows()) caf::anon_send(r.host, wake_atom::value);
}

std::map<std::string, singleton_service::row> singleton_service::rows() const {
  const std::lock_guard lock(mutex_);
  return rows_;
}

expected<caf::actor> singleton_service::declare(const std::string& name, singleton_factory make,
                                                const singleton_options& o) {
  if (auto sound = check(name, o); !sound) return tl::unexpected<error>(sound.error());
  const std::lock_guard lock(mutex_);
  if (leaves_) return fail(errc::unavailable, "the node leaves or stops");
  auto at = rows_.find(name);
  if (at == rows_.end()) {
    if (rows_.size() >= singletons_max) return fail(errc::unavailable, "too many singletons are known here");
    auto made = this->make(name, o);
    if (!made) return tl::unexpected<error>(made.error());
    at = rows_.emplace(name, std::move(*made)).first;
  }
  auto& r = at->second;
  if (make) {
    if (std::exchange(r.may_run, true))
      return fail(errc::invalid_argument, "the singleton " + name + " has a factory at this node");
    caf::anon_send(r.host, std::make_shared<singleton_factory>(std::move(make)));
  }
  return caf::actor_cast<caf::actor>(r.handles.proxy);
}

expected<singleton_service::row> singleton_service::make(const std::string& name, const singleton_options& o) {
  row r;
  r.handles = {make_proxy(with_.system, o, with_.directory->letters()),
               make_proxy(with_.system, o, with_.directory->letters())};
  r.host = with_.system.spawn<singleton_actor>(
      singleton_actor::surroundings{with_.directory, with_.board, with_.log, with_.self, numbers_, &with_.locks, over_,
                                    with_.seed + rows_.size()},
      name, o, r.handles);
  auto shown = with_.directory->publish(singleton_actor::published_as(name), r.host);
  if (shown) {
    shown =
        with_.directory->publish(singleton_actor::gate_published_as(name), caf::actor_cast<caf::actor>(r.handles.gate));
  }
  if (shown) return r;
  caf::anon_send_exit(r.host, caf::exit_reason::user_shutdown);
  return tl::unexpected<error>(shown.error());
}

void singleton_service::withdraw(duration limit) {
  {
    const std::lock_guard lock(mutex_);
    leaves_ = true;
  }
  const auto end = clock_now() + std::min<duration>(limit, withdraw_max);
  const caf::scoped_actor caller(with_.system);
  const auto all = rows();
  const auto ask = [&](const caf::actor& host) {
    const auto left = std::max<duration>(end - clock_now(), std::chrono::milliseconds(1));
    return caller->request(host, std::chrono::duration_cast<std::chrono::nanoseconds>(left),
                           singleton_actor::leave_atom::value);
  };
  std::vector<decltype(ask(caf::actor()))> answers;
  for (const auto& [name, r] : all) answers.push_back(ask(r.host));
  for (auto& answer : answers)
    answer.receive([](caf::atom_value) {},
                   [&](const caf::error&) { with_.log.warn("actors", "singleton_left_behind"); });
}

void singleton_service::stop() {
  if (listener_ != 0) with_.events.unlisten(std::exchange(listener_, 0));
  withdraw(withdraw_max);
  std::map<std::string, row> all;
  {
    const std::lock_guard lock(mutex_);
    all.swap(rows_);
  }
  const caf::scoped_actor caller(with_.system);
  for (const auto& [name, r] : all) {
    caller->monitor(r.host);
    caf::anon_send_exit(r.host, caf::exit_reason::user_shutdown);
  }
  std::size_t alive = all.size();
  bool late = false;
  while (alive > 0 && !late)
    caller->receive([&](const caf::down_msg&) { --alive; }, caf::after(end_max) >> [&] { late = true; });
  over_->store(true);
  for (const auto& [name, r] : all) {
    proxy_of(r.handles.gate).close();
    proxy_of(r.handles.proxy).close();
  }
}

void singleton_service::cut() {
  if (listener_ != 0) with_.events.unlisten(std::exchange(listener_, 0));
  std::map<std::string, row> all;
  {
    const std::lock_guard lock(mutex_);
    leaves_ = true;
    all.swap(rows_);
  }
  over_->store(true);
  for (const auto& [name, r] : all) {
    caf::anon_send_exit(r.host, caf::exit_reason::kill);
    proxy_of(r.handles.gate).close();
    proxy_of(r.handles.proxy).close();
  }
}

void singleton_service::register_metrics(metrics& m) {
  const auto read = [this](std::atomic<std::uint64_t> singleton_counters::*which) {
    return [n = numbers_, which] { return static_cast<double>(((*n).*which).load()); };
  };
  using counters = singleton_counters;
  m.read_gauge("troupe_singletons_running_count", "Singletons that run at this node", {}, read(&counters::running));
  m.read_gauge("troupe_singletons_waiting_count", "Messages that wait here for a singleton", {},
               [weak = weak_from_this()] {
                 const auto s = weak.lock();
                 std::size_t count = 0;
                 for (const auto& [name, r] : s ? s->rows() : std::map<std::string, row>())
                   count += proxy_of(r.handles.proxy).waiting() + proxy_of(r.handles.gate).waiting();
                 return static_cast<double>(count);
               });
  m.read_counter("troupe_singletons_started_total", "Instances that were started here", {}, read(&counters::started));
  m.read_counter("troupe_singletons_failed_total", "Of them, those that ended by themselves, or could not be made", {},
                 read(&counters::failed));
  m.read_counter("troupe_singletons_handed_over_total", "States that instances here gave before they ended", {},
                 read(&counters::handed_over));
  m.read_counter("troupe_singletons_taken_over_total", "Instances here that began with the state of another", {},
                 read(&counters::taken_over));
  m.read_counter("troupe_singletons_overstayed_total", "Instances here that had to be killed", {},
                 read(&counters::overstayed));
}

}  // namespace troupe
