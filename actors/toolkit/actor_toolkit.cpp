#include "actors/toolkit/actor_toolkit.hpp"

#include <algorithm>
#include <future>
#include <thread>
#include <utility>

#include <caf/after.hpp>
#include <caf/exit_reason.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/system_messages.hpp>

#include "actors/clock.hpp"
#include "actors/messages/error.hpp"

namespace troupe {

namespace {

constexpr duration answer_grace = std::chrono::seconds(1);  // beyond the deadline, until a waiting caller gives up

std::size_t threads_of(const actor_options& o) {
  if (o.threads != 0) return o.threads;
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, actor_toolkit::threads_most);
}

template <class Make>
expected<std::unique_ptr<actor_runtime>> configured(Make make) {
  try {
    return make();
  } catch (const std::exception& fault) {
    return fail(errc::bad_config, std::string("actor_options::configure threw: ") + fault.what());
  }
}

}  // namespace

actor_toolkit::actor_toolkit(surroundings s, const actor_options& o)
    : with_(std::move(s)),
      spawned_max_(o.spawned_max),
      directory_(
          actor_directory::open(with_.runtime.system(), with_.link, with_.io.context(0), &with_.log, o.run_on_arrival)),
      far_(std::make_shared<member_distances>(
          with_.board,
          [&calls = with_.calls](std::string from, std::string to, member_distances::answer done) {
            calls.round_trip(std::move(from), std::move(to), std::move(done));
          })),
      registry_(std::make_shared<registry_service>(registry_service::surroundings{
          with_.io, *with_.link, with_.board, with_.events, directory_, far_, with_.self, with_.seed})),
      topics_(std::make_shared<topics_service>(
          topics_service::surroundings{with_.io, *with_.link, with_.board, with_.events, with_.log,
                                       with_.runtime.system(), with_.self, with_.seed + 5})),
      delivery_(std::make_unique<delivery_service>(with_.runtime.system(), registry_, with_.self, with_.seed + 6)),
      singletons_(std::make_shared<singleton_service>(
          singleton_service::surroundings{with_.runtime.system(), with_.events, directory_, with_.board, with_.log,
                                          with_.calls.locks(), with_.self, with_.seed + 3})),
      grains_(std::make_shared<grain_service>(
          grain_service::surroundings{with_.runtime.system(), with_.io, with_.shards, with_.board, with_.log,
                                      directory_, with_.find, with_.caches, with_.open_cache})),
      rng_(with_.seed + 2) {
  registry_->serve();
  topics_->serve();
  grains_->attach();
}

actor_toolkit::~actor_toolkit() {
  if (!cut_) stop();
}

expected<std::unique_ptr<actor_runtime>> actor_toolkit::make_runtime(const actor_options& o) {
  return configured([&] { return std::make_unique<actor_runtime>(threads_of(o), o.configure); });
}

expected<std::unique_ptr<actor_runtime>> actor_toolkit::make_stepped_runtime(const actor_options& o) {
  return configured([&] { return actor_runtime::stepped(o.configure); });
}

expected<void> actor_toolkit::start() {
  const auto spawner = caf::actor(system().spawn<spawner_actor>(directory_, spawns_, with_.log, spawned_max_));
  {
    const std::lock_guard lock(mutex_);
    spawner_ = spawner;
  }
  if (auto shown = directory_->publish(spawner_actor::published_as, spawner); !shown) return shown;
  if (auto topics_started = topics_->start(); !topics_started) return topics_started;
  singletons_->start();
  if (auto started = grains_->start(); !started) return started;
  return registry_->start();
}

void actor_toolkit::withdraw(duration limit) {
  spawns_->leaves = true;
  singletons_->withdraw(limit);
  registry_->withdraw();
  topics_->withdraw();
  // Where there are others, grains are served until their shard has moved; a node that is alone has its lease no more
  // when it has left.
  const auto view = with_.board.read();
  const bool alone = std::none_of(view->members.begin(), view->members.end(), [this](const member& m) {
    return m.id != with_.self && m.state == member_state::alive;
  });
  if (alone) rest_grains();
}

void actor_toolkit::stop() {
  caf::actor spawner;
  {
    const std::lock_guard lock(mutex_);
    spawner = std::exchange(spawner_, nullptr);
  }
  spawns_->leaves = true;
  singletons_->stop();
  registry_->close();
  topics_->close();
  grains_->close();
  if (spawner) {
    const caf::scoped_actor caller(system());
    caller->request(spawner, stop_max, stop_atom::value)
        .receive([](caf::atom_value) {},
                 [&](const caf::error&) { with_.log.warn("actors", "spawned_actors_left_behind"); });
    caller->monitor(spawner);
    caf::anon_send_exit(spawner, caf::exit_reason::user_shutdown);
    caller->receive([](const caf::down_msg&) {}, caf::after(stop_max) >> [] {});
  }
  directory_->close();
}

