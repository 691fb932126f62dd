#include "config/key_rows.hpp"

namespace troupe {
namespace {

using namespace units;

using c = config;
using http = http_config;
using resp = resp_config;
using db = db_config;

std::vector<key> http_keys() {
  return {
      {"http", "bind", in<&c::http, &http::bind>,
       "host:port of HTTP; the host as in cluster.bind, port 0: one is picked. Admin routes are refused outside "
       "loopback."},
      {.section = "http",
       .name = "header_max",
       .in = in<&c::http, &http::header_max>,
       .doc = "Largest request header; 431 beyond it. Worst memory: this times the connections.",
       .min = 1 * kilobytes,
       .max = 1 * megabytes},
      {.section = "http",
       .name = "body_max",
       .in = in<&c::http, &http::body_max>,
       .doc = "Largest request body; 413 beyond it. A value put over HTTP is no larger.",
       .min = 1,
       .max = 1 * gigabytes},
      {.section = "http",
       .name = "header_timeout",
       .in = in<&c::http, &http::header_timeout>,
       .doc = "From the first byte of a request to the end of its header; 408 and closed after it.",
       .min = 10 * ms,
       .max = 1 * hours},
      {.section = "http",
       .name = "body_timeout",
       .in = in<&c::http, &http::body_timeout>,
       .doc = "From the end of the header to the end of the body; 408 and closed after it.",
       .min = 10 * ms,
       .max = 1 * hours},
      {.section = "http",
       .name = "idle_timeout",
       .in = in<&c::http, &http::idle_timeout>,
       .doc = "How long a kept connection may wait for its next request.",
       .min = 10 * ms,
       .max = 1 * days},
      {.section = "http",
       .name = "connections_max",
       .in = in<&c::http, &http::connections_max>,
       .doc = "Connections at once; more get a 503 and are closed. Each costs a file descriptor: mind ulimit -n.",
       .min = 1,
       .max = 1'000'000},
  };
}

std::vector<key> resp_keys() {
  return {
      {"resp", "bind", in<&c::resp, &resp::bind>,
       "host:port of the Redis protocol; the host as in cluster.bind, port 0: one is picked. Outside loopback it is in "
       "protected mode."},
      {"resp", "advertise", in<&c::resp, &resp::advertise>,
       "host:port that CLUSTER SLOTS, SHARDS and NODES tell clients; port 0: that of the door. Empty: where it "
       "listens, "
       "or the host of cluster.advertise when that is every address."},
      {"resp", "notify_keyspace_events", in<&c::resp, &resp::notify_keyspace_events>,
       "Which events of keys are published, in the letters of Redis (KEA: all): K and E say on which channels, the "
       "others of what. Each node publishes what happens to keys it is the primary of: set it alike on all. Every "
       "event "
       "costs work at its node, also when nobody listens."},
      {.section = "resp",
       .name = "bulk_max",
       .in = in<&c::resp, &resp::bulk_max>,
       .doc = "Longest argument of a command; a longer claim is a protocol error.",
       .min = 1 * kilobytes,
       .max = 512 * megabytes},
      {.section = "resp",
       .name = "output_buffer_max",
       .in = in<&c::resp, &resp::output_buffer_max>,
       .doc = "Bytes of replies that may wait for a slow reader; beyond it the connection is closed.",
       .min = 64 * kilobytes,
       .max = 16 * gigabytes},
      {.section = "resp",
       .name = "idle_timeout",
       .in = in<&c::resp, &resp::idle_timeout>,
       .doc = "Connections without a command for so long are closed.",
       .min = 10 * ms,
       .max = 30 * days,
       .zero = "never, as in Redis"},
      {.section = "resp",
       .name = "connections_max",
       .in = in<&c::resp, &resp::connections_max>,
       .doc = "Connections at once; more are refused with an error. Each costs a file descriptor.",
       .min = 1,
       .max = 1'000'000},
  };
}

std::vector<key> db_keys() {
  return {
      {.section = "db",
       .name = "type",
       .in = in<&c::db, &db::type>,
       .doc = "sqlite: files in node.data_dir, each node its own. postgres: one server for all, see dsn.",
       .words = {"sqlite", "postgres"}},
      {.section = "db",
       .name = "dsn",
       .in = in<&c::db, &db::dsn>,
       .doc = "Connection string of type postgres, e.g. host=db1 dbname=troupe. Printed with its password masked.",
       .has_password = true},
      {"db", "password_file", in<&c::db, &db::password_file>,
       "File with the password of type postgres; it stands before one in the dsn."},
      {.section = "db",
       .name = "namespace_roles",
       .in = in<&c::db, &db::namespace_roles>,
       .doc =
           "With postgres: whether each namespace has a role of its own, which reaches no other one's tables. It is "
           "made "
           "when the login of the dsn may create roles. auto: without one, the login's own rights are used, and health "
           "says so. required: then the start is refused. off: the login's rights are always used.",
       .words = {"auto", "required", "off"}},
      {"db", "migrations", in<&c::db, &db::migrations>,
       "Directory of the SQL files that make the tables of each namespace: NAMESPACE/sqlite/0001_NAME.sql, "
       "NAMESPACE/postgres/0001_NAME.sql and so on. An applied file never changes: a change stops the start. Empty: "
       "none."},
      {.section = "db",
       .name = "pool_threads",
       .in = in<&c::db, &db::pool_threads>,
       .doc = "Threads that run database jobs; a namespace of SQLite has one writer and as many readers.",
       .min = 1,
       .max = 64},
      {.section = "db",
       .name = "pool_min",
       .in = in<&c::db, &db::pool_min>,
       .doc = "Connections to postgres that each namespace keeps open.",
       .max = 1000},
      {.section = "db",
       .name = "pool_max",
       .in = in<&c::db, &db::pool_max>,
       .doc = "Connections to postgres that a namespace opens at most for its calls; once stale reads are asked for, "
              "half of them are to a standby. Small statements share few of them; a transaction, a cursor and a bulk "
              "insert have one each while they last. Beside them a namespace has one for migrations and backed caches, "
              "one while somebody listens, and one for a moment to cancel what is overdue.",
       .min = 1,
       .max = 1000},
      {.section = "db",
       .name = "pool_idle",
       .in = in<&c::db, &db::pool_idle>,
       .doc = "A connection beyond pool_min that nobody used for so long is closed.",
       .min = 1 * s,
       .max = 1 * days},
      {.section = "db",
       .name = "health_interval",
       .in = in<&c::db, &db::health_interval>,
       .doc = "How often an idle connection to postgres is asked whether it still works.",
       .min = 1 * s,
       .max = 1 * hours,
       .zero = "never"},
      {.section = "db",
       .name = "busy_timeout",
       .in = in<&c::db, &db::busy_timeout>,
       .doc = "How long a job waits for a lock that another program holds on the SQLite file.",
       .max = 10 * minutes},
      {.section = "db",
       .name = "synchronous",
       .in = in<&c::db, &db::synchronous>,
       .doc = "SQLite's PRAGMA synchronous. full: an acknowledged write survives a power cut. normal: many times "
              "faster, the last writes may be lost in one.",
       .words = {"full", "normal"}},
      {.section = "db",
       .name = "check_max",
       .in = in<&c::db, &db::check_max>,
       .doc = "A SQLite file up to this size is read and checked as a whole when it is opened (PRAGMA quick_check).",
       .zero = "none is"},
      {.section = "db",
       .name = "cache_size",
       .in = in<&c::db, &db::cache_size>,
       .doc = "Pages that each connection to a SQLite file keeps in memory. A namespace has one connection for writes, "
              "pool_threads for reads, and up to four for cursors and reading transactions. Point selects in what fits "
              "cost half of what others do.",
       .min = 64 * kib,
       .max = 4096 * mib},
      {.section = "db",
       .name = "queue_max",
       .in = in<&c::db, &db::queue_max>,
       .doc = "Jobs that may wait for one namespace; more are refused at once.",
       .min = 1,
       .max = 10'000'000},
      {.section = "db",
       .name = "queue_timeout",
       .in = in<&c::db, &db::queue_timeout>,
       .doc = "How long a job may wait for a connection to postgres; then it is refused as unavailable.",
       .min = 1 * ms,
       .max = 10 * minutes},
      {.section = "db",
       .name = "slow_statement",
       .in = in<&c::db, &db::slow_statement>,
       .doc = "Statements that take longer are logged by name, at most 10 a second, never with their values.",
       .min = 1 * ms,
       .max = 1 * hours,
       .zero = "none"},
  };
}

std::vector<key> entities_keys() {
  return {
      {"entities", "model", in<&c::entities, &entities_config::model>,
       "File that describes the entities served under /v1/entities: JSON, or TOML when its name ends in .toml. Needed "
       "with the service entities."},
      {"entities", "on", in<&c::entities, &entities_config::on>,
       "The entities that this node serves, by typeName; requests for others are forwarded to a member that serves "
       "them. Empty: all but those of off."},
      {"entities", "off", in<&c::entities, &entities_config::off>,
       "Entities of the model that this node does not serve, by typeName. Either this or on, and the shorter of what "
       "is "
       "on and what is off has at most 16 names: the members tell one another."},
      {.section = "entities",
       .name = "deadline",
       .in = in<&c::entities, &entities_config::deadline>,
       .doc = "How long a request may wait for the database; then it is answered 503.",
       .min = 10 * ms,
       .max = 1 * minutes},
      {.section = "entities",
       .name = "list_max",
       .in = in<&c::entities, &entities_config::list_max>,
       .doc = "Rows that one page of a list holds at most; they are in memory while it is answered.",
       .min = 1,
       .max = 10'000},
      {.section = "entities",
       .name = "bulk_max",
       .in = in<&c::entities, &entities_config::bulk_max>,
       .doc = "Rows that one request may create, in one transaction.",
       .min = 1,
       .max = 10'000},
      {.section = "entities",
       .name = "cache_ttl",
       .in = in<&c::entities, &entities_config::cache_ttl>,
       .doc = "How long a row that was read by its id stays in the cluster's cache. Writes "
              "through troupe are seen at once; what another program changes in the database, after so long at the "
              "latest, or with entities.notify at once.",
       .max = 1 * days,
       .zero = "this node reads from the database"},
      {.section = "entities",
       .name = "notify",
       .in = in<&c::entities, &entities_config::notify>,
       .doc = "true: each table gets triggers that tell the nodes of every change, whoever makes it. PostgreSQL only."},
  };
}

std::vector<key> events_keys() {
  return {
      {"events", "handlers", in<&c::events, &events_config::handlers>,
       "FILTER=/path of a program that runs without a shell, the event on its standard input. Filters, with a bar "
       "between them: a "
       "kind such as member_failed, user or user:NAME, query or query:NAME (what it prints is the answer), * for every "
       "event. It runs with this node's rights."},
      {.section = "events",
       .name = "handler_timeout",
       .in = in<&c::events, &events_config::handler_timeout>,
       .doc = "A handler that runs longer is killed, with all that it started.",
       .min = 10 * ms,
       .max = 1 * hours},
      {.section = "events",
       .name = "handlers_at_once",
       .in = in<&c::events, &events_config::handlers_at_once>,
       .doc = "Handlers that run at the same time, a thread each; with 1 they run in the order of the events.",
       .min = 1,
       .max = 64},
      {.section = "events",
       .name = "handler_queue_max",
       .in = in<&c::events, &events_config::handler_queue_max>,
       .doc = "Events that may wait for a handler; what comes beyond them is handled by none, and counted.",
       .min = 1,
       .max = 100'000},
  };
}

std::vector<key> log_keys() {
  return {
      {.section = "log",
       .name = "level",
       .in = in<&c::log, &log_config::level>,
       .doc = "error: someone must act. warn: odd but healed. info: the cluster changed. debug: a line a packet.",
       .words = {"error", "warn", "info", "debug"}},
      {.section = "log",
       .name = "format",
       .in = in<&c::log, &log_config::format>,
       .doc = "text for eyes, json for collectors; one line an event.",
       .words = {"text", "json"}},
      {"log", "file", in<&c::log, &log_config::file>, "Where lines are appended. Empty: standard error."},
  };
}

}  // namespace

std::vector<key> keys_of_services() {
  return joined_rows(
      {http_keys(), resp_keys(), keys_of_cache(), db_keys(), entities_keys(), events_keys(), log_keys()});
}

}  // namespace troupe
