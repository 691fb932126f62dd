#include "runtime/services/cache_table.hpp"

#include <algorithm>

namespace troupe {
namespace {

// What a duration can hold, in the milliseconds that the table counts in.
constexpr auto longest_ttl = std::chrono::duration_cast<std::chrono::milliseconds>(duration::max());

std::int64_t milliseconds_of(wall_time t) noexcept { return t.time_since_epoch().count(); }

std::int64_t expiry_of(duration ttl, const batch_times& times) noexcept {
  return milliseconds_of(times.wall) + std::chrono::ceil<std::chrono::milliseconds>(ttl).count();
}

duration left_of(std::int64_t expires_at_ms, const batch_times& times) noexcept {
  if (expires_at_ms == 0) return {};
  return std::chrono::milliseconds(std::min(expires_at_ms - milliseconds_of(times.wall), longest_ttl.count()));
}

bool holds(const cache_command& c, bool live, std::uint64_t version) noexcept {
  switch (c.condition) {
    case write_condition::if_absent: return !live;
    case write_condition::if_present: return live;
    case write_condition::if_version: return live && version == c.version;
    case write_condition::none: break;
  }
  return true;
}

db_value key_of(std::string_view key) { return blob{std::string(key)}; }

db_value number_of(std::uint64_t n) { return static_cast<std::int64_t>(n); }

owned_reply written_by_another() {
  return owned_reply::failed(errc::not_owner, "another node has written this key meanwhile");
}

tl::unexpected<error> foreign_row() { return fail(errc::corrupt, "a row of a backed cache has the wrong types"); }

}  // namespace

const std::vector<migration>& cache_table::schema(sql_dialect dialect) {
  static const std::vector<migration> of_postgres = {
      {1, "kv",
       "create table kv(key bytea primary key, value bytea not null, version bigint not null, expires_at_ms bigint);"
       "create index kv_expiry on kv(expires_at_ms) where expires_at_ms is not null;"
       "create table kv_floor(id integer primary key check(id = 1), version bigint not null);"
       "insert into kv_floor(id, version) values(1, 0)"}};
  if (dialect == sql_dialect::postgres) return of_postgres;
  static const std::vector<migration> migrations = {
      {1, "kv",
       "CREATE TABLE kv(key BLOB PRIMARY KEY, value BLOB NOT NULL, version INTEGER NOT NULL, expires_at_ms INTEGER) "
       "WITHOUT ROWID;"
       "CREATE INDEX kv_expiry ON kv(expires_at_ms) WHERE expires_at_ms IS NOT NULL;"
       "CREATE TABLE kv_floor(id INTEGER PRIMARY KEY CHECK(id = 1), version INTEGER NOT NULL);"
       "INSERT INTO kv_floor(id, version) VALUES(1, 0)"}};
  return migrations;
}

expected<cache_table::row> cache_table::read(database_session& session, std::string_view key, const batch_times& times,
                                             bool with_value) {
  const char* to_change = dialect_ == sql_dialect::postgres
                              ? "SELECT version, expires_at_ms FROM kv WHERE key = ? FOR UPDATE"
                              : "SELECT version, expires_at_ms FROM kv WHERE key = ?";
  auto found =
      session.run(with_value ? "SELECT version, expires_at_ms, value FROM kv WHERE key = ?" : to_change, {key_of(key)});
  if (!found) return tl::unexpected(found.error());
  row r;
  if (found->rows.empty()) return r;
  auto& columns = found->rows[0];
  const auto* version = std::get_if<std::int64_t>(&columns[0]);
  const auto* expires = std::get_if<std::int64_t>(&columns[1]);
  if (version == nullptr) return foreign_row();
  r.version = static_cast<std::uint64_t>(*version);
  r.expires_at_ms = expires == nullptr ? 0 : *expires;
  r.live = expires == nullptr || *expires > milliseconds_of(times.wall);
  if (with_value) {
    auto* value = std::get_if<blob>(&columns[2]);
    if (value == nullptr) return foreign_row();
    r.value = std::move(value->bytes);
  }
  return r;
}

expected<owned_reply> cache_table::execute(database_session& session, const cache_command& command,
                                           const batch_times& times, version_source next_version) {
  if (command.op == cache_op::get || command.op == cache_op::head) return load(session, command, times);
  if (command.op == cache_op::run)
    return owned_reply::failed(errc::not_implemented, "a cache that a database backs holds plain values only");
  if (command.ttl < duration{}) return owned_reply::failed(errc::invalid_argument, "a ttl must not be negative");
  if (auto known = learn_floor(session); !known) return tl::unexpected(known.error());
  auto old = read(session, command.key, times, false);
  if (!old) return tl::unexpected(old.error());
  if (command.op == cache_op::erase && !old->live) return owned_reply::failed(errc::not_found);
  if (!holds(command, old->live, old->version)) {
    auto refused = owned_reply::failed(errc::condition_failed);
    refused.version = old->live ? old->version : 0;
    return refused;
  }
  const std::uint64_t version = next_version(std::max(old->version, floor_));
  if (version == 0) return owned_reply::failed(errc::not_owner, "another node owns the shard of this key by now");
  return command.op == cache_op::put ? put(session, command, *old, times, version) : erase(session, command, version);
}

expected<owned_reply> cache_table::load(database_session& session, const cache_command& command,
                                        const batch_times& times) {
  auto found = read(session, command.key, times, true);
  if (!found) return tl::unexpected(found.error());
  if (!found->live) return owned_reply::failed(errc::not_found);
  owned_reply reply;
  reply.version = found->version;
  reply.ttl = left_of(found->expires_at_ms, times);
  reply.value = std::move(found->value);
  return reply;
}

expected<owned_reply> cache_table::put(database_session& session, const cache_command& command, const row& old,
                                       const batch_times& times, std::uint64_t version) {
  std::int64_t expires_at_ms = command.ttl > duration{} ? expiry_of(command.ttl, times) : 0;
  if (command.keep_ttl && old.live) expires_at_ms = old.expires_at_ms;
  // A list in braces would copy the value once more.
  db_row columns;
  columns.reserve(4);
  columns.emplace_back(key_of(command.key));
  columns.emplace_back(blob{std::string(command.value)});
  columns.emplace_back(number_of(version));
  if (expires_at_ms == 0)
    columns.emplace_back(std::monostate{});
  else
    columns.emplace_back(expires_at_ms);
  auto written = session.run(
      "INSERT INTO kv(key, value, version, expires_at_ms) VALUES(?, ?, ?, ?) "
      "ON CONFLICT(key) DO UPDATE SET value = excluded.value, version = excluded.version, "
      "expires_at_ms = excluded.expires_at_ms WHERE kv.version < excluded.version",
      columns);
  if (!written) return tl::unexpected(written.error());
  if (written->changed == 0) return written_by_another();
  owned_reply reply;
  reply.version = version;
  reply.ttl = left_of(expires_at_ms, times);
  return reply;
}

expected<owned_reply> cache_table::erase(database_session& session, const cache_command& command,
                                         std::uint64_t version) {
  auto deleted = session.run("DELETE FROM kv WHERE key = ? AND version < ?", {key_of(command.key), number_of(version)});
  if (!deleted) return tl::unexpected(deleted.error());
  if (deleted->changed == 0) return written_by_another();
  if (auto raised = raise_floor(session, version); !raised) return tl::unexpected(raised.error());
  owned_reply reply;
  reply.version = version;
  return reply;
}

expected<std::size_t> cache_table::sweep(database_session& session, const batch_times& times, std::size_t rows_max) {
  if (auto known = learn_floor(session); !known) return tl::unexpected(known.error());
  // Rows that another node changes or deletes right now are left to it.
  const char* text =
      dialect_ == sql_dialect::postgres
          ? "DELETE FROM kv WHERE key IN (SELECT key FROM kv WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ? "
            "FOR UPDATE SKIP LOCKED) RETURNING version"
          : "DELETE FROM kv WHERE key IN (SELECT key FROM kv WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?) "
            "RETURNING version";
  auto deleted = session.run(text, {milliseconds_of(times.wall), static_cast<std::int64_t>(rows_max)});
  if (!deleted) return tl::unexpected(deleted.error());
  std::uint64_t highest = 0;
  for (const auto& columns : deleted->rows) {
    const auto* version = std::get_if<std::int64_t>(&columns[0]);
    if (version == nullptr) return foreign_row();
    highest = std::max(highest, static_cast<std::uint64_t>(*version));
  }
  if (deleted->rows.empty()) return std::size_t{0};
  if (auto raised = raise_floor(session, highest); !raised) return tl::unexpected(raised.error());
  return deleted->rows.size();
}

expected<void> cache_table::learn_floor(database_session& session) {
  if (floor_known_ && dialect_ == sql_dialect::sqlite) return {};
  auto found = session.run("SELECT version FROM kv_floor WHERE id = 1", {});
  if (!found) return tl::unexpected(found.error());
  if (found->rows.size() != 1) return fail(errc::corrupt, "a backed cache has lost its row of kv_floor");
  const auto* version = std::get_if<std::int64_t>(&found->rows[0][0]);
  if (version == nullptr) return foreign_row();
  floor_ = std::max(floor_, static_cast<std::uint64_t>(*version));
  floor_known_ = true;
  return {};
}

expected<void> cache_table::raise_floor(database_session& session, std::uint64_t version) {
  floor_ = std::max(floor_, version);
  auto written =
      session.run("UPDATE kv_floor SET version = CASE WHEN version < ?1 THEN ?1 ELSE version END WHERE id = 1",
                  {number_of(floor_)});
  if (!written) return tl::unexpected(written.error());
  return {};
}

}  // namespace troupe
