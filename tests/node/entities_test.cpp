// Rows of a model over HTTP, on SQLite and on PostgreSQL alike.
#include <gmock/gmock.h>

#include "tests/entities/models.hpp"
#include "tests/node/entities_fixture.hpp"

namespace troupe {
namespace {

using nlohmann::json;
using ::testing::AnyOf;
using ::testing::HasSubstr;

const std::string sharks = "/v1/entities/shark";

INSTANTIATE_TEST_SUITE_P(on, entity_node, ::testing::Values("sqlite", "postgres"),
                         [](const auto& chosen) { return std::string(chosen.param); });

TEST_P(entity_node, makes_reads_changes_and_removes_a_row) {
  start(shark_model);
  const auto created =
      post(sharks, R"({"name": "Bruce", "age": 255, "weight": 0.1, "seen_at": "2024-02-29T10:00:00Z"})");
  EXPECT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(created.field("location"), sharks + "/10000000");
  EXPECT_EQ(created.field("etag"), "\"1\"");
  EXPECT_EQ(created.body,
            "{\"id\":10000000,\"name\":\"Bruce\",\"age\":255,\"weight\":0.1,\"is_tagged\":false,"
            "\"seen_at\":\"2024-02-29T10:00:00Z\",\"code\":null}\n");
  const auto row = sharks + "/10000000";
  EXPECT_EQ(call("GET", row).body, created.body);
  EXPECT_EQ(call("GET", row, {}, "If-None-Match: \"1\"\r\n").status, 304);
  EXPECT_EQ(call("HEAD", row).status, 200);
  const auto patched =
      call("PATCH", row, R"({"age": null, "is_tagged": true})", "Content-Type: application/merge-patch+json\r\n");
  EXPECT_EQ(patched.status, 200) << patched.body;
  EXPECT_EQ(patched.field("etag"), "\"2\"");
  EXPECT_TRUE(parsed(patched)["age"].is_null() && parsed(patched)["is_tagged"] == true &&
              parsed(patched)["weight"] == 0.1);
  auto whole = parsed(patched);
  whole["name"] = "Br\xc3\xbc\xc3\xa7\xc3\xab \xf0\x9f\xa6\x88";
  whole.erase("weight");
  const auto replaced = call("PUT", row, whole.dump());
  EXPECT_EQ(replaced.status, 200) << replaced.body;
  EXPECT_EQ(parsed(replaced)["name"], whole["name"]);
  EXPECT_TRUE(parsed(replaced)["weight"].is_null()) << "what is not given is gone";
  EXPECT_EQ(replaced.field("etag"), "\"3\"");
  EXPECT_EQ(call("DELETE", row).status, 204);
  for (const char* method : {"GET", "DELETE"}) EXPECT_EQ(call(method, row).status, 404);
  EXPECT_EQ(call("PUT", row, R"({"name": "x"})").status, 404);
  EXPECT_EQ(call("PATCH", row, R"({"name": "x"})").status, 404);
  EXPECT_EQ(made(sharks, R"({"name": "next"})"), 10000001) << "an id is never given twice";
}

TEST_P(entity_node, changes_nothing_under_another_version) {
  start(shark_model);
  const auto row = sharks + "/" + std::to_string(made(sharks, R"({"name": "Bruce"})"));
  const std::string old = "If-Match: \"7\"\r\n";
  EXPECT_EQ(call("PUT", row, R"({"name": "x"})", old).status, 412);
  EXPECT_EQ(call("PATCH", row, R"({"name": "x"})", old).status, 412);
  EXPECT_EQ(call("DELETE", row, {}, old).status, 412);
  EXPECT_EQ(call("PATCH", row, R"({"name": "x"})", "If-Match: W/\"1\"\r\n").status, 412);
  EXPECT_EQ(call("PUT", row, R"({"name": "x"})", "If-None-Match: *\r\n").status, 412);
  EXPECT_EQ(call("DELETE", row, {}, "If-None-Match: *\r\n").status, 412);
  EXPECT_EQ(call("GET", row, {}, "If-Match: \"7\"\r\n").status, 412);
  EXPECT_EQ(call("PATCH", row, "{}", "If-Match: \"1\", \"2\"\r\n").status, 400);
  EXPECT_EQ(get(row)["name"], "Bruce");
  EXPECT_EQ(call("PATCH", row, R"({"name": "y"})", "If-Match: *\r\n").field("etag"), "\"2\"");
  EXPECT_EQ(call("PUT", row, R"({"name": "z"})", "If-Match: \"2\"\r\n").field("etag"), "\"3\"");
  EXPECT_EQ(call("DELETE", row, {}, "If-Match: \"3\"\r\n").status, 204);
  EXPECT_EQ(call("DELETE", row, {}, "If-Match: \"3\"\r\n").status, 404);
}

TEST_P(entity_node, serves_the_model_of_the_replaced_generator) {
  start(library_model);
  const auto one = made("/v1/entities/library", R"({"name": "Bodleian", "city": "Oxford"})");
  const auto two = made("/v1/entities/library", R"({"name": "Laurenziana", "city": "Firenze"})");
  for (int i = 0; i < 3; ++i)
    made("/v1/entities/book", R"({"title": "T)" + std::to_string(i) +
                                  R"(", "hardcover": true, "copies": 2, "library_id": )" +
                                  std::to_string(i == 2 ? two : one) + "}");
  for (const char* relation : {"books", "tobooks"}) {
    const auto books = get("/v1/entities/library/" + std::to_string(one) + "/" + relation);
    ASSERT_EQ(books["items"].size(), 2U);
    EXPECT_EQ(books["items"][1]["title"], "T1");
    EXPECT_TRUE(books["next"].is_null());
  }
  const auto page = get("/v1/entities/library/" + std::to_string(one) + "/books?$limit=1&$count=true&title=like:T%25");
  EXPECT_EQ(page["count"], 2);
  const auto rest = get("/v1/entities/library/" + std::to_string(one) +
                        "/books?$limit=1&title=like:T%25&$next=" + page["next"].get<std::string>());
  EXPECT_EQ(rest["items"][0]["title"], "T1");
  for (const char* other : {"/books?$next=", "/books?title=like:U%25&$next="})
    EXPECT_EQ(
        call("GET", "/v1/entities/library/" + std::to_string(one) + other + page["next"].get<std::string>()).status,
        400);
  EXPECT_EQ(get("/v1/entities/book/3/library")["name"], "Laurenziana");
  EXPECT_EQ(call("GET", "/v1/entities/book/3/tolibrary").field("etag"), "\"1\"");
  EXPECT_EQ(call("GET", "/v1/entities/book/99/library").status, 404);
  EXPECT_EQ(call("GET", "/v1/entities/library/99/books").status, 404);
  EXPECT_EQ(call("GET", "/v1/entities/library/1/authors").status, 404);
  EXPECT_EQ(call("GET", "/v1/entities/book/3/library?$limit=1").status, 400);
}

