// troupe::database over a real PostgreSQL: what an application is told while the server is well.
#include "tests/db/postgres_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

class postgres_database_test : public postgres_fixture {
 protected:
  void SetUp() override {
    postgres_fixture::SetUp();
    if (!IsSkipped()) open();
  }
};

TEST_F(postgres_database_test, rows_come_back_as_they_were_given) {
  must("create table v(b boolean, i bigint, s smallint, d double precision, t text, x bytea, n bigint, c numeric)");
  must("insert into v values(?, ?, ?, ?, ?, ?, ?, ?)",
       {true, std::int64_t{-1} << 62, std::int64_t{7}, 0.1, "\xc3\xa9'\\t", blob{std::string("\0\xff\\", 3)},
        std::monostate{}, "12.340"});
  const auto r = db_->query("select * from v");
  ASSERT_TRUE(r) << r.error().context;
  EXPECT_TRUE(*r->get<bool>(0, "b"));
  EXPECT_EQ(*r->get<std::int64_t>(0, "i"), std::int64_t{-1} << 62);
  EXPECT_EQ(*r->get<std::int64_t>(0, "s"), 7);
  EXPECT_EQ(*r->get<double>(0, "d"), 0.1);
  EXPECT_EQ(*r->get<std::string>(0, "t"), "\xc3\xa9'\\t");
  EXPECT_EQ(r->get<blob>(0, "x")->bytes, std::string("\0\xff\\", 3));
  EXPECT_EQ(*r->get<std::optional<std::int64_t>>(0, "n"), std::nullopt);
  EXPECT_EQ(*r->get<std::string>(0, "c"), "12.340") << "types that are none of ours are text";
}

TEST_F(postgres_database_test, each_constraint_has_its_code) {
  must("insert into book(id, title) values(1, 'Emma')");
  const auto code = [this](std::string_view text) { return db_->execute(text).error().code; };
  EXPECT_EQ(code("insert into book(id, title) values(2, 'Emma')"), errc::already_exists);
  EXPECT_EQ(code("insert into book(id, title, author) values(3, 'A', 99)"), errc::missing_reference);
  EXPECT_EQ(code("insert into book(id, title) values(4, null)"), errc::invalid_argument);
  EXPECT_EQ(code("select * from nothing"), errc::invalid_argument);
  EXPECT_EQ(count(), 1);
}

TEST_F(postgres_database_test, concurrent_reads_share_a_few_connections_and_a_bad_one_fails_alone) {
  must("insert into book(id, title, pages) select g, 'title ' || g, g % 7 from generate_series(0, 99) g");
  const auto find = prepared("find", "select title, 100 / pages from book where id = ?");
  std::vector<awaited<expected<sql_result>>> answers(300);
  for (int i = 0; i < 300; ++i) db_->query(find, {std::int64_t{i % 100}}, answers[i].callback());
  for (int i = 0; i < 300; ++i) {
    const auto r = answers[i].get();
    const bool divides_by_zero = i % 100 % 7 == 0;
    EXPECT_EQ(r.has_value(), !divides_by_zero) << i << (r ? "" : r.error().context);
    if (r) {
      EXPECT_EQ(*r->get<std::string>(0, "title"), "title " + std::to_string(i % 100));
    }
    if (!r) {
      EXPECT_EQ(r.error().code, errc::invalid_argument);
    }
  }
  EXPECT_LE(service_->numbers().connections, 3u);
}

TEST_F(postgres_database_test, concurrent_writes_are_transactions_of_their_own) {
  const auto insert = prepared("insert", "insert into book(id, title) values(?, ?)");
  std::vector<awaited<expected<sql_result>>> answers(200);
  for (int i = 0; i < 200; ++i) {
    const std::int64_t id = i % 10 == 9 ? i - 1 : i;
    db_->execute(insert, {id, "title " + std::to_string(i)}, answers[i].callback());
  }
  int failed = 0;
  for (auto& a : answers) {
    const auto r = a.get();
    if (!r) {
      EXPECT_EQ(r.error().code, errc::already_exists);
    }
    failed += r ? 0 : 1;
  }
  EXPECT_EQ(failed, 20);
  EXPECT_EQ(count(), 180);
}

