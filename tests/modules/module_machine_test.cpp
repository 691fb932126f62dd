// When modules start and stop, on virtual time.
#include "tests/modules/machine_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using state_of = module_state;

struct module_rules : module_machine_fixture {};

TEST_F(module_rules, starts_when_what_it_imports_has_been_there_for_a_while) {
  make({spec("shop", {here("db")})});
  EXPECT_EQ(take(), words{});
  wait(settled - 1ms);
  EXPECT_EQ(take(), words{});
  wait(1ms);
  EXPECT_EQ(take(), words{"start shop"});
  EXPECT_EQ(state("shop"), state_of::starting);
  EXPECT_EQ(exported(), words{}) << "not before it runs";
  started("shop");
  EXPECT_EQ(state("shop"), state_of::running);
  EXPECT_EQ(exported(), words{"shop"});
  EXPECT_TRUE(out.exports_changed);
}

TEST_F(module_rules, waits_with_a_reason) {
  make({spec("shop", {here("cache"), anywhere("prices")})});
  wait(1h);
  EXPECT_EQ(take(), words{});
  EXPECT_EQ(reason("shop"), "it needs cache here: nothing at this node exports it");
  service("cache", "is stopped");
  EXPECT_EQ(reason("shop"), "it needs cache here: cache is stopped");
  service("cache", "");
  EXPECT_EQ(reason("shop"), "it needs prices at some node: no member exports it");
  appears("n2", "prices", false);
  EXPECT_EQ(reason("shop"), "it needs prices at some node: n2 has it, but is not steadily there");
}

TEST_F(module_rules, starts_one_after_the_other) {
  make({spec("front", {here("orders")}), spec("shop", {here("db")}, {"orders"})});
  run_all();
  EXPECT_EQ(state("front"), state_of::running);
  EXPECT_EQ(exported(), (words{"front", "orders", "shop"}));
}

TEST_F(module_rules, stops_dependants_first_when_an_import_goes_and_resumes_when_it_is_back) {
  make({spec("front", {here("orders")}), spec("shop", {here("db")}, {"orders"})});
  run_all();
  service("db", "is degraded: disk full");
  EXPECT_EQ(take(), words{"stop front"}) << "shop is needed until front has stopped";
  EXPECT_EQ(exported(), words{}) << "but nobody else is to begin with it";
  EXPECT_EQ(reason("shop"), "it needs db here: db is degraded: disk full");
  EXPECT_EQ(state("shop"), state_of::stopping);
  stopped("front");
  EXPECT_EQ(take(), words{"stop shop"});
  stopped("shop");
  EXPECT_EQ(state("shop"), state_of::waiting);
  EXPECT_EQ(state("front"), state_of::waiting);
  service("db", "");
  wait(10s);
  EXPECT_EQ(take(), words{"start shop"});
  started("shop");
  wait(10s);
  EXPECT_EQ(take(), words{"start front"});
}

TEST_F(module_rules, waits_longer_each_time_an_import_was_lost) {
  make({spec("shop", {here("db")})});
  run_all();
  duration waited = settled;
  for (int i = 0; i < 12; ++i) {
    service("db", "is degraded");
    EXPECT_EQ(take(), words{"stop shop"});
    stopped("shop");
    service("db", "");
    waited = std::min(waited * 2, module_machine::settle_last);
    wait(waited - 1ms);
    EXPECT_EQ(take(), words{});
    wait(1ms);
    EXPECT_EQ(take(), words{"start shop"});
    started("shop");
    (void)take();
  }
  EXPECT_EQ(waited, module_machine::settle_last);
  wait(module_machine::calm);
  service("db", "is degraded");
  stopped("shop");
  service("db", "");
  (void)take();
  wait(settled);
  EXPECT_EQ(take(), words{"start shop"}) << "after a calm run the wait is short again";
}

TEST_F(module_rules, does_not_start_for_an_import_that_comes_and_goes) {
  make({spec("shop", {anywhere("prices")})});
  for (int i = 0; i < 20; ++i) {
    appears("n2", "prices");
    wait(settled - 1ms);
    goes("prices");
    wait(1ms);
  }
  EXPECT_EQ(take(), words{});
}

TEST_F(module_rules, goes_on_with_a_suspected_member_but_does_not_start_for_it) {
  make({spec("shop", {anywhere("prices")})});
  appears("n2", "prices", false);
  wait(1min);
  EXPECT_EQ(take(), words{});
  goes("prices");
  appears("n2", "prices", true);
  run_all();
  w.elsewhere.clear();
  appears("n2", "prices", false);
  EXPECT_EQ(state("shop"), state_of::running);
  goes("prices");
  EXPECT_EQ(take(), words{"stop shop"});
}

