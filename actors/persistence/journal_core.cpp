#include "actors/persistence/journal_core.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "actors/clock.hpp"
#include "actors/persistence/cursor_move.hpp"
#include "actors/wall_clock.hpp"

namespace troupe {
namespace {

constexpr const char* channel = "journal_appended";

std::int64_t wall_ms() { return static_cast<std::int64_t>(wall_now_ms()); }

std::int64_t number(std::uint64_t n) { return static_cast<std::int64_t>(n); }

bool is_number(std::uint64_t n) { return n <= static_cast<std::uint64_t>(INT64_MAX); }

// Unlike those of any other journal handle, anywhere.
std::string unlike_others() {
  std::random_device seed;
  std::string text;
  for (int i = 0; i < 4; ++i) {
    constexpr char digits[] = "0123456789abcdef";
    for (auto word = std::uint32_t{seed()}, n = 0U; n < 8; ++n, word >>= 4) text += digits[word & 15];
  }
  return text + "-";
}

expected<void> outcome_of(const expected<std::vector<sql_result>>& r, errc unchanged, const std::string& words) {
  if (!r) return tl::unexpected<error>(r.error());
  if (!r->empty() && r->front().changed == 0) return fail(unchanged, words);
  return {};
}

}  // namespace

journal_core::journal_core(database db, const journal_options& o, surroundings s, journal_statements statements)
    : db_(std::move(db)),
      options_(o),
      around_(std::move(s)),
      own_metrics_(around_.numbers == nullptr ? std::make_unique<metrics>() : nullptr),
      metrics_(own_metrics_ ? own_metrics_.get() : around_.numbers),
      numbers_(*metrics_, db_.name()),
      statements_(std::move(statements)),
      id_prefix_(unlike_others()) {}

expected<std::shared_ptr<journal_core>> journal_core::open(database db, const journal_options& o, surroundings s) {
  if (o.deadline <= duration::zero() || o.snapshots_kept == 0)
    return fail(errc::invalid_argument, "a journal's deadline is above zero, and it keeps one snapshot at least");
  auto statements = journal_statements::prepare(
      [&db](const std::string& name, std::string_view text) { return db.prepare(name, text); });
  if (!statements) return tl::unexpected<error>(std::move(statements.error()));
  return std::make_shared<journal_core>(std::move(db), o, std::move(s), std::move(*statements));
}

std::string journal_core::new_append_id() {
  const std::lock_guard lock(mutex_);
  return id_prefix_ + std::to_string(++ids_);
}

void journal_core::warn(std::string_view event, const std::string& stream, const error& why) {
  {
    const std::lock_guard lock(mutex_);
    const auto now = clock_now();
    if (now - last_line_ < std::chrono::seconds(1)) return;
    last_line_ = now;
  }
  log().warn("journal", event, {{"namespace", db_.name()}, {"stream", stream}, {"reason", describe(why)}});
}

// ---- appending ----

void journal_core::append(stream_append a, journal::append_callback done) {
  if (auto sound = check_append(a); !sound) return done(tl::unexpected<error>(std::move(sound.error())));
  if (a.id.empty()) a.id = new_append_id();
  append_queue::entry e{std::move(a), std::move(done), false};
  expected<void> taken;
  {
    const std::lock_guard lock(mutex_);
    taken = queue_.add(e);
  }
  if (!taken) {
    numbers_.count_append(&taken.error());
    return e.done(tl::unexpected<error>(std::move(taken.error())));
  }
  send_next();
}

void journal_core::send_next() {
  std::vector<sql_call> calls;
  {
    const std::lock_guard lock(mutex_);
    const auto& batch = queue_.next();
    if (batch.empty()) return;
    calls = append_calls(statements_, batch, wall_ms());
  }
  numbers_.batches.Increment();
  db_.run_all(
      std::move(calls), [self = shared_from_this()](const expected<std::vector<sql_result>>& r) { self->on_batch(r); },
      within());
}

void journal_core::on_batch(const expected<std::vector<sql_result>>& results) {
  std::vector<append_queue::told> told;
  std::size_t events = 0;
  {
    const std::lock_guard lock(mutex_);
    expected<std::vector<expected<appended>>> outcomes;
    if (results)
      outcomes = append_outcomes(queue_.batch(), *results);
    else
      outcomes = tl::unexpected<error>(results.error());
    for (std::size_t i = 0; outcomes && i < outcomes->size(); ++i)
      events += (*outcomes)[i] ? queue_.batch()[i].events.size() : 0;
    told = queue_.on_done(outcomes);
  }
  numbers_.events.Increment(static_cast<double>(events));
  send_next();
  for (auto& t : told) {
    numbers_.count_append(t.outcome ? nullptr : &t.outcome.error());
    t.done(std::move(t.outcome));
  }
  if (events > 0) tell_appended();
}

// At most one notification is on its way; those who listen read all that is there.
void journal_core::tell_appended() {
  if (!options_.notify) return;
  {
    const std::lock_guard lock(mutex_);
    if (telling_) {
      tell_again_ = true;
      return;
    }
    telling_ = true;
  }
  db_.notify(
      channel, {},
      [self = shared_from_this()](const expected<void>&) {
        bool again = false;
        {
          const std::lock_guard lock(self->mutex_);
          self->telling_ = false;
          again = std::exchange(self->tell_again_, false);
        }
        if (again) self->tell_appended();
      },
      within());
}

expected<subscription> journal_core::on_append(std::function<void()> f) {
  return db_.listen(channel, [f = std::move(f)](const notification&) { f(); });
}

// ---- reading ----

void journal_core::load(const std::string& stream, journal::start_callback done) {
  if (auto sound = check_journal_name("a stream's name", stream); !sound)
    return done(tl::unexpected<error>(std::move(sound.error())));
  db_.query(
      statements_.load, {stream},
      [stream, done = std::move(done)](const expected<sql_result>& r) {
        if (!r) return done(tl::unexpected<error>(r.error()));
        done(start_of(stream, *r));
      },
      within());
}

void journal_core::page(const sql_statement& s, sql_row values, std::size_t events_max, journal::events_callback done) {
  values.emplace_back(number(std::min(events_max, journal::page_events_max)));
  values.emplace_back(page_bytes_max);
  db_.query(
      s, std::move(values),
      [done = std::move(done)](const expected<sql_result>& r) {
        if (!r) return done(tl::unexpected<error>(r.error()));
        done(events_of(*r));
      },
      within());
}

void journal_core::read(const std::string& stream, std::uint64_t after, std::size_t events_max,
                        journal::events_callback done) {
  if (auto sound = check_journal_name("a stream's name", stream); !sound)
    return done(tl::unexpected<error>(std::move(sound.error())));
  if (events_max == 0 || !is_number(after)) return done(fail(errc::invalid_argument, "no such page"));
  page(statements_.read, {stream, number(after)}, events_max, std::move(done));
}

void journal_core::read_all(std::uint64_t after, std::size_t events_max, journal::events_callback done) {
  if (events_max == 0 || !is_number(after)) return done(fail(errc::invalid_argument, "no such page"));
  page(statements_.read_all, {number(after)}, events_max, std::move(done));
}

// ---- snapshots and the end of streams ----

void journal_core::save_snapshot(const std::string& stream, std::uint64_t version, journal_event content,
                                 done_callback done) {
  auto sound = check_journal_name("a stream's name", stream);
  if (sound) sound = check_journal_event(content);
  if (sound && (version == 0 || !is_number(version)))
    sound = fail(errc::invalid_argument, "a snapshot stands for one event at least");
  if (!sound) return done(sound);
  std::vector<sql_call> calls;
  calls.push_back({statements_.save_snapshot,
                   {stream, number(version), std::move(content.type), std::int64_t{content.version},
                    blob{std::move(content.bytes)}, wall_ms()}});
  calls.push_back({statements_.drop_snapshots, {stream, std::int64_t{options_.snapshots_kept}}});
  db_.run_all(
      std::move(calls),
      [self = shared_from_this(), done = std::move(done)](const expected<std::vector<sql_result>>& r) {
        auto saved = outcome_of(r, errc::not_found, "the stream has no such version");
        (saved ? self->numbers_.snapshots : self->numbers_.failed_snapshots).Increment();
        done(saved);
      },
      within());
}

void journal_core::truncate(const std::string& stream, count_callback done) {
  if (auto sound = check_journal_name("a stream's name", stream); !sound)
    return done(tl::unexpected<error>(std::move(sound.error())));
  std::vector<sql_call> calls;
  for (const auto* s : {&statements_.lock_stream, &statements_.truncate_events, &statements_.note_truncated})
    calls.push_back({*s, {stream}});
  db_.run_all(
      std::move(calls),
      [self = shared_from_this(), done = std::move(done)](const expected<std::vector<sql_result>>& r) {
        if (!r) return done(tl::unexpected<error>(r.error()));
        const auto removed = r->size() > 1 ? (*r)[1].changed : 0;
        self->numbers_.truncated.Increment(static_cast<double>(removed));
        done(removed);
      },
      within());
}

void journal_core::erase(const std::string& stream, std::uint64_t expected_version, done_callback done) {
  auto sound = check_journal_name("a stream's name", stream);
  if (sound && !is_number(expected_version)) sound = fail(errc::invalid_argument, "no stream has that version");
  if (!sound) return done(sound);
  std::vector<sql_call> calls;
  calls.push_back({statements_.erase_stream, {stream, number(expected_version)}});
  for (const auto* s : {&statements_.erase_events, &statements_.erase_snapshots}) calls.push_back({*s, {stream}});
  db_.run_all(
      std::move(calls),
      [done = std::move(done)](const expected<std::vector<sql_result>>& r) {
        done(outcome_of(r, errc::condition_failed, "the stream has another version"));
      },
      within());
}

// ---- cursors ----

void journal_core::cursor_of(const std::string& name, count_callback done) {
  if (auto sound = check_journal_name("a cursor's name", name); !sound)
    return done(tl::unexpected<error>(std::move(sound.error())));
  db_.query(
      statements_.cursor_of, {name},
      [done = std::move(done)](const expected<sql_result>& r) {
        if (!r) return done(tl::unexpected<error>(r.error()));
        if (r->empty()) return done(std::uint64_t{0});
        const auto position = r->get<std::int64_t>(0, "position");
        if (!position) return done(tl::unexpected<error>(position.error()));
        done(static_cast<std::uint64_t>(*position));
      },
      within());
}

void journal_core::move_cursor(const std::string& name, std::uint64_t from, std::uint64_t to,
                               std::vector<sql_call> calls, done_callback done) {
  auto sound = check_journal_name("a cursor's name", name);
  if (sound && (!is_number(to) || to < from)) sound = fail(errc::invalid_argument, "a cursor moves forward");
  if (sound && calls.size() > database::calls_max)
    sound = fail(errc::too_large, "more than " + std::to_string(database::calls_max) + " statements at once");
  if (!sound) return done(sound);
  sql_call move{statements_.begin_cursor, {name, number(to)}};
  if (from > 0) move = {statements_.move_cursor, {name, number(to), number(from)}};
  const auto shared = std::make_shared<const std::vector<sql_call>>(std::move(calls));
  transaction_options how;
  how.deadline = std::max(how.deadline, options_.deadline);
  db_.transact([move, shared](const transaction& t) { std::make_shared<cursor_move>(move, shared)->run(t); },
               std::move(done), how);
}

void journal_core::drop_cursor(const std::string& name, done_callback done) {
  if (auto sound = check_journal_name("a cursor's name", name); !sound) return done(sound);
  db_.execute(
      statements_.drop_cursor, {name},
      [done = std::move(done)](const expected<sql_result>& r) {
        if (r) return done({});
        done(tl::unexpected<error>(r.error()));
      },
      within());
}

}  // namespace troupe
