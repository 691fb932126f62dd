// A node with actors in the test, and peers of it in processes of their own (peer_node.hpp).
#pragma once

#include <troupe/caf_actors.hpp>
#include <troupe/node.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <caf/scoped_actor.hpp>

#include <gtest/gtest.h>

#include "tests/process/program.hpp"

namespace troupe::test {

class actor_processes : public ::testing::Test {
 protected:
  void start_here(std::uint32_t expected_members) {
    config c;
    c.node.name = "here";
    c.node.services = {"cache"};
    c.node.data_dir = home_.path() + "/here";
    c.cluster.bind = "127.0.0.1:0";
    c.cluster.expected_members = expected_members;
    c.gossip.profile = "fast";
    c.log.level = "error";
    node_options brings;
    brings.actors.emplace();
    auto started = node::start(c, std::move(brings));
    ASSERT_TRUE(started) << describe(started.error());
    here_.emplace(std::move(*started));
  }
  /// It keeps its data directory by its name.
  [[nodiscard]] std::unique_ptr<program> make_peer(const std::string& path, const std::string& name) const {
    return std::make_unique<program>(
        path, std::vector<std::string>{name, home_.path() + "/" + name, here_->addresses().cluster},
        program::environment{}, std::string());
  }
  [[nodiscard]] cluster_actors& cluster() { return here_->actors(); }
  expected<std::string> ask(const caf::actor& a, const std::string& text) {
    caf::scoped_actor me(cluster().system());
    expected<std::string> answer = fail(errc::deadline_exceeded, "test");
    me->request(a, patience, text)
        .receive([&](const std::string& s) { answer = s; },
                 [&](const caf::error& e) { answer = tl::unexpected<error>(from_caf(e)); });
    return answer;
  }

  temporary_directory home_;
  std::optional<node> here_;
};

}  // namespace troupe::test
