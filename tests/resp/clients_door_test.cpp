// What clients of several I/O threads ask of each other, over real sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/resp/loopback.hpp"

namespace troupe::resp {
namespace {

using testing::HasSubstr;
using clients_door = loopback;

std::string bulk(client& c, std::string_view command) {
  c.say(command);
  std::string head;
  while (!head.ends_with("\r\n")) {
    const auto more = c.hear(1);
    if (more.empty()) return head;
    head += more;
  }
  return c.hear(std::stoul(head.substr(1)) + 2);
}

TEST_F(clients_door, list_shows_clients_of_all_threads) {
  open();
  auto a = connect();
  auto b = connect();
  auto d = connect();
  EXPECT_EQ(b.ask("CLIENT SETNAME second\r\n", 5), "+OK\r\n");
  EXPECT_EQ(d.ask("PING\r\n", 7), "+PONG\r\n");
  const auto list = bulk(a, "CLIENT LIST\r\n");
  EXPECT_THAT(list, HasSubstr("id=1 addr=127.0.0.1:"));
  EXPECT_THAT(list, HasSubstr(" name=second "));
  EXPECT_EQ(std::count(list.begin(), list.end(), '\n'), 4);
}

TEST_F(clients_door, kill_ends_other_clients) {
  open();
  auto a = connect();
  auto b = connect();
  auto d = connect();
  EXPECT_EQ(a.ask("PING\r\n", 7) + b.ask("PING\r\n", 7) + d.ask("PING\r\n", 7), "+PONG\r\n+PONG\r\n+PONG\r\n");
  EXPECT_EQ(a.ask("CLIENT KILL TYPE normal\r\n", 4), ":2\r\n");
  EXPECT_TRUE(b.ended());
  EXPECT_TRUE(d.ended());
  EXPECT_EQ(a.ask("PING\r\n", 7), "+PONG\r\n");
}

TEST_F(clients_door, a_pause_ends_by_itself_and_by_unpause) {
  open();
  auto a = connect();
  auto b = connect();
  EXPECT_EQ(a.ask("CLIENT PAUSE 50\r\n", 5), "+OK\r\n");
  EXPECT_EQ(b.ask("PING\r\n", 7), "+PONG\r\n");
  EXPECT_EQ(a.ask("CLIENT PAUSE 60000 WRITE\r\n", 5), "+OK\r\n");
  EXPECT_EQ(b.ask("GET k\r\n", 5), "$-1\r\n");
  b.say("SET k v\r\nGET k\r\n");
  EXPECT_EQ(a.ask("CLIENT UNPAUSE\r\n", 5), "+OK\r\n");
  EXPECT_EQ(b.hear(12), "+OK\r\n$1\r\nv\r\n");
}

TEST_F(clients_door, a_pause_that_ends_sooner_than_one_before_lets_go_at_its_own_end) {
  open();
  auto a = connect();
  auto b = connect();
  EXPECT_EQ(a.ask("CLIENT PAUSE 600000 WRITE\r\n", 5), "+OK\r\n");
  b.say("SET k v\r\n");
  EXPECT_EQ(a.ask("CLIENT UNPAUSE\r\nCLIENT PAUSE 50 WRITE\r\n", 10), "+OK\r\n+OK\r\n");
  EXPECT_EQ(b.hear(5), "+OK\r\n");
}

TEST_F(clients_door, limits_set_at_run_time_are_in_force) {
  open();
  auto a = connect();
  EXPECT_EQ(a.ask("CONFIG SET maxclients 1\r\n", 5), "+OK\r\n");
  auto b = connect();
  EXPECT_EQ(b.hear_all(), "-ERR max number of clients reached\r\n");
  EXPECT_EQ(a.ask("CONFIG SET client-query-buffer-limit 1mb\r\n", 5), "+OK\r\n");
  a.say("*2\r\n$3\r\nGET\r\n$2000000\r\n" + std::string(1500000, 'x'));
  EXPECT_TRUE(a.ended());
}

TEST_F(clients_door, a_slow_reader_beyond_the_limit_set_at_run_time_is_closed) {
  open();
  auto a = connect();
  auto slow = connect(4096);
  EXPECT_EQ(a.ask("CONFIG SET client-output-buffer-limit \"normal 1mb 0 0\"\r\n", 5), "+OK\r\n");
  std::string value(100000, 'v');
  a.ask("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\n" + value + "\r\n", 5);
  std::string gets;
  for (int i = 0; i < 200; ++i) gets += "GET k\r\n";
  slow.say(gets);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(patience_s);
  while (metric("troupe_resp_connections_closed_total{reason=\"slow\"}") < 1 &&
         std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_EQ(metric("troupe_resp_connections_closed_total{reason=\"slow\"}"), 1);
}

}  // namespace
}  // namespace troupe::resp
