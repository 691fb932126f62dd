// Modules of real nodes: one exports, others import; the exporter's node is killed, leaves and returns.
#include <troupe/local_cluster.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <mutex>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "gateways/http/client.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;

/// What happened, in order: "n1 shop starts", ...
class diary {
 public:
  void note(const std::string& line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(line);
  }
  [[nodiscard]] std::size_t count(const std::string& line) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::count(lines_.begin(), lines_.end(), line));
  }
  [[nodiscard]] std::size_t first(const std::string& line) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::find(lines_.begin(), lines_.end(), line) - lines_.begin());
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// n1 has the warehouse, which exports `stock`; all have the shop, which needs it from anywhere, and the window, which
/// needs the shop at its node.
class modules_test : public ::testing::Test {
 protected:
  void start(std::function<void(config&, std::size_t)> adjust = nullptr) {
    local_cluster_options o;
    o.services = {"http", "cache"};
    o.adjust = [adjust](config& c, std::size_t i) {
      if (i == 0) c.node.services.push_back("warehouse");
      c.node.services.insert(c.node.services.end(), {"shop", "window"});
      if (adjust) adjust(c, i);
    };
    o.equip = [this](node_options& brings, std::size_t i) { equip(brings, "n" + std::to_string(i + 1)); };
    auto started = local_cluster::start(std::move(o));
    ASSERT_TRUE(started) << describe(started.error());
    cluster.emplace(std::move(*started));
  }
  void equip(node_options& brings, const std::string& who) {
    const auto noted = [this, who](troupe::module m) {
      const auto start_as = m.start;
      m.start = [this, who, start_as, name = m.name](module_context& here) -> expected<void> {
        book.note(who + " " + name + " starts");
        return start_as ? start_as(here) : expected<void>();
      };
      m.stop = [this, who, name = m.name](module_context&) { book.note(who + " " + name + " stops"); };
      return m;
    };
    troupe::module warehouse;
    warehouse.name = "warehouse";
    warehouse.imports = {{"cache"}};
    warehouse.exports = {{"stock"}};
    warehouse.start = [](module_context& here) { return here.set_variables("stock", {{"shelf", "A=7;%"}}); };
    troupe::module shop;
    shop.name = "shop";
    shop.imports = {{"stock", import_scope::anywhere}};
    shop.start = [this, who](module_context& here) -> expected<void> {
      for (const auto& s : here.sources_of("stock"))
        book.note(who + " buys at " + s.member + " " + s.variables.at("shelf"));
      return {};
    };
    troupe::module window;
    window.name = "window";
    window.imports = {{"shop"}};
    window.required_for_ready = true;
    brings.modules = {noted(window), noted(shop), noted(warehouse)};
  }
  [[nodiscard]] service_status row(std::size_t i, const std::string& name) {
    for (const auto& s : cluster->at(i).view()->services) {
      if (s.name == name) return s;
    }
    return {};
  }
  void expect_state(std::size_t i, const std::string& name, service_state s) {
    EXPECT_TRUE(cluster->wait_until([&](local_cluster&) { return row(i, name).state == s; }))
        << "n" << i + 1 << ": " << name << " is " << name_of(row(i, name).state) << ": " << row(i, name).reason;
  }
  json get(std::size_t i, const std::string& target, int status = 200) {
    const auto answer = http_call(cluster->at(i).addresses().http, "GET", target, {}, {}, 20s);
    EXPECT_TRUE(answer) << describe(answer.error());
    if (!answer) return {};
    EXPECT_EQ(answer->status, status) << answer->body;
    return json::parse(answer->body, nullptr, false);
  }

  diary book;
  std::optional<local_cluster> cluster;
};

TEST_F(modules_test, run_everywhere_when_one_node_exports_what_they_need) {
  start();
  for (std::size_t i = 0; i < 3; ++i) expect_state(i, "window", service_state::running);
  for (const auto* who : {"n1", "n2", "n3"})
    EXPECT_EQ(book.count(std::string(who) + " buys at n1 A=7;%"), 1u) << "with the variables";
  EXPECT_EQ(row(1, "warehouse").state, service_state::stopped) << "it is not among the services of n2";
  EXPECT_TRUE(cluster->wait_until([&](local_cluster&) {
    return row(2, "shop").nodes == std::vector<std::string>{"n1", "n2", "n3"} &&
           row(2, "warehouse").nodes == std::vector<std::string>{"n1"};
  })) << "who runs what is known everywhere";
}

