// Names in quotes, rows in COPY's text format.
#include "runtime/database/bulk_statement.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

TEST(bulk_statement, names_are_quoted) {
  const bulk_target into{"bo\"oks", {"id", "drop table x; --"}};
  EXPECT_EQ(*insert_text(into, sql_dialect::sqlite),
            "insert into \"bo\"\"oks\"(\"id\", \"drop table x; --\") values(?1, ?2)");
  EXPECT_EQ(*insert_text({"t", {"a"}}, sql_dialect::postgres), "insert into \"t\"(\"a\") values($1)");
  EXPECT_EQ(*copy_text({"t", {"a", "b"}}), "copy \"t\"(\"a\", \"b\") from stdin");
}

TEST(bulk_statement, names_that_are_none_are_refused) {
  EXPECT_FALSE(copy_text({"", {"a"}}));
  EXPECT_FALSE(copy_text({"t", {}}));
  EXPECT_FALSE(copy_text({"t", {std::string("a\0b", 3)}}));
  EXPECT_FALSE(copy_text({std::string(64, 't'), {"a"}}));
}

TEST(bulk_statement, rows_are_escaped) {
  std::string text;
  ASSERT_TRUE(append_copy_row(text, {std::monostate{}, true, std::int64_t{-5}, 0.5, "a\tb\\N\nc\r", blob{"\x01\xff"}}));
  EXPECT_EQ(text, "\\N\tt\t-5\t0.5\ta\\tb\\\\N\\nc\\r\t\\\\x01ff\n");
  EXPECT_EQ(append_copy_row(text, {std::string("a\0b", 3)}).error().code, errc::invalid_argument);
}

TEST(bulk_statement, a_row_of_another_width_is_refused_with_its_number) {
  EXPECT_TRUE(check_bulk_row({"t", {"a"}}, {std::int64_t{1}}, 0));
  EXPECT_EQ(check_bulk_row({"t", {"a"}}, {}, 4).error().context, "row 5 has 0 values for 1 columns");
}

}  // namespace
}  // namespace troupe
