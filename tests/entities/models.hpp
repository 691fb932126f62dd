// Models that the tests of entities share.
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "runtime/entities/model_reader.hpp"

namespace troupe {

inline constexpr std::string_view shark_model = R"json({"entities": [
  {"typeName": "Shark",
   "id_properties": {"start": 10000000},
   "properties": {
     "name": {"type": "string", "format": "", "required": true, "default": "", "unique": false, "index": "nonUnique",
              "selectable": "eq,like,in"},
     "age": {"type": "uint8", "selectable": "eq,ne,lt,gt"},
     "weight": {"type": "float64", "selectable": "eq,lt,le,gt,ge"},
     "isTagged": {"type": "bool", "selectable": "eq,ne", "default": "false"},
     "seenAt": {"type": "string", "format": "date-time", "index": "nonUnique", "selectable": "ge"},
     "code": {"type": "int64", "unique": true, "selectable": "eq,in,lt"},
     "passing": {"type": "uint", "no_db": true}},
   "ext_points": {"gen_controller": true, "gen_model": true}}]})json";

inline constexpr std::string_view library_model = R"json({"entities": [
  {"typeName": "Library",
   "properties": {
     "Name": {"type": "string", "format": "", "required": true, "unique": false, "index": "nonUnique",
              "selectable": "eq,like"},
     "City": {"type": "string", "format": "", "required": true, "unique": false, "index": "", "selectable": "eq,lt,gt"}},
   "compositeIndexes": [{"index": "name, city"}],
   "relations": [{"relName": "ToBooks", "properties": {"refKey": "", "relType": "hasMany", "toEntity": "Book",
                                                       "foreignPK": ""}}]},
  {"typeName": "Book",
   "properties": {
     "Title": {"type": "string", "format": "", "required": true, "index": "unique", "selectable": "eq,like"},
     "Hardcover": {"type": "bool", "format": "", "required": true, "index": "", "selectable": "eq,ne"},
     "Copies": {"type": "uint64", "format": "", "required": true, "index": "", "selectable": "eq,lt,gt"},
     "LibraryID": {"type": "uint64", "format": "", "required": true, "index": "nonUnique", "selectable": "eq,like"}},
   "relations": [{"relName": "ToLibrary", "properties": {"relType": "belongsTo", "toEntity": "Library"}}]}]})json";

inline constexpr std::string_view owner_model = R"json({"entities": [
  {"typeName": "Owner",
   "properties": {
     "Name": {"type": "string", "index": "nonUnique", "selectable": "eq,like"},
     "LicenseNumber": {"type": "uint", "unique": true, "selectable": "eq,lt,gt"},
     "Province": {"type": "string", "selectable": "eq,lt,gt"}},
   "compositeIndexes": [{"index": "name, province", "unique": true}],
   "relations": [{"relName": "ToCar", "properties": {"relType": "hasOne", "toEntity": "Car"}}]},
  {"typeName": "Car",
   "properties": {
     "Model": {"type": "string", "required": true, "index": "nonUnique", "selectable": "eq,like"},
     "class": {"type": "string", "ref_entity": "CarClass", "ref_field": "ClassCode"}}},
  {"typeName": "CarClass",
   "properties": {"classCode": {"type": "string", "required": true, "unique": true, "index": "unique"}}}]})json";

inline entity_model read_or_fail(std::string_view text) {
  auto file = read_model(text);
  EXPECT_TRUE(file) << file.error().context;
  return file ? std::move(file->model) : entity_model{};
}

/// The faults of a model with one entity X that has these properties, and whatever is after them.
inline std::string faults_of(const std::string& properties, const std::string& rest = "") {
  const auto file = read_model(R"({"entities": [{"typeName": "X", "properties": {)" + properties + "}" + rest + "}]}");
  return file ? "" : file.error().context;
}

}  // namespace troupe