TEST_F(postgres_database_test, a_constraint_that_waits_for_the_commit_is_told) {
  must("create table child(id bigint, parent bigint references author(id) deferrable initially deferred)");
  EXPECT_EQ(db_->execute("insert into child values(1, 99)").error().code, errc::missing_reference);
  EXPECT_EQ(count("child"), 0);
}

TEST_F(postgres_database_test, a_statement_that_cannot_be_prepared_fails_and_may_be_tried_again) {
  const auto s = prepared("late", "select a from later");
  EXPECT_EQ(db_->query(s).error().code, errc::invalid_argument);
  must("create table later(a bigint)");
  EXPECT_TRUE(db_->query(s)) << "it is prepared now";
  must("alter table later add column b bigint");
  const auto all = prepared("all", "select * from later");
  EXPECT_TRUE(db_->query(all));
  must("alter table later add column c bigint");
  EXPECT_TRUE(db_->query(all)) << "a plan that does not fit any more is made anew";
}

TEST_F(postgres_database_test, run_all_does_all_or_nothing) {
  const auto insert = prepared("insert", "insert into book(id, title) values(?, ?)");
  auto done = db_->run_all({{insert, {std::int64_t{1}, "a"}}, {insert, {std::int64_t{2}, "b"}}});
  ASSERT_TRUE(done) << done.error().context;
  EXPECT_EQ(done->size(), 2u);
  done = db_->run_all({{insert, {std::int64_t{3}, "c"}}, {insert, {std::int64_t{4}, "a"}}});
  EXPECT_EQ(done.error().code, errc::already_exists);
  EXPECT_EQ(count(), 2);
}

TEST_F(postgres_database_test, conflicts_of_serializable_transactions_are_repeated_until_all_are_done) {
  must("insert into book(id, title, pages) values(1, 'counter', 0)");
  const auto read = prepared("read", "select pages from book where id = 1");
  const auto write = prepared("write", "update book set pages = ? where id = 1");
  constexpr int threads = 4;
  constexpr int each = 10;
  std::atomic<int> tries{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < threads; ++t) {
    callers.emplace_back([&] {
      for (int i = 0; i < each; ++i) {
        const auto done = db_->transact(
            [&](blocking_transaction& tx) -> expected<void> {
              ++tries;
              const auto r = tx.run(read);
              if (!r) return tl::unexpected(r.error());
              const auto w = tx.run(write, {*r->get<std::int64_t>(0, 0) + 1});
              if (!w) return tl::unexpected(w.error());
              return {};
            },
            {.isolation = sql_isolation::serializable, .deadline = 20s, .tries_max = 100});
        EXPECT_TRUE(done) << done.error().context;
      }
    });
  }
  for (auto& c : callers) c.join();
  EXPECT_EQ(*db_->query(read)->get<std::int64_t>(0, 0), threads * each);
  EXPECT_GE(tries, threads * each);
}

TEST_F(postgres_database_test, conflicts_beyond_the_tries_are_told) {
  const auto clash = prepared("clash", "select 1 / 0");
  must(
      "create function clash() returns void language plpgsql as $$ begin raise exception 'no' using errcode = '40001'; "
      "end $$");
  const auto s = prepared("raise", "select clash()");
  int tries = 0;
  const auto done = db_->transact(
      [&](blocking_transaction& tx) -> expected<void> {
        ++tries;
        const auto r = tx.run(s);
        return r ? expected<void>{} : tl::unexpected(r.error());
      },
      {.tries_max = 3});
  EXPECT_EQ(done.error().code, errc::conflict);
  EXPECT_EQ(tries, 3);
}

TEST_F(postgres_database_test, a_transaction_by_callbacks_is_rolled_back_when_it_is_forgotten) {
  const auto insert = prepared("insert", "insert into book(id, title) values(?, ?)");
  awaited<expected<void>> done;
  db_->transact([&](transaction t) { t.run(insert, {std::int64_t{1}, "a"}, [](const auto&) {}); }, done.callback());
  EXPECT_EQ(done.get().error().code, errc::invalid_argument);
  awaited<expected<void>> kept;
  db_->transact(
      [&](transaction t) {
        t.run(insert, {std::int64_t{2}, "b"}, [t](const expected<sql_result>& r) mutable {
          EXPECT_TRUE(r);
          t.commit();
        });
      },
      kept.callback());
  EXPECT_TRUE(kept.get());
  EXPECT_EQ(count(), 1);
}

