#include "runtime/journal/journal_statements.hpp"

namespace troupe {
namespace {

struct named_text {
  sql_statement journal_statements::*place;
  const char* name;
  const char* text;
};

// What is computed in a select list has its type said: PostgreSQL guesses it otherwise. `bytes` must not: a cast would
// make a number of it in SQLite.
constexpr named_text texts[] = {
    {&journal_statements::take_positions, "journal_take_positions",
     "update journal_order set position = position + $1 where one = 1"},
    {&journal_statements::begin_stream, "journal_begin_stream",
     "insert into journal_streams(stream, version, append_id, truncated_to, erased_to) values($1, $2, $3, 0, 0) "
     "on conflict (stream) do nothing"},
    {&journal_statements::move_stream, "journal_move_stream",
     "update journal_streams set version = $2, append_id = $3 where stream = $1 and version = $4"},
    {&journal_statements::add_event, "journal_add_event",
     "insert into journal_events(position, stream, version, append_id, type, type_version, bytes, written_at) "
     "select o.position - cast($1 as bigint), s.stream, cast($2 as bigint), s.append_id, cast($3 as text), "
     "cast($4 as bigint), $5, cast($6 as bigint) from journal_order o, journal_streams s "
     "where o.one = 1 and s.stream = $7 and s.append_id = $8 and s.version = $9 "
     "and s.truncated_to < cast($2 as bigint) on conflict (stream, version) do nothing"},
    {&journal_statements::append_outcome, "journal_append_outcome",
     "select s.version as version, (select e.position from journal_events e where e.stream = $1 and e.version = $2 "
     "and e.append_id = $3) as position from (select 1 as one) o left join journal_streams s on s.stream = $1"},
    {&journal_statements::load, "journal_load",
     "select s.version as version, s.truncated_to as truncated_to, s.erased_to as erased_to, n.version as base, "
     "n.type as type, n.type_version as type_version, n.bytes as bytes from journal_streams s "
     "left join journal_snapshots n on n.stream = s.stream and n.version = (select max(m.version) "
     "from journal_snapshots m where m.stream = s.stream and m.version > s.erased_to) where s.stream = $1"},
    // Whole pages of large events would take long: the sizes are summed up first, without touching the bytes.
    {&journal_statements::read, "journal_read",
     "select stream, version, position, type, type_version, bytes, written_at from journal_events "
     "where stream = $1 and version > $2 and version <= (select max(k.version) from (select q.version as version, "
     "sum(q.size) over (order by q.version) - q.size as before from (select version, length(bytes) as size "
     "from journal_events where stream = $1 and version > $2 order by version limit $3) q) k where k.before < $4) "
     "order by version"},
    {&journal_statements::read_all, "journal_read_all",
     "select stream, version, position, type, type_version, bytes, written_at from journal_events "
     "where position > $1 and position <= (select max(k.position) from (select q.position as position, "
     "sum(q.size) over (order by q.position) - q.size as before from (select position, length(bytes) as size "
     "from journal_events where position > $1 order by position limit $2) q) k where k.before < $3) "
     "order by position"},
    {&journal_statements::save_snapshot, "journal_save_snapshot",
     "insert into journal_snapshots(stream, version, type, type_version, bytes, written_at) "
     "select s.stream, cast($2 as bigint), cast($3 as text), cast($4 as bigint), $5, cast($6 as bigint) "
     "from journal_streams s where s.stream = $1 and s.version >= cast($2 as bigint) "
     "and s.erased_to < cast($2 as bigint) on conflict (stream, version) do update set type = excluded.type, "
     "type_version = excluded.type_version, bytes = excluded.bytes, written_at = excluded.written_at"},
    {&journal_statements::drop_snapshots, "journal_drop_snapshots",
     "delete from journal_snapshots where stream = $1 and version < (select min(k.version) from "
     "(select version from journal_snapshots where stream = $1 order by version desc limit $2) k)"},
    // Until the end of the transaction nobody appends to the stream.
    {&journal_statements::lock_stream, "journal_lock_stream",
     "update journal_streams set truncated_to = truncated_to where stream = $1"},
    {&journal_statements::truncate_events, "journal_truncate_events",
     "delete from journal_events where stream = $1 and version <= (select min(n.version) from journal_snapshots n "
     "where n.stream = $1) and position <= (select coalesce(min(c.position), 9223372036854775807) "
     "from journal_cursors c)"},
    {&journal_statements::note_truncated, "journal_note_truncated",
     "update journal_streams set truncated_to = coalesce((select min(e.version) - 1 from journal_events e "
     "where e.stream = $1), version) where stream = $1 and exists (select 1 from journal_snapshots n "
     "where n.stream = $1)"},
    {&journal_statements::erase_stream, "journal_erase_stream",
     "update journal_streams set truncated_to = version, erased_to = version where stream = $1 and version = $2"},
    {&journal_statements::erase_events, "journal_erase_events",
     "delete from journal_events where stream = $1 and version <= (select s.erased_to from journal_streams s "
     "where s.stream = $1)"},
    {&journal_statements::erase_snapshots, "journal_erase_snapshots",
     "delete from journal_snapshots where stream = $1 and version <= (select s.erased_to from journal_streams s "
     "where s.stream = $1)"},
    {&journal_statements::cursor_of, "journal_cursor_of", "select position from journal_cursors where name = $1"},
    {&journal_statements::begin_cursor, "journal_begin_cursor",
     "insert into journal_cursors(name, position) values($1, $2) on conflict (name) do update "
     "set position = excluded.position where journal_cursors.position = 0"},
    {&journal_statements::move_cursor, "journal_move_cursor",
     "update journal_cursors set position = $2 where name = $1 and position = $3"},
    {&journal_statements::drop_cursor, "journal_drop_cursor", "delete from journal_cursors where name = $1"},
};

constexpr const char* tables =
    "create table journal_order(one bigint primary key, position bigint not null);"
    "insert into journal_order(one, position) values(1, 0);"
    "create table journal_streams(stream text primary key, version bigint not null, append_id text not null, "
    "truncated_to bigint not null, erased_to bigint not null);"
    "create table journal_events(position bigint primary key, stream text not null, version bigint not null, "
    "append_id text not null, type text not null, type_version bigint not null, bytes bytea not null, "
    "written_at bigint not null, unique(stream, version));"
    "create table journal_snapshots(stream text not null, version bigint not null, type text not null, "
    "type_version bigint not null, bytes bytea not null, written_at bigint not null, primary key(stream, version));"
    "create table journal_cursors(name text primary key, position bigint not null)";

std::int64_t number(std::uint64_t n) { return static_cast<std::int64_t>(n); }

// Well-formed by RFC 3629: PostgreSQL refuses other text, and with it everybody's append of that batch.
bool is_utf8(const std::string& text) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = at + text.size();
  while (at < end) {
    const unsigned first = *at++;
    if (first < 0x80) continue;
    const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    if (first < 0xC2 || first > 0xF4 || end - at < more) return false;
    const unsigned second = *at;
    if (first == 0xE0 && second < 0xA0) return false;
    if (first == 0xED && second > 0x9F) return false;
    if (first == 0xF0 && second < 0x90) return false;
    if (first == 0xF4 && second > 0x8F) return false;
    for (int i = 0; i < more; ++i) {
      if ((*at++ & 0xC0) != 0x80) return false;
    }
  }
  return true;
}

// A row's values, in order; the first that does not fit is remembered.
class row_reader {
 public:
  row_reader(const sql_result& r, std::size_t row) : result_(r), row_(row) {}

