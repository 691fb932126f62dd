// What a caller is told is what happened: transactions that fail unseen, statements that are cancelled, results that
// cannot be read, rows that are copied against a lock.
#include <map>
#include <optional>

#include "tests/db/postgres_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

class postgres_outcomes_test : public postgres_fixture {
 protected:
  void SetUp() override {
    postgres_fixture::SetUp();
    if (!IsSkipped()) open();
  }
};

TEST_F(postgres_outcomes_test, a_transaction_that_failed_unseen_is_not_reported_as_committed) {
  must("insert into book(id, title) values(1, 'a')");
  const auto insert = prepared("insert", "insert into book(id, title) values(?, ?)");
  awaited<expected<void>> done;
  db_->transact(
      [&](transaction t) {  // waits for nothing
        t.run(insert, {std::int64_t{2}, "b"}, [](const auto&) {});
        t.run(insert, {std::int64_t{3}, "a"}, [](const auto&) {});
        t.run(insert, {std::int64_t{4}, "c"}, [](const auto&) {});
        t.commit();
      },
      done.callback());
  const auto outcome = done.get();
  ASSERT_FALSE(outcome) << "nothing was stored";
  EXPECT_EQ(outcome.error().code, errc::already_exists);
  EXPECT_EQ(count(), 1);
}

TEST_F(postgres_outcomes_test, a_conflict_that_nobody_waited_for_is_repeated) {
  must(
      "create function clash() returns void language plpgsql as $$ begin raise exception 'no' using errcode = '40001'; "
      "end $$");
  const auto clash = prepared("clash", "select clash()");
  std::atomic<int> tries{0};
  awaited<expected<void>> done;
  db_->transact(
      [&](transaction t) {
        ++tries;
        t.run(clash, {}, [](const auto&) {});
        t.commit();
      },
      done.callback(), {.tries_max = 3});
  EXPECT_EQ(done.get().error().code, errc::conflict);
  EXPECT_EQ(tries, 3);
}

TEST_F(postgres_outcomes_test, after_an_error_a_transaction_can_only_be_rolled_back) {
  must("insert into book(id, title) values(1, 'a')");
  const auto insert = prepared("insert", "insert into book(id, title) values(?, ?)");
  const auto done = db_->transact([&](blocking_transaction& t) -> expected<void> {
    EXPECT_EQ(t.run(insert, {std::int64_t{2}, "a"}).error().code, errc::already_exists);
    EXPECT_EQ(t.run(insert, {std::int64_t{3}, "c"}).error().code, errc::already_exists) << "the first error stays";
    return {};
  });
  EXPECT_EQ(done.error().code, errc::already_exists);
  EXPECT_EQ(count(), 1);
}

TEST_F(postgres_outcomes_test, a_write_where_only_reading_is_meant_is_a_fault_and_spoils_nothing) {
  const auto insert = prepared("insert", "insert into book(id, title) values(?, ?)");
  must(
      "create function sneaky() returns bigint language sql as 'insert into book(id, title) values(1, ''a'') returning "
      "id'");
  int tries = 0;
  const auto done = db_->transact(
      [&](blocking_transaction& t) -> expected<void> {
        ++tries;
        const auto r = t.run(insert, {std::int64_t{1}, "a"});
        return r ? expected<void>{} : tl::unexpected(r.error());
      },
      {.read_only = true});
  EXPECT_EQ(done.error().code, errc::invalid_argument);
  EXPECT_EQ(tries, 1);
  EXPECT_EQ(count(), 0);
  EXPECT_EQ(service_->numbers().repeated, 0u);
}

TEST_F(postgres_outcomes_test, a_write_whose_rows_cannot_be_read_is_not_called_undone) {
  must("create table big(t text)");
  const auto fill =
      db_->execute("insert into big select repeat('x', 1000000) || g from generate_series(1, 70) g returning t", {},
                   {.deadline = 30s});
  ASSERT_FALSE(fill);
  EXPECT_EQ(fill.error().code, errc::outcome_unknown) << fill.error().context;
  EXPECT_EQ(count("big"), 70) << "it was done";
}