TEST_F(postgres_database_test, a_transaction_beyond_its_deadline_ends_and_gives_its_locks_back) {
  must("insert into book(id, title) values(1, 'a')");
  const auto lock = prepared("lock", "select 1 from book where id = 1 for update");
  const auto sleep = prepared("sleep", "select pg_sleep(30)");
  awaited<expected<void>> done;
  const auto began = std::chrono::steady_clock::now();
  db_->transact(
      [&](transaction t) {
        t.run(lock, {}, [](const auto&) {});
        t.run(sleep, {}, [t](const expected<sql_result>& r) mutable {
          EXPECT_FALSE(r);
          t.rollback(r ? error{} : r.error());
        });
      },
      done.callback(), {.deadline = 300ms});
  EXPECT_EQ(done.get().error().code, errc::deadline_exceeded);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  EXPECT_TRUE(db_->execute("update book set pages = 1 where id = 1", {}, {.deadline = 5s}));
}

TEST_F(postgres_database_test, a_statement_beyond_its_deadline_is_given_up_and_others_are_not) {
  const auto sleep = prepared("sleep", "select pg_sleep(?)");
  awaited<expected<sql_result>> slow, write;
  db_->query(sleep, {30.0}, slow.callback(), {.deadline = 200ms});
  must("insert into book(id, title) select 1, 'a' from pg_sleep(0)");
  std::vector<awaited<expected<sql_result>>> others(50);
  for (auto& o : others) db_->query(sleep, {0.0}, o.callback(), {.deadline = 10s});
  EXPECT_EQ(slow.get().error().code, errc::deadline_exceeded);
  for (auto& o : others) {
    const auto r = o.get();
    EXPECT_TRUE(r) << r.error().context;
  }
  const auto insert = prepared("slow_insert", "insert into book(id, title) select 2, 'b' from pg_sleep(30)");
  db_->execute(insert, {}, write.callback(), {.deadline = 200ms});
  EXPECT_EQ(write.get().error().code, errc::deadline_exceeded) << "the server said that it was cancelled";
  EXPECT_EQ(count(), 1);
  EXPECT_TRUE(eventually([&] {
    return server_->sql(
               "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep($%' and pid <> "
               "pg_backend_pid()") == "0";
  }));
}

TEST_F(postgres_database_test, a_cursor_reads_much_a_part_at_a_time) {
  constexpr std::int64_t rows = 50000;
  std::int64_t next = 0;
  const auto source = [&]() -> std::vector<sql_row> {
    std::vector<sql_row> part;
    for (int i = 0; i < 1000 && next < rows; ++i, ++next) part.push_back({next, "title\t\\" + std::to_string(next)});
    return part;
  };
  const auto copied = db_->bulk_insert({"book", {"id", "title"}}, source, {.deadline = 20s});
  ASSERT_TRUE(copied) << copied.error().context;
  EXPECT_EQ(*copied, static_cast<std::uint64_t>(rows));
  auto c = db_->open_cursor(prepared("from", "select id, title from book where id >= ? order by id"),
                            {std::int64_t{10}}, {.deadline = 20s});
  ASSERT_TRUE(c) << c.error().context;
  std::int64_t id = 10;
  for (;;) {
    const auto part = c->next(777);
    ASSERT_TRUE(part) << part.error().context;
    if (part->empty()) break;
    for (std::size_t i = 0; i < part->size(); ++i, ++id) {
      ASSERT_EQ(*part->get<std::int64_t>(i, "id"), id);
      ASSERT_EQ(*part->get<std::string>(i, "title"), "title\t\\" + std::to_string(id));
    }
  }
  EXPECT_EQ(id, rows);
  EXPECT_EQ(count(), rows) << "the connection is of use again";
}

TEST_F(postgres_database_test, a_bulk_insert_with_a_bad_row_inserts_nothing) {
  int calls = 0;
  const auto source = [&calls]() -> std::vector<sql_row> {
    if (++calls > 3) return {};
    return {{std::int64_t{calls == 3 ? 1 : calls}, "title " + std::to_string(calls)}};
  };
  EXPECT_EQ(db_->bulk_insert({"book", {"id", "title"}}, source).error().code, errc::already_exists);
  EXPECT_EQ(db_->bulk_insert({"nothing", {"id"}}, [] { return std::vector<sql_row>{}; }).error().code,
            errc::invalid_argument);
  bool given = false;
  const auto short_row = [&given]() -> std::vector<sql_row> {
    if (std::exchange(given, true)) return {};
    return {{std::int64_t{1}}};
  };
  const auto r = db_->bulk_insert({"book", {"id", "title"}}, short_row);
  EXPECT_EQ(r.error().context, "row 1 has 1 values for 2 columns");
  EXPECT_EQ(count(), 0);
}

