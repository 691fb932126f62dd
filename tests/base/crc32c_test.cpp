#include "runtime/base/crc32c.hpp"

#include <string>

#include <gtest/gtest.h>

namespace troupe {
namespace {

TEST(crc32c, is_that_of_rfc_3720) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
}

TEST(crc32c, goes_on_from_any_place) {
  const std::string text = "The quick brown fox jumps over the lazy dog";
  for (std::size_t i = 0; i <= text.size(); ++i)
    EXPECT_EQ(crc32c(text.substr(i), crc32c(text.substr(0, i))), crc32c(text)) << i;
}

}  // namespace
}  // namespace troupe
