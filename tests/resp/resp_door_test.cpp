#include "gateways/resp/resp_door.hpp"

#include <fstream>
#include <future>

#include <ifaddrs.h>
#include <netinet/in.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/resp/loopback.hpp"

namespace troupe::resp {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;
using resp_door_test = loopback;

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

TEST_F(resp_door_test, serves_clients) {
  open();
  auto a = connect();
  auto b = connect();
  EXPECT_EQ(a.ask("SET k v\r\n", 5), "+OK\r\n");
  EXPECT_EQ(b.ask("GET k\r\n", 7), "$1\r\nv\r\n");
  EXPECT_EQ(a.ask("QUIT\r\n", 5), "+OK\r\n");
  EXPECT_TRUE(a.ended());
  EXPECT_EQ(b.ask("PING\r\n", 7), "+PONG\r\n");
  EXPECT_EQ(metric("troupe_resp_connections_open"), 1);
  EXPECT_EQ(metric("troupe_resp_connections_accepted_total"), 2);
  EXPECT_GE(metric("troupe_resp_commands_total"), 3);
}

TEST_F(resp_door_test, keeps_the_order_of_pipelined_commands_wherever_they_are_done) {
  open();
  auto c = connect();
  std::string said;
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    const auto n = std::to_string(i);
    const std::string key = (i % 3 == 0 ? "far:" : "near:") + std::to_string(i % 7);
    said += "SET " + key + " " + n + "\r\nGET " + key + "\r\nPING\r\n";
    expected += "+OK\r\n$" + std::to_string(n.size()) + "\r\n" + n + "\r\n+PONG\r\n";
  }
  std::thread writer([&] { c.say(said); });
  EXPECT_EQ(c.hear(expected.size()), expected);
  writer.join();
}

TEST_F(resp_door_test, carries_large_values) {
  open();
  auto c = connect();
  const std::size_t size = 24 * 1024 * 1024;
  const std::string value(size, 'v');
  const auto head = "$" + std::to_string(size) + "\r\n";
  EXPECT_TRUE(c.say("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n" + head));
  EXPECT_TRUE(c.say(value));
  EXPECT_EQ(c.ask("\r\n", 5), "+OK\r\n");
  c.say("GET k\r\nPING\r\n");
  EXPECT_EQ(c.hear(head.size()), head);
  EXPECT_TRUE(c.hear(size) == value);
  EXPECT_EQ(c.hear(9), "\r\n+PONG\r\n");
}

TEST_F(resp_door_test, names_an_address_that_is_taken) {
  open();
  settings.resp.bind = door->address();
  auto second = make_door();
  const auto opened = second->open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::unavailable);
  EXPECT_THAT(opened.error().context, StartsWith("resp.bind " + door->address() + ": "));
  settings.resp.bind = "nonsense";
  EXPECT_EQ(make_door()->open().error().code, errc::invalid_argument);
}

TEST_F(resp_door_test, listens_on_version_6) {
  settings.resp.bind = "[::1]:0";
  door = make_door();
  io.start();
  if (const auto opened = door->open(); !opened) GTEST_SKIP() << opened.error().context;
  EXPECT_THAT(door->address(), StartsWith("[::1]:"));
}

TEST_F(resp_door_test, tells_a_protocol_error_and_closes) {
  open();
  auto c = connect();
  c.say("*1\r\nPING\r\n" + std::string(100'000, 'x'));
  EXPECT_EQ(c.hear_all(), "-ERR Protocol error: expected '$', got 'P'\r\n");
  EXPECT_TRUE(c.ended());
  EXPECT_EQ(metric("troupe_resp_protocol_errors_total"), 1);
}

TEST_F(resp_door_test, turns_clients_away_above_the_limit) {
  settings.resp.connections_max = 2;
  open();
  auto a = connect();
  auto b = connect();
  EXPECT_EQ(a.ask("PING\r\n", 7), "+PONG\r\n");
  EXPECT_EQ(b.ask("PING\r\n", 7), "+PONG\r\n");
  EXPECT_EQ(connect().hear_all(), "-ERR max number of clients reached\r\n");
  EXPECT_EQ(metric("troupe_resp_connections_refused_total{reason=\"limit\"}"), 1);
  a.say("QUIT\r\n");
  EXPECT_TRUE(a.ended());
  EXPECT_EQ(connect().ask("PING\r\n", 7), "+PONG\r\n");
}

TEST_F(resp_door_test, protects_an_address_outside_loopback) {
  std::string outside;
  ifaddrs* all = nullptr;
  ASSERT_EQ(::getifaddrs(&all), 0);
  for (const auto* i = all; i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr || i->ifa_addr->sa_family != AF_INET) continue;
    char text[INET_ADDRSTRLEN];
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(i->ifa_addr)->sin_addr, text, sizeof text);
    if (!std::string_view(text).starts_with("127.")) outside = text;
  }
  ::freeifaddrs(all);
  settings.resp.bind = "0.0.0.0:0";
  open();
  const auto port = door->address().substr(door->address().rfind(':'));
  EXPECT_EQ(client("127.0.0.1" + port).ask("PING\r\n", 7), "+PONG\r\n");
  if (outside.empty()) GTEST_SKIP() << "this host has no address but loopback";
  EXPECT_THAT(client(outside + port).hear_all(), StartsWith("-DENIED troupe is running in protected mode"));
  EXPECT_EQ(metric("troupe_resp_connections_refused_total{reason=\"protected\"}"), 1);
}

