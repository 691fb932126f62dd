#include "runtime/cache/shard_loads.hpp"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/cache/held_shard.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using outcome = shard_loads::outcome;

constexpr cache_id users = 0;

struct loads_fixture : ::testing::Test {
  struct waiting {
    outcome what = outcome::full;
    std::uint64_t begun = 0;
    std::string value;
    bool answered = false;
    owned_reply reply;
  };
  std::shared_ptr<waiting> ask(std::string_view key, duration patience_of_caller = 2s, bool may_wait = true) {
    auto w = std::make_shared<waiting>();
    reply_callback done = [w](owned_reply r) {
      EXPECT_FALSE(w->answered);
      w->answered = true;
      w->reply = std::move(r);
    };
    const auto a = loads->ask({users, key, now + patience_of_caller, may_wait, 10s, budget}, now, done);
    w->what = a.what;
    w->begun = a.begin;
    w->value = a.value;
    EXPECT_EQ(a.what == outcome::waits, done == nullptr);
    tell();
    return w;
  }
  void tell() {
    for (auto& c : loads->take_called()) c.done(std::move(c.reply));
  }
  void pass(duration d) {
    now += d;
    loads->on_tick(now);
    tell();
  }
  /// As the primary does: what nothing overtook is stored.
  bool finish(std::uint64_t load, const std::string& value) {
    const auto* f = loads->find(load);
    if (f == nullptr) return false;
    const bool current = f->current;
    owned_reply r;
    r.value = value;
    for (auto& c : loads->take(load)) c.done(r);
    return current;
  }
  void keep_stale(std::string key, std::string value, duration d) {
    loads->keep_stale(users, std::move(key), std::move(value), 7, now + d, now);
  }

  memory_ledger memory{1 << 20};
  memory_ledger kept{1 << 16};
  std::shared_ptr<load_budget> budget = std::make_shared<load_budget>(2, 3);
  std::unique_ptr<shard_loads> loads = std::make_unique<shard_loads>(memory, kept);
  time_point now{std::chrono::hours(1)};
};

TEST_F(loads_fixture, runs_one_load_for_all_who_ask) {
  const auto first = ask("k");
  const auto second = ask("k");
  EXPECT_NE(first->begun, 0u);
  EXPECT_EQ(second->begun, 0u);
  EXPECT_EQ(budget->running(), 1u);
  EXPECT_EQ(budget->waiting(), 2u);
  EXPECT_TRUE(finish(first->begun, "v"));
  EXPECT_EQ(first->reply.value, "v");
  EXPECT_EQ(second->reply.value, "v");
  EXPECT_EQ(budget->running(), 0u);
  EXPECT_EQ(budget->waiting(), 0u);
  EXPECT_NE(ask("k")->begun, first->begun);
}

TEST_F(loads_fixture, each_caller_waits_until_its_own_deadline) {
  const auto hasty = ask("k", 100ms);
  const auto patient = ask("k", 5s);
  pass(100ms);
  EXPECT_EQ(hasty->reply.code, errc::deadline_exceeded);
  EXPECT_FALSE(patient->answered);
  EXPECT_TRUE(finish(hasty->begun, "v"));
  EXPECT_EQ(patient->reply.value, "v");
}

TEST_F(loads_fixture, a_load_that_takes_too_long_has_failed_and_makes_room_for_another) {
  const auto w = ask("k", 1h);
  pass(10s);
  EXPECT_EQ(w->reply.code, errc::deadline_exceeded);
  EXPECT_EQ(budget->running(), 0u);
  EXPECT_FALSE(finish(w->begun, "late"));
  EXPECT_NE(ask("k")->begun, 0u);
}

TEST_F(loads_fixture, a_write_overtakes_the_load_and_later_readers_begin_another) {
  const auto before = ask("k");
  loads->on_write(users, "other");
  EXPECT_TRUE(loads->find(before->begun)->current);
  loads->on_write(users, "k");
  const auto after = ask("k");
  EXPECT_NE(after->begun, 0u);
  EXPECT_FALSE(finish(before->begun, "old"));
  EXPECT_EQ(before->reply.value, "old");
  EXPECT_FALSE(after->answered);
  EXPECT_TRUE(finish(after->begun, "new"));
  EXPECT_EQ(after->reply.value, "new");
}

TEST_F(loads_fixture, a_drop_overtakes_all_loads_of_the_cache_and_forgets_what_was_kept) {
  const auto w = ask("k");
  keep_stale("s", "old", 1min);
  loads->on_drop(users + 1);
  EXPECT_TRUE(loads->find(w->begun)->current);
  EXPECT_EQ(loads->kept(), 1u);
  loads->on_drop(users);
  EXPECT_FALSE(loads->find(w->begun)->current);
  EXPECT_EQ(loads->kept(), 0u);
  EXPECT_EQ(kept.used(), 0u);
}

