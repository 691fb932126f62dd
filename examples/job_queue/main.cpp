// Jobs in a table, handed out by a singleton, and watched by a reminder each: what a worker takes and does not confirm
// is handed out again, whoever has died meanwhile. README.md says what is promised, and what is not.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <troupe/caf_actors.hpp>
#include <troupe/local_cluster.hpp>

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

using namespace std::chrono_literals;

constexpr int jobs = 20;
constexpr auto look_every = 500ms;  // what is taken and not confirmed waits again at the second look
std::atomic<std::size_t> dispatches{0};

// A dispatcher answers with the job that it has changed: id (0: none), what, which try it is.
using submit_atom = caf::atom_constant<caf::atom("submit")>;    // id, what; none: it was there already
using take_atom = caf::atom_constant<caf::atom("take")>;        // none: none waits
using confirm_atom = caf::atom_constant<caf::atom("confirm")>;  // id; none: it was never handed out
using look_atom = caf::atom_constant<caf::atom("look")>;        // id; none: it is done, look no more
using step = std::function<void()>;                             // of a dispatcher, when its database has answered
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(step)

const std::vector<troupe::migration> tables{
    {1, "job",
     "create table job(id bigint primary key check(id > 0), what text not null, "
     "tries bigint not null default 0, state text not null default 'waiting')"}};

// Keeps nothing: all that it knows is in the table, so the next one goes on where this one was cut off. Each change is
// one statement that says what it finds: an old dispatcher, should it still have something under way, does no harm.
struct dispatcher : caf::event_based_actor {
  troupe::database db;
  troupe::grains* grains;
  dispatcher(caf::actor_config& cfg, troupe::database d, troupe::grains* g)
      : caf::event_based_actor(cfg), db(std::move(d)), grains(g) {}

  caf::behavior make_behavior() override {
    return {[](const step& f) { f(); },
            [](troupe::hand_over_atom) { return std::string(); },
            [this](submit_atom, std::int64_t id, const std::string& what) {
              const auto* text = "insert into job(id, what) values($1, $2) on conflict do nothing returning *";
              run("submit", text, {id, what}, answer());
            },
            [this](take_atom) { take(answer()); },
            [this](confirm_atom, std::int64_t id) {
              run("confirm", "update job set state = 'done' where id = $1 and tries > 0 returning *", {id}, answer());
            },
            [this](look_atom, std::int64_t id) {
              const auto* text =
                  "update job set state = case state when 'taken' then 'late' else 'waiting' end "
                  "where id = $1 and state <> 'done' returning *";
              run("look", text, {id}, answer());
            }};
  }

  using rows = troupe::expected<troupe::sql_result>;
  using callback = std::function<void(const rows&)>;
  void run(const char* name, const char* text, troupe::sql_row values, const callback& then) {
    const auto statement = db.prepare(name, text);
    if (!statement) return then(tl::unexpected(statement.error()));
    db.execute(*statement, std::move(values),
               [me = caf::actor(this), then](const rows& r) { caf::anon_send(me, step([then, r] { then(r); })); });
  }
  callback answer() {
    return [to = make_response_promise()](const rows& r) mutable {
      if (!r) return to.deliver(troupe::to_caf(r.error()));
      to.deliver(r->get<std::int64_t>(0, 0).value_or(0), r->get<std::string>(0, 1).value_or(""),
                 r->get<std::int64_t>(0, 2).value_or(0));
    };
  }
  // First the reminder, then the table: a job that is taken is watched.
  void take(const callback& give) {
    run("first", "select id from job where state = 'waiting' order by id limit 1", {}, [=, this](const rows& first) {
      if (!first || first->empty()) return give(first);
      const auto id = first->get<std::int64_t>(0, 0).value_or(0);
      const auto due = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::system_clock::now() + look_every);
      const auto watched = [=, this](caf::ok_atom) {
        const auto* text =
            "update job set state = 'taken', tries = tries + 1 where id = $1 and state = 'waiting' returning *";
        run("take", text, {id}, give);
      };
      request(*grains->ref("job", std::to_string(id)), 5s, troupe::remind_message({"look", due, look_every}))
          .then(watched, [=](const caf::error& e) { give(tl::unexpected(troupe::from_caf(e))); });
    });
  }
};

// A tick of a job's reminder is done with when the dispatcher, wherever that is, has answered; else it comes again.
caf::behavior watched_job(troupe::grain* self, troupe::cluster_actors* cluster) {
  return {[=](const troupe::reminder_fired&) -> caf::result<bool> {
    const auto to = cluster->singleton("dispatcher");
    if (!to) return troupe::to_caf(to.error());
    auto answer = self->make_response_promise<bool>();
    const auto looked = [=](std::int64_t job, const std::string&, std::int64_t) mutable {
      if (job == 0) self->forget_reminder("look");
      answer.deliver(true);
    };
    const std::int64_t id = std::strtoll(self->grain_id().c_str(), nullptr, 10);
    self->request(*to, 5s, look_atom::value, id).then(looked, [=](const caf::error& e) mutable { answer.deliver(e); });
    return answer;
  }};
}

