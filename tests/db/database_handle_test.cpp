// troupe::database over SQLite: what an application is told, by both forms of each call.
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "actors/db/migration_files.hpp"
#include "tests/db/database_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

class database_handle_test : public database_fixture {};

TEST_F(database_handle_test, rows_come_back_as_they_were_given) {
  must("create table v(b, i, d, t, x, n)");
  must("insert into v values(?, ?, ?, ?, ?, ?)",
       {true, std::int64_t{-1} << 62, 0.1, "\xc3\xa9t\xc3\xa9", blob{std::string("\0\xff", 2)}, std::monostate{}});
  const auto r = db_->query("select * from v");
  ASSERT_TRUE(r) << r.error().context;
  EXPECT_TRUE(*r->get<bool>(0, "b"));
  EXPECT_EQ(*r->get<std::int64_t>(0, "i"), std::int64_t{-1} << 62);
  EXPECT_EQ(*r->get<double>(0, "d"), 0.1);
  EXPECT_EQ(*r->get<std::string>(0, "t"), "\xc3\xa9t\xc3\xa9");
  EXPECT_EQ(r->get<blob>(0, "x")->bytes, std::string("\0\xff", 2));
  EXPECT_EQ(*r->get<std::optional<std::int64_t>>(0, "n"), std::nullopt);
}

TEST_F(database_handle_test, a_prepared_statement_is_run_by_callback) {
  const auto insert = prepared("insert", "insert into book(id, title) values($1, $2) returning id");
  awaited<expected<sql_result>> answer;
  db_->execute(insert, {std::int64_t{1}, "Emma"}, answer.callback());
  const auto r = answer.get();
  ASSERT_TRUE(r);
  EXPECT_EQ(*r->get<std::int64_t>(0, "id"), 1);
  EXPECT_EQ(r->changed, 1u);
}

TEST_F(database_handle_test, each_constraint_has_its_code) {
  must("insert into book(id, title) values(1, 'Emma')");
  const auto code = [this](std::string_view text) { return db_->execute(text).error().code; };
  EXPECT_EQ(code("insert into book(id, title) values(2, 'Emma')"), errc::already_exists);
  EXPECT_EQ(code("insert into book(id, title) values(1, 'Persuasion')"), errc::already_exists);
  EXPECT_EQ(code("insert into book(id, title, author) values(3, 'A', 99)"), errc::missing_reference);
  EXPECT_EQ(code("insert into book(id, title) values(4, null)"), errc::invalid_argument);
  EXPECT_EQ(code("select * from nothing"), errc::invalid_argument);
  EXPECT_EQ(count(), 1);
}

TEST_F(database_handle_test, bad_arguments_never_reach_the_database) {
  const auto s = prepared("find", "select * from book where title = ?");
  EXPECT_EQ(db_->query(s, {}).error().code, errc::invalid_argument);
  EXPECT_EQ(db_->query(s, {std::string("a\0b", 3)}).error().code, errc::invalid_argument);
  EXPECT_EQ(db_->query("delete from book").error().code, errc::invalid_argument) << "query() only reads";
  EXPECT_EQ(db_->query(sql_statement{}).error().code, errc::invalid_argument);
  EXPECT_EQ(db_->execute("commit").error().code, errc::invalid_argument);
  EXPECT_EQ(db_->execute("attach 'x' as other").error().code, errc::invalid_argument);
}

TEST_F(database_handle_test, what_only_looks_like_reading_is_refused_by_the_reader) {
  const auto r = db_->query("explain query plan select 1");
  EXPECT_TRUE(r);
  must("create table other(a)");
  EXPECT_FALSE(db_->query("with x as (select 1) replace into other select * from x")) << "by its words";
  sqlite_driver driver({directory_.path()});
  auto reader = std::move(*driver.open_reader("library"));
  EXPECT_FALSE(reader->run("with x as (select 1) replace into other select * from x", {})) << "by the session";
  EXPECT_EQ(count("other"), 0);
}