TEST_P(entity_node, names_the_fields_that_break_a_constraint) {
  start(library_model);
  made("/v1/entities/library", R"({"name": "Bodleian", "city": "Oxford"})");
  const std::string book = R"({"title": "T", "hardcover": true, "copies": 2, "library_id": )";
  const auto lost = post("/v1/entities/book", book + "7}");
  EXPECT_EQ(lost.status, 422) << lost.body;
  EXPECT_EQ(errors(lost)[0], "library_id: refers to a row that is not there");
  const auto id = made("/v1/entities/book", book + "1}");
  const auto twice = post("/v1/entities/book", book + "1}");
  EXPECT_EQ(twice.status, 409) << twice.body;
  EXPECT_EQ(errors(twice)[0], "title: another row has this value");
  EXPECT_EQ(twice.field("content-type"), "application/problem+json");
  const auto held = call("DELETE", "/v1/entities/library/1");
  EXPECT_EQ(held.status, 422) << held.body;
  EXPECT_THAT(held.body, HasSubstr("other rows refer to this one"));
  EXPECT_EQ(call("PATCH", "/v1/entities/book/" + std::to_string(id), R"({"library_id": 9})").status, 422);
  EXPECT_EQ(get("/v1/entities/book?$count")["count"], 1);
}

TEST_P(entity_node, keeps_composite_indices_and_references_to_unique_fields) {
  start(owner_model);
  made("/v1/entities/owner", R"({"name": "Ann", "province": "Ontario"})");
  const auto twice = post("/v1/entities/owner", R"({"name": "Ann", "province": "Ontario"})");
  EXPECT_EQ(twice.status, 409) << twice.body;
  EXPECT_EQ(errors(twice)[0], "name, province: another row has this value");
  made("/v1/entities/owner", R"({"name": "Ann", "province": "Quebec"})");
  EXPECT_EQ(call("GET", "/v1/entities/owner/1/car").status, 404) << "none is related yet";
  EXPECT_EQ(post("/v1/entities/car", R"({"model": "Mini", "class": "small"})").status, 422);
  made("/v1/entities/carclass", R"({"class_code": "small"})");
  made("/v1/entities/car", R"({"model": "Mini", "class": "small", "owner_id": 1})");
  EXPECT_EQ(get("/v1/entities/owner/1/car")["model"], "Mini");
}

