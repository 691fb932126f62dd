// The methods of troupe::cache, the handle that applications hold.
//
// A blocking call first tries to answer at once and else waits for its callback on a condition
// variable. The state it waits on is shared with the callback, which may come after it gave up.
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <troupe/cache.hpp>

#include "runtime/cache/cache_access.hpp"

namespace troupe {

namespace {

/// How long past its deadline an answer is waited for: the node answers at the deadline itself.
constexpr duration answer_grace = std::chrono::milliseconds(250);

time_point now() { return time_point(std::chrono::steady_clock::now()); }

time_point deadline_after(duration d) {
  const auto t = now();
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
  cache_value v{std::move(r.value), r.version, std::nullopt};
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

/// A ttl that is given must be positive: zero means none inside.
bool is_sound(const put_options& o) { return !o.ttl || *o.ttl > duration::zero(); }

owned_reply bad_ttl() { return owned_reply::failed(errc::invalid_argument, "a ttl must be positive"); }

struct answer {
  std::mutex mutex;
  std::condition_variable arrived;
  std::optional<owned_reply> reply;
};

owned_reply submit_and_wait(cache_access& access, const cache_command& c, time_point deadline) {
  auto waiting = std::make_shared<answer>();
  access.submit(c, deadline, [waiting](owned_reply r) {
    const std::lock_guard lock(waiting->mutex);
    waiting->reply = std::move(r);
    waiting->arrived.notify_one();
  });
  std::unique_lock lock(waiting->mutex);
  const bool answered =
      waiting->arrived.wait_until(lock, deadline + answer_grace, [&] { return waiting->reply.has_value(); });
  if (answered) return std::move(*waiting->reply);
  const bool reads = is_plain_read(c);
  return owned_reply::failed(reads ? errc::deadline_exceeded : errc::outcome_unknown, "no answer came");
}

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
    reply.value.assign(r.value);
  };
  if (access.try_now(c, now(), take)) return reply;
  return submit_and_wait(access, c, deadline_after(d));
}

void call(cache_access& access, const std::string& name, cache_command c, duration d, reply_callback done) {
  const auto id = access.find(name);
  if (!id) return done(no_such_cache(name));
  c.cache = *id;
  access.submit(c, deadline_after(d), std::move(done));
}

}  // namespace

cache::cache(std::shared_ptr<cache_access> access, std::string name)
    : access_(std::move(access)), name_(std::move(name)) {}

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

}  // namespace troupe