TEST_F(loads_fixture, that_there_is_none_is_remembered_for_a_while) {
  const auto w = ask("k");
  loads->finish_none(w->begun, 30s, now);
  tell();
  EXPECT_EQ(w->reply.code, errc::not_found);
  now += 29s;
  EXPECT_EQ(ask("k")->what, outcome::none);
  now += 1s;
  EXPECT_EQ(ask("k")->what, outcome::waits);
}

TEST_F(loads_fixture, none_is_not_remembered_when_something_was_written_meanwhile) {
  const auto w = ask("k");
  loads->on_write(users, "k");
  loads->finish_none(w->begun, 30s, now);
  EXPECT_EQ(loads->kept(), 0u);
  const auto again = ask("k");
  loads->finish_none(again->begun, 30s, now);
  EXPECT_EQ(loads->kept(), 1u);
  loads->on_write(users, "k");
  EXPECT_EQ(loads->kept(), 0u);
}

TEST_F(loads_fixture, an_error_is_told_and_not_remembered) {
  const auto w = ask("k");
  loads->finish_failed(w->begun, errc::storage_failed, "no disk", now);
  tell();
  EXPECT_EQ(w->reply.code, errc::storage_failed);
  EXPECT_EQ(w->reply.context, "no disk");
  EXPECT_NE(ask("k")->begun, 0u);
}

TEST_F(loads_fixture, an_old_value_is_given_while_one_load_runs) {
  keep_stale("k", "old", 1min);
  const auto first = ask("k");
  EXPECT_EQ(first->what, outcome::stale);
  EXPECT_EQ(first->value, "old");
  EXPECT_NE(first->begun, 0u);
  const auto second = ask("k");
  EXPECT_EQ(second->value, "old");
  EXPECT_EQ(second->begun, 0u);
}

TEST_F(loads_fixture, a_loader_that_fails_leaves_the_old_value_and_is_asked_again_later) {
  keep_stale("k", "old", 1min);
  const auto w = ask("k");
  loads->finish_failed(w->begun, errc::unavailable, "", now);
  EXPECT_EQ(ask("k")->value, "old");
  EXPECT_EQ(ask("k")->begun, 0u);
  now += shard_loads::failed_pause;
  EXPECT_NE(ask("k")->begun, 0u);
  now += 1min;
  EXPECT_EQ(ask("k")->what, outcome::waits) << "its time is over";
}

TEST_F(loads_fixture, none_ends_an_old_value) {
  keep_stale("k", "old", 1min);
  const auto w = ask("k");
  loads->finish_none(w->begun, 0s, now);
  EXPECT_EQ(loads->kept(), 0u);
  EXPECT_EQ(ask("k")->what, outcome::waits);
}

TEST_F(loads_fixture, loads_and_callers_are_bounded) {
  EXPECT_EQ(ask("a")->what, outcome::waits);
  EXPECT_EQ(ask("b")->what, outcome::waits);
  EXPECT_EQ(ask("c")->what, outcome::full) << "two loads run";
  EXPECT_EQ(ask("a")->what, outcome::waits);
  EXPECT_EQ(ask("a")->what, outcome::full) << "three wait";
  keep_stale("d", "old", 1min);
  const auto stale = ask("d");
  EXPECT_EQ(stale->value, "old") << "who does not wait is served all the same";
  EXPECT_EQ(stale->begun, 0u);
}

TEST_F(loads_fixture, who_may_not_wait_is_told_to_ask_again) {
  const auto w = ask("k", 2s, false);
  EXPECT_EQ(w->what, outcome::loading);
  EXPECT_EQ(w->begun, 0u);
  EXPECT_EQ(budget->waiting(), 0u);
  EXPECT_EQ(ask("k")->what, outcome::waits);
  keep_stale("old", "v", 1min);
  EXPECT_EQ(ask("old", 2s, false)->what, outcome::stale);
}

TEST_F(loads_fixture, what_is_kept_is_bounded_and_the_oldest_goes) {
  for (int i = 0; i < 1000; ++i) keep_stale(std::to_string(i), std::string(100, 'v'), 1min);
  EXPECT_LE(kept.used(), kept.max());
  EXPECT_EQ(memory.used(), kept.used());
  EXPECT_EQ(ask("999")->what, outcome::stale);
  EXPECT_EQ(ask("0", 2s)->what, outcome::waits);
  keep_stale("huge", std::string(1 << 17, 'v'), 1min);
  EXPECT_GT(loads->kept(), 0u) << "what cannot fit drives nothing out";
  now += 1min;
  for (int i = 0; i < 100; ++i) loads->sweep(now);
  EXPECT_EQ(loads->kept(), 0u);
  EXPECT_EQ(memory.used(), 0u);
}

TEST_F(loads_fixture, everything_ends_when_the_shard_moves) {
  const auto w = ask("k");
  keep_stale("s", "old", 1min);
  loads->give_up(errc::not_owner);
  tell();
  EXPECT_EQ(w->reply.code, errc::not_owner);
  EXPECT_EQ(loads->kept(), 0u);
  EXPECT_FALSE(finish(w->begun, "late"));
  EXPECT_EQ(budget->running(), 0u);
}

