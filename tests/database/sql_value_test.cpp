// Typed access to rows: what fits, and what the error says of what does not.
#include <gtest/gtest.h>

#include <troupe/sql_value.hpp>

namespace troupe {
namespace {

sql_result sample() {
  sql_result r;
  r.columns = std::make_shared<sql_columns>(sql_columns{"id", "name", "price", "paid", "bytes", "nothing"});
  r.rows.push_back({std::int64_t{7}, "Ada", 1.5, true, blob{"\0x"}, std::monostate{}});
  return r;
}

TEST(sql_value, each_type_is_read_by_name_and_by_place) {
  const auto r = sample();
  EXPECT_EQ(*r.get<std::int64_t>(0, "id"), 7);
  EXPECT_EQ(*r.get<std::string>(0, 1), "Ada");
  EXPECT_EQ(*r.get<double>(0, "price"), 1.5);
  EXPECT_TRUE(*r.get<bool>(0, "paid"));
  EXPECT_EQ(r.get<blob>(0, "bytes")->bytes, std::string("\0x"));
  EXPECT_EQ(*r.get<std::optional<std::string>>(0, "nothing"), std::nullopt);
  EXPECT_EQ(*r.get<std::optional<std::string>>(0, "name"), "Ada");
}

TEST(sql_value, a_wrong_type_is_told_with_the_column) {
  const auto r = sample();
  const auto wrong = r.get<std::int64_t>(0, "name");
  EXPECT_EQ(wrong.error().code, errc::invalid_argument);
  EXPECT_EQ(wrong.error().context, "column name is text, not int64");
  EXPECT_EQ(r.get<std::string>(0, "nothing").error().context, "column nothing is null, not text");
  EXPECT_EQ(r.get<std::string>(0, "bytes").error().code, errc::invalid_argument);
  EXPECT_EQ(r.get<std::optional<bool>>(0, "id").error().code, errc::invalid_argument);
}

TEST(sql_value, what_is_not_there_is_not_found) {
  const auto r = sample();
  EXPECT_EQ(r.get<std::int64_t>(1, "id").error().code, errc::not_found);
  EXPECT_EQ(r.get<std::int64_t>(0, "other").error().code, errc::not_found);
  EXPECT_EQ(r.get<std::int64_t>(0, 6).error().code, errc::not_found);
  EXPECT_EQ(sql_result{}.get<bool>(0, "a").error().code, errc::not_found);
}

TEST(sql_value, numbers_are_read_as_others_only_where_nothing_is_lost) {
  sql_result r;
  r.rows.push_back({std::int64_t{1}, std::int64_t{2}, std::int64_t{1} << 60, 1.0});
  EXPECT_TRUE(*r.get<bool>(0, 0));
  EXPECT_FALSE(r.get<bool>(0, 1));
  EXPECT_EQ(*r.get<double>(0, 1), 2.0);
  EXPECT_FALSE(r.get<double>(0, 2));
  EXPECT_FALSE(r.get<std::int64_t>(0, 3));
}

}  // namespace
}  // namespace troupe