void actor_toolkit::cut() {
  cut_ = true;
  caf::actor spawner;
  {
    const std::lock_guard lock(mutex_);
    spawner = std::exchange(spawner_, nullptr);
  }
  spawns_->leaves = true;
  singletons_->cut();
  registry_->close();
  topics_->close();
  grains_->cut();
  if (spawner) caf::anon_send_exit(spawner, caf::exit_reason::kill);
  directory_->close();
}

void actor_toolkit::register_metrics(metrics& m) {
  dead_letters::register_metrics(m, directory_->letters());
  registry_->register_metrics(m);
  topics_->register_metrics(m);
  delivery_->register_metrics(m);
  singletons_->register_metrics(m);
  grains_->register_metrics(m);
  spawner_state::register_metrics(m, spawns_);
}

// ---- spawning ----

expected<std::vector<candidate>> actor_toolkit::candidates(const where& at) {
  const auto view = with_.board.read();
  const auto far = at.how == where::pick::nearest ? far_->read() : distances{};
  const std::lock_guard lock(mutex_);
  return choose(*view, at, far, rng_);
}

error actor_toolkit::refused(const std::string& type, error why) {
  ++spawns_->unplaced;
  spawns_->log_refusal(with_.log, type, why);
  return why;
}

void actor_toolkit::begin(std::string type, caf::message arguments, std::vector<candidate> members, bool by_load,
                          spawn_callback done, duration deadline) {
  caf::actor spawner;
  {
    const std::lock_guard lock(mutex_);
    spawner = spawner_;
  }
  if (!spawner) return done(tl::unexpected<error>(refused(type, {errc::unavailable, "the node stops"})));
  auto call = std::make_shared<spawn_call>();
  call->type = std::move(type);
  call->arguments = std::move(arguments);
  call->candidates = std::move(members);
  call->by_load = by_load;
  call->deadline = clock_now() + deadline;
  call->done = std::move(done);
  caf::anon_send(spawner, std::move(call));
}

void actor_toolkit::spawn(std::string type, caf::message arguments, where at, spawn_callback done, duration deadline) {
  if (at.how == where::pick::all)
    return done(fail(errc::invalid_argument, "one actor is spawned at one place: spawn_all"));
  auto members = candidates(at);
  if (!members) return done(tl::unexpected<error>(refused(type, std::move(members.error()))));
  begin(std::move(type), std::move(arguments), std::move(*members), at.how == where::pick::least_loaded,
        std::move(done), deadline);
}

expected<caf::actor> actor_toolkit::spawn(std::string type, caf::message arguments, where at, duration deadline) {
  const auto promise = std::make_shared<std::promise<expected<caf::actor>>>();
  auto result = promise->get_future();
  spawn(
      std::move(type), std::move(arguments), std::move(at),
      [promise](expected<caf::actor> r) { promise->set_value(std::move(r)); }, deadline);
  if (result.wait_for(deadline + answer_grace) != std::future_status::ready)
    return fail(errc::outcome_unknown, "the node did not answer in time");
  return result.get();
}

void actor_toolkit::spawn_all(std::string type, caf::message arguments, where at, spawn_all_callback done,
                              duration deadline) {
  at.how = where::pick::all;
  const auto members = candidates(at);
  if (!members) return done({});
  struct gathered {
    std::mutex mutex;
    std::vector<spawned_actor> rows;
    std::size_t open = 0;
    spawn_all_callback done;
  };
  const auto all = std::make_shared<gathered>();
  for (const auto& m : *members) all->rows.push_back({m.name, fail(errc::outcome_unknown)});
  all->open = members->size();
  all->done = std::move(done);
  for (std::size_t i = 0; i < members->size(); ++i) {
    begin(
        type, arguments, {(*members)[i]}, false,
        [all, i](expected<caf::actor> r) {
          {
            const std::lock_guard lock(all->mutex);
            all->rows[i].actor = std::move(r);
            if (--all->open > 0) return;
          }
          all->done(std::move(all->rows));
        },
        deadline);
  }
}

std::vector<spawned_actor> actor_toolkit::spawn_all(std::string type, caf::message arguments, where at,
                                                    duration deadline) {
  const auto promise = std::make_shared<std::promise<std::vector<spawned_actor>>>();
  auto result = promise->get_future();
  spawn_all(
      std::move(type), std::move(arguments), std::move(at),
      [promise](std::vector<spawned_actor> r) { promise->set_value(std::move(r)); }, deadline);
  if (result.wait_for(deadline + answer_grace) != std::future_status::ready) return {};
  return result.get();
}

// ---- names ----

expected<caf::actor> actor_toolkit::singleton(const std::string& name, singleton_factory make,
                                              const singleton_options& o) {
  return singletons_->declare(name, std::move(make), o);
}

expected<void> actor_toolkit::publish(const std::string& name, const caf::actor& actor) {
  return directory_->publish(name, actor);
}

expected<caf::actor> actor_toolkit::find(const std::string& member, const std::string& name) {
  auto members = candidates(where::on(member));
  if (!members) return tl::unexpected<error>(members.error());
  return directory_->find({members->front().address, members->front().id}, name);
}

}  // namespace troupe
