#include <troupe/local_cluster.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "node/runner.hpp"
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
      : options(std::move(o)), home(std::move(h)), nodes(options.nodes), taken(options.nodes) {
    for (std::size_t i = 0; i < options.nodes; ++i) faults.push_back(std::make_shared<network_faults>());
  }
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

  [[nodiscard]] network_faults::silence silence_of(std::size_t index) const {
    network_faults::silence s;
    for (const auto& [from, to] : cuts) {
      if (to == index) s.in.insert(taken[from].cluster);
      if (from == index) s.out.insert(taken[to].cluster);
    }
    return s;
  }

  void apply_cuts() {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i]) faults[i]->set(silence_of(i));
    }
  }

  const local_cluster_options options;
  const std::string home;
  std::vector<std::optional<node>> nodes;
  std::vector<node_addresses> taken;
  std::vector<std::shared_ptr<network_faults>> faults;  // of each node, whether it runs or not
  std::set<std::pair<std::size_t, std::size_t>> cuts;   // from, to
};

expected<void> local_cluster::start_node(std::size_t index) {
  auto& s = *state_;
  s.faults[index]->set(s.silence_of(index));
  node_options brings;
  if (s.options.equip) s.options.equip(brings, index);
  auto started = node::runner::start(s.settings_of(index), s.faults[index], std::move(brings));
  if (!started) return tl::unexpected(std::move(started.error()));
  s.nodes[index].emplace(node(std::move(*started)));
  s.taken[index] = s.nodes[index]->addresses();
  return {};
}

expected<local_cluster> local_cluster::start(local_cluster_options options) {
  if (options.nodes == 0) return fail(errc::invalid_argument, "a cluster has at least one node");
  auto home = make_home();
  if (!home) return tl::unexpected(std::move(home.error()));
  local_cluster cluster(std::make_unique<state>(std::move(options), std::move(*home)));
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    if (auto done = cluster.start_node(i); !done) return tl::unexpected(std::move(done.error()));
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

// Off the network first: what runs on while it is taken down is heard by nobody.
void local_cluster::kill(std::size_t index) {
  auto& there = state_->nodes.at(index);
  state_->faults[index]->set({.of_all = true, .in = {}, .out = {}});
  there.reset();
}

void local_cluster::pause(std::size_t index) { at(index).runner_->pause(); }

void local_cluster::resume(std::size_t index) { at(index).runner_->resume(); }

bool local_cluster::paused(std::size_t index) const {
  const auto& there = state_->nodes.at(index);
  return there && there->runner_->paused();
}

void local_cluster::partition(const std::vector<std::size_t>& group) {
  const std::set<std::size_t> inside(group.begin(), group.end());
  for (const auto a : inside) {
    for (std::size_t b = 0; b < size(); ++b) {
      if (!inside.contains(b)) state_->cuts.insert({{a, b}, {b, a}});
    }
  }
  state_->apply_cuts();
}

void local_cluster::cut(std::size_t from, std::size_t to) {
  TROUPE_CHECK(from < size() && to < size());
  state_->cuts.emplace(from, to);
  state_->apply_cuts();
}

void local_cluster::heal() {
  state_->cuts.clear();
  state_->apply_cuts();
}

expected<void> local_cluster::restart(std::size_t index) {
  if (running(index)) return fail(errc::invalid_argument, name_of_node(index) + " is running");
  return start_node(index);
}

expected<void> local_cluster::leave(std::size_t index) {
  if (paused(index)) return fail(errc::invalid_argument, name_of_node(index) + " is paused");
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
  for (std::size_t i = 0; i < size(); ++i) running_now += goes(i) ? 1 : 0;
  for (std::size_t i = 0; i < size(); ++i) {
    if (!goes(i)) continue;
    const auto view = at(i).view();
    if (!view->ready || count_alive(*view) != running_now) return false;
  }
  return leader() < size();
}

std::size_t local_cluster::leader() {
  std::optional<std::string> name;
  for (std::size_t i = 0; i < size(); ++i) {
    if (!goes(i)) continue;
    const auto view = at(i).view();
    if (!view->leader_now || (name && *name != view->leader_now->name)) return size();
    name = view->leader_now->name;
  }
  for (std::size_t i = 0; name && i < size(); ++i) {
    if (goes(i) && name_of_node(i) == *name) return i;
  }
  return size();
}

}  // namespace troupe
