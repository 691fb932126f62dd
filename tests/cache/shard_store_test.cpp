#include "runtime/cache/shard_store.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"
#include "tests/cache/store_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

TEST(shard_store, gives_back_what_was_put) {
  store_fixture s;
  EXPECT_EQ(s.get("a").code, errc::not_found);
  const auto put = s.put("a", std::string_view("one\0two", 7));
  EXPECT_EQ(put.code, errc::ok);
  const auto got = s.get("a");
  EXPECT_EQ(got.value, std::string("one\0two", 7));
  EXPECT_EQ(got.version, put.version);
  EXPECT_EQ(got.ttl, 0s);
  EXPECT_EQ(s.run(s.command(cache_op::head, "a")).value, "");
  EXPECT_EQ(s.run(s.command(cache_op::head, "a")).version, put.version);
}

TEST(shard_store, takes_empty_keys_and_values) {
  store_fixture s;
  EXPECT_EQ(s.put("", "").code, errc::ok);
  EXPECT_EQ(s.get("").code, errc::ok);
  EXPECT_EQ(s.erase("").code, errc::ok);
  EXPECT_EQ(s.get("").code, errc::not_found);
}

TEST(shard_store, takes_the_longest_key_and_refuses_a_longer_one) {
  store_fixture s;
  const std::string longest(key_bytes_max, 'k');
  EXPECT_EQ(s.put(longest, "v").code, errc::ok);
  EXPECT_EQ(s.get(longest).value, "v");
  EXPECT_EQ(s.put(longest + "k", "v").code, errc::too_large);
  EXPECT_EQ(s.get(longest + "k").code, errc::not_found);
}

TEST(shard_store, keeps_caches_apart) {
  store_fixture s;
  auto c = s.put_command("k", "in one");
  c.cache = 1;
  ASSERT_EQ(s.run(c).code, errc::ok);
  EXPECT_EQ(s.get("k", 0).code, errc::not_found);
  EXPECT_EQ(s.get("k", 1).value, "in one");
  s.put("k", "in default");
  s.store.clear(1);
  EXPECT_EQ(s.get("k", 1).code, errc::not_found);
  EXPECT_EQ(s.get("k", 0).value, "in default");
  c.cache = caches_max;
  EXPECT_EQ(s.run(c).code, errc::invalid_argument);
}

TEST(shard_store, puts_if_absent_present_or_of_a_version) {
  store_fixture s;
  auto c = s.put_command("k", "1");
  c.condition = write_condition::if_present;
  EXPECT_EQ(s.run(c).code, errc::condition_failed);
  c.condition = write_condition::if_version;
  EXPECT_EQ(s.run(c).code, errc::condition_failed);
  c.condition = write_condition::if_absent;
  const auto first = s.run(c);
  EXPECT_EQ(first.code, errc::ok);
  const auto refused = s.run(c);
  EXPECT_EQ(refused.code, errc::condition_failed);
  EXPECT_EQ(refused.version, first.version) << "tells the present version";
  c.condition = write_condition::if_version;
  c.version = first.version;
  c.value = "2";
  const auto second = s.run(c);
  EXPECT_EQ(second.code, errc::ok);
  EXPECT_EQ(s.run(c).code, errc::condition_failed) << "the version has moved on";
  c.condition = write_condition::if_present;
  EXPECT_EQ(s.run(c).code, errc::ok);
}

TEST(shard_store, erases_only_the_version_asked_for) {
  store_fixture s;
  const auto put = s.put("k", "v");
  auto c = s.command(cache_op::erase, "k");
  c.condition = write_condition::if_version;
  c.version = put.version + 1;
  EXPECT_EQ(s.run(c).code, errc::condition_failed);
  c.version = put.version;
  EXPECT_EQ(s.run(c).code, errc::ok);
  EXPECT_EQ(s.run(c).code, errc::not_found);
}

TEST(shard_store, versions_rise_across_delete_and_epochs) {
  store_fixture s;
  const auto a = s.put("k", "1").version;
  const auto b = s.erase("k").version;
  const auto c = s.put("k", "2").version;
  EXPECT_LT(a, b);
  EXPECT_LT(b, c);
  s.store.clear();
  s.store.begin_epoch(7);
  const auto d = s.put("k", "3").version;
  EXPECT_EQ(d, (std::uint64_t{7} << version_counter_bits) + 1);
  s.store.begin_epoch(3);
  EXPECT_GT(s.put("k", "4").version, d) << "a lower epoch changes nothing";
  s.store.begin_epoch(UINT64_MAX);
  EXPECT_EQ(s.put("k", "5").version >> version_counter_bits, version_epoch_max);
}

