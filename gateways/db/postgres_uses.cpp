#include "gateways/db/postgres_uses.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/asio/post.hpp>

#include "runtime/database/bulk_statement.hpp"
#include "runtime/database/sqlstate.hpp"

namespace troupe {
namespace {

using lease_ptr = std::shared_ptr<postgres_side::lease>;

sql_statement own(const char* name, std::string text) { return sql_statement::unchecked(name, std::move(text), 0); }

std::string begin_text(const transaction_settings& s) {
  const char* isolation = "read committed";
  if (s.isolation == sql_isolation::repeatable_read) isolation = "repeatable read";
  if (s.isolation == sql_isolation::serializable) isolation = "serializable";
  return std::string("begin isolation level ") + isolation + (s.read_only ? " read only" : " read write");
}

// What both kinds of conversation have in common: a connection inside BEGIN, one deadline, one end.
class conversation : public std::enable_shared_from_this<conversation> {
 public:
  conversation(lease_ptr lease, time_point deadline)
      : loop_(lease->side().loop()), lease_(std::move(lease)), deadline_(deadline) {}

  void begin(const std::string& text) {
    step(own("begin", text), {}, [](const expected<sql_result>&) {});
    if (deadline_ == time_point::max()) return;
    lease_->side().at(deadline_, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->expire();
    });
  }

  // On the loop.
  void step(const sql_statement& s, sql_row values, const sql_callback& done) {
    if (!lease_ || over_) return done(tl::unexpected(late_ ? too_late() : ended()));
    lease_->connection->send({{s, std::move(values)}}, [self = shared_from_this(), done](postgres_answer a) {
      if (a.lost) return done(tl::unexpected(self->on_lost(a)));
      if (a.failed) return done(tl::unexpected(self->on_failed(a)));
      done(std::move(a.results.front()));
    });
  }

  void commit(const done_callback& done) {
    if (!lease_ || over_) return done(tl::unexpected(late_ ? too_late() : ended()));
    if (failed_) {
      const error why = *failed_;
      rollback();
      return done(tl::unexpected(why));
    }
    over_ = true;
    lease_->connection->send({{own("commit", "commit"), {}}},
                             [self = shared_from_this(), done](const postgres_answer& a) {
                               const auto lease = std::exchange(self->lease_, nullptr);
                               if (self->answered_) return;
                               self->answered_ = true;
                               // The server stops: whether it was committed is as unclear as after a broken connection.
                               const bool unclear = (a.lost && !a.not_done) || (a.failed && a.state.starts_with("57P"));
                               if (unclear) return done(fail(errc::outcome_unknown, a.why.context));
                               if (a.lost || a.failed) return done(tl::unexpected(a.lost ? broken(a) : a.why));
                               done({});
                             });
    lease_->side().at(std::max(deadline_, time_point(std::chrono::steady_clock::now())) + postgres_side::cancel_grace,
                      [self = shared_from_this(), done] {
                        if (self->answered_) return;
                        self->answered_ = true;
                        if (self->lease_) self->lease_->spoil();
                        done(fail(errc::outcome_unknown, "the server did not answer the commit in time"));
                      });
  }

  void rollback() {
    if (!lease_ || over_) return;
    over_ = true;
    auto lease = std::exchange(lease_, nullptr);
    if (!lease->connection->is_open()) return;
    auto* c = lease->connection.get();
    c->send({{own("rollback", "rollback"), {}}}, [lease](const postgres_answer& a) {
      if (a.failed && !a.lost) lease->spoil();
    });
  }

  [[nodiscard]] boost::asio::io_context& loop() const { return loop_; }

 private:
  static error ended() { return {errc::invalid_argument, "it is over"}; }
  static error too_late() { return {errc::deadline_exceeded, "its deadline passed"}; }
  static error broken(const postgres_answer& a) { return {errc::conflict, "rolled back: " + a.why.context}; }

  // Nothing of it was committed: the server rolls back what a connection leaves open.
  error on_lost(const postgres_answer& a) {
    over_ = true;
    lease_.reset();
    return late_ ? too_late() : broken(a);
  }

  error on_failed(const postgres_answer& a) {
    error why = a.why;
    if (a.state == sqlstate_cancelled) why = late_ ? too_late() : error{errc::conflict, "cancelled: " + a.why.context};
    if (spoils_connection(a.state) || spoils_prepared(a.state, a.why.context)) {
      why.code = errc::conflict;
      if (lease_) lease_->spoil();
    }
    if (!failed_) failed_ = why;
    return why;
  }

  void expire() {
    if (!lease_ || over_) return;
    late_ = true;
    if (lease_->connection->under_way() > 0) lease_->cancel();
    rollback();
  }