TEST_F(module_rules, tells_who_provides_and_every_change_of_it) {
  make({spec("shop", {anywhere("prices"), here("maps", false)}), spec("atlas", {}, {"maps"})});
  appears("n2", "prices", true, {{"port", "1"}});
  run_all();
  updated("shop");  // atlas came after it, or with it
  (void)take();
  appears("n3", "prices");
  EXPECT_EQ(take(), words{"update shop"});
  appears("n4", "prices");
  EXPECT_EQ(take(), words{}) << "one after the other";
  updated("shop");
  EXPECT_EQ(take(), words{"update shop"});
  updated("shop");
  EXPECT_EQ(take(), words{});
  const auto& told = m->told(at("shop"));
  ASSERT_EQ(told[0].sources.size(), 3u);
  EXPECT_EQ(told[0].sources[0].member, "n2");
  EXPECT_EQ(told[0].sources[0].variables.at("port"), "1");
  ASSERT_EQ(told[1].sources.size(), 1u);
  EXPECT_TRUE(told[1].sources[0].here);
}

TEST_F(module_rules, runs_without_what_is_optional) {
  make({spec("shop", {here("maps", false)}), spec("atlas", {here("cache")}, {"maps"})});
  run_all();
  EXPECT_EQ(state("shop"), state_of::running);
  service("cache", "");
  wait(settled);
  started("atlas");
  EXPECT_EQ(take(), (words{"start atlas", "update shop"}));
  updated("shop");
  service("cache", "is stopped");
  EXPECT_EQ(take(), (words{"stop atlas", "update shop"}));
  EXPECT_EQ(state("shop"), state_of::running);
}

TEST_F(module_rules, tries_a_start_that_fails_again_and_gives_up) {
  auto s = spec("shop", {here("db")});
  s.limits.restarts_max = 3;
  make({s});
  wait(settled);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(take(), words{"start shop"}) << i;
    started("shop", "no port is free", errc::storage_failed);
    EXPECT_EQ(state("shop"), state_of::failed);
    EXPECT_EQ(out.changes.back().code, errc::storage_failed);
    wait(i == 0 ? 200ms : 0ms);
    EXPECT_EQ(take(), words{}) << "not at once";
    wait(30s);
  }
  EXPECT_EQ(take(), words{});
  EXPECT_EQ(reason("shop"), "no port is free; it is not started again until what it imports has changed");
  EXPECT_EQ(m->next_tick(), time_point::max());
  service("db", "is degraded");
  EXPECT_EQ(state("shop"), state_of::waiting);
  service("db", "");
  wait(settled);
  EXPECT_EQ(take(), words{"start shop"}) << "another situation, another budget";
}

TEST_F(module_rules, fails_a_start_that_does_not_return_and_undoes_it_when_it_does) {
  make({spec("shop", {here("db")})});
  wait(settled);
  (void)take();
  wait(30s);
  ASSERT_EQ(out.overdue.size(), 1u);
  EXPECT_EQ(state("shop"), state_of::failed);
  EXPECT_EQ(reason("shop"), "start has not returned in time");
  EXPECT_EQ(out.changes.back().code, errc::deadline_exceeded);
  wait(1h);
  EXPECT_EQ(take(), words{}) << "it is still in its start";
  started("shop");
  EXPECT_EQ(take(), words{"stop shop"});
  stopped("shop");
  wait(settled);
  EXPECT_EQ(take(), words{"start shop"});
}

TEST_F(module_rules, stops_what_was_starting_when_its_import_went) {
  make({spec("shop", {here("db")})});
  wait(settled);
  (void)take();
  service("db", "is degraded");
  EXPECT_EQ(take(), words{});
  started("shop");
  EXPECT_EQ(take(), words{"stop shop"});
  EXPECT_EQ(exported(), words{}) << "it never ran for others";
  stopped("shop");
  EXPECT_EQ(state("shop"), state_of::waiting);
}

TEST_F(module_rules, withdraws_an_unhealthy_module_and_takes_it_back_after_two_good_checks) {
  auto shop = spec("shop", {}, {"orders"});
  shop.checked = true;
  make({spec("front", {here("orders")}), shop});
  run_all();
  wait(5s);
  EXPECT_EQ(take(), words{"health check shop"});
  healthy("shop", "its queue is full");
  EXPECT_EQ(state("shop"), state_of::unhealthy);
  EXPECT_EQ(reason("shop"), "its queue is full");
  EXPECT_EQ(take(), words{"stop front"});
  stopped("front");
  EXPECT_EQ(reason("front"), "it needs orders here: module shop is unhealthy");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(exported(), words{});
    wait(5s);
    EXPECT_EQ(take(), words{"health check shop"});
    healthy("shop");
  }
  EXPECT_EQ(state("shop"), state_of::running);
  wait(1s);
  EXPECT_EQ(take(), words{"start front"});
}

TEST_F(module_rules, holds_a_module_whose_health_check_does_not_return_for_unhealthy) {
  auto shop = spec("shop");
  shop.checked = true;
  make({shop});
  run_all();
  wait(5s);
  EXPECT_EQ(take(), words{"health check shop"});
  wait(5s);
  EXPECT_EQ(state("shop"), state_of::unhealthy);
  EXPECT_EQ(reason("shop"), "its health check has not returned in time");
  wait(1h);
  EXPECT_EQ(take(), words{}) << "no second one beside it";
}

