// What may be wrong with modules before any of them starts.
#include "runtime/modules/module_spec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe {
namespace {

using testing::Contains;
using testing::HasSubstr;
using words = std::vector<std::string>;

const words services{"http", "db"};

module_spec spec(std::string name, std::vector<module_import> imports = {}, words exported = {}) {
  module_spec s;
  s.name = std::move(name);
  s.imports = std::move(imports);
  s.exports = std::move(exported);
  return s;
}
module_import anywhere(std::string name) { return {std::move(name), import_scope::anywhere, true}; }

TEST(module_spec, finds_no_fault_with_a_chain) {
  EXPECT_EQ(
      faults_of({spec("a", {{"db"}}, {"x"}), spec("b", {{"a"}, {"x"}}), spec("c", {anywhere("far-away")})}, services),
      words{});
}

TEST(module_spec, refuses_twins_and_names_that_are_taken) {
  EXPECT_THAT(faults_of({spec("a"), spec("a")}, services), Contains("module a: there are two modules of this name"));
  EXPECT_THAT(faults_of({spec("db")}, services), Contains("module db: this is the name of a service of the program"));
  EXPECT_THAT(faults_of({spec("a", {}, {"x"}), spec("b", {}, {"x"})}, services),
              Contains("module b: exports x, which another module exports too"));
  EXPECT_THAT(faults_of({spec("a", {}, {"http"})}, services),
              Contains("module a: exports http, which is a service of the program"));
}

TEST(module_spec, refuses_bad_names) {
  for (const auto& name : {std::string(), std::string("A"), std::string("1a"), std::string("a/b"), std::string("a b"),
                           std::string(41, 'a'), std::string("a\n")}) {
    EXPECT_THAT(faults_of({spec(name)}, services), Contains(HasSubstr("a name begins with a small letter"))) << name;
    EXPECT_THAT(faults_of({spec("m", {{name}})}, services), Contains(HasSubstr("which is no name"))) << name;
  }
}

TEST(module_spec, refuses_an_import_of_itself_wherever_it_is_sought) {
  EXPECT_EQ(faults_of({spec("a", {{"a"}})}, services), words{"module a: imports a, which it exports itself"});
  EXPECT_EQ(faults_of({spec("a", {anywhere("x")}, {"x"})}, services),
            words{"module a: imports x, which it exports itself"});
}

TEST(module_spec, refuses_circles_at_one_node_and_shows_them) {
  const std::vector<module_spec> all{spec("z"), spec("a", {{"b"}}), spec("b", {{"x"}}), spec("c", {{"a"}}, {"x"})};
  EXPECT_EQ(faults_of(all, services), words{"module a: none of these can start before the next one: a -> b -> c -> a"});
}

TEST(module_spec, lets_circles_be_that_another_node_or_a_missing_option_may_open) {
  const std::vector<module_spec> far{spec("a", {anywhere("b")}), spec("b", {{"a"}})};
  EXPECT_EQ(faults_of(far, services), words{});
  EXPECT_EQ(arrows(circle_of(far, true)), "a -> b -> a");
  EXPECT_EQ(faults_of({spec("a", {{"b", import_scope::here, false}}), spec("b", {{"a"}})}, services), words{});
}

TEST(module_spec, bounds_what_is_gossiped_and_what_is_imported) {
  words many;
  for (int i = 0; i < 16; ++i) many.push_back("x" + std::to_string(i));
  EXPECT_THAT(faults_of({spec("a", {}, many)}, services), Contains(HasSubstr("export more than 16 names")));
  std::vector<module_import> imports;
  for (int i = 0; i < 33; ++i) imports.push_back({"x" + std::to_string(i)});
  EXPECT_THAT(faults_of({spec("a", imports)}, services), Contains("module a: has more than 32 imports"));
  EXPECT_THAT(faults_of({spec("a", {{"x"}, {"x"}})}, services), Contains("module a: imports x twice"));
  auto s = spec("a");
  s.limits.start_limit = duration::zero();
  EXPECT_THAT(faults_of({s}, services), Contains("module a: its times must be above 0"));
}

}  // namespace
}  // namespace troupe