TEST_F(database_handle_test, many_callers_share_transactions_and_one_failure_undoes_only_itself) {
  constexpr int callers = 200;
  const auto insert = prepared("insert", "insert into book(id, title) values(?, ?)");
  std::vector<awaited<expected<sql_result>>> answers(callers);
  for (int i = 0; i < callers; ++i) {
    const std::int64_t id = i % 10 == 9 ? i - 1 : i;  // each tenth is there already
    db_->execute(insert, {id, "title " + std::to_string(i)}, answers[i].callback());
  }
  for (int i = 0; i < callers; ++i) {
    const auto r = answers[i].get();
    EXPECT_EQ(r.has_value(), i % 10 != 9) << i;
    if (!r) {
      EXPECT_EQ(r.error().code, errc::already_exists);
    }
  }
  EXPECT_EQ(count(), callers * 9 / 10);
  EXPECT_LT(pool_->counted().batches, static_cast<std::uint64_t>(callers));
}

TEST_F(database_handle_test, a_constraint_that_waits_for_the_commit_fails_its_own_statement_alone) {
  must(
      "create table child(id integer primary key, parent integer references author(id) deferrable initially deferred)");
  const auto insert = prepared("child", "insert into child(id, parent) values(?, ?)");
  std::vector<awaited<expected<sql_result>>> answers(20);
  for (int i = 0; i < 20; ++i) {
    sql_value parent = std::monostate{};
    if (i == 7) parent = std::int64_t{99};
    db_->execute(insert, {std::int64_t{i}, parent}, answers[i].callback());
  }
  for (int i = 0; i < 20; ++i) {
    const auto r = answers[i].get();
    EXPECT_EQ(r.has_value(), i != 7) << i << (r ? "" : r.error().context);
    if (!r) {
      EXPECT_EQ(r.error().code, errc::missing_reference);
    }
  }
  EXPECT_EQ(count("child"), 19);
}

TEST_F(database_handle_test, run_all_does_all_or_nothing) {
  const auto insert = prepared("insert", "insert into book(id, title) values(?, ?)");
  auto done = db_->run_all({{insert, {std::int64_t{1}, "a"}}, {insert, {std::int64_t{2}, "b"}}});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->size(), 2u);
  done = db_->run_all({{insert, {std::int64_t{3}, "c"}}, {insert, {std::int64_t{4}, "a"}}});
  EXPECT_EQ(done.error().code, errc::already_exists);
  EXPECT_EQ(count(), 2);
  EXPECT_TRUE(db_->run_all({}));
  EXPECT_EQ(db_->run_all(std::vector<sql_call>(database::calls_max + 1, {insert, {std::int64_t{9}, "z"}})).error().code,
            errc::too_large);
}

TEST_F(database_handle_test, a_statement_that_takes_too_long_is_given_up) {
  const std::string_view endless =
      "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";
  EXPECT_EQ(db_->query(endless, {}, {.deadline = 100ms}).error().code, errc::deadline_exceeded);
  const auto write = db_->execute(std::string("insert into book(title) ") +
                                      "with recursive n(i) as (select 1 union all select i + 1 from n) "
                                      "select 'x' from n where i < 0",
                                  {}, {.deadline = 100ms});
  EXPECT_EQ(write.error().code, errc::deadline_exceeded);
  must("insert into book(id, title) values(1, 'after')");
  EXPECT_EQ(count(), 1);
}

TEST_F(database_handle_test, a_transaction_commits_or_leaves_no_trace) {
  const auto insert = prepared("insert", "insert into book(id, title) values(?, ?)");
  const auto sum = prepared("count", "select count(*) from book");
  EXPECT_TRUE(db_->transact([&](blocking_transaction& t) -> expected<void> {
    (void)t.run(insert, {std::int64_t{1}, "a"});
    const auto seen = t.run(sum);
    EXPECT_EQ(*seen->get<std::int64_t>(0, 0), 1) << "it sees what it wrote";
    EXPECT_EQ(count(), 0) << "and nobody else does";
    return {};
  }));
  EXPECT_EQ(count(), 1);
  const auto refused = db_->transact([&](blocking_transaction& t) -> expected<void> {
    (void)t.run(insert, {std::int64_t{2}, "b"});
    return fail(errc::condition_failed, "changed its mind");
  });
  EXPECT_EQ(refused.error().code, errc::condition_failed);
  EXPECT_EQ(count(), 1);
}

