// Tags, user events, queries, scripts and round trips among real nodes in one process.
#include <troupe/local_cluster.hpp>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <utility>

#include <gtest/gtest.h>

#include "gateways/http/client.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

/// What the nodes of a cluster published, by node.
class witness {
 public:
  void listen(local_cluster& c) {
    for (std::size_t i = 0; i < c.size(); ++i) {
      c.at(i).on_event([this, i](const event& e) {
        const std::lock_guard lock(mutex_);
        seen_[i].push_back(e);
      });
    }
  }
  [[nodiscard]] std::vector<event> of(std::size_t node, const std::string& kind) const {
    const std::lock_guard lock(mutex_);
    std::vector<event> found;
    const auto at = seen_.find(node);
    if (at == seen_.end()) return found;
    for (const auto& e : at->second) {
      if (e.kind == kind) found.push_back(e);
    }
    return found;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::size_t, std::vector<event>> seen_;
};

std::string field(const event& e, const std::string& name) {
  for (const auto& [key, value] : e.fields) {
    if (key == name) return value;
  }
  return {};
}

std::string slurp(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

class talking_nodes : public ::testing::Test {
 protected:
  talking_nodes() {
    std::string pattern = (std::filesystem::temp_directory_path() / "troupe-talk-XXXXXX").string();
    home_ = ::mkdtemp(pattern.data());
  }
  ~talking_nodes() override {
    cluster_.reset();
    std::filesystem::remove_all(home_);
  }

  void start(std::vector<std::string> handlers = {}, std::size_t nodes = 3) {
    local_cluster_options options;
    options.nodes = nodes;
    options.services = {"http", "cache"};
    options.adjust = [handlers](config& c, std::size_t index) {
      if (index == 0) c.events.handlers = handlers;
      c.events.handler_timeout = 4s;
      c.events.handlers_at_once = 2;
    };
    auto started = local_cluster::start(std::move(options));
    ASSERT_TRUE(started) << describe(started.error());
    cluster_.emplace(std::move(*started));
    seen_.listen(*cluster_);
  }

  std::string write_script(const std::string& name, const std::string& text) {
    const std::string path = home_ + "/" + name;
    std::ofstream(path) << "#!/bin/sh\n" << text << "\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
  }

  local_cluster& nodes() { return *cluster_; }
  bool eventually(const std::function<bool()>& holds) {
    return nodes().wait_until([&holds](local_cluster&) { return holds(); });
  }
  http_answer call(std::size_t node, const std::string& method, const std::string& target,
                   const std::string& body = {}) {
    auto answer = http_call(nodes().at(node).addresses().http, method, target, body);
    EXPECT_TRUE(answer) << describe(answer.error());
    return answer.value_or(http_answer{});
  }
  double metric(std::size_t node, const std::string& name) {
    const auto text = call(node, "GET", "/metrics").body;
    const auto at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }

  std::string home_;
  witness seen_;
  std::optional<local_cluster> cluster_;
};

query named(std::string name) {
  query q;
  q.name = std::move(name);
  return q;
}

TEST_F(talking_nodes, tags_set_live_are_seen_by_all_until_the_process_ends) {
  start();
  const auto tags = nodes().at(1).change_tags({{"zone", "b"}, {"role", "api"}});
  ASSERT_TRUE(tags) << describe(tags.error());
  EXPECT_EQ(tags->at("zone"), "b");
  const auto tag_of_n2_at = [this](std::size_t node) {
    for (const auto& m : nodes().at(node).view()->members) {
      if (m.name == "n2") return m.tags.count("zone") > 0 ? m.tags.at("zone") : std::string();
    }
    return std::string();
  };
  EXPECT_TRUE(eventually([&] { return tag_of_n2_at(0) == "b" && tag_of_n2_at(1) == "b" && tag_of_n2_at(2) == "b"; }));
  EXPECT_EQ(nodes().at(1).change_tags({{"a b", "x"}}).error().code, errc::invalid_argument);
  EXPECT_EQ(nodes().at(1).change_tags({{"a", std::string(200, 'x')}}).error().code, errc::too_large);
  EXPECT_EQ(call(1, "PUT", "/v1/cluster/tags", R"({"zone":"c"})").body,
            "{\"tags\":{\"role\":\"api\",\"zone\":\"c\"}}\n");
  EXPECT_EQ(call(1, "DELETE", "/v1/cluster/tags?name=role").body, "{\"tags\":{\"zone\":\"c\"}}\n");
  EXPECT_EQ(call(1, "DELETE", "/v1/cluster/tags").status, 400);
  EXPECT_EQ(call(1, "PUT", "/v1/cluster/tags", R"({"zone":1})").status, 400);
  EXPECT_EQ(call(1, "PUT", "/v1/cluster/tags", R"({"zone":")" + std::string(200, 'x') + "\"}").status, 413);
  EXPECT_TRUE(eventually([&] { return tag_of_n2_at(0) == "c"; }));
  EXPECT_TRUE(eventually([&] { return call(1, "GET", "/v1/cluster/tags").body == "{\"tags\":{\"zone\":\"c\"}}\n"; }));
}

TEST_F(talking_nodes, a_user_event_is_published_once_at_each_node) {
  start();
  const auto time = nodes().at(0).raise_event("deploy", "v7");
  ASSERT_TRUE(time) << describe(time.error());
  EXPECT_EQ(call(2, "POST", "/v1/cluster/events?name=second", "x").status, 202);
  EXPECT_TRUE(eventually([this] {
    for (std::size_t i = 0; i < 3; ++i) {
      if (seen_.of(i, "user_event").size() < 2) return false;
    }
    return true;
  }));
  for (std::size_t i = 0; i < 3; ++i) {
    auto events = seen_.of(i, "user_event");
    ASSERT_EQ(events.size(), 2U);
    // Said by two members at about the same time: their order is not promised.
    if (field(events[0], "name") == "second") std::swap(events[0], events[1]);
    EXPECT_EQ(field(events[0], "name"), "deploy");
    EXPECT_EQ(field(events[0], "payload"), "v7");
    EXPECT_EQ(field(events[0], "origin"), "n1");
    EXPECT_EQ(field(events[0], "ltime"), std::to_string(*time));
  }
  EXPECT_EQ(call(0, "POST", "/v1/cluster/events?name=a%20b").status, 400);
  EXPECT_EQ(call(0, "POST", "/v1/cluster/events").status, 400);
  EXPECT_EQ(call(0, "POST", "/v1/cluster/events?name=x", std::string(513, 'x')).status, 413);
  errc last = errc::ok;
  for (int i = 0; i < 100 && last == errc::ok; ++i) {
    const auto said = nodes().at(1).raise_event("flood");
    if (!said) last = said.error().code;
  }
  EXPECT_EQ(last, errc::unavailable) << "the rate of one node is limited";
}

TEST_F(talking_nodes, queries_gather_answers_from_machines_embedders_and_scripts) {
  start({"query:load=" + write_script("load", "printf 'load of %s: ' $TROUPE_NODE; cat")});
  nodes().at(1).on_query([](const std::string& name, const std::string& payload) -> std::optional<std::string> {
    if (name != "load") return std::nullopt;
    return "embedded " + payload;
  });
  const auto pings = nodes().at(2).ask(named("ping"));
  ASSERT_TRUE(pings) << describe(pings.error());
  EXPECT_EQ(pings->answers.size(), 3U);
  for (const auto& a : pings->answers) EXPECT_EQ(a.payload, a.member);

  auto q = named("load");
  q.payload = "now";
  q.timeout = 10s;
  const auto loads = nodes().at(2).ask(q);
  ASSERT_TRUE(loads) << describe(loads.error());
  std::map<std::string, std::string> answers;
  for (const auto& a : loads->answers) answers[a.member] = a.payload;
  EXPECT_EQ(answers["n1"], "load of n1: now");
  EXPECT_EQ(answers["n2"], "embedded now");
  EXPECT_EQ(loads->unhandled, (std::vector<std::string>{"n3"}));

  ASSERT_TRUE(nodes().at(1).change_tags({{"role", "api"}}));
  EXPECT_TRUE(eventually([this] {
    return call(0, "POST", "/v1/cluster/queries?name=version&tag=role=api").body.find("\"member\":\"n2\"") !=
           std::string::npos;
  }));
  EXPECT_EQ(call(0, "POST", "/v1/cluster/queries?name=ping&timeout=9h").status, 400);
  EXPECT_EQ(call(0, "POST", "/v1/cluster/queries?name=ping&tag=role").status, 400);
  EXPECT_EQ(call(0, "POST", "/v1/cluster/queries").status, 400);
  q.timeout = 1ms;
  EXPECT_EQ(nodes().at(0).ask(q).error().code, errc::invalid_argument);
}

TEST_F(talking_nodes, handlers_get_events_on_standard_input_and_bad_ones_end_nobody) {
  const auto out = home_ + "/out";
  start({"user:deploy=" +
             write_script("deploy", "cat > " + out +
                                        ".part; printf ' %s %s %s' $TROUPE_EVENT $TROUPE_EVENT_NAME $TROUPE_LTIME >> " +
                                        out + ".part; mv " + out + ".part " + out),
         "user:missing=" + home_ + "/missing", "user:hang=" + write_script("hang", "sleep 1000"),
         "user:loud=" + write_script("loud", "while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done"),
         "member_departing|member_departed=" + write_script("members", "cat > " + home_ + "/departed")});
  const auto time = nodes().at(2).raise_event("deploy", "payload of deploy");
  ASSERT_TRUE(time);
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(out); }));
  EXPECT_EQ(slurp(out), "payload of deploy user deploy " + std::to_string(*time));
  for (const char* name : {"missing", "hang", "loud"}) ASSERT_TRUE(nodes().at(1).raise_event(name));
  EXPECT_TRUE(eventually([this] { return metric(0, "troupe_handlers_failures_total") == 3; }));
  EXPECT_EQ(metric(0, "troupe_handlers_runs_total"), 4);
  EXPECT_EQ(metric(1, "troupe_handlers_runs_total"), 0) << "no handlers are configured there";
  ASSERT_TRUE(nodes().leave(2));
  EXPECT_TRUE(eventually([this] { return slurp(home_ + "/departed").find("\"name\":\"n3\"") != std::string::npos; }));
  EXPECT_TRUE(nodes().at(0).raise_event("still", "alive"));
}

