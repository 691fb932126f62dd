// Event-sourced grains on real nodes: what was answered is in the stream, once, whatever happens to the nodes. On one
// node with SQLite; on three with a real PostgreSQL, where that is installed.
#include "tests/node/actors_fixture.hpp"

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include <troupe/caf_persistence.hpp>

#include "tests/db/postgres_cluster.hpp"

namespace troupe {
namespace {

struct counted {
  std::set<std::string> ids;
};

const std::vector<migration> schema = {journal::tables(1),
                                       {2, "sums", "create table sums(one bigint primary key, n bigint not null)"}};

std::shared_ptr<const event_rules<counted>> counting() {
  auto r = std::make_shared<event_rules<counted>>();
  r->on_bytes("counted", 1, [](counted& c, const std::string& id) -> expected<void> {
    if (!c.ids.insert(id).second) return fail(errc::corrupt, id + " twice");
    return {};
  });
  return r;
}

// Counts each id once and says how many it has; "look" is none.
caf::behavior counter(grain* self, const journal& j) {
  static const auto rules = counting();
  event_source<counted> its(self, j, "counter-" + self->grain_id(), rules);
  return {[=](const std::string& id) mutable -> caf::result<std::string> {
    const auto has = [its] { return std::to_string(its.state().ids.size()); };
    if (id == "look" || its.state().ids.contains(id)) return has();
    auto answer = self->make_response_promise<std::string>();
    its.persist_all({{"counted", 1, id}}, [=](const expected<void>& stored) mutable {
      if (stored)
        answer.deliver(has());
      else
        answer.deliver(to_caf(stored.error()));
    });
    return answer;
  }};
}

projection_options sums(const journal& j) {
  projection_options o;
  o.name = "sums";
  const auto add = journal(j).where().prepare(
      "add", "insert into sums(one, n) values(1, $1) on conflict (one) do update set n = sums.n + excluded.n");
  o.writes = [add = *add](const std::vector<stored_event>& page) {
    return expected<std::vector<sql_call>>({sql_call{add, {static_cast<std::int64_t>(page.size())}}});
  };
  return o;
}

class persistence_test : public actors_test {
 protected:
  void TearDown() override {
    journals_.clear();
    cluster_.reset();
  }

  void start_nodes(std::size_t nodes, const std::string& dsn = {}) {
    journals_.resize(nodes);
    local_cluster_options o;
    o.nodes = nodes;
    o.services = {"cache", "db"};
    o.adjust = [dsn](config& c, std::size_t) {
      c.cache.shards = 16;
      if (dsn.empty()) return;
      c.db.type = "postgres";
      c.db.dsn = dsn;
    };
    o.equip = [this](node_options& brings, std::size_t i) {
      brings.actors.emplace().prepare = [this, i](cluster_actors& cluster) {
        const auto opened = cluster.open_journal("bank", schema);
        ASSERT_TRUE(opened) << describe(opened.error());
        journals_[i] = *opened;
        EXPECT_TRUE(cluster.grains().add("counter", [j = *opened](grain* self) { return counter(self, j); }));
      };
    };
    auto started = local_cluster::start(std::move(o));
    ASSERT_TRUE(started) << describe(started.error());
    cluster_.emplace(std::move(*started));
  }

  expected<std::string> ask_once(std::size_t at, const std::string& id, const std::string& what) {
    auto& cluster = cluster_->at(at).actors();
    const caf::scoped_actor me(cluster.system());
    expected<std::string> answer = fail(errc::deadline_exceeded, "test");
    me->request(*cluster.grains().ref("counter", id), 3s, what)
        .receive([&](const std::string& text) { answer = text; },
                 [&](const caf::error& e) { answer = tl::unexpected<error>(from_caf(e)); });
    return answer;
  }
  // What may be asked twice is asked until it is answered.
  std::string ask(std::size_t at, const std::string& id, const std::string& what) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    expected<std::string> r;
    do {
      r = ask_once(at, id, what);
    } while (!r && std::chrono::steady_clock::now() < end);
    EXPECT_TRUE(r) << (r ? "" : describe(r.error()));
    return r.value_or("");
  }
  std::size_t index_of(const std::string& place) { return static_cast<std::size_t>(place.back() - '1'); }
  std::size_t events(std::size_t at, const std::string& id) {
    const auto page = journals_[at]->read("counter-" + id, 0);
    EXPECT_TRUE(page) << (page ? "" : describe(page.error()));
    return page ? page->size() : 0;
  }
  std::int64_t summed(std::size_t at) {
    const auto r = journals_[at]->where().query("select n from sums");
    return r && !r->empty() ? r->get<std::int64_t>(0, 0).value_or(-1) : 0;
  }

