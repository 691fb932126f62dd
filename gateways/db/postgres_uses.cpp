#include "gateways/db/postgres_uses.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "runtime/database/bulk_statement.hpp"
#include "runtime/database/sqlstate.hpp"
#include "runtime/database/value_bytes.hpp"

namespace troupe {
namespace {

time_point now() { return time_point(std::chrono::steady_clock::now()); }

using lease_ptr = std::shared_ptr<postgres_side::lease>;

sql_statement own(const char* name, std::string text) { return sql_statement::unchecked(name, std::move(text), 0); }

std::string begin_text(const transaction_settings& s) {
  const char* isolation = "read committed";
  if (s.isolation == sql_isolation::repeatable_read) isolation = "repeatable read";
  if (s.isolation == sql_isolation::serializable) isolation = "serializable";
  return std::string("begin isolation level ") + isolation + (s.read_only ? " read only" : " read write");
}

// What both kinds of conversation have in common: a connection inside BEGIN, one deadline, one end. BEGIN goes with the
// first statement, as one group: when it fails, the statement does not run.
class conversation : public std::enable_shared_from_this<conversation> {
 public:
  conversation(lease_ptr lease, time_point deadline, std::string begin, bool read_only)
      : side_(lease->side().shared_from_this()),
        lease_(std::move(lease)),
        deadline_(deadline),
        begin_(std::move(begin)),
        read_only_(read_only) {}

  void start() {
    if (deadline_ == time_point::max()) return;
    expiry_ = lease_->side().appoint(deadline_, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->expire();
    });
  }

  // On the loop.
  void step(const sql_statement& s, sql_row values, const sql_callback& done) {
    if (!lease_ || over_) return done(tl::unexpected(late_ ? too_late() : ended()));
    if (failed_) return done(tl::unexpected(*failed_));
    std::vector<sql_call> calls;
    if (!begin_.empty()) calls.push_back({own("begin", std::exchange(begin_, "")), {}});
    calls.push_back({s, std::move(values)});
    lease_->connection->send(std::move(calls), [self = shared_from_this(), done](postgres_answer a) {
      if (a.lost) return done(tl::unexpected(self->on_lost(a)));
      if (a.failed) return done(tl::unexpected(self->on_failed(a)));
      done(std::move(a.results.back()));
    });
  }

  void commit(const done_callback& done) {
    if (!lease_ || over_) return done(tl::unexpected(late_ ? too_late() : ended()));
    if (failed_) {
      const error why = *failed_;
      rollback();
      return done(tl::unexpected(why));
    }
    end();
    if (!begin_.empty()) {  // nothing was done in it
      lease_.reset();
      return done({});
    }
    auto& side = lease_->side();
    const auto limit =
        side.appoint(std::max(deadline_, now()) + postgres_side::cancel_grace, [self = shared_from_this(), done] {
          if (self->lease_) self->lease_->spoil();  // answers as a connection that broke
        });
    lease_->connection->send({{own("commit", "commit"), {}}},
                             [self = shared_from_this(), limit, done](const postgres_answer& a) {
                               const auto lease = std::exchange(self->lease_, nullptr);
                               lease->side().withdraw(limit);
                               done(self->outcome_of(a));
                             });
  }

  void rollback() {
    if (!lease_ || over_) return;
    end();
    const auto lease = std::exchange(lease_, nullptr);
    if (!begin_.empty() || !lease->connection->is_open()) return;
    auto& side = lease->side();
    const auto limit =
        side.appoint(std::max(std::min(deadline_, now() + answer_max), now()) + postgres_side::silence_max,
                     [lease] { lease->spoil(); });
    lease->connection->send({{own("rollback", "rollback"), {}}}, [lease, limit](const postgres_answer& a) {
      lease->side().withdraw(limit);
      if (a.failed && !a.lost) lease->spoil();
    });
  }

  /// From any thread: `f` on the loop. Once the side is closed everything in it has ended: false.
  template <class Function>
  [[nodiscard]] bool post(Function f) const {
    return side_->post(std::move(f));
  }
  static error closed() { return {errc::unavailable, "the database is being closed"}; }

 private:
  static constexpr duration answer_max = std::chrono::seconds(10);  // of a rollback behind statements

