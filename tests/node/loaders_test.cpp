// Loaders on three real nodes: one load for all, what is remembered, and what overtakes a load.
#include "tests/node/application_cache.hpp"

namespace troupe {
namespace {

struct loaders : application_cache {
  loaders() {
    start([](config& c) {
      c.cache.replicas = 1;
      c.caches["users"].negative_ttl = 10min;
      c.caches["users"].stale_for = 10min;
      c.caches["plain"].ttl = 1h;
      c.caches["shown"].consistency = "stale";
    });
  }
  hand_loader loader;
};

TEST_F(loaders, one_load_runs_for_all_callers_of_all_nodes) {
  load_by(loader, "users");
  std::vector<promised<expected<cache_value>>> answers;
  for (std::size_t i = 0; i < 30; ++i) answers.push_back(ask(i % 3, "users", "alice"));
  loader.next().done(found("Alice"));
  for (auto& a : answers) {
    const auto value = a.get();
    ASSERT_TRUE(value) << describe(value.error());
    EXPECT_EQ(value->bytes, "Alice");
    EXPECT_NE(value->version, 0u);
    EXPECT_FALSE(value->stale);
  }
  EXPECT_EQ(loader.calls(), 1);
  for (std::size_t node = 0; node < 3; ++node) EXPECT_EQ(handle(node, "users").get("alice")->bytes, "Alice");
  EXPECT_EQ(loader.calls(), 1);
}

TEST_F(loaders, loads_do_not_hold_up_other_commands_that_travel_with_them) {
  load_by(loader, "plain");
  const auto waiting = ask(0, "plain", "k");
  const auto load = loader.next();
  for (int i = 0; i < 50; ++i) {
    const auto key = "other" + std::to_string(i);
    for (std::size_t node = 0; node < 3; ++node) {
      auto slow = ask(node, "plain", key);
      ASSERT_TRUE(handle(node, "plain").put(key, "v"));
      EXPECT_TRUE(handle(node, "plain").get(key));
    }
  }
  EXPECT_FALSE(waiting.came());
  load.done(found("v"));
}

TEST_F(loaders, batches_and_all_doors_load) {
  loader.answer_all([](const std::string& key) { return found("value of " + key); });
  load_by(loader, "plain");
  load_by(loader, "users");
  std::vector<std::string> keys;
  for (int i = 0; i < 100; ++i) keys.push_back("k" + std::to_string(i));
  const auto values = handle(1, "plain").get_all(keys);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    ASSERT_TRUE(values[i]) << describe(values[i].error());
    EXPECT_EQ(values[i]->bytes, "value of " + keys[i]);
    EXPECT_LE(*values[i]->ttl, 1h) << "that of the cache";
  }
  EXPECT_EQ(http(2, "GET", "/v1/cache/users/bob").body, "value of bob");
}

TEST_F(loaders, the_default_cache_is_loaded_for_redis_clients_too) {
  loader.answer_all([](const std::string& key) { return key == "none" ? found_none() : found("v"); });
  load_by(loader, "default");
  for (std::size_t node = 0; node < 3; ++node) {
    EXPECT_EQ(redis(node, "GET k", 7), "$1\r\nv\r\n");
    EXPECT_EQ(redis(node, "GET none", 5), "$-1\r\n");
  }
}

TEST_F(loaders, that_there_is_none_is_remembered_and_shown_nowhere) {
  loader.answer_all([](const std::string&) { return found_none(); });
  load_by(loader, "users");
  for (int round = 0; round < 3; ++round) {
    for (std::size_t node = 0; node < 3; ++node) {
      EXPECT_EQ(http(node, "GET", "/v1/cache/users/nobody").status, 404);
      EXPECT_EQ(handle(node, "users").get("nobody").error().code, errc::not_found);
    }
  }
  EXPECT_EQ(loader.calls(), 1);
  EXPECT_TRUE(handle(0, "users").scan({})->keys.empty());
  EXPECT_EQ(metric(0, "troupe_cache_named_keys_count{cache=\"users\"}") +
                metric(1, "troupe_cache_named_keys_count{cache=\"users\"}") +
                metric(2, "troupe_cache_named_keys_count{cache=\"users\"}"),
            0);
  ASSERT_TRUE(handle(1, "users").put("nobody", "after all"));
  EXPECT_EQ(handle(2, "users").get("nobody")->bytes, "after all");
  EXPECT_EQ(handle(0, "users").erase("nobody"), true);
  EXPECT_EQ(handle(0, "users").get("nobody").error().code, errc::not_found);
  EXPECT_EQ(loader.calls(), 2) << "an erase forgets what was known";
}

TEST_F(loaders, an_error_is_told_and_not_remembered) {
  loader.answer_all([](const std::string&) { return fail(errc::storage_failed, "no disk"); });
  load_by(loader, "users");
  for (std::size_t node = 0; node < 3; ++node) {
    const auto value = handle(node, "users").get("k");
    EXPECT_EQ(value.error().code, errc::storage_failed);
    EXPECT_EQ(value.error().context, "no disk");
  }
  EXPECT_EQ(loader.calls(), 3);
  loader.answer_all([](const std::string&) -> load_result { throw std::runtime_error("a bug"); });
  EXPECT_EQ(handle(0, "users").get("k").error().code, errc::unavailable);
  loader.answer_all([](const std::string&) { return found(std::string(65 << 20, 'v')); });
  EXPECT_EQ(handle(0, "users").get("k").error().code, errc::too_large);
  loader.answer_all([](const std::string&) { return found("v", -1s); });
  EXPECT_EQ(handle(0, "users").get("k").error().code, errc::invalid_argument);
  loader.answer_all([](const std::string&) { return found("v"); });
  EXPECT_EQ(handle(0, "users").get("k")->bytes, "v");
}

TEST_F(loaders, a_load_that_began_before_a_write_does_not_overwrite_it) {
  load_by(loader, "users");
  auto reader = ask(0, "users", "k");
  const auto load = loader.next();
  ASSERT_TRUE(handle(1, "users").put("k", "new"));
  load.done(found("old"));
  (void)reader.get();
  for (std::size_t node = 0; node < 3; ++node) EXPECT_EQ(handle(node, "users").get("k")->bytes, "new");
  EXPECT_EQ(loader.calls(), 1);
}

TEST_F(loaders, a_load_that_began_before_an_erase_or_a_drop_brings_nothing_back) {
  load_by(loader, "users");
  const std::vector<std::function<void()>> ways = {
      [&] { EXPECT_EQ(handle(1, "users").erase("k"), false); },
      [&] { EXPECT_TRUE(handle(2, "users").drop()); },
  };
  for (const auto& invalidate : ways) {
    auto before = ask(0, "users", "k");
    const auto first = loader.next();
    invalidate();
    auto after = ask(1, "users", "k");
    const auto second = loader.next();
    second.done(found("new"));
    EXPECT_EQ(after.get()->bytes, "new");
    first.done(found("old"));
    (void)before.get();
    for (std::size_t node = 0; node < 3; ++node) EXPECT_EQ(handle(node, "users").get("k")->bytes, "new");
    EXPECT_EQ(handle(0, "users").erase("k"), true);
  }
}

TEST_F(loaders, an_old_value_is_given_while_a_new_one_is_loaded) {
  load_by(loader, "users");
  auto first = ask(0, "users", "k");
  loader.next().done(found("old", 50ms));
  ASSERT_EQ(first.get()->bytes, "old");
  std::optional<cache_value> got;
  ASSERT_TRUE(cluster->wait_until([&](local_cluster&) {
    const auto value = handle(1, "users").get("k");
    if (value) got = *value;
    return value && value->stale;
  }));
  EXPECT_EQ(got->bytes, "old");
  EXPECT_LE(*got->ttl, 10min);
  const auto load = loader.next();
  const auto shown = http(2, "GET", "/v1/cache/users/k");
  EXPECT_EQ(shown.status, 200);
  EXPECT_EQ(shown.body, "old");
  EXPECT_EQ(shown.field("troupe-stale"), "1");
  EXPECT_TRUE(handle(0, "users").scan({})->keys.empty());
  load.done(fail(errc::unavailable, "the database is away"));
  EXPECT_EQ(handle(0, "users").get("k")->bytes, "old");
  EXPECT_EQ(loader.calls(), 2) << "one that failed is not asked again at once";
  (void)cluster->wait_until([&](local_cluster&) { return handle(1, "users").get("k") && loader.calls() == 3; });
  loader.next().done(found("new"));
  for (std::size_t node = 0; node < 3; ++node) {
    const auto value = handle(node, "users").get("k");
    EXPECT_EQ(value->bytes, "new");
    EXPECT_FALSE(value->stale);
  }
  EXPECT_EQ(http(2, "GET", "/v1/cache/users/k").field("troupe-stale"), "");
}

TEST_F(loaders, callers_and_loads_are_bounded) {
  loader_options few;
  few.running_max = 1;
  few.waiting_max = 1;
  load_by(loader, "users", few);
  int refused = 0;
  std::vector<promised<expected<cache_value>>> answers;
  for (int i = 0; i < 30; ++i) answers.push_back(ask(0, "users", "k" + std::to_string(i), 1s));
  for (auto& a : answers) refused += a.get().error().code == errc::unavailable ? 1 : 0;
  EXPECT_GE(refused, 27);
}

TEST_F(loaders, each_caller_has_its_own_deadline) {
  load_by(loader, "users");
  for (const std::size_t node : {0, 1}) {  // both know who owns the key
    ASSERT_TRUE(handle(node, "users").put("k", "v"));
    EXPECT_EQ(handle(node, "users").erase("k"), true);
  }
  auto hasty = ask(0, "users", "k", 100ms);
  auto patient = ask(1, "users", "k", 20s);
  const auto late = hasty.get();
  EXPECT_EQ(late.error().code, errc::deadline_exceeded) << describe(late.error());
  loader.next().done(found("v"));
  EXPECT_EQ(patient.get()->bytes, "v");
}

TEST_F(loaders, when_the_owner_dies_during_a_load_the_next_one_loads_again) {
  load_by(loader, "users");
  std::size_t owner = 0;
  {
    auto scout = ask(0, "users", "k");
    auto load = loader.next();
    owner = load.node;
    load.done(fail(errc::unavailable));
    (void)scout.get();
  }
  auto reader = ask((owner + 1) % 3, "users", "k", 20s);
  const auto lost = loader.next();
  EXPECT_EQ(lost.node, owner);
  cluster->kill(owner);
  const auto again = loader.next();
  EXPECT_NE(again.node, owner);
  lost.done(found("late"));
  again.done(found("v"));
  const auto value = reader.get();
  ASSERT_TRUE(value) << describe(value.error());
  EXPECT_EQ(value->bytes, "v");
}

TEST_F(loaders, a_node_without_a_loader_has_plain_misses) {
  for (std::size_t node = 0; node < 3; ++node) {
    EXPECT_EQ(handle(node, "users").get("k").error().code, errc::not_found);
    EXPECT_EQ(http(node, "GET", "/v1/cache/users/k").status, 404);
  }
}

TEST_F(loaders, a_copy_that_may_answer_answers_what_it_has_and_the_rest_is_loaded) {
  loader.answer_all([](const std::string& key) { return found("value of " + key); });
  load_by(loader, "shown");
  for (int i = 0; i < 30; ++i) {
    const auto key = "k" + std::to_string(i);
    for (std::size_t node = 0; node < 3; ++node)
      EXPECT_EQ(http(node, "GET", "/v1/cache/shown/" + key).body, "value of " + key);
  }
  EXPECT_EQ(loader.calls(), 30);
}

TEST_F(loaders, bad_loaders_are_refused) {
  auto& n = cluster->at(0);
  EXPECT_EQ(n.set_loader("undeclared", loader.at(0)).error().code, errc::not_found);
  EXPECT_EQ(n.set_loader("users", nullptr).error().code, errc::invalid_argument);
  loader_options none;
  none.threads = 0;
  EXPECT_EQ(n.set_loader("users", loader.at(0), none).error().code, errc::invalid_argument);
  EXPECT_TRUE(n.set_loader("users", loader.at(0)));
  EXPECT_EQ(n.set_loader("users", loader.at(0)).error().code, errc::invalid_argument);
}

}  // namespace
}  // namespace troupe
