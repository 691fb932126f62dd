// Rows on their way in and out: JSON, the model's rules, formats.
#include <gmock/gmock.h>

#include "runtime/entities/constraint_faults.hpp"
#include "runtime/entities/fields.hpp"
#include "runtime/entities/formats.hpp"
#include "runtime/entities/json_schema.hpp"
#include "runtime/entities/json_text.hpp"
#include "runtime/entities/row_text.hpp"
#include "tests/entities/models.hpp"

namespace troupe {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

struct fields : ::testing::Test {
  std::vector<std::string> faults_of(entity_operation operation, const std::string& json) {
    auto sent = read_fields(shark, json, 0);
    if (!sent) return sent.error().errors.empty() ? std::vector<std::string>{sent.error().detail} : sent.error().errors;
    std::vector<std::string> faults;
    check_fields(shark, operation, sent->rows[0], {}, faults);
    last = sent->rows[0];
    return faults;
  }
  const entity_model model = read_or_fail(shark_model);
  const entity_spec& shark = model.entities.at(0);
  entity_fields last;
};

TEST_F(fields, get_their_defaults_and_the_type_of_their_property) {
  EXPECT_THAT(faults_of(entity_operation::create, R"({"name": "Bruce", "weight": 7})"), ElementsAre());
  EXPECT_EQ(last.at("weight"), sql_value(7.0));
  EXPECT_EQ(last.at("is_tagged"), sql_value(false));
  EXPECT_EQ(last.at("age"), sql_value());
}

TEST_F(fields, are_all_told_that_are_at_fault) {
  EXPECT_THAT(faults_of(entity_operation::create, R"({"age": 256, "weight": "heavy", "is_tagged": 1, "code": 1.5,
                        "seen_at": "yesterday"})"),
              UnorderedElementsAre("name: is required", "age: must be from 0 to 255", "weight: must be a number",
                                   "is_tagged: must be true or false", "code: must be an integer",
                                   "seen_at: must be of the format date-time"));
  EXPECT_THAT(
      faults_of(entity_operation::create, R"({"name": ["a"], "colour": "grey", "id": 4, "code": 9223372036854775808,
                        "age": {}})"),
      UnorderedElementsAre(
          "name: must be text, is a list", "colour: there is no such field", "id: is given by the database",
          "code: must be from -9223372036854775808 to 9223372036854775807", "age: must be an integer, is an object"));
}

TEST_F(fields, of_a_patch_are_those_that_it_names) {
  EXPECT_THAT(faults_of(entity_operation::patch, R"({"age": null})"), ElementsAre());
  EXPECT_EQ(last.size(), 1U);
  EXPECT_THAT(faults_of(entity_operation::patch, R"({"name": null})"), ElementsAre("name: is required"));
}

TEST_F(fields, hold_no_zero_character) {
  EXPECT_THAT(faults_of(entity_operation::create, R"({"name": "a\u0000b"})"),
              ElementsAre("name: must be UTF-8 without a zero character"));
}

TEST_F(fields, take_the_edges_of_their_range) {
  EXPECT_THAT(faults_of(entity_operation::create, R"({"name": "", "age": 255, "code": -9223372036854775808})"),
              ElementsAre());
  EXPECT_THAT(faults_of(entity_operation::create, R"({"name": "x", "age": -1})"),
              ElementsAre("age: must be from 0 to 255"));
}

TEST_F(fields, come_from_sound_json_alone) {
  for (const char* bad : {"", "{", "null", "7", "[]", "[{}]", R"({"name": "a", "name": "b"})", "{\"name\": \"\xff\"}",
                          R"({"name": "a"} x)", R"({"weight": 1e999})"})
    EXPECT_FALSE(read_fields(shark, bad, 0)) << bad;
  std::string deep = R"({"name": )";
  deep += std::string(10000, '[') + std::string(10000, ']') + "}";
  EXPECT_FALSE(read_fields(shark, deep, 0));
}

TEST_F(fields, of_many_rows_are_told_by_their_place) {
  const auto sent = read_fields(shark, R"([{"name": "a"}, {"colour": 1}, 7])", 10);
  ASSERT_FALSE(sent);
  EXPECT_THAT(sent.error().errors,
              ElementsAre("[1].colour: there is no such field", "[2]: must be an object, is an integer"));
  EXPECT_EQ(read_fields(shark, R"([{}, {}, {}])", 2).error().code, errc::too_large);
  EXPECT_FALSE(read_fields(shark, "[]", 2));
}

TEST_F(fields, may_repeat_the_id_of_their_row_and_no_other) {
  EXPECT_TRUE(read_fields_of(shark, R"({"id": 7, "name": "a"})", 7));
  EXPECT_THAT(read_fields_of(shark, R"({"id": 8})", 7).error().errors, ElementsAre("id: cannot be changed, is 7"));
  EXPECT_FALSE(read_fields_of(shark, "[]", 7));
}

