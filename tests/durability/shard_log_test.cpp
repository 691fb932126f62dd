// The log on a real disk: written, read again by another host, torn, damaged, full.
#include "actors/durability/shard_log.hpp"

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>

#include <gtest/gtest.h>

#include "runtime/durability/log_reader.hpp"
#include "runtime/durability/log_rewrite.hpp"
#include "tests/cache/host_fixture.hpp"
#include "tests/db/small_disk.hpp"
#include "tests/db/temporary_directory.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr duration patience = 20s;

std::map<std::string, named_cache_config> durable_caches(const std::string& fsync) {
  std::map<std::string, named_cache_config> caches;
  caches["default"].durable = true;
  caches["default"].fsync = fsync;
  caches["plain"] = {};
  return caches;
}

/// A process: a host and its log. Its end writes nothing that was not written.
struct durable_host {
  durable_host(const std::string& directory, const std::string& fsync = "everysec")
      : caches(durable_caches(fsync)),
        loaded(load_log({directory, {5}, caches, modes_of(caches)}, fixture.host, *quiet)) {
    if (!loaded) return;
    log = std::make_unique<shard_log>(shard_log::surroundings{fixture.host, caches, *quiet, directory, modes_of(caches),
                                                              [this](const std::string& f) {
                                                                const std::lock_guard lock(mutex);
                                                                fault = f;
                                                                changed.notify_all();
                                                              }},
                                      *loaded);
    started = log->start();
    if (!started) return;
    fixture.host.set_journal(log.get());
    for (auto& row : fixture.table.rows) row = {host_fixture::me, {}, {}, 2, 1, 0};
    (void)fixture.adopt();
  }
  ~durable_host() {
    fixture.host.close();
    if (log) log->stop();
  }

  /// outcome_unknown when no answer came in time.
  owned_reply submit(cache_command c, const std::string& cache = "default") {
    c.cache = *caches.find(cache);
    struct answer {
      std::mutex mutex;
      std::condition_variable come;
      std::optional<owned_reply> reply;
    };
    const auto a = std::make_shared<answer>();
    reply_callback done = [a](owned_reply r) {
      const std::lock_guard lock(a->mutex);
      a->reply = std::move(r);
      a->come.notify_all();
    };
    const time_point now = std::chrono::steady_clock::now();
    if (!fixture.host.submit(c, now, now + patience, done)) return owned_reply::failed(errc::not_owner);
    std::unique_lock lock(a->mutex);
    if (!a->come.wait_for(lock, patience, [&] { return a->reply.has_value(); }))
      return owned_reply::failed(errc::outcome_unknown);
    return *a->reply;
  }
  owned_reply put(const std::string& key, const std::string& value, const std::string& cache = "default") {
    return submit(host_fixture::command(cache_op::put, key, value), cache);
  }
  std::string get(const std::string& key) { return submit(host_fixture::command(cache_op::get, key)).value; }
  bool wait_fault(bool wanted) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, patience, [&] { return fault.empty() != wanted; });
  }

  std::shared_ptr<event_log> quiet = event_log::none();
  host_fixture fixture;
  cache_catalogue caches;
  expected<loaded_log> loaded;
  std::unique_ptr<shard_log> log;
  expected<void> started;
  std::mutex mutex;
  std::condition_variable changed;
  std::string fault;
};

class durable_log : public ::testing::TestWithParam<const char*> {
 protected:
  temporary_directory home;
  const std::string directory = home.path() + "/durable";

  std::string newest() const { return segment_path(directory, segments_in(directory)->back()); }
};

TEST_P(durable_log, what_was_acknowledged_is_read_by_the_next_process) {
  {
    durable_host h(directory, GetParam());
    ASSERT_TRUE(h.started);
    for (int i = 0; i < 200; ++i) ASSERT_EQ(h.put("k" + std::to_string(i), "v" + std::to_string(i)).code, errc::ok);
    EXPECT_EQ(h.put("k", "v", "plain").code, errc::ok);
    std::filesystem::copy(directory, directory + "2");  // as a kill -9 would leave it
  }
  for (const auto& left : {directory, directory + "2"}) {
    durable_host h(left, GetParam());
    ASSERT_TRUE(h.started);
    for (int i = 0; i < 200; ++i) EXPECT_EQ(h.get("k" + std::to_string(i)), "v" + std::to_string(i));
    EXPECT_EQ(h.submit(host_fixture::command(cache_op::get, "k"), "plain").code, errc::not_found);
  }
}

INSTANTIATE_TEST_SUITE_P(fsync, durable_log, ::testing::Values("always", "everysec", "no"),
                         [](const auto& tested) { return std::string(tested.param); });

using durable_log_files = durable_log;
INSTANTIATE_TEST_SUITE_P(files, durable_log_files, ::testing::Values("everysec"));

TEST_P(durable_log_files, a_torn_tail_is_cut_from_the_file_and_the_next_process_goes_on) {
  {
    durable_host h(directory);
    (void)h.put("a", "1");
    (void)h.put("b", "2");
  }
  const auto file = newest();
  const auto whole = std::filesystem::file_size(file);
  std::filesystem::resize_file(file, whole - 3);
  {
    durable_host h(directory);
    ASSERT_TRUE(h.started);
    EXPECT_LT(std::filesystem::file_size(file), whole - 3);
    EXPECT_EQ(h.get("a"), "1");
    (void)h.put("c", "3");
  }
  std::ofstream(newest(), std::ios::app) << "garbage that a crash left";
  durable_host h(directory);
  ASSERT_TRUE(h.started);
  EXPECT_EQ(h.get("a"), "1");
  EXPECT_EQ(h.get("c"), "3");
}

