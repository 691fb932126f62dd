// A stock whose state is what happened to it: its actor ends and begins again, and knows what it has. Beside it a
// projection counts what was sold, in a table of the same database: each event once.
#include <chrono>
#include <cstdio>
#include <thread>

#include <troupe/caf_actors.hpp>
#include <troupe/caf_persistence.hpp>
#include <troupe/node.hpp>

#include <caf/exit_reason.hpp>
#include <caf/meta/type_name.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

struct moved {  // into the stock, or out of it
  std::int32_t pieces = 0;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, moved& x) {
  return f(caf::meta::type_name("moved"), x.pieces);
}

struct stock {  // also the image of it that a snapshot keeps
  std::int32_t pieces = 0;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, stock& x) {
  return f(caf::meta::type_name("stock"), x.pieces);
}

const auto rules = [] {
  auto r = std::make_shared<troupe::event_rules<stock>>();
  r->on<moved>("moved", 2, [](stock& s, const moved& e) { s.pieces += e.pieces; });
  // Version 1 knew dozens only; its events are still there.
  r->upcast("moved", 1, [](troupe::journal_event e) -> troupe::expected<troupe::journal_event> {
    return troupe::journal_event{"dozens", 1, std::move(e.bytes)};
  });
  r->on_bytes("dozens", 1, [](stock& s, const std::string& bytes) -> troupe::expected<void> {
    s.pieces += 12 * std::stoi(bytes);
    return {};
  });
  const auto same = [](const stock& s) { return s; };
  r->snapshot<stock>("stock", 1, same, same);
  return r;
}();

// Answers what comes or goes with what there is then, and refuses to give what is not there: nothing happened.
caf::behavior keeper(caf::event_based_actor* self, const troupe::journal& journal) {
  troupe::event_source<stock> its(self, journal, "stock-bolts", rules, {.snapshot_every = 2});
  return {[=](std::int32_t pieces) mutable -> caf::result<std::int32_t> {
    if (its.state().pieces + pieces < 0) return troupe::to_caf({troupe::errc::condition_failed, "not enough"});
    auto answer = self->make_response_promise<std::int32_t>();
    its.persist(moved{pieces}, [=](const troupe::expected<void>& stored) mutable {
      if (stored)
        answer.deliver(its.state().pieces);
      else
        answer.deliver(troupe::to_caf(stored.error()));
    });
    return answer;
  }};
}

int main() {
  troupe::config settings;
  settings.node.name = "shop";
  settings.node.services = {"db"};
  settings.node.data_dir = "./shop-data";
  settings.cluster.bind = "127.0.0.1:0";
  settings.log.level = "error";
  troupe::node_options brings;
  brings.actors.emplace().configure = [](caf::actor_system_config& c) {
    c.add_message_type<moved>("moved").add_message_type<stock>("stock");
  };
  auto node = troupe::node::start(settings, std::move(brings));
  if (!node) return 1;
  auto journal = node->open_journal(
      "shop", {troupe::journal::tables(1), {2, "moves", "create table moves(stream text primary key, n bigint)"}});
  if (!journal) return 1;
  (void)journal->append({"stock-bolts", 0, {{"moved", 1, "1"}}, "of a former life"});  // a dozen

  auto& system = node->actors().system();
  const auto ask = [&](const caf::actor& whom, std::int32_t pieces) {
    caf::scoped_actor me(system);
    me->request(whom, std::chrono::seconds(5), pieces)
        .receive([](std::int32_t has) { std::printf("%d pieces\n", has); },
                 [](const caf::error& e) { std::printf("no: %s\n", describe(troupe::from_caf(e)).c_str()); });
  };
  const auto first = system.spawn(keeper, *journal);
  ask(first, 8);
  ask(first, -15);
  ask(first, -6);
  caf::anon_send_exit(first, caf::exit_reason::user_shutdown);
  const auto begins = journal->load("stock-bolts");
  std::printf("begins again behind event %llu of 3\n", static_cast<unsigned long long>(begins ? begins->base : 0));
  ask(system.spawn(keeper, *journal), 100);

  troupe::projection_options counting;
  counting.name = "moves";
  counting.writes = [count = *journal->where().prepare("count",
                                                       "insert into moves(stream, n) values($1, 1) on conflict "
                                                       "(stream) do update set n = moves.n + 1")](
                        const std::vector<troupe::stored_event>& page) {
    std::vector<troupe::sql_call> calls;
    for (const auto& e : page) calls.push_back({count, {e.stream}});
    return troupe::expected<std::vector<troupe::sql_call>>(calls);
  };
  const auto projection = troupe::run_projection(system, *journal, counting);
  const auto last = journal->read_all(0);
  if (!projection || !last) return 1;
  while (journal->cursor_of("moves").value_or(0) < last->back().position)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const auto moves = journal->where().query("select n from moves");
  std::printf("%lld moves\n", static_cast<long long>(moves->get<std::int64_t>(0, 0).value_or(0)));
  caf::anon_send_exit(*projection, caf::exit_reason::user_shutdown);
}