TEST_F(postgres_outcomes_test, a_timeout_of_the_server_is_told_and_nothing_is_run_again) {
  must("create sequence runs");
  const auto late = db_->transact([&](blocking_transaction& t) -> expected<void> {
    const auto limit = t.run(*sql_statement::parse("x", "select nextval('runs')", sql_dialect::postgres, 0));
    return limit ? expected<void>{} : tl::unexpected(limit.error());
  });
  EXPECT_TRUE(late);
  server_->sql("alter database postgres set statement_timeout = '200ms'");
  {
    postgres_service other(config_);
    auto db = other->open(name_, library_schema);
    ASSERT_TRUE(db);
    const auto r = db->execute("select nextval('runs'), pg_sleep(5)", {}, {.deadline = 10s});
    EXPECT_EQ(r.error().code, errc::deadline_exceeded);
    EXPECT_EQ(other.numbers().repeated, 0u);
  }
  server_->sql("alter database postgres reset statement_timeout");
  EXPECT_EQ(*db_->query("select last_value from runs")->get<std::int64_t>(0, 0), 2) << "once each";
}

TEST_F(postgres_outcomes_test, an_idle_transaction_whose_connection_broke_is_repeated) {
  config_.pool_min = 0;
  service_.reset();
  open();
  const auto insert = prepared("insert", "insert into book(id, title) values(?, ?)");
  int tries = 0;
  const auto done = db_->transact([&](blocking_transaction& t) -> expected<void> {
    ++tries;
    const auto r = t.run(insert, {std::int64_t{1}, "a"});
    if (!r) return tl::unexpected(r.error());
    if (tries == 1) {
      server_->sql("select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction'");
      EXPECT_TRUE(eventually([&] { return service_->numbers().connections == 0; })) << "it is noticed";
    }
    return {};
  });
  EXPECT_TRUE(done) << done.error().context << ": what was never sent is not unclear";
  EXPECT_EQ(tries, 2);
  EXPECT_EQ(count(), 1);
}

TEST_F(postgres_outcomes_test, what_only_waits_behind_a_slow_statement_cancels_nothing) {
  config_.pool_max = 1;
  service_.reset();
  open();
  const auto sleep = prepared("sleep", "select pg_sleep(?)");
  awaited<expected<sql_result>> slow;
  db_->execute(sleep, {1.5}, slow.callback(), {.deadline = 20s});
  std::vector<awaited<expected<sql_result>>> behind(20);
  for (auto& b : behind) db_->query(sleep, {0.0}, b.callback(), {.deadline = 200ms});
  for (auto& b : behind) EXPECT_EQ(b.get().error().code, errc::deadline_exceeded);
  const auto r = slow.get();
  EXPECT_TRUE(r) << r.error().context;
  EXPECT_EQ(service_->numbers().repeated, 0u);
}

TEST_F(postgres_outcomes_test, the_only_connection_is_free_again_after_a_deadline) {
  config_.pool_max = 1;
  service_.reset();
  open();
  const auto sleep = prepared("sleep", "insert into book(id, title) select 1, 'a' from pg_sleep(30)");
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(db_->execute(sleep, {}, {.deadline = 200ms}).error().code, errc::deadline_exceeded)
      << "the server said that it was cancelled";
  EXPECT_TRUE(db_->query("select 1"));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 3s);
  EXPECT_EQ(count(), 0);
}

TEST_F(postgres_outcomes_test, rows_copied_against_a_lock_end_at_the_deadline_and_are_surely_not_there) {
  const auto alter = prepared("alter", "alter table book add column later bigint");
  std::optional<transaction> holder;
  awaited<expected<sql_result>> held;
  awaited<expected<void>> let_go;
  db_->transact(
      [&](transaction t) {
        holder = t;
        t.run(alter, {}, held.callback());
      },
      let_go.callback(), {.deadline = 30s});
  ASSERT_TRUE(held.get());
  int calls = 0;
  const auto copied = db_->bulk_insert({"book", {"id", "title"}},
                                       [&calls]() -> std::vector<sql_row> {
                                         if (++calls > 1) return {};
                                         return {{std::int64_t{1}, "a"}};
                                       },
                                       {.deadline = 300ms});
  EXPECT_EQ(copied.error().code, errc::deadline_exceeded) << copied.error().context;
  holder->rollback({});
  holder.reset();
  EXPECT_FALSE(let_go.get());
  EXPECT_EQ(count(), 0);
  must("insert into book(id, title) values(1, 'a')");
}

