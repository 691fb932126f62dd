// /v1/db: what a door asks of the databases behind it, and from whom it takes no orders.
#include <nlohmann/json.hpp>

#include "actors/db/database_admin.hpp"
#include "tests/http/door_fixture.hpp"

namespace troupe {
namespace {

using nlohmann::json;

class fake_databases final : public database_admin {
 public:
  std::string driver_name() const override { return "sqlite"; }
  std::vector<row> namespaces() const override { return {{"library", true, "login"}, {"other", false, {}}}; }
  void backup(const std::string& name, const std::string& file, done_callback done) override {
    asked.push_back("backup " + name + " " + file);
    done(answer);
  }
  void reset(const std::string& name, const std::string& meant, done_callback done) override {
    asked.push_back("reset " + name + " " + meant);
    done(answer);
  }

  std::vector<std::string> asked;  // by one client at a time
  expected<void> answer;
};

class db_routes_test : public http_door_test {
 protected:
  void open_with_databases() {
    door = std::make_unique<http_door>(door_context{.settings = settings,
                                                    .io = io,
                                                    .log = *log,
                                                    .numbers = numbers,
                                                    .events = events,
                                                    .board = board,
                                                    .caches = caches,
                                                    .request_leave = [] {},
                                                    .databases = &databases});
    open();
  }
  fake_databases databases;
};

TEST_F(db_routes_test, list_what_is_open) {
  open_with_databases();
  const auto a = call("GET", "/v1/db");
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(json::parse(a.body), json::parse(R"({"driver":"sqlite","namespaces":[
      {"name":"library","open":true,"role":"login"},{"name":"other","open":false}]})"));
}

TEST_F(db_routes_test, pass_on_what_is_asked_and_how_it_ended) {
  open_with_databases();
  EXPECT_EQ(call("POST", "/v1/db/library/backup", R"({"file":"/tmp/x"})").status, 204);
  databases.answer = fail(errc::condition_failed, "needs its name again");
  EXPECT_EQ(call("POST", "/v1/db/library/reset", R"({"i_mean_it":"librari"})").status, 412);
  databases.answer = fail(errc::not_found, "no namespace");
  EXPECT_EQ(call("POST", "/v1/db/nobody/reset", R"({"i_mean_it":"nobody"})").status, 404);
  EXPECT_EQ(databases.asked,
            (std::vector<std::string>{"backup library /tmp/x", "reset library librari", "reset nobody nobody"}));
}

TEST_F(db_routes_test, refuse_a_body_that_is_none) {
  open_with_databases();
  for (const std::string body : {"{", "[]", "{}", R"({"file":7})", R"({"file":"a","more":1})", R"({"i_mean_it":"a"})"})
    EXPECT_EQ(call("POST", "/v1/db/library/backup", body).status, 400) << body;
  EXPECT_EQ(call("POST", "/v1/db/library/backup", R"({"file":")" + std::string(9000, 'a') + R"("})").status, 400);
  EXPECT_TRUE(databases.asked.empty());
}

TEST_F(db_routes_test, take_no_orders_from_a_page_of_another_site) {
  open_with_databases();
  const std::string body = R"({"i_mean_it":"library"})";
  EXPECT_EQ(call("POST", "/v1/db/library/reset", body, "Origin: https://evil.example\r\n").status, 403);
  EXPECT_EQ(call("POST", "/v1/db/library/reset", body, "Origin: null\r\n").status, 403);
  EXPECT_TRUE(databases.asked.empty());
  EXPECT_EQ(call("POST", "/v1/db/library/reset", body, "Origin: http://test\r\n").status, 204) << "its own page";
}

TEST_F(db_routes_test, answer_on_loopback_doors_and_with_databases_alone) {
  settings.http.bind = "0.0.0.0:0";
  open_with_databases();
  raw_client client("127.0.0.1" + door->address().substr(door->address().rfind(':')));
  EXPECT_EQ(client.call(request("POST", "/v1/db/library/reset", R"({"i_mean_it":"library"})")).status, 403);
  EXPECT_TRUE(databases.asked.empty());
}

TEST_F(db_routes_test, answer_503_without_databases) {
  open();
  EXPECT_EQ(call("GET", "/v1/db").status, 503);
  EXPECT_EQ(call("POST", "/v1/db/library/reset", R"({"i_mean_it":"library"})").status, 503);
}

}  // namespace
}  // namespace troupe
