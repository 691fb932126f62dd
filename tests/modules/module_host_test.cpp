// Modules on real threads at one node that is not there: hooks that fail, throw, hang and end later.
#include "actors/modules/module_host.hpp"
#include "node/module_checks.hpp"

#include <atomic>
#include <condition_variable>
#include <future>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr duration patience = 20s;

class module_hosts : public ::testing::Test {
 protected:
  void make(std::vector<troupe::module> all) {
    settings.node.name = "n1";
    settings.node.services = {"db"};
    for (const auto& m : all) settings.node.services.push_back(m.name);
    ASSERT_TRUE(check_modules(all, settings));
    status.set_service("db", service_state::running);
    host = std::make_unique<module_host>(
        std::move(all), module_host::surroundings{settings, board, status, events, *log, surface(), known_services(),
                                                  [this](const module_host::exported& e, auto done) {
                                                    {
                                                      const std::lock_guard lock(mutex);
                                                      told = e;
                                                    }
                                                    done(expected<void>());
                                                  },
                                                  1});
    host->start();
  }
  module_surface surface() {
    return {[](const std::string&) -> expected<cache> { return fail(errc::not_found, "no cache here"); },
            [](const std::string&, std::vector<migration>) -> expected<database> {
              return fail(errc::unavailable, "no database here");
            },
            []() -> cluster_actors* { return nullptr; }, [this] { return board.read(); }};
  }
  static troupe::module named(const std::string& name) {
    troupe::module m;
    m.name = name;
    return m;
  }
  [[nodiscard]] service_status row(const std::string& name) {
    for (const auto& s : board.read()->services) {
      if (s.name == name) return s;
    }
    return {};
  }
  void expect_state(const std::string& name, service_state s) {
    EXPECT_TRUE(board.wait(
        [&](const cluster_view& v) {
          return std::any_of(v.services.begin(), v.services.end(),
                             [&](const auto& each) { return each.name == name && each.state == s; });
        },
        patience))
        << name << " is " << name_of(row(name).state) << ": " << row(name).reason;
  }
  [[nodiscard]] bool logged(const std::string& line) {
    const std::lock_guard lock(mutex);
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  }
  [[nodiscard]] module_host::exported exported() {
    const std::lock_guard lock(mutex);
    return told;
  }

  config settings;
  cluster_board board;
  event_hub events;
  node_status status{board, events, 0};
  std::mutex mutex;
  std::vector<std::string> lines;  // of the log
  std::shared_ptr<event_log> log = event_log::to([this](log_level, const std::string& line) {
    const std::lock_guard lock(mutex);
    lines.push_back(line);
  });
  module_host::exported told;
  std::unique_ptr<module_host> host;  // the last: it uses the rest
};

TEST_F(module_hosts, runs_hooks_on_a_thread_of_the_modules_own_and_tells_what_it_exports) {
  std::promise<std::thread::id> where;
  auto shop = named("shop");
  shop.imports = {{"db"}};
  shop.exports = {{"orders", {{"path", "/o"}}}};
  shop.start = [&](module_context& here) -> expected<void> {
    where.set_value(std::this_thread::get_id());
    EXPECT_EQ(here.sources_of("db").size(), 1u);
    EXPECT_TRUE(here.sources_of("nothing").empty());
    EXPECT_TRUE(here.set_variables("orders", {{"path", "/o"}, {"port", "81"}}));
    EXPECT_EQ(here.set_variables("else", {}).error().code, errc::invalid_argument);
    EXPECT_EQ(here.set_variables("orders", {{"a b", ""}}).error().code, errc::invalid_argument);
    EXPECT_EQ(here.open_cache("x").error().code, errc::not_found);
    return {};
  };
  make({shop});
  expect_state("shop", service_state::running);
  EXPECT_NE(where.get_future().get(), std::this_thread::get_id());
  EXPECT_TRUE(host->stop(false, patience));
  EXPECT_EQ(exported(), module_host::exported{}) << "withdrawn";
  EXPECT_EQ(row("shop").state, service_state::stopped);
}