TEST_F(postgres_outcomes_test, a_table_that_changes_under_load_makes_nothing_unclear) {
  must("create table t(a bigint)");
  must("insert into t values(1)");
  const auto all = prepared("all", "select * from t");
  const auto insert = prepared("insert", "insert into book(id, title) values(?, 'title ' || ?)");
  std::map<errc, int> failures;
  std::int64_t id = 0;
  for (int round = 0; round < 5; ++round) {
    std::vector<awaited<expected<sql_result>>> reads(50), writes(50);
    for (int i = 0; i < 50; ++i) {
      db_->query(all, {}, reads[i].callback());
      ++id;
      db_->execute(insert, {id, std::to_string(id)}, writes[i].callback());
      if (i == 25) must("alter table t add column c" + std::to_string(round) + " bigint");
    }
    for (auto* list : {&reads, &writes}) {
      for (auto& a : *list)
        if (const auto r = a.get(); !r) ++failures[r.error().code];
    }
  }
  for (const auto& [code, times] : failures) ADD_FAILURE() << name_of(code) << " " << times << " times";
  EXPECT_EQ(count(), id);
}

TEST_F(postgres_outcomes_test, many_callers_of_a_statement_that_cannot_be_prepared_are_all_told_why) {
  const auto bad = prepared("bad", "insert into nowhere values(?)");
  const auto insert = prepared("insert", "insert into book(id, title) values(?, 'title ' || ?)");
  std::vector<awaited<expected<sql_result>>> bads(40), goods(40);
  for (int i = 0; i < 40; ++i) {
    db_->execute(bad, {std::int64_t{i}}, bads[i].callback());
    db_->execute(insert, {std::int64_t{i}, std::to_string(i)}, goods[i].callback());
  }
  for (auto& a : bads) {
    const auto r = a.get();
    EXPECT_EQ(r.error().code, errc::invalid_argument) << r.error().context;
  }
  for (auto& a : goods) {
    const auto r = a.get();
    EXPECT_TRUE(r) << r.error().context;
  }
  EXPECT_EQ(count(), 40);
}

TEST_F(postgres_outcomes_test, a_transaction_that_waits_for_its_next_try_is_answered_when_the_node_stops) {
  must(
      "create function clash() returns void language plpgsql as $$ begin raise exception 'no' using errcode = '40001'; "
      "end $$");
  const auto clash = prepared("clash", "select clash()");
  awaited<expected<void>> done;
  std::atomic<int> tries{0};
  db_->transact(
      [&](transaction t) {
        ++tries;
        t.run(clash, {}, [t](const expected<sql_result>& r) mutable { t.rollback(r ? error{} : r.error()); });
      },
      done.callback(), {.deadline = 60s, .tries_max = 100000});
  EXPECT_TRUE(eventually([&] { return tries > 2; }));
  service_.reset();
  const auto outcome = done.get();
  EXPECT_FALSE(outcome);
}

TEST_F(postgres_outcomes_test, numbers_say_what_was_changed_and_not_what_was_read) {
  EXPECT_EQ(must("insert into book(id, title) select g, 'title ' || g from generate_series(1, 5) g").changed, 5u);
  EXPECT_EQ(must("update book set pages = 1 where id < 3 returning id").changed, 2u);
  EXPECT_EQ(db_->query("select * from book")->changed, 0u);
  EXPECT_EQ(*db_->query("select ?::float8 = 0.1", {0.1})->get<bool>(0, 0), true);
  EXPECT_EQ(*db_->query("select '{\"a\": 1}'::jsonb ?? 'a'")->get<bool>(0, 0), true) << "an operator of jsonb";
}

TEST_F(postgres_outcomes_test, channels_of_namespaces_that_begin_alike_are_apart) {
  auto shorter = (*service_)->open("ns", {});
  auto longer = (*service_)->open("ns_b", {});
  ASSERT_TRUE(shorter && longer);
  std::mutex mutex;
  std::vector<std::string> heard;
  auto kept = shorter->listen("b_c", [&](const notification& n) {
    const std::lock_guard lock(mutex);
    heard.push_back(n.gap ? "gap" : n.payload);
  });
  ASSERT_TRUE(kept);
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return !heard.empty();
  })) << "the listening has begun";
  EXPECT_TRUE(longer->notify("c", "not for you"));
  EXPECT_TRUE(shorter->notify("b_c", "for you"));
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return heard.back() == "for you";
  }));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(heard, (std::vector<std::string>{"gap", "for you"}));
}

TEST_F(postgres_outcomes_test, options_of_the_dsn_do_not_lead_into_another_schema) {
  server_->sql("create schema elsewhere_" + name_);
  config_.dsn += " options='-c search_path=elsewhere_" + name_ + " -c bytea_output=escape'";
  service_.reset();
  open();
  EXPECT_EQ(*db_->query("select current_schema()")->get<std::string>(0, 0), name_);
  EXPECT_EQ(db_->query("select '\\x00ff'::bytea")->get<blob>(0, 0)->bytes, std::string("\0\xff", 2));
}

}  // namespace
}  // namespace troupe
