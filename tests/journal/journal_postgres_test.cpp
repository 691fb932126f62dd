// The stories of a journal on a real PostgreSQL, with two nodes; skipped where that is not installed.
#include "tests/db/postgres_fixture.hpp"
#include "tests/journal/journal_stories.hpp"

namespace troupe {
namespace {

class postgres_place {
 public:
  static void open_all() {
    server() = test::postgres_node::make();
    if (server()) server()->start();
  }
  static void close_all() { server().reset(); }
  static bool is_there() { return server() != nullptr; }

  postgres_place() {
    static int namespaces = 0;
    const auto name = "bank" + std::to_string(++namespaces);
    db_config c;
    c.type = "postgres";
    c.dsn = server()->dsn();
    for (const std::uint64_t term : {1, 0}) {  // the first one applies the migrations
      services_.push_back(std::make_unique<postgres_service>(c, term));
      auto db = (*services_.back())->open(name, bank_schema);
      if (!db) throw std::runtime_error(db.error().context);
      nodes_.push_back(*db);
      if (!eventually([&] { return nodes_.back().query("select 1 from journal_order").has_value(); }))
        throw std::runtime_error("the tables are not there");
    }
  }
  ~postgres_place() {
    nodes_.clear();
    services_.clear();
  }

  [[nodiscard]] database& node(std::size_t i) { return nodes_[i]; }

 private:
  static std::unique_ptr<test::postgres_node>& server() {
    static std::unique_ptr<test::postgres_node> one;
    return one;
  }
  std::vector<std::unique_ptr<postgres_service>> services_;
  std::vector<database> nodes_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(on_postgres, journal_stories, postgres_place);

}  // namespace
}  // namespace troupe
