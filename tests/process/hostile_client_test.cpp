// Bytes and behaviour that no honest client shows: the node closes, counts, stays small and serves others.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <gtest/gtest.h>

#include "gateways/http/client.hpp"
#include "runtime/base/random.hpp"
#include "tests/process/program.hpp"

namespace troupe::test {
namespace {

namespace asio = boost::asio;

class hostile_client : public ::testing::Test {
 protected:
  asio::ip::tcp::socket connect(const std::string& address) {
    const auto colon = address.rfind(':');
    asio::ip::tcp::socket socket(loop_);
    socket.connect({asio::ip::make_address(address.substr(0, colon)),
                    static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1)))});
    return socket;
  }

  // Sends everything it can and waits until the node closes or answers; the answer so far.
  std::string provoke(const std::string& address, const std::string& bytes) {
    auto socket = connect(address);
    boost::system::error_code ignored;
    asio::write(socket, asio::buffer(bytes), ignored);
    socket.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    std::string answer(1 << 16, '\0');
    answer.resize(asio::read(socket, asio::buffer(answer), ignored));
    return answer;
  }

  long resident_kib() const {
    std::ifstream status("/proc/" + std::to_string(node_.process->pid()) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.rfind("VmRSS:", 0) == 0) return std::atol(line.c_str() + 6);
    }
    return -1;
  }

  void expect_serving() {
    const auto put = http_call(node_.url(), "PUT", "/v1/cache/default/k", "v", {}, patience);
    ASSERT_TRUE(put) << describe(put.error());
    EXPECT_EQ(put->status, 204);
    EXPECT_EQ(http_call(node_.url(), "GET", "/v1/cache/default/k", {}, {}, patience)->body, "v");
  }

  single_node node_;
  asio::io_context loop_;
};

TEST_F(hostile_client, claims_of_4_gib_take_no_memory) {
  expect_serving();
  const long before = resident_kib();
  std::string length_4gib("\xff\xff\xff\xff", 4);
  for (int i = 0; i < 20; ++i) {
    EXPECT_NE(provoke(node_.http, "PUT /v1/cache/default/x HTTP/1.1\r\nHost: n\r\nContent-Length: 4294967296\r\n\r\n")
                  .find(" 413 "),
              std::string::npos);
    (void)provoke(node_.resp, "*1\r\n$536870912\r\n");
    EXPECT_EQ(provoke(node_.resp, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4294967296\r\n"),
              "-ERR Protocol error: invalid bulk length\r\n");
    EXPECT_EQ(provoke(node_.resp, "*4294967296\r\n"), "-ERR Protocol error: invalid multibulk length\r\n");
    (void)provoke(node_.cluster, length_4gib + length_4gib);
  }
  EXPECT_LT(resident_kib() - before, 8 * 1024);
  expect_serving();
}

TEST_F(hostile_client, random_garbage_on_every_port_disturbs_nobody) {
  random rng(2026);
  for (int i = 0; i < 60; ++i) {
    std::string bytes(1 + rng.below(2000), '\0');
    for (auto& c : bytes) c = static_cast<char>(rng.next());
    for (const auto& address : {node_.http, node_.resp, node_.cluster}) (void)provoke(address, bytes);
    asio::ip::udp::socket gossip(loop_, asio::ip::udp::v4());
    const auto port = static_cast<std::uint16_t>(std::stoi(node_.cluster.substr(node_.cluster.rfind(':') + 1)));
    gossip.send_to(asio::buffer(bytes), {asio::ip::make_address("127.0.0.1"), port});
  }
  expect_serving();
}

TEST_F(hostile_client, malformed_requests_get_the_answers_of_their_protocols) {
  const auto http = [&](const std::string& bytes) { return provoke(node_.http, bytes).substr(0, 12); };
  EXPECT_EQ(http("NOT HTTP\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(http("GET /nowhere HTTP/1.1\r\nHost: n\r\n\r\n"), "HTTP/1.1 404");
  EXPECT_EQ(http("POST /v1/services HTTP/1.1\r\nHost: n\r\nContent-Length: 0\r\n\r\n"), "HTTP/1.1 405");
  EXPECT_EQ(http("GET / HTTP/1.1\r\nHost: n\r\nX: " + std::string(32 * 1024, 'x') + "\r\n\r\n"), "HTTP/1.1 431");
  EXPECT_NE(
      provoke(node_.http, "POST /v1/services HTTP/1.1\r\nHost: n\r\nContent-Length: 0\r\n\r\n").find("Allow: GET"),
      std::string::npos);
  EXPECT_EQ(provoke(node_.resp, "*1\r\nx4\r\n"), "-ERR Protocol error: expected '$', got 'x'\r\n");
  EXPECT_EQ(provoke(node_.resp, "nonsense\r\n").substr(0, 20), "-ERR unknown command");
}

TEST_F(hostile_client, two_hundred_slow_clients_keep_nobody_waiting) {
  std::vector<asio::ip::tcp::socket> slow;
  for (int i = 0; i < 100; ++i) {
    slow.push_back(connect(node_.http));
    asio::write(slow.back(), asio::buffer(std::string("PUT /v1/cache/default/s HTTP/1.1\r\nContent-Le")));
    slow.push_back(connect(node_.resp));
    asio::write(slow.back(), asio::buffer(std::string("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100\r\nabc")));
  }
  expect_serving();
  EXPECT_EQ(provoke(node_.resp, "PING\r\n"), "+PONG\r\n");
}

// Mounts a small file system for the data directory; needs root, which a build machine has.
class full_disk : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto mounted = run_tool("mount", {"-t", "tmpfs", "-o", "size=3m", "tmpfs", disk_.path()});
    if (mounted.exit_code != 0) GTEST_SKIP() << "needs the right to mount a tmpfs: " << mounted.err;
    mounted_ = true;
  }
  void TearDown() override {
    if (mounted_) (void)run_tool("umount", {disk_.path()});
  }

  temporary_directory disk_;
  bool mounted_ = false;
};

TEST_F(full_disk, nothing_is_acknowledged_that_is_not_stored_and_room_heals_it) {
  std::vector<std::string> stored;
  {
    single_node node({"--set", "node.data_dir=" + disk_.path() + "/data"});
    const auto put = [&](const std::string& key) {
      return http_call(node.url(), "PUT", "/v1/cache/persistent/" + key, std::string(20'000, 'x'), {}, patience)
          ->status;
    };
    int status = 204;
    for (int i = 0; i < 1000 && status == 204; ++i) {
      status = put("k" + std::to_string(i));
      if (status == 204) stored.push_back("k" + std::to_string(i));
    }
    EXPECT_EQ(status, 503);
    const auto ready = http_call(node.url(), "GET", "/readyz", {}, {}, patience);
    EXPECT_EQ(ready->status, 503);
    EXPECT_NE(ready->body.find("database"), std::string::npos) << ready->body;

    ASSERT_EQ(run_tool("mount", {"-o", "remount,size=64m", disk_.path()}).exit_code, 0);
    const auto end = std::chrono::steady_clock::now() + patience;
    while (http_call(node.url(), "GET", "/readyz", {}, {}, patience)->status != 200) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << "the node does not recover";
    }
    EXPECT_EQ(put("after"), 204);
    stored.push_back("after");
    node.crash_and_restart();
    for (const auto& key : stored) {
      EXPECT_EQ(http_call(node.url(), "GET", "/v1/cache/persistent/" + key, {}, {}, patience)->status, 200) << key;
    }
  }
}

}  // namespace
}  // namespace troupe::test