TEST_F(postgres_database_test, notifications_cross_nodes_and_namespaces_do_not_hear_each_other) {
  postgres_service other_node(config_);
  auto other = other_node->open(name_, library_schema);
  ASSERT_TRUE(other);
  std::mutex mutex;
  std::vector<std::string> heard;
  auto kept = other->listen("books", [&](const notification& n) {
    const std::lock_guard lock(mutex);
    heard.push_back(n.payload);
  });
  ASSERT_TRUE(kept);
  EXPECT_TRUE(eventually([&] {
    EXPECT_TRUE(db_->notify("books", "it's 7"));
    const std::lock_guard lock(mutex);
    return !heard.empty() && heard.back() == "it's 7";
  }));
  EXPECT_TRUE(db_->notify("other", "not this one"));
  EXPECT_EQ(db_->listen(std::string(41, 'a'), [](const notification&) {}).error().code, errc::invalid_argument);
}

TEST_F(postgres_database_test, injection_attempts_are_values) {
  const std::string evil = "'; drop table book; --";
  must("insert into book(id, title) values(1, ?)", {evil});
  const auto r = db_->query("select id from book where title = $1", {evil});
  ASSERT_TRUE(r);
  EXPECT_EQ(r->size(), 1u);
  EXPECT_EQ(count(), 1);
}

TEST_F(postgres_database_test, a_backed_cache_reads_and_writes_its_schema) {
  class plain_store final : public committed_store {
   public:
    std::uint64_t next_version(cache_id, std::string_view, std::uint64_t above) override { return above + 1; }
    void apply_loaded(cache_id, std::string_view, std::string_view, std::uint64_t, duration, time_point) override {}
    void apply_committed(cache_id, std::string_view, std::string_view, std::uint64_t, duration, time_point) override {}
    void apply_erased(cache_id, std::string_view, std::uint64_t) override {}
  } store;
  const auto drive = [&](backing_store& backing, cache_op op, const std::string& key, const std::string& value) {
    awaited<owned_reply> answer;
    backing.submit({.op = op, .cache = 1, .key = key, .value = value}, std::chrono::steady_clock::now() + 5s,
                   answer.callback());
    return answer.get();
  };
  service_.reset();
  io_pool io(1);
  const std::string cache = "c" + std::to_string(::getpid()) + "_" + name_;
  std::uint64_t version = 0;
  {
    auto driver = *postgres_driver::make(config_, io, 1);
    database_pool pool(driver, {});
    pool.set_leader_right([] { return fenced(3, parse_incarnation_id("0123456789abcdef0123456789abcdef")); });
    auto backing = cache_backing::open(pool, store, {{1, cache}});
    ASSERT_TRUE(backing) << backing.error().context;
    pool.start();
    const auto put = drive(**backing, cache_op::put, "k\xff", std::string("v\0w", 3));
    ASSERT_EQ(put.code, errc::ok) << put.context;
    EXPECT_EQ(drive(**backing, cache_op::get, "k\xff", "").value, std::string("v\0w", 3));
    EXPECT_EQ(drive(**backing, cache_op::get, "other", "").code, errc::not_found);
    const auto erased = drive(**backing, cache_op::erase, "k\xff", "");
    EXPECT_EQ(erased.code, errc::ok) << erased.context;
    version = erased.version;
    EXPECT_EQ(drive(**backing, cache_op::get, "k\xff", "").code, errc::not_found);
    server_->restart();
    EXPECT_EQ(drive(**backing, cache_op::put, "after", "restart").code, errc::ok) << "it connects again by itself";
    pool.stop();
  }
  auto driver = *postgres_driver::make(config_, io, 1);
  database_pool pool(driver, {});  // another node, which does not lead
  auto backing = cache_backing::open(pool, store, {{1, cache}});
  ASSERT_TRUE(backing);
  pool.start();
  EXPECT_GT(drive(**backing, cache_op::put, "k\xff", "new").version, version) << "versions rise across deletes";
  pool.stop();
}

}  // namespace
}  // namespace troupe