TEST_P(entity_node, creates_all_rows_of_a_list_or_none) {
  start(shark_model);
  const auto made_list = post(sharks, R"([{"name": "a", "code": 1}, {"name": "b", "code": 2}])");
  EXPECT_EQ(made_list.status, 201) << made_list.body;
  EXPECT_EQ(parsed(made_list)["items"].size(), 2U);
  EXPECT_EQ(parsed(made_list)["items"][1]["name"], "b");
  EXPECT_EQ(post(sharks, R"([{"name": "c", "code": 3}, {"name": "d", "code": 1}])").status, 409);
  const auto bad = post(sharks, R"([{"name": "e"}, {"age": 300}])");
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(errors(bad), (json{"[1].name: is required", "[1].age: must be from 0 to 255"}));
  EXPECT_EQ(post(sharks, R"([{"name": "only"}])").status, 201);
  EXPECT_EQ(get(sharks + "?$count=true")["count"], 3);
  std::string many = "[{\"name\": \"x\"}";
  for (int i = 0; i < 5000; ++i) many += ",{\"name\": \"x\"}";
  EXPECT_EQ(post(sharks, many + "]").status, 413);
}

TEST_P(entity_node, filters_in_every_way_and_alike_on_both_databases) {
  start(shark_model);
  ASSERT_EQ(
      post(
          sharks,
          R"([{"name": "Apple", "age": 1, "weight": 1.5, "code": 10}, {"name": "apple", "age": 2, "weight": 2.5, "is_tagged": true},
                            {"name": "b%d*", "age": 3, "code": -5}, {"name": "", "seen_at": "2024-01-01T00:00:00Z"}])")
          .status,
      201);
  const auto names = [&](const std::string& query) {
    std::string found;
    const auto page = get(sharks + "?" + query);
    for (const auto& row : page["items"]) found += row["name"].get<std::string>() + ";";
    return found;
  };
  EXPECT_EQ(names("name=eq:apple"), "apple;");
  EXPECT_EQ(names("name=like:a%25"), "apple;") << "capitals are others";
  EXPECT_EQ(names("name=like:_pple"), "Apple;apple;");
  EXPECT_EQ(names("name=like:%25*"), "b%d*;");
  EXPECT_EQ(names("name=in:Apple,,zzz"), "Apple;;");
  EXPECT_EQ(names("age=gt:1&age=lt:3"), "apple;");
  EXPECT_EQ(names("age=ne:1"), "apple;b%d*;");
  EXPECT_EQ(names("weight=ge:1.5&weight=le:2.5"), "Apple;apple;");
  EXPECT_EQ(names("is_tagged=eq:true"), "apple;");
  EXPECT_EQ(names("seen_at=ge:2023"), ";");
  EXPECT_EQ(names("code=in:10,-5&id=le:10000000"), "Apple;");
  EXPECT_EQ(names("$orderby=name"), ";Apple;apple;b%d*;") << "by bytes";
  EXPECT_EQ(names("$orderby=code%20desc"), "Apple;b%d*;;apple;") << "null is the smallest";
  EXPECT_EQ(names("$orderby=code"), "apple;;b%d*;Apple;");
  EXPECT_EQ(names("$orderby=code&$offset=1&$limit=2"), ";b%d*;");
}