TEST(shard_store, a_refused_write_uses_no_version) {
  store_fixture s;
  s.put("k", "1");
  const auto before = s.store.version();
  auto c = s.put_command("k", "2");
  c.condition = write_condition::if_absent;
  EXPECT_EQ(s.run(c).code, errc::condition_failed);
  EXPECT_EQ(s.store.version(), before);
}

TEST(shard_store, values_expire_at_their_time) {
  store_fixture s;
  EXPECT_EQ(s.put("k", "v", 10s).ttl, 10s);
  s.now += 9s;
  EXPECT_EQ(s.get("k").ttl, 1s);
  s.now += 1s;
  EXPECT_EQ(s.get("k").code, errc::not_found);
  EXPECT_EQ(s.store.expired(), 1u);
  EXPECT_EQ(s.store.keys(), 0u);
  auto c = s.put_command("k", "v", -1s);
  EXPECT_EQ(s.run(c).code, errc::invalid_argument);
  EXPECT_EQ(s.put("k", "v", duration::max()).code, errc::ok);
  EXPECT_EQ(s.get("k").ttl, 0s) << "beyond the end of time is never";
}

TEST(shard_store, an_expired_value_counts_as_absent_for_conditions) {
  store_fixture s;
  s.put("k", "v", 1s);
  s.now += 2s;
  auto c = s.put_command("k", "w");
  c.condition = write_condition::if_absent;
  EXPECT_EQ(s.run(c).code, errc::ok);
}

TEST(shard_store, a_put_replaces_the_expiry_unless_told_to_keep_it) {
  store_fixture s;
  s.put("k", "v", 10s);
  s.put("k", "w");
  EXPECT_EQ(s.get("k").ttl, 0s);
  s.put("k", "v", 10s);
  s.now += 4s;
  auto c = s.put_command("k", "another length", 99s);
  c.keep_ttl = true;
  EXPECT_EQ(s.run(c).ttl, 6s);
  EXPECT_EQ(s.get("k").ttl, 6s);
  c.key = "new";
  EXPECT_EQ(s.run(c).ttl, 99s) << "nothing to keep";
}

TEST(shard_store, active_expiry_frees_everything_that_is_due_in_slices) {
  store_fixture s;
  constexpr int keys = 3000;
  for (int i = 0; i < keys; ++i) {
    const auto key = "k" + std::to_string(i);
    if (i % 3 == 0) s.put(key, "v", 1s);
    if (i % 3 == 1) s.put(key, "v", 60s);
    if (i % 3 == 2) s.put(key, "v");
  }
  EXPECT_EQ(s.store.expire(s.now, 1 << 20), 0u) << "nothing is due";
  s.now += 2s;
  std::size_t freed = 0;
  int slices = 0;
  while (freed < keys / 3 && slices < 1000) {
    const auto now_freed = s.store.expire(s.now, 64);
    EXPECT_LE(now_freed, 200u);
    freed += now_freed;
    ++slices;
  }
  EXPECT_EQ(freed, static_cast<std::size_t>(keys / 3));
  EXPECT_GT(slices, 10);
  EXPECT_EQ(s.store.keys(), 2000u);
  EXPECT_EQ(s.store.expired(), 1000u);
  while (s.store.expire(s.now, 64) != 0) {
  }
  s.now += 60s;
  freed = 0;
  for (int i = 0; i < 1000; ++i) freed += s.store.expire(s.now, 64);
  EXPECT_EQ(freed, 1000u);
  for (int i = 2; i < keys; i += 3) ASSERT_EQ(s.get("k" + std::to_string(i)).code, errc::ok);
}

TEST(shard_store, a_scan_shows_each_entry_exactly_once_while_others_come_and_go) {
  random r(5);
  for (int run = 0; run < 30; ++run) {
    store_fixture s;
    std::set<std::string> stable;
    const auto size = r.below(600);
    for (std::uint64_t i = 0; i < size; ++i) {
      stable.insert("stable" + std::to_string(i));
      s.put("stable" + std::to_string(i), "v");
      s.put("passing" + std::to_string(i), "v");
    }
    std::multiset<std::string> shown;
    std::uint64_t cursor = 0;
    do {
      cursor = s.store.scan(cursor, 1 + r.below(run < 20 ? 20 : 2000), s.now, [&](const shard_store::entry_view& e) {
        if (e.key.starts_with("stable")) shown.emplace(e.key);
      });
      // Growth, shrinking and moves between the steps.
      const bool grow = run % 2 == 0;
      for (int i = 0; i < 60; ++i) {
        if (grow) {
          s.put("late" + std::to_string(r.below(5000)), "v");
        } else {
          s.erase("passing" + std::to_string(r.below(size + 1)));
        }
        if (!stable.empty()) s.put("stable" + std::to_string(r.below(size)), std::string(r.below(100), 'x'));
      }
    } while (cursor != 0);
    EXPECT_TRUE(std::equal(shown.begin(), shown.end(), stable.begin(), stable.end())) << "run " << run;
  }
}