TEST_F(loads_fixture, gives_everything_back_when_it_goes) {
  (void)ask("k");
  keep_stale("s", "old", 1min);
  loads = nullptr;
  EXPECT_EQ(budget->running(), 0u);
  EXPECT_EQ(budget->waiting(), 0u);
  EXPECT_EQ(memory.used(), 0u);
  EXPECT_EQ(kept.used(), 0u);
}

/// What a primary tells its loads of.
struct loading_shard : ::testing::Test {
  loading_shard() { (void)shard.take_role({5, {}, {}, 1, 1}, 5); }

  cache_reply run(cache_op op, std::string_view key, std::string_view value = {}, duration ttl = {}) {
    cache_command c;
    c.op = op;
    c.key = key;
    c.value = value;
    c.ttl = ttl;
    return shard.apply(c, now);
  }
  void run_procedure(procedure p, const std::vector<std::string>& words) {
    std::string packed;
    for (const auto& w : words) pack_word(packed, w);
    cache_command c;
    c.op = cache_op::run;
    c.procedure = p;
    c.key = words.empty() ? std::string_view() : std::string_view(words[0]);
    c.value = packed;
    (void)shard.apply(c, now);
  }
  std::uint64_t begin(std::string_view key) {
    reply_callback done = [](const owned_reply&) {};
    return shard.loads().ask({0, key, now + 1s, true, 10s, budget}, now, done).begin;
  }
  bool current(std::uint64_t load) { return shard.loads().find(load)->current; }

  memory_ledger ledger{1 << 20};
  memory_ledger kept{1 << 16};
  cache_rule_book rules{{{false, 1min, 1s}}};
  held_shard shard{store_settings{&ledger, 1, eviction_policy::lru, nullptr, nullptr, &rules, &kept}};
  std::shared_ptr<load_budget> budget = std::make_shared<load_budget>(100, 100);
  time_point now{std::chrono::hours(1)};
};

TEST_F(loading_shard, an_erase_overtakes_a_load_also_when_there_was_nothing_to_erase) {
  const auto load = begin("k");
  EXPECT_EQ(run(cache_op::erase, "k").code, errc::not_found);
  EXPECT_FALSE(current(load));
}

TEST_F(loading_shard, any_procedure_that_writes_the_key_overtakes_its_load) {
  const auto a = begin("a");
  const auto b = begin("b");
  run_procedure(procedure::del, {"x", "a"});
  EXPECT_FALSE(current(a));
  EXPECT_TRUE(current(b));
  run_procedure(procedure::rename, {"x", "b"});
  EXPECT_FALSE(current(b));
  const auto c = begin("c");
  run_procedure(procedure::get, {"c"});
  EXPECT_TRUE(current(c)) << "it only reads";
  run_procedure(procedure::shard_drop, {});
  EXPECT_FALSE(current(c));
}

TEST_F(loading_shard, an_expired_value_is_kept_for_readers_until_its_time_is_over_or_it_is_erased) {
  EXPECT_EQ(run(cache_op::put, "k", "v", 10s).code, errc::ok);
  now += 11s;
  EXPECT_EQ(run(cache_op::get, "k").code, errc::not_found);
  EXPECT_EQ(shard.store().keys(), 0u) << "nobody counts it";
  reply_callback done = [](const owned_reply&) {};
  const auto a = shard.loads().ask({0, "k", now + 1s, true, 10s, budget}, now, done);
  EXPECT_EQ(a.what, outcome::stale);
  EXPECT_EQ(a.value, "v");
  EXPECT_EQ(a.left, 59s);
  EXPECT_EQ(run(cache_op::erase, "k").code, errc::not_found);
  EXPECT_FALSE(shard.loads().keeping());
}

TEST_F(loading_shard, a_value_that_expired_unseen_does_not_come_back_after_a_write) {
  EXPECT_EQ(run(cache_op::put, "k", "old", 10s).code, errc::ok);
  now += 11s;
  EXPECT_EQ(run(cache_op::put, "k", "new").code, errc::ok);
  EXPECT_FALSE(shard.loads().keeping());
  EXPECT_EQ(run(cache_op::put, "e", "old", 10s).code, errc::ok);
  now += 11s;
  EXPECT_EQ(run(cache_op::erase, "e").code, errc::not_found);
  EXPECT_FALSE(shard.loads().keeping());
}

TEST_F(loading_shard, forgets_everything_with_its_part) {
  (void)begin("k");
  (void)shard.take_role({9, {5}, {5}, 2, 1}, 5);
  EXPECT_FALSE(shard.loads().loading());
  ASSERT_TRUE(shard.loads().has_called());
  EXPECT_EQ(shard.loads().take_called()[0].reply.code, errc::not_owner);
}

}  // namespace
}  // namespace troupe