  std::vector<std::optional<journal>> journals_;
};

class persistence_on_postgres : public persistence_test {
 protected:
  static void SetUpTestSuite() {
    server() = test::postgres_node::make();
    if (server()) server()->start();
  }
  static void TearDownTestSuite() { server().reset(); }
  void SetUp() override {
    if (!server()) GTEST_SKIP() << "PostgreSQL 15 is not installed";
    server()->sql("drop schema if exists bank cascade");
    start_nodes(3, server()->dsn());
  }
  static std::unique_ptr<test::postgres_node>& server() {
    static std::unique_ptr<test::postgres_node> one;
    return one;
  }
};

TEST_F(persistence_test, a_grain_is_what_its_events_are_after_its_node_was_killed) {
  start_nodes(1);
  EXPECT_EQ(ask(0, "a", "x"), "1");
  EXPECT_EQ(ask(0, "a", "y"), "2");
  journals_[0].reset();
  cluster_->kill(0);
  ASSERT_TRUE(cluster_->restart(0));
  EXPECT_EQ(ask(0, "a", "look"), "2");
  EXPECT_EQ(ask(0, "a", "z"), "3");
}

TEST_F(persistence_test, a_grain_that_another_one_wrote_for_gives_its_messages_to_the_next_activation) {
  start_nodes(1);
  EXPECT_EQ(ask(0, "a", "x"), "1");
  ASSERT_TRUE(journals_[0]->append({"counter-a", 1, {{"counted", 1, "somebody's"}}, {}}));
  const auto refused = ask_once(0, "a", "y");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::condition_failed);
  EXPECT_EQ(ask_once(0, "a", "y").value_or("no"), "3") << "it has read what is there";
}

TEST_F(persistence_test, a_grain_that_cannot_be_replayed_says_why_and_tries_again_with_each_message) {
  start_nodes(1);
  ASSERT_TRUE(journals_[0]->append({"counter-a", 0, {{"counted", 9, "x"}}, {}}));
  for (int n = 0; n < 2; ++n) {
    const auto r = ask_once(0, "a", "look");
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code, errc::not_implemented) << describe(r.error());
    EXPECT_NE(r.error().context.find("counter-a: event 1"), std::string::npos) << r.error().context;
  }
  ASSERT_TRUE(journals_[0]->erase("counter-a", 1));
  EXPECT_EQ(ask(0, "a", "look"), "0");
}

TEST_F(persistence_on_postgres, events_are_stored_once_while_a_node_dies_and_a_projection_sums_them_once) {
  const auto sum_on = [this](std::size_t i) {
    EXPECT_TRUE(cluster_->at(i).actors().singleton(
        "sums", [j = *journals_[i]](const singleton_start& s) { return *run_projection(s.system, j, sums(j)); }));
  };
  for (std::size_t i = 0; i < 3; ++i) sum_on(i);
  constexpr int each = 40;
  const std::vector<std::string> ids{"a", "b", "c", "d", "e"};
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  for (std::size_t c = 0; c < 2; ++c) {
    clients.emplace_back([&, c] {
      for (int n = 0; n < each; ++n) {
        for (const auto& id : ids) {
          (void)ask(c, id, "c" + std::to_string(c) + "-" + std::to_string(n));
          ++answered;
        }
      }
    });
  }
  while (answered < 100) std::this_thread::yield();
  journals_[2].reset();
  cluster_->kill(2);
  for (auto& t : clients) t.join();
  const auto wanted = static_cast<std::int64_t>(2 * each * ids.size());
  for (const auto& id : ids) {
    EXPECT_EQ(ask(0, id, "look"), std::to_string(2 * each));
    EXPECT_EQ(events(0, id), static_cast<std::size_t>(2 * each));
  }
  EXPECT_TRUE(cluster_->wait_until([&](local_cluster&) { return summed(0) >= wanted; }));
  EXPECT_EQ(summed(0), wanted);
}

TEST_F(persistence_on_postgres, an_activation_that_stood_still_writes_nothing_beside_the_next_one) {
  EXPECT_EQ(ask(0, "a", "x"), "1");
  // A place that is not the only one the test asks from.
  std::string id;
  for (int n = 0; id.empty(); ++n) {
    const auto candidate = "g" + std::to_string(n);
    const auto place = cluster_->at(0).actors().grains().place_of("counter", candidate);
    if (place && index_of(*place) == 2) id = candidate;
  }
  EXPECT_EQ(ask(0, id, "before"), "1");
  cluster_->pause(2);
  EXPECT_EQ(ask(0, id, "meanwhile"), "2") << "by another activation";
  cluster_->resume(2);
  EXPECT_TRUE(cluster_->wait_until([](local_cluster& c) { return c.converged(); }));
  for (std::size_t at = 0; at < 3; ++at) EXPECT_EQ(ask(at, id, "later" + std::to_string(at)), std::to_string(3 + at));
  EXPECT_EQ(events(0, id), 5U);
}

}  // namespace
}  // namespace troupe