TEST(shard_store, a_scan_shows_whole_entries_and_no_expired_ones) {
  store_fixture s;
  s.put("gone", "x", 1s);
  s.put("here", "value", 10s);
  s.now += 2s;
  int shown = 0;
  EXPECT_EQ(s.store.scan(0, 100, s.now,
                         [&](const shard_store::entry_view& e) {
                           ++shown;
                           EXPECT_EQ(e.key, "here");
                           EXPECT_EQ(e.value, "value");
                           EXPECT_EQ(e.ttl, 8s);
                           EXPECT_EQ(e.version, s.store.version());
                         }),
            0u);
  EXPECT_EQ(shown, 1);
  EXPECT_EQ(s.store.scan(UINT64_MAX, 10, s.now, [](const auto&) { FAIL(); }), 0u) << "a cursor from outside";
}

TEST(shard_store, answers_reads_of_present_values_only) {
  store_fixture s;
  int visits = 0;
  const auto visit = [&](const cache_reply&) { ++visits; };
  EXPECT_FALSE(s.store.apply_if_present(s.command(cache_op::get, "k"), s.now, visit));
  s.put("k", "v", 1s);
  EXPECT_TRUE(s.store.apply_if_present(s.command(cache_op::get, "k"), s.now, visit));
  EXPECT_TRUE(s.store.apply_if_present(s.command(cache_op::head, "k"), s.now, visit));
  EXPECT_FALSE(s.store.apply_if_present(s.put_command("k", "w"), s.now, visit));
  EXPECT_FALSE(s.store.apply_if_present(s.command(cache_op::erase, "k"), s.now, visit));
  s.now += 2s;
  EXPECT_FALSE(s.store.apply_if_present(s.command(cache_op::get, "k"), s.now, visit));
  EXPECT_EQ(visits, 2);
}

TEST(shard_store, committed_writes_replace_lower_versions_only) {
  store_fixture s;
  EXPECT_TRUE(s.store.apply_committed(0, "k", "ten", 10, 0s, s.now));
  EXPECT_FALSE(s.store.apply_committed(0, "k", "nine", 9, 0s, s.now));
  EXPECT_FALSE(s.store.apply_committed(0, "k", "ten again", 10, 0s, s.now));
  EXPECT_EQ(s.get("k").value, "ten");
  EXPECT_FALSE(s.store.apply_erased(0, "k", 10));
  EXPECT_EQ(s.store.next_version(), 11u) << "versions go on above those seen";
  EXPECT_EQ(s.store.next_version(100), 101u);
  EXPECT_TRUE(s.store.apply_erased(0, "k", 101));
  EXPECT_EQ(s.get("k").code, errc::not_found);
}

TEST(shard_store, a_committed_write_that_has_expired_erases_the_old_value) {
  store_fixture s;
  s.store.apply_committed(0, "k", "old", 1, 0s, s.now);
  EXPECT_FALSE(s.store.apply_committed(0, "k", "new", 2, -1s, s.now));
  EXPECT_EQ(s.get("k").code, errc::not_found);
}

// A load that began before a delete must not bring the deleted value back.
TEST(shard_store, refuses_a_loaded_value_that_a_later_commit_may_have_overtaken) {
  store_fixture s;
  const auto as_of = s.store.commits();
  s.store.apply_erased(0, "k", s.store.next_version());
  EXPECT_FALSE(s.store.apply_loaded(0, "k", "old", 1, 0s, s.now, as_of));
  EXPECT_EQ(s.get("k").code, errc::not_found);
  EXPECT_TRUE(s.store.apply_loaded(0, "k", "read anew", 1, 0s, s.now, s.store.commits()));
  EXPECT_TRUE(s.store.apply_loaded(0, "l", "unchecked", 1, 5s, s.now, UINT64_MAX));
  EXPECT_EQ(s.get("l").ttl, 5s);
}

}  // namespace
}  // namespace troupe
