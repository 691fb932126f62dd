// SQLite sessions: statements, transactions, migrations, and the code of each refusal.
#include "gateways/db/sqlite_driver.hpp"

#include <gtest/gtest.h>

#include "gateways/db/sqlite_session.hpp"
#include "tests/db/temporary_directory.hpp"

namespace troupe {
namespace {

const std::vector<migration> notes_schema = {
    {1, "notes", "CREATE TABLE notes(id INTEGER PRIMARY KEY, text TEXT); CREATE INDEX notes_text ON notes(text)"},
    {2, "stars", "ALTER TABLE notes ADD COLUMN stars INTEGER NOT NULL DEFAULT 0"},
};

class sqlite_driver_test : public testing::Test {
 protected:
  std::unique_ptr<database_session> open(const std::string& name_space = "notes") {
    auto session = driver_.open(name_space);
    EXPECT_TRUE(session) << session.error().context;
    return session ? std::move(*session) : nullptr;
  }

  std::unique_ptr<database_session> open_notes() {
    auto session = open();
    EXPECT_TRUE(session->migrate(notes_schema));
    return session;
  }

  static std::int64_t count(database_session& s, const std::string& table) {
    const auto rows = s.run("SELECT count(*) FROM " + table, {});
    return rows ? std::get<std::int64_t>(rows->rows[0][0]) : -1;
  }

  static errc code_of(database_session& s, std::string_view sql, const db_row& parameters = {}) {
    const auto result = s.run(sql, parameters);
    return result ? errc::ok : result.error().code;
  }

  temporary_directory directory_;
  sqlite_driver driver_{{directory_.path(), std::chrono::milliseconds(1), sqlite_synchronous::full}};
};

TEST_F(sqlite_driver_test, gives_every_type_back_as_it_was_bound) {
  auto s = open();
  ASSERT_TRUE(s->run("CREATE TABLE t(a, b, c, d, e, f)", {}));
  const db_row row = {
      std::monostate{}, std::int64_t{-5}, 2.5, std::string("a\0b", 3), blob{std::string("\0\xff", 2)}, blob{}};
  const auto inserted = s->run("INSERT INTO t VALUES(?, ?, ?, ?, ?, ?)", row);
  ASSERT_TRUE(inserted);
  EXPECT_EQ(inserted->changed, 1u);
  const auto read = s->run("SELECT * FROM t", {});
  ASSERT_TRUE(read);
  ASSERT_EQ(read->rows.size(), 1u);
  EXPECT_EQ(read->rows[0], row);
  EXPECT_EQ(read->changed, 0u);
}

TEST_F(sqlite_driver_test, opens_files_in_write_ahead_mode_with_the_configured_flush) {
  auto full = open();
  EXPECT_EQ(std::get<std::string>(full->run("PRAGMA journal_mode", {})->rows[0][0]), "wal");
  EXPECT_EQ(std::get<std::int64_t>(full->run("PRAGMA synchronous", {})->rows[0][0]), 2);
  EXPECT_EQ(std::get<std::int64_t>(full->run("PRAGMA foreign_keys", {})->rows[0][0]), 1);
  EXPECT_EQ(std::get<std::int64_t>(full->run("PRAGMA temp_store", {})->rows[0][0]), 2);
  EXPECT_TRUE(std::filesystem::exists(driver_.path_of("notes")));
  sqlite_driver quick({directory_.path(), std::chrono::milliseconds(1), sqlite_synchronous::normal});
  auto normal = quick.open("quick");
  ASSERT_TRUE(normal);
  EXPECT_EQ(std::get<std::int64_t>((*normal)->run("PRAGMA synchronous", {})->rows[0][0]), 1);
}

TEST_F(sqlite_driver_test, keeps_namespaces_in_files_of_their_own) {
  auto a = open("a");
  auto b = open("b");
  ASSERT_TRUE(a->run("CREATE TABLE only_here(x)", {}));
  EXPECT_EQ(code_of(*b, "SELECT * FROM only_here"), errc::invalid_argument);
}

TEST_F(sqlite_driver_test, refuses_what_is_no_namespace) {
  for (const std::string name : {"", "A", "1a", "_a", "a-b", "../a", "a/b", "a.b", "\xc3\xa4"}) {
    const auto session = driver_.open(name);
    ASSERT_FALSE(session) << name;
    EXPECT_EQ(session.error().code, errc::invalid_argument);
  }
  EXPECT_FALSE(driver_.open(std::string(namespace_length_max + 1, 'a')));
  EXPECT_TRUE(driver_.open(std::string(namespace_length_max, 'a')));
}

TEST_F(sqlite_driver_test, refuses_bad_sql_and_more_than_one_statement) {
  auto s = open_notes();
  EXPECT_EQ(code_of(*s, "SELEKT 1"), errc::invalid_argument);
  EXPECT_EQ(code_of(*s, ""), errc::invalid_argument);
  EXPECT_EQ(code_of(*s, "-- nothing"), errc::invalid_argument);
  EXPECT_EQ(code_of(*s, "SELECT 1; DROP TABLE notes"), errc::invalid_argument);
  EXPECT_EQ(code_of(*s, "SELECT 1; nonsense"), errc::invalid_argument);
  EXPECT_EQ(code_of(*s, std::string_view("SELECT 1\0; DROP TABLE notes", 27)), errc::invalid_argument);
  EXPECT_EQ(code_of(*s, "SELECT ?"), errc::invalid_argument);
  EXPECT_EQ(code_of(*s, "SELECT 1", {std::int64_t{1}}), errc::invalid_argument);
  EXPECT_EQ(code_of(*s, "SELECT 1 ; ; -- the end\n "), errc::ok);
  EXPECT_EQ(count(*s, "notes"), 0);
}

TEST_F(sqlite_driver_test, a_broken_constraint_is_the_callers_fault) {
  auto s = open_notes();
  ASSERT_TRUE(s->run("INSERT INTO notes(id, text) VALUES(1, 'x')", {}));
  EXPECT_EQ(code_of(*s, "INSERT INTO notes(id, text) VALUES(1, 'y')"), errc::already_exists);
}

TEST_F(sqlite_driver_test, commits_and_rolls_back) {
  auto s = open_notes();
  ASSERT_TRUE(s->begin(db_access::write));
  ASSERT_TRUE(s->run("INSERT INTO notes(text) VALUES('kept')", {}));
  ASSERT_TRUE(s->savepoint());
  ASSERT_TRUE(s->run("INSERT INTO notes(text) VALUES('undone')", {}));
  ASSERT_TRUE(s->rollback_to_savepoint());
  ASSERT_TRUE(s->savepoint());
  ASSERT_TRUE(s->run("INSERT INTO notes(text) VALUES('kept too')", {}));
  ASSERT_TRUE(s->release());
  ASSERT_TRUE(s->commit());
  ASSERT_TRUE(s->begin(db_access::write));
  ASSERT_TRUE(s->run("DELETE FROM notes", {}));
  s->rollback();
  s->rollback();  // without a transaction it does nothing
  EXPECT_EQ(count(*s, "notes"), 2);
  EXPECT_FALSE(s->commit());
}

TEST_F(sqlite_driver_test, waits_no_longer_than_its_busy_timeout_for_another_writer) {
  auto first = open_notes();
  auto second = open();
  ASSERT_TRUE(first->begin(db_access::write));
  const auto refused = second->begin(db_access::write);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable);
  first->rollback();
  EXPECT_TRUE(second->begin(db_access::write));
}

TEST_F(sqlite_driver_test, keeps_a_bounded_number_of_statements) {
  auto s = open_notes();
  for (std::size_t round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < 2 * sqlite_session::statements_max; ++i) {
      const auto row = s->run("SELECT " + std::to_string(i), {});
      ASSERT_TRUE(row);
      EXPECT_EQ(std::get<std::int64_t>(row->rows[0][0]), static_cast<std::int64_t>(i));
    }
  }
}

