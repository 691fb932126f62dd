// The entities that lists of the entry `entities` are of.
#pragma once

#include <string_view>

inline constexpr std::string_view book_model = R"({"entities": [{"typeName": "Book", "properties": {
  "Title": {"type": "string", "required": true, "index": "nonUnique", "selectable": "eq,like,in,ge,lt"},
  "Year": {"type": "int64", "index": "nonUnique", "selectable": "eq,like,in,ge,lt"}}}]})";