TEST_F(database_handle_test, a_transaction_by_callbacks_runs_in_order) {
  const auto insert = prepared("insert", "insert into book(id, title) values(?, ?)");
  awaited<expected<void>> done;
  db_->transact(
      [&](transaction t) {
        t.run(insert, {std::int64_t{1}, "a"}, [t, insert](const expected<sql_result>& first) mutable {
          ASSERT_TRUE(first);
          t.run(insert, {std::int64_t{2}, "b"}, [t](const expected<sql_result>& second) mutable {
            ASSERT_TRUE(second);
            t.commit();
          });
        });
      },
      done.callback());
  EXPECT_TRUE(done.get());
  EXPECT_EQ(count(), 2);
}

TEST_F(database_handle_test, a_transaction_that_is_forgotten_is_rolled_back) {
  const auto insert = prepared("insert", "insert into book(id, title) values(?, ?)");
  awaited<expected<void>> done;
  db_->transact([&](transaction t) { t.run(insert, {std::int64_t{1}, "a"}, [](const auto&) {}); }, done.callback());
  EXPECT_EQ(done.get().error().code, errc::invalid_argument);
  must("insert into book(id, title) values(2, 'b')");
  EXPECT_EQ(count(), 1);
}

TEST_F(database_handle_test, a_transaction_that_stands_still_loses_the_writer_at_its_deadline) {
  const auto insert = prepared("insert", "insert into book(id, title) values(?, ?)");
  awaited<expected<void>> done;
  awaited<bool> holds;
  std::optional<transaction> kept;
  db_->transact(
      [&, report = holds.callback()](transaction t) {
        kept = t;
        t.run(insert, {std::int64_t{1}, "a"}, [report](const auto&) { report(true); });
      },
      done.callback(), {.deadline = 50ms});
  ASSERT_TRUE(holds.get());
  awaited<expected<sql_result>> behind;
  db_->execute(insert, {std::int64_t{2}, "b"}, behind.callback(), {.deadline = 20s});
  EXPECT_FALSE(behind.ready());
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (!behind.ready() && std::chrono::steady_clock::now() < end) pool_->tick();
  EXPECT_TRUE(behind.get());
  awaited<expected<sql_result>> late;
  kept->run(insert, {std::int64_t{3}, "c"}, late.callback());
  EXPECT_FALSE(late.get());
  kept->commit();
  EXPECT_FALSE(done.get());
  kept.reset();
  EXPECT_EQ(count(), 1);
}

TEST_F(database_handle_test, a_reading_transaction_keeps_its_picture) {
  const auto sum = prepared("count", "select count(*) from book");
  ASSERT_TRUE(db_->transact(
      [&](blocking_transaction& t) -> expected<void> {
        EXPECT_EQ(*t.run(sum)->get<std::int64_t>(0, 0), 0);
        must("insert into book(id, title) values(1, 'a')");
        EXPECT_EQ(*t.run(sum)->get<std::int64_t>(0, 0), 0);
        return {};
      },
      {.read_only = true}));
  EXPECT_EQ(count(), 1);
}

TEST_F(database_handle_test, a_cursor_gives_rows_a_part_at_a_time) {
  std::vector<sql_row> rows;
  for (std::int64_t i = 0; i < 1000; ++i) rows.push_back({i, "title " + std::to_string(i)});
  bool given = false;
  ASSERT_EQ(*db_->bulk_insert({"book", {"id", "title"}},
                              [&] { return std::exchange(given, true) ? std::vector<sql_row>{} : rows; }),
            1000u);
  const auto all = prepared("all", "select id from book where id >= ? order by id");
  auto c = db_->open_cursor(all, {std::int64_t{100}}, {.deadline = 20s});
  ASSERT_TRUE(c) << c.error().context;
  std::int64_t expected_id = 100;
  for (;;) {
    const auto part = c->next(64);
    ASSERT_TRUE(part) << part.error().context;
    if (part->empty()) break;
    EXPECT_LE(part->size(), 64u);
    for (std::size_t i = 0; i < part->size(); ++i) EXPECT_EQ(*part->get<std::int64_t>(i, "id"), expected_id++);
    must("update book set pages = 1 where id = 1");  // others write meanwhile
  }
  EXPECT_EQ(expected_id, 1000);
  EXPECT_TRUE(c->next(1)->empty()) << "after the end";
}

