// `troupe leader` against several programs: the lead moves, and who watches sees it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/process/process_cluster.hpp"

namespace troupe::test {
namespace {

using testing::HasSubstr;

TEST(leader_program, hands_the_lead_over_and_shows_the_change_to_who_watches) {
  process_cluster cluster(3);
  const auto url = [&](std::size_t i) { return "http://" + cluster.at(i).http; };
  program watch({"leader", "--watch", "--count", "2", "--http", url(0)});
  ASSERT_TRUE(watch.wait_for("fenced")) << "the present leader comes first: " << watch.err();
  // The first may come before the watch listens.
  ASSERT_TRUE(eventually([&] {
    const auto o = run({"leader", "resign", "--http", url(1)});
    EXPECT_EQ(o.exit_code, 0) << o.err;
    EXPECT_THAT(o.out, HasSubstr(" leads term "));
    return watch.wait_exit(std::chrono::milliseconds(200)) == 0;
  }));
  watch.join_readers();
  EXPECT_THAT(watch.out(), HasSubstr("leader_elected"));
  EXPECT_THAT(watch.out(), HasSubstr("change=resigned"));
  const auto leader = cluster.at(0).get("/v1/cluster/leader")["name"].get<std::string>();
  const std::string to = leader == "n1" ? "n2" : "n1";
  auto o = run({"leader", "transfer", to, "--json", "--http", url(2)});
  EXPECT_EQ(o.exit_code, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("\"name\":\"" + to + "\""));
  o = run({"leader", "transfer", to, "--http", url(2)});
  EXPECT_EQ(o.exit_code, 1);
  EXPECT_THAT(o.err, HasSubstr(to + " leads already"));
}

}  // namespace
}  // namespace troupe::test
