#include "gateways/listener.hpp"

#include <set>

#include <sys/resource.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/resp/loopback.hpp"

namespace troupe::resp {
namespace {

// Says which loop a socket was handed to, and closes it.
struct greeter {
  std::mutex mutex;
  std::set<std::size_t> loops;

  listener::accept_callback callback() {
    return [this](listener::socket s, std::size_t loop) {
      boost::system::error_code ignored;
      (void)s.write_some(boost::asio::buffer("hello", 5), ignored);
      const std::lock_guard lock(mutex);
      loops.insert(loop);
    };
  }
};

TEST(listener, hands_sockets_to_all_loops_in_turn) {
  io_pool io(3);
  greeter g;
  listener l(io);
  ASSERT_TRUE(l.open("test.bind", "127.0.0.1:0", g.callback()));
  EXPECT_TRUE(l.on_loopback());
  io.start();
  for (int i = 0; i < 6; ++i) EXPECT_EQ(client(l.address()).hear_all(), "hello");
  l.close();
  EXPECT_EQ(g.loops, (std::set<std::size_t>{0, 1, 2}));
  EXPECT_FALSE(client(l.address()).connected());
  io.stop();
}

// Accepting must neither spin nor end for ever when the process has no descriptor left.
TEST(listener, serves_again_after_descriptors_ran_out) {
  io_pool io(1);
  greeter g;
  listener l(io);
  ASSERT_TRUE(l.open("test.bind", "127.0.0.1:0", g.callback()));
  io.start();
  EXPECT_EQ(client(l.address()).hear_all(), "hello");

  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  const int waiting = ::socket(AF_INET, SOCK_STREAM, 0);
  const rlimit none{static_cast<rlim_t>(waiting) + 1, usual.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto address = l.address();
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  ASSERT_EQ(::connect(waiting, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  while (l.accept_failures()->load() == 0) std::this_thread::yield();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
  char heard[5];
  EXPECT_EQ(::recv(waiting, heard, sizeof heard, MSG_WAITALL), 5);
  ::close(waiting);
  l.close();
  io.stop();
}

TEST(listener, refuses_what_is_no_address) {
  io_pool io(1);
  for (const auto* bind : {"", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", "::1:80", "no-such-interface0:1"}) {
    listener l(io);
    const auto opened = l.open("test.bind", bind, [](listener::socket, std::size_t) {});
    ASSERT_FALSE(opened) << bind;
    EXPECT_EQ(opened.error().code, errc::invalid_argument) << bind;
    EXPECT_THAT(opened.error().context, testing::StartsWith(std::string("test.bind ") + bind));
    EXPECT_EQ(l.address(), "");
  }
}

}  // namespace
}  // namespace troupe::resp