TEST_F(module_hosts, shows_a_start_that_throws_and_tries_again) {
  std::atomic<int> tries{0};
  auto shop = named("shop");
  shop.required_for_ready = true;
  shop.start = [&](module_context&) -> expected<void> {
    if (++tries == 1) throw std::runtime_error("no licence");
    if (tries == 2) return fail(errc::storage_failed, "no port is free");
    if (tries == 3) throw 7;
    return {};
  };
  std::vector<std::string> failures;
  const auto listener = events.listen([&](const std::shared_ptr<const event>& e) {
    if (e->kind == "service_failed") failures.push_back(to_string(*e));
  });
  make({shop});
  expect_state("shop", service_state::failed);
  expect_state("shop", service_state::running);
  EXPECT_EQ(tries, 4);
  events.unlisten(listener);
  EXPECT_TRUE(logged("modules module_failed module=shop error=unavailable reason=\"start threw: no licence\""));
  EXPECT_TRUE(logged("modules module_failed module=shop error=storage_failed reason=\"no port is free\""));
  EXPECT_TRUE(
      logged("modules module_failed module=shop error=unavailable reason=\"start threw something that is no "
             "std::exception\""));
  ASSERT_EQ(failures.size(), 3u);
  EXPECT_EQ(failures[0], "service_failed service=shop reason=\"start threw: no licence\" error=unavailable");
}

TEST_F(module_hosts, holds_readiness_back_with_the_reason) {
  auto shop = named("shop");
  shop.required_for_ready = true;
  shop.start = [](module_context&) -> expected<void> { throw std::runtime_error("no licence"); };
  make({shop});
  EXPECT_TRUE(board.wait(
      [](const cluster_view& v) {
        return std::find(v.not_ready_reasons.begin(), v.not_ready_reasons.end(),
                         "module shop is failed: start threw: no licence") != v.not_ready_reasons.end();
      },
      patience));
}

TEST_F(module_hosts, lets_a_start_end_later) {
  module_started done;
  std::promise<void> asked;
  auto shop = named("shop");
  shop.start = [&](module_context& here) -> expected<void> {
    done = here.later();
    asked.set_value();
    return {};
  };
  make({shop});
  asked.get_future().wait();
  expect_state("shop", service_state::starting);
  done({});
  done(fail(errc::unavailable, "the second word does not count"));
  expect_state("shop", service_state::running);
}

TEST_F(module_hosts, takes_a_start_that_is_dropped_for_failed) {
  auto shop = named("shop");
  shop.start = [](module_context& here) -> expected<void> {
    (void)here.later();
    return {};
  };
  make({shop});
  expect_state("shop", service_state::failed);
  EXPECT_THAT(host->short_reason("shop"), HasSubstr("dropped without a word"));
}

TEST_F(module_hosts, does_not_take_the_promise_of_an_earlier_start_for_an_answer) {
  std::vector<module_started> kept;
  std::promise<void> second;
  std::atomic<int> tries{0};
  auto shop = named("shop");
  shop.start = [&](module_context& here) -> expected<void> {
    kept.push_back(here.later());
    if (++tries == 1) return fail(errc::unavailable, "not yet");
    second.set_value();
    return {};
  };
  make({shop});
  second.get_future().wait();
  kept[0]({});
  expect_state("shop", service_state::starting);
  EXPECT_NE(row("shop").state, service_state::running);
  kept[1]({});
  expect_state("shop", service_state::running);
}

