// troupe::database over a real PostgreSQL at its limits: too much of one transaction, a stop, the most connections.
#include "tests/db/postgres_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

class postgres_limits_test : public postgres_fixture {
 protected:
  void SetUp() override {
    postgres_fixture::SetUp();
    if (!IsSkipped()) open();
  }
};

TEST_F(postgres_limits_test, a_transaction_that_goes_on_after_the_stop_is_answered) {
  const auto insert = prepared("insert", "insert into book(id, title) values(?, ?)");
  std::optional<transaction> kept;
  awaited<expected<sql_result>> first;
  awaited<expected<void>> ended;
  db_->transact(
      [&](transaction t) {
        kept = t;
        t.run(insert, {std::int64_t{1}, "a"}, first.callback());
      },
      ended.callback(), {.deadline = 60s});
  ASSERT_TRUE(first.get());
  (*service_)->stop();
  awaited<expected<sql_result>> late;
  kept->run(insert, {std::int64_t{2}, "b"}, late.callback());
  EXPECT_FALSE(late.get());
  kept->commit();
  EXPECT_FALSE(ended.get());
  kept.reset();
  service_.reset();
  EXPECT_EQ(server_->sql("select count(*) from " + name_ + ".book"), "0");
}

TEST_F(postgres_limits_test, a_transaction_that_says_too_much_at_once_is_refused_and_commits_nothing) {
  const auto insert = prepared("insert", "insert into book(id, title) values(?, ?)");
  const auto slow = prepared("slow", "select pg_sleep(0.3)");
  std::atomic<int> refused{0}, answered{0};
  constexpr int most = 10200;
  awaited<expected<void>> done;
  db_->transact(
      [&](transaction t) {
        t.run(slow, {}, [](const auto&) {});
        for (int i = 0; i < most; ++i)
          t.run(insert, {std::int64_t{i}, std::to_string(i)}, [&](const expected<sql_result>& r) {
            if (!r && r.error().code == errc::unavailable) ++refused;
            ++answered;
          });
        t.commit();
      },
      done.callback(), {.deadline = 60s});
  const auto outcome = done.get();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::unavailable) << outcome.error().context;
  EXPECT_GT(refused, 0);
  EXPECT_TRUE(eventually([&] { return answered == most; }));
  EXPECT_EQ(count(), 0);
}

TEST_F(postgres_limits_test, both_sides_together_have_no_more_connections_than_the_most) {
  config_.pool_max = 4;
  open();
  const auto slow = prepared("slow", "select pg_sleep(0.2)");
  const auto open_ones = [&] {
    return std::stoi(
        server_->sql("select count(*) from pg_stat_activity where application_name = 'troupe' and query not "
                     "like '%troupe_migrations%'"));
  };
  std::vector<awaited<expected<sql_result>>> answers(40);
  const int beside = open_ones() - static_cast<int>(service_->numbers().connections);
  for (std::size_t i = 0; i < answers.size(); ++i)
    db_->query(slow, {}, answers[i].callback(), {.deadline = 20s, .stale = i % 2 == 1});
  int most = 0;
  while (!answers.back().ready()) most = std::max(most, open_ones());
  for (auto& a : answers) EXPECT_TRUE(a.get());
  EXPECT_LE(most, 4 + beside);
}

}  // namespace
}  // namespace troupe
