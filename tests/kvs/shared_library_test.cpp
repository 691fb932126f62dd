#include <cstddef>

#include <gtest/gtest.h>

#include "gateways/shared_library.hpp"

namespace troupe {
namespace {

TEST(shared_library, that_is_not_there_is_named) {
  const auto loaded = shared_library::load("libno_such_thing.so.1");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, errc::unavailable);
  EXPECT_NE(loaded.error().context.find("libno_such_thing.so.1"), std::string::npos) << loaded.error().context;
}

TEST(shared_library, finds_a_function_and_names_one_that_it_lacks) {
  const auto loaded = shared_library::load("libc.so.6");
  ASSERT_TRUE(loaded);
  std::size_t (*length)(const char*) = nullptr;
  ASSERT_TRUE(loaded->find("strlen", length));
  EXPECT_EQ(length("four"), 4u);
  const auto missing = loaded->find("no_such_function", length);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().context.find("no_such_function"), std::string::npos) << missing.error().context;
}

}  // namespace
}  // namespace troupe
