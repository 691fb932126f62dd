// Models: what the replaced generator wrote is taken as it is, and every fault is told with its place.
#include <gmock/gmock.h>

#include "runtime/entities/names.hpp"
#include "tests/entities/models.hpp"

namespace troupe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

TEST(names, of_properties_become_snake_case) {
  const std::pair<const char*, const char*> pairs[] = {{"LibraryID", "library_id"},
                                                       {"Name", "name"},
                                                       {"isoCode", "iso_code"},
                                                       {"HTTPServer", "http_server"},
                                                       {"already_snake", "already_snake"},
                                                       {"ISBN13Code", "isbn13_code"},
                                                       {"A", "a"},
                                                       {"PetOwnerID", "pet_owner_id"},
                                                       {"Type_Name", "type_name"},
                                                       {"", ""}};
  for (const auto& [from, to] : pairs) EXPECT_EQ(snake_case(from), to);
}

TEST(names, of_the_schema_are_cut_before_postgres_cuts_them_and_stay_apart) {
  const std::string a(80, 'a');
  const auto first = schema_name(a + "b", "_ix");
  const auto second = schema_name(a + "c", "_ix");
  EXPECT_EQ(first.size(), 63U);
  EXPECT_NE(first, second);
  EXPECT_TRUE(first.ends_with("_ix"));
  EXPECT_EQ(schema_name("t_a", "_ux"), "t_a_ux");
}

TEST(model, of_the_replaced_generator_is_taken_as_it_is) {
  const auto file = read_model(library_model);
  ASSERT_TRUE(file) << file.error().context;
  ASSERT_EQ(file->model.entities.size(), 2U);
  const auto& library = file->model.entities[0];
  EXPECT_EQ(library.path, "library");
  EXPECT_EQ(library.properties[0].field, "name");
  EXPECT_TRUE(library.properties[0].required && library.properties[0].indexed);
  EXPECT_EQ(library.properties[0].selectable.names(), "eq, like");
  ASSERT_EQ(library.composites.size(), 1U);
  EXPECT_THAT(library.composites[0].fields, ElementsAre("name", "city"));
  ASSERT_EQ(library.relations.size(), 1U);
  EXPECT_THAT(library.relations[0].paths, ElementsAre("tobooks", "books"));
  EXPECT_EQ(library.relations[0].target_field, "library_id");
  const auto& book = file->model.entities[1];
  ASSERT_NE(book.find("library_id"), nullptr);
  ASSERT_TRUE(book.find("library_id")->refers_to);
  EXPECT_EQ(book.find("library_id")->refers_to->entity, 0U);
  EXPECT_EQ(book.relations[0].own_field, "library_id");
  ASSERT_EQ(file->warnings.size(), 1U);
  EXPECT_THAT(file->warnings[0], HasSubstr("like is for text")) << "on a number it is left out";
}

TEST(model, knows_ranges_defaults_ids_and_what_is_not_stored) {
  const auto model = read_or_fail(shark_model);
  const auto& e = model.entities.at(0);
  EXPECT_EQ(e.first_id, 10000000);
  EXPECT_EQ(e.find("age")->highest, 255);
  EXPECT_EQ(e.find("age")->lowest, 0);
  EXPECT_FALSE(e.find("name")->fallback) << "empty text is no default";
  EXPECT_EQ(e.find("is_tagged")->fallback, sql_value(false));
  EXPECT_FALSE(e.find("passing")->stored);
  EXPECT_EQ(e.find("seen_at")->format, "date-time");
}

TEST(model, refers_to_unique_properties_and_makes_columns_that_nobody_declared) {
  const auto model = read_or_fail(owner_model);
  const auto& car = *model.find("car");
  ASSERT_NE(car.find("owner_id"), nullptr);
  EXPECT_FALSE(car.find("owner_id")->required);
  EXPECT_TRUE(car.find("owner_id")->indexed);
  ASSERT_TRUE(car.find("class")->refers_to);
  EXPECT_EQ(car.find("class")->refers_to->field, "class_code");
}

