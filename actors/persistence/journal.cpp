// The methods of troupe::journal, the handle that applications hold.
#include <troupe/journal.hpp>

#include "actors/db/awaited_answer.hpp"
#include "actors/persistence/journal_core.hpp"

namespace troupe {
namespace {

// An append may wait for the one before it; a transaction has its own, longer time.
template <class T, class Begin>
expected<T> wait_for(const journal_core& core, Begin&& begin) {
  const auto most = std::max(2 * core.deadline(), transaction_options{}.deadline);
  return await_answer<T>(deadline_after(most), errc::outcome_unknown, std::forward<Begin>(begin));
}

}  // namespace

migration journal::tables(std::uint32_t number) { return {number, "journal", journal_tables()}; }

expected<journal> journal::open(database db, const journal_options& o) {
  auto core = journal_core::open(std::move(db), o, {});
  if (!core) return tl::unexpected<error>(std::move(core.error()));
  return journal(std::move(*core));
}

database& journal::where() noexcept { return core_->where(); }

void journal::append(stream_append a, append_callback done) { core_->append(std::move(a), std::move(done)); }

expected<appended> journal::append(stream_append a) {
  return wait_for<appended>(*core_, [&](append_callback done) { append(std::move(a), std::move(done)); });
}

void journal::load(const std::string& stream, start_callback done) { core_->load(stream, std::move(done)); }

expected<stream_start> journal::load(const std::string& stream) {
  return wait_for<stream_start>(*core_, [&](start_callback done) { load(stream, std::move(done)); });
}

void journal::read(const std::string& stream, std::uint64_t after, std::size_t events_max, events_callback done) {
  core_->read(stream, after, events_max, std::move(done));
}

expected<std::vector<stored_event>> journal::read(const std::string& stream, std::uint64_t after,
                                                  std::size_t events_max) {
  return wait_for<std::vector<stored_event>>(
      *core_, [&](events_callback done) { read(stream, after, events_max, std::move(done)); });
}

void journal::read_all(std::uint64_t after, std::size_t events_max, events_callback done) {
  core_->read_all(after, events_max, std::move(done));
}

expected<std::vector<stored_event>> journal::read_all(std::uint64_t after, std::size_t events_max) {
  return wait_for<std::vector<stored_event>>(
      *core_, [&](events_callback done) { read_all(after, events_max, std::move(done)); });
}

void journal::save_snapshot(const std::string& stream, std::uint64_t version, journal_event content,
                            done_callback done) {
  core_->save_snapshot(stream, version, std::move(content), std::move(done));
}

expected<void> journal::save_snapshot(const std::string& stream, std::uint64_t version, journal_event content) {
  return wait_for<void>(
      *core_, [&](done_callback done) { save_snapshot(stream, version, std::move(content), std::move(done)); });
}

void journal::truncate(const std::string& stream, count_callback done) { core_->truncate(stream, std::move(done)); }

expected<std::uint64_t> journal::truncate(const std::string& stream) {
  return wait_for<std::uint64_t>(*core_, [&](count_callback done) { truncate(stream, std::move(done)); });
}

void journal::erase(const std::string& stream, std::uint64_t expected_version, done_callback done) {
  core_->erase(stream, expected_version, std::move(done));
}

expected<void> journal::erase(const std::string& stream, std::uint64_t expected_version) {
  return wait_for<void>(*core_, [&](done_callback done) { erase(stream, expected_version, std::move(done)); });
}

void journal::cursor_of(const std::string& name, count_callback done) { core_->cursor_of(name, std::move(done)); }

expected<std::uint64_t> journal::cursor_of(const std::string& name) {
  return wait_for<std::uint64_t>(*core_, [&](count_callback done) { cursor_of(name, std::move(done)); });
}

void journal::move_cursor(const std::string& name, std::uint64_t from, std::uint64_t to, std::vector<sql_call> calls,
                          done_callback done) {
  core_->move_cursor(name, from, to, std::move(calls), std::move(done));
}

expected<void> journal::move_cursor(const std::string& name, std::uint64_t from, std::uint64_t to,
                                    std::vector<sql_call> calls) {
  return wait_for<void>(*core_,
                        [&](done_callback done) { move_cursor(name, from, to, std::move(calls), std::move(done)); });
}

void journal::drop_cursor(const std::string& name, done_callback done) { core_->drop_cursor(name, std::move(done)); }

expected<void> journal::drop_cursor(const std::string& name) {
  return wait_for<void>(*core_, [&](done_callback done) { drop_cursor(name, std::move(done)); });
}

expected<subscription> journal::on_append(std::function<void()> f) { return core_->on_append(std::move(f)); }

}  // namespace troupe