TEST(formats, are_looked_at_closely) {
  const std::pair<const char*, std::vector<const char*>> good[] = {
      {"date", {"2024-02-29", "2000-02-29"}},
      {"time", {"23:59:60", "00:00:00.123"}},
      {"date-time", {"2024-01-31T00:00:00Z", "2024-01-31t23:59:59.5+14:00"}},
      {"email", {"a@b", "first.last+tag@example.org"}},
      {"uuid", {"01234567-89ab-cdef-0123-456789ABCDEF"}},
      {"uri", {"https://example.org/a?b#c", "urn:isbn:1"}},
      {"ipv4", {"0.0.0.0", "255.255.255.255"}}};
  const std::pair<const char*, std::vector<const char*>> bad[] = {
      {"date", {"2023-02-29", "1900-02-29", "2024-13-01", "2024-1-1", "", "2024-00-10", "2024-01-32"}},
      {"time", {"24:00:00", "12:60:00", "12:00", "12:00:00.", "12:00:00+1"}},
      {"date-time", {"2024-01-31", "2024-01-31T00:00:00", "2024-01-31 00:00:00Z", "2024-01-31T00:00:00+1:00"}},
      {"email", {"a", "@b", "a@", "a b@c", "a@b@c", ".a@b", "a..b@c", "a@.b"}},
      {"uuid", {"0123456789abcdef0123456789abcdef", "g1234567-89ab-cdef-0123-456789abcdef"}},
      {"uri", {"example.org", ":a", "ht tp:a", "a:<b>"}},
      {"ipv4", {"1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.", "a.b.c.d"}}};
  for (const auto& [format, texts] : good)
    for (const auto* text : texts) EXPECT_TRUE(has_format(text, format)) << format << " " << text;
  for (const auto& [format, texts] : bad)
    for (const auto* text : texts) EXPECT_FALSE(has_format(text, format)) << format << " " << text;
}

TEST(formats, of_text_are_utf8) {
  for (const char* good : {"", "a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\xa6\x88"})
    EXPECT_TRUE(is_storable_text(good));
  for (const char* bad :
       {"\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "\xe2\x82"})
    EXPECT_FALSE(is_storable_text(bad));
  EXPECT_FALSE(is_storable_text(std::string_view("\0", 1)));
}

TEST(rows, become_json_in_the_models_order) {
  const auto model = read_or_fail(shark_model);
  const auto row =
      read_row(model.entities[0], {std::int64_t{5}, std::int64_t{2}, std::string("a\"\n\x01\xc3\xa4"), std::int64_t{7},
                                   0.1, std::int64_t{1}, std::monostate{}, std::monostate{}});
  ASSERT_TRUE(row) << row.error().context;
  std::string json;
  append_row(model.entities[0], *row, json);
  EXPECT_EQ(json,
            "{\"id\":5,\"name\":\"a\\\"\\n\\u0001\xc3\xa4\",\"age\":7,\"weight\":0.1,\"is_tagged\":true,"
            "\"seen_at\":null,\"code\":null}");
  EXPECT_EQ(row->version, 2);
  EXPECT_EQ(read_row(model.entities[0], {std::int64_t{5}}).error().code, errc::corrupt);
  EXPECT_EQ(read_row(model.entities[0], {std::int64_t{5}, std::int64_t{1}, std::int64_t{1}}).error().code,
            errc::corrupt);
}

TEST(rows, have_a_json_schema) {
  const auto model = read_or_fail(shark_model);
  const auto schema = ordered_json::parse(json_schema(model.entities[0]));
  EXPECT_EQ(schema["required"], ordered_json({"name"}));
  EXPECT_EQ(schema["properties"]["age"]["maximum"], 255);
  EXPECT_EQ(schema["properties"]["seen_at"]["format"], "date-time");
  EXPECT_EQ(schema["additionalProperties"], false);
  const auto names = ordered_json::parse(entity_names(read_or_fail(library_model)));
  EXPECT_EQ(names["entities"][0]["href"], "/v1/entities/library");
  EXPECT_EQ(names["entities"][0]["relations"][0]["name"], "books");
}

TEST(constraints, name_their_fields_in_the_words_of_either_database) {
  const auto model = read_or_fail(owner_model);
  const auto& owner = model.entities[0];
  const auto field = [&](const std::string& said) {
    const auto r = refusal_of(owner, entity_write::store, {errc::already_exists, said});
    return r.errors.empty() ? "" : r.errors[0];
  };
  EXPECT_EQ(field("duplicate key value violates unique constraint \"owner_license_number_ux\""),
            "license_number: another row has this value");
  EXPECT_EQ(field("database /x: UNIQUE constraint failed: owner.license_number"),
            "license_number: another row has this value");
  EXPECT_EQ(field("database /x: UNIQUE constraint failed: owner.name, owner.province"),
            "name, province: another row has this value");
  EXPECT_EQ(field("something else"), "");
  const auto& car = model.entities[1];
  EXPECT_THAT(refusal_of(car, entity_write::store,
                         {errc::missing_reference, "violates foreign key constraint \"car_class_fk\""})
                  .errors,
              ElementsAre("class: refers to a row that is not there"));
  EXPECT_THAT(refusal_of(car, entity_write::store, {errc::missing_reference, "FOREIGN KEY constraint failed"}).errors,
              ElementsAre("class, owner_id: refers to a row that is not there"));
  EXPECT_EQ(refusal_of(car, entity_write::erase, {errc::missing_reference, ""}).detail, "other rows refer to this one");
  EXPECT_EQ(refusal_of(car, entity_write::store, {errc::storage_failed, "database /secret/path"}).detail, "");
}

}  // namespace
}  // namespace troupe