  template <class T>
  T take(std::string_view column) {
    auto value = result_.get<T>(row_, column);
    if (value) return std::move(*value);
    if (!fault_) fault_ = error{errc::corrupt, "the journal's tables: " + value.error().context};
    return T{};
  }
  std::uint64_t count(std::string_view column) { return static_cast<std::uint64_t>(take<std::int64_t>(column)); }
  [[nodiscard]] const std::optional<error>& fault() const noexcept { return fault_; }

 private:
  const sql_result& result_;
  const std::size_t row_;
  std::optional<error> fault_;
};

expected<appended> outcome_of(const stream_append& a, const sql_result& r) {
  row_reader row(r, 0);
  const auto version = row.take<std::optional<std::int64_t>>("version").value_or(0);
  const auto first = row.take<std::optional<std::int64_t>>("position");
  if (row.fault()) return tl::unexpected<error>(*row.fault());
  if (!first)
    return fail(errc::condition_failed, "stream " + a.stream + " is at version " + std::to_string(version) + ", not " +
                                            std::to_string(a.expected_version));
  return appended{a.expected_version + a.events.size(), static_cast<std::uint64_t>(*first) + a.events.size() - 1};
}

// Statements of one append in its transaction.
std::size_t calls_of(const stream_append& a) { return a.events.size() + 2; }

}  // namespace

std::string journal_tables() { return tables; }

expected<journal_statements> journal_statements::prepare(const preparing& with) {
  journal_statements all;
  for (const auto& t : texts) {
    auto prepared = with(t.name, t.text);
    if (!prepared) return tl::unexpected<error>(std::move(prepared.error()));
    all.*t.place = std::move(*prepared);
  }
  return all;
}

expected<void> check_journal_name(const std::string& what, const std::string& name) {
  if (name.empty()) return fail(errc::invalid_argument, what + " is empty");
  if (name.size() > journal::name_bytes_max)
    return fail(errc::too_large, what + " has more than " + std::to_string(journal::name_bytes_max) + " bytes");
  if (name.find('\0') != name.npos || !is_utf8(name))
    return fail(errc::invalid_argument, what + " is no UTF-8, or has a zero byte");
  return {};
}

