// What an error of PostgreSQL means for its caller and for the connection.
#include "runtime/database/sqlstate.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

TEST(sqlstate, a_plan_that_no_longer_fits_is_known_by_its_place_and_not_by_words_of_some_language) {
  EXPECT_TRUE(spoils_prepared("0A000", "RevalidateCachedQuery"));
  EXPECT_FALSE(spoils_prepared("0A000", "cached plan must not change result type"));
  EXPECT_TRUE(spoils_prepared("26000", ""));
  EXPECT_FALSE(spoils_prepared("42P01", "RevalidateCachedQuery"));
}

TEST(sqlstate, a_server_that_goes_down_or_takes_no_writes_is_left) {
  for (const auto* state : {"57P01", "57P03", "08006", "25006", "25P03"})
    EXPECT_TRUE(spoils_connection(state)) << state;
  for (const auto* state : {"", "57014", "23505", "40001", "25P02"}) EXPECT_FALSE(spoils_connection(state)) << state;
}

TEST(sqlstate, each_class_has_its_code) {
  EXPECT_EQ(code_of_sqlstate("23505"), errc::already_exists);
  EXPECT_EQ(code_of_sqlstate("40P01"), errc::conflict);
  EXPECT_EQ(code_of_sqlstate("57014"), errc::deadline_exceeded);
  EXPECT_EQ(code_of_sqlstate("53300"), errc::unavailable);
  EXPECT_EQ(code_of_sqlstate("22012"), errc::invalid_argument);
  EXPECT_EQ(code_of_sqlstate(""), errc::unavailable);
}

}  // namespace
}  // namespace troupe
