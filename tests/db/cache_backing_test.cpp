// Backed caches: durable before visible, visible before acknowledged, and nothing stale after a failure.
#include "actors/db/cache_backing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <optional>

#include "gateways/db/sqlite_driver.hpp"
#include "tests/db/awaited.hpp"
#include "tests/db/faulty_driver.hpp"
#include "tests/db/plain_job.hpp"
#include "tests/db/temporary_directory.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

// The rules of committed_store on a map, with a note of what was applied.
class map_store final : public committed_store {
 public:
  struct entry {
    std::string value;
    std::uint64_t version;
    duration ttl;
  };

  std::uint64_t next_version(cache_id, std::string_view, std::uint64_t above) override {
    const std::lock_guard lock(mutex_);
    return owner_ ? version_ = std::max(version_, above) + 1 : 0;
  }
  void apply_loaded(cache_id, std::string_view key, std::string_view value, std::uint64_t version, duration ttl,
                    time_point) override {
    set("load", key, value, version, ttl);
  }
  void apply_committed(cache_id, std::string_view key, std::string_view value, std::uint64_t version, duration ttl,
                       time_point) override {
    set("put", key, value, version, ttl);
  }
  void apply_erased(cache_id, std::string_view key, std::uint64_t version) override {
    const std::lock_guard lock(mutex_);
    log_.push_back("erase " + std::string(key));
    const auto found = entries_.find(std::string(key));
    if (found != entries_.end() && found->second.version < version) entries_.erase(found);
  }

  std::optional<entry> find(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    return found == entries_.end() ? std::nullopt : std::optional(found->second);
  }
  void forget_all() {
    const std::lock_guard lock(mutex_);
    entries_.clear();
  }
  std::vector<std::string> log() const {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  void lose_shard() {
    const std::lock_guard lock(mutex_);
    owner_ = false;
  }

 private:
  void set(const char* how, std::string_view key, std::string_view value, std::uint64_t version, duration ttl) {
    const std::lock_guard lock(mutex_);
    log_.push_back(std::string(how) + " " + std::string(key));
    auto& e = entries_[std::string(key)];
    if (version > e.version) e = {std::string(value), version, ttl};
  }

  mutable std::mutex mutex_;
  std::map<std::string, entry> entries_;
  std::vector<std::string> log_;
  std::uint64_t version_ = 0;
  bool owner_ = true;
};

class cache_backing_test : public testing::Test {
 protected:
  void SetUp() override { open(); }
  void TearDown() override { close(); }

  void open() {
    pool_ = std::make_unique<database_pool>(
        std::make_shared<faulty_driver>(std::make_shared<sqlite_driver>(sqlite_driver::settings{
                                            directory_.path(), 1ms, sqlite_synchronous::normal}),
                                        faults_),
        database_pool::settings{}, [this] {
          const std::chrono::milliseconds now(now_ms_.load());
          return batch_times{time_point(now), wall_time(now)};
        });
    auto backing = cache_backing::open(*pool_, store_, {{7, "Sessions"}, {8, "other"}});
    ASSERT_TRUE(backing) << backing.error().context;
    backing_ = std::move(*backing);
  }
  void close() {
    if (pool_) pool_->stop();
    backing_.reset();
    pool_.reset();
  }

  using answer = awaited<owned_reply>;

  void submit(const cache_command& c, const answer& a) { backing_->submit(c, time_point::max(), a.callback()); }
  owned_reply run(const cache_command& c) {
    answer a;
    submit(c, a);
    return a.get();
  }
  static cache_command get_of(std::string_view key) {
    return {.op = cache_op::get, .cache = 7, .key = key, .value = {}};
  }
  static cache_command put_of(std::string_view key, std::string_view value, duration ttl = {}) {
    return {.op = cache_op::put, .cache = 7, .ttl = ttl, .key = key, .value = value};
  }
  static cache_command erase_of(std::string_view key) {
    return {.op = cache_op::erase, .cache = 7, .key = key, .value = {}};
  }