TEST_F(talking_nodes, round_trips_are_estimated_after_a_few_probes) {
  start();
  EXPECT_TRUE(eventually([this] { return nodes().at(0).round_trip("n2", "n3").has_value(); }));
  EXPECT_GT(*nodes().at(0).round_trip("n1", "n2"), duration::zero());
  EXPECT_LT(*nodes().at(0).round_trip("n2", "n3"), 1s);
  EXPECT_EQ(nodes().at(0).round_trip("n1", "nobody").error().code, errc::not_found);
  EXPECT_EQ(call(0, "GET", "/v1/cluster/rtt?a=n2&b=n3").status, 200);
  EXPECT_EQ(call(0, "GET", "/v1/cluster/rtt?a=n2&b=x").status, 404);
  EXPECT_EQ(call(0, "GET", "/v1/cluster/rtt?a=n2").status, 400);
}

TEST_F(talking_nodes, events_about_one_member_come_in_the_order_in_which_they_happened) {
  start();
  nodes().kill(2);
  EXPECT_TRUE(eventually([this] { return !seen_.of(0, "member_failed").empty(); }));
  const auto suspects = seen_.of(0, "member_suspect");
  const auto failed = seen_.of(0, "member_failed").at(0);
  ASSERT_FALSE(suspects.empty());
  EXPECT_LT(suspects[0].sequence, failed.sequence);
  ASSERT_TRUE(nodes().restart(2));
  EXPECT_TRUE(eventually([this] { return nodes().converged(); }));
}

}  // namespace
}  // namespace troupe
