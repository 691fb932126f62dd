#include "actors/cache/cache_router.hpp"

#include <utility>

namespace troupe {

namespace {

// A value written without a ttl gets that of its cache.
cache_command with_default_ttl(cache_command c, const named_cache_config& settings) noexcept {
  if (c.op == cache_op::put && c.ttl == duration::zero()) c.ttl = settings.ttl;
  return c;
}

owned_reply copy(const cache_reply& r) {
  owned_reply o;
  o.code = r.code;
  o.version = r.version;
  o.ttl = r.ttl;
  o.value.assign(r.value);
  return o;
}

std::string_view reason_of(errc refusal) noexcept {
  return refusal == errc::too_large ? "the key or the value is beyond its limit" : "no such cache";
}

}  // namespace

cache_router::cache_router(shard_host& host, const cache_catalogue& caches, std::uint64_t value_max, clock now)
    : host_(host), caches_(caches), value_max_(value_max), now_(std::move(now)) {}

errc cache_router::refuse(const cache_command& command, const cache_catalogue::declared_cache* cache) const noexcept {
  if (cache == nullptr) return errc::invalid_argument;
  if (command.key.size() > key_bytes_max || command.value.size() > value_max_) return errc::too_large;
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
  return host_.execute(with_default_ttl(command, cache->settings), now, visit);
}

void cache_router::submit(const cache_command& command, time_point deadline, reply_callback done) {
  submit_checked(command, deadline, std::move(done), true);
}

void cache_router::submit_forwarded(const cache_command& command, time_point deadline, reply_callback done) {
  submit_checked(command, deadline, std::move(done), false);
}

void cache_router::submit_checked(const cache_command& command, time_point deadline, reply_callback done,
                                  bool may_forward) {
  const auto* cache = caches_.get(command.cache);
  if (const errc refusal = refuse(command, cache); refusal != errc::ok)
    return done(owned_reply::failed(refusal, std::string(reason_of(refusal))));
  const auto now = now_();
  if (deadline <= now) return done(owned_reply::failed(errc::deadline_exceeded));

  const auto complete = with_default_ttl(command, cache->settings);
  if (!cache->settings.backed) {
    owned_reply reply;
    if (host_.execute(complete, now, [&reply](const cache_reply& r) { reply = copy(r); }))
      return done(std::move(reply));
  } else if (host_.is_primary(host_.shard_of_key(command.key))) {
    auto* backing = backing_.load(std::memory_order_acquire);
    if (backing == nullptr) return done(owned_reply::failed(errc::unavailable, "service db is off"));
    return backing->submit(complete, deadline, std::move(done));
  }
  if (!may_forward) return done(owned_reply::failed(errc::not_owner));
  forward(command, cache->name, deadline, std::move(done));
}

void cache_router::forward(const cache_command& command, std::string_view cache_name, time_point deadline,
                           reply_callback done) {
  const std::uint32_t shard = host_.shard_of_key(command.key);
  // It was not ours a moment ago: the table has just changed.
  if (host_.is_primary(shard)) return done(owned_reply::failed(errc::unavailable, "the shard is moving"));
  const std::uint64_t owner = host_.owner_of(shard);
  if (owner == 0) return done(owned_reply::failed(errc::unavailable, "the shard has no primary"));
  auto* way = forwarder_.load(std::memory_order_acquire);
  if (way == nullptr) return done(owned_reply::failed(errc::unavailable, "the shard is on another node"));
  way->forward(owner, command, cache_name, deadline, std::move(done));
}

}  // namespace troupe
