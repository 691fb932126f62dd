// What a user of one node sees, through the real program and real clients.
#include <csignal>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "gateways/http/client.hpp"
#include "tests/process/program.hpp"

namespace troupe::test {
namespace {

using nlohmann::json;

http_answer call(const single_node& node, std::string_view method, std::string_view target,
                 std::string_view body = {}) {
  auto answer = http_call(node.url(), method, target, body, {}, patience);
  if (!answer) throw std::runtime_error(describe(answer.error()));
  return *answer;
}

outcome redis_cli(const single_node& node, std::vector<std::string> words) {
  words.insert(words.begin(), {"-p", node.resp.substr(node.resp.rfind(':') + 1)});
  return run_tool("redis-cli", words);
}

TEST(single_node, a_value_put_over_http_is_read_over_http_redis_cli_and_the_command_line) {
  const single_node node;
  EXPECT_EQ(call(node, "PUT", "/v1/cache/default/greeting", "hello").status, 204);
  EXPECT_EQ(call(node, "GET", "/v1/cache/default/greeting").body, "hello");
  EXPECT_EQ(redis_cli(node, {"GET", "greeting"}).out, "hello\n");
  EXPECT_EQ(run({"get", "greeting", "--http", node.url()}).out, "hello\n");
}

TEST(single_node, a_value_set_by_redis_cli_and_by_the_command_line_is_read_over_http) {
  const single_node node;
  EXPECT_EQ(redis_cli(node, {"SET", "a", "1"}).out, "OK\n");
  EXPECT_EQ(run({"set", "b c/d", "2", "--http", node.url()}).exit_code, 0);
  EXPECT_EQ(run({"set", "e", "--ttl", "1h", "--http", node.url()}, {}, "from standard input").exit_code, 0);
  EXPECT_EQ(call(node, "GET", "/v1/cache/default/a").body, "1");
  EXPECT_EQ(call(node, "GET", "/v1/cache/default/b%20c/d").body, "2");
  EXPECT_EQ(call(node, "GET", "/v1/cache/default/e").body, "from standard input");
  EXPECT_EQ(run({"del", "a", "--http", node.url()}).exit_code, 0);
  EXPECT_EQ(run({"get", "a", "--http", node.url()}).exit_code, 1);
  EXPECT_EQ(run({"del", "a", "--http", node.url()}).exit_code, 1);
  EXPECT_EQ(run({"drop", "default", "--i-mean-it", "default", "--http", node.url()}).exit_code, 0);
  EXPECT_EQ(run({"get", "e", "--http", node.url()}).exit_code, 1);
  EXPECT_EQ(run({"drop", "nobody", "--i-mean-it", "nobody", "--http", node.url()}).exit_code, 1);
}

TEST(single_node, a_value_in_a_backed_cache_survives_kill_9) {
  single_node node;
  EXPECT_EQ(call(node, "PUT", "/v1/cache/persistent/k", "kept").status, 204);
  EXPECT_EQ(call(node, "PUT", "/v1/cache/persistent/gone", "x").status, 204);
  EXPECT_EQ(call(node, "DELETE", "/v1/cache/persistent/gone").status, 204);
  EXPECT_EQ(call(node, "PUT", "/v1/cache/default/k", "lost").status, 204);
  node.crash_and_restart();
  EXPECT_EQ(call(node, "GET", "/v1/cache/persistent/k").body, "kept");
  EXPECT_EQ(call(node, "GET", "/v1/cache/persistent/gone").status, 404);
  EXPECT_EQ(call(node, "GET", "/v1/cache/default/k").status, 404);
}

TEST(single_node, versions_of_a_backed_value_rise_across_a_crash) {
  single_node node;
  const auto first = call(node, "PUT", "/v1/cache/persistent/k", "1").headers.at("etag");
  node.crash_and_restart();
  const auto kept = call(node, "GET", "/v1/cache/persistent/k").headers.at("etag");
  EXPECT_EQ(kept, first);
  const auto second = call(node, "PUT", "/v1/cache/persistent/k", "2").headers.at("etag");
  EXPECT_NE(second, first);
  EXPECT_GT(std::stoull(second.substr(1)), std::stoull(first.substr(1)));
}

TEST(single_node, leads_itself_with_pid_1_and_its_term_rises_with_each_start) {
  single_node node;
  const auto first = json::parse(call(node, "GET", "/v1/cluster/leader").body);
  EXPECT_EQ(first.at("name"), "solo");
  EXPECT_EQ(first.at("pid"), 1);
  EXPECT_EQ(first.at("fenced"), true);
  node.crash_and_restart();
  const auto second = json::parse(call(node, "GET", "/v1/cluster/leader").body);
  EXPECT_EQ(second.at("pid"), 1);
  EXPECT_GT(second.at("term").get<int>(), first.at("term").get<int>());
}

TEST(single_node, answers_every_cluster_route_for_one_node) {
  const single_node node;
  EXPECT_EQ(call(node, "GET", "/livez").status, 200);
  EXPECT_EQ(call(node, "GET", "/readyz").status, 200);
  const auto members = json::parse(call(node, "GET", "/v1/cluster/members").body);
  ASSERT_EQ(members.size(), 1u);
  EXPECT_EQ(members[0].at("state"), "alive");
  EXPECT_EQ(members[0].at("address"), node.cluster);
  EXPECT_EQ(json::parse(call(node, "GET", "/v1/cluster/health").body).at("status"), "green");
  const auto shards = json::parse(call(node, "GET", "/v1/cluster/shards").body);
  ASSERT_EQ(shards.size(), 256u);
  EXPECT_EQ(shards[0].at("primary"), "solo");
  EXPECT_EQ(json::parse(call(node, "GET", "/v1/cluster").body).at("node"), "solo");
  const auto services = json::parse(call(node, "GET", "/v1/services").body);
  for (const auto& service : services) {
    const bool on = service.at("nodes").size() == 1;
    const std::string name = service.at("name");
    EXPECT_EQ(on, name == "http" || name == "resp" || name == "cache" || name == "db") << name;
  }
  EXPECT_NE(call(node, "GET", "/metrics").body.find("troupe_"), std::string::npos);
}

TEST(single_node, the_command_line_shows_the_same) {
  const single_node node;
  const std::vector<std::string> at{"--http", node.url()};
  const auto verb = [&](const std::string& name) { return run({name, "--http", node.url()}); };
  EXPECT_EQ(verb("health").exit_code, 0);
  EXPECT_EQ(verb("health").out.substr(0, 5), "green");
  EXPECT_NE(verb("members").out.find("solo"), std::string::npos);
  EXPECT_EQ(word_after(verb("leader").out, "name"), "solo");
  EXPECT_NE(verb("shards").out.find("255"), std::string::npos);
  EXPECT_NE(verb("services").out.find("running"), std::string::npos);
  EXPECT_EQ(verb("info").exit_code, 0);
  EXPECT_EQ(json::parse(run({"members", "--json", "--http", node.url()}).out)[0].at("name"), "solo");
}

TEST(single_node, forces_nobody_out_that_it_does_not_know_or_that_lives) {
  const single_node node;
  const auto unknown = run({"force-leave", "nobody", "--http", node.url()});
  EXPECT_EQ(unknown.exit_code, 1) << unknown.err;
  const auto itself = run({"force-leave", "solo", "--http", node.url()});
  EXPECT_EQ(itself.exit_code, 1);
  EXPECT_NE(itself.err.find("not failed"), std::string::npos) << itself.err;
}

TEST(single_node, sigterm_leaves_and_ends_with_0) {
  const single_node node;
  node.process->signal(SIGTERM);
  EXPECT_EQ(node.process->wait_exit(), 0);
  node.process->join_readers();
  EXPECT_NE(node.process->err().find("node_stopped"), std::string::npos);
}

// The signals were taken only after the node had started.
TEST(single_node, a_sigterm_while_it_starts_leaves_and_ends_with_0) {
  const temporary_directory home;
  program node({"node", "--mode", "single", "--name", "solo", "--data-dir", home.path() + "/data", "--http",
                "127.0.0.1:0", "--resp", "127.0.0.1:0", "--cluster", "127.0.0.1:0"});
  ASSERT_TRUE(node.wait_for("node_starting"));
  node.signal(SIGTERM);
  EXPECT_EQ(node.wait_exit(), 0);
  node.join_readers();
  EXPECT_NE(node.err().find("node_stopped"), std::string::npos);
}

TEST(single_node, a_leave_over_http_ends_the_program_with_0) {
  const single_node node;
  EXPECT_EQ(run({"leave", "--http", node.url()}).exit_code, 0);
  EXPECT_EQ(node.process->wait_exit(), 0);
}

TEST(single_node, refuses_a_joiner_with_the_reason_and_the_joiner_leads_nothing) {
  const single_node node;
  const temporary_directory home;
  program joiner({"node", "--services", "http,cache", "--name", "joiner", "--data-dir", home.path() + "/data", "--http",
                  "127.0.0.1:0", "--cluster", "127.0.0.1:0", "--seeds", node.cluster});
  ASSERT_TRUE(joiner.wait_for("join_refused")) << joiner.err();
  ASSERT_TRUE(joiner.wait_for("Try:"));
  const auto url = "http://" + word_after(joiner.out(), "http://");
  EXPECT_EQ(run({"leader", "--http", url}).exit_code, 1);
  EXPECT_EQ(http_call(url, "GET", "/readyz", {}, {}, patience)->status, 503);
  EXPECT_EQ(call(node, "GET", "/readyz").status, 200);
}

TEST(single_node, garbage_on_the_cluster_port_is_counted) {
  const single_node node;
  const auto count = [&](const std::string& metric) {
    const auto text = call(node, "GET", "/metrics").body;
    const auto value = word_after(text, "\n" + metric);
    return value.empty() ? -1.0 : std::stod(value);
  };
  const double before = count("troupe_gossip_malformed_total");
  ASSERT_GE(before, 0.0);
  boost::asio::io_context loop;
  boost::asio::ip::udp::socket stranger(loop, boost::asio::ip::udp::v4());
  const auto port = static_cast<std::uint16_t>(std::stoi(node.cluster.substr(node.cluster.rfind(':') + 1)));
  stranger.send_to(boost::asio::buffer(std::string("no gossip")), {boost::asio::ip::make_address("127.0.0.1"), port});
  const auto end = std::chrono::steady_clock::now() + patience;
  while (count("troupe_gossip_malformed_total") <= before) ASSERT_LT(std::chrono::steady_clock::now(), end);
}

TEST(single_node, works_as_pid_1) {
  const outcome allowed = run_tool("unshare", {"--pid", "--fork", "--mount-proc", "true"});
  if (allowed.exit_code != 0) GTEST_SKIP() << "needs the right to make a PID namespace: " << allowed.err;
  const temporary_directory home;
  program p("unshare",
            {"--pid", "--fork", "--kill-child=SIGTERM", TROUPE_PROGRAM, "node", "--mode", "single", "--data-dir",
             home.path() + "/data", "--http", "127.0.0.1:0", "--resp", "127.0.0.1:0", "--cluster", "127.0.0.1:0"},
            {}, {});
  ASSERT_TRUE(p.wait_for("Try:")) << p.err();
  const auto url = "http://" + word_after(p.out(), "http://");
  EXPECT_EQ(run({"leave", "--http", url}).exit_code, 0);
  EXPECT_EQ(p.wait_exit(), 0);
}

}  // namespace
}  // namespace troupe::test
