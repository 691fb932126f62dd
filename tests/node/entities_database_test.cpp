// The entities' side of databases: pages by ranges of indices, a database that goes and comes back.
#include <gmock/gmock.h>

#include "runtime/entities/list_query.hpp"
#include "tests/entities/models.hpp"
#include "tests/node/entities_fixture.hpp"

namespace troupe {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string sharks = "/v1/entities/shark";

struct entity_plans : entity_node {
  /// How the database would run the statements of a page behind `after`, one after the other.
  std::string plans(const std::string& order, std::optional<page_position> after) {
    const auto model = read_or_fail(shark_model);
    auto q = read_list_query(model.entities[0], {{"$orderby", order}}, {1000});
    EXPECT_TRUE(q);
    q->after = std::move(after);
    std::string all;
    for (auto& s :
         list_statements(model.entities[0], on_postgres() ? sql_dialect::postgres : sql_dialect::sqlite, *q)) {
      s.values.emplace_back(std::int64_t{50});
      const auto r = database_->query((on_postgres() ? "explain " : "explain query plan ") + s.text, s.values);
      EXPECT_TRUE(r) << r.error().context;
      for (std::size_t i = 0; r && i < r->size(); ++i)
        all += *r->get<std::string>(i, on_postgres() ? std::size_t{0} : std::size_t{3}) + "\n";
    }
    return all;
  }
  void fill(std::int64_t rows) {
    std::int64_t next = 0;
    const auto filled = database_->bulk_insert({"shark", {"name", "age", "code"}},
                                               [&next, rows] {
                                                 std::vector<sql_row> some;
                                                 for (; next < rows && some.size() < 1000; ++next)
                                                   some.push_back({"n" + std::to_string(next % 10), next % 200,
                                                                   next % 3 == 0 ? sql_value() : sql_value(next)});
                                                 return some;
                                               },
                                               {.deadline = std::chrono::seconds(30)});
    ASSERT_TRUE(filled) << filled.error().context;
    if (on_postgres()) server()->sql("analyze entities.shark");
  }
  void open() {
    start(shark_model);
    auto db = running->open_database("entities");
    ASSERT_TRUE(db) << db.error().context;
    database_.emplace(std::move(*db));
  }
  void TearDown() override { database_.reset(); }
  std::optional<database> database_;
};

INSTANTIATE_TEST_SUITE_P(on, entity_plans, ::testing::Values("sqlite", "postgres"),
                         [](const auto& chosen) { return std::string(chosen.param); });

TEST_P(entity_plans, of_a_page_search_an_index_and_sort_nothing) {
  open();
  fill(20000);
  const page_position names[] = {{std::string("n5"), 10010000}, {{}, 10010000}};
  const page_position codes[] = {{std::int64_t{9000}, 10010000}, {{}, 10010000}};
  std::string all;
  for (const char* way : {" asc", " desc"}) {
    for (const auto& p : names) all += plans(std::string("name") + way, p);
    for (const auto& p : codes) all += plans(std::string("code") + way, p);
    all += plans(std::string("id") + way, page_position{{}, 10010000});
    for (const char* order : {"name", "code", "id"}) all += plans(std::string(order) + way, std::nullopt);
  }
  EXPECT_THAT(all, Not(HasSubstr("B-TREE"))) << "SQLite sorts nothing";
  EXPECT_THAT(all, Not(HasSubstr("Seq Scan"))) << "PostgreSQL reads no whole table";
  // Rows with the same value of a unique property are one: only those are put in order.
  for (auto at = all.find("Sort  ("); at != all.npos; at = all.find("Sort  (", at + 1)) {
    EXPECT_TRUE(at >= 12 && all.substr(at - 12, 12) == "Incremental ") << all.substr(at);
    EXPECT_THAT(all.substr(at, 400), Not(HasSubstr("code IS NULL")));
  }
  EXPECT_THAT(all, HasSubstr(on_postgres() ? "shark_name_ix" : "SEARCH shark USING INDEX shark_name_ix"));
}

TEST_P(entity_plans, bring_all_of_many_rows_once) {
  open();
  fill(5000);
  std::int64_t seen = 0;
  std::string next;
  do {
    const auto page = get(sharks + "?$limit=700&$orderby=code%20desc" + (next.empty() ? "" : "&$next=" + next));
    seen += static_cast<std::int64_t>(page["items"].size());
    next = page["next"].is_null() ? "" : page["next"].get<std::string>();
  } while (!next.empty() && seen < 10000);
  EXPECT_EQ(seen, 5000);
}

struct entities_on_postgres : entity_node {};

INSTANTIATE_TEST_SUITE_P(on, entities_on_postgres, ::testing::Values("postgres"),
                         [](const auto& chosen) { return std::string(chosen.param); });

TEST_P(entities_on_postgres, answer_503_while_it_is_away_and_recover_by_themselves) {
  start(shark_model);
  made(sharks, R"({"name": "Bruce"})");
  server()->kill();
  for (const char* method : {"GET", "DELETE"}) {
    const auto a = call(method, sharks + "/10000000");
    EXPECT_THAT(a.status, AnyOf(503, 504)) << a.body;
    EXPECT_TRUE(a.status == 504 || a.field("retry-after") != "");
    EXPECT_THAT(a.body, Not(HasSubstr("host="))) << "what the server says of itself stays here";
  }
  EXPECT_THAT(post(sharks, R"([{"name": "a"}, {"name": "b"}])").status, AnyOf(503, 504));
  EXPECT_EQ(call("GET", sharks).status, 503);
  EXPECT_EQ(post(sharks, R"({"age": 300})").status, 400) << "what is wrong by itself needs no database";
  server()->start();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (call("GET", sharks).status != 200 && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(get(sharks + "?$count=true")["count"], 1) << "nothing was written half";
  made(sharks, R"({"name": "back"})");
}

struct fresh_start : entity_node {};

INSTANTIATE_TEST_SUITE_P(on, fresh_start, ::testing::Values("sqlite", "postgres"),
                         [](const auto& chosen) { return std::string(chosen.param); });

// The tables are made by the leader, and a node is none before it has elected itself.
TEST_P(fresh_start, logs_no_error) {
  adjust = [this](config& c) { c.log.file = home.path() + "/log"; };
  const auto began = std::chrono::steady_clock::now();
  start(shark_model);
  const auto took = std::chrono::steady_clock::now() - began;
  RecordProperty("ready_ms", static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
  EXPECT_EQ(post(sharks, R"({"name": "Bruce"})").status, 201);
  running.reset();
  std::ifstream log(home.path() + "/log");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(log), {}), "");
}

}  // namespace
}  // namespace troupe