TEST_P(entity_node, pages_see_each_row_once_in_any_order) {
  start(shark_model);
  std::string rows;
  for (int i = 0; i < 60; ++i) {
    const std::string code = i % 3 == 0 ? "null" : std::to_string((i * 37) % 101);
    const std::string weight = i % 4 == 0 ? "null" : std::to_string(i % 5) + ".25";
    rows += (i == 0 ? "[" : ",") + std::string(R"({"name": "n)") + std::to_string(i % 7) + R"(", "code": )" + code +
            R"(, "weight": )" + weight + R"(, "is_tagged": )" + (i % 2 == 0 ? "true" : "false") + "}";
  }
  ASSERT_EQ(post(sharks, rows + "]").status, 201);
  for (const char* order : {"id", "id%20desc", "name", "name%20desc", "code", "code%20desc", "weight", "weight%20desc",
                            "is_tagged%20desc"}) {
    const auto whole = get(sharks + "?$limit=1000&$orderby=" + order)["items"];
    ASSERT_EQ(whole.size(), 60U);
    for (const int size : {1, 7, 20, 59, 60}) {
      json all = json::array();
      std::string next;
      do {
        const auto page = get(sharks + "?$limit=" + std::to_string(size) + "&$orderby=" + order +
                              (next.empty() ? "" : "&$next=" + next));
        for (const auto& row : page["items"]) all.push_back(row);
        next = page["next"].is_null() ? "" : page["next"].get<std::string>();
      } while (!next.empty() && all.size() < 100);
      EXPECT_EQ(all, whole) << order << " by " << size;
    }
  }
  const auto page = get(sharks + "?$limit=5");
  EXPECT_EQ(call("DELETE", sharks + "/" + std::to_string(page["items"][4]["id"].get<std::int64_t>())).status, 204);
  EXPECT_EQ(get(sharks + "?$limit=5&$next=" + page["next"].get<std::string>())["items"][0]["name"], "n5")
      << "its last row may be gone";
}

TEST_P(entity_node, refuses_bad_requests_with_all_that_is_wrong) {
  start(shark_model);
  const auto bad = post(sharks, R"({"age": -1, "colour": "grey", "weight": "heavy"})");
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(bad.field("content-type"), "application/problem+json");
  EXPECT_EQ(errors(bad), (json{"colour: there is no such field"})) << "unknown fields first";
  EXPECT_EQ(errors(post(sharks, R"({"age": -1, "weight": "heavy"})")).size(), 3U);
  for (const char* body : {"", "{", "[1]", "null", "\"x\"", "{\"name\": \"\xff\"}"})
    EXPECT_EQ(post(sharks, body).status, 400) << body;
  EXPECT_EQ(call("POST", sharks, "name=x", "Content-Type: application/x-www-form-urlencoded\r\n").status, 415);
  EXPECT_EQ(call("POST", sharks, "{}", "Content-Type: application/merge-patch+json\r\n").status, 415);
  EXPECT_EQ(call("POST", sharks, R"({"name": "x"})", "Content-Type: Application/JSON; charset=utf-8\r\n").status, 201);
  EXPECT_EQ(post("/v1/entities/whale", "{}").status, 404);
  EXPECT_EQ(call("GET", sharks + "/abc").status, 404);
  EXPECT_EQ(call("GET", sharks + "/0").status, 404);
  EXPECT_EQ(call("GET", sharks + "/-1").status, 404);
  EXPECT_EQ(call("GET", sharks + "/99999999999999999999").status, 404);
  const auto wrong = call("PUT", sharks, "{}");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.field("allow"), "GET, HEAD, POST");
  const auto query = call("GET", sharks + "?$limit=0&colour=eq:1&age=like:7");
  EXPECT_EQ(query.status, 400);
  EXPECT_EQ(errors(query).size(), 3U);
  EXPECT_EQ(call("GET", sharks + "?name=eq:%zz").status, 400);
  EXPECT_EQ(call("GET", sharks + "/10000000?x=1").status, 400);
  EXPECT_EQ(call("PATCH", sharks + "/10000000", R"({"id": 5})").status, 400);
}