TEST_F(modules_test, stop_with_a_reason_when_the_exporters_node_is_killed_and_resume_when_it_is_back) {
  start();
  for (std::size_t i = 0; i < 3; ++i) expect_state(i, "window", service_state::running);
  cluster->kill(0);
  for (std::size_t i = 1; i < 3; ++i) {
    expect_state(i, "window", service_state::waiting);
    expect_state(i, "shop", service_state::waiting);
    EXPECT_EQ(row(i, "shop").reason,
              "it needs stock at some node: no other member exports it, and here module warehouse is not among "
              "node.services");
    EXPECT_TRUE(cluster->wait_until([&](local_cluster& c) { return !c.at(i).view()->ready; }));
    const auto reasons = cluster->at(i).view()->not_ready_reasons;
    EXPECT_THAT(reasons, testing::Contains("module window is waiting: it needs shop here: module shop is waiting"));
  }
  EXPECT_LT(book.first("n2 window stops"), book.first("n2 shop stops")) << "dependants first";
  ASSERT_TRUE(cluster->restart(0));
  for (std::size_t i = 0; i < 3; ++i) expect_state(i, "window", service_state::running);
  EXPECT_TRUE(cluster->wait_until([](local_cluster& c) { return c.converged(); })) << "and ready again";
}

TEST_F(modules_test, stop_in_order_before_their_node_leaves_and_elsewhere_with_it) {
  start();
  for (std::size_t i = 0; i < 3; ++i) expect_state(i, "window", service_state::running);
  ASSERT_TRUE(cluster->leave(0));
  EXPECT_LT(book.first("n1 window stops"), book.first("n1 shop stops"));
  EXPECT_LT(book.first("n1 shop stops"), book.first("n1 warehouse stops"));
  for (std::size_t i = 1; i < 3; ++i) expect_state(i, "shop", service_state::waiting);
}

TEST_F(modules_test, explain_themselves_across_nodes) {
  start();
  for (std::size_t i = 0; i < 3; ++i) expect_state(i, "window", service_state::running);
  EXPECT_EQ(get(1, "/v1/services/window/why")["runs"], true);
  cluster->kill(0);
  expect_state(1, "shop", service_state::waiting);
  const auto why = get(1, "/v1/services/window/why");
  EXPECT_EQ(why["runs"], false);
  EXPECT_EQ(why["state"], "waiting");
  EXPECT_EQ(why["path"][0]["text"], "window is waiting: it needs shop here: module shop is waiting");
  EXPECT_EQ(why["path"][1]["text"],
            "shop is waiting: it needs stock at some node: no other member exports it, and here module warehouse is "
            "not among node.services");
  EXPECT_EQ(why["path"].back()["text"], "warehouse is not among node.services of this node");
  ASSERT_EQ(why["members"].size(), 1u) << why;
  EXPECT_EQ(why["members"][0]["member"], "n3");
  EXPECT_EQ(why["members"][0]["text"], "warehouse is not among node.services of this node");
  EXPECT_EQ(get(1, "/v1/services/cache/why")["runs"], true);
  EXPECT_THAT(get(1, "/v1/services/nothing/why", 404)["detail"].get<std::string>(), HasSubstr("'nothing'"));
  EXPECT_EQ(get(1, "/v1/services/entities/why")["state"], "stopped") << "beside the route of entities";
  const auto metrics = http_call(cluster->at(1).addresses().http, "GET", "/metrics");
  ASSERT_TRUE(metrics);
  for (const auto* line : {"troupe_modules_running_count 0", "troupe_modules_waiting_count 2"})
    EXPECT_THAT(metrics->body, HasSubstr(line));
}

// ---- one node ----

config alone(std::vector<std::string> services) {
  config c;
  c.node.name = "lone";
  c.node.services = std::move(services);
  c.cluster.bind = "127.0.0.1:0";
  c.http.bind = "127.0.0.1:0";
  c.log.level = "error";
  return c;
}

