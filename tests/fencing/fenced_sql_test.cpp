// The statements' texts, and what SQLite makes of them.
#include <troupe/fenced_sql.hpp>

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

namespace troupe {
namespace {

const incarnation_id a{1, 2};
const incarnation_id b{3, 4};
const fenced_row jobs{"jobs", {"state"}, {"id"}, "fence_term", "fence_leader"};

TEST(fenced_sql, writes_an_update_for_each_database_with_parameters_alone) {
  EXPECT_EQ(*fenced_update(sql_dialect::postgres, jobs),
            "update \"jobs\" set \"state\" = $1, \"fence_term\" = $3, \"fence_leader\" = $4 where \"id\" = $2 and "
            "(coalesce(\"fence_term\", 0) < $3 or (coalesce(\"fence_term\", 0) = $3 and \"fence_leader\" = $4))");
  EXPECT_EQ(*fenced_update(sql_dialect::sqlite, jobs),
            "update \"jobs\" set \"state\" = ?1, \"fence_term\" = ?3, \"fence_leader\" = ?4 where \"id\" = ?2 and "
            "(coalesce(\"fence_term\", 0) < ?3 or (coalesce(\"fence_term\", 0) = ?3 and \"fence_leader\" = ?4))");
}

TEST(fenced_sql, writes_an_upsert) {
  EXPECT_EQ(
      *fenced_upsert(sql_dialect::postgres, jobs),
      "insert into \"jobs\" as old (\"state\", \"id\", \"fence_term\", \"fence_leader\") values ($1, $2, $3, $4) on "
      "conflict (\"id\") do update set \"state\" = excluded.\"state\", \"fence_term\" = excluded.\"fence_term\", "
      "\"fence_leader\" = excluded.\"fence_leader\" where (coalesce(old.\"fence_term\", 0) < excluded.\"fence_term\" "
      "or (coalesce(old.\"fence_term\", 0) = excluded.\"fence_term\" and old.\"fence_leader\" = "
      "excluded.\"fence_leader\"))");
}

TEST(fenced_sql, quotes_names_and_takes_a_schema) {
  auto row = jobs;
  row.table = "work.a\"; drop table x; --";
  EXPECT_NE(fenced_update(sql_dialect::sqlite, row)->find("\"work\".\"a\"\"; drop table x; --\""), std::string::npos);
}

TEST(fenced_sql, refuses_bad_names_and_too_many) {
  const auto code = [](const fenced_row& row) { return fenced_update(sql_dialect::postgres, row).error().code; };
  auto row = jobs;
  for (const std::string& bad : {std::string(), std::string(64, 'x'), std::string("a\0b", 3), std::string(".x")}) {
    row.table = bad;
    EXPECT_EQ(code(row), errc::invalid_argument) << bad;
  }
  row = jobs;
  row.set = {"id"};
  EXPECT_EQ(code(row), errc::invalid_argument) << "a column twice";
  row.set = {};
  EXPECT_EQ(code(row), errc::invalid_argument);
  row = jobs;
  row.key = {};
  EXPECT_EQ(code(row), errc::invalid_argument);
  row = jobs;
  row.leader_column = "fence_term";
  EXPECT_EQ(code(row), errc::invalid_argument);
  row = jobs;
  for (std::size_t i = 0; i < fenced_columns_max; ++i) row.set.push_back("c" + std::to_string(i));
  EXPECT_EQ(code(row), errc::too_large);
  EXPECT_EQ(fenced_upsert(sql_dialect::postgres, row).error().code, errc::too_large);
}

struct sqlite_fence : ::testing::Test {
  sqlite_fence() : db(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE) {
    db.exec(
        "create table jobs (id text primary key, state text, fence_term bigint not null default 0, "
        "fence_leader text not null default '')");
    db.exec("insert into jobs (id, state) values ('j', 'new')");
  }
  expected<void> write(const std::string& text, const std::string& state, const std::string& id, const fenced& token) {
    SQLite::Statement s(db, text);
    const auto values = sql_values(token);
    s.bind(1, state);
    s.bind(2, id);
    s.bind(3, static_cast<std::int64_t>(values.term));
    s.bind(4, values.leader);
    return fenced_outcome(static_cast<std::uint64_t>(s.exec()));
  }
  std::string state(const std::string& id) {
    SQLite::Statement s(db, "select state from jobs where id = ?");
    s.bind(1, id);
    return s.executeStep() ? s.getColumn(0).getString() : std::string();
  }
  SQLite::Database db;
};

TEST_F(sqlite_fence, changes_a_row_under_rising_terms_and_refuses_a_stale_leader) {
  const auto update = *fenced_update(sql_dialect::sqlite, jobs);
  EXPECT_TRUE(write(update, "one", "j", {4, a}));
  EXPECT_TRUE(write(update, "two", "j", {4, a}));
  EXPECT_TRUE(write(update, "three", "j", {6, b}));
  EXPECT_EQ(write(update, "late", "j", {4, a}).error().code, errc::stale_term);
  EXPECT_EQ(write(update, "second", "j", {6, a}).error().code, errc::stale_term);
  EXPECT_EQ(state("j"), "three");
  EXPECT_EQ(write(update, "x", "nowhere", {9, a}).error().code, errc::stale_term);
}

TEST_F(sqlite_fence, a_row_from_before_the_columns_counts_as_written_by_nobody) {
  db.exec("create table old (id text primary key, state text, fence_term bigint, fence_leader text)");
  db.exec("insert into old (id, state) values ('j', 'new')");
  auto row = jobs;
  row.table = "old";
  EXPECT_TRUE(write(*fenced_update(sql_dialect::sqlite, row), "one", "j", {1, a}));
}

TEST_F(sqlite_fence, upserts_a_row_and_refuses_a_stale_leader) {
  const auto upsert = *fenced_upsert(sql_dialect::sqlite, jobs);
  EXPECT_TRUE(write(upsert, "made", "k", {4, a}));
  EXPECT_TRUE(write(upsert, "changed", "k", {5, b}));
  EXPECT_EQ(write(upsert, "late", "k", {4, a}).error().code, errc::stale_term);
  EXPECT_EQ(state("k"), "changed");
  EXPECT_TRUE(write(upsert, "first", "j", {5, b}));
}

}  // namespace
}  // namespace troupe
