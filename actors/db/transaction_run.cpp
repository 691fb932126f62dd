#include "actors/db/transaction_run.hpp"

#include <utility>

#include "actors/db/awaited_answer.hpp"

namespace troupe {
namespace {

bool is_conflict(const expected<void>& outcome) { return !outcome && outcome.error().code == errc::conflict; }

transaction_settings settings_of(const transaction_options& o) { return {o.isolation, o.read_only, o.stale}; }

// Waits that differ between callers need no secret: the clock and an address tell them apart.
std::uint64_t seed_of(const void* p) {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()) ^
         reinterpret_cast<std::uintptr_t>(p);
}

}  // namespace

transaction_run::~transaction_run() {
  if (ended) return;
  access->rollback();
  on_end(fail(errc::invalid_argument, "the transaction was neither committed nor rolled back"), *conflicted);
}

void transaction_run::run(const sql_statement& s, sql_row values, sql_callback done) {
  if (ended) return done(fail(errc::invalid_argument, "the transaction is over"));
  access->run({s, std::move(values)}, [seen = conflicted, done = std::move(done)](expected<sql_result> r) {
    if (!r && r.error().code == errc::conflict) *seen = true;
    done(std::move(r));
  });
}

void transaction_run::commit() {
  if (ended.exchange(true)) return;
  access->commit([seen = conflicted, end = on_end](expected<void> outcome) {
    const bool again = is_conflict(outcome) || (!outcome && *seen && outcome.error().code != errc::outcome_unknown);
    end(std::move(outcome), again);
  });
}

void transaction_run::rollback(error why) {
  if (ended.exchange(true)) return;
  access->rollback();
  on_end(tl::unexpected(std::move(why)), *conflicted);
}

void transaction::run(const sql_statement& s, sql_row values, sql_callback done) {
  run_->run(s, std::move(values), std::move(done));
}
void transaction::commit() { run_->commit(); }
void transaction::rollback(error why) { run_->rollback(std::move(why)); }

// The transaction's own deadline ends the wait: the database answers then.
expected<sql_result> blocking_transaction::run(const sql_statement& s, sql_row values) {
  return await_answer<sql_result>(time_point::max(), errc::deadline_exceeded,
                                  [&](sql_callback done) { run_->run(s, std::move(values), std::move(done)); });
}

transaction_retry::transaction_retry(std::shared_ptr<database_access> access, body b, done_callback done,
                                     const transaction_options& o)
    : access_(std::move(access)),
      body_(std::move(b)),
      done_(std::move(done)),
      options_(o),
      deadline_(deadline_after(o.deadline)),
      rng_(seed_of(this)) {}

void transaction_retry::start(std::shared_ptr<database_access> access, body b, done_callback done,
                              const transaction_options& o) {
  std::make_shared<transaction_retry>(std::move(access), std::move(b), std::move(done), o)->attempt();
}

void transaction_retry::attempt() {
  ++tries_;
  access_->begin(settings_of(options_), deadline_,
                 [self = shared_from_this()](expected<std::shared_ptr<transaction_access>> begun) {
                   if (!begun) {
                     const bool conflict = begun.error().code == errc::conflict;
                     return self->on_end(tl::unexpected(std::move(begun.error())), conflict);
                   }
                   self->body_(transaction(std::make_shared<transaction_run>(
                       std::move(*begun),
                       [self](expected<void> outcome, bool again) { self->on_end(std::move(outcome), again); })));
                 });
}

void transaction_retry::on_end(expected<void> outcome, bool conflicted) {
  const auto wait = waits_.next(rng_);
  const bool time_left = time_point(std::chrono::steady_clock::now()) + wait < deadline_;
  if (outcome || !conflicted || tries_ >= options_.tries_max || !time_left) return done_(std::move(outcome));
  access_->after(wait, [self = shared_from_this()](bool came) {
    if (came) return self->attempt();
    self->done_(fail(errc::unavailable, "the database is being closed"));
  });
}

namespace {

struct ending {
  expected<void> outcome;
  bool again = false;
};

expected<ending> attempt_blocking(database_access& access,
                                  const std::function<expected<void>(blocking_transaction&)>& body,
                                  const transaction_options& o, time_point deadline) {
  auto begun = await_answer<std::shared_ptr<transaction_access>>(
      deadline, errc::deadline_exceeded,
      [&](begin_callback opened) { access.begin(settings_of(o), deadline, std::move(opened)); });
  if (!begun) {
    const bool conflict = begun.error().code == errc::conflict;
    return ending{tl::unexpected(std::move(begun.error())), conflict};
  }
  return await_answer<ending>(deadline, errc::outcome_unknown, [&](const std::function<void(expected<ending>)>& done) {
    const auto run = std::make_shared<transaction_run>(std::move(*begun), [done](expected<void> outcome, bool again) {
      done(ending{std::move(outcome), again});
    });
    blocking_transaction t(run);
    auto decided = body(t);
    if (decided)
      run->commit();
    else
      run->rollback(std::move(decided.error()));
  });
}

}  // namespace

expected<void> transact_blocking(database_access& access,
                                 const std::function<expected<void>(blocking_transaction&)>& body,
                                 const transaction_options& o) {
  const auto deadline = deadline_after(o.deadline);
  random rng(seed_of(&o));
  backoff waits(retry_wait_first, retry_wait_most);
  for (std::uint32_t tries = 1;; ++tries) {
    auto end = attempt_blocking(access, body, o, deadline);
    if (!end) return tl::unexpected(std::move(end.error()));
    const auto wait = waits.next(rng);
    const bool time_left = time_point(std::chrono::steady_clock::now()) + wait < deadline;
    if (end->outcome || !end->again || tries >= o.tries_max || !time_left) return std::move(end->outcome);
    (void)await_answer<void>(deadline, errc::deadline_exceeded,
                             [&](const done_callback& done) { access.after(wait, [done](bool) { done({}); }); });
  }
}

}  // namespace troupe
