#include <troupe/local_cluster.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <thread>

#include "runtime/base/check.hpp"

namespace troupe {

namespace {

constexpr auto ask_again = std::chrono::milliseconds(2);

std::string name_of_node(std::size_t index) { return "n" + std::to_string(index + 1); }

expected<std::string> make_home() {
  std::string pattern = (std::filesystem::temp_directory_path() / "troupe-local-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) return fail(errc::storage_failed, pattern + " cannot be made");
  return pattern;
}

std::size_t count_alive(const cluster_view& view) {
  return static_cast<std::size_t>(std::count_if(view.members.begin(), view.members.end(),
                                                [](const member& m) { return m.state == member_state::alive; }));
}

}  // namespace

class local_cluster::state {
 public:
  state(local_cluster_options o, std::string h)
      : options(std::move(o)), home(std::move(h)), nodes(options.nodes), taken(options.nodes) {}
  ~state() {
    nodes.clear();
    std::error_code ignored;
    std::filesystem::remove_all(home, ignored);
  }

  // The first start takes free ports; a later one the same again.
  [[nodiscard]] config settings_of(std::size_t index) const {
    config c;
    c.node.name = name_of_node(index);
    c.node.services = options.services;
    c.node.data_dir = home + "/" + c.node.name;
    c.node.io_threads = 1;
    c.cluster.expected_members = static_cast<std::uint32_t>(options.nodes);
    c.gossip.profile = options.gossip_profile;
    c.log.level = options.log_level;
    c.http.bind = taken[index].http.empty() ? "127.0.0.1:0" : taken[index].http;
    c.resp.bind = taken[index].resp.empty() ? "127.0.0.1:0" : taken[index].resp;
    c.cluster.bind = taken[index].cluster.empty() ? "127.0.0.1:0" : taken[index].cluster;
    for (const auto& other : taken) {
      if (!other.cluster.empty()) c.cluster.seeds.push_back(other.cluster);
    }
    if (options.adjust) options.adjust(c, index);
    return c;
  }

  expected<void> start_node(std::size_t index) {
    auto started = node::start(settings_of(index));
    if (!started) return tl::unexpected(std::move(started.error()));
    nodes[index].emplace(std::move(*started));
    taken[index] = nodes[index]->addresses();
    return {};
  }

  const local_cluster_options options;
  const std::string home;
  std::vector<std::optional<node>> nodes;
  std::vector<node_addresses> taken;
};

expected<local_cluster> local_cluster::start(local_cluster_options options) {
  if (options.nodes == 0) return fail(errc::invalid_argument, "a cluster has at least one node");
  auto home = make_home();
  if (!home) return tl::unexpected(std::move(home.error()));
  local_cluster cluster(std::make_unique<state>(std::move(options), std::move(*home)));
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    if (auto done = cluster.state_->start_node(i); !done) return tl::unexpected(std::move(done.error()));
  }
  if (cluster.wait_until([](local_cluster& c) { return c.converged(); })) return cluster;
  std::string missing;
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    const auto view = cluster.at(i).view();
    missing += view->node + " sees " + std::to_string(count_alive(*view)) + " alive";
    for (const auto& reason : view->not_ready_reasons) missing += ", " + reason;
    missing += "; ";
  }
  return fail(errc::deadline_exceeded, missing);
}

local_cluster::local_cluster(std::unique_ptr<state> s) : state_(std::move(s)) {}
local_cluster::local_cluster(local_cluster&&) noexcept = default;
local_cluster& local_cluster::operator=(local_cluster&&) noexcept = default;
local_cluster::~local_cluster() = default;

std::size_t local_cluster::size() const noexcept { return state_->nodes.size(); }

bool local_cluster::running(std::size_t index) const { return state_->nodes.at(index).has_value(); }

node& local_cluster::at(std::size_t index) {
  TROUPE_CHECK(index < size() && running(index));
  return *state_->nodes[index];
}

void local_cluster::kill(std::size_t index) { state_->nodes.at(index).reset(); }

expected<void> local_cluster::restart(std::size_t index) {
  if (running(index)) return fail(errc::invalid_argument, name_of_node(index) + " is running");
  return state_->start_node(index);
}

expected<void> local_cluster::leave(std::size_t index) {
  auto left = at(index).leave();
  state_->nodes[index].reset();
  return left;
}

bool local_cluster::wait_until(const std::function<bool(local_cluster&)>& holds, duration deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!holds(*this)) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(ask_again);
  }
  return true;
}

bool local_cluster::converged() {
  std::size_t running_now = 0;
  for (std::size_t i = 0; i < size(); ++i) running_now += running(i) ? 1 : 0;
  for (std::size_t i = 0; i < size(); ++i) {
    if (!running(i)) continue;
    const auto view = at(i).view();
    if (!view->ready || count_alive(*view) != running_now) return false;
  }
  return leader() < size();
}

std::size_t local_cluster::leader() {
  std::optional<std::string> name;
  for (std::size_t i = 0; i < size(); ++i) {
    if (!running(i)) continue;
    const auto view = at(i).view();
    if (!view->leader_now || (name && *name != view->leader_now->name)) return size();
    name = view->leader_now->name;
  }
  for (std::size_t i = 0; name && i < size(); ++i) {
    if (running(i) && name_of_node(i) == *name) return i;
  }
  return size();
}

}  // namespace troupe
