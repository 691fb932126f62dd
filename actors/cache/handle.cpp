// The methods of troupe::cache on one key.
//
// A blocking call first tries to answer at once and else waits for its callback on a condition
// variable. The state it waits on is shared with the callback, which may come after it gave up.
#include <utility>

#include "actors/cache/handle_calls.hpp"
#include "actors/clock.hpp"

namespace troupe {

namespace handle_calls {

time_point read_clock() { return clock_now(); }

time_point deadline_after(duration d) {
  const auto t = read_clock();
  return d > time_point::max() - t - answer_grace ? time_point::max() - answer_grace : t + d;
}

cache_command make_get(std::string_view key) {
  cache_command c;
  c.op = cache_op::get;
  c.key = key;
  return c;
}

cache_command make_put(std::string_view key, std::string_view value, const put_options& o) {
  cache_command c;
  c.op = cache_op::put;
  c.key = key;
  c.value = value;
  c.ttl = o.ttl.value_or(duration::zero());
  c.keep_ttl = o.keep_ttl;
  c.condition = o.condition;
  c.version = o.version;
  return c;
}

cache_command make_erase(std::string_view key) {
  cache_command c;
  c.op = cache_op::erase;
  c.key = key;
  return c;
}

expected<cache_value> to_value(owned_reply r) {
  if (r.code != errc::ok) return fail(r.code, std::move(r.context));
  cache_value v{std::move(r.value), r.version, std::nullopt, r.stale};
  if (r.ttl != duration::zero()) v.ttl = r.ttl;
  return v;
}

expected<std::uint64_t> to_version(owned_reply r) {
  if (r.code != errc::ok) return fail(r.code, std::move(r.context));
  return r.version;
}

expected<bool> to_erased(owned_reply r) {
  if (r.code == errc::not_found) return false;
  if (r.code != errc::ok) return fail(r.code, std::move(r.context));
  return true;
}

owned_reply no_such_cache(const std::string& name) {
  return owned_reply::failed(errc::not_found, "no cache is named " + name);
}

}  // namespace handle_calls

namespace {

using namespace handle_calls;

owned_reply call(cache_access& access, const std::string& name, cache_command c, duration d) {
  const auto id = access.find(name);
  if (!id) return no_such_cache(name);
  c.cache = *id;
  if (d <= duration::zero()) return owned_reply::failed(errc::deadline_exceeded);
  owned_reply reply;
  const auto take = [&reply](const cache_reply& r) {
    reply.code = r.code;
    reply.version = r.version;
    reply.ttl = r.ttl;
    reply.stale = r.stale;
    reply.value.assign(r.value);
  };
  if (access.try_now(c, read_clock(), take)) return reply;
  auto answer =
      wait_for<owned_reply>([&](reply_callback done) { access.submit(c, deadline_after(d), std::move(done)); }, d);
  if (answer) return std::move(*answer);
  return owned_reply::failed(is_plain_read(c) ? errc::deadline_exceeded : errc::outcome_unknown, "no answer came");
}

void call(cache_access& access, const std::string& name, cache_command c, duration d, reply_callback done) {
  const auto id = access.find(name);
  if (!id) return done(no_such_cache(name));
  c.cache = *id;
  access.submit(c, deadline_after(d), std::move(done));
}

cache_command make_erase(std::string_view key, std::uint64_t if_version) {
  auto c = handle_calls::make_erase(key);
  c.condition = write_condition::if_version;
  c.version = if_version;
  return c;
}

}  // namespace

cache::cache(std::shared_ptr<cache_access> access, std::string name)
    : access_(std::move(access)), name_(std::move(name)) {}

expected<change_subscription> cache::subscribe(const change_options& options) {
  auto queue = access_->subscribe(name_, options);
  if (!queue) return tl::unexpected<error>(queue.error());
  return change_subscription(std::move(*queue));
}

std::uint32_t cache::shard_of(std::string_view key) const { return access_->shard_of(key); }

expected<cache_value> cache::get(std::string_view key, duration deadline) {
  return to_value(call(*access_, name_, make_get(key), deadline));
}

expected<std::uint64_t> cache::put(std::string_view key, std::string_view value, const put_options& options,
                                   duration deadline) {
  if (!is_sound(options)) return to_version(bad_ttl());
  return to_version(call(*access_, name_, make_put(key, value, options), deadline));
}

expected<bool> cache::erase(std::string_view key, duration deadline) {
  return to_erased(call(*access_, name_, make_erase(key), deadline));
}

expected<bool> cache::erase_version(std::string_view key, std::uint64_t if_version, duration deadline) {
  return to_erased(call(*access_, name_, make_erase(key, if_version), deadline));
}

void cache::get(std::string_view key, value_callback done, duration deadline) {
  call(*access_, name_, make_get(key), deadline,
       [done = std::move(done)](owned_reply r) { done(to_value(std::move(r))); });
}

void cache::put(std::string_view key, std::string_view value, const put_options& options, version_callback done,
                duration deadline) {
  if (!is_sound(options)) return done(to_version(bad_ttl()));
  call(*access_, name_, make_put(key, value, options), deadline,
       [done = std::move(done)](owned_reply r) { done(to_version(std::move(r))); });
}

void cache::erase(std::string_view key, bool_callback done, duration deadline) {
  call(*access_, name_, make_erase(key), deadline,
       [done = std::move(done)](owned_reply r) { done(to_erased(std::move(r))); });
}

void cache::erase_version(std::string_view key, std::uint64_t if_version, bool_callback done, duration deadline) {
  call(*access_, name_, make_erase(key, if_version), deadline,
       [done = std::move(done)](owned_reply r) { done(to_erased(std::move(r))); });
}

}  // namespace troupe
