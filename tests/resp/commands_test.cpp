// Every command, with a cache that answers at once. The wordings are those of Redis 7.0.
#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateways/resp/command_table.hpp"
#include "gateways/resp/set_options.hpp"
#include "tests/resp/conversation.hpp"

namespace troupe::resp {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

struct commands : testing::Test {
  conversation c;

  std::string seconds_from_now(std::int64_t s) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now).count() + s);
  }
};

TEST_F(commands, ping_and_echo) {
  EXPECT_EQ(c.say("PING\r\n"), "+PONG\r\n");
  EXPECT_EQ(c.say({"PiNg", "hello"}), "$5\r\nhello\r\n");
  EXPECT_EQ(c.say({"PING", "a", "b"}), "-ERR wrong number of arguments for 'ping' command\r\n");
  EXPECT_EQ(c.say({"ECHO", std::string_view("\0\r\n", 3)}), std::string("$3\r\n\0\r\n\r\n", 9));
}

TEST_F(commands, set_and_get) {
  EXPECT_EQ(c.say({"GET", "k"}), "$-1\r\n");
  EXPECT_EQ(c.say({"SET", "k", "v"}), "+OK\r\n");
  EXPECT_EQ(c.say({"GET", "k"}), "$1\r\nv\r\n");
  EXPECT_EQ(c.say({"SET", "", ""}), "+OK\r\n");
  EXPECT_EQ(c.say({"GET", ""}), "$0\r\n\r\n");
  EXPECT_EQ(c.shared.numbers.sum(&lane_numbers::hits), 2u);
  EXPECT_EQ(c.shared.numbers.sum(&lane_numbers::misses), 1u);
}

TEST_F(commands, set_on_condition) {
  EXPECT_EQ(c.say({"SET", "k", "v", "XX"}), "$-1\r\n");
  EXPECT_EQ(c.say({"SET", "k", "v", "nx"}), "+OK\r\n");
  EXPECT_EQ(c.say({"SET", "k", "w", "NX"}), "$-1\r\n");
  EXPECT_EQ(c.say({"SET", "k", "w", "XX"}), "+OK\r\n");
  EXPECT_EQ(c.say({"GET", "k"}), "$1\r\nw\r\n");
}

TEST_F(commands, set_with_expiry) {
  EXPECT_EQ(c.say({"SET", "k", "v", "EX", "10"}), "+OK\r\n");
  EXPECT_EQ(c.say({"TTL", "k"}), ":10\r\n");
  c.pass(1ms);
  EXPECT_EQ(c.say({"PTTL", "k"}), ":9999\r\n");
  EXPECT_EQ(c.say({"SET", "k", "w", "KEEPTTL"}), "+OK\r\n");
  EXPECT_EQ(c.say({"PTTL", "k"}), ":9999\r\n");
  c.pass(9999ms);
  EXPECT_EQ(c.say({"GET", "k"}), "$-1\r\n");
  EXPECT_EQ(c.say({"SET", "k", "v", "px", "1500"}), "+OK\r\n");
  EXPECT_EQ(c.say({"TTL", "k"}), ":2\r\n");
  EXPECT_EQ(c.say({"SET", "k", "v"}), "+OK\r\n");
  EXPECT_EQ(c.say({"TTL", "k"}), ":-1\r\n");
  EXPECT_EQ(c.say({"TTL", "nosuch"}), ":-2\r\n");
  EXPECT_EQ(c.say({"PTTL", "nosuch"}), ":-2\r\n");
}

TEST_F(commands, set_with_a_point_in_time) {
  EXPECT_EQ(c.say({"SET", "k", "v", "EXAT", seconds_from_now(1000)}), "+OK\r\n");
  const auto ttl = c.say({"TTL", "k"});
  EXPECT_TRUE(ttl == ":1000\r\n" || ttl == ":999\r\n") << ttl;
  EXPECT_EQ(c.say({"SET", "k", "v", "PXAT", seconds_from_now(1000) + "000"}), "+OK\r\n");
  EXPECT_EQ(c.say(request({"SET", "k", "v", "EXAT", "1"}) + request({"GET", "k"})), "+OK\r\n$-1\r\n");
}