  static error ended() { return {errc::invalid_argument, "it is over"}; }
  static error too_late() { return {errc::deadline_exceeded, "its deadline passed"}; }
  static error broken(const postgres_answer& a) { return {errc::conflict, "rolled back: " + a.why.context}; }

  void end() {
    over_ = true;
    if (expiry_) lease_->side().withdraw(*std::exchange(expiry_, std::nullopt));
  }

  // COMMIT of a transaction that failed succeeds, too: its tag is ROLLBACK then. The server's last words while it was
  // at the commit, or nothing more from it: who knows.
  [[nodiscard]] expected<void> outcome_of(const postgres_answer& a) const {
    const bool never_reached = a.not_done && !a.reached;
    const bool unclear = (a.lost && !never_reached) || a.unreplicated || (a.failed && a.state.starts_with("57P"));
    if (unclear)
      return fail(errc::outcome_unknown, a.unreplicated ? "committed, but not at the standby" : a.why.context);
    if (a.lost) return tl::unexpected(broken(a));
    if (a.failed) return tl::unexpected(a.why);
    if (a.tag == "COMMIT") return {};
    return tl::unexpected(failed_ ? *failed_ : error{errc::conflict, "the server rolled it back"});
  }

  // Nothing of it was committed: the server rolls back what a connection leaves open.
  error on_lost(const postgres_answer& a) {
    if (!failed_) failed_ = late_ ? too_late() : broken(a);
    if (over_) return *failed_;  // the commit behind it has the lease
    if (lease_) end();
    lease_.reset();
    return *failed_;
  }

  error on_failed(const postgres_answer& a) {
    if (a.state == sqlstate_already_failed && failed_) return *failed_;
    error why = a.why;
    if (a.state == sqlstate_cancelled && late_) why = too_late();
    if (a.state == sqlstate_cancelled && !late_ && lease_ && lease_->connection->take_cancel())
      why = {errc::conflict, "cancelled: " + a.why.context};
    if (a.state == sqlstate_read_only && read_only_) {
      why.code = errc::invalid_argument;
    } else if (spoils_connection(a.state)) {
      why.code = errc::conflict;
      if (lease_ && !over_) lease_->spoil();
    } else if (a.stale_plan) {
      why.code = errc::conflict;
    }
    if (!failed_) failed_ = why;
    return why;
  }

  void expire() {
    if (!lease_ || over_) return;
    late_ = true;
    expiry_.reset();
    if (lease_->connection->under_way() > 0) lease_->cancel();
    rollback();
  }

  const std::shared_ptr<postgres_side> side_;
  lease_ptr lease_;
  const time_point deadline_;
  std::string begin_;  // until it was sent
  const bool read_only_;
  std::optional<postgres_side::appointment> expiry_;
  std::optional<error> failed_;  // the first; after it there is only the rollback
  bool over_ = false;
  bool late_ = false;
};

class postgres_transaction final : public transaction_access {
 public:
  explicit postgres_transaction(std::shared_ptr<conversation> c) : conversation_(std::move(c)) {}
  ~postgres_transaction() override { rollback(); }

  void run(sql_call call, sql_callback done) override {
    const auto bytes = bytes_of_values(call.values);
    if (!admit(bytes)) return done(tl::unexpected(too_many()));
    auto counted = [held = held_, bytes, done](expected<sql_result> r) {
      --held->statements;
      held->bytes -= bytes;
      done(std::move(r));
    };
    const bool posted = conversation_->post([c = conversation_, call = std::move(call), counted]() mutable {
      c->step(call.statement, std::move(call.values), counted);
    });
    if (!posted) done(tl::unexpected(conversation::closed()));
  }
  // Nothing was committed by a side that is closed: the server rolls back what a connection leaves open.
  void commit(done_callback done) override {
    if (held_->refused) {
      rollback();
      return done(tl::unexpected(too_many()));
    }
    if (!conversation_->post([c = conversation_, done] { c->commit(done); }))
      done(tl::unexpected(conversation::closed()));
  }
  void rollback() override {
    (void)conversation_->post([c = conversation_] { c->rollback(); });
  }

 private:
  static constexpr std::size_t statements_max = 10000;         // not answered yet
  static constexpr std::size_t bytes_max = 128 * 1024 * 1024;  // of their values

