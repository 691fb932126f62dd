// A journal over a database, behind the handles of <troupe/journal.hpp>: appends go together (runtime/journal), all
// else is a statement or a short transaction. Thread-safe; calls nobody under its lock.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <troupe/journal.hpp>

#include "actors/log.hpp"
#include "actors/persistence/journal_numbers.hpp"
#include "runtime/journal/append_queue.hpp"
#include "runtime/journal/journal_statements.hpp"

namespace troupe {

class journal_core : public std::enable_shared_from_this<journal_core> {
 public:
  /// Without a log nothing is written; without metrics its counts are seen by nobody. The metrics outlive it.
  struct surroundings {
    std::shared_ptr<event_log> log = event_log::none();
    metrics* numbers = nullptr;
  };

  [[nodiscard]] static expected<std::shared_ptr<journal_core>> open(database db, const journal_options& o,
                                                                    surroundings s);
  journal_core(database db, const journal_options& o, surroundings s, journal_statements statements);

  void append(stream_append a, journal::append_callback done);
  void load(const std::string& stream, journal::start_callback done);
  void read(const std::string& stream, std::uint64_t after, std::size_t events_max, journal::events_callback done);
  void read_all(std::uint64_t after, std::size_t events_max, journal::events_callback done);
  void save_snapshot(const std::string& stream, std::uint64_t version, journal_event content, done_callback done);
  void truncate(const std::string& stream, count_callback done);
  void erase(const std::string& stream, std::uint64_t expected_version, done_callback done);
  void cursor_of(const std::string& name, count_callback done);
  void move_cursor(const std::string& name, std::uint64_t from, std::uint64_t to, std::vector<sql_call> calls,
                   done_callback done);
  void drop_cursor(const std::string& name, done_callback done);
  [[nodiscard]] expected<subscription> on_append(std::function<void()> f);

  [[nodiscard]] std::string new_append_id();
  [[nodiscard]] database& where() noexcept { return db_; }
  [[nodiscard]] duration deadline() const noexcept { return options_.deadline; }
  [[nodiscard]] event_log& log() noexcept { return *around_.log; }
  [[nodiscard]] journal_numbers& numbers() noexcept { return numbers_; }
  [[nodiscard]] projection_numbers numbers_of(const std::string& projection) {
    return {*metrics_, db_.name(), projection};
  }
  /// A warning that many streams may have at once: one line a second.
  void warn(std::string_view event, const std::string& stream, const error& why);

 private:
  void send_next();
  void on_batch(const expected<std::vector<sql_result>>& results);
  void tell_appended();
  void page(const sql_statement& s, sql_row values, std::size_t events_max, journal::events_callback done);
  [[nodiscard]] sql_options within() const { return {.deadline = options_.deadline, .stale = false}; }

  database db_;
  const journal_options options_;
  const surroundings around_;
  const std::unique_ptr<metrics> own_metrics_;
  metrics* const metrics_;
  journal_numbers numbers_;
  const journal_statements statements_;
  const std::string id_prefix_;
  std::mutex mutex_;
  append_queue queue_;       // guarded by mutex_
  std::uint64_t ids_ = 0;    // guarded by mutex_
  bool telling_ = false;     // a notification is on its way; guarded by mutex_
  bool tell_again_ = false;  // guarded by mutex_
  time_point last_line_{};   // guarded by mutex_
};

}  // namespace troupe