TEST_F(module_rules, stops_all_in_the_order_of_need) {
  make({spec("a"), spec("b", {here("a")}), spec("c", {here("a"), here("b", false)})});
  run_all();
  stop();
  EXPECT_EQ(take(), words{"stop c"}) << "it imports b, if only optionally";
  stopped("c");
  EXPECT_EQ(take(), words{"stop b"});
  stopped("b");
  EXPECT_EQ(take(), words{"stop a"});
  EXPECT_FALSE(m->ended());
  stopped("a");
  EXPECT_TRUE(m->ended());
  wait(1h);
  EXPECT_EQ(take(), words{}) << "nothing starts again";
}

TEST_F(module_rules, gives_others_a_moment_when_the_node_leaves) {
  make({spec("a")});
  w.others = true;
  look();
  run_all();
  stop(true);
  EXPECT_EQ(exported(), words{});
  EXPECT_EQ(take(), words{});
  wait(module_machine::farewell);
  EXPECT_EQ(take(), words{"stop a"});
}

TEST_F(module_rules, is_not_held_up_by_a_stop_that_does_not_return) {
  make({spec("a"), spec("b", {here("a")})});
  run_all();
  stop();
  EXPECT_EQ(take(), words{"stop b"});
  wait(5s);
  ASSERT_EQ(out.overdue.size(), 1u);
  EXPECT_EQ(take(), words{"stop a"});
  stopped("a");
  EXPECT_FALSE(m->ended()) << "b has not returned";
  EXPECT_EQ(m->next_tick(), time_point::max());
}

TEST_F(module_rules, waits_less_for_hooks_when_the_node_stops) {
  make({spec("a"), spec("b", {here("a")}), spec("c", {here("b")})});
  wait(settled);
  started("a");
  wait(settled);
  started("b");
  wait(settled);
  (void)take();  // c is in its start, which hangs
  stop(false, 100ms);
  EXPECT_EQ(take(), words{}) << "it may need b still";
  wait(100ms);
  EXPECT_EQ(take(), words{"stop b"});
  wait(100ms);
  EXPECT_EQ(take(), words{"stop a"});
}

TEST_F(module_rules, does_not_start_for_something_that_is_about_to_go) {
  make({spec("front", {here("shop"), here("cache")}), spec("shop", {here("db")})});
  wait(settled);
  started("shop");
  service("cache", "");
  (void)take();
  now += settled;
  service("db", "is degraded");
  EXPECT_EQ(take(), words{"stop shop"});
}

TEST_F(module_rules, does_not_run_what_the_node_is_not_told_to) {
  auto shop = spec("shop");
  shop.wanted = false;
  make({shop, spec("front", {here("shop")})});
  wait(1h);
  EXPECT_EQ(state("shop"), state_of::stopped);
  EXPECT_EQ(reason("front"), "it needs shop here: module shop is not among node.services");
  EXPECT_EQ(take(), words{});
}

TEST_F(module_rules, modules_that_keep_each_other_up_end_in_the_order_of_their_starts) {
  make({spec("a", {anywhere("b")}), spec("b", {here("a")})});
  appears("n2", "b");
  run_all();
  EXPECT_EQ(state("b"), state_of::running);
  goes("b");
  EXPECT_EQ(state("a"), state_of::running) << "b is here";
  EXPECT_EQ(take(), words{"update a"});
  updated("a");
  stop();
  EXPECT_EQ(take(), words{"stop b"});
  stopped("b");
  EXPECT_EQ(take(), words{"stop a"});
}

TEST_F(module_rules, says_which_modules_the_node_is_not_ready_without) {
  auto shop = spec("shop", {here("cache")});
  shop.required_for_ready = true;
  make({shop, spec("front")});
  EXPECT_EQ(m->unready(), words{"shop is waiting: it needs cache here: nothing at this node exports it"});
  service("cache", "");
  run_all();
  EXPECT_EQ(m->unready(), words{});
}

TEST_F(module_rules, keeps_variables_of_a_run_for_that_run) {
  auto shop = spec("shop", {here("db")}, {"orders"});
  shop.variables["orders"] = {{"path", "/orders"}};
  make({shop});
  wait(settled);
  m->set_variables(0, "orders", {{"path", "/orders"}, {"port", "81"}}, now, out);
  started("shop");
  EXPECT_EQ(m->exported().at("orders").at("port"), "81");
  service("db", "is degraded");
  stopped("shop");
  m->set_variables(0, "orders", {{"port", "82"}}, now, out);
  service("db", "");
  wait(1s);
  started("shop");
  EXPECT_EQ(m->exported().at("orders"), (export_variables{{"path", "/orders"}}));
}

TEST_F(module_rules, passes_over_answers_that_were_not_asked_for) {
  make({spec("shop")});
  started("shop");
  stopped("shop");
  healthy("shop", "x");
  updated("shop");
  EXPECT_EQ(state("shop"), state_of::waiting);
  run_all();
  EXPECT_EQ(state("shop"), state_of::running);
}

}  // namespace
}  // namespace troupe
