#include <atomic>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "actors/disk/data_directory.hpp"
#include "actors/disk/disk_writer.hpp"
#include "actors/disk/durable_file.hpp"

namespace troupe {
namespace {

class disk : public ::testing::Test {
 protected:
  disk() {
    std::string pattern = (std::filesystem::temp_directory_path() / "troupe-disk-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~disk() override { std::filesystem::remove_all(root_); }

  std::string root_;
};

TEST_F(disk, a_written_file_is_read_back_whole) {
  const std::string bytes("a\0b", 3);
  ASSERT_TRUE(write_durably(root_ + "/f", bytes));
  EXPECT_EQ(read_whole(root_ + "/f", 10), bytes);
  ASSERT_TRUE(write_durably(root_ + "/f", "short"));
  EXPECT_EQ(read_whole(root_ + "/f", 10), "short");
  EXPECT_FALSE(std::filesystem::exists(root_ + "/f.new"));
}

TEST_F(disk, reading_tells_missing_from_too_large) {
  EXPECT_EQ(read_whole(root_ + "/none", 10).error().code, errc::not_found);
  ASSERT_TRUE(write_durably(root_ + "/f", "0123456789a"));
  EXPECT_EQ(read_whole(root_ + "/f", 10).error().code, errc::too_large);
}

TEST_F(disk, a_write_that_fails_leaves_the_old_file_and_says_where) {
  const auto result = write_durably(root_ + "/no/such/place", "x");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, errc::storage_failed);
  EXPECT_NE(result.error().context.find("/no/such/place"), std::string::npos);
}

TEST_F(disk, a_data_directory_is_made_and_held_by_one) {
  auto first = data_directory::open(root_ + "/a/b");
  ASSERT_TRUE(first);
  const auto second = data_directory::open(root_ + "/a/b");
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().context.find("another node"), std::string::npos);
  { const auto gone = std::move(*first); }
  EXPECT_TRUE(data_directory::open(root_ + "/a/b"));
}

TEST_F(disk, a_data_directory_under_a_file_is_refused) {
  ASSERT_TRUE(write_durably(root_ + "/f", "x"));
  const auto result = data_directory::open(root_ + "/f/data");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, errc::storage_failed);
}

TEST_F(disk, the_writer_carries_out_everything_before_it_ends) {
  std::atomic<int> done{0};
  {
    disk_writer writer;
    for (int i = 0; i < 100; ++i) {
      writer.write(root_ + "/" + std::to_string(i % 3), std::to_string(i),
                   [&](const expected<void>& r) { done += r.has_value(); });
    }
  }
  EXPECT_EQ(done, 100);
  EXPECT_EQ(read_whole(root_ + "/0", 10), "99");
  EXPECT_EQ(read_whole(root_ + "/2", 10), "98");
}

TEST_F(disk, the_writer_reports_a_failed_write) {
  disk_writer writer;
  std::atomic<bool> failed{false};
  writer.write(root_ + "/no/place", "x", [&](const expected<void>& r) { failed = !r; });
  writer.stop();
  EXPECT_TRUE(failed);
}

}  // namespace
}  // namespace troupe