  struct held {
    std::atomic<std::size_t> statements{0};
    std::atomic<std::size_t> bytes{0};
    std::atomic<bool> refused{false};  // a statement: the transaction can only be rolled back
  };

  static error too_many() {
    return {errc::unavailable, "too many statements of one transaction wait: it is rolled back"};
  }

  [[nodiscard]] bool admit(std::size_t bytes) {
    if (held_->refused) return false;
    const auto before = held_->bytes.fetch_add(bytes);
    const bool fits = held_->statements.fetch_add(1) < statements_max && (before == 0 || before + bytes <= bytes_max);
    if (fits) return true;
    --held_->statements;
    held_->bytes -= bytes;
    held_->refused = true;
    return false;
  }

  const std::shared_ptr<conversation> conversation_;
  const std::shared_ptr<held> held_ = std::make_shared<held>();
};

class postgres_cursor final : public cursor_access {
 public:
  explicit postgres_cursor(std::shared_ptr<conversation> c) : conversation_(std::move(c)) {}
  ~postgres_cursor() override {
    (void)conversation_->post([c = conversation_] { c->rollback(); });
  }

  void next(std::size_t rows_max, sql_callback done) override {
    const auto text = "fetch " + std::to_string(rows_max) + " from troupe_cursor";
    const bool posted = conversation_->post([c = conversation_, text, rows_max, ended = ended_, done] {
      if (*ended) return done(sql_result{});
      c->step(own("fetch", text), {}, [c, rows_max, ended, done](expected<sql_result> r) {
        if (!r || r->rows.size() < rows_max) {
          *ended = true;
          c->rollback();
        }
        done(std::move(r));
      });
    });
    if (!posted) done(tl::unexpected(conversation::closed()));
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
      if (now() >= deadline_) return fail(errc::deadline_exceeded, "the rows took too long");
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
  auto c = std::make_shared<conversation>(std::move(lease), deadline, begin_text(s), s.read_only);
  c->start();
  return std::make_shared<postgres_transaction>(std::move(c));
}

void open_postgres_cursor(lease_ptr lease, sql_call call, time_point deadline, open_callback done) {
  auto c = std::make_shared<conversation>(std::move(lease), deadline, "begin isolation level repeatable read read only",
                                          true);
  c->start();
  const auto declare = sql_statement::unchecked(
      call.statement.name(), "declare troupe_cursor no scroll cursor for " + call.statement.text(), call.values.size());
  c->step(declare, std::move(call.values), [c, done = std::move(done)](const expected<sql_result>& r) {
    if (r) return done(std::make_shared<postgres_cursor>(c));
    c->rollback();
    done(tl::unexpected(r.error()));
  });
}

// At the deadline the server is asked to give up; one that does not answer then loses the connection.
void copy_into_postgres(lease_ptr lease, bulk_target into, row_source source, time_point deadline,
                        count_callback done) {
  const auto text = copy_text(into);
  if (!text) return done(tl::unexpected(text.error()));
  const auto rows = std::make_shared<copy_source>(std::move(into), std::move(source), deadline);
  struct limits {
    bool late = false;
    std::optional<postgres_side::appointment> next;
  };
  const auto at = std::make_shared<limits>();
  if (deadline != time_point::max()) {
    at->next = lease->side().appoint(deadline, [lease, at] {
      at->late = true;
      lease->cancel();
      at->next = lease->side().appoint(now() + postgres_side::cancel_grace, [lease, at] {
        at->next.reset();
        lease->spoil();
      });
    });
  }
  lease->connection->copy_in(
      *text, [rows] { return rows->next(); },
      [lease, at, done = std::move(done)](expected<std::uint64_t> r, bool unclear) {
        if (at->next) lease->side().withdraw(*at->next);
        if (unclear)
          return done(fail(errc::outcome_unknown, r ? "committed, but not at the standby" : r.error().context));
        const bool meant_for_another =
            !r && !at->late && r.error().code == errc::deadline_exceeded && lease->connection->take_cancel();
        if (meant_for_another) return done(fail(errc::unavailable, r.error().context));
        if (!r && at->late) return done(fail(errc::deadline_exceeded, r.error().context));
        done(std::move(r));
      });
}

}  // namespace troupe
