// What an embedder says and asks through a node: each a call into the cluster actor that is waited for.
#include <algorithm>
#include <utility>

#include "node/await.hpp"
#include "node/runner.hpp"

namespace troupe {

expected<std::uint64_t> node::raise_event(std::string name, std::string payload) {
  return await<std::uint64_t>(
      [&](auto done) { runner_->calls().raise_event(std::move(name), std::move(payload), std::move(done)); });
}

expected<query_result> node::ask(query q) {
  const duration limit = q.timeout + call_max;
  return await<query_result>([&](auto done) { runner_->calls().ask(std::move(q), std::move(done)); }, limit);
}

void node::on_query(query_handler h) { runner_->handlers().add(std::move(h)); }

expected<std::map<std::string, std::string>> node::change_tags(std::map<std::string, std::string> set,
                                                               std::vector<std::string> erase) {
  return await<cluster_calls::tags>([&](auto done) {
    runner_->calls().change_tags({std::move(set), std::move(erase)}, std::move(done));
  });
}

expected<std::string> node::hand_over_lead(std::string to) {
  auto done = await<cluster_calls::handed_over>(
      [&](auto answer) { runner_->calls().transfer(std::move(to), std::move(answer)); });
  if (!done) return tl::unexpected(std::move(done.error()));
  return std::move(done->name);
}

expected<fenced> node::fencing_token() const {
  const auto& lease = runner_->calls().lease();
  const auto term = lease->term();
  if (!term) return fail(errc::unavailable, "this node does not lead");
  return fenced(*term, runner_->view()->id, lease);
}

expected<held_lock> node::lock(lock_request request) {
  const duration limit = std::min(std::max(request.wait, duration::zero()), lock_wait_max) + call_max;
  auto held = await<lock_calls::hold>(
      [&](auto done) { runner_->calls().locks().lock(std::move(request), std::move(done)); }, limit);
  if (!held) return tl::unexpected(std::move(held.error()));
  return held_lock(std::move(*held));
}

expected<void> node::lead(std::string role, role_callback f, duration ttl) {
  return await<void>(
      [&](auto done) { runner_->calls().locks().campaign(std::move(role), ttl, std::move(f), std::move(done)); });
}

expected<void> node::resign_role(std::string role) {
  return await<void>([&](auto done) { runner_->calls().locks().resign(std::move(role), std::move(done)); });
}

expected<duration> node::round_trip(std::string a, std::string b) const {
  return await<duration>([&](auto done) { runner_->calls().round_trip(std::move(a), std::move(b), std::move(done)); });
}

}  // namespace troupe