TEST_F(commands, set_refuses_what_redis_refuses) {
  const auto syntax = "-ERR syntax error\r\n";
  EXPECT_EQ(c.say({"SET", "k", "v", "what"}), syntax);
  EXPECT_EQ(c.say({"SET", "k", "v", "NX", "XX"}), syntax);
  EXPECT_EQ(c.say({"SET", "k", "v", "EX"}), syntax);
  EXPECT_EQ(c.say({"SET", "k", "v", "EX", "1", "PX", "1"}), syntax);
  EXPECT_EQ(c.say({"SET", "k", "v", "EX", "1", "KEEPTTL"}), syntax);
  EXPECT_EQ(c.say({"SET", "k", "v", "KEEPTTL", "EX", "1"}), syntax);
  EXPECT_EQ(c.say({"SET", "k", "v", "EX", "x", "what"}), syntax);
  EXPECT_EQ(c.say({"SET", "k", "v", "EX", "1", "EXAT", "1"}), syntax);
  EXPECT_EQ(c.say({"SET", "k", "v", "EX", "x"}), "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(c.say({"SET", "k", "v", "EX", "9223372036854775808"}), "-ERR value is not an integer or out of range\r\n");
  const auto expire = "-ERR invalid expire time in 'set' command\r\n";
  EXPECT_EQ(c.say({"SET", "k", "v", "EX", "0"}), expire);
  EXPECT_EQ(c.say({"SET", "k", "v", "PX", "-1"}), expire);
  EXPECT_EQ(c.say({"SET", "k", "v", "EX", "9223372036854775"}), expire);
  EXPECT_EQ(c.say({"SET", "k", "v", "EX", "9223372036854776"}), expire);
  EXPECT_EQ(c.say({"SET", "k", "v", "PX", "9223372036854775807"}), expire);
  EXPECT_EQ(c.say({"SET", "k"}), "-ERR wrong number of arguments for 'set' command\r\n");
  EXPECT_EQ(c.say({"GET", "k"}), "$-1\r\n");
}

TEST_F(commands, set_cuts_a_life_that_would_not_fit) {
  EXPECT_EQ(c.say({"SET", "k", "v", "EX", "9000000000000"}), "+OK\r\n");
  const auto most = std::chrono::duration_cast<std::chrono::seconds>(ttl_max).count();
  EXPECT_EQ(c.say({"TTL", "k"}), ":" + std::to_string(most) + "\r\n");
}

TEST_F(commands, set_with_get_answers_the_old_value) {
  EXPECT_EQ(c.say({"SET", "k", "a", "GET"}), "$-1\r\n");
  EXPECT_EQ(c.say({"SET", "k", "b", "EX", "10", "GET"}), "$1\r\na\r\n");
  EXPECT_EQ(c.say({"SET", "k", "c", "KEEPTTL", "GET"}), "$1\r\nb\r\n");
  EXPECT_EQ(c.say({"TTL", "k"}), ":10\r\n");
  EXPECT_EQ(c.say({"SET", "k", "d", "NX", "GET"}), "$1\r\nc\r\n");
  EXPECT_EQ(c.say({"GET", "k"}), "$1\r\nc\r\n");
  EXPECT_EQ(c.say({"SET", "other", "x", "XX", "GET"}), "$-1\r\n");
  EXPECT_EQ(c.say({"EXISTS", "other"}), ":0\r\n");
  EXPECT_EQ(c.say({"SET", "other", "x", "NX", "GET"}), "$-1\r\n");
  EXPECT_EQ(c.say({"EXISTS", "other"}), ":1\r\n");
}

TEST_F(commands, del_and_exists_count_keys) {
  c.say({"SET", "a", "1"});
  c.say({"SET", "b", "2"});
  EXPECT_EQ(c.say({"EXISTS", "a", "b", "a", "c"}), ":3\r\n");
  EXPECT_EQ(c.say({"DEL", "a", "a", "c"}), ":1\r\n");
  EXPECT_EQ(c.say({"DEL", "b"}), ":1\r\n");
  EXPECT_EQ(c.say({"EXISTS", "a", "b"}), ":0\r\n");
  EXPECT_EQ(c.say({"DEL"}), "-ERR wrong number of arguments for 'del' command\r\n");
}

TEST_F(commands, hello_changes_the_protocol) {
  EXPECT_THAT(c.say({"HELLO"}), StartsWith("*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n"));
  const auto hello = c.say({"HELLO", "3", "AUTH", "default", "any", "SETNAME", "me"});
  EXPECT_THAT(hello, StartsWith("%7\r\n$6\r\nserver\r\n"));
  EXPECT_THAT(hello, HasSubstr("$5\r\nproto\r\n:3\r\n"));
  EXPECT_EQ(c.say({"GET", "k"}), "_\r\n");
  EXPECT_EQ(c.say({"CLIENT", "GETNAME"}), "$2\r\nme\r\n");
  EXPECT_EQ(c.say({"HELLO", "4"}), "-NOPROTO unsupported protocol version\r\n");
  EXPECT_EQ(c.say({"HELLO", "x"}), "-ERR Protocol version is not an integer or out of range\r\n");
  EXPECT_EQ(c.say({"HELLO", "2", "AUTH", "me", "x"}),
            "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
  EXPECT_EQ(c.say({"HELLO", "2", "SETNAME"}), "-ERR Syntax error in HELLO option 'SETNAME'\r\n");
  EXPECT_EQ(c.say({"HELLO", "2", "SETNAME", "a b"}),
            "-ERR Client names cannot contain spaces, newlines or special characters.\r\n");
  EXPECT_EQ(c.say({"RESET"}), "+RESET\r\n");
  EXPECT_EQ(c.say({"GET", "k"}), "$-1\r\n");
}

TEST_F(commands, auth_answers_as_without_a_password) {
  EXPECT_THAT(c.say({"AUTH", "x"}), StartsWith("-ERR AUTH <password> called without any password configured"));
  EXPECT_EQ(c.say({"AUTH", "default", "x"}), "+OK\r\n");
  EXPECT_THAT(c.say({"AUTH", "me", "x"}), StartsWith("-WRONGPASS "));
}

TEST_F(commands, select_has_one_database) {
  EXPECT_EQ(c.say({"SELECT", "0"}), "+OK\r\n");
  EXPECT_EQ(c.say({"SELECT", "1"}), "-ERR DB index is out of range\r\n");
  EXPECT_EQ(c.say({"SELECT", "-1"}), "-ERR DB index is out of range\r\n");
  EXPECT_EQ(c.say({"SELECT", "99999999999"}),
            "-ERR value is out of range, value must between -2147483648 and 2147483647\r\n");
  EXPECT_EQ(c.say({"SELECT", "x"}), "-ERR value is not an integer or out of range\r\n");
}

TEST_F(commands, client_names_itself) {
  EXPECT_EQ(c.say({"CLIENT", "GETNAME"}), "$-1\r\n");
  EXPECT_EQ(c.say({"CLIENT", "SETNAME", "worker"}), "+OK\r\n");
  EXPECT_EQ(c.say({"client", "getname"}), "$6\r\nworker\r\n");
  EXPECT_THAT(c.say({"CLIENT", "SETNAME", "a b"}), StartsWith("-ERR Client names cannot"));
  EXPECT_EQ(c.say({"CLIENT", "SETINFO", "LIB-NAME", "redis-py"}), "+OK\r\n");
  EXPECT_EQ(c.say({"CLIENT", "SETINFO", "color", "red"}), "-ERR Unrecognized option 'color'\r\n");
  EXPECT_EQ(c.say({"CLIENT", "ID"}), ":1\r\n");
  EXPECT_EQ(c.say({"CLIENT", "FOO"}), "-ERR unknown subcommand 'FOO'. Try CLIENT HELP.\r\n");
  EXPECT_EQ(c.say({"CLIENT"}), "-ERR wrong number of arguments for 'client' command\r\n");
  EXPECT_EQ(c.say({"CLIENT", "ID", "x"}), "-ERR wrong number of arguments for 'client|id' command\r\n");
}

TEST_F(commands, config_get_takes_patterns) {
  EXPECT_EQ(c.say({"CONFIG", "GET", "save"}), "*2\r\n$4\r\nsave\r\n$0\r\n\r\n");
  EXPECT_EQ(c.say({"CONFIG", "GET", "appendo*", "SAVE"}),
            "*4\r\n$10\r\nappendonly\r\n$2\r\nno\r\n$4\r\nsave\r\n$0\r\n\r\n");
  EXPECT_EQ(c.say({"CONFIG", "GET", "nosuch"}), "*0\r\n");
  EXPECT_EQ(c.say({"CONFIG", "GET", "port"}), "*2\r\n$4\r\nport\r\n$4\r\n6380\r\n");
  EXPECT_EQ(c.say({"CONFIG", "GET"}), "-ERR wrong number of arguments for 'config|get' command\r\n");
}

TEST_F(commands, command_describes_the_table) {
  std::size_t names = 0;
  for (const auto& row : all_commands()) names += row.name.find('|') == std::string_view::npos ? 1 : 0;
  EXPECT_EQ(c.say({"COMMAND", "COUNT"}), ":" + std::to_string(names) + "\r\n");
  EXPECT_THAT(c.say({"COMMAND"}), StartsWith("*" + std::to_string(names) + "\r\n*10\r\n$4\r\nauth\r\n:-2\r\n"));
  EXPECT_EQ(c.say({"COMMAND", "INFO", "get", "nosuch"}),
            "*2\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n"
            "*3\r\n+@read\r\n+@string\r\n+@fast\r\n*0\r\n*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n"
            "$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n"
            "$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n*6\r\n$7\r\nlastkey\r\n:0\r\n"
            "$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n*0\r\n$-1\r\n");
  EXPECT_THAT(c.say({"COMMAND", "LIST"}), HasSubstr("$3\r\nttl\r\n"));
  EXPECT_EQ(c.say({"COMMAND", "FOO"}), "-ERR unknown subcommand 'FOO'. Try COMMAND HELP.\r\n");
}

TEST_F(commands, info_has_sections) {
  c.say({"SET", "k", "v"});
  const auto all = c.say({"INFO"});
  for (const auto* line : {"# Server\r\nredis_version:7.0.0\r\n", "# Clients\r\n", "# Memory\r\n", "# Stats\r\n",
                           "role:master\r\n", "cluster_enabled:1\r\n", "db0:keys=1,", "tcp_port:6380\r\n"})
    EXPECT_THAT(all, HasSubstr(line));
  EXPECT_EQ(c.say({"INFO", "replication"}),
            "$" + std::to_string(std::string_view("# Replication\r\nrole:master\r\nconnected_slaves:0\r\n").size()) +
                "\r\n# Replication\r\nrole:master\r\nconnected_slaves:0\r\n\r\n");
  EXPECT_EQ(c.say({"INFO", "nosuch"}), "$0\r\n\r\n");
}

TEST_F(commands, unknown_ones_are_repeated_in_part) {
  EXPECT_EQ(c.say({"foo"}), "-ERR unknown command 'foo', with args beginning with: \r\n");
  EXPECT_EQ(c.say({"FoO", "a", "b"}), "-ERR unknown command 'FoO', with args beginning with: 'a' 'b' \r\n");
  EXPECT_EQ(c.say({"fo\r\no", "a\nb"}), "-ERR unknown command 'fo  o', with args beginning with: 'a b' \r\n");
  const std::string longer(200, 'x');
  EXPECT_EQ(c.say({longer, longer, longer}), "-ERR unknown command '" + longer.substr(0, 128) +
                                                 "', with args beginning with: '" + longer.substr(0, 128) + "' \r\n");
}

TEST_F(commands, quit_ends_the_conversation) {
  EXPECT_EQ(c.say(request({"QUIT"}) + request({"PING"})), "+OK\r\n");
  EXPECT_EQ(c.result, run_result::closing);
}

TEST_F(commands, protocol_errors_end_the_conversation) {
  EXPECT_EQ(c.say("PING\r\n*1\r\n!"), "+PONG\r\n-ERR Protocol error: expected '$', got '!'\r\n");
  EXPECT_EQ(c.result, run_result::closing);
  EXPECT_EQ(c.shared.numbers.sum(&lane_numbers::protocol_errors), 1u);
}

TEST_F(commands, a_browsers_request_is_not_read_further) {
  EXPECT_EQ(c.say("POST / HTTP/1.1\r\nPING\r\n"), "");
  EXPECT_EQ(c.result, run_result::closing);
  EXPECT_EQ(c.shared.numbers.sum(&lane_numbers::protocol_errors), 1u);
}

}  // namespace
}  // namespace troupe::resp
