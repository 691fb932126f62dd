#include "tests/sim/journal_database.hpp"

#include "runtime/base/check.hpp"
#include "runtime/database/statement_catalogue.hpp"

namespace troupe::sim {
namespace {

std::int64_t number(std::uint64_t n) { return static_cast<std::int64_t>(n); }

template <class T>
tl::unexpected<error> failure_of(const expected<T>& r) {
  return tl::unexpected<error>(r.error());
}

}  // namespace

journal_database::journal_database() : session_(":memory:", duration::zero()) {
  statement_catalogue known(sql_dialect::sqlite);
  auto prepared = journal_statements::prepare(
      [&](const std::string& name, std::string_view text) { return known.prepare(name, text); });
  TROUPE_CHECK(prepared.has_value() && session_.run_script(journal_tables()).has_value());
  statements_ = std::move(*prepared);
  TROUPE_CHECK(run_all({{statements_.begin_cursor, {std::string(projection), std::int64_t{0}}}}).has_value());
}

expected<std::vector<sql_result>> journal_database::run_all(const std::vector<sql_call>& calls) {
  std::vector<sql_result> results;
  if (auto begun = session_.begin(db_access::write); !begun) return failure_of(begun);
  for (const auto& c : calls) {
    auto r = session_.run(c.statement.text(), c.values);
    if (!r) {
      session_.rollback();
      return failure_of(r);
    }
    results.push_back(std::move(*r));
  }
  if (auto done = session_.commit(); !done) return failure_of(done);
  look();
  return results;
}

void journal_database::look() {
  const auto last = order_.empty() ? 0 : order_.back();
  const auto rows = session_.run(
      "select stream, version, position, bytes from journal_events where position > ?1 "
      "order by position",
      {number(last)});
  if (!rows) return wrong(describe(rows.error()));
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const auto stream = *rows->get<std::string>(i, "stream");
    const auto text = rows->get<blob>(i, "bytes")->bytes;
    auto& history = histories_[stream];
    history.push_back(text);
    order_.push_back(static_cast<std::uint64_t>(*rows->get<std::int64_t>(i, "position")));
    const auto version = static_cast<std::size_t>(*rows->get<std::int64_t>(i, "version"));
    if (version != history.size()) wrong(stream + " has a gap before " + std::to_string(version));
    if (!events_.insert(text).second) wrong(text + " is there twice");
  }
  const auto count = session_.run("select count(*) as n from journal_events where position <= ?1", {number(last)});
  const auto old = static_cast<std::uint64_t>(*count->get<std::int64_t>(0, "n"));
  if (old + rows->size() + truncated_ != order_.size()) wrong("events came or went before the last position");
}

expected<std::vector<expected<appended>>> journal_database::append(const std::vector<stream_append>& batch) {
  const auto results = run_all(append_calls(statements_, batch, 1));
  if (!results) return failure_of(results);
  return append_outcomes(batch, *results);
}

expected<stream_start> journal_database::load(const std::string& stream) {
  const auto r = run_all({{statements_.load, {stream}}});
  return r ? start_of(stream, r->front()) : expected<stream_start>(failure_of(r));
}

expected<std::vector<stored_event>> journal_database::read(const std::string& stream, std::uint64_t after,
                                                           std::size_t events_max) {
  const auto r = run_all({{statements_.read, {stream, number(after), number(events_max), page_bytes_max}}});
  return r ? events_of(r->front()) : expected<std::vector<stored_event>>(failure_of(r));
}

expected<std::vector<stored_event>> journal_database::read_all(std::uint64_t after, std::size_t events_max) {
  const auto r = run_all({{statements_.read_all, {number(after), number(events_max), page_bytes_max}}});
  return r ? events_of(r->front()) : expected<std::vector<stored_event>>(failure_of(r));
}

expected<void> journal_database::save_snapshot(const std::string& stream, std::uint64_t version,
                                               const journal_event& e) {
  const auto r = run_all({{statements_.save_snapshot,
                           {stream, number(version), e.type, std::int64_t{e.version}, blob{e.bytes}, std::int64_t{1}}},
                          {statements_.drop_snapshots, {stream, std::int64_t{1}}}});
  if (!r) return failure_of(r);
  return {};
}

expected<void> journal_database::truncate(const std::string& stream) {
  const auto count = [&] {
    return *session_.run("select count(*) as n from journal_events", {})->get<std::int64_t>(0, "n");
  };
  const auto before = count();
  if (auto begun = session_.begin(db_access::write); !begun) return begun;
  for (const auto* s : {&statements_.lock_stream, &statements_.truncate_events, &statements_.note_truncated}) {
    if (auto r = session_.run(s->text(), {stream}); !r) {
      session_.rollback();
      return failure_of(r);
    }
  }
  if (auto done = session_.commit(); !done) return done;
  truncated_ += static_cast<std::uint64_t>(before - count());
  look();
  return {};
}

expected<std::uint64_t> journal_database::cursor() {
  const auto r = run_all({{statements_.cursor_of, {std::string(projection)}}});
  if (!r) return failure_of(r);
  return static_cast<std::uint64_t>(*r->front().get<std::int64_t>(0, "position"));
}

expected<void> journal_database::project(std::uint64_t position, const std::vector<stored_event>& page) {
  if (auto begun = session_.begin(db_access::write); !begun) return begun;
  const auto moved = session_.run(statements_.move_cursor.text(),
                                  {std::string(projection), number(page.back().position), number(position)});
  if (!moved || moved->changed != 1) {
    session_.rollback();
    return moved ? fail(errc::condition_failed, "the cursor stands elsewhere") : failure_of(moved);
  }
  if (auto done = session_.commit(); !done) return done;
  for (const auto& e : page) {
    if (projected_ >= order_.size() || order_[projected_] != e.position)
      wrong("the projection had position " + std::to_string(e.position) + " out of its turn");
    ++projected_;
  }
  return {};
}

}  // namespace troupe::sim
