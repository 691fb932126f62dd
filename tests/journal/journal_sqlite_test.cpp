// The stories of a journal on SQLite, and those that need a storage which fails on command.
#include "tests/journal/journal_stories.hpp"

namespace troupe {
namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(on_sqlite, journal_stories, sqlite_place);

class journal_faults : public testing::Test {
 protected:
  temporary_directory directory_;
  sqlite_node node_{directory_.path()};
  journal journal_ = must_open(*node_.db);
};

TEST_F(journal_faults, an_append_whose_answer_is_lost_is_settled_by_asking_again) {
  node_.injected.lose_answer = true;
  EXPECT_EQ(code_of(journal_.append(one("a", 0, "x", "the-same"))), errc::outcome_unknown);
  node_.injected.lose_answer = false;
  EXPECT_EQ(must(journal_.append(one("a", 0, "x", "the-same"))).version, 1U);
  EXPECT_EQ(must(journal_.read("a", 0)).size(), 1U);
}

TEST_F(journal_faults, a_full_disk_stores_nothing_and_reads_go_on) {
  must(journal_.append(one("a", 0)));
  node_.injected.commit = errc::storage_failed;
  EXPECT_EQ(code_of(journal_.append(one("a", 1))), errc::storage_failed);
  EXPECT_EQ(must(journal_.read("a", 0)).size(), 1U);
  node_.injected.commit = errc::ok;
  EXPECT_EQ(must(journal_.append(one("a", 1))).version, 2U);
}

}  // namespace
}  // namespace troupe