TEST_P(durable_log_files, an_earlier_segment_that_is_damaged_or_missing_stops_the_start_and_names_the_file) {
  for (int i = 0; i < 3; ++i) {
    durable_host h(directory);
    (void)h.put("a", std::to_string(i));
  }
  const auto second = segment_path(directory, 2);
  std::filesystem::copy(second, second + ".kept");
  std::filesystem::resize_file(second, std::filesystem::file_size(second) - 1);
  {
    const durable_host h(directory);
    ASSERT_FALSE(h.loaded);
    EXPECT_EQ(h.loaded.error().code, errc::storage_failed);
    EXPECT_NE(h.loaded.error().context.find(second), std::string::npos) << h.loaded.error().context;
  }
  std::filesystem::remove(second);
  {
    const durable_host h(directory);
    ASSERT_FALSE(h.loaded);
    EXPECT_NE(h.loaded.error().context.find("missing"), std::string::npos);
  }
  std::filesystem::rename(second + ".kept", second);
  durable_host h(directory);
  ASSERT_TRUE(h.loaded);
  EXPECT_EQ(h.get("a"), "2");
}

TEST_P(durable_log_files, a_foreign_file_and_another_number_of_shards_stop_the_start) {
  {
    durable_host h(directory);
    (void)h.put("a", "1");
  }
  {
    const auto caches = cache_catalogue(durable_caches("no"));
    host_fixture other(32);
    const auto loaded = load_log({directory, {}, caches, modes_of(caches)}, other.host, *event_log::none());
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, errc::bad_config);
  }
  std::ofstream(segment_path(directory, 1)) << "SQLite format 3, which is something else";
  const durable_host h(directory);
  ASSERT_FALSE(h.loaded);
  EXPECT_NE(h.loaded.error().context.find("no log of troupe"), std::string::npos) << h.loaded.error().context;
}

TEST_P(durable_log_files, written_anew_it_holds_the_same_in_less) {
  {
    durable_host h(directory);
    for (int i = 0; i < 3000; ++i) (void)h.put("k" + std::to_string(i % 10), std::string(1000, 'x'));
    const auto before = h.log->numbers().log_bytes.load();
    ASSERT_TRUE(h.log->ask_rewrite());
    const auto end = std::chrono::steady_clock::now() + patience;
    while (h.log->numbers().rewrites.load() == 0 && std::chrono::steady_clock::now() < end) (void)h.put("more", "y");
    EXPECT_EQ(h.log->numbers().rewrites.load(), 1U);
    EXPECT_LT(h.log->numbers().log_bytes.load(), before / 10);
    EXPECT_EQ(segments_in(directory)->size(), 1U);
  }
  durable_host h(directory);
  ASSERT_TRUE(h.started);
  EXPECT_EQ(h.get("k3"), std::string(1000, 'x'));
  EXPECT_EQ(h.get("more"), "y");
}

TEST_P(durable_log_files, a_full_disk_refuses_writes_until_there_is_room_and_nothing_half_written_is_read) {
  const small_disk disk(home.path() + "/small");
  if (!disk.mounted()) GTEST_SKIP() << "this process may not mount a file system";
  const auto on_it = disk.path() + "/durable";
  const auto ballast = disk.path() + "/ballast";
  {
    durable_host h(on_it);
    ASSERT_TRUE(h.started);
    ASSERT_EQ(h.put("first", "1").code, errc::ok);
    {
      std::ofstream fill(ballast);
      const std::string block(4096, 'b');
      while (fill << block << std::flush) {
      }
    }
    // What was applied before the refusal waits for room.
    reply_callback late = [](const owned_reply&) {};
    const auto big = std::string(100'000, 'v');
    auto c = host_fixture::command(cache_op::put, "waits", big);
    const time_point now = std::chrono::steady_clock::now();
    ASSERT_TRUE(h.fixture.host.submit(c, now, now + 1h, late));
    ASSERT_TRUE(h.wait_fault(true)) << "it is told";
    EXPECT_EQ(h.put("refused", "x").code, errc::storage_failed);
    EXPECT_EQ(h.put("other", "x", "plain").code, errc::ok);
    std::filesystem::remove(ballast);
    ASSERT_TRUE(h.wait_fault(false)) << "it recovers by itself";
    EXPECT_EQ(h.put("after", "2").code, errc::ok);
    EXPECT_EQ(h.get("waits"), big);
  }
  durable_host h(on_it);
  ASSERT_TRUE(h.started);
  EXPECT_EQ(h.get("first"), "1");
  EXPECT_EQ(h.get("waits").size(), 100'000U);
  EXPECT_EQ(h.get("after"), "2");
  EXPECT_EQ(h.submit(host_fixture::command(cache_op::get, "refused")).code, errc::not_found);
}

TEST(log_rewrite, is_due_at_twice_what_it_began_with_and_not_while_small) {
  EXPECT_FALSE(log_rewrite::due(10 * mib, 0));
  EXPECT_TRUE(log_rewrite::due(64 * mib, 1 * mib));
  EXPECT_FALSE(log_rewrite::due(150 * mib, 100 * mib));
  EXPECT_TRUE(log_rewrite::due(200 * mib, 100 * mib));
}

}  // namespace
}  // namespace troupe
