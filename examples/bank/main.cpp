// Accounts as grains whose state is their events, and transfers between them that survive the end of a node. README.md
// says why the sum never changes.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include <troupe/caf_actors.hpp>
#include <troupe/caf_persistence.hpp>
#include <troupe/local_cluster.hpp>

#include <caf/meta/type_name.hpp>
#include <caf/scoped_actor.hpp>

using namespace std::chrono_literals;

constexpr int accounts = 8;
constexpr std::int64_t paid_in = 1000;  // into each

// One type is enough for four events: what happened is the name that it has in the journal.
template <int Kind>
struct event {
  std::string id;     // of the transfer
  std::string other;  // the other account
  std::int64_t amount = 0;
};
using opened = event<0>;
using sent = event<1>;
using received = event<2>;
using settled = event<3>;
template <class Inspector, int Kind>
typename Inspector::result_type inspect(Inspector& f, event<Kind>& x) {
  return f(caf::meta::type_name("event"), x.id, x.other, x.amount);
}

struct account {
  std::int64_t balance = 0;
  std::map<std::string, sent> pending;  // sent, and not known to be received
  std::set<std::string> known;          // every transfer that it took part in
};

const auto rules = [] {
  auto r = std::make_shared<troupe::event_rules<account>>();
  r->on<opened>("opened", 1, [](account& a, const opened& e) { a.balance += e.amount; });
  r->on<sent>("sent", 1, [](account& a, const sent& e) {
    a.balance -= e.amount;
    a.pending[e.id] = e;
    a.known.insert(e.id);
  });
  r->on<received>("received", 1, [](account& a, const received& e) {
    a.balance += e.amount;
    a.known.insert(e.id);
  });
  r->on<settled>("settled", 1, [](account& a, const settled& e) { a.pending.erase(e.id); });
  return r;
}();

using look_atom = caf::atom_constant<caf::atom("look")>;        // -> what is pending
using send_atom = caf::atom_constant<caf::atom("send")>;        // id, to, amount -> 0 once that is stored
using receive_atom = caf::atom_constant<caf::atom("receive")>;  // id, from, amount -> 0 once that is stored
using retry_atom = caf::atom_constant<caf::atom("retry")>;      // id: to itself

struct teller {
  troupe::grain* self;
  troupe::grains* others;
  troupe::event_source<account> its;

  template <class Event>
  caf::result<std::int64_t> store(
      const Event& e, std::function<void()> then = [] {}) {
    auto answer = self->make_response_promise<std::int64_t>();
    its.persist(e, [=](const troupe::expected<void>& stored) mutable {
      if (!stored) return void(answer.deliver(troupe::to_caf(stored.error())));
      answer.deliver(std::int64_t{0});
      then();
    });
    return answer;
  }
  // The second step and the third, again and again until both are stored.
  void go_on(const std::string& id) {
    const auto found = its.state().pending.find(id);
    if (found == its.state().pending.end()) return;
    const auto& t = found->second;
    const auto to = others->ref("account", t.other);
    if (!to) return;
    self->request(*to, 2s, receive_atom::value, t.id, self->grain_id(), t.amount)
        .then(
            [me = *this, id](std::int64_t) mutable {
              me.its.persist(settled{id, {}, 0});
            },
            [me = *this, id](const caf::error&) { me.self->delayed_send(me.self, 200ms, retry_atom::value, id); });
  }
};

caf::behavior an_account(troupe::grain* self, troupe::grains* others, const troupe::journal& journal) {
  teller me{self, others, {self, journal, "account-" + self->grain_id(), rules}};
  me.its.on_ready([me]() mutable {
    if (me.its.version() == 0) me.its.persist(opened{"", "", paid_in});
    for (const auto& [id, t] : me.its.state().pending) me.go_on(id);
  });
  return {
      [me](look_atom) { return static_cast<std::int64_t>(me.its.state().pending.size()); },
      [me](send_atom, const std::string& id, const std::string& to,
           std::int64_t amount) mutable -> caf::result<std::int64_t> {
        if (me.its.state().known.contains(id)) return std::int64_t{0};
        if (me.its.state().balance < amount) return troupe::to_caf({troupe::errc::invalid_argument, "not enough"});
        return me.store(sent{id, to, amount}, [me, id]() mutable { me.go_on(id); });
      },
      [me](receive_atom, const std::string& id, const std::string& from,
           std::int64_t amount) mutable -> caf::result<std::int64_t> {
        if (me.its.state().known.contains(id)) return std::int64_t{0};
        return me.store(received{id, from, amount});
      },
      [me](retry_atom, const std::string& id) mutable { me.go_on(id); },
  };
}

