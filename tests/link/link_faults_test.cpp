// Links and datagrams of a network that is cut on purpose, as local_cluster does it.
#include <boost/asio/ip/udp.hpp>

#include "actors/net/bind_address.hpp"
#include "actors/net/gossip_socket.hpp"
#include "tests/link/link_node.hpp"

namespace troupe {
namespace {

using namespace testing;
using silence = network_faults::silence;

struct cut_node {
  std::shared_ptr<network_faults> faults = std::make_shared<network_faults>();
  link_node node;

  cut_node(std::string name, std::uint64_t id, duration dial_timeout = std::chrono::seconds(3))
      : node(std::move(name), id, settings(dial_timeout)) {}

  [[nodiscard]] link_settings settings(duration dial_timeout) const {
    auto s = test_settings();
    s.faults = faults;
    s.dial_timeout = dial_timeout;
    return s;
  }
  void cut_from(const cut_node& other) {
    faults->set({.of_all = false, .in = {other.node.self.address}, .out = {other.node.self.address}});
  }
  void heal() { faults->set({}); }
};

TEST(link_faults, a_connection_goes_silent_stays_open_and_delivers_after_healing) {
  cut_node a("a", 1);
  cut_node b("b", 2);
  ASSERT_EQ(a.node.ask(b.node.target(), "before"), "before");
  a.cut_from(b);
  b.cut_from(a);
  a.node.tell(b.node, "during");
  b.node.tell(a.node, "during");
  EXPECT_EQ(
      a.node.ask(b.node.target(), "?", std::chrono::steady_clock::now() + std::chrono::milliseconds(50)).error().code,
      errc::outcome_unknown);
  EXPECT_TRUE(a.node.inbox.read().empty());
  EXPECT_TRUE(b.node.inbox.read().empty());
  EXPECT_EQ(a.node.connections(), 1u);
  a.heal();
  b.heal();
  EXPECT_TRUE(a.node.hears("b", "during"));
  EXPECT_TRUE(b.node.hears("a", "during"));
  EXPECT_TRUE(a.node.lost.read().empty());
}

TEST(link_faults, a_dial_finds_nobody_until_healed) {
  cut_node a("a", 1, std::chrono::milliseconds(50));
  cut_node b("b", 2);
  a.cut_from(b);
  const auto answer = a.node.ask(b.node.target(), "?");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, errc::unavailable);
  EXPECT_EQ(b.node.connections(), 0u);
  a.heal();
  EXPECT_TRUE(eventually([&] { return a.node.ask(b.node.target(), "now").has_value(); }));
}

TEST(link_faults, the_end_of_a_peer_is_learnt_after_healing_only) {
  cut_node a("a", 1);
  {
    cut_node b("b", 2);
    ASSERT_EQ(a.node.ask(b.node.target(), "before"), "before");
    a.cut_from(b);
  }
  EXPECT_EQ(a.node.connections(), 1u);
  a.heal();
  EXPECT_TRUE(a.node.lost.wait([](const auto& all) { return all.size() == 1; }));
}

TEST(link_faults, a_node_may_end_while_its_network_is_cut) {
  auto a = std::make_unique<cut_node>("a", 1);
  cut_node b("b", 2);
  ASSERT_EQ(a->node.ask(b.node.target(), "before"), "before");
  const auto faults = a->faults;
  a->cut_from(b);
  a->node.tell(b.node, "in vain");
  a.reset();
  faults->set({});
}

TEST(link_faults, datagrams_of_a_cut_address_vanish_in_the_direction_that_is_cut) {
  using boost::asio::ip::udp;
  io_pool io{1};
  const auto faults = std::make_shared<network_faults>();
  const auto bound = [&](const std::shared_ptr<const network_faults>& f, std::string& address) {
    auto socket = std::make_unique<gossip_socket>(io.context(0), f);
    udp::socket probe(io.context(0), udp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    const auto at = probe.local_endpoint();
    probe.close();
    EXPECT_TRUE(socket->bind(at));
    address = to_string(boost::asio::ip::tcp::endpoint(at.address(), at.port()));
    return socket;
  };
  std::string here;
  std::string there;
  std::string elsewhere;
  const auto a = bound(faults, here);
  const auto b = bound(nullptr, there);
  const auto c = bound(nullptr, elsewhere);
  watched<std::vector<std::string>> heard_a;
  watched<std::vector<std::string>> heard_b;
  a->start([&](const std::string&, std::string bytes) { heard_a.update([&](auto& all) { all.push_back(bytes); }); });
  b->start([&](const std::string&, std::string bytes) { heard_b.update([&](auto& all) { all.push_back(bytes); }); });
  io.start();

  faults->set({.of_all = false, .in = {there}, .out = {}});
  b->send(here, "lost");
  c->send(here, "heard");  // behind it in the same queue
  a->send(there, "heard");
  ASSERT_TRUE(heard_a.wait([](const auto& all) { return all.size() == 1; }));
  ASSERT_TRUE(heard_b.wait([](const auto& all) { return all.size() == 1; }));
  faults->set({.of_all = false, .in = {}, .out = {there}});
  a->send(there, "lost");
  b->send(here, "heard too");
  ASSERT_TRUE(heard_a.wait([](const auto& all) { return all.size() == 2; }));
  faults->set({});
  a->send(there, "last");
  ASSERT_TRUE(heard_b.wait([](const auto& all) { return all.size() == 2; }));
  EXPECT_EQ(heard_b.read(), (std::vector<std::string>{"heard", "last"}));
  EXPECT_EQ(heard_a.read(), (std::vector<std::string>{"heard", "heard too"}));
  io.stop();
}

}  // namespace
}  // namespace troupe
