// MULTI, EXEC and WATCH at a node that owns the keys and at one that does not.
#include <troupe/local_cluster.hpp>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/resp/raw_client.hpp"

namespace troupe {
namespace {

using resp::client;

struct transactions : ::testing::Test {
  void SetUp() override {
    local_cluster_options options;
    options.nodes = 2;
    options.services = {"resp", "cache"};
    auto started = local_cluster::start(std::move(options));
    ASSERT_TRUE(started) << describe(started.error());
    cluster.emplace(std::move(*started));
  }
  client at(std::size_t node) { return client(cluster->at(node).addresses().resp); }
  static void talk(client& c, const std::vector<std::pair<std::string, std::string>>& lines) {
    for (const auto& [said, reply] : lines) EXPECT_EQ(c.ask(said + "\r\n", reply.size()), reply) << said;
  }

  std::optional<local_cluster> cluster;
};

constexpr const char* ok = "+OK\r\n";
constexpr const char* queued = "+QUEUED\r\n";

TEST_F(transactions, commands_of_one_slot_are_done_together_wherever_the_keys_are) {
  for (std::size_t node = 0; node < 2; ++node) {
    auto c = at(node);
    for (const std::string tag : {"{a}", "{b}", "{c}", "{d}"}) {
      talk(c, {{"DEL " + tag + "1 " + tag + "2", node == 0 ? ":0\r\n" : ":2\r\n"},
               {"MULTI", ok},
               {"SET " + tag + "1 5", queued},
               {"INCR " + tag + "1", queued},
               {"PING", queued},
               {"ECHO x", queued},
               {"SET " + tag + "2 v", queued},
               {"GET " + tag + "2", queued},
               {"EXEC", "*6\r\n+OK\r\n:6\r\n+PONG\r\n$1\r\nx\r\n+OK\r\n$1\r\nv\r\n"}});
    }
  }
}

TEST_F(transactions, refused_commands_spoil_the_transaction) {
  auto c = at(0);
  const std::string aborted = "-EXECABORT Transaction discarded because of previous errors.\r\n";
  talk(c, {{"EXEC", "-ERR EXEC without MULTI\r\n"},
           {"DISCARD", "-ERR DISCARD without MULTI\r\n"},
           {"MULTI", ok},
           {"MULTI", "-ERR MULTI calls can not be nested\r\n"},
           {"WATCH a", "-ERR WATCH inside MULTI is not allowed\r\n"},
           {"SET {k}a 1", queued},
           {"EXEC", "*1\r\n+OK\r\n"},
           {"MULTI", ok},
           {"NOSUCH", "-ERR unknown command 'NOSUCH', with args beginning with: \r\n"},
           {"SET {k}a 2", queued},
           {"EXEC", aborted},
           {"MULTI", ok},
           {"GET", "-ERR wrong number of arguments for 'get' command\r\n"},
           {"EXEC", aborted},
           {"MULTI", ok},
           {"SET {k}a 3", queued},
           {"SET {other}b 3", "-CROSSSLOT Keys in request don't hash to the same slot\r\n"},
           {"EXEC", aborted},
           {"MULTI", ok},
           {"SHUTDOWN", "-ERR Command not allowed inside a transaction\r\n"},
           {"EXEC", aborted},
           {"MULTI", ok},
           {"SET {k}a 4", queued},
           {"DISCARD", ok},
           {"GET {k}a", "$1\r\n1\r\n"},
           {"MULTI", ok},
           {"PING", queued},
           {"EXEC", "*1\r\n+PONG\r\n"},
           {"MULTI", ok},
           {"EXEC", "*0\r\n"},
           {"MULTI", ok},
           {"SET {k}a x", queued},
           {"INCR {k}a", queued},
           {"GET {k}a", queued},
           {"EXEC", "*3\r\n+OK\r\n-ERR value is not an integer or out of range\r\n$1\r\nx\r\n"},
           {"MULTI", ok},
           {"RESET", "+RESET\r\n"},
           {"GET {k}a", "$1\r\nx\r\n"}});
}

TEST_F(transactions, a_watched_key_that_changed_stops_exec) {
  for (std::size_t node = 0; node < 2; ++node) {
    auto c = at(node);
    auto other = at(1 - node);
    talk(c, {{"SET {w}a 1", ok}, {"DEL {w}new", ":0\r\n"}, {"WATCH {w}a {w}new", ok}});
    talk(other, {{"SET {w}a 2", ok}});
    talk(c, {{"MULTI", ok}, {"SET {w}a 3", queued}, {"EXEC", "*-1\r\n"}, {"GET {w}a", "$1\r\n2\r\n"}});
    talk(c, {{"WATCH {w}a {w}new", ok}, {"MULTI", ok}, {"SET {w}a 3", queued}, {"EXEC", "*1\r\n+OK\r\n"}});
    talk(c, {{"WATCH {w}new", ok}});
    talk(other, {{"SET {w}new 1", ok}});
    talk(c, {{"MULTI", ok}, {"PING", queued}, {"EXEC", "*-1\r\n"}});
    talk(c, {{"WATCH {w}a", ok}, {"UNWATCH", ok}});
    talk(other, {{"SET {w}a 9", ok}});
    talk(c, {{"MULTI", ok}, {"GET {w}a", queued}, {"EXEC", "*1\r\n$1\r\n9\r\n"}, {"DEL {w}new", ":1\r\n"}});
    talk(c, {{"WATCH {w}a", ok},
             {"WATCH {x}a", "-CROSSSLOT Keys in request don't hash to the same slot\r\n"},
             {"MULTI", ok},
             {"SET {x}a 1", "-CROSSSLOT Keys in request don't hash to the same slot\r\n"},
             {"DISCARD", ok}});
  }
}

// Many clients raise one number by WATCH and EXEC: none of the raises is lost.
TEST_F(transactions, optimistic_counters_lose_nothing) {
  constexpr int each = 50;
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([this, i] {
      auto c = at(static_cast<std::size_t>(i % 2));
      for (int done = 0; done < each;) {
        ASSERT_EQ(c.ask("WATCH {n}\r\n", 5), ok);
        c.say("GET {n}\r\n");
        auto head = c.hear(4);
        int value = 0;
        if (head != "$-1\r") {
          const auto size = static_cast<std::size_t>(head[1] - '0');
          value = std::stoi(c.hear(size + 2));
        } else {
          c.hear(1);
        }
        ASSERT_EQ(c.ask("MULTI\r\n", 5), ok);
        ASSERT_EQ(c.ask("SET {n} " + std::to_string(value + 1) + "\r\n", 9), queued);
        c.say("EXEC\r\n");
        const auto first = c.hear(4);
        if (first == "*1\r\n") {
          ASSERT_EQ(c.hear(5), ok);
          ++done;
        } else {
          ASSERT_EQ(first + c.hear(1), "*-1\r\n");
        }
      }
    });
  }
  for (auto& t : clients) t.join();
  auto c = at(0);
  EXPECT_EQ(c.ask("GET {n}\r\n", 9), "$3\r\n200\r\n");
}

}  // namespace
}  // namespace troupe