// What the journal says, event by event: the sum is right behind each of them. None: it was not.
std::optional<std::int64_t> sum_of(troupe::journal& journal, caf::actor_system& system) {
  std::map<std::string, account> all;
  std::int64_t in = 0;
  std::map<std::string, std::int64_t> on_its_way;
  for (auto page = journal.read_all(0); !page || !page->empty(); page = journal.read_all(page->back().position)) {
    if (!page) return std::nullopt;
    for (const auto& e : *page) {
      if (!rules->events().apply(&all[e.stream], e.event, system)) return std::nullopt;
      const auto t = troupe::read_event<sent>(e.event.bytes, system);
      if (e.event.type == "opened") in += paid_in;
      if (t && e.event.type == "sent") on_its_way[t->id] = t->amount;
      if (const auto r = troupe::read_event<received>(e.event.bytes, system); r) on_its_way.erase(r->id);
      std::int64_t sum = 0;
      for (const auto& [name, a] : all) sum += a.balance;
      for (const auto& [id, amount] : on_its_way) sum += amount;
      if (sum != in) return std::nullopt;
    }
  }
  return on_its_way.empty() ? std::optional(in) : std::nullopt;
}

int main() {
  const char* dsn = std::getenv("BANK_DSN");
  const auto first = std::make_shared<std::optional<troupe::journal>>();  // of the first node: that of all in SQLite
  troupe::local_cluster_options options{.nodes = 3, .services = {"cache"}};
  options.adjust = [dsn](troupe::config& c, std::size_t index) {
    if (dsn != nullptr || index == 0) c.node.services.push_back("db");
    if (dsn == nullptr) return;
    c.db.type = "postgres";
    c.db.dsn = dsn;
  };
  options.equip = [dsn, first](troupe::node_options& brings, std::size_t index) {
    auto& actors = brings.actors.emplace();
    actors.configure = [](caf::actor_system_config& c) {
      c.add_message_type<opened>("opened").add_message_type<sent>("sent");
      c.add_message_type<received>("received").add_message_type<settled>("settled");
    };
    actors.prepare = [dsn, first, index](troupe::cluster_actors& cluster) {
      auto journal = dsn != nullptr || index == 0 ? cluster.open_journal("bank") : first->value();
      if (!journal) throw std::runtime_error(describe(journal.error()));
      if (index == 0) *first = *journal;
      (void)cluster.grains().add("account", [grains = &cluster.grains(), j = *journal](troupe::grain* self) {
        return an_account(self, grains, j);
      });
    };
  };
  auto nodes = troupe::local_cluster::start(std::move(options));
  if (!nodes) return 1;
  auto& cluster = nodes->at(0).actors();
  caf::scoped_actor me(cluster.system());
  const auto name = [](int n) { return "a" + std::to_string(n % accounts); };
  // Asks an account until it answers: what it is asked may be asked twice. What it says, or -1 when it refuses.
  const auto ask = [&](const std::string& whom, const auto&... what) {
    std::optional<std::int64_t> answer;
    while (!answer) {
      me->request(*cluster.grains().ref("account", whom), 2s, what...)
          .receive([&](std::int64_t pending) { answer = pending; },
                   [&](const caf::error& e) {
                     if (troupe::from_caf(e).code == troupe::errc::invalid_argument) answer = -1;
                   });
    }
    return *answer;
  };

  int done = 0;
  for (int n = 0; n < 40; ++n) {
    if (n == 20) nodes->kill(2);
    done += ask(name(n), send_atom::value, "t" + std::to_string(n), name(n * 3 + 1), std::int64_t{n + 1}) == 0 ? 1 : 0;
  }
  std::printf("%d transfers, n3 was killed behind 20\n", done);
  for (int n = 0; n < accounts; ++n) {
    while (ask(name(n), look_atom::value) > 0) std::this_thread::sleep_for(50ms);
  }
  const auto sum = sum_of(first->value(), cluster.system());
  std::printf("the sum is %lld, nothing is pending\n", static_cast<long long>(sum.value_or(-1)));
  nodes->kill(1);  // before the node whose database it uses
  first->reset();
  return sum == accounts * paid_in ? 0 : 1;
}
