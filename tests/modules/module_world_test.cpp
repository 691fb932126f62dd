// What a node can import, read from the picture of the cluster.
#include "runtime/modules/module_world.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

member member_of(const std::string& name, std::uint64_t id, std::vector<std::string> services) {
  member m;
  m.name = name;
  m.id = {1, id};
  m.address = name + ":7070";
  m.services = std::move(services);
  return m;
}

cluster_view view_of(std::vector<member> others) {
  cluster_view v;
  v.node = "n1";
  v.id = {1, 1};
  v.members = std::move(others);
  v.members.push_back(member_of("n1", 1, {"http", "shop"}));
  return v;
}

TEST(module_world, has_the_services_here_with_why_they_do_not_run) {
  auto v = view_of({});
  v.services = {{"http", service_state::running, "", {}},
                {"db", service_state::degraded, "disk full", {}},
                {"kvs", service_state::stopped, "", {}},
                {"shop", service_state::running, "", {}}};
  const auto w = world_of(v, {"http", "db", "kvs"});
  EXPECT_EQ(w.services, (std::map<std::string, std::string>{
                            {"http", ""}, {"db", "is degraded: disk full"}, {"kvs", "is stopped"}}));
  EXPECT_FALSE(w.others);
  EXPECT_EQ(w.address, "n1:7070");
  EXPECT_TRUE(w.elsewhere.empty()) << "its own exports are the machine's";
}

TEST(module_world, has_what_live_members_run_and_export) {
  auto good = member_of("n3", 3, {"shop", "db", "entities/-books"});
  good.tags["export.shop"] = "port=99;path=/a%3bb";
  auto gone = member_of("n4", 4, {"shop"});
  gone.state = member_state::failed;
  auto leaving = member_of("n5", 5, {"shop"});
  leaving.state = member_state::departing;
  auto doubtful = member_of("n2", 2, {"shop"});
  doubtful.state = member_state::suspect;
  auto flapping = member_of("n6", 6, {"shop"});
  flapping.quarantined = true;
  const auto w = world_of(view_of({good, gone, leaving, doubtful, flapping}), {"db"});
  ASSERT_EQ(w.elsewhere.at("shop").size(), 3u);
  const auto& first = w.elsewhere.at("shop")[0];
  const auto& second = w.elsewhere.at("shop")[1];
  EXPECT_EQ(first.source.member, "n2");
  EXPECT_FALSE(first.steady);
  EXPECT_EQ(second.source.member, "n3");
  EXPECT_TRUE(second.steady);
  EXPECT_EQ(second.source.variables, (export_variables{{"port", "99"}, {"path", "/a;b"}}));
  EXPECT_FALSE(w.elsewhere.at("shop")[2].steady);
  EXPECT_EQ(w.elsewhere.at("db").size(), 1u);
  EXPECT_FALSE(w.elsewhere.contains("entities/-books"));
  EXPECT_TRUE(w.others);
}

TEST(module_world, does_not_take_an_earlier_process_of_this_node_for_another) {
  const auto w = world_of(view_of({member_of("n1", 9, {"shop"})}), {});
  EXPECT_TRUE(w.elsewhere.empty());
  EXPECT_FALSE(w.others);
}

TEST(export_variables, go_through_a_tag_and_back) {
  std::string all;
  for (int c = 0; c < 64; ++c) all.push_back(static_cast<char>(c * 4));
  for (const export_variables& v :
       {export_variables{}, export_variables{{"a", ""}}, export_variables{{"a", "x=y;z%"}, {"b.c_d-e", "ü"}},
        export_variables{{"all", all}}}) {
    const auto text = text_of(v);
    ASSERT_TRUE(text);
    for (const char c : *text) EXPECT_TRUE(c >= 0x20 && c < 0x7f);
    EXPECT_EQ(read_export_variables(*text), v);
  }
}

TEST(export_variables, are_refused_when_they_cannot_travel) {
  EXPECT_EQ(text_of({{"a b", "1"}}).error().code, errc::invalid_argument);
  EXPECT_EQ(text_of({{"", "1"}}).error().code, errc::invalid_argument);
  EXPECT_EQ(text_of({{"a", std::string(255, 'x')}}).error().code, errc::too_large);
  EXPECT_TRUE(text_of({{"a", std::string(254, 'x')}}));
}

TEST(export_variables, that_are_damaged_are_read_as_far_as_they_can) {
  EXPECT_EQ(read_export_variables("a=1;;=2;b;c=%;d=%4;e=%zz;f=%41;g h=3"), (export_variables{{"a", "1"}, {"f", "A"}}));
  const std::string whole = "a=%41;b=2";
  for (std::size_t n = 0; n < whole.size(); ++n) (void)read_export_variables(whole.substr(0, n));
}

}  // namespace
}  // namespace troupe