TEST(model, tells_every_fault_with_its_place) {
  const auto file = read_model(R"({"entities": [
    {"typeName": "Select", "properties": {"ID": {"type": "int"}, "order": {"type": "strin"}, "a b": {"type": "bool"},
      "n": {"type": "uint8", "default": 300, "selectable": "eq,between"}, "LibraryID": {"type": "int"},
      "library_id": {"type": "int", "index": "sometimes"}, "r": {"type": "bool", "required": "yes", "default": "maybe"}},
     "compositeIndexes": [{"index": "n"}, {"index": "n, nowhere"}], "id_properties": {"start": -4},
     "relations": [{"relName": "ToGod", "properties": {"relType": "owns", "toEntity": "God"}}]},
    {"typeName": "1st", "properties": []}, {"typeName": "Two"}, 7,
    {"typeName": "pg_class", "properties": {}}, {"typeName": "TWO", "properties": {}}]})");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, errc::bad_config);
  const auto& text = file.error().context;
  for (const char* fault : {"Select.typeName: 'Select' is a reserved word",
                            "Select.properties.ID: 'ID' is reserved",
                            "Select.properties.order: 'order' is a reserved word",
                            "Select.properties.order.type: must be one of string",
                            "Select.properties.a b: a name has",
                            "Select.properties.n.default: must be a value of the property's type, is 300",
                            "Select.properties.n.selectable: 'between' is none of eq",
                            "Select.properties.library_id: another property has the name library_id",
                            "Select.properties.library_id.index: must be empty, unique or nonUnique",
                            "Select.properties.r.required: must be true or false",
                            "Select.properties.r.default: must be",
                            "Select.compositeIndexes[0]: needs two properties",
                            "Select.compositeIndexes[1]: 'nowhere' is no property",
                            "Select.id_properties.start: must be a positive integer",
                            "Select.relations.ToGod.relType: must be hasOne",
                            "1st.typeName: has 1 to 40 letters",
                            "1st.properties: must be an object",
                            "Two.properties: is missing",
                            "entities[3]: must be an object, is an integer",
                            "pg_class.typeName: 'pg_class' is a reserved word",
                            "TWO.typeName: another entity has the name two"})
    EXPECT_TRUE(has(text, fault)) << fault << "\n" << text;
}

TEST(model, tells_targets_that_are_missing_and_columns_that_cannot_refer) {
  const auto faults =
      faults_of(R"("a": {"type": "string", "ref_entity": "Nobody"},
      "b": {"type": "uint8", "ref_entity": "X"}, "c": {"type": "string", "ref_entity": "X"},
      "d": {"type": "string", "ref_entity": "X", "ref_field": "a"})",
                R"(, "relations": [{"relName": "ToY", "properties": {"relType": "hasMany", "toEntity": "Y"}}])");
  EXPECT_TRUE(has(faults, "X.properties.a.ref_entity: there is no entity 'Nobody'")) << faults;
  EXPECT_TRUE(has(faults, "X.b is too narrow for an id")) << faults;
  EXPECT_TRUE(has(faults, "X.c is of another type than what it refers to")) << faults;
  EXPECT_TRUE(has(faults, "'a' is no stored and unique property of X")) << faults;
  EXPECT_TRUE(has(faults, "X.relations.ToY.toEntity: there is no entity 'Y'")) << faults;
}

TEST(model, refuses_circles_and_lets_a_tree_refer_to_itself) {
  const auto circle = read_model(R"({"entities": [
    {"typeName": "A", "properties": {}, "relations": [{"relName": "ToB", "properties": {"relType": "belongsTo", "toEntity": "B"}}]},
    {"typeName": "B", "properties": {}, "relations": [{"relName": "ToC", "properties": {"relType": "belongsTo", "toEntity": "C"}}]},
    {"typeName": "C", "properties": {"AID": {"type": "int", "required": true}},
     "relations": [{"relName": "ToA", "properties": {"relType": "belongsTo", "toEntity": "A", "refKey": "AID"}}]}]})");
  ASSERT_FALSE(circle);
  EXPECT_TRUE(has(circle.error().context, "A -> B -> C -> A: they belong to each other in a circle"))
      << circle.error().context;
  EXPECT_TRUE(has(faults_of(R"("ParentID": {"type": "int", "required": true, "ref_entity": "X"})"), "X -> X"));
  EXPECT_EQ(faults_of(R"("ParentID": {"type": "int", "ref_entity": "X"})"), "");
}

TEST(model, warns_of_what_it_does_not_know_and_refuses_what_is_no_json) {
  const auto file = read_model(R"json({"entities": [{"typeName": "X", "colour": 1, "properties":
      {"a": {"type": "string", "format": "isbn", "db_type": "varchar(20)", "shiny": true}}}], "comment": "hello"})json");
  ASSERT_TRUE(file) << file.error().context;
  EXPECT_EQ(file->warnings.size(), 5U);
  for (const char* bad : {"", "{", "[]", "{}", R"({"entities": []})", R"({"entities": {}})", "nul", "\xff",
                          R"({"entities": [{"typeName": "X", "typeName": "Y", "properties": {}}]})"})
    EXPECT_FALSE(read_model(bad)) << bad;
  EXPECT_FALSE(read_model(std::string(100000, '[')));
}

TEST(model, survives_every_cut_of_its_text) {
  for (std::size_t size = 0; size < library_model.size(); ++size)
    EXPECT_FALSE(read_model(library_model.substr(0, size)));
}

TEST(model, keeps_its_limits) {
  std::string many;
  for (int i = 0; i <= 100; ++i) many += (i == 0 ? "\"p" : ", \"p") + std::to_string(i) + R"(": {"type": "int"})";
  EXPECT_TRUE(has(faults_of(many), "has more than 100"));
  std::string wrong;
  for (int i = 0; i < 99; ++i)
    wrong += (i == 0 ? "\"p" : ", \"p") + std::to_string(i) + R"(": {"type": "x", "index": "y"})";
  EXPECT_TRUE(has(faults_of(wrong), "and 98 more")) << "faults are counted beyond a hundred";
}

}  // namespace
}  // namespace troupe