  boost::asio::io_context& loop_;
  lease_ptr lease_;
  const time_point deadline_;
  std::optional<error> failed_;
  bool over_ = false;
  bool late_ = false;
  bool answered_ = false;  // the commit
};

class postgres_transaction final : public transaction_access {
 public:
  explicit postgres_transaction(std::shared_ptr<conversation> c) : conversation_(std::move(c)) {}
  ~postgres_transaction() override { rollback(); }

  void run(sql_call call, sql_callback done) override {
    boost::asio::post(conversation_->loop(),
                      [c = conversation_, call = std::move(call), done = std::move(done)]() mutable {
                        c->step(call.statement, std::move(call.values), done);
                      });
  }
  void commit(done_callback done) override {
    boost::asio::post(conversation_->loop(), [c = conversation_, done = std::move(done)] { c->commit(done); });
  }
  void rollback() override {
    boost::asio::post(conversation_->loop(), [c = conversation_] { c->rollback(); });
  }

 private:
  const std::shared_ptr<conversation> conversation_;
};

class postgres_cursor final : public cursor_access {
 public:
  explicit postgres_cursor(std::shared_ptr<conversation> c) : conversation_(std::move(c)) {}
  ~postgres_cursor() override {
    boost::asio::post(conversation_->loop(), [c = conversation_] { c->rollback(); });
  }

  void next(std::size_t rows_max, sql_callback done) override {
    const auto text = "fetch " + std::to_string(rows_max) + " from troupe_cursor";
    boost::asio::post(conversation_->loop(),
                      [c = conversation_, text, rows_max, ended = ended_, done = std::move(done)] {
                        if (*ended) return done(sql_result{});
                        c->step(own("fetch", text), {}, [c, rows_max, ended, done](expected<sql_result> r) {
                          if (!r || r->rows.size() < rows_max) {
                            *ended = true;
                            c->rollback();
                          }
                          done(std::move(r));
                        });
                      });
  }

 private:
  const std::shared_ptr<conversation> conversation_;
  const std::shared_ptr<bool> ended_ = std::make_shared<bool>(false);  // of the loop
};

// Rows of a source as chunks of COPY's text.
class copy_source {
 public:
  copy_source(bulk_target into, row_source source, time_point deadline)
      : into_(std::move(into)), source_(std::move(source)), deadline_(deadline) {}

  expected<std::string> next() {
    std::string chunk;
    while (chunk.size() < postgres_connection::copy_bytes_max) {
      if (time_point(std::chrono::steady_clock::now()) >= deadline_)
        return fail(errc::deadline_exceeded, "the rows took too long");
      const auto rows = source_();
      if (rows.empty()) break;
      for (const auto& row : rows) {
        if (auto fits = check_bulk_row(into_, row, rows_); !fits) return tl::unexpected(fits.error());
        if (auto written = append_copy_row(chunk, row); !written)
          return tl::unexpected(bulk_error(written.error(), rows_));
        ++rows_;
      }
    }
    return chunk;
  }

 private:
  const bulk_target into_;
  const row_source source_;
  const time_point deadline_;
  std::uint64_t rows_ = 0;
};

}  // namespace

std::shared_ptr<transaction_access> make_postgres_transaction(lease_ptr lease, const transaction_settings& s,
                                                              time_point deadline) {
  auto c = std::make_shared<conversation>(std::move(lease), deadline);
  c->begin(begin_text(s));
  return std::make_shared<postgres_transaction>(std::move(c));
}

void open_postgres_cursor(lease_ptr lease, sql_call call, time_point deadline, open_callback done) {
  auto c = std::make_shared<conversation>(std::move(lease), deadline);
  c->begin("begin isolation level repeatable read read only");
  const auto declare = sql_statement::unchecked(
      call.statement.name(), "declare troupe_cursor no scroll cursor for " + call.statement.text(), call.values.size());
  c->step(declare, std::move(call.values), [c, done = std::move(done)](const expected<sql_result>& r) {
    if (r) return done(std::make_shared<postgres_cursor>(c));
    c->rollback();
    done(tl::unexpected(r.error()));
  });
}

void copy_into_postgres(lease_ptr lease, bulk_target into, row_source source, time_point deadline,
                        count_callback done) {
  const auto text = copy_text(into);
  if (!text) return done(tl::unexpected(text.error()));
  const auto rows = std::make_shared<copy_source>(std::move(into), std::move(source), deadline);
  auto* c = lease->connection.get();
  c->copy_in(
      *text, [rows] { return rows->next(); },
      [lease, done = std::move(done)](expected<std::uint64_t> r, bool lost) {
        if (lost && !r) return done(fail(errc::outcome_unknown, r.error().context));
        done(std::move(r));
      });
}

}  // namespace troupe