TEST_P(entity_node, is_not_moved_by_injection_in_any_position) {
  start(shark_model);
  made(sharks, R"({"name": "Bruce", "code": 1})");
  const std::string attacks[] = {"'; drop table shark; --",
                                 "\"; drop table shark; --",
                                 "1 or 1=1",
                                 "1;delete from shark",
                                 "$1",
                                 "?",
                                 "\\'; --",
                                 "' union select 1,2,'x',4,5,6,7,8 --",
                                 "{\"$gt\": \"\"}",
                                 "%00",
                                 "*",
                                 "1)--"};
  for (const auto& attack : attacks) {
    std::string coded;
    for (const char c : attack) {
      char hex[8];
      (void)std::snprintf(hex, sizeof hex, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
      coded += hex;
    }
    for (const auto& target : {sharks + "/" + coded, "/v1/entities/" + coded, "/v1/entities/" + coded + "/1",
                               sharks + "/10000000/" + coded}) {
      EXPECT_EQ(call("GET", target).status, 404) << target;
      EXPECT_THAT(call("DELETE", target).status, AnyOf(404, 405)) << target;
    }
    for (const auto& query :
         {"name=" + coded, coded + "=eq:1", "age=eq:" + coded, "$orderby=" + coded, "$orderby=name%20" + coded,
          "$limit=" + coded, "$offset=" + coded, "$next=" + coded, "$count=" + coded, "code=in:1," + coded})
      EXPECT_EQ(call("GET", sharks + "?" + query).status, 400) << query;
    EXPECT_EQ(get(sharks + "?name=eq:" + coded)["items"].size(), 0U);
    EXPECT_THAT(call("GET", sharks + "/10000000", {}, "If-None-Match: " + attack + "\r\n").status,
                AnyOf(200, 304, 400));
    const auto stored = post(sharks, json{{"name", attack}}.dump());
    EXPECT_EQ(stored.status, 201);
    EXPECT_EQ(parsed(stored)["name"], attack);
    EXPECT_EQ(post(sharks, json{{attack, "x"}}.dump()).status, 400);
    EXPECT_EQ(call("PATCH", sharks + "/10000000", json{{attack, 1}}.dump()).status, 400);
    EXPECT_EQ(call("DELETE", sharks + "/" + std::to_string(parsed(stored)["id"].get<std::int64_t>())).status, 204);
  }
  EXPECT_EQ(get(sharks + "?$count=true")["count"], 1);
  EXPECT_EQ(get(sharks + "/10000000")["name"], "Bruce");
}

TEST_P(entity_node, describes_itself) {
  start(library_model);
  const auto names = get("/v1/entities");
  EXPECT_EQ(names["entities"][1]["name"], "book");
  const auto schema = call("GET", "/v1/entities/book/schema");
  EXPECT_EQ(schema.field("content-type"), "application/schema+json");
  EXPECT_EQ(parsed(schema)["properties"]["copies"]["minimum"], 0);
  EXPECT_TRUE(get("/openapi.json")["paths"].contains("/v1/entities/{entity}/{id}"));
  bool running_service = false;
  for (const auto& s : get("/v1/services")) running_service |= s["name"] == "entities" && s["state"] == "running";
  EXPECT_TRUE(running_service);
}

TEST_P(entity_node, takes_a_model_in_toml) {
  start(R"([[entities]]
typeName = "Shark"
[entities.properties.Name]
type = "string"
required = true
selectable = "eq"
)",
        "model.toml");
  made(sharks, R"({"name": "Bruce"})");
  EXPECT_EQ(get(sharks + "?name=eq:Bruce")["items"].size(), 1U);
}

