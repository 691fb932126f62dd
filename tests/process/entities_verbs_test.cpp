// Entities of the real program: served from a model file, turned off and on by the command line, and whole after a
// kill -9 in the middle of writes.
#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "gateways/http/client.hpp"
#include "tests/entities/models.hpp"
#include "tests/process/program.hpp"

namespace troupe::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

struct entities_program : testing::Test {
  entities_program()
      : model(home.write("model.json", std::string(library_model))),
        node({"--services", "http,cache,db,entities", "--set", "entities.model=" + model}) {}

  outcome ask(std::vector<std::string> words) const {
    words.push_back("--http");
    words.push_back(node.url());
    return run(words);
  }
  expected<http_answer> call(const std::string& method, const std::string& target, const std::string& body = {}) const {
    return http_call(node.http, method, target, body, {{"Content-Type", "application/json"}}, patience);
  }
  int status_of(const std::string& target) const {
    const auto a = call("GET", target);
    return a ? a->status : 0;
  }

  temporary_directory home;
  std::string model;
  single_node node;
};

TEST_F(entities_program, are_turned_off_and_on_by_the_command_line) {
  EXPECT_EQ(status_of("/v1/entities/book"), 200);
  auto o = ask({"entities", "off", "Book"});
  EXPECT_EQ(o.exit_code, 0) << o.err;
  EXPECT_EQ(status_of("/v1/entities/book"), 503) << "no other node has it";
  EXPECT_EQ(status_of("/v1/entities/library"), 200);
  o = ask({"services"});
  EXPECT_THAT(o.out, HasSubstr("entities/book"));
  o = ask({"entities", "on", "book"});
  EXPECT_EQ(o.exit_code, 0) << o.err;
  EXPECT_EQ(status_of("/v1/entities/book"), 200);
  o = ask({"entities", "off", "unicorn"});
  EXPECT_EQ(o.exit_code, 1);
  EXPECT_THAT(o.err, HasSubstr("the model has no such entity"));
  EXPECT_EQ(ask({"entities", "off"}).exit_code, 64);
  EXPECT_EQ(ask({"entities", "sideways", "Book"}).exit_code, 64);
}

TEST_F(entities_program, keep_every_acknowledged_row_through_a_kill) {
  std::atomic<int> acknowledged{0};
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      const auto made = call("POST", "/v1/entities/library", R"({"name": "n", "city": "c"})");
      if (made && made->status == 201) ++acknowledged;
    }
  });
  const auto enough = [&](int rows) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (acknowledged < rows && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    return acknowledged >= rows;
  };
  EXPECT_TRUE(enough(50));
  node.process->kill_at_once();
  stop = true;
  writer.join();
  node.crash_and_restart();
  const auto page = call("GET", "/v1/entities/library?$count=true&$limit=1");
  ASSERT_TRUE(page);
  ASSERT_EQ(page->status, 200) << page->body;
  const auto count = json::parse(page->body)["count"].get<int>();
  EXPECT_GE(count, acknowledged);
  EXPECT_LE(count, acknowledged + 1) << "at most the one that nobody answered";
}

}  // namespace
}  // namespace troupe::test
