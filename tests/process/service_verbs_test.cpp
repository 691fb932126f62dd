// The verbs services and why: of the program's own services, and of modules that an embedder's node runs.
#include <troupe/node.hpp>

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/process/program.hpp"

namespace troupe::test {
namespace {

using testing::HasSubstr;

TEST(service_verbs, explain_the_programs_own_services) {
  single_node node;
  auto o = run({"why", "cache", "--http", node.url()});
  EXPECT_EQ(o.exit_code, 0) << o.err;
  EXPECT_EQ(o.out, "cache is running\n");
  o = run({"why", "entities", "--http", node.url()});
  EXPECT_EQ(o.exit_code, 1);
  EXPECT_EQ(o.out, "entities, a service of this node, is stopped\n");
  o = run({"why", "console", "--http", node.url()});
  EXPECT_EQ(o.exit_code, 1);
  EXPECT_THAT(o.out, HasSubstr("not built yet"));
  o = run({"why", "nothing", "--http", node.url()});
  EXPECT_EQ(o.exit_code, 1);
  EXPECT_THAT(o.err, HasSubstr("'nothing'"));
  o = run({"why", "--http", node.url()});
  EXPECT_EQ(o.exit_code, 64);
  o = run({"why", "cache", "--http", "http://127.0.0.1:1"});
  EXPECT_EQ(o.exit_code, 69);
}

TEST(service_verbs, show_modules_and_why_they_do_not_run) {
  const temporary_directory home;
  config c;
  c.node.name = "lone";
  c.node.services = {"http", "shop", "window"};
  c.node.data_dir = home.path() + "/data";
  c.cluster.bind = "127.0.0.1:0";
  c.http.bind = "127.0.0.1:0";
  c.log.level = "error";
  troupe::module shop, window;
  shop.name = "shop";
  shop.imports = {{"db"}};
  shop.exports = {{"orders"}};
  window.name = "window";
  window.imports = {{"orders", import_scope::anywhere}};
  node_options brings;
  brings.modules = {window, shop};
  auto node = node::start(c, std::move(brings));
  ASSERT_TRUE(node) << describe(node.error());
  const auto url = "http://" + node->addresses().http;
  // Reasons are there with the first look of the modules at their node.
  outcome o;
  const auto end = std::chrono::steady_clock::now() + patience;
  do {
    o = run({"services", "--http", url});
  } while (o.out.find("it needs db here: db is stopped") == std::string::npos &&
           std::chrono::steady_clock::now() < end);
  EXPECT_EQ(o.exit_code, 0) << o.err;
  EXPECT_THAT(o.out, testing::ContainsRegex("shop +waiting +- +it needs db here: db is stopped"));
  o = run({"why", "window", "--http", url});
  EXPECT_EQ(o.exit_code, 1) << o.err;
  EXPECT_EQ(o.out,
            "window is waiting: it needs orders at some node: no other member exports it, and here module shop is "
            "waiting\n"
            "  orders is exported by module shop\n"
            "    shop is waiting: it needs db here: db is stopped\n"
            "      db, a service of this node, is stopped\n");
  o = run({"why", "window", "--json", "--http", url});
  EXPECT_EQ(o.exit_code, 1);
  EXPECT_THAT(o.out, HasSubstr("\"runs\":false"));
}

TEST(service_verbs, refuse_blocks_of_modules_that_the_program_does_not_have) {
  const temporary_directory home;
  const auto file = home.write("t.toml", "[node]\nservices = [\"http\"]\n\n[modules.shop]\nport = 9\n");
  const auto o = run({"config", "check", file});
  EXPECT_EQ(o.exit_code, 78);
  EXPECT_THAT(o.err, HasSubstr("t.toml:4: modules.shop: no module of this name; this program has none"));
}

}  // namespace
}  // namespace troupe::test