class module_faults : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "troupe-modules-XXXXXX").string();
    home = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(home); }
  expected<node> run(config c, std::vector<troupe::module> all) {
    c.node.data_dir = home + "/data";
    node_options brings;
    brings.modules = std::move(all);
    return node::start(std::move(c), std::move(brings));
  }
  std::string refusal(const config& c, std::vector<troupe::module> all) {
    auto started = run(c, std::move(all));
    if (started) return "started";
    EXPECT_EQ(started.error().code, errc::bad_config);
    return started.error().context;
  }
  static troupe::module named(const std::string& name, std::vector<module_import> imports = {}) {
    troupe::module m;
    m.name = name;
    m.imports = std::move(imports);
    return m;
  }
  std::string home;
};

TEST_F(module_faults, are_bad_config_before_anything_is_opened) {
  EXPECT_EQ(refusal(alone({"a"}), {named("a"), named("a")}), "module a: there are two modules of this name");
  EXPECT_EQ(refusal(alone({"a"}), {named("a", {{"a"}})}), "module a: imports a, which it exports itself");
  EXPECT_EQ(refusal(alone({"a"}), {named("a", {{"b"}}), named("b", {{"a"}})}),
            "module a: none of these can start before the next one: a -> b -> a");
  EXPECT_THAT(refusal(alone({"a", "c"}), {named("a")}), HasSubstr("node.services: unknown service \"c\""));
  auto c = alone({"a"});
  c.modules["b"] = {};
  EXPECT_THAT(refusal(c, {named("a")}), HasSubstr("modules.b: no module of this name"));
  c = alone({"a"});
  c.modules["a"] = {{"x", {{"1"}, false}}};
  EXPECT_EQ(refusal(c, {named("a")}), "modules.a.x: unknown key; the module takes no keys");
  EXPECT_FALSE(std::filesystem::exists(home + "/data")) << "nothing was made";
}

TEST_F(module_faults, are_told_in_the_log_and_a_log_that_cannot_be_opened_is_told_instead) {
  auto c = alone({"a"});
  c.log.file = home + "/log";
  EXPECT_EQ(refusal(c, {named("a"), named("a")}), "module a: there are two modules of this name");
  std::ifstream log(c.log.file);
  const std::string lines(std::istreambuf_iterator<char>(log), {});
  EXPECT_THAT(lines, HasSubstr("node start_failed error=bad_config"));
  EXPECT_THAT(lines, HasSubstr("module a: there are two modules of this name"));
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1);
  c.log.file = home + "/log/below-a-file";
  const auto started = run(c, {named("a"), named("a")});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, errc::storage_failed);
}

TEST_F(module_faults, of_a_start_leave_the_node_running_and_not_ready) {
  auto a = named("a");
  a.required_for_ready = true;
  a.start = [](module_context&) -> expected<void> { throw std::runtime_error("no licence"); };
  auto started = run(alone({"http", "a"}), {a});
  ASSERT_TRUE(started) << describe(started.error());
  const auto readyz = http_call(started->addresses().http, "GET", "/readyz");
  ASSERT_TRUE(readyz);
  EXPECT_EQ(readyz->status, 503);
  EXPECT_THAT(readyz->body, HasSubstr("module a is"));
}

TEST_F(module_faults, of_a_stop_that_hangs_do_not_hold_up_the_end_of_the_node) {
  std::promise<void> let_go, ended;
  const auto gate = let_go.get_future().share();
  auto a = named("a");
  a.required_for_ready = true;
  a.stop = [gate, &ended](module_context& here) {
    gate.wait();
    EXPECT_EQ(here.open_cache("default").error().code, errc::unavailable);
    ended.set_value();
  };
  auto c = alone({"cache", "a"});
  c.node.drain_timeout = 200ms;
  {
    auto started = run(c, {a});
    ASSERT_TRUE(started) << describe(started.error());
    ASSERT_TRUE(started->wait_ready());
  }
  let_go.set_value();
  ended.get_future().wait();
}

}  // namespace
}  // namespace troupe