TEST_F(database_handle_test, more_cursors_than_there_are_readers_wait_and_go_on) {
  must("insert into book(id, title) values(1, 'a'), (2, 'b')");
  const auto all = prepared("all", "select id from book");
  std::vector<cursor> open;
  for (std::size_t i = 0; i < session_database::long_readers; ++i) {
    auto c = db_->open_cursor(all, {}, {.deadline = 20s});
    ASSERT_TRUE(c);
    ASSERT_EQ(c->next(1)->size(), 1u);
    open.push_back(*c);
  }
  awaited<expected<cursor>> waiting;
  db_->open_cursor(all, {}, waiting.callback(), {.deadline = 20s});
  EXPECT_EQ(count(), 2) << "statements do not wait for cursors";
  EXPECT_FALSE(waiting.ready());
  open.clear();
  EXPECT_TRUE(waiting.get());
}

TEST_F(database_handle_test, a_bulk_insert_with_a_bad_row_inserts_nothing_and_names_it) {
  int calls = 0;
  const auto source = [&calls]() -> std::vector<sql_row> {
    if (++calls > 3) return {};
    return {{std::int64_t{calls}, calls == 3 ? "title 1" : "title " + std::to_string(calls)}};
  };
  const auto r = db_->bulk_insert({"book", {"id", "title"}}, source);
  EXPECT_EQ(r.error().code, errc::already_exists);
  EXPECT_NE(r.error().context.find("row 3"), std::string::npos) << r.error().context;
  EXPECT_EQ(count(), 0);
  EXPECT_FALSE(db_->bulk_insert({"book", {"id", "title"}}, [] { return std::vector<sql_row>{{std::int64_t{1}}}; }));
  EXPECT_FALSE(db_->bulk_insert({"no such table", {"id"}}, [] { return std::vector<sql_row>{{std::int64_t{1}}}; }));
}

TEST_F(database_handle_test, a_result_beyond_the_limit_is_refused_and_a_cursor_reads_it) {
  must("create table big(x blob)");
  for (int i = 0; i < 5; ++i) must("insert into big values(zeroblob(?))", {std::int64_t{16} << 20});
  EXPECT_EQ(db_->query("select x from big", {}, {.deadline = 20s}).error().code, errc::too_large);
  auto c = db_->open_cursor(prepared("big", "select x from big"), {}, {.deadline = 20s});
  ASSERT_TRUE(c);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(c->next(1)->size(), 1u);
}

TEST_F(database_handle_test, notifications_reach_their_channel_until_the_subscription_goes) {
  awaited<std::string> heard;
  auto kept = db_->listen("books", [report = heard.callback()](const notification& n) { report(n.payload); });
  ASSERT_TRUE(kept);
  EXPECT_TRUE(db_->notify("other", "not this one"));
  EXPECT_TRUE(db_->notify("books", "7"));
  EXPECT_EQ(heard.get(), "7");
  kept->reset();
  EXPECT_TRUE(db_->notify("books", "8"));  // a second report would throw
  EXPECT_FALSE(db_->listen("No Channel", [](const notification&) {}));
  EXPECT_EQ(db_->notify("books", std::string(8000, 'x')).error().code, errc::too_large);
}

TEST_F(database_handle_test, namespaces_do_not_see_each_other) {
  auto other = open("other");
  EXPECT_EQ(other.query("select * from book").error().code, errc::invalid_argument);
  EXPECT_EQ(other.query("select * from library.book").error().code, errc::invalid_argument);
}

