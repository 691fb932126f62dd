// The address that clients which know clusters are told.
#include <troupe/local_cluster.hpp>

#include <string>

#include <gtest/gtest.h>

#include "tests/resp/raw_client.hpp"

namespace troupe {
namespace {

TEST(resp_advertise, is_what_cluster_nodes_shows_with_the_doors_port_when_it_has_none) {
  local_cluster_options options;
  options.nodes = 2;
  options.services = {"resp", "cache"};
  options.adjust = [](config& c, std::size_t i) {
    c.resp.advertise = i == 0 ? "first.example:7000" : "second.example:0";
  };
  auto started = local_cluster::start(std::move(options));
  ASSERT_TRUE(started) << describe(started.error());
  const auto bound = started->at(1).addresses().resp;
  const auto second = "second.example" + bound.substr(bound.rfind(':'));
  ASSERT_TRUE(started->wait_until([](local_cluster& c) {
    for (const auto& m : c.at(0).view()->members) {
      if (!m.tags.contains("resp")) return false;
    }
    return true;
  }));
  resp::client c(started->at(0).addresses().resp);
  c.say("CLUSTER NODES\r\n");
  std::string head;
  while (!head.ends_with("\r\n")) head += c.hear(1);
  const auto nodes = c.hear(std::stoul(head.substr(1)));
  EXPECT_NE(nodes.find(" first.example:7000@"), std::string::npos) << nodes;
  EXPECT_NE(nodes.find(" " + second + "@"), std::string::npos) << nodes;
}

}  // namespace
}  // namespace troupe
