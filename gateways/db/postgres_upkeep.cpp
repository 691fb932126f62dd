// What a blocking PostgreSQL session does beside running statements: migrations under a lock and a term, the probe, and
// the end of a schema.
#include <utility>

#include "gateways/db/postgres_session.hpp"
#include "runtime/services/migration_plan.hpp"

namespace troupe {
namespace {

// One lock for each schema, held until the transaction ends; the first number tells ours from others'.
constexpr const char* take_lock = "select pg_advisory_xact_lock(1953656688, hashtext($1))";
// The same lock, until it is given back; a name of a namespace needs no quoting.
std::string lock_for_long(const std::string& name_space) {
  return "select pg_advisory_lock(1953656688, hashtext('" + name_space + "'))";
}
std::string give_lock(const std::string& name_space) {
  return "select pg_advisory_unlock(1953656688, hashtext('" + name_space + "'))";
}
constexpr const char* make_tables =
    "create table if not exists troupe_migrations(number integer primary key, name text not null, checksum text not "
    "null, applied_at timestamptz not null default now(), term bigint not null);"
    "create table if not exists troupe_schema(id integer primary key check(id = 1), fence_term bigint not null, "
    "fence_leader text not null);"
    "insert into troupe_schema values(1, 0, '') on conflict do nothing";
// The empty id is that of pools without a leader: whoever leads a cluster takes over from them.
constexpr const char* raise_term =
    "update troupe_schema set fence_term = $1, fence_leader = $2 where id = 1 and (fence_term < $1 or (fence_term = $1 "
    "and fence_leader in ($2, '00000000000000000000000000000000')))";

// What is wrong with a migration itself. Anything else, a lock that was not to be had for one, may pass.
bool is_fault_of_sql(errc code) {
  return code == errc::invalid_argument || code == errc::already_exists || code == errc::missing_reference ||
         code == errc::access_denied || code == errc::too_large;
}

}  // namespace

expected<std::vector<migration>> postgres_session::missing(const std::vector<migration>& migrations) {
  const auto there = run("select to_regclass('troupe_migrations') is not null", {});
  if (!there) return tl::unexpected(there.error());
  std::vector<applied_migration> applied;
  if (*there->get<bool>(0, 0)) {
    const auto rows = run("select number, name, checksum from troupe_migrations order by number", {});
    if (!rows) return tl::unexpected(rows.error());
    for (std::size_t i = 0; i < rows->size(); ++i) {
      const auto number = rows->get<std::int64_t>(i, 0);
      const auto name = rows->get<std::string>(i, 1);
      const auto checksum = rows->get<std::string>(i, 2);
      if (!number || !name || !checksum) return fail(errc::corrupt, "a row of troupe_migrations has the wrong types");
      applied.push_back({static_cast<std::uint32_t>(*number), *name, *checksum});
    }
  }
  auto plan = plan_migrations(migrations, applied);
  if (!plan) return fail(plan.error().code, "schema " + name_space_ + ": " + plan.error().context);
  return plan;
}

expected<void> postgres_session::migrate(const std::vector<migration>& migrations, const std::optional<fenced>& right) {
  const auto plan = missing(migrations);
  if (!plan) return tl::unexpected(plan.error());
  if (plan->empty()) return {};
  if (!right)
    return fail(errc::unavailable, "schema " + name_space_ + ": the leader has " + std::to_string(plan->size()) +
                                       " migrations to apply first");
  auto applied = apply_all(migrations, *right);
  if (!applied) rollback();
  return applied;
}

// Looks again under the lock: another node may have been faster.
expected<void> postgres_session::apply_all(const std::vector<migration>& migrations, const fenced& right) {
  for (;;) {
    if (auto begun = begin_change(right); !begun) return begun;
    const auto plan = missing(migrations);
    if (!plan) return tl::unexpected(plan.error());
    if (plan->empty()) return commit();
    if (auto done = apply(plan->front()); !done) return done;
    const auto& m = plan->front();
    auto noted = run("insert into troupe_migrations(number, name, checksum, term) values($1, $2, $3, $4)",
                     {std::int64_t{m.number}, m.name, checksum_of(m), static_cast<std::int64_t>(right.term())});
    if (!noted) return tl::unexpected(noted.error());
    if (auto committed = commit(); !committed) return committed;
  }
}

expected<void> postgres_session::begin_change(const std::optional<fenced>& right) {
  if (!right) return fail(errc::unavailable, "schema " + name_space_ + ": only the leader changes its tables");
  if (auto begun = begin(db_access::write); !begun) return begun;
  return lock_and_take_term(*right);
}

expected<void> postgres_session::lock_and_take_term(const fenced& right) {
  if (auto locked = run(take_lock, {name_space_}); !locked) return tl::unexpected(locked.error());
  if (auto made = plain(make_tables); !made) return made;
  return take_term(right);
}

expected<void> postgres_session::take_term(const fenced& right) {
  const auto values = sql_values(right);
  const auto raised = run(raise_term, {values.term, values.leader});
  if (!raised) return tl::unexpected(raised.error());
  if (raised->changed == 1) return {};
  return fail(errc::stale_term, "schema " + name_space_ + ": a later leader has migrated it");
}

expected<void> postgres_session::apply(const migration& m) {
  const auto what = "schema " + name_space_ + ": migration " + std::to_string(m.number) + " (" + m.name + ")";
  auto done = plain(m.sql, migration_timeout);
  if (!done) {
    if (!is_fault_of_sql(done.error().code)) return done;
    return fail(errc::bad_config, what + ": " + done.error().context);
  }
  const auto still = run("select pg_current_xact_id_if_assigned() is not null", {});
  if (!still) return tl::unexpected(still.error());
  if (*still->get<bool>(0, 0)) return {};
  in_transaction_ = false;
  return fail(errc::bad_config, what + " ends its own transaction");
}

// A write of its own, so that a server that became a standby or a full disk is noticed. Another node may make the table
// at the same moment.
expected<void> postgres_session::probe() {
  auto made = plain("create table if not exists troupe_probe(id integer primary key, at timestamptz not null)");
  if (!made && made.error().code != errc::already_exists) return made;
  return plain("insert into troupe_probe values(1, now()) on conflict(id) do update set at = excluded.at");
}

// Under the lock of the migrations and with the leader's term, which the new schema remembers. The schema is the
// login's.
expected<void> postgres_session::reset(const std::optional<fenced>& right) {
  rollback();
  if (!right) return fail(errc::unavailable, "only the leader resets what nodes share");
  if (!who_.role.empty()) return reset_by_owner(*right);
  if (auto begun = begin(db_access::write); !begun) return begun;
  auto done = drop_all(*right);
  if (!done) {
    rollback();
    return done;
  }
  return commit();
}

expected<void> postgres_session::drop_all(const fenced& right) {
  if (auto mine = lock_and_take_term(right); !mine) return mine;
  const auto schema = "\"" + name_space_ + "\"";
  if (auto dropped = plain("drop schema " + schema + " cascade; create schema " + schema, migration_timeout); !dropped)
    return dropped;
  if (auto made = plain(make_tables); !made) return made;
  return take_term(right);
}

// The schema is the login's. Its session touches nothing that the role has made: a trigger of the role would have the
// login's rights there. So the term is taken by this session, which keeps the lock meanwhile.
expected<void> postgres_session::reset_by_owner(const fenced& right) {
  if (auto locked = plain(lock_for_long(name_space_)); !locked) return locked;
  auto done = begin(db_access::write);
  if (done) done = plain(make_tables);
  if (done) done = take_term(right);
  if (done) done = commit();
  if (done) {
    auto owner = open({who_.owner, who_.owner, name_space_, {}});
    done = owner ? (*owner)->empty_for(who_.role, right) : expected<void>(tl::unexpected(owner.error()));
  } else {
    rollback();
  }
  (void)plain(give_lock(name_space_));  // a connection that broke has given it
  return done;
}

// Of the owner. The new schema has nothing of the role when its name is first used.
expected<void> postgres_session::empty_for(const std::string& role, const fenced& right) {
  const auto schema = "\"" + name_space_ + "\"";
  auto done = begin(db_access::write);
  if (done)
    done = plain("drop schema " + schema + " cascade; create schema " + schema + "; set local search_path to " + schema,
                 migration_timeout);
  if (done) done = plain(make_tables);
  if (done) done = take_term(right);
  if (done) done = give_role(role, "", true);
  if (done) return commit();
  rollback();
  return done;
}

}  // namespace troupe
