// Loaders of a simulated node: what actors/cache (shard_host_loads) does for a get that finds nothing, and for the end
// of a load.
#include <string>
#include <utility>

#include "tests/sim/cluster_process.hpp"

namespace troupe::sim {

namespace {

constexpr duration load_patience = std::chrono::seconds(4);

owned_reply owned(const cache_reply& r) {
  owned_reply o;
  o.code = r.code;
  o.version = r.version;
  o.ttl = r.ttl;
  o.value.assign(r.value);
  return o;
}

}  // namespace

std::uint64_t cluster_process::load(std::uint32_t shard, const cache_command& c, time_point deadline, time_point now,
                                    reply_callback done) {
  now_ = now;
  auto& held = stores_.at(shard);
  std::uint64_t begun = 0;
  const auto r = held.replicate(c, now, channel_);
  if (r.reply.code == errc::not_found) {
    const auto a = held.loads().ask({c.cache, c.key, deadline, true, load_patience, loads_}, now, done);
    begun = a.begin;
    if (done) done(owned_reply::failed(a.what == shard_loads::outcome::none ? errc::not_found : errc::unavailable));
  } else {
    held.stream().hold(r.wait_for, owned(r.reply), false, deadline, std::move(done));
  }
  carry_out();
  return begun;
}

void cluster_process::finish_load(std::uint32_t shard, std::uint64_t load, const load_result& result, time_point now) {
  now_ = now;
  auto& held = stores_.at(shard);
  auto* loads = held.loads_so_far();
  const auto* found = loads == nullptr ? nullptr : loads->find(load);
  if (found == nullptr) return;
  const auto f = *found;
  if (!result || !*result) {
    loads->finish_failed(load, errc::unavailable, "the loader failed", now);
    return carry_out();
  }
  owned_reply reply;
  reply.value = (**result).bytes;
  std::uint64_t wait_for = 0;
  const bool serves = (this->serves(now) & shard_set{1} << shard) != 0;
  if (!serves) {
    reply = owned_reply::failed(errc::not_owner);
  } else if (f.current) {
    cache_command put;
    put.op = cache_op::put;
    put.condition = write_condition::if_absent;
    put.cache = f.cache;
    put.key = f.key;
    put.value = reply.value;
    loads->begin_store(load);
    const auto r = held.replicate(put, now, channel_);
    loads->end_store();
    if (r.reply.code == errc::ok) wait_for = r.wait_for;
  }
  for (auto& c : loads->take(load)) held.stream().hold(wait_for, reply, false, c.deadline, std::move(c.done));
  carry_out();
}

}  // namespace troupe::sim
