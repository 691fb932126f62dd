// Why something does not run, down to what it hangs on.
#include "runtime/modules/explanation.hpp"

#include "tests/modules/machine_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

struct why : module_machine_fixture {
  words lines(const std::string& name) {
    const auto e = explain(*m, name);
    if (!e) return {"unknown"};
    words all;
    for (const auto& l : e->path) all.push_back(std::string(2 * l.depth, ' ') + l.text);
    return all;
  }
};

TEST_F(why, follows_the_path_from_a_module_to_a_service) {
  make({spec("front", {here("orders")}), spec("shop", {here("db")}, {"orders"})});
  service("db", "is degraded: disk full");
  EXPECT_EQ(lines("front"), (words{"front is waiting: it needs orders here: module shop is waiting",
                                   "  orders is exported by module shop",
                                   "    shop is waiting: it needs db here: db is degraded: disk full",
                                   "      db, a service of this node, is degraded: disk full"}));
  EXPECT_EQ(lines("orders"), lines("shop")) << "an export is its module";
  EXPECT_EQ(explain(*m, "front")->state, "waiting");
  EXPECT_EQ(short_reason(*m, "orders"), "shop is waiting: it needs db here: db is degraded: disk full");
  EXPECT_EQ(short_reason(*m, "nothing"), "");
}

TEST_F(why, has_nothing_to_say_of_what_runs) {
  make({spec("shop", {here("db")})});
  run_all();
  const auto e = explain(*m, "shop");
  ASSERT_TRUE(e);
  EXPECT_TRUE(e->runs);
  EXPECT_TRUE(e->path.empty());
  EXPECT_TRUE(explain(*m, "db")->runs);
  EXPECT_FALSE(explain(*m, "unheard"));
}

TEST_F(why, asks_others_for_what_they_might_export) {
  make({spec("front", {anywhere("prices"), here("maps")})});
  EXPECT_EQ(lines("front"), (words{"front is waiting: it needs prices at some node: no member exports it",
                                   "  prices: no service and no module of this node exports it",
                                   "  maps: no service and no module of this node exports it"}));
  EXPECT_EQ(explain(*m, "front")->ask_for, words{"prices"}) << "what is needed here nobody else can help with";
  EXPECT_EQ(explain(*m, "prices")->ask_for, words{"prices"}) << "an import may be asked for by its name";
  appears("n2", "prices", false);
  EXPECT_EQ(lines("front")[2], "  prices is at n2, which is suspected or flaps");
  EXPECT_TRUE(explain(*m, "prices")->runs);
  EXPECT_EQ(explain(*m, "prices")->reason, "at n2");
}

TEST_F(why, shows_modules_that_wait_for_each_other) {
  make({spec("a", {anywhere("b")}), spec("b", {here("a")})});
  const auto all = lines("a");
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.back(), "    they wait for each other: a -> b -> a");
}

TEST_F(why, says_that_a_module_was_not_asked_for_and_why_a_start_failed) {
  auto off = spec("off");
  off.wanted = false;
  make({off, spec("shop")});
  EXPECT_EQ(lines("off"), words{"off is not among node.services of this node"});
  wait(settled);
  started("shop", "start threw: no");
  EXPECT_EQ(lines("shop"), words{"shop is failed: start threw: no"});
}

}  // namespace
}  // namespace troupe
