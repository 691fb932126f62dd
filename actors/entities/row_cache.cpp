#include "actors/entities/row_cache.hpp"

#include <algorithm>
#include <string>

#include "actors/cache/cache_drop.hpp"

namespace troupe {

void row_cache::declare(config& c) {
  named_cache_config rows;
  rows.replicas = 0;
  rows.ttl = c.entities.cache_ttl;
  c.caches.insert_or_assign(std::string(name), rows);
}

cache_command row_cache::command(cache_op op, std::string_view key) const noexcept {
  cache_command c;
  c.op = op;
  c.cache = cache_;
  c.key = key;
  return c;
}

bool row_cache::read_now(std::string_view key, time_point now, function_ref<void(const cached_row&)> visit) {
  bool shown = false;
  (void)caches_.try_now(command(cache_op::get, key), now, [&](const cache_reply& reply) {
    if (reply.code != errc::ok) return;
    const auto row = read_cached_row(reply.value);
    if (!row) return;
    visit(*row);
    shown = true;
  });
  return shown;
}

void row_cache::read(std::string_view key, time_point now, time_point deadline, row_callback done) {
  if (caches_.who_holds() != shard_host::holders::some) return done(std::nullopt);
  const auto patience = std::max(deadline - now, duration::zero()) / 2;
  caches_.submit(command(cache_op::get, key), now + patience, [done = std::move(done)](const owned_reply& reply) {
    done(reply.code == errc::ok ? read_cached_row(reply.value) : std::nullopt);
  });
}

bool row_cache::is_nowhere() const {
  const auto who = caches_.who_holds();
  return who == shard_host::holders::none || (who == shard_host::holders::unknown && without_data_());
}

void row_cache::forget(std::string_view key, time_point deadline, std::function<void(bool)> done) {
  if (is_nowhere()) return done(true);
  caches_.submit(command(cache_op::erase, key), deadline, [done = std::move(done)](const owned_reply& reply) {
    done(reply.code == errc::ok || reply.code == errc::not_found);
  });
}

bool row_cache::settled(time_point now) {
  const std::lock_guard lock(mutex_);
  const auto topology = caches_.topology_version();
  if (topology != topology_ || topology_since_ == time_point::min()) {
    topology_ = topology;
    topology_since_ = now;
  }
  return now - topology_since_ >= unsettled;
}

void row_cache::on_change(std::string_view key, time_point now) {
  const auto erase = command(cache_op::erase, key);
  if (caches_.try_now(erase, now, [](const cache_reply&) {})) return;
  if (settled(now) && !caches_.is_here(key)) return;
  caches_.submit(erase, now + unsettled, [](const owned_reply&) {});
}

void row_cache::on_gap(time_point now) {
  drop_cache(caches_, cache_, now + unsettled, [](const expected<void>&) {});
}

}  // namespace troupe
