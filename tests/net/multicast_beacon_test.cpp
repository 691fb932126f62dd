// Members of one network find each other on loopback; strangers are counted.
#include <gtest/gtest.h>

#include "actors/io_pool.hpp"
#include "actors/net/multicast_beacon.hpp"
#include "tests/link/link_node.hpp"

namespace troupe {
namespace {

using testing::eventually;
using testing::watched;

key_ring ring_of(char fill) {
  ring_key k;
  k.bytes.fill(fill);
  return key_ring(k);
}

// A group and port that other runs of this test are unlikely to use at the same time.
std::string some_group() {
  const auto pid = static_cast<unsigned>(::getpid());
  return "239.255." + std::to_string(pid / 250 % 250) + "." + std::to_string(pid % 250) + ":" +
         std::to_string(20000 + pid % 20000);
}

struct talker {
  io_pool io{1};
  multicast_beacon beacon;
  watched<std::vector<std::string>> heard;

  talker(std::uint64_t id, const std::string& cluster, std::shared_ptr<packet_seal> seal)
      : beacon(io.context(0), {cluster, "127.0.0.1:" + std::to_string(7000 + id), {id, id}, true}, std::move(seal)) {
    const auto opened = beacon.open(some_group(), boost::asio::ip::address_v4::loopback());
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().context);
    beacon.start([this](const std::string& address) { heard.update([&](auto& all) { all.push_back(address); }); });
    io.start();
  }
  ~talker() {
    beacon.close();
    io.stop();
  }
  [[nodiscard]] bool hears(const std::string& address) {
    return heard.wait([&](const auto& all) { return std::find(all.begin(), all.end(), address) != all.end(); });
  }
};

std::shared_ptr<packet_seal> seal_of(char fill) { return std::make_shared<packet_seal>("test", ring_of(fill)); }

TEST(multicast_beacon, tells_members_of_one_cluster_of_each_other) {
  for (const bool sealed : {false, true}) {
    talker a(1, "test", sealed ? seal_of('k') : nullptr);
    talker b(2, "test", sealed ? seal_of('k') : nullptr);
    EXPECT_TRUE(a.hears("127.0.0.1:7002"));
    EXPECT_TRUE(b.hears("127.0.0.1:7001"));
  }
}

TEST(multicast_beacon, makes_a_member_answer_a_newcomer_soon) {
  talker member(1, "test", seal_of('k'));
  member.beacon.found();
  ASSERT_TRUE(eventually([&] { return member.beacon.count().sent > 0; })) << "its next word is half a minute away";
  talker newcomer(2, "test", seal_of('k'));
  const auto asked = std::chrono::steady_clock::now();
  EXPECT_TRUE(newcomer.hears("127.0.0.1:7001"));
  EXPECT_LT(std::chrono::steady_clock::now() - asked, multicast_beacon::member_interval / 2);
}

TEST(multicast_beacon, counts_other_clusters_and_what_does_not_open) {
  talker a(1, "test", seal_of('k'));
  talker stranger(2, "test", seal_of('s'));
  talker plain(3, "test", nullptr);
  talker elsewhere(4, "other", std::make_shared<packet_seal>("test", ring_of('k')));
  EXPECT_TRUE(eventually([&] { return a.beacon.count().foreign > 0 && a.beacon.count().dropped > 1; }));
  EXPECT_TRUE(eventually([&] { return plain.beacon.count().dropped > 1; }));
  EXPECT_TRUE(a.heard.read().empty());
  EXPECT_TRUE(plain.heard.read().empty());
}

TEST(multicast_beacon, refuses_what_is_no_group) {
  io_pool io(1);
  multicast_beacon beacon(io.context(0), {"test", "127.0.0.1:1", {1, 1}, true}, nullptr);
  for (const auto* group : {"10.0.0.1:7071", "239.1.2.3", "[ff02::1]:7071"})
    EXPECT_FALSE(beacon.open(group, boost::asio::ip::address_v4::loopback())) << group;
}

}  // namespace
}  // namespace troupe