TEST_P(entity_node, lets_extensions_see_rows_on_their_way) {
  options.entities["Shark"].before_validation = [](const entity_call& c, entity_fields& f) -> expected<void> {
    if (c.operation == entity_operation::create && f.count("name") == 0) f["name"] = std::string("nameless");
    if (f["name"] == sql_value("forbidden")) return fail(errc::access_denied, "not this name");
    return {};
  };
  options.entities["Shark"].before_write = [](const entity_call&, entity_fields& f) -> expected<void> {
    if (f.count("passing") != 0 && f["passing"] != sql_value()) f["age"] = f["passing"];
    return {};
  };
  options.entities["Shark"].after_read = [](const entity_call& c, entity_fields& f) { f["passing"] = c.id; };
  start(shark_model);
  const auto row = post(sharks, R"({"passing": 7})");
  EXPECT_EQ(row.status, 201) << row.body;
  EXPECT_TRUE(parsed(row)["name"] == "nameless" && parsed(row)["age"] == 7 &&
              parsed(row)["passing"] == parsed(row)["id"]);
  EXPECT_EQ(post(sharks, R"({"name": "forbidden"})").status, 403);
  EXPECT_EQ(errors(post(sharks, R"({"passing": 300})"))[0], "age: must be from 0 to 255") << "checked once more";
  running.reset();
  options.entities["Whale"] = {};
  EXPECT_EQ(try_start(shark_model).error().code, errc::bad_config);
}

TEST_P(entity_node, grows_with_its_model_and_refuses_what_cannot_be) {
  start(R"({"entities": [{"typeName": "Shark", "properties": {"name": {"type": "string"}}}]})");
  made(sharks, R"({"name": "Bruce"})");
  start(
      R"({"entities": [{"typeName": "Shark", "properties": {"age": {"type": "int", "default": 3, "index": "nonUnique"},
             "reef": {"type": "int", "ref_entity": "Reef"}}}, {"typeName": "Reef", "properties": {}}]})");
  EXPECT_EQ(get(sharks + "/1"), (json{{"id", 1}, {"age", 3}, {"reef", nullptr}}));
  made("/v1/entities/reef", "{}");
  EXPECT_EQ(call("PATCH", sharks + "/1", R"({"reef": 1})").status, 200);
  start(R"({"entities": [{"typeName": "Shark", "properties": {"name": {"type": "string"}}}]})");
  EXPECT_EQ(get(sharks + "/1")["name"], "Bruce") << "what a model leaves out stays";
  running.reset();
  const auto changed = try_start(R"({"entities": [{"typeName": "Shark", "properties": {"name": {"type": "int"}}}]})");
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, errc::bad_config);
  EXPECT_THAT(changed.error().context, HasSubstr("column shark.name: a type cannot change"));
  const auto faults = try_start(R"({"entities": [{"typeName": "Order", "properties": {"id": {"type": "word"}}}]})");
  EXPECT_EQ(faults.error().code, errc::bad_config);
  EXPECT_THAT(faults.error().context, HasSubstr("model.json: Order.properties.id.type"));
  EXPECT_THAT(faults.error().context, HasSubstr("model.json: Order.typeName: 'Order' is a reserved word"));
}

}  // namespace
}  // namespace troupe
