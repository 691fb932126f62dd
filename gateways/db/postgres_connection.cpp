#include "gateways/db/postgres_connection.hpp"

#include <utility>

#include "gateways/db/postgres_copying.hpp"
#include "runtime/base/check.hpp"

namespace troupe {
namespace {

using descriptor = boost::asio::posix::stream_descriptor;
using boost::system::error_code;

std::string prepared_name(std::uint64_t id, std::uint64_t serial) {
  return "t" + std::to_string(id) + "_" + std::to_string(serial);
}

}  // namespace

postgres_connection::postgres_connection(boost::asio::io_context& loop, const postgres_target& target)
    : loop_(loop), target_(target), socket_(loop), dial_timer_(loop), resolver_(loop) {}

postgres_connection::~postgres_connection() { release_socket(); }

error postgres_connection::trouble(const std::string& fallback) const {
  const std::string said = connection_ ? first_line(pq().PQerrorMessage(connection_.get())) : "";
  return {errc::unavailable, "postgres: " + (said.empty() ? fallback : said)};
}

void postgres_connection::send(std::vector<sql_call> calls, answer_callback done) {
  TROUPE_CHECK(!copying_);
  group& g = groups_.emplace_back();
  g.done = std::move(done);
  g.statements.reserve(calls.size());
  if (!open_) {
    g.answer.lost = true;
    g.answer.not_done = true;
    g.answer.why = {errc::unavailable, "postgres: the connection is closed"};
    auto ended = std::move(groups_.back());
    groups_.pop_back();
    return ended.done(std::move(ended.answer));
  }
  bool sent = true;
  for (auto& call : calls) {
    sent = sent && send_one(call);
    g.statements.push_back(std::move(call.statement));
  }
  expected_.push_back({part::sync, false, 0, 0});
  if (!sent || pq().PQpipelineSync(connection_.get()) == 0) return break_off("cannot send");
  flush();
}

bool postgres_connection::send_one(const sql_call& call) {
  const postgres_parameters p(call.values);
  const auto& s = call.statement;
  auto* c = connection_.get();
  if (s.id() == 0) {
    expected_.push_back({part::run, false, 0, 0});
    return pq().PQsendQueryParams(c, s.text().c_str(), p.count(), nullptr, p.texts(), p.lengths(), p.formats(), 0) == 1;
  }
  const auto [known, is_new] = prepared_.try_emplace(s.id(), serial_ + 1);
  const auto serial = known->second;
  const auto name = prepared_name(s.id(), serial);
  if (is_new) {
    ++serial_;
    expected_.push_back({part::prepare, false, s.id(), serial});
    if (pq().PQsendPrepare(c, name.c_str(), s.text().c_str(), 0, nullptr) == 0) return false;
  }
  expected_.push_back({part::run, false, s.id(), serial});
  return pq().PQsendQueryPrepared(c, name.c_str(), p.count(), p.texts(), p.lengths(), p.formats(), 0) == 1;
}

void postgres_connection::flush() {
  const int left = pq().PQflush(connection_.get());
  if (left < 0) return break_off("cannot send");
  if (left == 0 || writing_) return;
  writing_ = true;
  socket_.async_wait(descriptor::wait_write, [self = shared_from_this()](error_code stopped) {
    self->writing_ = false;
    if (stopped || !self->open_) return;
    if (pq().PQconsumeInput(self->connection_.get()) == 0) return self->break_off("the connection broke");
    self->process();
    if (self->open_) self->flush();
  });
}

void postgres_connection::read() {
  socket_.async_wait(descriptor::wait_read, [self = shared_from_this()](error_code stopped) {
    if (stopped || !self->open_) return;
    const bool alive = pq().PQconsumeInput(self->connection_.get()) == 1;
    self->process();  // what came before the end
    if (!self->open_) return;
    if (!alive) return self->break_off("the connection broke");
    if (self->writing_ || self->copying_) self->flush();
    if (self->open_) self->read();
  });
}

// Takes all that has arrived.
void postgres_connection::process() {
  const auto alive = shared_from_this();
  if (copying_) {
    copy_more();
    return;
  }
  int idle = 0;
  while (open_ && !expected_.empty() && pq().PQisBusy(connection_.get()) == 0) {
    PGresult* r = pq().PQgetResult(connection_.get());
    if (take(r)) {
      idle = 0;
    } else if (++idle > 2) {
      return break_off("an answer that nobody asked for");
    }
  }
  if (!open_) return;
  note_notifications();
  // A server that says goodbye while nothing is under way: its message is a result without a question.
  if (pq().PQstatus(connection_.get()) == CONNECTION_BAD) break_off("the connection broke");
}

// False when it was neither a result nor an end that was waited for.
bool postgres_connection::take(PGresult* raw) {
  postgres_result r(raw);
  expectation& front = expected_.front();
  if (!r) {
    if (front.what == part::sync || !front.ended) return false;
    expected_.pop_front();
    return true;
  }
  if (pq().PQresultStatus(r.get()) == PGRES_FATAL_ERROR && ends_connection(r.get(), front.what != part::sync))
    return true;
  if (pq().PQresultStatus(r.get()) == PGRES_PIPELINE_SYNC) {
    if (front.what != part::sync) return false;
    expected_.pop_front();
    end_group();
    return true;
  }
  front.ended = true;
  take_result(std::move(r), front);
  return true;
}

// The server's last words, or what libpq says for it. What arrived before has been taken: a broken connection may still
// hold answers.
bool postgres_connection::ends_connection(const PGresult* r, bool before_sync) {
  const auto fault = fault_of(r);
  const bool by_libpq = fault.state.empty() && pq().PQstatus(connection_.get()) == CONNECTION_BAD;
  if (!fault.ends_session && !by_libpq) return false;
  farewell_ = fault.ends_session;
  if (!groups_.empty()) {
    groups_.front().answer.reached = true;
    groups_.front().answer.not_done = farewell_ && before_sync;
  }
  break_off(first_line(pq().PQresultErrorMessage(r)));
  return true;
}

void postgres_connection::take_result(postgres_result r, const expectation& e) {
  auto& g = groups_.front();
  const auto status = pq().PQresultStatus(r.get());
  if (status == PGRES_PIPELINE_ABORTED) {
    if (e.what == part::prepare) forget_prepared(e);
    return;
  }
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) return fail_group(r.get(), e);
  if (e.what != part::run || g.answer.failed) return;
  if (e.id == 0) g.answer.tag = pq().PQcmdStatus(r.get());
  std::shared_ptr<const sql_columns> unnamed;
  auto rows = rows_of(r.get(), e.id == 0 ? unnamed : columns_[e.id]);
  if (rows) {
    g.answer.results.push_back(std::move(*rows));
  } else {
    g.answer.failed = true;
    g.answer.unread = true;
    g.answer.why = std::move(rows.error());
  }
}

