// Lists: what may be asked, the SQL of it, and tokens; nothing that a client sends becomes text of a statement.
#include <gmock/gmock.h>

#include "runtime/entities/list_query.hpp"
#include "tests/entities/models.hpp"

namespace troupe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view shark_columns =
    R"("id", "_version", "name", "age", "weight", "is_tagged", "seen_at", "code")";

struct list_queries : ::testing::Test {
  answered<list_query> ask(const query_pairs& parameters) { return read_list_query(shark, parameters, {1000}); }
  std::string fault(const query_pairs& parameters) {
    const auto q = ask(parameters);
    if (q) return "";
    EXPECT_EQ(q.error().code, errc::invalid_argument);
    std::string all;
    for (const auto& e : q.error().errors) all += e + "\n";
    return all;
  }
  std::vector<std::string> texts(const query_pairs& parameters, sql_dialect dialect,
                                 std::optional<page_position> after = {}) {
    auto q = ask(parameters);
    EXPECT_TRUE(q) << q.error().errors.front();
    q->after = std::move(after);
    std::vector<std::string> found;
    for (auto& s : list_statements(shark, dialect, *q)) {
      const auto from = s.text.find(" from \"shark\"");
      EXPECT_EQ(s.text.substr(0, from), "select " + std::string(shark_columns));
      found.push_back(s.text.substr(from + 13));
      last_values = s.values;
    }
    return found;
  }
  const entity_model model = read_or_fail(shark_model);
  const entity_spec& shark = model.entities.at(0);
  sql_row last_values;
};

TEST_F(list_queries, are_read_with_their_defaults) {
  const auto q = ask({});
  ASSERT_TRUE(q);
  EXPECT_EQ(q->limit, list_rows);
  EXPECT_EQ(q->order, "id");
  EXPECT_FALSE(q->count);
  const auto all = ask({{"$limit", "7"},
                        {"$offset", "3"},
                        {"$orderby", "name desc"},
                        {"$count", "true"},
                        {"age", "lt:9"},
                        {"name", "in:a,b,"},
                        {"name", "eq:x:y"}});
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->limit == 7 && all->offset == 3 && all->order == "name" && all->descending && all->count);
  ASSERT_EQ(all->filters.size(), 3U);
  EXPECT_THAT(all->filters[1].values, ElementsAre(sql_value("a"), sql_value("b"), sql_value("")));
  EXPECT_THAT(all->filters[2].values, ElementsAre(sql_value("x:y")));
}

TEST_F(list_queries, tell_all_that_is_wrong) {
  const auto text = fault({{"$limit", "0"},
                           {"$limit", "1001"},
                           {"$offset", "-1"},
                           {"$orderby", "colour"},
                           {"$orderby", "name up"},
                           {"$count", "maybe"},
                           {"$top", "1"},
                           {"colour", "eq:grey"},
                           {"age", "like:1"},
                           {"age", "ge:1"},
                           {"age", "7"},
                           {"age", "lt:old"},
                           {"weight", "lt:nan"},
                           {"is_tagged", "eq:1"},
                           {"$next", "nonsense"},
                           {"passing", "eq:1"},
                           {"name", "eq:\xff"},
                           {"$orderby", "passing"}});
  for (const char* part :
       {"$limit: must be from 1 to 1000", "$offset: must be from 0", "$orderby: names no field",
        "$orderby: goes asc or desc", "$count: must be", "$top: there is no such field or parameter",
        "colour: there is no such field", "age: does not take like; it takes eq, ne, lt, gt", "age: does not take ge",
        "age: must be OPERATOR:VALUE", "age: is compared with a value that is not integer", "weight: is compared",
        "is_tagged: is compared", "$next: is damaged", "passing: does not take eq; it takes none", "name: is compared"})
    EXPECT_THAT(text, HasSubstr(part));
}

TEST_F(list_queries, have_no_more_rows_than_the_configuration_allows) {
  EXPECT_EQ(read_list_query(shark, {}, {10})->limit, 10u);
  EXPECT_EQ(read_list_query(shark, {}, {1000})->limit, list_rows);
}

TEST_F(list_queries, take_each_word_of_the_list_once) {
  EXPECT_EQ(fault({{"$limit", "1"}, {"$limit", "9"}}), "$limit: is given twice\n");
  EXPECT_EQ(fault({{"age", "gt:1"}, {"age", "lt:9"}}), "") << "filters of one field are joined";
}

