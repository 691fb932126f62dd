// Which members a `where` allows, and which is taken first.
#include "runtime/registry/choice.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

member one(const std::string& name, std::map<std::string, std::string> tags = {},
           member_state state = member_state::alive) {
  member m;
  m.name = name;
  m.id = {1, static_cast<std::uint64_t>(name.front())};
  m.state = state;
  m.address = name + ":7070";
  m.tags = std::move(tags);
  m.tags.emplace(actors_tag, "1");
  return m;
}

struct choice : ::testing::Test {
  cluster_view view;
  random rng{5};
  distances far{{"b", 30ms}, {"c", 2ms}};

  choice() {
    view.members = {one("a"), one("b", {{"role", "worker,printer"}, {"zone", "eu"}}), one("c", {{"role", "worker"}}),
                    one("d", {{"role", "printer"}}, member_state::departing), one("e", {}, member_state::failed)};
    view.members[0].services = {"http"};
    view.id = view.members[0].id;
    view.node = "a";
  }
  std::string names(const where& w) {
    const auto found = choose(view, w, far, rng);
    if (!found) return std::string(name_of(found.error().code));
    std::string all;
    for (const auto& c : *found) all += c.name;
    return all;
  }
};

TEST_F(choice, takes_members_that_live_and_no_others) {
  EXPECT_EQ(names(where::all()), "abc");
  EXPECT_EQ(names(where::here()), "a");
  EXPECT_EQ(names(where::on("b")), "b");
  std::set<std::string> first;
  for (int i = 0; i < 100; ++i) first.insert(names(where::any()).substr(0, 1));
  EXPECT_EQ(first, (std::set<std::string>{"a", "b", "c"}));
}

TEST_F(choice, knows_roles_by_tag_and_by_service) {
  EXPECT_EQ(names(where::all().in_role("worker")), "bc");
  EXPECT_EQ(names(where::role("printer")), "b") << "d leaves";
  EXPECT_EQ(names(where::role("http")), "a");
  EXPECT_EQ(names(where::role("work")), "not_found") << "no part of a word";
  EXPECT_EQ(names(where::all().with_tag("zone", "eu")), "b");
  EXPECT_EQ(names(where::all().in_role("worker").with_tag("zone", "us")), "not_found");
}

TEST_F(choice, orders_by_distance_and_takes_this_node_first) {
  EXPECT_EQ(names(where::nearest()), "acb");
  EXPECT_EQ(names(where::nearest().in_role("worker")), "cb");
  far.erase("c");
  EXPECT_EQ(names(where::nearest().in_role("worker")), "bc") << "who is not known is last";
}

TEST_F(choice, says_why_a_named_member_cannot_be_taken) {
  EXPECT_EQ(names(where::on("nobody")), "not_found");
  EXPECT_EQ(names(where::on("d")), "unavailable");
  EXPECT_EQ(names(where::on("e")), "unavailable");
  const auto why = choose(view, where::on("d"), far, rng).error().context;
  EXPECT_NE(why.find("departing"), std::string::npos) << why;
  view.members.push_back(one("f"));
  view.members.back().tags.clear();
  EXPECT_EQ(names(where::on("f")), "unavailable") << "it runs no actors";
  EXPECT_EQ(names(where::on("a").in_role("worker")), "not_found");
}

}  // namespace
}  // namespace troupe