// Only the preparation that this was about: another may be on its way.
void postgres_connection::forget_prepared(const expectation& e) {
  const auto known = prepared_.find(e.id);
  if (known != prepared_.end() && known->second == e.serial) prepared_.erase(known);
}

// What the server refuses outweighs what could not be read here: then nothing of it was done.
void postgres_connection::fail_group(const PGresult* r, const expectation& e) {
  auto fault = fault_of(r);
  if (e.what == part::prepare || fault.stale_plan) forget_prepared(e);
  auto& a = groups_.front().answer;
  if (a.failed && !a.unread) return;
  a.failed = true;
  a.unread = false;
  a.stale_plan = fault.stale_plan;
  a.state = std::move(fault.state);
  a.why = std::move(fault.why);
  const auto& statements = groups_.front().statements;
  if (a.results.size() < statements.size()) a.why.context = statements[a.results.size()].name() + ": " + a.why.context;
}

void postgres_connection::end_group() {
  ++answered_;
  auto ended = std::move(groups_.front());
  groups_.pop_front();
  ended.done(std::move(ended.answer));
}

void postgres_connection::note_notifications() {
  while (PGnotify* n = pq().PQnotifies(connection_.get())) {
    const std::string channel = n->relname;
    const std::string payload = n->extra;
    pq().PQfreemem(n);
    if (notified_) notified_(channel, payload);
    if (!open_) return;
  }
}

void postgres_connection::break_off(const std::string& why) {
  if (!open_) return;
  const auto alive = shared_from_this();
  const auto lost = std::move(lost_);
  const auto e = trouble(why);
  close(e);
  if (lost) lost(e);
}

void postgres_connection::close(const error& why) {
  const auto alive = shared_from_this();
  open_ = false;
  lost_ = nullptr;
  dial_timer_.cancel();
  resolver_.cancel();
  release_socket();
  connection_.reset();
  expected_.clear();
  if (copying_) close_copy(why);
  auto groups = std::move(groups_);
  groups_.clear();
  for (std::size_t i = 0; i < groups.size(); ++i) {
    auto& g = groups[i];
    g.answer.lost = true;
    g.answer.reached = i == 0;
    g.answer.not_done = g.answer.not_done || (farewell_ && i > 0);
    if (!g.answer.failed) g.answer.why = why;
    g.done(std::move(g.answer));
  }
  if (const auto tell = std::exchange(dialled_, nullptr)) tell(tl::unexpected(why));
}

}  // namespace troupe
