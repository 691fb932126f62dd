// What commands do to the rows of a backed cache.
#include "runtime/services/cache_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "gateways/db/sqlite_driver.hpp"
#include "tests/db/temporary_directory.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

class cache_table_test : public testing::Test {
 protected:
  void SetUp() override { reopen(); }

  void reopen() {
    session_.reset();
    sqlite_driver driver({directory_.path(), 1ms, sqlite_synchronous::normal});
    session_ = std::move(*driver.open("cache_t"));
    ASSERT_TRUE(session_->migrate(cache_table::schema()));
    table_ = {};
  }

  owned_reply run(const cache_command& c) {
    auto reply = table_.execute(*session_, c, times_, [this](std::uint64_t above) {
      return version_ == 0 ? 0 : version_ = std::max(version_, above) + 1;
    });
    EXPECT_TRUE(reply) << reply.error().context;
    return reply ? *reply : owned_reply::failed(errc::corrupt);
  }
  owned_reply get(std::string_view key) { return run({.op = cache_op::get, .key = key, .value = {}}); }
  owned_reply put(std::string_view key, std::string_view value, duration ttl = {}) {
    return run({.op = cache_op::put, .ttl = ttl, .key = key, .value = value});
  }
  owned_reply put_if(write_condition condition, std::string_view key, std::uint64_t version = 0) {
    return run({.op = cache_op::put, .condition = condition, .version = version, .key = key, .value = "new"});
  }
  owned_reply erase(std::string_view key) { return run({.op = cache_op::erase, .key = key, .value = {}}); }
  std::size_t sweep(std::size_t rows_max = 100) { return *table_.sweep(*session_, times_, rows_max); }
  void pass(std::chrono::milliseconds d) {
    times_.now += d;
    times_.wall += d;
  }

  temporary_directory directory_;
  std::unique_ptr<database_session> session_;
  cache_table table_;
  batch_times times_{time_point(1h), wall_time(1'700'000'000'000ms)};
  std::uint64_t version_ = 10;
};

TEST_F(cache_table_test, gives_back_any_bytes_with_their_version) {
  const std::string key("k\0\xff", 3);
  const std::string value("\0v\0", 3);
  const auto written = put(key, value);
  EXPECT_EQ(written.code, errc::ok);
  const auto read = get(key);
  EXPECT_EQ(read.code, errc::ok);
  EXPECT_EQ(read.value, value);
  EXPECT_EQ(read.version, written.version);
  EXPECT_EQ(read.ttl, duration{});
  EXPECT_EQ(put("", "").code, errc::ok);
  EXPECT_EQ(get("").code, errc::ok);
  EXPECT_EQ(get("other").code, errc::not_found);
}

TEST_F(cache_table_test, conditions_are_those_of_the_row) {
  EXPECT_EQ(put_if(write_condition::if_present, "k").code, errc::condition_failed);
  EXPECT_EQ(put_if(write_condition::if_version, "k", 0).code, errc::condition_failed);
  const auto first = put_if(write_condition::if_absent, "k");
  EXPECT_EQ(first.code, errc::ok);
  const auto refused = put_if(write_condition::if_absent, "k");
  EXPECT_EQ(refused.code, errc::condition_failed);
  EXPECT_EQ(refused.version, first.version);
  EXPECT_EQ(put_if(write_condition::if_version, "k", first.version + 1).code, errc::condition_failed);
  EXPECT_EQ(put_if(write_condition::if_version, "k", first.version).code, errc::ok);
  EXPECT_EQ(put_if(write_condition::if_present, "k").code, errc::ok);
  EXPECT_EQ(
      run({.op = cache_op::erase, .condition = write_condition::if_version, .version = 1, .key = "k", .value = {}})
          .code,
      errc::condition_failed);
  EXPECT_EQ(erase("k").code, errc::ok);
  EXPECT_EQ(erase("k").code, errc::not_found);
  EXPECT_EQ(
      run({.op = cache_op::erase, .condition = write_condition::if_version, .version = 1, .key = "k", .value = {}})
          .code,
      errc::not_found);
}

