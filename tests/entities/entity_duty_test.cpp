// Which entities a node serves, what it tells of it, and who is asked.
#include <gmock/gmock.h>

#include "runtime/base/random.hpp"
#include "runtime/entities/entity_duty.hpp"
#include "tests/entities/models.hpp"

namespace troupe {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using words = std::vector<std::string>;

// The services that a node with this duty tells.
words told(const entity_duty& d) {
  words services{"http", "db", "entities"};
  for (auto& mark : d.marks()) services.push_back(std::move(mark));
  return services;
}

entity_model model_of(int entities) {
  entity_model model;
  for (int i = 0; i < entities; ++i) {
    entity_spec e;
    e.type_name = "E" + std::to_string(i);
    e.path = "e" + std::to_string(i);
    model.entities.push_back(e);
  }
  return model;
}

member member_named(const std::string& name, const words& services, member_state state = member_state::alive) {
  member m;
  m.name = name;
  m.id.low = static_cast<std::uint64_t>(name.front());
  m.state = state;
  m.address = name + ":1";
  m.services = services;
  return m;
}

words names_of(const std::vector<const member*>& places) {
  words names;
  for (const auto* m : places) names.push_back(m->name);
  return names;
}

TEST(entity_duty, serves_all_unless_told_otherwise) {
  const auto model = read_or_fail(library_model);
  EXPECT_THAT(entity_duty::of(model, {}, {}).marks(), IsEmpty());
  const auto some = entity_duty::of(model, {"Library"}, {});
  EXPECT_TRUE(some.is_on("library"));
  EXPECT_FALSE(some.is_on("book"));
  const auto others = entity_duty::of(model, {}, {"library"});
  EXPECT_FALSE(others.is_on("library")) << "by its path as well";
  EXPECT_TRUE(others.is_on("book"));
  EXPECT_FALSE(others.is_on("shelf")) << "of no model";
}

TEST(entity_duty, tells_the_shorter_list) {
  const auto model = read_or_fail(owner_model);  // owner, car, carclass
  EXPECT_THAT(entity_duty::of(model, {"Car"}, {}).marks(), ElementsAre("entities/car"));
  EXPECT_THAT(entity_duty::of(model, {}, {"Car"}).marks(), ElementsAre("entities/-car"));
  EXPECT_THAT(entity_duty::of(model, {}, {"Car", "Owner", "CarClass"}).marks(), ElementsAre("entities/"));
}

TEST(entity_duty, is_understood_by_others_as_it_was_meant) {
  const auto model = model_of(30);
  random chance(7);
  for (int round = 0; round < 200; ++round) {
    auto d = entity_duty::of(model, {}, {});
    for (int i = 0; i < 30; ++i) (void)d.turn("e" + std::to_string(i), chance.below(4) != 0);
    const auto services = told(d);
    for (const auto& [path, on] : d.all()) EXPECT_EQ(tells_entity(services, path), on) << path;
    EXPECT_LE(services.size(), 3 + entity_marks_max);
    EXPECT_TRUE(tells_entity(services, "")) << "the model is there in any case";
  }
  EXPECT_FALSE(tells_entity({"http", "db"}, "e1"));
  EXPECT_FALSE(tells_entity({"http", "db"}, ""));
  EXPECT_FALSE(tells_entity({"entities", "entities/"}, "e1"));
}

TEST(entity_duty, refuses_to_tell_too_much_and_stays_as_it_was) {
  const auto model = model_of(40);
  auto d = entity_duty::of(model, {}, {});
  for (int i = 0; i < 16; ++i) ASSERT_TRUE(d.turn("e" + std::to_string(i), false));
  const auto one_more = d.turn("e16", false);
  ASSERT_FALSE(one_more);
  EXPECT_EQ(one_more.error().code, errc::too_large);
  EXPECT_TRUE(d.is_on("e16"));
  EXPECT_EQ(*d.turn("e3", false), false) << "it was off";
  EXPECT_EQ(d.turn("e99", true).error().code, errc::not_found);
  words many;
  for (int i = 0; i < 20; ++i) many.push_back("E" + std::to_string(i));
  EXPECT_FALSE(entity_duty::of(model, {}, many).check());
}

TEST(entity_duty, asks_others_that_live_and_serve_the_entity_each_in_its_turn) {
  cluster_view v;
  v.id = member_named("a", {}).id;
  v.members = {member_named("a", {"entities"}),
               member_named("b", {"entities", "entities/book"}),
               member_named("c", {"entities", "entities/-book"}),
               member_named("d", {"entities"}),
               member_named("e", {"http"}),
               member_named("f", {"entities"}, member_state::failed),
               member_named("g", {"entities"}, member_state::departing)};
  EXPECT_THAT(names_of(places_of_entity(v, "book", 0)), ElementsAre("b", "d"));
  EXPECT_THAT(names_of(places_of_entity(v, "book", 1)), ElementsAre("d", "b"));
  EXPECT_THAT(names_of(places_of_entity(v, "library", 0)), ElementsAre("c", "d"));
  EXPECT_THAT(names_of(places_of_entity(v, "", 2)), ElementsAre("d", "b")) << "any model will do";
  v.members[1].state = member_state::suspect;
  v.members[3].quarantined = true;
  EXPECT_THAT(names_of(places_of_entity(v, "book", 0)), ElementsAre("b", "d")) << "better than nobody";
  v.members[3].quarantined = false;
  EXPECT_THAT(names_of(places_of_entity(v, "book", 0)), ElementsAre("d", "b"));
  v.members[3].address.clear();
  v.members[1].state = member_state::departed;
  EXPECT_THAT(names_of(places_of_entity(v, "book", 5)), ElementsAre("c")) << "it may have turned it on meanwhile";
  v.members[2].state = member_state::failed;
  EXPECT_THAT(places_of_entity(v, "book", 5), IsEmpty());
}

}  // namespace
}  // namespace troupe