TEST_F(sqlite_driver_test, applies_migrations_once_and_in_order) {
  { auto s = open_notes(); }
  auto s = open_notes();
  ASSERT_TRUE(s->run("INSERT INTO notes(text, stars) VALUES('x', 3)", {}));
  const auto rows = s->run("SELECT number, name FROM troupe_migrations ORDER BY number", {});
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->rows.size(), 2u);
  EXPECT_EQ(std::get<std::string>(rows->rows[1][1]), "stars");
}

TEST_F(sqlite_driver_test, refuses_a_changed_a_missing_and_an_unknown_migration) {
  auto s = open_notes();
  auto changed = notes_schema;
  changed[0].sql += " ";
  auto gap = notes_schema;
  gap[1].number = 3;
  const auto older = std::vector<migration>{notes_schema[0]};
  for (const auto& wanted : {changed, gap, older}) {
    const auto done = s->migrate(wanted);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, errc::bad_config);
  }
  EXPECT_TRUE(s->migrate(notes_schema));
}

TEST_F(sqlite_driver_test, a_migration_that_fails_leaves_nothing_behind) {
  auto s = open();
  const auto failed = s->migrate(
      {{1, "good", "CREATE TABLE good(x)"}, {2, "half", "CREATE TABLE half(x); INSERT INTO nowhere VALUES(1)"}});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, errc::bad_config);
  EXPECT_NE(failed.error().context.find("half"), std::string::npos);
  EXPECT_EQ(count(*s, "good"), 0);
  EXPECT_EQ(count(*s, "half"), -1);
  EXPECT_EQ(count(*s, "troupe_migrations"), 1);
}

TEST_F(sqlite_driver_test, refuses_a_migration_that_ends_its_transaction) {
  auto s = open();
  const auto failed = s->migrate({{1, "sly", "CREATE TABLE sly(x); COMMIT"}});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, errc::bad_config);
}

TEST_F(sqlite_driver_test, probes_with_a_write) {
  auto s = open_notes();
  EXPECT_TRUE(s->probe());
  EXPECT_TRUE(s->probe());
  EXPECT_EQ(count(*s, "troupe_probe"), 1);
}

}  // namespace
}  // namespace troupe
