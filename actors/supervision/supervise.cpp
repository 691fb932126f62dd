#include <troupe/caf_supervision.hpp>

#include <set>
#include <utility>

#include <caf/send.hpp>

#include "actors/supervision/supervisor_actor.hpp"

namespace troupe {
namespace {

expected<void> check(const supervisor_options& o, const std::vector<supervised_child>& children) {
  const bool waits = o.wait_first > duration::zero() && o.wait_most >= o.wait_first && o.stop_max > duration::zero() &&
                     o.restarts_within > duration::zero() && o.stable_after >= duration::zero();
  if (!waits)
    return fail(errc::invalid_argument, "a supervisor's times must be above zero, wait_most not below wait_first");
  std::set<std::string> names;
  for (const auto& c : children) {
    if (!c.spawn) return fail(errc::invalid_argument, "child '" + c.name + "' has no spawn function");
    if (!names.insert(c.name).second)
      return fail(errc::invalid_argument, "two children have the name '" + c.name + "'");
  }
  return {};
}

}  // namespace

expected<caf::actor> supervise(caf::actor_system& system, const supervisor_options& options,
                               std::vector<supervised_child> children, supervision_callback report) {
  if (auto sound = check(options, children); !sound) return tl::unexpected(std::move(sound.error()));
  // Supervisors of one system draw their waits from different rows.
  const auto seed = static_cast<std::uint64_t>(system.clock().now().time_since_epoch().count());
  auto supervisor = system.spawn<supervisor_actor>(options, std::move(children), std::move(report), seed);
  caf::anon_send(supervisor, start_atom::value);
  return supervisor;
}

void stop_supervised(const caf::actor& supervisor) { caf::anon_send(supervisor, stop_atom::value); }

}  // namespace troupe
