#include "actors/db/measured_database.hpp"

#include <algorithm>
#include <utility>

#include "runtime/database/value_bytes.hpp"

namespace troupe {
namespace {

const std::vector<double> buckets{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5};

time_point now() { return time_point(std::chrono::steady_clock::now()); }

expected<void> check_values(const sql_statement& s, const sql_row& values) {
  if (s.empty()) return fail(errc::invalid_argument, "no statement");
  if (bytes_of_values(values) > database::values_bytes_max) return fail(errc::too_large, s.name() + ": its values");
  if (values.size() != s.parameters())
    return fail(errc::invalid_argument, s.name() + ": it takes " + std::to_string(s.parameters()) + " values, not " +
                                            std::to_string(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto* text = std::get_if<std::string>(&values[i]);
    if (text != nullptr && text->find('\0') != text->npos)
      return fail(errc::invalid_argument,
                  s.name() + ": value " + std::to_string(i + 1) + " is text with a zero byte: use a blob");
  }
  return {};
}

bool is_channel(std::string_view name) {
  if (name.empty() || name.size() > database::channel_bytes_max) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

expected<void> check_channel(const std::string& name) {
  if (is_channel(name)) return {};
  return fail(errc::invalid_argument,
              "a channel has 1 to " + std::to_string(database::channel_bytes_max) + " characters of [a-z0-9_]");
}

// The statements of a transaction are looked at, counted and timed like others.
class measured_transaction final : public transaction_access {
 public:
  measured_transaction(std::shared_ptr<measured_database> front, std::shared_ptr<transaction_access> inner)
      : front_(std::move(front)), inner_(std::move(inner)) {}

  void run(sql_call call, sql_callback done) override {
    if (auto sound = front_->check_call(call, sql_access::writes); !sound)
      return done(tl::unexpected(std::move(sound.error())));
    const auto statement = call.statement;
    inner_->run(std::move(call),
                [front = front_, statement, began = now(), done = std::move(done)](expected<sql_result> r) {
                  front->on_done(statement, began, r ? nullptr : &r.error());
                  done(std::move(r));
                });
  }
  void commit(done_callback done) override { inner_->commit(std::move(done)); }
  void rollback() override { inner_->rollback(); }

 private:
  const std::shared_ptr<measured_database> front_;
  const std::shared_ptr<transaction_access> inner_;
};

}  // namespace

measured_database::measured_database(std::shared_ptr<database_access> inner, std::string name_space,
                                     const surroundings& s)
    : inner_(std::move(inner)),
      name_space_(std::move(name_space)),
      around_(s),
      closed_because_("its migrations are not applied yet"),
      of_(database::statements_max + 1),
      known_(new std::atomic<const void*>[database::statements_max + 1]()),
      filled_(database::statements_max + 1, false) {
  add_numbers(0, "ad_hoc");
}

expected<void> measured_database::check_call(const sql_call& call, sql_access access) const {
  if (auto sound = check_values(call.statement, call.values); !sound) return sound;
  const auto id = call.statement.id();
  if (id != 0 &&
      (id > database::statements_max || known_[id].load(std::memory_order_acquire) != call.statement.identity()))
    return fail(errc::invalid_argument, call.statement.name() + ": it was prepared by another database");
  if (access != sql_access::writes && call.statement.writes())
    return fail(errc::invalid_argument, call.statement.name() + ": a statement that writes is for execute()");
  return {};
}

void measured_database::close(std::string why) {
  const std::lock_guard lock(mutex_);
  closed_because_ = std::move(why);
  open_ = false;
}

expected<void> measured_database::admits() const {
  if (open_.load(std::memory_order_relaxed)) return {};
  const std::lock_guard lock(mutex_);
  return fail(errc::unavailable, "database " + name_space_ + ": " + closed_because_);
}

void measured_database::add_numbers(std::size_t id, const std::string& name) {
  if (filled_[id]) return;
  filled_[id] = true;
  const metrics::labels l{{"namespace", name_space_}, {"statement", name}};
  of_[id] = {&around_.numbers.counter("troupe_db_statement_errors_total", "Statements that failed, by name", l),
             &around_.numbers.histogram("troupe_db_statement_seconds", "Time to the answer of a statement, by name",
                                        buckets, l)};
}

expected<sql_statement> measured_database::prepare(const std::string& name, std::string_view text) {
  auto s = inner_->prepare(name, text);
  if (!s) return s;
  const std::lock_guard lock(mutex_);
  add_numbers(s->id(), name);
  known_[s->id()].store(s->identity(), std::memory_order_release);
  return s;
}

bool measured_database::may_log(time_point at) {
  const std::lock_guard lock(mutex_);
  if (at - second_ >= std::chrono::seconds(1)) {
    second_ = at;
    lines_ = 0;
  }
  return ++lines_ <= slow_lines_max;
}

void measured_database::on_done(const sql_statement& s, time_point began, const error* failed) {
  const auto ended = now();
  const auto took = ended - began;
  const auto& n = of_[s.id() < of_.size() ? s.id() : 0];
  n.seconds->Observe(std::chrono::duration<double>(took).count());
  if (failed != nullptr) n.failed->Increment();
  if (around_.slow == duration::zero() || took < around_.slow || !may_log(ended)) return;
  around_.log.warn("database", "slow_statement",
                   {{"namespace", name_space_},
                    {"statement", s.name()},
                    {"took_ms", std::chrono::duration_cast<std::chrono::milliseconds>(took).count()},
                    {"outcome", failed == nullptr ? "ok" : std::string(name_of(failed->code))}});
}

void measured_database::run(sql_call call, sql_access access, time_point deadline, sql_callback done) {
  if (auto admitted = admits(); !admitted) return done(tl::unexpected(std::move(admitted.error())));
  if (auto sound = check_call(call, access); !sound) return done(tl::unexpected(std::move(sound.error())));
  auto statement = call.statement;
  inner_->run(std::move(call), access, deadline,
              [self = shared_from_this(), statement = std::move(statement), began = now(),
               done = std::move(done)](expected<sql_result> r) {
                self->on_done(statement, began, r ? nullptr : &r.error());
                done(std::move(r));
              });
}

void measured_database::run_all(std::vector<sql_call> calls, time_point deadline, sql_results_callback done) {
  if (auto admitted = admits(); !admitted) return done(tl::unexpected(std::move(admitted.error())));
  if (calls.size() > database::calls_max)
    return done(fail(errc::too_large, "more than " + std::to_string(database::calls_max) + " statements at once"));
  if (calls.empty()) return done(std::vector<sql_result>{});
  std::size_t bytes = 0;
  for (const auto& call : calls) {
    if ((bytes += bytes_of_values(call.values)) > database::values_bytes_max)
      return done(fail(errc::too_large, "the values of so many statements at once"));
    if (auto sound = check_call(call, sql_access::writes); !sound)
      return done(tl::unexpected(std::move(sound.error())));
  }
  auto statement = calls.front().statement;  // stands for all of them
  inner_->run_all(std::move(calls), deadline,
                  [self = shared_from_this(), statement = std::move(statement), began = now(),
                   done = std::move(done)](expected<std::vector<sql_result>> r) {
                    self->on_done(statement, began, r ? nullptr : &r.error());
                    done(std::move(r));
                  });
}

void measured_database::begin(const transaction_settings& s, time_point deadline, begin_callback done) {
  if (auto admitted = admits(); !admitted) return done(tl::unexpected(std::move(admitted.error())));
  if (s.stale && !s.read_only) return done(fail(errc::invalid_argument, "a stale transaction only reads"));
  inner_->begin(s, deadline,
                [self = shared_from_this(), done = std::move(done)](expected<std::shared_ptr<transaction_access>> t) {
                  if (!t) return done(std::move(t));
                  done(std::make_shared<measured_transaction>(self, std::move(*t)));
                });
}

void measured_database::open_cursor(sql_call call, bool stale, time_point deadline, open_callback done) {
  if (auto admitted = admits(); !admitted) return done(tl::unexpected(std::move(admitted.error())));
  if (auto sound = check_call(call, sql_access::reads); !sound) return done(tl::unexpected(std::move(sound.error())));
  inner_->open_cursor(std::move(call), stale, deadline, std::move(done));
}

void measured_database::bulk_insert(bulk_target into, row_source source, time_point deadline, count_callback done) {
  if (auto admitted = admits(); !admitted) return done(tl::unexpected(std::move(admitted.error())));
  inner_->bulk_insert(std::move(into), std::move(source), deadline, std::move(done));
}

expected<subscription> measured_database::listen(const std::string& channel, notification_callback f) {
  if (auto sound = check_channel(channel); !sound) return tl::unexpected(std::move(sound.error()));
  return inner_->listen(channel, std::move(f));
}

void measured_database::notify(const std::string& channel, std::string payload, time_point deadline,
                               done_callback done) {
  if (auto admitted = admits(); !admitted) return done(admitted);
  if (auto sound = check_channel(channel); !sound) return done(sound);
  if (payload.size() > database::payload_bytes_max || payload.find('\0') != payload.npos)
    return done(fail(errc::too_large,
                     "a payload is text of at most " + std::to_string(database::payload_bytes_max) + " bytes"));
  inner_->notify(channel, std::move(payload), deadline, std::move(done));
}

}  // namespace troupe
