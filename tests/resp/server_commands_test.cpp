// CONFIG, SLOWLOG, INFO, COMMAND and the rest about the server. The wordings are those of Redis 7.0.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateways/resp/command_docs.hpp"
#include "gateways/resp/command_syntax.hpp"
#include "gateways/resp/parameters.hpp"
#include "tests/resp/conversation.hpp"

namespace troupe::resp {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* ok = "+OK\r\n";

struct server_commands : testing::Test {
  conversation c;

  std::string parameter_now(std::string_view name) {
    const auto* row = find_parameter(name);
    return row == nullptr ? "none" : value_of(c.shared, *row);
  }
};

std::string set_failed(const std::string& name, const std::string& why) {
  return "-ERR CONFIG SET failed (possibly related to argument '" + name + "') - " + why + "\r\n";
}

TEST_F(server_commands, config_set_changes_what_takes_effect) {
  EXPECT_EQ(c.say({"CONFIG", "SET", "slowlog-max-len", "7", "TIMEOUT", "30", "maxclients", "99"}), ok);
  EXPECT_EQ(c.shared.live.slow_entries_max, 7u);
  EXPECT_EQ(c.shared.live.idle_seconds, 30u);
  EXPECT_EQ(c.shared.live.connections_max, 99u);
  EXPECT_EQ(c.say({"CONFIG", "SET", "proto-max-bulk-len", "1mb"}), ok);
  EXPECT_THAT(c.say("*1\r\n$1048577\r\n"), StartsWith("-ERR Protocol error: invalid bulk length"));
}

TEST_F(server_commands, config_set_of_output_limits_names_classes) {
  EXPECT_EQ(c.say({"CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 512kb 10 normal 0 0 0"}), ok);
  EXPECT_EQ(parameter_now("client-output-buffer-limit"),
            "normal 0 0 0 slave 268435456 67108864 60 pubsub 1048576 524288 10");
  const std::string name = "client-output-buffer-limit";
  EXPECT_EQ(c.say({"CONFIG", "SET", name, "normal 1 2"}),
            set_failed(name, "Wrong number of arguments in buffer limit configuration."));
  EXPECT_EQ(c.say({"CONFIG", "SET", name, "odd 1 2 3"}),
            set_failed(name, "Invalid client class specified in buffer limit configuration."));
  EXPECT_EQ(c.say({"CONFIG", "SET", name, "normal x 2 3"}),
            set_failed(name, "Error in hard, soft or soft_seconds setting in buffer limit configuration."));
}

TEST_F(server_commands, config_set_keeps_what_has_no_effect_under_both_names) {
  EXPECT_EQ(c.say({"CONFIG", "SET", "hash-max-ziplist-entries", "9", "save", "60 1"}), ok);
  EXPECT_EQ(parameter_now("hash-max-listpack-entries"), "9");
  EXPECT_EQ(parameter_now("save"), "60 1");
  EXPECT_EQ(c.say({"CONFIG", "SET", "notify-keyspace-events", "KEA"}), ok);
  EXPECT_EQ(parameter_now("notify-keyspace-events"), "AKE");
  EXPECT_EQ(c.say({"CONFIG", "SET", "list-max-listpack-size", "-1", "lua-time-limit", "1"}), ok);
  EXPECT_EQ(parameter_now("list-max-ziplist-size"), "-1");
  EXPECT_EQ(parameter_now("busy-reply-threshold"), "1");
}

TEST_F(server_commands, appendonly_is_what_the_configuration_says_and_no_other_value_is_taken) {
  EXPECT_EQ(parameter_now("appendonly"), "no");
  EXPECT_EQ(c.say({"CONFIG", "SET", "appendonly", "NO"}), ok);
  EXPECT_EQ(c.say({"CONFIG", "SET", "appendonly", "yes"}), set_failed("appendonly", "can't set immutable config"));
  EXPECT_EQ(parameter_now("appendonly"), "no");
  EXPECT_EQ(c.say({"CONFIG", "SET", "appendfsync", "ALWAYS"}), ok) << "without a log it means nothing";
  EXPECT_EQ(parameter_now("appendfsync"), "always");
  EXPECT_EQ(c.say({"CONFIG", "SET", "timeout", "5", "appendonly", "yes"}),
            set_failed("appendonly", "can't set immutable config"));
  EXPECT_EQ(parameter_now("timeout"), "0") << "all or nothing";

  c.settings.caches["default"].durable = true;
  c.settings.caches["default"].fsync = "always";
  EXPECT_EQ(parameter_now("appendonly"), "yes");
  EXPECT_EQ(parameter_now("appendfsync"), "always");
  EXPECT_EQ(c.say({"CONFIG", "SET", "appendonly", "yes", "appendfsync", "always"}), ok);
  EXPECT_EQ(c.say({"CONFIG", "SET", "appendonly", "no"}), set_failed("appendonly", "can't set immutable config"));
  EXPECT_EQ(c.say({"CONFIG", "SET", "appendfsync", "no"}), set_failed("appendfsync", "can't set immutable config"));
  EXPECT_EQ(parameter_now("appendfsync"), "always");
  c.settings.caches["default"].backed = true;
  EXPECT_EQ(parameter_now("appendonly"), "no") << "the database keeps it";
}

TEST_F(server_commands, config_set_refuses_in_redis_words_and_changes_nothing) {
  EXPECT_EQ(c.say({"CONFIG", "SET", "foo", "bar"}),
            "-ERR Unknown option or number of arguments for CONFIG SET - 'foo'\r\n");
  EXPECT_EQ(c.say({"CONFIG", "SET", "a", "b", "c"}), "-ERR syntax error\r\n");
  EXPECT_EQ(c.say({"CONFIG", "SET", "a"}), "-ERR wrong number of arguments for 'config|set' command\r\n");
  const std::pair<const char*, const char*> bad[] = {{"timeout", "-1"},
                                                     {"maxmemory", "x"},
                                                     {"appendonly", "x"},
                                                     {"databases", "3"},
                                                     {"save", "x"},
                                                     {"port", "1"},
                                                     {"notify-keyspace-events", "q"},
                                                     {"maxmemory-policy", "foo"}};
  const char* why[] = {"argument must be between 0 and 2147483647 inclusive",
                       "argument must be a memory value",
                       "argument must be 'yes' or 'no'",
                       "can't set immutable config",
                       "Invalid save parameters",
                       "can't set immutable config",
                       "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.",
                       "argument(s) must be one of the following: volatile-lru, volatile-lfu, volatile-random, "
                       "volatile-ttl, allkeys-lru, allkeys-lfu, allkeys-random, noeviction"};
  for (std::size_t i = 0; i < std::size(bad); ++i)
    EXPECT_EQ(c.say({"CONFIG", "SET", bad[i].first, bad[i].second}), set_failed(bad[i].first, why[i]));
  EXPECT_EQ(c.say({"CONFIG", "SET", "timeout", "1", "timeout", "2"}), set_failed("timeout", "duplicate parameter"));
  // The second fails when it is applied: the first is taken back.
  EXPECT_EQ(c.say({"CONFIG", "SET", "timeout", "5", "maxmemory", "1gb"}),
            set_failed("maxmemory", "this node's limit cannot be changed"));
  EXPECT_EQ(parameter_now("timeout"), "0");
  EXPECT_EQ(c.say({"CONFIG", "REWRITE"}), "-ERR The server is running without a config file\r\n");
}

TEST_F(server_commands, parameters_are_sorted_and_read_back_what_they_were_given) {
  std::string_view before;
  for (const auto& p : all_parameters()) {
    EXPECT_LT(before, p.name);
    before = p.name;
    EXPECT_EQ(find_parameter(p.name), &p);
    if (p.kind == value_kind::fixed || p.name == "maxmemory" || p.name == "maxmemory-policy") continue;
    const auto now = value_of(c.shared, p);
    EXPECT_EQ(c.say({"CONFIG", "SET", p.name, now}), ok) << p.name << " " << now;
    EXPECT_EQ(value_of(c.shared, p), now) << p.name;
  }
}

TEST_F(server_commands, memory_is_read_with_units) {
  EXPECT_EQ(parse_memory("100"), 100u);
  EXPECT_EQ(parse_memory("1K"), 1000u);
  EXPECT_EQ(parse_memory("1kb"), 1024u);
  EXPECT_EQ(parse_memory("2Gb"), 2147483648u);
  for (const auto* text : {"", "x", "-1", "1x", "5%", "99999999999999999gb"}) EXPECT_FALSE(parse_memory(text)) << text;
}

TEST_F(server_commands, slowlog_keeps_the_last_commands_in_short) {
  EXPECT_EQ(c.say({"CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "3"}), ok);
  c.say({"SLOWLOG", "RESET"});
  const std::string longer(200, 'x');
  c.say({"CLIENT", "SETNAME", "me"});
  c.say({"SET", "k", longer});
  EXPECT_EQ(c.say({"SLOWLOG", "LEN"}), ":3\r\n");
  const auto log = c.say({"SLOWLOG", "GET", "2"});
  EXPECT_THAT(log, StartsWith("*2\r\n*6\r\n:4\r\n:"));
  EXPECT_THAT(log, HasSubstr("*2\r\n$7\r\nSLOWLOG\r\n$3\r\nLEN\r\n$15\r\n127.0.0.1:50000\r\n$2\r\nme\r\n"));
  EXPECT_THAT(log, HasSubstr(longer.substr(0, 128) + "... (72 more bytes)"));
  c.say({"CONFIG", "SET", "slowlog-log-slower-than", "-1"});
  const auto kept = c.say({"SLOWLOG", "LEN"});
  c.say({"PING"});
  EXPECT_EQ(c.say({"SLOWLOG", "LEN"}), kept);
  EXPECT_EQ(c.say({"SLOWLOG", "RESET"}), ok);
  EXPECT_EQ(c.say({"SLOWLOG", "GET"}), "*0\r\n");
  EXPECT_EQ(c.say({"SLOWLOG", "GET", "-2"}), "-ERR count should be greater than or equal to -1\r\n");
  EXPECT_EQ(c.say({"SLOWLOG", "GET", "x"}), "-ERR count should be greater than or equal to -1\r\n");
}

TEST_F(server_commands, slow_commands_with_many_words_are_cut) {
  c.say({"CONFIG", "SET", "slowlog-log-slower-than", "0"});
  std::string many = "*40\r\n$3\r\nDEL\r\n";
  for (int i = 0; i < 39; ++i) many += "$1\r\nk\r\n";
  c.say(many);
  EXPECT_THAT(c.say({"SLOWLOG", "GET", "1"}), HasSubstr("... (9 more arguments)\r\n"));
}

TEST_F(server_commands, info_counts_commands_and_errors_since_the_last_reset) {
  c.say({"SET", "k", "v"});
  c.say({"SET", "k"});
  c.say({"SET", "k", "v", "what"});
  c.say({"NOSUCH"});
  const auto info = c.say({"INFO", "commandstats", "errorstats"});
  EXPECT_THAT(info, HasSubstr("cmdstat_set:calls=2,usec="));
  EXPECT_THAT(info, HasSubstr(",rejected_calls=1,failed_calls=1\r\n"));
  EXPECT_THAT(info, HasSubstr("# Errorstats\r\nerrorstat_ERR:count=3\r\n"));
  EXPECT_THAT(info, Not(HasSubstr("# Server")));
  EXPECT_EQ(c.say({"CONFIG", "RESETSTAT"}), ok);
  const auto later = c.say({"INFO", "everything"});
  EXPECT_THAT(later, Not(HasSubstr("cmdstat_set")));
  EXPECT_THAT(later, Not(HasSubstr("errorstat_ERR")));
  EXPECT_THAT(later, HasSubstr("# Commandstats\r\n"));
  EXPECT_THAT(c.say({"INFO"}), Not(HasSubstr("# Commandstats")));
  EXPECT_THAT(c.say({"INFO", "DEFAULT", "commandstats"}), HasSubstr("# Commandstats"));
}

TEST_F(server_commands, command_names_keys_and_what_is_done_to_them) {
  EXPECT_EQ(c.say({"COMMAND", "GETKEYS", "del", "a", "b"}), "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  EXPECT_EQ(c.say({"COMMAND", "GETKEYS", "ping", "x"}), "-ERR The command has no key arguments\r\n");
  EXPECT_EQ(c.say({"COMMAND", "GETKEYS", "foo", "x"}), "-ERR Invalid command specified\r\n");
  EXPECT_EQ(c.say({"COMMAND", "GETKEYS", "get", "x", "y"}),
            "-ERR Invalid number of arguments specified for command\r\n");
  EXPECT_EQ(c.say({"COMMAND", "GETKEYSANDFLAGS", "set", "a", "b", "get"}),
            "*1\r\n*2\r\n$1\r\na\r\n*3\r\n+RW\r\n+access\r\n+update\r\n");
  EXPECT_EQ(c.say({"COMMAND", "GETKEYSANDFLAGS", "set", "a", "b"}), "*1\r\n*2\r\n$1\r\na\r\n*2\r\n+OW\r\n+update\r\n");
}

TEST_F(server_commands, command_list_takes_filters) {
  EXPECT_THAT(c.say({"COMMAND", "LIST", "FILTERBY", "PATTERN", "client|s*"}), StartsWith("*2\r\n"));
  EXPECT_THAT(c.say({"COMMAND", "LIST", "FILTERBY", "ACLCAT", "connection"}), HasSubstr("$9\r\nclient|id\r\n"));
  EXPECT_EQ(c.say({"COMMAND", "LIST", "FILTERBY", "MODULE", "x"}), "*0\r\n");
  EXPECT_EQ(c.say({"COMMAND", "LIST", "FILTERBY", "foo", "bar"}), "-ERR syntax error\r\n");
  EXPECT_EQ(c.say({"COMMAND", "LIST", "foo"}), "-ERR syntax error\r\n");
}

TEST_F(server_commands, every_command_has_documentation_that_can_be_read) {
  for (const auto& row : all_commands()) {
    const auto* doc = find_doc(row.name);
    ASSERT_NE(doc, nullptr) << row.name;
    EXPECT_FALSE(doc->summary.empty()) << row.name;
  }
  for (const auto part : {docs_of_connection(), docs_of_keys(), docs_of_types()}) {
    std::string_view before;
    for (const auto& doc : part) {
      EXPECT_LT(before, doc.name);
      before = doc.name;
      if (doc.syntax.empty()) continue;
      EXPECT_FALSE(parse_syntax(doc.syntax).empty()) << doc.name;
    }
  }
  EXPECT_EQ(c.say({"COMMAND", "DOCS", "nosuch"}), "*0\r\n");
  c.say({"HELLO", "3"});
  EXPECT_EQ(c.say({"COMMAND", "DOCS", "get"}),
            "%1\r\n$3\r\nget\r\n%5\r\n$7\r\nsummary\r\n$20\r\nThe string of a key.\r\n$5\r\nsince\r\n$5\r\n1.0.0\r\n"
            "$5\r\ngroup\r\n$6\r\nstring\r\n$10\r\ncomplexity\r\n$4\r\nO(1)\r\n$9\r\narguments\r\n*1\r\n%3\r\n"
            "$4\r\nname\r\n$3\r\nkey\r\n$4\r\ntype\r\n$3\r\nkey\r\n$14\r\nkey_spec_index\r\n:0\r\n");
}

TEST(command_syntax, reads_choices_options_and_repetitions) {
  const auto set = parse_syntax("key:k value [NX|XX] [EX seconds:i|KEEPTTL] (GET (a b:i))...+ c...");
  ASSERT_EQ(set.size(), 6u);
  EXPECT_EQ(set[0].type, "key");
  EXPECT_EQ(set[1].type, "string");
  EXPECT_EQ(set[2].type, "oneof");
  EXPECT_TRUE(set[2].optional);
  EXPECT_EQ(set[2].children[1].token, "XX");
  EXPECT_EQ(set[3].children[0].token, "EX");
  EXPECT_EQ(set[3].children[0].type, "integer");
  EXPECT_EQ(set[3].children[1].type, "pure-token");
  EXPECT_EQ(set[4].type, "block");
  EXPECT_EQ(set[4].token, "GET");
  EXPECT_TRUE(set[4].multiple && set[4].multiple_token);
  EXPECT_TRUE(set[5].multiple && !set[5].multiple_token);
  EXPECT_EQ(shown_syntax("ip:port [start:i end:i [BYTE|BIT]] (key:k value)... (P prefix)...+"),
            "ip:port [start end [BYTE|BIT]] (key value)... (P prefix)...");
}

TEST_F(server_commands, the_rest_answers_what_is_true) {
  EXPECT_EQ(c.say({"ROLE"}), "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
  EXPECT_EQ(c.say({"WAIT", "0", "0"}), ":0\r\n");
  EXPECT_EQ(c.say({"WAIT", "x", "0"}), "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(c.say({"WAIT", "0", "x"}), "-ERR timeout is not an integer or out of range\r\n");
  EXPECT_EQ(c.say({"WAIT", "0", "-1"}), "-ERR timeout is negative\r\n");
  EXPECT_THAT(c.say({"TIME"}), StartsWith("*2\r\n$10\r\n"));
  EXPECT_THAT(c.say({"SHUTDOWN"}), StartsWith("-ERR SHUTDOWN is not allowed"));
  EXPECT_EQ(c.say({"FUNCTION", "FLUSH"}), ok);
  EXPECT_EQ(c.say({"FUNCTION", "FLUSH", "x"}), "-ERR FUNCTION FLUSH only supports SYNC|ASYNC option\r\n");
  EXPECT_THAT(c.say({"EVAL", "return 1", "0"}), StartsWith("-ERR unknown command 'EVAL'"));
  EXPECT_THAT(c.say({"XADD", "s", "*", "a", "b"}), StartsWith("-ERR unknown command 'XADD'"));
  EXPECT_THAT(c.say({"SWAPDB", "0", "1"}), StartsWith("-ERR unknown command 'SWAPDB'"));
  EXPECT_EQ(c.say({"LOLWUT"}), "$17\r\nRedis ver. 7.0.0\n\r\n");
  EXPECT_EQ(c.say({"LATENCY", "LATEST"}), "*0\r\n");
  EXPECT_EQ(c.say({"LATENCY", "RESET"}), ":0\r\n");
}

}  // namespace
}  // namespace troupe::resp
