// The public face of a node: everything is done by the runner.
#include <troupe/node.hpp>

#include "node/runner.hpp"

namespace troupe {

expected<node> node::start(config c) {
  auto r = runner::start(std::move(c));
  if (!r) return tl::unexpected(std::move(r.error()));
  return node(std::move(*r));
}

expected<node> node::start(config c, std::shared_ptr<leader_store> store) {
  return start(std::move(c), node_options{std::move(store), {}, {}});
}

expected<node> node::start(config c, node_options options) {
  auto r = runner::start(std::move(c), nullptr, std::move(options));
  if (!r) return tl::unexpected(std::move(r.error()));
  return node(std::move(*r));
}

node::node(std::unique_ptr<runner> r) : runner_(std::move(r)) {}
node::node(node&&) noexcept = default;
node& node::operator=(node&&) noexcept = default;
node::~node() = default;

expected<void> node::wait_ready(duration deadline) { return runner_->wait_ready(deadline); }
expected<cache> node::open_cache(const std::string& name) { return runner_->open_cache(name); }

expected<database> node::open_database(const std::string& name, std::vector<migration> migrations) {
  return runner_->open_database(name, std::move(migrations));
}
expected<journal> node::open_journal(const std::string& name, std::vector<migration> migrations,
                                     const journal_options& o) {
  return runner_->open_journal(name, std::move(migrations), o);
}
expected<void> node::set_loader(const std::string& name, cache_loader load, const loader_options& options) {
  return runner_->set_loader(name, std::move(load), options);
}
cluster_actors& node::actors() { return runner_->actors(); }
std::shared_ptr<const cluster_view> node::view() const { return runner_->view(); }
node_addresses node::addresses() const { return runner_->addresses(); }
const config& node::settings() const { return runner_->settings(); }
void node::on_event(event_callback f) { runner_->on_event(std::move(f)); }
expected<void> node::leave() { return runner_->leave(); }
void node::stop() { runner_->stop(); }
bool node::leave_requested() const { return runner_->leave_requested(); }

}  // namespace troupe
