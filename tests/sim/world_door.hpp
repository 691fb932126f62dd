// The `outside` of one start of a process: passes on to the world under the node's number. Private to
// the world's own files.
#pragma once

#include <string>
#include <utility>

#include "tests/sim/world.hpp"

namespace troupe::sim {

class world::door final : public outside {
 public:
  door(world& w, node_index n) : world_(w), node_(n) {}
  void send(node_index to, channel how, std::string bytes) override { world_.send(node_, to, how, std::move(bytes)); }
  void write(std::string file, std::string bytes, std::function<void()> done) override {
    world_.write(node_, std::move(file), std::move(bytes), std::move(done));
  }
  const disk& files() const override { return world_.nodes_[node_].files; }
  duration time_of_day() const override { return world_.now(); }
  void trace(std::string line) override { world_.trace("node " + std::to_string(node_) + ": " + line); }

 private:
  world& world_;
  node_index node_;
};

}  // namespace troupe::sim
