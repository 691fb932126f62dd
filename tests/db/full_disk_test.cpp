// A backed cache on a disk that fills up: nothing is acknowledged that is not stored, the node says so, and it
// heals by itself when there is room again.
#include <gtest/gtest.h>

#include <fstream>

#include "actors/cache/shard_host.hpp"
#include "actors/db/cache_backing.hpp"
#include "actors/db/shard_committed_store.hpp"
#include "gateways/db/sqlite_driver.hpp"
#include "tests/db/awaited.hpp"
#include "tests/db/small_disk.hpp"
#include "tests/db/temporary_directory.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

class full_disk_test : public testing::Test {
 protected:
  void SetUp() override {
    if (!disk_.mounted()) GTEST_SKIP() << "mounting a tmpfs is not permitted here";
    const shard_row mine{.primary = 1, .replicas = {}, .in_sync = {}, .epoch = 1, .created = 1};
    ASSERT_TRUE(host_.adopt({stamp{1, 1}, std::vector<shard_row>(shards, mine)}, 1));
    open();
  }
  void TearDown() override { close(); }

  void open() {
    pool_ = std::make_unique<database_pool>(
        std::make_shared<sqlite_driver>(sqlite_driver::settings{disk_.path(), 1ms, sqlite_synchronous::full}),
        database_pool::settings{}, [this] {
          const std::chrono::milliseconds now(now_ms_.load());
          return batch_times{time_point(now), wall_time(now)};
        });
    auto backing = cache_backing::open(*pool_, store_, {{1, "full"}});
    ASSERT_TRUE(backing) << backing.error().context;
    backing_ = std::move(*backing);
    pool_->start();
  }
  void close() {
    if (pool_) pool_->stop();
    backing_.reset();
    pool_.reset();
  }

  owned_reply run(cache_op op, const std::string& key, const std::string& value = {}) {
    awaited<owned_reply> answer;
    backing_->submit({.op = op, .cache = 1, .key = key, .value = value}, time_point::max(), answer.callback());
    return answer.get();
  }
  // What memory shows, as a door would find it.
  std::string shown(const std::string& key) {
    std::string value;
    const cache_command c{.op = cache_op::get, .cache = 1, .key = key, .value = {}};
    (void)host_.execute_if_present(c, time_point(1s), [&value](const cache_reply& r) { value = r.value; });
    return value;
  }

  static constexpr std::uint32_t shards = 4;

  temporary_directory directory_;
  small_disk disk_{directory_.path() + "/small"};
  std::atomic<std::int64_t> now_ms_{1000};
  shard_host host_{{.shards = shards, .memory_max = 64 * mib, .backed = {}}};
  shard_committed_store store_{host_};
  std::unique_ptr<database_pool> pool_;
  std::unique_ptr<cache_backing> backing_;
};

TEST_F(full_disk_test, acknowledges_only_what_is_stored_and_heals) {
  const std::string value(20'000, 'v');
  const std::string filler = disk_.path() + "/filler";
  std::ofstream(filler) << std::string(500'000, 'x');
  std::vector<std::string> acknowledged;
  owned_reply last;
  for (int i = 0; i < 100; ++i) {
    const auto key = "key" + std::to_string(i);
    last = run(cache_op::put, key, value);
    if (last.code != errc::ok) break;
    acknowledged.push_back(key);
    EXPECT_EQ(shown(key), value);
  }
  ASSERT_EQ(last.code, errc::storage_failed) << last.context;
  ASSERT_FALSE(acknowledged.empty());
  EXPECT_EQ(shown("key" + std::to_string(acknowledged.size())), "");
  EXPECT_FALSE(pool_->health().read().ok);
  EXPECT_NE(pool_->health().read().reason.find("full"), std::string::npos) << pool_->health().read().reason;
  EXPECT_EQ(run(cache_op::put, acknowledged[0], "short" + value).code, errc::storage_failed);
  EXPECT_EQ(shown(acknowledged[0]), value);
  EXPECT_EQ(run(cache_op::get, acknowledged[0]).value, value) << "reads go on";

  std::filesystem::remove(filler);
  now_ms_ += 1000;
  pool_->tick();
  EXPECT_EQ(run(cache_op::get, "absent").code, errc::not_found);  // behind the probe
  EXPECT_TRUE(pool_->health().read().ok) << pool_->health().read().reason;
  EXPECT_EQ(run(cache_op::put, "after", "v").code, errc::ok);
  acknowledged.push_back("after");

  close();
  open();
  for (const auto& key : acknowledged) EXPECT_EQ(run(cache_op::get, key).code, errc::ok) << key;
}

}  // namespace
}  // namespace troupe