// One job at a time. Those that are hard are never finished by the first who tries.
caf::behavior worker(caf::event_based_actor* self, const std::string& node, const caf::actor& from) {
  const auto next = [=](std::chrono::milliseconds in) { self->delayed_send(self, in, take_atom::value); };
  const auto begin = [=](std::int64_t id, const std::string& what, std::int64_t tried) {
    if (id == 0) return next(50ms);
    self->delayed_send(self, 150ms, confirm_atom::value, id, what == "hard" && tried == 1);
  };
  const auto confirmed = [=](std::int64_t, const std::string&, std::int64_t) { next(0ms); };
  const auto failed = [=](const caf::error&) { next(50ms); };  // what was not confirmed is done again
  next(0ms);
  return {[=](take_atom) { self->request(from, 3s, take_atom::value).then(begin, failed); },
          [=](confirm_atom, std::int64_t id, bool gives_up) {
            if (gives_up) return next(0ms);
            std::printf("job %d done at %s\n", static_cast<int>(id), node.c_str());
            self->request(from, 3s, confirm_atom::value, id).then(confirmed, failed);
          }};
}

// Asks until it is answered: the same id is the same job.
bool submit(troupe::cluster_actors& cluster, std::int64_t id, const std::string& what) {
  caf::scoped_actor me(cluster.system());
  bool done = false;
  troupe::error why;
  for (int tries = 0; tries < 20 && !done && why.code != troupe::errc::invalid_argument; ++tries) {
    if (tries > 0) std::this_thread::sleep_for(100ms);
    me->request(*cluster.singleton("dispatcher"), 2s, submit_atom::value, id, what)
        .receive([&](std::int64_t, const std::string&, std::int64_t) { done = true; },
                 [&](const caf::error& e) { why = troupe::from_caf(e); });
  }
  if (!done) std::printf("job %d is refused: %s\n", static_cast<int>(id), describe(why).c_str());
  return done;
}

bool run(troupe::local_cluster& nodes, bool shared) {
  const auto open = [&](std::size_t i) { return nodes.at(shared ? i : 0).open_database("jobs", tables); };
  auto db = open(0);
  if (!db || !open(1) || !open(2)) return false;  // the leader makes the table, and any of them may be that
  // With all nodes new there are no reminders: what was out waits again.
  const auto* text = "update job set state = 'waiting' where state <> 'done'";
  if (!nodes.wait_until([&](auto&) { return db->execute(text).has_value(); })) return false;
  for (std::size_t i = 0; i < 3; ++i) {
    auto& cluster = nodes.at(i).actors();
    const auto make = [its = *open(i), grains = &cluster.grains(), i](const troupe::singleton_start& s) {
      dispatches = i;
      return s.system.spawn<dispatcher>(its, grains);
    };
    const auto from = cluster.singleton("dispatcher", make, {.at = troupe::where::role("dispatcher")});
    if (!from) return false;
    cluster.system().spawn(worker, "n" + std::to_string(i + 1), *from);
  }
  auto& cluster = nodes.at(0).actors();
  if (submit(cluster, 0, "no job")) return false;
  for (std::int64_t id = 1; id <= jobs; ++id) {
    if (!submit(cluster, id, id % 7 == 0 ? "hard" : "easy")) return false;
    if (id == jobs / 2) nodes.kill(dispatches);
  }
  const auto count = [&db](const std::string& which) {
    const auto r = db->query("select count(*) from job where " + which);
    return static_cast<int>(r ? r->get<std::int64_t>(0, 0).value_or(-1) : -1);
  };
  const bool all = nodes.wait_until([&](auto&) { return count("state <> 'done'") == 0; });
  std::printf("%d jobs are done, %d of them at a later try\n", count("state = 'done'"), count("tries > 1"));
  return all;
}

int main() {
  const char* dsn = std::getenv("JOBS_DSN");
  troupe::local_cluster_options options{.nodes = 3, .services = {"cache"}};
  options.adjust = [dsn](troupe::config& c, std::size_t i) {
    c.cache.replicas = 1;  // of the reminders: one node may die at a time
    if (i > 0) c.node.tags["role"] = "dispatcher";
    if (dsn != nullptr || i == 0) c.node.services.push_back("db");
    if (dsn != nullptr) c.db = {.type = "postgres", .dsn = dsn};
  };
  options.equip = [](troupe::node_options& brings, std::size_t) {
    brings.actors.emplace().prepare = [](troupe::cluster_actors& cluster) {
      const auto job = [c = &cluster](troupe::grain* self) { return watched_job(self, c); };
      (void)cluster.grains().add("job", job, {.reminder_cache = "default"});
    };
  };
  auto nodes = troupe::local_cluster::start(std::move(options));
  if (!nodes) return 1;
  const bool all = run(*nodes, dsn != nullptr);
  for (std::size_t i = 1; i < 3; ++i) nodes->kill(i);  // before the node whose database they use
  if (!all) std::printf("not all is done\n");
  return all ? 0 : 1;
}