expected<void> check_journal_event(const journal_event& e) {
  if (auto sound = check_journal_name("an event's type", e.type); !sound) return sound;
  if (e.version == 0) return fail(errc::invalid_argument, e.type + ": versions of a type begin with 1");
  if (e.bytes.size() > journal::event_bytes_max)
    return fail(errc::too_large, e.type + ": more than " + std::to_string(journal::event_bytes_max) + " bytes");
  return {};
}

expected<void> check_append(const stream_append& a) {
  if (auto sound = check_journal_name("a stream's name", a.stream); !sound) return sound;
  if (!a.id.empty()) {
    if (auto sound = check_journal_name("an append's id", a.id); !sound) return sound;
  }
  if (a.events.empty()) return fail(errc::invalid_argument, "an append without events");
  if (a.events.size() > journal::append_events_max)
    return fail(errc::too_large, "more than " + std::to_string(journal::append_events_max) + " events at once");
  if (a.expected_version >= static_cast<std::uint64_t>(INT64_MAX) - journal::append_events_max)
    return fail(errc::invalid_argument, "no stream has that version");
  for (const auto& e : a.events) {
    if (auto sound = check_journal_event(e); !sound) return sound;
  }
  if (bytes_of(a) > journal::append_bytes_max)
    return fail(errc::too_large, "more than " + std::to_string(journal::append_bytes_max) + " bytes at once");
  return {};
}

std::size_t bytes_of(const stream_append& a) noexcept {
  std::size_t bytes = a.stream.size() + a.id.size();
  for (const auto& e : a.events) bytes += e.type.size() + e.bytes.size() + sizeof(journal_event);
  return bytes;
}

std::vector<sql_call> append_calls(const journal_statements& s, const std::vector<stream_append>& batch,
                                   std::int64_t written_at) {
  std::vector<sql_call> calls;
  std::size_t events = 0;
  for (const auto& a : batch) events += a.events.size();
  calls.push_back({s.take_positions, {number(events)}});
  auto behind = events;
  for (const auto& a : batch) {
    const auto after = a.expected_version + a.events.size();
    if (a.expected_version == 0)
      calls.push_back({s.begin_stream, {a.stream, number(after), a.id}});
    else
      calls.push_back({s.move_stream, {a.stream, number(after), a.id, number(a.expected_version)}});
    auto version = a.expected_version;
    for (const auto& e : a.events) {
      calls.push_back({s.add_event,
                       {number(--behind), number(++version), e.type, std::int64_t{e.version}, blob{e.bytes}, written_at,
                        a.stream, a.id, number(after)}});
    }
    calls.push_back({s.append_outcome, {a.stream, number(a.expected_version + 1), a.id}});
  }
  return calls;
}

std::vector<expected<appended>> append_outcomes(const std::vector<stream_append>& batch,
                                                const std::vector<sql_result>& results) {
  std::vector<expected<appended>> outcomes;
  std::size_t at = 0;
  for (const auto& a : batch) {
    at += calls_of(a);
    if (at >= results.size())
      outcomes.push_back(fail(errc::corrupt, "the database answered to fewer statements than it was sent"));
    else
      outcomes.push_back(outcome_of(a, results[at]));
  }
  return outcomes;
}

expected<stream_start> start_of(const std::string& stream, const sql_result& r) {
  stream_start start;
  if (r.empty()) return start;
  row_reader row(r, 0);
  start.version = row.count("version");
  const auto truncated_to = row.count("truncated_to");
  start.base = row.count("erased_to");
  if (const auto base = row.take<std::optional<std::int64_t>>("base")) {
    start.base = static_cast<std::uint64_t>(*base);
    start.snapshot = journal_event{row.take<std::string>("type"), static_cast<std::uint32_t>(row.count("type_version")),
                                   row.take<blob>("bytes").bytes};
  }
  if (row.fault()) return tl::unexpected<error>(*row.fault());
  if (start.base < truncated_to || start.base > start.version)
    return fail(errc::corrupt, "stream " + stream + " was truncated to event " + std::to_string(truncated_to) +
                                   ", its snapshot is of " + std::to_string(start.base));
  return start;
}

expected<std::vector<stored_event>> events_of(const sql_result& r) {
  std::vector<stored_event> events;
  events.reserve(r.size());
  for (std::size_t i = 0; i < r.size(); ++i) {
    row_reader row(r, i);
    stored_event e;
    e.stream = row.take<std::string>("stream");
    e.version = row.count("version");
    e.position = row.count("position");
    e.event.type = row.take<std::string>("type");
    e.event.version = static_cast<std::uint32_t>(row.count("type_version"));
    e.event.bytes = row.take<blob>("bytes").bytes;
    e.at = wall_time(std::chrono::milliseconds(row.take<std::int64_t>("written_at")));
    if (row.fault()) return tl::unexpected<error>(*row.fault());
    events.push_back(std::move(e));
  }
  return events;
}

}  // namespace troupe
