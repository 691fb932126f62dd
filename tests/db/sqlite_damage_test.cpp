// Files that are torn, foreign, out of reach, or on a full disk: a clear refusal, never a crash or a lie.
#include <gtest/gtest.h>

#include <fstream>

#include "gateways/db/sqlite_driver.hpp"
#include "gateways/db/sqlite_session.hpp"
#include "tests/db/small_disk.hpp"
#include "tests/db/temporary_directory.hpp"

namespace troupe {
namespace {

class sqlite_damage_test : public testing::Test {
 protected:
  static constexpr int rows = 2000;

  // A closed database file of some 60 pages.
  std::string make_file(const std::string& name_space) {
    sqlite_driver driver(settings_);
    auto session = driver.open(name_space);
    EXPECT_TRUE(session);
    EXPECT_TRUE((*session)->run("CREATE TABLE t(id INTEGER PRIMARY KEY, text TEXT)", {}));
    EXPECT_TRUE((*session)->begin(db_access::write));
    for (int i = 0; i < rows; ++i)
      EXPECT_TRUE((*session)->run("INSERT INTO t(text) VALUES(?)", {std::string(100, 'x')}));
    EXPECT_TRUE((*session)->commit());
    return driver.path_of(name_space);
  }

  // What opening says, and reading everything when it opens.
  expected<void> open_and_read(const std::string& name_space) {
    sqlite_driver driver(settings_);
    auto session = driver.open(name_space);
    if (!session) return tl::unexpected(session.error());
    auto all = (*session)->run("SELECT count(text) FROM t", {});
    if (!all) return tl::unexpected(all.error());
    return {};
  }

  temporary_directory directory_;
  sqlite_driver::settings settings_{directory_.path(), std::chrono::milliseconds(1), sqlite_synchronous::normal};
};

TEST_F(sqlite_damage_test, a_file_cut_at_any_page_is_corrupt_or_empty) {
  const auto path = make_file("torn");
  const auto size = std::filesystem::file_size(path);
  ASSERT_GT(size, 50u * 4096u);
  const auto whole = directory_.path() + "/whole";
  std::filesystem::copy_file(path, whole);
  for (std::uintmax_t cut = 1; cut < size; cut += 4096 * 7 + 13) {
    std::filesystem::copy_file(whole, path, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(path, cut);
    const auto read = open_and_read("torn");
    ASSERT_FALSE(read) << "cut at " << cut;
    EXPECT_EQ(read.error().code, errc::corrupt) << "cut at " << cut << ": " << read.error().context;
    EXPECT_NE(read.error().context.find(path), std::string::npos);
  }
}

TEST_F(sqlite_damage_test, a_page_of_garbage_is_corrupt_and_says_what_to_do) {
  const auto path = make_file("garbage");
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(4096 * 8, '\xa5');
  }
  const auto read = open_and_read("garbage");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::corrupt);
  EXPECT_NE(read.error().context.find("restore it"), std::string::npos) << read.error().context;
}

TEST_F(sqlite_damage_test, a_foreign_file_is_corrupt) {
  std::filesystem::create_directories(directory_.path() + "/db");
  std::ofstream(directory_.path() + "/db/foreign.sqlite3") << std::string(8192, 'x');
  const auto read = open_and_read("foreign");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::corrupt);
}

TEST_F(sqlite_damage_test, a_torn_log_loses_only_what_was_never_whole) {
  sqlite_driver driver(settings_);
  auto session = driver.open("torn");
  ASSERT_TRUE(session);
  ASSERT_TRUE((*session)->run("CREATE TABLE t(id INTEGER PRIMARY KEY, text TEXT)", {}));
  ASSERT_TRUE((*session)->run("INSERT INTO t(text) VALUES('first')", {}));
  ASSERT_TRUE((*session)->run("INSERT INTO t(text) VALUES('second')", {}));
  // A copy of a live database with its log cut in its last frame: what a crash may leave.
  const auto path = driver.path_of("torn");
  const auto copy = driver.path_of("copied");
  std::filesystem::copy_file(path, copy);
  std::filesystem::copy_file(path + "-wal", copy + "-wal");
  std::filesystem::resize_file(copy + "-wal", std::filesystem::file_size(copy + "-wal") - 100);
  auto again = driver.open("copied");
  ASSERT_TRUE(again);
  const auto rows_left = (*again)->run("SELECT text FROM t", {});
  ASSERT_TRUE(rows_left);
  ASSERT_EQ(rows_left->rows.size(), 1u);
  EXPECT_EQ(std::get<std::string>(rows_left->rows[0][0]), "first");
}

TEST_F(sqlite_damage_test, a_directory_that_cannot_be_made_or_opened_is_a_storage_failure) {
  std::ofstream(directory_.path() + "/file") << "x";
  sqlite_driver under_a_file({directory_.path() + "/file", std::chrono::milliseconds(1), sqlite_synchronous::full});
  const auto refused = under_a_file.open("a");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::storage_failed);
  std::filesystem::create_directories(directory_.path() + "/db/taken.sqlite3");
  const auto taken = open_and_read("taken");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, errc::storage_failed) << taken.error().context;
}

TEST_F(sqlite_damage_test, maps_every_result_that_has_a_meaning_of_its_own) {
  const std::pair<int, errc> table[] = {{13, errc::storage_failed},  // SQLITE_FULL
                                        {10 | (4 << 8), errc::storage_failed},
                                        {8, errc::storage_failed},
                                        {14, errc::storage_failed},
                                        {5, errc::unavailable},
                                        {6, errc::unavailable},
                                        {11, errc::corrupt},
                                        {26, errc::corrupt},
                                        {7, errc::out_of_memory},
                                        {18, errc::too_large},
                                        {1, errc::invalid_argument},
                                        {19, errc::invalid_argument}};
  for (const auto& [code, ours] : table) EXPECT_EQ(code_of_sqlite(code), ours) << code;
}

TEST_F(sqlite_damage_test, a_full_disk_fails_the_commit_and_heals_when_there_is_room) {
  const small_disk disk(directory_.path() + "/small");
  if (!disk.mounted()) GTEST_SKIP() << "mounting a tmpfs is not permitted here";
  sqlite_driver driver({directory_.path() + "/small", std::chrono::milliseconds(1), sqlite_synchronous::full});
  auto session = driver.open("full");
  ASSERT_TRUE(session) << session.error().context;
  auto& s = **session;
  ASSERT_TRUE(s.run("CREATE TABLE t(id INTEGER PRIMARY KEY, bytes BLOB)", {}));
  const auto write = [&s]() -> expected<void> {
    if (auto begun = s.begin(db_access::write); !begun) return begun;
    auto row = s.run("INSERT INTO t(bytes) VALUES(randomblob(40000))", {});
    if (row) return s.commit();
    s.rollback();
    return tl::unexpected(row.error());
  };
  std::string filler = directory_.path() + "/small/filler";
  std::ofstream(filler) << std::string(400'000, 'x');
  int stored = 0;
  expected<void> outcome;
  while ((outcome = write()) && stored < 100) ++stored;
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::storage_failed) << outcome.error().context;
  const auto count = s.run("SELECT count(*) FROM t", {});
  ASSERT_TRUE(count) << "reads go on: " << count.error().context;
  EXPECT_EQ(std::get<std::int64_t>(count->rows[0][0]), stored);
  std::filesystem::remove(filler);
  EXPECT_TRUE(s.probe());
  EXPECT_TRUE(write());
}

}  // namespace
}  // namespace troupe