TEST_F(list_queries, keep_their_limits) {
  query_pairs many(list_filters_max, {"age", "eq:1"});
  EXPECT_TRUE(ask(many));
  many.emplace_back("age", "eq:1");
  EXPECT_THAT(fault(many), HasSubstr("more than 16 filters"));
  std::string list = "in:1";
  for (std::size_t i = 1; i < list_in_max; ++i) list += ",1";
  EXPECT_TRUE(ask({{"code", list}}));
  EXPECT_THAT(fault({{"code", list + ",1"}}), HasSubstr("at most 100 values"));
  EXPECT_TRUE(ask({{"name", "eq:" + std::string(list_value_bytes_max, 'x')}}));
  EXPECT_THAT(fault({{"name", "eq:" + std::string(list_value_bytes_max + 1, 'x')}}), HasSubstr("too long"));
}

TEST_F(list_queries, become_sql_of_either_database) {
  using enum sql_dialect;
  EXPECT_THAT(texts({}, sqlite), ElementsAre(R"( order by "id" limit $1)"));
  EXPECT_THAT(texts({{"age", "ne:3"}, {"name", "like:a%_*"}}, sqlite),
              ElementsAre(R"( where "age" <> $1 and "name" glob $2 order by "id" limit $3)"));
  EXPECT_THAT(last_values, ElementsAre(sql_value(std::int64_t{3}), sql_value("a*?[*]")));
  EXPECT_THAT(texts({{"age", "ne:3"}, {"name", "like:a%_*"}}, postgres),
              ElementsAre(R"( where "age" <> $1 and "name" like $2 escape '' order by "id" limit $3)"));
  EXPECT_THAT(last_values, ElementsAre(sql_value(std::int64_t{3}), sql_value("a%_*")));
  EXPECT_THAT(
      texts({{"code", "in:1,2"}, {"$orderby", "name desc"}, {"$offset", "5"}}, postgres),
      ElementsAre(R"( where "code" in ($1, $2) order by "name" desc nulls last, "id" desc limit $4 offset $3)"));
  EXPECT_THAT(texts({{"$orderby", "name"}, {"$offset", "5"}}, sqlite),
              ElementsAre(R"( order by "name", "id" limit $2 offset $1)"));
  EXPECT_THAT(texts({{"$orderby", "name"}}, postgres), ElementsAre(R"( order by "name" nulls first, "id" limit $1)"));
}

TEST_F(list_queries, go_on_behind_a_row_by_ranges_of_the_index) {
  using enum sql_dialect;
  const page_position at_name{std::string("m"), 9};
  const page_position at_null{{}, 9};
  EXPECT_THAT(texts({}, sqlite, at_null), ElementsAre(R"( where "id" > $1 order by "id" limit $2)"));
  EXPECT_THAT(texts({{"$orderby", "id desc"}}, sqlite, at_null),
              ElementsAre(R"( where "id" < $1 order by "id" desc limit $2)"));
  EXPECT_THAT(texts({{"$orderby", "name"}, {"age", "eq:1"}}, sqlite, at_name),
              ElementsAre(R"( where "age" = $1 and ("name", "id") > ($2, $3) order by "name", "id" limit $4)"));
  EXPECT_THAT(texts({{"$orderby", "name"}}, sqlite, at_null),
              ElementsAre(R"( where "name" is null and "id" > $1 order by "name", "id" limit $2)",
                          R"( where "name" is not null order by "name", "id" limit $1)"));
  EXPECT_THAT(texts({{"$orderby", "name desc"}}, sqlite, at_name),
              ElementsAre(R"( where ("name", "id") < ($1, $2) order by "name" desc, "id" desc limit $3)",
                          R"( where "name" is null order by "name" desc, "id" desc limit $1)"));
  EXPECT_THAT(texts({{"$orderby", "name desc"}}, sqlite, at_null),
              ElementsAre(R"( where "name" is null and "id" < $1 order by "name" desc, "id" desc limit $2)"));
}

TEST_F(list_queries, never_become_text) {
  const std::string attacks[] = {"x' or '1'='1",
                                 "x\"; drop table shark; --",
                                 "1); delete from shark; --",
                                 "$1",
                                 "?1",
                                 "\\",
                                 "%27",
                                 "a' union select * from troupe_entities --",
                                 "/*",
                                 "\"id\""};
  for (const auto& attack : attacks) {
    EXPECT_FALSE(ask({{attack, "eq:1"}})) << attack;
    EXPECT_FALSE(ask({{"age", attack + ":1"}})) << attack;
    EXPECT_FALSE(ask({{"age", "eq:" + attack}})) << attack;
    EXPECT_FALSE(ask({{"$orderby", attack}})) << attack;
    EXPECT_FALSE(ask({{"$orderby", "name " + attack}})) << attack;
    EXPECT_FALSE(ask({{"$limit", attack}})) << attack;
    EXPECT_FALSE(ask({{"$offset", attack}})) << attack;
    EXPECT_FALSE(ask({{"$next", attack}})) << attack;
    for (const auto dialect : {sql_dialect::sqlite, sql_dialect::postgres}) {
      for (const char* op : {"eq:", "like:", "in:"}) {
        for (const auto& text : texts({{"name", op + attack}}, dialect)) {
          EXPECT_THAT(text, Not(HasSubstr("drop")));
          EXPECT_THAT(text, Not(HasSubstr("union")));
          EXPECT_TRUE(sql_statement::parse("list", "select 1 from \"shark\"" + text, dialect, 0));
        }
      }
    }
  }
}