TEST_F(module_hosts, withdraws_a_module_whose_check_throws_and_its_dependants_with_it) {
  std::atomic<bool> sick{false};
  auto shop = named("shop");
  shop.exports = {{"orders"}};
  shop.health_interval = 5ms;
  shop.health = [&](module_context&) -> expected<void> {
    if (sick) throw std::runtime_error("queue full");
    return {};
  };
  auto front = named("front");
  front.imports = {{"orders"}};
  make({front, shop});
  expect_state("front", service_state::running);
  sick = true;
  expect_state("shop", service_state::degraded);
  expect_state("front", service_state::waiting);
  EXPECT_EQ(row("shop").reason, "the health check threw: queue full");
  EXPECT_EQ(exported(), module_host::exported{});
  sick = false;
  expect_state("front", service_state::running);
}

TEST_F(module_hosts, is_not_blocked_by_a_check_that_blocks) {
  std::promise<void> let_go;
  const auto gate = let_go.get_future().share();
  auto stuck = named("stuck");
  stuck.health_interval = 5ms;
  stuck.health_limit = 5ms;
  stuck.health = [gate](module_context&) -> expected<void> {
    gate.wait();
    return {};
  };
  make({stuck, named("other")});
  expect_state("other", service_state::running);
  expect_state("stuck", service_state::degraded);
  EXPECT_EQ(row("stuck").reason, "its health check has not returned in time");
  let_go.set_value();
  expect_state("stuck", service_state::running);
}

TEST_F(module_hosts, leaves_a_hook_behind_that_does_not_return_and_stops_the_others_in_order) {
  std::promise<void> let_go, ended;
  const auto gate = let_go.get_future().share();
  std::vector<std::string> stopped;
  auto base = named("base");
  base.stop = [&](module_context&) { stopped.push_back("base"); };
  auto top = named("top");
  top.imports = {{"base"}};
  top.stop_limit = 5ms;
  errc late = errc::ok;
  top.stop = [&, gate](module_context& here) {
    gate.wait();
    late = here.open_cache("x").error().code;
    ended.set_value();
  };
  make({top, base});
  expect_state("top", service_state::running);
  EXPECT_FALSE(host->stop(false, 300ms));
  EXPECT_EQ(stopped, std::vector<std::string>{"base"});
  host.reset();
  let_go.set_value();
  ended.get_future().wait();
  EXPECT_EQ(late, errc::unavailable) << "it finds nobody, and nothing breaks";
}

TEST_F(module_hosts, stops_in_the_order_of_need_and_survives_stops_that_throw) {
  std::vector<std::string> stopped;
  std::mutex m;
  const auto noting = [&](const std::string& name) {
    return [&, name](module_context&) {
      const std::lock_guard lock(m);
      stopped.push_back(name);
      throw std::runtime_error("in the middle of it");
    };
  };
  auto a = named("a"), b = named("b"), c = named("c");
  b.imports = {{"a"}};
  c.imports = {{"b"}};
  a.stop = noting("a");
  b.stop = noting("b");
  c.stop = noting("c");
  make({b, c, a});
  expect_state("c", service_state::running);
  EXPECT_TRUE(host->stop(false, patience));
  EXPECT_EQ(stopped, (std::vector<std::string>{"c", "b", "a"}));
}

TEST_F(module_hosts, tells_a_running_module_of_changes_behind_its_imports) {
  std::promise<std::vector<import_source>> seen;
  auto shop = named("shop");
  shop.imports = {{"prices", import_scope::anywhere, false}};
  shop.updated = [&](module_context& here) { seen.set_value(here.sources_of("prices")); };
  make({shop});
  expect_state("shop", service_state::running);
  status.change_view([](cluster_view& v) {
    v.node = "n1";
    member m;
    m.name = "n2";
    m.id = {1, 2};
    m.address = "10.0.0.2:7070";
    m.services = {"prices"};
    m.tags["export.prices"] = "port=99";
    v.members.push_back(m);
  });
  const auto sources = seen.get_future().get();
  ASSERT_EQ(sources.size(), 1u);
  EXPECT_EQ(sources[0].member, "n2");
  EXPECT_EQ(sources[0].variables.at("port"), "99");
}

