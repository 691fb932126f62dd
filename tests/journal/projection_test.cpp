// Projections over a journal in SQLite: each event once, whoever ends, fails or runs beside.
#include <caf/exit_reason.hpp>

#include "tests/journal/account.hpp"

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;

class projection_test : public ::testing::Test {
 protected:
  void TearDown() override {
    for (const auto& a : running_) caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
    running_.clear();
  }

  // Sums up by stream what the events say, and remembers each position: twice the same is an error.
  projection_options sums(const std::string& name = "sums") {
    projection_options o;
    o.name = name;
    o.page_events = 7;
    o.poll_every = 10ms;
    o.writes = [put = must(node_.db->prepare("put",
                                             "insert into balance(account, amount) values($1, $2) on conflict "
                                             "(account) do update set amount = balance.amount + "
                                             "excluded.amount")),
                see = must(node_.db->prepare("see", "insert into seen(position) values($1)"))](
                   const std::vector<stored_event>& page) {
      std::vector<sql_call> calls;
      for (const auto& e : page) {
        calls.push_back({put, {e.stream, std::int64_t{std::stoi(e.event.bytes)}}});
        calls.push_back({see, {static_cast<std::int64_t>(e.position)}});
      }
      return expected<std::vector<sql_call>>(std::move(calls));
    };
    return o;
  }
  caf::actor run(const projection_options& o) {
    running_.push_back(*run_projection(system_.system(), journal_, o));
    return running_.back();
  }
  void append(const std::string& stream, int n, const std::string& amount = "1") {
    for (int i = 0; i < n; ++i)
      must(journal_.append({stream, must(journal_.load(stream)).version, {{"event", 1, amount}}, {}}));
  }
  std::int64_t sum(const std::string& stream) {
    const auto r = must(node_.db->query("select amount from balance where account = '" + stream + "'"));
    return r.empty() ? 0 : r.get<std::int64_t>(0, 0).value_or(-1);
  }
  bool eventually(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

  temporary_directory directory_;
  sqlite_node node_{directory_.path()};
  journal journal_ = must_open(*node_.db);
  actor_runtime system_{2, add_types};
  std::vector<caf::actor> running_;
};

TEST_F(projection_test, what_was_there_and_what_comes_has_its_effect_once) {
  append("a", 20);
  run(sums());
  EXPECT_TRUE(eventually([&] { return sum("a") == 20; }));
  append("b", 5, "2");
  EXPECT_TRUE(eventually([&] { return sum("b") == 10; }));
  EXPECT_EQ(sum("a"), 20);
}

TEST_F(projection_test, the_next_one_of_its_name_goes_on_where_it_was) {
  append("a", 20);
  const auto first = run(sums());
  EXPECT_TRUE(eventually([&] { return sum("a") == 20; }));
  caf::anon_send_exit(first, caf::exit_reason::user_shutdown);
  append("a", 3);
  run(sums());
  EXPECT_TRUE(eventually([&] { return sum("a") == 23; }));
}

TEST_F(projection_test, two_of_a_name_do_no_more_than_one) {
  run(sums());
  run(sums());
  append("a", 60);
  EXPECT_TRUE(eventually([&] { return sum("a") == 60; }));
  EXPECT_EQ(must(journal_.cursor_of("sums")), must(journal_.read_all(0)).back().position);
}

TEST_F(projection_test, an_event_that_it_cannot_take_stops_it_there_until_it_can) {
  auto o = sums();
  auto refuses = std::make_shared<std::atomic<int>>(3);
  o.writes = [inner = o.writes, refuses](const std::vector<stored_event>& page) -> expected<std::vector<sql_call>> {
    if (page.back().event.bytes == "13" && --*refuses >= 0) {
      if (*refuses == 0) throw std::runtime_error("thirteen");
      return fail(errc::corrupt, "thirteen");
    }
    return inner(page);
  };
  run(o);
  append("a", 1, "13");
  append("b", 1);
  EXPECT_TRUE(eventually([&] { return sum("b") == 1; }));
  EXPECT_EQ(sum("a"), 13);
}

TEST_F(projection_test, a_commit_whose_answer_is_lost_is_not_done_twice) {
  append("a", 30);
  node_.injected.lose_answer = true;
  run(sums());
  EXPECT_TRUE(eventually([&] { return sum("a") >= 7; }));
  node_.injected.lose_answer = false;
  EXPECT_TRUE(eventually([&] { return must(journal_.cursor_of("sums")) == 30U; }));
  EXPECT_EQ(sum("a"), 30);
}

TEST_F(projection_test, what_it_does_elsewhere_comes_at_least_once_and_in_order) {
  struct log {
    std::mutex mutex;
    std::vector<std::uint64_t> positions;
    int fails = 2;
  };
  const auto seen = std::make_shared<log>();
  projection_options o;
  o.name = "mail";
  o.page_events = 4;
  o.handle = [seen](const std::vector<stored_event>& page, const done_callback& done) {
    const std::lock_guard lock(seen->mutex);
    for (const auto& e : page) seen->positions.push_back(e.position);
    if (seen->fails-- > 0) return done(fail(errc::unavailable, "no mail today"));
    done({});
  };
  append("a", 10);
  run(o);
  EXPECT_TRUE(eventually([&] { return must(journal_.cursor_of("mail")) == 10U; }));
  const std::lock_guard lock(seen->mutex);
  EXPECT_EQ(seen->positions.size(), 18U) << "the first page three times";
  EXPECT_EQ(std::set<std::uint64_t>(seen->positions.begin(), seen->positions.end()).size(), 10U);
}

TEST_F(projection_test, options_that_make_no_sense_are_refused) {
  const auto code = [&](const std::function<void(projection_options&)>& change) {
    auto o = sums();
    change(o);
    return code_of(run_projection(system_.system(), journal_, o));
  };
  EXPECT_EQ(code([](projection_options& o) { o.name.clear(); }), errc::invalid_argument);
  EXPECT_EQ(code([](projection_options& o) { o.writes = nullptr; }), errc::invalid_argument);
  EXPECT_EQ(code([](projection_options& o) { o.handle = [](const auto&, const auto&) {}; }), errc::invalid_argument);
  EXPECT_EQ(code([](projection_options& o) { o.page_events = 0; }), errc::invalid_argument);
  EXPECT_EQ(code([](projection_options& o) { o.poll_every = 0s; }), errc::invalid_argument);
}

}  // namespace
}  // namespace troupe::testing