TEST_F(list_queries, have_tokens_that_bring_back_the_position) {
  auto q = *ask({{"$orderby", "name"}});
  const auto back = [&](const sql_value& key) { return read_page_token(shark, q, page_token(shark, q, {key, 77})); };
  for (const auto& key : {sql_value("a|b:c\n\"'\xc3\xa4"), sql_value(""), sql_value()}) {
    const auto position = back(key);
    ASSERT_TRUE(position);
    EXPECT_TRUE(position->key == key && position->id == 77);
  }
  EXPECT_FALSE(back(std::int64_t{1})) << "a key of another type";
  q.order = "weight";
  for (const double d : {0.1, -1e300, 5e-324}) EXPECT_EQ(back(d)->key, sql_value(d));
  q.order = "code";
  EXPECT_EQ(back(std::numeric_limits<std::int64_t>::min())->key, sql_value(std::numeric_limits<std::int64_t>::min()));
  q.order = "is_tagged";
  EXPECT_EQ(back(true)->key, sql_value(true));
}

TEST_F(list_queries, refuse_tokens_that_are_damaged_or_of_another_list) {
  const auto q = *ask({{"$orderby", "name"}});
  const auto token = page_token(shark, q, {std::string("Bruce"), 77});
  for (std::size_t size = 0; size < token.size(); ++size)
    EXPECT_FALSE(read_page_token(shark, q, token.substr(0, size))) << size;
  for (std::size_t i = 0; i + 1 < token.size(); ++i) {
    auto other = token;
    other[i] = other[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(read_page_token(shark, q, other)) << i;
  }
  EXPECT_FALSE(read_page_token(shark, q, std::string(100000, 'A')));
  EXPECT_FALSE(read_page_token(shark, *ask({}), token));
  EXPECT_FALSE(read_page_token(shark, *ask({{"$orderby", "name desc"}}), token));
  EXPECT_FALSE(read_page_token(shark, *ask({{"$orderby", "name"}, {"age", "gt:1"}}), token)) << "of other filters";
  const auto other = read_or_fail(library_model);
  EXPECT_FALSE(read_page_token(other.entities[0], q, token));
  EXPECT_THAT(fault({{"$orderby", "name"}, {"$next", token}, {"$offset", "1"}}), HasSubstr("$offset"));
}

TEST_F(list_queries, bind_tokens_to_their_filters_in_whatever_order) {
  const auto token = page_token(shark, *ask({{"age", "gt:1"}, {"name", "in:a,b"}, {"age", "lt:9"}}), {{}, 77});
  EXPECT_TRUE(read_page_token(shark, *ask({{"age", "lt:9"}, {"name", "in:a,b"}, {"age", "gt:1"}}), token));
  EXPECT_TRUE(
      read_page_token(shark, *ask({{"age", "lt:9"}, {"name", "in:a,b"}, {"age", "gt:1"}, {"$limit", "3"}}), token))
      << "how many rows a page has may change";
  for (const query_pairs& others : {query_pairs{{"age", "gt:1"}, {"name", "in:a,b"}},
                                    query_pairs{{"age", "gt:1"}, {"name", "in:a,b"}, {"age", "lt:8"}},
                                    query_pairs{{"age", "gt:1"}, {"name", "in:a"}, {"age", "lt:9"}},
                                    query_pairs{{"age", "gt:1"}, {"name", "in:a,b"}, {"age", "ne:9"}}, query_pairs{}})
    EXPECT_FALSE(read_page_token(shark, *ask(others), token));
  auto related = *read_list_query(shark, {}, {1000, "library/1/books"});
  const auto of_one = page_token(shark, related, {{}, 77});
  EXPECT_TRUE(read_page_token(shark, related, of_one));
  EXPECT_FALSE(read_page_token(shark, *read_list_query(shark, {}, {1000, "library/2/books"}), of_one));
  EXPECT_THAT(fault({{"age", "gt:2"}, {"$next", token}}), HasSubstr("$next"));
}

}  // namespace
}  // namespace troupe
