#include "runtime/base/error.hpp"

#include <set>

#include <gtest/gtest.h>

namespace troupe {
namespace {

TEST(error, every_code_has_a_face_with_its_own_name) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(errc_last); ++code) {
    const auto& face = face_of(static_cast<errc>(code));
    EXPECT_FALSE(face.message.empty());
    EXPECT_GE(face.http_status, 200);
    EXPECT_TRUE(names.insert(face.name).second) << face.name;
  }
}

TEST(error, names_stand_at_their_codes) {
  EXPECT_EQ(name_of(errc::stale_term), "stale_term");
  EXPECT_EQ(name_of(errc::outcome_unknown), "outcome_unknown");
  EXPECT_EQ(name_of(errc::not_implemented), "not_implemented");
}

TEST(error, describe_joins_message_and_context) {
  EXPECT_EQ(describe({errc::corrupt, "votes.bin"}), "the bytes are damaged: votes.bin");
  EXPECT_EQ(describe({errc::corrupt, ""}), "the bytes are damaged");
}

}  // namespace
}  // namespace troupe
