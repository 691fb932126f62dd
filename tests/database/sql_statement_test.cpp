// What is taken from the text of a statement, and what is refused.
#include <gtest/gtest.h>

#include <troupe/sql_statement.hpp>

#include "runtime/database/sql_scanner.hpp"
#include "runtime/database/statement_catalogue.hpp"

namespace troupe {
namespace {

constexpr auto lite = sql_dialect::sqlite;
constexpr auto pg = sql_dialect::postgres;

expected<sql_statement> parse(std::string_view text, sql_dialect d = pg) {
  return sql_statement::parse("s", text, d, 1);
}
std::string text_of(std::string_view text, sql_dialect d) {
  const auto s = parse(text, d);
  return s ? s->text() : s.error().context;
}
errc code_of(std::string_view text, sql_dialect d = pg) {
  const auto s = parse(text, d);
  return s ? errc::ok : s.error().code;
}

TEST(sql_statement, parameters_are_written_as_the_database_wants_them) {
  EXPECT_EQ(text_of("select a from t where b = ? and c = ?", pg), "select a from t where b = $1 and c = $2");
  EXPECT_EQ(text_of("select a from t where b = $1 and c = $2", lite), "select a from t where b = ?1 and c = ?2");
  EXPECT_EQ(text_of("select ?2, ?1, ?2", pg), "select $2, $1, $2");
  EXPECT_EQ(parse("select ?2, ?1, ?2")->parameters(), 2u);
  EXPECT_EQ(parse("select 1")->parameters(), 0u);
}

TEST(sql_statement, what_stands_in_quotes_and_comments_is_left_alone) {
  for (const auto* text : {"select '?', \"a?\", 1 -- ?\n", "select /* ? $1 */ 1", "select 'it''s ?'"}) {
    for (const auto d : {lite, pg}) EXPECT_EQ(text_of(text, d), text);
  }
  EXPECT_EQ(text_of("select E'\\'?', $tag$ ? ; $x$ $tag$", pg), "select E'\\'?', $tag$ ? ; $x$ $tag$");
  EXPECT_EQ(text_of("select /* a /* ? */ ; */ 1", pg), "select /* a /* ? */ ; */ 1");
  EXPECT_EQ(text_of("select [a?], `b?` from t", lite), "select [a?], `b?` from t");
  EXPECT_EQ(parse("select a$1 from t")->parameters(), 0u) << "a name that holds a dollar sign";
}

TEST(sql_statement, one_statement_and_nothing_else) {
  EXPECT_EQ(code_of("select 1;"), errc::ok);
  EXPECT_EQ(code_of("select 1; -- the end\n /* really */ ;"), errc::ok);
  EXPECT_EQ(code_of("select 1; drop table t"), errc::invalid_argument);
  for (const auto* text : {"", "  -- nothing\n", ";", "select 'a", "select \"a", "select /* a", "select $x$ a"}) {
    EXPECT_EQ(code_of(text), errc::invalid_argument) << text;
  }
  EXPECT_EQ(code_of(std::string_view("select\0 1", 9)), errc::invalid_argument);
  EXPECT_EQ(code_of(std::string(sql_statement::text_bytes_max + 1, ' ')), errc::too_large);
}

TEST(sql_statement, parameters_that_cannot_be_meant_are_refused) {
  for (const auto* text : {"select ?, ?2", "select $1, ?", "select $2", "select $1, $3", "select ?0", "select $0",
                           "select ?99999999999999999999"}) {
    EXPECT_EQ(code_of(text), errc::invalid_argument) << text;
  }
  EXPECT_EQ(code_of("select ?40000"), errc::too_large);
}

TEST(sql_statement, nothing_ends_a_transaction_or_changes_the_connection) {
  for (const auto* text :
       {"BEGIN", "commit", "Rollback", "savepoint a", "release a", "set search_path to other", "reset role",
        "attach 'x' as y", "copy t from stdin", "listen c", "do $$ $$", "pragma foreign_keys = off",
        "select set_config('search_path', 'other', false)", "/* */ end"}) {
    EXPECT_EQ(code_of(text), errc::invalid_argument) << text;
  }
}

TEST(sql_statement, nothing_stays_with_the_connection_that_others_use_too) {
  for (const auto* text :
       {"select \"set_config\"('search_path', 'other', false)", "select U&\"\\0073et_config\"('a', 'b', false)",
        "update pg_settings set setting = 'other' where name = 'search_path'", "select pg_advisory_lock(1)",
        "select pg_catalog.pg_try_advisory_lock(1)", "create temp table book(a int)",
        "create local temporary table book(a int)", "create or replace temp view book as select 1",
        "select 1 as a into temp book", "create table pg_temp.book(a int)", "create table \"pg_temp_3\".book(a int)"}) {
    EXPECT_EQ(code_of(text), errc::invalid_argument) << text;
  }
  for (const auto* text :
       {"create table temp(temporary int)", "insert into temp values (1)", "select pg_advisory_xact_lock(1)",
        "select a & \"b\" from t", "create unlogged table t(temp int)"}) {
    EXPECT_EQ(code_of(text), errc::ok) << text;
  }
}

TEST(sql_statement, two_question_marks_are_one_that_is_no_parameter) {
  EXPECT_EQ(text_of("select a ?? ?1, a ??| ?2, a ??& ?2 from t", pg), "select a ? $1, a ?| $2, a ?& $2 from t");
  EXPECT_EQ(parse("select a ?? 'b' from t")->parameters(), 0u);
}

TEST(sql_statement, says_whether_it_writes) {
  for (const auto* text : {"select 1", "SELECT \"update\" from t", "with a as (select 1) select * from a", "values (1)",
                           "explain select 1", "select replace(a, 'b', 'c') from t", "select 'delete'"}) {
    EXPECT_FALSE(parse(text)->writes()) << text;
  }
  for (const auto* text : {"insert into t values (1)", "with a as (delete from t returning *) select * from a",
                           "select * from t for update", "select nextval('s')", "explain analyze select 1",
                           "select 1 into t", "create table t(a int)", "select pg_notify('a', 'b')"}) {
    EXPECT_TRUE(parse(text)->writes()) << text;
  }
}

TEST(sql_statement, names_are_short_and_plain) {
  EXPECT_TRUE(sql_statement::parse("book.find_by-id2", "select 1", pg, 0));
  for (const std::string& name : {std::string(), std::string("a b"), std::string("a\"b"), std::string(65, 'a')}) {
    EXPECT_EQ(sql_statement::parse(name, "select 1", pg, 0).error().code, errc::invalid_argument) << name;
  }
}

TEST(sql_statement, the_scanner_loses_no_byte_of_any_text_cut_anywhere) {
  const std::string text =
      "select E'a\\'b', $t$x$t$, \"q\"\"r\", [s], `u`, ?1, $2 -- c\n/* d /* e */ f */ from \xc3\xa9;1.5e3";
  for (const auto d : {lite, pg}) {
    for (std::size_t size = 0; size <= text.size(); ++size) {
      const auto cut = std::string_view(text).substr(0, size);
      sql_scanner scan(cut, d);
      std::string seen;
      for (auto p = scan.next(); p.kind != sql_token::end; p = scan.next()) {
        ASSERT_FALSE(p.text.empty());
        seen += p.text;
      }
      EXPECT_EQ(seen, cut);
    }
  }
}

TEST(statement_catalogue, a_name_has_one_text) {
  statement_catalogue all(pg);
  const auto first = all.prepare("a", "select ?");
  EXPECT_EQ(all.prepare("a", "select ?")->id(), first->id());
  EXPECT_NE(all.prepare("b", "select ?")->id(), first->id());
  EXPECT_EQ(all.prepare("a", "select 2").error().code, errc::invalid_argument);
}

TEST(statement_catalogue, names_are_bounded) {
  statement_catalogue all(pg);
  for (std::size_t i = 0; i < database::statements_max; ++i)
    ASSERT_TRUE(all.prepare("n" + std::to_string(i), "select 1"));
  EXPECT_EQ(all.prepare("more", "select 1").error().code, errc::too_large);
  EXPECT_TRUE(all.prepare("n7", "select 1"));
}

}  // namespace
}  // namespace troupe