  temporary_directory directory_;
  faults faults_;
  std::atomic<std::int64_t> now_ms_{1000};
  map_store store_;
  std::unique_ptr<database_pool> pool_;
  std::unique_ptr<cache_backing> backing_;
};

TEST(cache_backing, names_a_namespace_after_its_cache) {
  EXPECT_EQ(namespace_of_cache("Sessions"), "cache_sessions");
  EXPECT_EQ(namespace_of_cache("a-b.c/d_1\xc3"), "cache_a_b_c_d_1_");
}

TEST_F(cache_backing_test, a_value_survives_a_restart) {
  pool_->start();
  const auto written = run(put_of("k", "v"));
  EXPECT_EQ(written.code, errc::ok);
  EXPECT_EQ(store_.find("k")->value, "v");
  close();
  store_.forget_all();
  open();
  pool_->start();
  const auto read = run(get_of("k"));
  EXPECT_EQ(read.code, errc::ok);
  EXPECT_EQ(read.value, "v");
  EXPECT_EQ(read.version, written.version);
  EXPECT_EQ(store_.find("k")->version, written.version);
}

TEST_F(cache_backing_test, a_read_of_nothing_finds_nothing_and_shows_nothing) {
  pool_->start();
  EXPECT_EQ(run(get_of("k")).code, errc::not_found);
  EXPECT_TRUE(store_.log().empty());
}

TEST_F(cache_backing_test, head_brings_the_value_into_memory_but_not_into_the_reply) {
  pool_->start();
  (void)run(put_of("k", "v"));
  store_.forget_all();
  const auto reply = run({.op = cache_op::head, .cache = 7, .key = "k", .value = {}});
  EXPECT_EQ(reply.code, errc::ok);
  EXPECT_TRUE(reply.value.empty());
  EXPECT_EQ(store_.find("k")->value, "v");
}

// A load that was read before a delete must not be shown after it.
TEST_F(cache_backing_test, a_load_never_resurrects_what_a_later_write_removed) {
  std::vector<answer> answers(6);
  submit(put_of("k", "1"), answers[0]);
  submit(get_of("k"), answers[1]);
  submit(put_of("k", "2"), answers[2]);
  submit(get_of("k"), answers[3]);
  submit(erase_of("k"), answers[4]);
  submit(get_of("k"), answers[5]);
  pool_->start();  // all in one batch
  EXPECT_EQ(answers[1].get().value, "1");
  EXPECT_EQ(answers[3].get().value, "2");
  EXPECT_EQ(answers[4].get().code, errc::ok);
  EXPECT_EQ(answers[5].get().code, errc::not_found);
  EXPECT_EQ(store_.log(), (std::vector<std::string>{"put k", "load k", "put k", "load k", "erase k"}));
  EXPECT_FALSE(store_.find("k"));
}

TEST_F(cache_backing_test, memory_shows_a_write_before_it_is_acknowledged) {
  pool_->start();
  awaited<bool> shown;
  backing_->submit(put_of("k", "v"), time_point::max(),
                   [this, report = shown.callback()](const owned_reply&) { report(store_.find("k").has_value()); });
  EXPECT_TRUE(shown.get());
}

TEST_F(cache_backing_test, a_refused_condition_changes_neither_side) {
  pool_->start();
  (void)run(put_of("k", "v"));
  auto c = put_of("k", "w");
  c.condition = write_condition::if_absent;
  EXPECT_EQ(run(c).code, errc::condition_failed);
  EXPECT_EQ(store_.find("k")->value, "v");
  EXPECT_EQ(run(get_of("k")).value, "v");
}

TEST_F(cache_backing_test, passes_what_is_left_of_the_ttl) {
  pool_->start();
  (void)run(put_of("k", "v", 500ms));
  EXPECT_EQ(store_.find("k")->ttl, duration(500ms));
  store_.forget_all();
  now_ms_ += 200;
  EXPECT_EQ(run(get_of("k")).ttl, duration(300ms));
  EXPECT_EQ(store_.find("k")->ttl, duration(300ms));
  now_ms_ += 300;
  EXPECT_EQ(run(get_of("k")).code, errc::not_found);
}

TEST_F(cache_backing_test, a_full_disk_acknowledges_and_shows_nothing_while_reads_go_on) {
  pool_->start();
  (void)run(put_of("k", "old"));
  for (auto* fault : {&faults_.write, &faults_.commit}) {
    *fault = errc::storage_failed;
    const auto reply = run(put_of("k", "new"));
    EXPECT_EQ(reply.code, errc::storage_failed);
    EXPECT_FALSE(reply.context.empty());
    EXPECT_EQ(run(erase_of("k")).code, errc::storage_failed);
    EXPECT_EQ(store_.find("k")->value, "old");
    EXPECT_EQ(run(get_of("k")).value, "old");
    *fault = errc::ok;
  }
  EXPECT_EQ(run(put_of("k", "new")).code, errc::ok);
}

TEST_F(cache_backing_test, after_an_unknown_outcome_memory_claims_nothing) {
  pool_->start();
  (void)run(put_of("k", "old"));
  faults_.lose_answer = true;
  EXPECT_EQ(run(put_of("k", "new")).code, errc::outcome_unknown);
  faults_.lose_answer = false;
  EXPECT_FALSE(store_.find("k"));
  const auto read = run(get_of("k"));
  EXPECT_EQ(read.value, "new") << "this time the commit had come through";
  EXPECT_EQ(store_.find("k")->value, "new");
}

TEST_F(cache_backing_test, a_shard_that_moved_away_is_not_written) {
  pool_->start();
  store_.lose_shard();
  EXPECT_EQ(run(put_of("k", "v")).code, errc::not_owner);
  EXPECT_EQ(run(get_of("k")).code, errc::not_found);
}

TEST_F(cache_backing_test, caches_do_not_see_each_other) {
  pool_->start();
  (void)run(put_of("k", "v"));
  EXPECT_EQ(run({.op = cache_op::get, .cache = 8, .key = "k", .value = {}}).code, errc::not_found);
  EXPECT_EQ(run({.op = cache_op::get, .cache = 9, .key = "k", .value = {}}).code, errc::not_found);
}

TEST_F(cache_backing_test, sweeps_all_expired_rows_in_bounded_jobs) {
  constexpr int rows = static_cast<int>(cache_backing::sweep_rows_max) + 10;
  std::vector<answer> answers(rows);
  for (int i = 0; i < rows; ++i) submit(put_of(std::to_string(i), "v", 10ms), answers[i]);
  pool_->start();
  for (auto& a : answers) EXPECT_EQ(a.get().code, errc::ok);
  now_ms_ += 10;
  backing_->sweep(time_point::max() - cache_backing::sweep_deadline);
  (void)run(get_of("0"));  // behind the first sweep job
  (void)run(get_of("0"));  // and the second
  pool_->stop();
  sqlite_driver driver({directory_.path(), 1ms, sqlite_synchronous::normal});
  auto session = driver.open("cache_sessions");
  ASSERT_TRUE(session);
  EXPECT_EQ(std::get<std::int64_t>((*session)->run("SELECT count(*) FROM kv", {})->rows[0][0]), 0);
}

TEST_F(cache_backing_test, refuses_names_that_would_share_a_file) {
  const auto shared = cache_backing::open(*pool_, store_, {{1, "Foo-Bar"}, {2, "foo_bar"}});
  ASSERT_FALSE(shared);
  EXPECT_EQ(shared.error().code, errc::bad_config);
  const auto long_name = cache_backing::open(*pool_, store_, {{1, std::string(100, 'x')}});
  ASSERT_FALSE(long_name);
  EXPECT_EQ(long_name.error().code, errc::bad_config);
}

}  // namespace
}  // namespace troupe