TEST_F(cache_table_test, an_expired_row_counts_as_absent) {
  put("k", "v", 100ms);
  pass(40ms);
  EXPECT_EQ(get("k").ttl, duration(60ms));
  pass(60ms);
  EXPECT_EQ(get("k").code, errc::not_found);
  EXPECT_EQ(put_if(write_condition::if_present, "k").code, errc::condition_failed);
  EXPECT_EQ(put_if(write_condition::if_absent, "k").code, errc::ok);
  EXPECT_EQ(get("k").ttl, duration{});
}

TEST_F(cache_table_test, keeps_the_old_expiry_when_asked) {
  put("k", "v", 100ms);
  pass(30ms);
  const auto kept = run({.op = cache_op::put, .keep_ttl = true, .key = "k", .value = "w"});
  EXPECT_EQ(kept.ttl, duration(70ms));
  EXPECT_EQ(get("k").ttl, duration(70ms));
  EXPECT_EQ(run({.op = cache_op::put, .keep_ttl = true, .key = "new", .value = "w"}).ttl, duration{});
}

TEST_F(cache_table_test, a_ttl_below_a_millisecond_still_expires_later) {
  EXPECT_EQ(put("k", "v", 1us).ttl, duration(1ms));
  EXPECT_EQ(get("k").code, errc::ok);
}

TEST_F(cache_table_test, expiry_survives_a_restart_on_the_wall_clock) {
  put("k", "v", 100ms);
  times_.now = time_point(5s);  // another boot, another monotonic clock
  times_.wall += 60ms;
  reopen();
  EXPECT_EQ(get("k").ttl, duration(40ms));
}

TEST_F(cache_table_test, versions_rise_across_restart_and_delete) {
  const auto first = put("k", "v").version;
  version_ = 1;  // a new process counts from the start
  reopen();
  const auto second = put("k", "w").version;
  EXPECT_GT(second, first);
  const auto erased = erase("k").version;
  EXPECT_GT(erased, second);
  version_ = 1;
  reopen();
  EXPECT_GT(put("k", "x").version, erased);
}

TEST_F(cache_table_test, versions_rise_across_an_expiry_that_was_swept) {
  const auto first = put("k", "v", 10ms).version;
  pass(10ms);
  EXPECT_EQ(sweep(), 1u);
  version_ = 1;
  reopen();
  EXPECT_GT(put("k", "w").version, first);
}

TEST_F(cache_table_test, sweeps_expired_rows_a_few_at_a_time) {
  for (int i = 0; i < 5; ++i) put("short" + std::to_string(i), "v", 10ms);
  put("long", "v", 1h);
  put("ever", "v");
  EXPECT_EQ(sweep(), 0u);
  pass(10ms);
  EXPECT_EQ(sweep(3), 3u);
  EXPECT_EQ(sweep(3), 2u);
  EXPECT_EQ(sweep(3), 0u);
  EXPECT_EQ(get("long").code, errc::ok);
  EXPECT_EQ(get("ever").code, errc::ok);
}

TEST_F(cache_table_test, erasing_an_expired_row_finds_nothing) {
  put("k", "v", 10ms);
  pass(10ms);
  EXPECT_EQ(erase("k").code, errc::not_found);
  EXPECT_EQ(sweep(), 1u);
}

TEST_F(cache_table_test, a_negative_ttl_is_refused_and_the_longest_is_held) {
  EXPECT_EQ(put("k", "v", duration(-1)).code, errc::invalid_argument);
  EXPECT_EQ(get("k").code, errc::not_found);
  EXPECT_GT(put("k", "v", duration::max()).ttl, 24h * 365 * 290);
  EXPECT_GT(get("k").ttl, 24h * 365 * 290);
  times_.wall -= 1h;  // a wall clock that is set back
  EXPECT_GT(get("k").ttl, 24h * 365 * 290);
}

TEST_F(cache_table_test, writes_nothing_for_a_shard_that_is_not_ours) {
  version_ = 0;
  EXPECT_EQ(put("k", "v").code, errc::not_owner);
  EXPECT_EQ(get("k").code, errc::not_found);
}

TEST_F(cache_table_test, a_foreign_row_is_corrupt_and_not_believed) {
  ASSERT_TRUE(session_->run("INSERT INTO kv(key, value, version) VALUES(x'6b', 'text', 1)", {}));
  const auto reply = table_.execute(*session_, {.op = cache_op::get, .key = "k", .value = {}}, times_,
                                    [](std::uint64_t) { return std::uint64_t{1}; });
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, errc::corrupt);
}

}  // namespace
}  // namespace troupe
