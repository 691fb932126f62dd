#include "actors/cache/cache_loaders.hpp"

#include <exception>
#include <utility>

#include "actors/clock.hpp"

namespace troupe {

cache_loaders::cache_loaders(shard_host& host, const cache_catalogue& caches, std::uint64_t value_max)
    : host_(host), caches_(caches), value_max_(value_max), rows_(caches.all().size()) {}

expected<void> cache_loaders::set(std::string_view cache, cache_loader f, const loader_options& o) {
  const auto id = caches_.find(cache);
  if (!id) return fail(errc::not_found, "no cache " + std::string(cache) + " is declared");
  const auto& settings = caches_.get(*id)->settings;
  if (settings.backed)
    return fail(errc::invalid_argument, "the cache " + std::string(cache) + " is backed: the database loads it");
  if (!f || o.threads == 0 || o.threads > threads_max || o.running_max == 0 || o.deadline <= duration::zero())
    return fail(errc::invalid_argument, "a loader needs a function, 1 to 64 threads, a load at least, a deadline");
  const std::lock_guard lock(set_mutex_);
  if (has(*id)) return fail(errc::invalid_argument, "the cache " + std::string(cache) + " has a loader");
  all_.push_back(std::make_unique<loader>(std::move(f), o));
  all_.back()->usual_ttl = settings.ttl;
  rows_[*id].store(all_.back().get(), std::memory_order_release);
  return {};
}

bool cache_loaders::get(const cache_command& command, time_point now, time_point deadline, reply_callback& done) {
  auto& l = *rows_[command.cache].load(std::memory_order_acquire);
  std::uint64_t begun = 0;
  if (!host_.load(command, now, deadline, {l.budget, l.options.deadline}, done, begun)) return false;
  if (begun != 0) start(l, std::string(command.key), host_.shard_of_key(command.key), begun, now);
  return true;
}

void cache_loaders::start(loader& l, std::string key, std::uint32_t shard, std::uint64_t load, time_point now) {
  begun_.fetch_add(1, std::memory_order_relaxed);
  const auto deadline = now + l.options.deadline;
  const auto answered = std::make_shared<std::atomic<bool>>(false);
  load_callback done = [weak = weak_from_this(), answered, shard, load, ttl = l.usual_ttl](load_result result) {
    if (answered->exchange(true)) return;
    if (const auto self = weak.lock()) self->finish(shard, load, ttl, std::move(result));
  };
  const bool taken = l.pool.submit([&f = l.f, key = std::move(key), deadline, done](const std::atomic<bool>&) {
    try {
      f(key, deadline, done);
    } catch (const std::exception& e) {
      done(fail(errc::unavailable, std::string("the loader failed: ") + e.what()));
    } catch (...) {
      done(fail(errc::unavailable, "the loader failed"));
    }
  });
  if (!taken) done(fail(errc::unavailable, "the node stops, or too many loads wait"));
}

void cache_loaders::finish(std::uint32_t shard, std::uint64_t load, duration usual_ttl, load_result result) {
  if (result && *result) {
    auto& value = **result;
    if (!value.ttl && usual_ttl > duration::zero()) value.ttl = usual_ttl;
    if (value.bytes.size() > value_max_)
      result = fail(errc::too_large, "the loaded value is beyond cache.value_max");
    else if (value.ttl && *value.ttl <= duration::zero())
      result = fail(errc::invalid_argument, "the loaded value's ttl is not positive");
  }
  if (!result && result.error().code == errc::ok) result = fail(errc::unavailable, "the loader failed");
  if (!result) failed_.fetch_add(1, std::memory_order_relaxed);
  if (result && !*result) found_none_.fetch_add(1, std::memory_order_relaxed);
  const std::shared_lock lock(gate_);
  if (!closed_) host_.finish_load(shard, load, result, clock_now());
}

void cache_loaders::close() {
  {
    const std::unique_lock lock(gate_);
    closed_ = true;
  }
  const std::lock_guard lock(set_mutex_);
  for (auto& l : all_) l->pool.stop();
}

void cache_loaders::register_metrics(metrics& m) const {
  const auto read = [&](const char* name, const char* help, const std::atomic<std::uint64_t>& n) {
    m.read_counter(name, help, {}, [&n] { return static_cast<double>(n.load(std::memory_order_relaxed)); });
  };
  read("troupe_cache_loads_total", "Loads that began at this node", begun_);
  read("troupe_cache_loads_failed_total", "Of these, ended by an error of the loader", failed_);
  read("troupe_cache_loads_none_total", "Of these, that found no value", found_none_);
}

}  // namespace troupe
