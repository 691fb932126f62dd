// A whole cluster inside one process, for tests and for a first look: real nodes, real sockets on
// loopback, free ports, data in a temporary directory that goes with the object.
//
//   auto cluster = troupe::local_cluster::start({.nodes = 3});
//   cluster->at(0).open_cache()->put("k", "v");
//   cluster->kill(0);
//   cluster->wait_until([](auto& c) { return c.at(1).view()->leader_now.has_value(); });
//
// Not thread-safe: one thread drives it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <troupe/config.hpp>
#include <troupe/error.hpp>
#include <troupe/node.hpp>
#include <troupe/time.hpp>

namespace troupe {

struct local_cluster_options {
  std::size_t nodes = 3;
  std::vector<std::string> services{"http", "resp", "cache"};
  std::string gossip_profile = "fast";
  std::string log_level = "error";
  /// May change the configuration of node `index` before each of its starts.
  std::function<void(config&, std::size_t index)> adjust;
  /// May say what node `index` brings along, e.g. actors, before each of its starts.
  std::function<void(node_options&, std::size_t index)> equip{};
};

class local_cluster {
 public:
  static constexpr duration start_max = std::chrono::seconds(20);

  /// Starts all nodes and waits until each is ready and sees all others. errc::deadline_exceeded with what
  /// is missing, otherwise as node::start.
  [[nodiscard]] static expected<local_cluster> start(local_cluster_options options = {});

  local_cluster(local_cluster&&) noexcept;
  local_cluster& operator=(local_cluster&&) noexcept;
  ~local_cluster();

  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] bool running(std::size_t index) const;
  /// A running node; asking for another is a programmer's error.
  [[nodiscard]] node& at(std::size_t index);

  /// Ends the node without a word to the others, as kill -9 would. Its data directory stays.
  void kill(std::size_t index);
  /// Starts a node that does not run, on its former addresses and data directory.
  expected<void> restart(std::size_t index);
  /// Lets the node depart gracefully.
  expected<void> leave(std::size_t index);

  /// The node stands still, as under SIGSTOP, until resumed: the others hear nothing, the kernel buffers for it.
  void pause(std::size_t index);
  void resume(std::size_t index);
  [[nodiscard]] bool paused(std::size_t index) const;

  /// The nodes of `group` and all others hear nothing of each other: packets vanish, connections go silent
  /// without being closed, dials find nobody. Cuts add up until heal().
  void partition(const std::vector<std::size_t>& group);
  /// `to` hears nothing of `from`.
  void cut(std::size_t from, std::size_t to);
  void heal();

  /// Asks `holds` again and again until it says true; false when the deadline passed.
  [[nodiscard]] bool wait_until(const std::function<bool(local_cluster&)>& holds, duration deadline = start_max);
  /// Every running node is ready, knows the same leader and sees exactly the running nodes alive. Here and
  /// below a paused node does not count as running.
  [[nodiscard]] bool converged();
  /// Index of the node that all running ones call leader; size() when they do not agree.
  [[nodiscard]] std::size_t leader();

 private:
  class state;
  [[nodiscard]] bool goes(std::size_t index) const { return running(index) && !paused(index); }
  explicit local_cluster(std::unique_ptr<state> s);
  [[nodiscard]] expected<void> start_node(std::size_t index);
  std::unique_ptr<state> state_;
};

}  // namespace troupe
