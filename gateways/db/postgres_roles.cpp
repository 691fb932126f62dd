// The schema of a namespace and its role, made by the login of the DSN.
//
// The login owns the schema, the role may use it and create in it, and owns what is in it. So the role can drop no
// schema and make none, and reaches nothing that is not granted to everybody.
#include <utility>

#include "gateways/db/postgres_login.hpp"
#include "gateways/db/postgres_session.hpp"

namespace troupe {
namespace {

// Nodes that start together change the same rows of the server's catalogue: one at a time.
constexpr const char* take_lock = "select pg_advisory_xact_lock(1953656688, hashtext('troupe roles'))";
constexpr const char* what_may_be =
    "select current_database(), current_user, r.rolsuper, r.rolsuper or r.rolcreaterole from pg_roles r where "
    "r.rolname "
    "= current_user";
constexpr const char* what_is =
    "select coalesce(pg_has_role(current_user, oid, 'member'), false) from pg_roles where "
    "rolname = $1";
constexpr const char* all_is_mine =
    "select coalesce((select has_schema_privilege(n.oid, 'usage') and has_schema_privilege(n.oid, 'create') and not "
    "exists(select 1 from pg_class c where c.relnamespace = n.oid and pg_get_userbyid(c.relowner) <> current_user and "
    "c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')) from pg_namespace n where n.nspname = $1), false)";

// What an earlier program, or a way without roles, left to the login. Sequences of columns go with their table, rows of
// types with theirs.
std::string adoption(const std::string& schema, const std::string& role) {
  return "do $adopt$ declare o record; begin\n"
         "for o in select c.oid::regclass::text as name, case c.relkind when 'v' then 'view' when 'm' then "
         "'materialized view' when 'S' then 'sequence' when 'f' then 'foreign table' else 'table' end as kind from "
         "pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = '" +
         schema +
         "' and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and pg_get_userbyid(c.relowner) = current_user and not "
         "(c.relkind "
         "= 'S' and exists(select 1 from pg_depend d where d.objid = c.oid and d.deptype in ('a', "
         "'i'))) loop execute format('alter %s %s owner to %I', o.kind, o.name, '" +
         role +
         "'); end loop;\n"
         "for o in select p.oid::regprocedure::text as name from pg_proc p join pg_namespace n on n.oid = "
         "p.pronamespace where n.nspname = '" +
         schema +
         "' and pg_get_userbyid(p.proowner) = current_user loop execute format('alter routine %s owner to %I', o.name, "
         "'" +
         role +
         "'); end loop;\n"
         "for o in select t.oid::regtype::text as name from pg_type t join pg_namespace n on n.oid = t.typnamespace "
         "left join pg_class c on c.oid = t.typrelid where n.nspname = '" +
         schema +
         "' and (t.typtype in ('e', 'd', 'r') or (t.typtype = 'c' and c.relkind = 'c')) and "
         "pg_get_userbyid(t.typowner) = current_user loop execute format('alter type %s owner to %I', o.name, '" +
         role + "'); end loop;\nend $adopt$";
}

}  // namespace

// Two nodes that do so at the same time are in each other's way, whatever "if not exists" says: the loser looks again.
expected<void> postgres_session::make_schema() {
  expected<void> made;
  for (int tries = 0; tries < 2; ++tries) {
    const auto there = run("select 1 from pg_namespace where nspname = $1", {name_space_});
    if (!there) return tl::unexpected(there.error());
    if (!there->empty()) return {};
    made = plain("create schema if not exists \"" + name_space_ + "\"");
    if (made || made.error().code != errc::already_exists) return made;
  }
  return made;
}

expected<bool> postgres_session::has_all() {
  const auto r = run(all_is_mine, {name_space_});
  if (!r) return tl::unexpected(r.error());
  return r->get<bool>(0, 0);
}

expected<std::string> postgres_session::make_role(const postgres_target& login) {
  const auto me = run(what_may_be, {});
  if (!me) return tl::unexpected(me.error());
  if (me->empty()) return fail(errc::access_denied, "the login is not among the roles");
  const auto role = namespace_role(*me->get<std::string>(0, 0), name_space_);
  const auto name = *me->get<std::string>(0, 1);
  const bool may_create = *me->get<bool>(0, 3);
  if (auto begun = begin(db_access::write); !begun) return tl::unexpected(begun.error());
  const auto done = [&]() -> expected<void> {
    if (auto locked = run(take_lock, {}); !locked) return tl::unexpected(locked.error());
    const auto there = run(what_is, {role});
    if (!there) return tl::unexpected(there.error());
    if (!may_create && (there->empty() || !*there->get<bool>(0, 0)))
      return fail(errc::access_denied, "the login " + name + " may not create roles");
    if (!may_create) return give_role(role, "", true);
    return give_role(role, login.role_password(role), !there->empty());
  }();
  if (!done) {
    rollback();
    return tl::unexpected(done.error());
  }
  if (auto committed = commit(); !committed) return tl::unexpected(committed.error());
  return role;
}

// Inside a transaction, under the lock.
expected<void> postgres_session::give_role(const std::string& role, const std::string& password, bool is_there) {
  const auto quoted = "\"" + role + "\"";
  const auto schema = "\"" + name_space_ + "\"";
  std::string text;
  if (!is_there)
    text += "create role " + quoted + " login noinherit nosuperuser nocreatedb nocreaterole noreplication;";
  if (!password.empty()) {  // the server, and its log, see a verifier
    const std::unique_ptr<char, decltype(pq().PQfreemem)> verifier(
        pq().PQencryptPasswordConn(connection_.get(), password.c_str(), role.c_str(), "scram-sha-256"), pq().PQfreemem);
    if (!verifier) return fail(errc::out_of_memory, "postgres");
    text += "alter role " + quoted + " password '" + verifier.get() + "';";
  }
  const auto member = run("select pg_has_role(current_user, oid, 'member') from pg_roles where rolname = $1", {role});
  if (!member) return tl::unexpected(member.error());
  if (member->empty() || !*member->get<bool>(0, 0)) text += "grant " + quoted + " to current_user;";
  text += "grant usage, create on schema " + schema + " to " + quoted + ";";
  text += "revoke all on schema " + schema + " from public;";
  return plain(text + adoption(name_space_, role), migration_timeout);
}

}  // namespace troupe
