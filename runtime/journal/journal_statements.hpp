// The statements of a journal, the same text for every database, and what an append is in them.
//
// An append transaction begins with the row that gives positions out: whoever holds that row is the only one who
// appends, until it has committed. So positions become visible in their order, and a reader that has seen one has seen
// all before it. The rest of the transaction decides nothing outside of the database: an append whose stream has
// another version changes no row, which is no error, so that those beside it stand. It is one round trip, and a node
// that dies in the middle holds the row for no longer than its connection.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <troupe/journal.hpp>

namespace troupe {

/// A page of events ends with the event that reaches it.
inline constexpr std::int64_t page_bytes_max = 8 << 20;

/// `written_at` in milliseconds since 1970.
struct journal_statements {
  sql_statement take_positions;   // how many
  sql_statement begin_stream;     // stream, version after, id
  sql_statement move_stream;      // stream, version after, id, version before
  sql_statement add_event;        // see append_calls
  sql_statement append_outcome;   // stream, version of the first event, id
  sql_statement load;             // stream
  sql_statement read;             // stream, after, limit, page_bytes_max
  sql_statement read_all;         // after, limit, page_bytes_max
  sql_statement save_snapshot;    // stream, version, type, type_version, bytes, written_at
  sql_statement drop_snapshots;   // stream, how many stay
  sql_statement lock_stream;      // stream
  sql_statement truncate_events;  // stream
  sql_statement note_truncated;   // stream
  sql_statement erase_stream;     // stream, version
  sql_statement erase_events;     // stream
  sql_statement erase_snapshots;  // stream
  sql_statement cursor_of;        // name
  sql_statement begin_cursor;     // name, position
  sql_statement move_cursor;      // name, position, position before
  sql_statement drop_cursor;      // name

  using preparing = std::function<expected<sql_statement>(const std::string& name, std::string_view text)>;
  [[nodiscard]] static expected<journal_statements> prepare(const preparing& with);
};

/// The tables, for the migration.
[[nodiscard]] std::string journal_tables();

/// errc::invalid_argument for an empty name, one that is no UTF-8 or holds a zero byte; errc::too_large. `what` names
/// it.
[[nodiscard]] expected<void> check_journal_name(const std::string& what, const std::string& name);
/// errc::invalid_argument, errc::too_large.
[[nodiscard]] expected<void> check_journal_event(const journal_event& e);
[[nodiscard]] expected<void> check_append(const stream_append& a);
[[nodiscard]] std::size_t bytes_of(const stream_append& a) noexcept;

/// All of them in one transaction, for database::run_all.
[[nodiscard]] std::vector<sql_call> append_calls(const journal_statements& s, const std::vector<stream_append>& batch,
                                                 std::int64_t written_at);
/// What became of each; errc::corrupt when the results are not those of such calls.
[[nodiscard]] std::vector<expected<appended>> append_outcomes(const std::vector<stream_append>& batch,
                                                              const std::vector<sql_result>& results);

/// errc::corrupt when what is there cannot be replayed.
[[nodiscard]] expected<stream_start> start_of(const std::string& stream, const sql_result& r);
[[nodiscard]] expected<std::vector<stored_event>> events_of(const sql_result& r);

}  // namespace troupe