TEST_F(database_handle_test, a_backup_is_a_whole_database_while_others_write) {
  must("insert into book(id, title) values(1, 'a')");
  sqlite_driver driver({directory_.path()});
  auto session = std::move(*driver.open_reader("library"));
  const temporary_directory elsewhere;
  const auto file = elsewhere.path() + "/copy.sqlite3";
  const auto go_on = [] { return true; };
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (std::int64_t i = 2; !stop; ++i) must("insert into book(id, title) values(?, ?)", {i, std::to_string(i)});
  });
  const auto copied = session->backup(file, go_on);
  stop = true;
  writer.join();
  ASSERT_TRUE(copied) << copied.error().context;
  EXPECT_EQ(session->backup(file + "2", [] { return false; }).error().code, errc::unavailable);
  EXPECT_FALSE(std::filesystem::exists(file + "2"));
  EXPECT_EQ(session->backup(file, go_on).error().code, errc::already_exists);
  std::filesystem::create_directories(directory_.path() + "/second/db");
  std::filesystem::copy(file, directory_.path() + "/second/db/copy.sqlite3");
  sqlite_driver second({directory_.path() + "/second"});
  auto restored = second.open("copy");  // with its quick_check
  ASSERT_TRUE(restored) << restored.error().context;
  EXPECT_GE(std::get<std::int64_t>((*restored)->run("select count(*) from book", {})->rows[0][0]), 1);
  EXPECT_EQ(session->backup(elsewhere.path() + "/no/such/place", go_on).error().code, errc::storage_failed);
}

TEST_F(database_handle_test, a_namespace_that_is_reset_begins_anew_for_all_who_have_it_open) {
  must("insert into book(id, title) values(1, 'a')");
  EXPECT_EQ(count(), 1);
  sqlite_driver driver({directory_.path()});
  auto session = std::move(*driver.open("library"));
  const auto reset = session->reset(std::nullopt);
  ASSERT_TRUE(reset) << reset.error().context;
  ASSERT_TRUE(session->migrate({{1, "t", "create table fresh(a)"}}));
  EXPECT_FALSE(db_->query("select * from book"));
  must("insert into fresh values(1)");
  EXPECT_EQ(count("fresh"), 1);
  EXPECT_FALSE(session->run("attach 'x' as y", {}));
}

class migration_files_test : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    const auto path = std::filesystem::path(directory_.path()) / "lib" / "sqlite" / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  auto read() { return read_migrations(directory_.path(), "lib", sql_dialect::sqlite); }
  temporary_directory directory_;
};

TEST_F(migration_files_test, files_come_in_the_order_of_their_numbers) {
  write("0002_more.sql", "create table b(x)");
  write("10_last.sql", "create table c(x)");
  write("0001_first_step.sql", "create table a(x)");
  write(".hidden", "");
  const auto all = read();
  ASSERT_TRUE(all) << all.error().context;
  ASSERT_EQ(all->size(), 3u);
  EXPECT_EQ((*all)[0].name, "first_step");
  EXPECT_EQ((*all)[0].sql, "create table a(x)");
  EXPECT_EQ((*all)[2].number, 10u);
}

TEST_F(migration_files_test, every_fault_is_listed) {
  write("0001_a.sql", "");
  write("1_b.sql", "");
  write("readme.txt", "");
  write("x_c.sql", "");
  write("3_.sql", "");
  const auto all = read();
  ASSERT_EQ(all.error().code, errc::bad_config);
  for (const auto* name : {"1_b.sql", "readme.txt", "x_c.sql", "3_.sql"}) {
    EXPECT_NE(all.error().context.find(name), std::string::npos) << all.error().context;
  }
}

TEST_F(migration_files_test, no_folder_is_no_migration_but_the_directory_must_be_there) {
  EXPECT_TRUE(read_migrations(directory_.path(), "other", sql_dialect::postgres)->empty());
  EXPECT_EQ(read_migrations("/no/such", "other", sql_dialect::sqlite).error().code, errc::bad_config);
}

}  // namespace
}  // namespace troupe
