// Sealed and plain sockets on loopback: who hears whom, and what is counted.
#include <thread>

#include <gtest/gtest.h>

#include "actors/io_pool.hpp"
#include "actors/net/bind_address.hpp"
#include "actors/net/gossip_socket.hpp"
#include "tests/link/link_node.hpp"

namespace troupe {
namespace {

using boost::asio::ip::udp;
using testing::eventually;
using testing::watched;

key_ring ring_of(char fill) {
  ring_key k;
  k.bytes.fill(fill);
  return key_ring(k);
}

struct gossiper {
  io_pool io{1};
  gossip_socket socket{io.context(0)};
  std::string address;
  watched<std::vector<std::string>> heard;
  watched<std::vector<packet_drop>> drops;

  explicit gossiper(std::shared_ptr<packet_seal> seal) {
    // The port is asked of a socket that is closed again: port 0 would not be told by gossip_socket.
    udp::socket finder(io.context(0), udp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    const auto free = finder.local_endpoint();
    finder.close();
    EXPECT_TRUE(socket.bind(free));
    address = to_string(boost::asio::ip::tcp::endpoint(free.address(), free.port()));
    socket.set_seal(std::move(seal));
    socket.start(
        [this](const std::string&, std::string bytes) { heard.update([&](auto& all) { all.push_back(bytes); }); },
        [this](const std::string&, packet_drop why) { drops.update([&](auto& all) { all.push_back(why); }); });
    io.start();
  }
  ~gossiper() {
    socket.close();
    io.stop();
  }

  [[nodiscard]] bool hears(const std::string& text) {
    return heard.wait([&](const auto& all) { return std::find(all.begin(), all.end(), text) != all.end(); });
  }
  [[nodiscard]] bool drops_for(packet_drop why) {
    return drops.wait([&](const auto& all) { return std::find(all.begin(), all.end(), why) != all.end(); });
  }
  [[nodiscard]] std::uint64_t dropped(packet_drop why) const {
    return socket.count().dropped[static_cast<std::size_t>(why)].load();
  }
};

std::shared_ptr<packet_seal> seal_of(char fill) { return std::make_shared<packet_seal>("test", ring_of(fill)); }

TEST(gossip_socket, carries_sealed_packets_between_those_who_know_the_secret) {
  gossiper a(seal_of('k'));
  gossiper b(seal_of('k'));
  a.socket.send(b.address, "news");
  EXPECT_TRUE(b.hears("news"));
  EXPECT_EQ(a.socket.count().bytes_out.load(), 4 + packet_seal::overhead);
}

TEST(gossip_socket, keeps_plain_and_sealed_nodes_apart_and_counts_it) {
  gossiper sealed(seal_of('k'));
  gossiper plain(nullptr);
  gossiper stranger(seal_of('s'));
  plain.socket.send(sealed.address, "\x08\x01 in the clear");
  stranger.socket.send(sealed.address, "under another secret");
  sealed.socket.send(plain.address, "secret");
  EXPECT_TRUE(sealed.drops_for(packet_drop::plain));
  EXPECT_TRUE(sealed.drops_for(packet_drop::unknown_key));
  EXPECT_TRUE(plain.drops_for(packet_drop::sealed));
  EXPECT_TRUE(sealed.heard.read().empty());
  EXPECT_TRUE(plain.heard.read().empty());
  EXPECT_EQ(sealed.socket.count().packets_out.load(), 1u) << "a stranger is never answered";
}

TEST(gossip_socket, counts_replayed_and_damaged_and_random_datagrams) {
  gossiper at(seal_of('k'));
  const auto other = seal_of('k');
  boost::asio::io_context loop;
  udp::socket attacker(loop, udp::endpoint(udp::v4(), 0));
  const auto to = *parse_address(at.address);
  const auto send = [&](const std::string& bytes) {
    attacker.send_to(boost::asio::buffer(bytes), udp::endpoint(to.address(), to.port()));
  };
  const auto good = other->seal(seal_purpose::gossip, {}, "news");
  auto flipped = other->seal(seal_purpose::gossip, {}, "news");
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  send(good);
  send(good);
  send(flipped);
  send(good.substr(0, 20));
  send(std::string("\xE1\x09") + std::string(60, 'v'));
  send(std::string(1400, 'r'));
  send(std::string("\xE1\x01") + std::string(200, 'r'));
  ASSERT_TRUE(at.drops.wait([](const auto& all) { return all.size() == 6; }));
  EXPECT_TRUE(at.hears("news"));
  EXPECT_EQ(at.heard.read().size(), 1u);
  for (const auto why : {packet_drop::replayed, packet_drop::forged, packet_drop::truncated, packet_drop::version,
                         packet_drop::plain, packet_drop::unknown_key})
    EXPECT_EQ(at.dropped(why), 1u) << name_of(why);
}

}  // namespace
}  // namespace troupe
