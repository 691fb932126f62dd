// A journal in a database: streams of events that are only added to, and read again in order.
//
//   auto journal = node.open_journal("bank");
//   journal->append({"account-42", 0, {{"opened", 1, bytes}}}, [](troupe::expected<troupe::appended> a) { ... });
//
// A stream has a version, the number of its last event, counted from 1. Who appends says which version it has seen:
// when another came first nothing is written (errc::condition_failed). All events of a journal have a position, too: it
// rises in the order in which appends were committed, so whoever has read up to a position has missed nothing before
// it. Gaps mean nothing.
//
// A handle is cheap to copy, may be used from any thread and must not outlive its node. Calls have two forms, as those
// of a database (database.hpp): with a callback, which must not block, and one that blocks.
//
// What is NOT promised: two streams do not change in one append. With SQLite a journal is of one node: what nodes
// share, grains and singletons among it, needs PostgreSQL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <troupe/database.hpp>
#include <troupe/error.hpp>
#include <troupe/sql_statement.hpp>
#include <troupe/time.hpp>

namespace troupe {

/// What happened, in bytes of the application's: their type and the version of that type tell how to read them.
struct journal_event {
  std::string type;
  std::uint32_t version = 1;
  std::string bytes;
  bool operator==(const journal_event&) const = default;
};

struct stored_event {
  std::string stream;
  std::uint64_t version = 0;   // its number in the stream
  std::uint64_t position = 0;  // its place among all events of the journal
  wall_time at{};              // the writer's clock
  journal_event event;
};

struct stream_append {
  std::string stream;
  std::uint64_t expected_version = 0;  // of the last event that is there; 0: none
  std::vector<journal_event> events;   // all of them or none
  /// An append of a given id is done once, however often it is asked for. Empty: it gets one.
  std::string id{};
};

/// The last event of an append.
struct appended {
  std::uint64_t version = 0;
  std::uint64_t position = 0;
};

/// Where a replay of a stream begins: with the snapshot, or with nothing, and the events behind `base`.
struct stream_start {
  std::uint64_t version = 0;  // of the last event
  std::uint64_t base = 0;
  std::optional<journal_event> snapshot;
};

struct journal_options {
  duration deadline = std::chrono::seconds(2);  // of each call on the database
  std::uint32_t snapshots_kept = 1;             // of each stream; at least 1
  bool notify = true;                           // wakes who listens for appends
};

class journal_core;  // actors/persistence

class journal {
 public:
  static constexpr std::size_t event_bytes_max = 1 << 20;   // also of a snapshot
  static constexpr std::size_t append_events_max = 1000;    // of one append
  static constexpr std::size_t append_bytes_max = 8 << 20;  // of one append
  static constexpr std::size_t page_events_max = 1000;      // of one read; more are asked for in vain
  static constexpr std::size_t name_bytes_max = 255;        // of streams, types, cursors and ids: UTF-8 without a zero
  static constexpr std::size_t waiting_max = 10000;         // appends that wait at a node
  static constexpr std::size_t waiting_bytes_max = 64 << 20;

  using append_callback = std::function<void(expected<appended>)>;
  using start_callback = std::function<void(expected<stream_start>)>;
  using events_callback = std::function<void(expected<std::vector<stored_event>>)>;

  /// The tables of a journal as the migration of this number, for a namespace that an application shares with it: what
  /// is in one namespace can change in one transaction (move_cursor).
  [[nodiscard]] static migration tables(std::uint32_t number = 1);

  /// Over a database that has the tables; touches it not. errc::invalid_argument for options out of bounds.
  [[nodiscard]] static expected<journal> open(database db, const journal_options& o = {});

  explicit journal(std::shared_ptr<journal_core> core) : core_(std::move(core)) {}

  /// Appends of one node go together in few transactions, one after the other.
  ///   errc::condition_failed   the stream has another version; nothing was written. Also for an append that is asked
  ///                            for again when its events were truncated meanwhile
  ///   errc::outcome_unknown    perhaps written: ask again with the same id until another answer comes
  ///   errc::unavailable        not done: the database is away, or waiting_max or waiting_bytes_max is reached
  ///   errc::invalid_argument, errc::too_large   not done, and never will be
  void append(stream_append a, append_callback done);
  [[nodiscard]] expected<appended> append(stream_append a);

  /// errc::corrupt when neither the events nor a snapshot that stands for them are there.
  void load(const std::string& stream, start_callback done);
  [[nodiscard]] expected<stream_start> load(const std::string& stream);
  /// The events of a stream behind a version, in order; fewer than were asked for when there are no more, or when they
  /// are large: none says that there are no more.
  void read(const std::string& stream, std::uint64_t after, std::size_t events_max, events_callback done);
  [[nodiscard]] expected<std::vector<stored_event>> read(const std::string& stream, std::uint64_t after,
                                                         std::size_t events_max = page_events_max);
  /// The events of all streams behind a position, in its order. None is ever added at or before a position that was
  /// read.
  void read_all(std::uint64_t after, std::size_t events_max, events_callback done);
  [[nodiscard]] expected<std::vector<stored_event>> read_all(std::uint64_t after,
                                                             std::size_t events_max = page_events_max);

  /// Stands for all events up to `version` from now on. errc::not_found when the stream is not that long.
  void save_snapshot(const std::string& stream, std::uint64_t version, journal_event content, done_callback done);
  [[nodiscard]] expected<void> save_snapshot(const std::string& stream, std::uint64_t version, journal_event content);
  /// Removes the events that the oldest snapshot kept stands for, as far as every cursor of the journal has passed
  /// them. How many.
  void truncate(const std::string& stream, count_callback done);
  [[nodiscard]] expected<std::uint64_t> truncate(const std::string& stream);
  /// Removes all events and snapshots of a stream at this version, whether cursors have passed them or not. Its version
  /// goes on from there. errc::condition_failed.
  void erase(const std::string& stream, std::uint64_t expected_version, done_callback done);
  [[nodiscard]] expected<void> erase(const std::string& stream, std::uint64_t expected_version);

  /// The position that a reader of read_all() keeps under a name; 0: it kept none.
  void cursor_of(const std::string& name, count_callback done);
  [[nodiscard]] expected<std::uint64_t> cursor_of(const std::string& name);
  /// Moves it, and does `calls` (statements of the same database) in the same transaction, if it stands at `from`.
  /// errc::condition_failed when it does not: nothing was done. After errc::outcome_unknown cursor_of() tells.
  void move_cursor(const std::string& name, std::uint64_t from, std::uint64_t to, std::vector<sql_call> calls,
                   done_callback done);
  [[nodiscard]] expected<void> move_cursor(const std::string& name, std::uint64_t from, std::uint64_t to,
                                           std::vector<sql_call> calls = {});
  /// Its projection begins anew, or is no more: it holds up no truncation.
  void drop_cursor(const std::string& name, done_callback done);
  [[nodiscard]] expected<void> drop_cursor(const std::string& name);

  /// Calls `f`, on a thread of the node, after appends: of all nodes with PostgreSQL, of this one with SQLite. It may
  /// be told late, once for many, or once too often.
  [[nodiscard]] expected<subscription> on_append(std::function<void()> f);

  /// Where the journal is; what else is in its namespace is reached by it.
  [[nodiscard]] database& where() noexcept;
  [[nodiscard]] const std::shared_ptr<journal_core>& core() const noexcept { return core_; }

 private:
  std::shared_ptr<journal_core> core_;
};

}  // namespace troupe
