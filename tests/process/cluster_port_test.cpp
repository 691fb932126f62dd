// Bytes and clocks that no honest node has, on the cluster port of a running cluster.
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <gtest/gtest.h>

#include "actors/net/bind_address.hpp"
#include "runtime/base/random.hpp"
#include "runtime/link/frame.hpp"
#include "runtime/membership/packet.hpp"
#include "tests/process/process_cluster.hpp"

namespace troupe::test {
namespace {

namespace asio = boost::asio;

class cluster_port_attack : public ::testing::Test {
 protected:
  void send_datagram(const node_program& to, const std::string& bytes) {
    const auto where = parse_address(to.cluster);
    boost::system::error_code ignored;
    gossip_.send_to(asio::buffer(bytes), {where->address(), where->port()}, 0, ignored);
    ++sent_;
  }

  /// Sends over TCP and reads until the node closes.
  void provoke(const node_program& to, const std::string& bytes) {
    asio::ip::tcp::socket socket(loop_);
    socket.connect(*parse_address(to.cluster));
    boost::system::error_code ignored;
    asio::write(socket, asio::buffer(bytes), ignored);
    std::array<char, 4096> answer{};
    while (!ignored) (void)socket.read_some(asio::buffer(answer), ignored);
  }

  asio::io_context loop_;
  asio::ip::udp::socket gossip_{loop_, asio::ip::udp::v4()};
  int sent_ = 0;
};

TEST_F(cluster_port_attack, garbage_truncations_and_lengths_of_4_gib_are_dropped_and_counted_and_take_no_memory) {
  process_cluster cluster(3);
  auto& victim = cluster.at(0);
  membership::packet ping;
  ping.cluster = membership::cluster_hash("troupe", 3);
  ping.from = "n2";
  ping.from_id = {1, 2};
  ping.kind = membership::packet_kind::ping;
  ping.target = "n1";
  const auto good = membership::encode(ping);
  const std::string claim("tr\x01\0\xff\xff\xff\xff", 8);

  random rng(7);
  const double dropped = victim.metric("troupe_gossip_malformed_total");
  provoke(victim, claim);
  const long before = victim.resident_kib();
  for (int round = 0; round < 40; ++round) {
    for (std::size_t size = 0; size < good.size(); ++size) send_datagram(victim, good.substr(0, size));
    std::string noise(1 + rng.below(3000), '\0');
    for (auto& c : noise) c = static_cast<char>(rng.next());
    send_datagram(victim, noise);
    send_datagram(victim, std::string(60'000, '\xff'));
    provoke(victim, claim + noise);
    provoke(victim, noise);
    provoke(victim, make_frame(frame_type::hello, noise.substr(0, 4000)));
    provoke(victim, make_frame(frame_type::cluster, "e" + noise.substr(0, 1000)));
  }
  EXPECT_TRUE(eventually([&] { return victim.metric("troupe_gossip_malformed_total") >= dropped + 80; }));
  EXPECT_LT(victim.resident_kib() - before, 8 * 1024);
  EXPECT_TRUE(cluster.undisturbed());
}

// A seed that records: the packets of a node that tries to join by it.
TEST_F(cluster_port_attack, recorded_packets_of_an_earlier_process_unseat_nobody) {
  asio::ip::udp::socket recorder(loop_, {asio::ip::address_v4::loopback(), 0});
  process_cluster cluster(2);
  auto words = cluster.joining();
  words.insert(words.end(), {"--seeds", "127.0.0.1:" + std::to_string(recorder.local_endpoint().port())});
  node_program guest("guest", words);
  std::string join(2000, '\0');
  join.resize(recorder.receive(asio::buffer(join)));
  ASSERT_TRUE(eventually([&] { return guest.ready(); }));
  guest.restart();
  ASSERT_TRUE(eventually([&] { return guest.ready() && cluster.at(0).sees("guest") == guest.sees("guest"); }));
  const auto id = guest.get("/v1/cluster")["id"].get<std::string>();

  const double heard = cluster.at(0).metric("troupe_gossip_packets_in_total");
  for (int i = 0; i < 50; ++i) {
    for (std::size_t n = 0; n < cluster.size(); ++n) send_datagram(cluster.at(n), join);
    send_datagram(guest, join);
  }
  ASSERT_TRUE(eventually([&] { return cluster.at(0).metric("troupe_gossip_packets_in_total") >= heard + 50; }));
  EXPECT_TRUE(eventually([&] {
    const std::pair<std::string, std::string> alive{id, "alive"};
    return guest.ready() && cluster.at(0).sees("guest") == alive && cluster.at(1).sees("guest") == alive;
  })) << cluster.at(0).process->err();
  const auto told = cluster.at(0).process->err();
  EXPECT_EQ(told.find("name=guest id=" + id + " reason"), std::string::npos) << "it was given up meanwhile: " << told;
  EXPECT_TRUE(cluster.undisturbed());
}

TEST(clocks, that_differ_by_hours_matter_to_nobody) {
  const auto shifted = [](const char* seconds) {
    return program::environment{{"LD_PRELOAD", TROUPE_SHIFTED_CLOCK}, {"TEST_CLOCK_SHIFT", seconds}};
  };
  process_cluster cluster(3, {}, {shifted("0"), shifted("-50000"), shifted("400000000")});
  const auto call = [&](std::size_t node, const char* method, const std::string& target, const std::string& body) {
    return http_call("http://" + cluster.at(node).http, method, target, body, {}, patience);
  };
  const auto date = [&](std::size_t node) { return cluster.at(node).get("/v1/cluster/leader")["since"].dump(); };
  EXPECT_NE(date(0).substr(0, 5), date(2).substr(0, 5)) << "the wall clocks are not shifted";
  for (int k = 0; k < 20; ++k) {
    const auto target = "/v1/cache/default/k" + std::to_string(k);
    const auto writer = static_cast<std::size_t>(k) % 3;
    EXPECT_EQ(call(writer, "PUT", target + "?ttl=1h", "v")->status, 204);
    for (std::size_t reader = 0; reader < 3; ++reader) EXPECT_EQ(call(reader, "GET", target, "")->body, "v");
  }
  cluster.at(2).restart();
  ASSERT_TRUE(eventually([&] { return cluster.all_alive(); }));
  EXPECT_EQ(call(0, "PUT", "/v1/cache/default/after?ttl=1h", "v")->status, 204);
  for (std::size_t reader = 0; reader < 3; ++reader) {
    EXPECT_EQ(call(reader, "GET", "/v1/cache/default/after", "")->body, "v");
  }
}

}  // namespace
}  // namespace troupe::test