// ---- before the start ----

errc check_fault(const std::vector<troupe::module>& all, const config& c, const std::string& words) {
  const auto checked = check_modules(all, c);
  if (checked) return errc::ok;
  EXPECT_THAT(checked.error().context, HasSubstr(words));
  return checked.error().code;
}

TEST(module_check, refuses_keys_that_the_module_does_not_know_and_values_that_it_cannot_read) {
  config c;
  c.modules["shop"] = {{"prot", {{"1"}, false}}, {"every", {{"soon"}, false}}};
  troupe::module shop;
  shop.name = "shop";
  shop.configure = [](module_settings& s) -> expected<void> {
    (void)s.number("port", 9000, 1, 65535);
    (void)s.time("every", 5s);
    return {};
  };
  EXPECT_EQ(check_fault({shop}, c, "modules.shop.prot: unknown key; did you mean port?"), errc::bad_config);
  EXPECT_EQ(check_fault({shop}, c, "modules.shop.every: must be a duration"), errc::bad_config);
  shop.configure = nullptr;
  EXPECT_EQ(check_fault({shop}, c, "modules.shop.prot: unknown key; the module takes no keys"), errc::bad_config);
}

TEST(module_check, refuses_what_configure_says_or_throws) {
  troupe::module shop;
  shop.name = "shop";
  shop.configure = [](module_settings&) -> expected<void> { return fail(errc::invalid_argument, "port and socket"); };
  EXPECT_EQ(check_fault({shop}, {}, "module shop: port and socket"), errc::bad_config);
  shop.configure = [](module_settings&) -> expected<void> { throw std::runtime_error("boom"); };
  EXPECT_EQ(check_fault({shop}, {}, "module shop: configure threw: boom"), errc::bad_config);
}

TEST(module_check, refuses_variables_that_cannot_travel) {
  troupe::module shop;
  shop.name = "shop";
  shop.exports = {{"orders", {{"text", std::string(300, 'x')}}}};
  EXPECT_EQ(check_fault({shop}, {}, "module shop: export orders: the variables of an export have more than 256 bytes"),
            errc::bad_config);
}

TEST(module_settings_test, reads_by_type_and_remembers_faults) {
  module_settings s("m", {{"n", {{"7"}, false}},
                          {"big", {{"70"}, false}},
                          {"t", {{"1500ms"}, false}},
                          {"b", {{"2KiB"}, false}},
                          {"f", {{"true"}, false}},
                          {"l", {{"a", "b"}, true}},
                          {"w", {{"word"}, false}},
                          {"extra", {{"x"}, false}}});
  EXPECT_EQ(s.number("n", 1), 7);
  EXPECT_EQ(s.number("absent", 5), 5);
  EXPECT_EQ(s.time("t", 1s), 1500ms);
  EXPECT_EQ(s.bytes("b", 0), 2048u);
  EXPECT_TRUE(s.flag("f", false));
  EXPECT_EQ(s.texts("l"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(s.text("w"), "word");
  EXPECT_TRUE(s.has("extra"));
  EXPECT_THAT(s.finish().error().context, HasSubstr("modules.m.extra: unknown key; it has absent, b, f"));
  EXPECT_EQ(s.number("big", 1, 0, 9), 1);
  EXPECT_EQ(s.text("l", "fallback"), "fallback");
  EXPECT_EQ(s.number("w", 3), 3);
  EXPECT_TRUE(s.flag("w", true));
  EXPECT_EQ(s.bytes("w", 9), 9u);
  const auto faults = s.finish().error().context;
  for (const auto* part :
       {"modules.m.big: must be from 0 to 9, is 70", "modules.m.l: must be one value, is a list",
        "modules.m.w: must be an integer", "modules.m.w: must be true or false", "modules.m.w: must be a size"}) {
    EXPECT_THAT(faults, HasSubstr(part));
  }
}

}  // namespace
}  // namespace troupe
