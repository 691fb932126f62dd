#include "runtime/entities/cached_row.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

TEST(cached_row, reads_back_what_was_packed) {
  const auto bytes = pack_cached_row(INT64_MAX, R"({"id":7})");
  const auto row = read_cached_row(bytes);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->version, INT64_MAX);
  EXPECT_EQ(row->text, "{\"id\":7}\n");
}

TEST(cached_row, other_bytes_are_no_row) {
  for (const std::string bytes : {"", "1234567", "12345678", "12345678{}", "\n"}) EXPECT_FALSE(read_cached_row(bytes));
}

TEST(cached_row, a_key_is_the_path_of_the_row) {
  EXPECT_EQ(text_of({"book", 7}), "book/7");
  const auto key = read_cached_row_key("book/9223372036854775807");
  ASSERT_TRUE(key);
  EXPECT_EQ(key->entity, "book");
  EXPECT_EQ(key->id, INT64_MAX);
  for (const char* text : {"", "book", "book/", "book/0", "book/-1", "book/1x", "book/7/8", "book/9223372036854775808"})
    EXPECT_FALSE(read_cached_row_key(text)) << text;
}

}  // namespace
}  // namespace troupe
