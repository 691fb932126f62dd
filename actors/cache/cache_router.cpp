#include "actors/cache/cache_router.hpp"

#include <optional>
#include <utility>

#include "actors/cache/local_copy_link.hpp"

namespace troupe {

namespace {

/// The route of a command that is done by this node; no PID.
constexpr std::uint64_t here = ~std::uint64_t{0};

/// What the words of a run may take beyond the limit of values: they cross in one message.
constexpr std::uint64_t run_words_beside_max = 512 * 1024;

// A value written without a ttl gets that of its cache.
cache_command with_default_ttl(cache_command c, const named_cache_config& settings) noexcept {
  if (c.op == cache_op::put && c.ttl == duration::zero()) c.ttl = settings.ttl;
  return c;
}

std::string_view reason_of(errc refusal) noexcept {
  if (refusal == errc::too_large) return "the key or the value is beyond its limit";
  if (refusal == errc::not_implemented) return "a cache that a database backs holds plain values only";
  return "no such cache";
}

}  // namespace

cache_router::cache_router(shard_host& host, const cache_catalogue& caches, std::uint64_t value_max, clock now,
                           parked_commands::limits parked)
    : host_(host),
      caches_(caches),
      value_max_(value_max),
      now_(std::move(now)),
      parked_(
          host.shards(), parked, [this](std::uint32_t shard) { return route_of(shard); },
          [this](const parked_commands::command_ptr& c, std::uint64_t route) { run(c, route); }) {}

errc cache_router::refuse(const cache_command& command, const cache_catalogue::declared_cache* cache) const noexcept {
  if (cache == nullptr) return errc::invalid_argument;
  // A run's words hold keys and options beside a value.
  const auto value_max = command.op == cache_op::run ? value_max_ + run_words_beside_max : value_max_;
  if (command.key.size() > key_bytes_max || command.value.size() > value_max) return errc::too_large;
  if (command.op == cache_op::run && cache->settings.backed) return errc::not_implemented;
  return errc::ok;
}

bool cache_router::try_now(const cache_command& command, time_point now, visitor visit) {
  const auto* cache = caches_.get(command.cache);
  if (const errc refusal = refuse(command, cache); refusal != errc::ok) {
    cache_reply r;
    r.code = refusal;
    visit(r);
    return true;
  }
  if (cache->settings.backed) return host_.execute_if_present(command, now, visit);
  const bool stale = cache->settings.consistency == "stale";
  if (cache->everywhere && is_plain_read(command) && find_local(command, now, visit)) return true;
  if (auto* near = near_of(command); near != nullptr && command.op == cache_op::get) {
    const auto owner = host_.owner_of(host_.shard_of_key(command.key));
    if (owner != 0 && owner != host_.my_pid() && near->find(command, owner, host_.topology_version(), now, visit))
      return true;
  }
  if (loader_of(command) != nullptr)
    return host_.execute_settled(command, now, visit) || (stale && host_.execute_stale(command, now, visit, true));
  if (host_.execute(with_default_ttl(command, cache->settings), now, visit)) return true;
  return stale && host_.execute_stale(command, now, visit);
}

// By this node's copy of a cache that every node has. What is not there may have to be loaded.
bool cache_router::find_local(const cache_command& command, time_point now, visitor visit) const {
  auto* local = local_.load(std::memory_order_acquire);
  if (local == nullptr || host_.owner_of(host_.shard_of_key(command.key)) == host_.my_pid()) return false;
  return local->find(command, host_.topology_version(), now, visit, loader_of(command) != nullptr);
}

// The command's cache when it may go on; otherwise it has been answered.
const cache_catalogue::declared_cache* cache_router::check(const cache_command& command, time_point deadline,
                                                           const reply_callback& done) const {
  const auto* cache = caches_.get(command.cache);
  if (const errc refusal = refuse(command, cache); refusal != errc::ok) {
    done(owned_reply::failed(refusal, std::string(reason_of(refusal))));
    return nullptr;
  }
  if (deadline > now_()) return cache;
  done(owned_reply::failed(errc::deadline_exceeded));
  return nullptr;
}

// Takes `done` and returns true when this node is the one that does it.
bool cache_router::do_here(const cache_command& command, const cache_catalogue::declared_cache& cache,
                           time_point deadline, reply_callback& done, bool forwarded) {
  auto complete = with_default_ttl(command, cache.settings);
  complete.awaits = complete.awaits || !forwarded;
  if (auto* loaders = loader_of(complete)) return loaders->get(complete, now_(), deadline, done);
  if (!cache.settings.backed) return host_.submit(complete, now_(), deadline, done);
  if (!host_.is_primary(host_.shard_of_key(command.key))) return false;
  if (auto* backing = backing_.load(std::memory_order_acquire))
    backing->submit(complete, deadline, std::move(done));
  else
    done(owned_reply::failed(errc::unavailable, "service db is off"));
  return true;
}

void cache_router::submit(const cache_command& command, time_point deadline, reply_callback done) {
  const auto* cache = check(command, deadline, done);
  if (cache == nullptr) return;
  const auto shard = host_.shard_of_key(command.key);
  const bool alone = forwarder_.load(std::memory_order_acquire) == nullptr;
  // A read that waits for copies is asked again elsewhere when the shard moves meanwhile: by way of what may park.
  const bool reads = !is_write(command);
  const bool direct = alone || !reads || cache->settings.backed;
  if (direct && parked_.idle(shard) && do_here(command, *cache, deadline, done)) return;
  if (alone) {
    const bool owned = host_.owner_of(shard) != 0;
    return done(owned_reply::failed(errc::unavailable,
                                    owned ? "this node may not serve the shard now" : "the shard has no primary"));
  }
  parked_.submit(std::make_shared<pending_command>(
      forwarded_command{owned_command(command), cache->name, deadline, false}, std::move(done), shard));
}

void cache_router::wait(const cache_command& command, time_point until, reply_callback done) {
  const auto* cache = check(command, until + wait_grace, done);
  if (cache == nullptr || host_.wait(command, now_(), until, done)) return;
  const auto owner = host_.owner_of(host_.shard_of_key(command.key));
  auto* way = forwarder_.load(std::memory_order_acquire);
  if (owner == 0 || owner == host_.my_pid() || way == nullptr)
    return done(owned_reply::failed(errc::unavailable, "the shard has no primary"));
  way->forward(owner,
               std::make_shared<forwarded_command>(
                   forwarded_command{owned_command(command), cache->name, until + wait_grace, false}),
               std::move(done));
}

void cache_router::submit_forwarded(const cache_command& command, time_point deadline, reply_callback done) {
  const auto* cache = check(command, deadline, done);
  if (cache == nullptr) return;
  const bool waits = command.op == cache_op::run && is_wait(command.procedure);
  if (waits && host_.wait(command, now_(), deadline - wait_grace, done)) return;
  if (!waits && do_here(command, *cache, deadline, done, true)) return;
  done(owned_reply::failed(errc::not_owner));
}

std::uint64_t cache_router::route_of(std::uint32_t shard) const noexcept {
  return host_.is_primary(shard) ? here : host_.owner_of(shard);
}

void cache_router::run(const parked_commands::command_ptr& command, std::uint64_t route) {
  const auto refuse_with = [&](errc code, const char* why) {
    parked_.finished(command, owned_reply::failed(code, why));
  };
  if (command->deadline <= now_()) return refuse_with(errc::deadline_exceeded, "");
  reply_callback done = [this, command](owned_reply reply) { parked_.finished(command, std::move(reply)); };
  if (route == here) {
    const auto borrowed = command->command.borrow();
    if (do_here(borrowed, *caches_.get(borrowed.cache), command->deadline, done)) return;
    return refuse_with(errc::not_owner, "this node may not serve the shard now");
  }
  if (route == 0) return refuse_with(errc::not_owner, "the shard has no primary");
  forward(route, command);
}

void cache_router::forward(std::uint64_t route, const parked_commands::command_ptr& command) {
  auto* way = forwarder_.load(std::memory_order_acquire);
  if (way == nullptr)
    return parked_.finished(command, owned_reply::failed(errc::unavailable, "the shard is on another node"));
  auto* near = near_of(command->command.command);
  const auto read = near == nullptr ? 0 : near->begin(command->command, route, host_.topology_version());
  auto* local = local_.load(std::memory_order_acquire);
  if (local != nullptr && !local->keeps(command->command.command.cache)) local = nullptr;
  const auto left =
      local == nullptr ? nullptr : std::make_shared<local_copy_link::left>(local->begin(command->command.borrow()));
  way->forward(route, command, [this, command, route, near, read, local, left](owned_reply reply) {
    if (local != nullptr) local->end(command->command.command.cache, *left, reply);
    if (near != nullptr) near->end(command->command, read, reply, command->told);
    const bool loading = reply.code == errc::not_found && reply.stale;
    auto& asked = command->command.command;
    if (asked.awaits && reply.code == errc::peer_lost && command->deadline <= now_()) {
      reply.code = errc::deadline_exceeded;
      reply.context = "the loader did not answer in time";
    }
    if (!loading || asked.awaits) return parked_.finished(command, std::move(reply));
    asked.awaits = true;  // once more, alone: nothing else is to wait with it
    forward(route, command);
  });
}

expected<std::shared_ptr<change_queue>> cache_router::subscribe(std::string_view cache, const change_options& options) {
  auto* changes = changes_.load(std::memory_order_acquire);
  if (changes == nullptr) return fail(errc::unavailable, "the node starts, or stops");
  const auto id = find(cache);
  if (!id) return fail(errc::not_found, "no cache " + std::string(cache) + " is declared");
  return changes->subscribe(*id, options);
}

// A table is copied to be read, so it is read only when owners have changed.
stamp cache_router::table_stamp() const {
  const auto version = host_.topology_version();
  const std::lock_guard lock(stamp_mutex_);
  if (stamp_topology_ != version) {
    stamp_ = host_.table().stamp;
    stamp_topology_ = version;
  }
  return stamp_;
}

void cache_router::register_metrics(metrics& m) const {
  m.read_gauge("troupe_cache_parked_count", "Commands that wait for their shard's owner", {},
               [this] { return static_cast<double>(parked_.count()); });
  m.read_gauge("troupe_cache_waiting_clients", "Clients of any node that wait for keys of this one", {},
               [this] { return static_cast<double>(host_.measure().waiting); });
  m.read_counter("troupe_cache_parked_refused_total", "Commands refused because too many wait", {},
                 [this] { return static_cast<double>(parked_.refused()); });
}

}  // namespace troupe
