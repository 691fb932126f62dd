#include "runtime/membership/settings.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace troupe::membership {

namespace {

settings wan() {
  settings s;
  s.probe_interval = 5s;
  s.probe_timeout = 3s;
  s.suspicion_mult = 6;
  s.gossip_interval = 500ms;
  s.gossip_nodes = 4;
  s.push_pull_interval = 60s;
  s.reconnect_interval = 15s;
  s.closed_link_timeout = 1500ms;
  s.closed_link_suspicion = 3s;
  s.leave_timeout = 5s;
  return s;
}

settings local() {
  settings s;
  s.probe_timeout = 200ms;
  s.indirect_probes = 1;
  s.suspicion_mult = 3;
  s.retransmit_mult = 2;
  s.gossip_interval = 100ms;
  s.push_pull_interval = 15s;
  s.closed_link_timeout = 150ms;
  s.closed_link_suspicion = 250ms;
  return s;
}

settings fast() {
  settings s;
  s.probe_interval = 200ms;
  s.probe_timeout = 100ms;
  s.suspicion_mult = 3;
  s.suspicion_max_mult = 4;
  s.gossip_interval = 50ms;
  s.push_pull_interval = 10s;
  s.reconnect_interval = 2s;
  s.closed_link_timeout = 100ms;
  s.closed_link_suspicion = 150ms;
  s.join_retry_min = 50ms;
  s.leave_timeout = 1s;
  return s;
}

template <class Value>
void take(Value& into, const Value& given) {
  if (given != Value{}) into = given;
}

}  // namespace

expected<settings> profile(std::string_view name) {
  if (name == "lan") return settings{};
  if (name == "wan") return wan();
  if (name == "local") return local();
  if (name == "fast") return fast();
  return fail(errc::not_found, "no gossip profile '" + std::string(name) + "' (lan, wan, local, fast)");
}

expected<settings> settings_of(const gossip_config& c) {
  auto s = profile(c.profile);
  if (!s) return s;
  take(s->probe_interval, c.probe_interval);
  take(s->probe_timeout, c.probe_timeout);
  take(s->gossip_interval, c.gossip_interval);
  take(s->push_pull_interval, c.push_pull_interval);
  take(s->indirect_probes, c.indirect_probes);
  take(s->suspicion_mult, c.suspicion_mult);
  take(s->retransmit_mult, c.retransmit_mult);
  s->probe_timeout = std::min(s->probe_timeout, s->probe_interval);
  return s;
}

duration suspicion_min(const settings& s, std::size_t members) noexcept {
  const double scale = std::max(1.0, std::log10(std::max<double>(1.0, static_cast<double>(members))));
  return duration(static_cast<duration::rep>(s.suspicion_mult * scale * static_cast<double>(s.probe_interval.count())));
}

std::uint32_t retransmit_limit(const settings& s, std::size_t members) noexcept {
  return s.retransmit_mult * static_cast<std::uint32_t>(std::ceil(std::log10(static_cast<double>(members) + 1.0)));
}

duration push_pull_interval(const settings& s, std::size_t members) noexcept {
  constexpr std::size_t unscaled_max = 32;
  if (members <= unscaled_max) return s.push_pull_interval;
  const double doublings = std::ceil(std::log2(static_cast<double>(members) / unscaled_max));
  return s.push_pull_interval * static_cast<int>(doublings + 1);
}

}  // namespace troupe::membership