TEST_F(resp_door_test, closes_a_reader_that_is_too_slow) {
  settings.resp.output_buffer_max = 4 * mib;
  open();
  auto c = connect(16 * 1024);
  const std::string value(256 * 1024, 'v');
  EXPECT_EQ(c.ask("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$" + std::to_string(value.size()) + "\r\n" + value + "\r\n", 5),
            "+OK\r\n");
  std::string many;
  for (int i = 0; i < 200; ++i) many += "GET k\r\n";
  c.say(many);
  auto other = connect();
  EXPECT_EQ(other.ask("PING\r\n", 7), "+PONG\r\n");
  const auto heard = c.hear_all();  // what had been sent already
  EXPECT_TRUE(c.ended());
  EXPECT_LT(heard.size(), 200 * value.size());
  EXPECT_EQ(metric("troupe_resp_connections_closed_total{reason=\"slow\"}"), 1);
}

TEST_F(resp_door_test, a_reader_that_is_slow_within_the_limit_gets_everything) {
  open();
  auto c = connect(16 * 1024);
  const std::string value(256 * 1024, 'v');
  const auto bulk = "$" + std::to_string(value.size()) + "\r\n" + value + "\r\n";
  EXPECT_EQ(c.ask("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n" + bulk, 5), "+OK\r\n");
  std::string many;
  for (int i = 0; i < 100; ++i) many += "GET k\r\n";
  c.say(many + "QUIT\r\n");
  EXPECT_EQ(c.hear_all().size(), 100 * bulk.size() + 5);
}

TEST_F(resp_door_test, many_dribbling_clients_do_not_block_the_others) {
  open();
  const std::string said = "*2\r\n$4\r\nECHO\r\n$3\r\nabc\r\n";
  std::vector<client> slow;
  for (int i = 0; i < 200; ++i) slow.push_back(connect());
  auto brisk = connect();
  for (std::size_t at = 0; at < said.size(); ++at) {
    for (auto& c : slow) ASSERT_TRUE(c.say(said.substr(at, 1)));
    EXPECT_EQ(brisk.ask("PING\r\n", 7), "+PONG\r\n");
  }
  for (auto& c : slow) EXPECT_EQ(c.hear(9), "$3\r\nabc\r\n");
}

TEST_F(resp_door_test, claims_of_four_gigabytes_take_no_memory) {
  settings.resp.bulk_max = 8ULL * 1024 * mib;
  open();
  const auto before = resident_bytes();
  std::vector<client> liars;
  for (int i = 0; i < 100; ++i) {
    liars.push_back(connect());
    EXPECT_EQ(liars.back().ask("PING\r\n*1048576\r\n$4294967296\r\nabc", 7), "+PONG\r\n");
  }
  EXPECT_LT(resident_bytes(), before + 32 * mib);
  EXPECT_EQ(connect().ask("PING\r\n", 7), "+PONG\r\n");
}

TEST_F(resp_door_test, closes_idle_connections_when_told_to) {
  settings.resp.idle_timeout = 20ms;
  open();
  auto c = connect();
  EXPECT_TRUE(c.ended());
  EXPECT_EQ(metric("troupe_resp_connections_closed_total{reason=\"idle\"}"), 1);
}

TEST_F(resp_door_test, drains_what_is_in_flight) {
  open();
  auto idle = connect();
  auto busy = connect();
  EXPECT_EQ(idle.ask("PING\r\n", 7), "+PONG\r\n");
  busy.say("SET held:k v\r\nPING\r\n");
  cache.wait_for_held(1);
  std::promise<void> done;
  door->drain([&] { done.set_value(); });
  EXPECT_TRUE(idle.ended());
  EXPECT_FALSE(connect().connected());
  cache.release();
  EXPECT_EQ(busy.hear_all(), "+OK\r\n+PONG\r\n");
  EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(patience_s)), std::future_status::ready);
  EXPECT_EQ(metric("troupe_resp_connections_open"), 0);
}

TEST_F(resp_door_test, drains_at_once_when_nobody_is_there) {
  open();
  std::promise<void> done;
  door->drain([&] { done.set_value(); });
  EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(patience_s)), std::future_status::ready);
}

TEST_F(resp_door_test, closes_with_answers_still_to_come) {
  open();
  auto c = connect();
  c.say("GET held:k\r\n");
  cache.wait_for_held(1);
  door->close();
  EXPECT_TRUE(c.ended());
  cache.release();
}

TEST_F(resp_door_test, closes_after_its_threads_have_ended) {
  open();
  auto c = connect();
  EXPECT_EQ(c.ask("PING\r\n", 7), "+PONG\r\n");
  io.stop();
  door->close();
  EXPECT_TRUE(c.ended());
  EXPECT_EQ(metric("troupe_resp_connections_open"), 0);
}

TEST_F(resp_door_test, survives_clients_that_leave_in_the_middle) {
  open();
  for (int i = 0; i < 50; ++i) {
    auto c = connect();
    c.say("GET far:k\r\nGET far:k\r\n*2\r\n$3\r\nGET");
  }
  EXPECT_EQ(connect().ask("GET far:k\r\n", 5), "$-1\r\n");
}

}  // namespace
}  // namespace troupe::resp
