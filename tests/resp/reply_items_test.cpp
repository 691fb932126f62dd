#include "gateways/resp/reply_items.hpp"

#include <gtest/gtest.h>

namespace troupe::resp {
namespace {

TEST(reply_items, takes_an_array_apart) {
  const std::string_view reply = "*6\r\n+OK\r\n:5\r\n$3\r\na\r\n\r\n*2\r\n$-1\r\n%1\r\n+k\r\n_\r\n-ERR no\r\n*-1\r\n";
  const auto items = items_of(reply);
  ASSERT_TRUE(items);
  const std::vector<std::string_view> expected{
      "+OK\r\n", ":5\r\n", "$3\r\na\r\n\r\n", "*2\r\n$-1\r\n%1\r\n+k\r\n_\r\n", "-ERR no\r\n", "*-1\r\n"};
  EXPECT_EQ(*items, expected);
  EXPECT_EQ(items_of("*0\r\n")->size(), 0u);
}

TEST(reply_items, what_is_no_array_or_cut_off_has_no_items) {
  for (const auto* text : {"", "*", "*-1\r\n", "_\r\n", "-ERR x\r\n", "*1\r\n", "*1\r\n$5\r\nabc\r\n", "*2\r\n+a\r\n"})
    EXPECT_FALSE(items_of(text)) << text;
  const std::string whole = "*2\r\n$3\r\nabc\r\n~1\r\n:1\r\n";
  for (std::size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(items_of(whole.substr(0, n))) << n;
}

}  // namespace
}  // namespace troupe::resp
