#include "actors/db/session_database.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "actors/db/session_jobs.hpp"
#include "runtime/database/value_bytes.hpp"

namespace troupe {
namespace {

error over() { return {errc::invalid_argument, "it is over: it was ended, or its deadline passed"}; }
error too_many() { return {errc::unavailable, "too many statements of one transaction wait: it is rolled back"}; }
constexpr const char* closing_words = "the database is being closed";

bool always(const expected<sql_result>&) { return true; }
bool never(const expected<sql_result>&) { return false; }

// A lane that is reserved, for a transaction or a cursor; gives it back when it goes.
class reserved_lane {
 public:
  reserved_lane(database_pool& pool, std::uint64_t reservation, time_point deadline)
      : pool_(pool), reservation_(reservation), deadline_(deadline), lane_(pool.lane_of(reservation)) {}
  ~reserved_lane() {
    end([](database_session&) { return expected<sql_result>(sql_result{}); }, [](const auto&) {});
  }
  reserved_lane(const reserved_lane&) = delete;
  reserved_lane& operator=(const reserved_lane&) = delete;

  /// False: too much waits. `done` is told in any case.
  bool step(reserved_job::work work, reserved_job::keep keep, const sql_callback& done, std::size_t bytes = 0) {
    auto job = std::make_shared<reserved_job>(reservation_, deadline_, std::move(work), std::move(keep), done, bytes);
    return submit(std::move(job), done, false);
  }
  /// The last step; there is always room for it.
  void end(reserved_job::work work, const sql_callback& done) {
    (void)submit(std::make_shared<reserved_job>(reservation_, deadline_, std::move(work), never, done), done, true);
  }

 private:
  bool submit(std::shared_ptr<reserved_job> job, const sql_callback& done, bool ends) {
    const auto admitted =
        lane_ ? pool_.submit_owned(*lane_, reservation_, std::move(job), ends) : owned_admission::over;
    if (admitted != owned_admission::taken)
      done(tl::unexpected(admitted == owned_admission::full ? too_many() : over()));
    return admitted != owned_admission::full;
  }

  database_pool& pool_;
  const std::uint64_t reservation_;
  const time_point deadline_;
  const std::optional<lane_id> lane_;
};

// The first error stays: after it there is only the rollback. Steps run one at a time, in the lane.
class session_transaction final : public transaction_access {
 public:
  explicit session_transaction(std::shared_ptr<reserved_lane> lane) : lane_(std::move(lane)) {}

  void run(sql_call call, sql_callback done) override {
    if (*refused_) return done(tl::unexpected(too_many()));
    const auto bytes = bytes_of_values(call.values);
    const bool taken = lane_->step(
        [call = std::move(call), failed = failed_](database_session& s) -> expected<sql_result> {
          if (*failed) return tl::unexpected(**failed);
          auto result = s.run(call.statement.text(), call.values);
          if (!result) *failed = told_by(call.statement, std::move(result.error()));
          if (result && !s.in_transaction()) *failed = error{errc::conflict, "a statement ended the transaction"};
          if (*failed) return tl::unexpected(**failed);
          return result;
        },
        always, done, bytes);
    if (!taken) *refused_ = true;
  }
  void commit(done_callback done) override {
    lane_->end(
        [failed = failed_, refused = refused_](database_session& s) -> expected<sql_result> {
          if (*failed) return tl::unexpected(**failed);
          if (*refused) return tl::unexpected(too_many());
          if (auto committed = s.commit(); !committed) return tl::unexpected(committed.error());
          return sql_result{};
        },
        [done = std::move(done)](expected<sql_result> r) {
          if (r) return done({});
          done(tl::unexpected(std::move(r.error())));
        });
  }
  void rollback() override {
    lane_->end([](database_session&) { return expected<sql_result>(sql_result{}); }, [](const auto&) {});
  }

 private:
  const std::shared_ptr<reserved_lane> lane_;
  const std::shared_ptr<std::atomic<bool>> refused_ = std::make_shared<std::atomic<bool>>(false);  // a statement of it
  const std::shared_ptr<std::optional<error>> failed_ = std::make_shared<std::optional<error>>();  // of the lane
};

class session_cursor final : public cursor_access {
 public:
  session_cursor(std::shared_ptr<reserved_lane> lane, std::shared_ptr<const sql_call> call)
      : lane_(std::move(lane)), call_(std::move(call)) {}

  void next(std::size_t rows_max, sql_callback done) override {
    if (*ended_) return done(sql_result{});
    const auto more = [rows_max](const expected<sql_result>& r) { return r && r->rows.size() == rows_max; };
    (void)lane_->step([rows_max, call = call_](database_session& s) { return s.fetch(rows_max); }, more,
                      [ended = ended_, more, done = std::move(done)](expected<sql_result> r) {
                        if (!more(r)) *ended = true;
                        done(std::move(r));
                      });
  }

 private:
  const std::shared_ptr<reserved_lane> lane_;
  const std::shared_ptr<const sql_call> call_;  // the session borrows it
  const std::shared_ptr<std::atomic<bool>> ended_ = std::make_shared<std::atomic<bool>>(false);
};

expected<void> as_result(const expected<sql_result>& r) {
  if (r) return {};
  return tl::unexpected(r.error());
}

}  // namespace

session_database::session_database(database_pool& pool, boost::asio::io_context& loop, const std::string& name_space,
                                   lane_id writer, std::size_t readers, sql_dialect dialect)
    : pool_(pool),
      loop_(loop),
      writer_(writer),
      readers_(pool.open_readers(name_space, std::max<std::size_t>(1, readers))),
      long_readers_(pool.open_readers(name_space, long_readers)),
      dialect_(dialect),
      catalogue_(dialect),
      notices_(std::make_shared<notice_board>()) {}

expected<sql_statement> session_database::prepare(const std::string& name, std::string_view text) {
  const std::lock_guard lock(mutex_);
  return catalogue_.prepare(name, text);
}

void session_database::run(sql_call call, sql_access access, time_point deadline, sql_callback done) {
  std::vector<sql_call> calls;
  calls.push_back(std::move(call));
  const bool writes = access == sql_access::writes;
  auto job = std::make_shared<calls_job>(std::move(calls), writes, deadline,
                                         [done = std::move(done)](expected<std::vector<sql_result>> r) {
                                           if (r) return done(std::move(r->front()));
                                           done(tl::unexpected(std::move(r.error())));
                                         });
  if (writes) return pool_.submit(writer_, std::move(job));
  pool_.submit_to_any(readers_, std::move(job));
}

void session_database::run_all(std::vector<sql_call> calls, time_point deadline, sql_results_callback done) {
  pool_.submit(writer_, std::make_shared<calls_job>(std::move(calls), true, deadline, std::move(done)));
}

void session_database::begin(const transaction_settings& s, time_point deadline, begin_callback done) {
  const auto reservation = pool_.new_reservation();
  const auto access = s.read_only ? db_access::read : db_access::write;
  auto job = std::make_shared<reserved_job>(
      reservation, deadline,
      [access](database_session& session) -> expected<sql_result> {
        if (auto begun = session.begin(access); !begun) return tl::unexpected(begun.error());
        return sql_result{};
      },
      [](const expected<sql_result>& r) { return r.has_value(); },
      [&pool = pool_, reservation, deadline, done = std::move(done)](const expected<sql_result>& r) {
        if (auto begun = as_result(r); !begun) return done(tl::unexpected(begun.error()));
        done(std::make_shared<session_transaction>(std::make_shared<reserved_lane>(pool, reservation, deadline)));
      });
  if (!s.read_only) return pool_.submit(writer_, std::move(job));
  pool_.submit_to_any(long_readers_, std::move(job));
}

void session_database::open_cursor(sql_call call, bool, time_point deadline, open_callback done) {
  const auto reservation = pool_.new_reservation();
  const auto kept = std::make_shared<const sql_call>(std::move(call));
  auto job = std::make_shared<reserved_job>(
      reservation, deadline,
      [kept](database_session& session) -> expected<sql_result> {
        if (auto begun = session.begin(db_access::read); !begun) return tl::unexpected(begun.error());
        auto opened = session.open_cursor(kept->statement.text(), kept->values);
        if (!opened) return tl::unexpected(told_by(kept->statement, std::move(opened.error())));
        return sql_result{};
      },
      [](const expected<sql_result>& r) { return r.has_value(); },
      [&pool = pool_, kept, reservation, deadline, done = std::move(done)](const expected<sql_result>& r) {
        if (auto begun = as_result(r); !begun) return done(tl::unexpected(begun.error()));
        done(std::make_shared<session_cursor>(std::make_shared<reserved_lane>(pool, reservation, deadline), kept));
      });
  pool_.submit_to_any(long_readers_, std::move(job));
}

void session_database::bulk_insert(bulk_target into, row_source source, time_point deadline, count_callback done) {
  auto text = insert_text(into, dialect_);
  if (!text) return done(tl::unexpected(std::move(text.error())));
  pool_.submit(writer_, std::make_shared<bulk_job>(pool_.new_reservation(), std::move(into), std::move(*text),
                                                   std::move(source), deadline, std::move(done)));
}

expected<subscription> session_database::listen(const std::string& channel, notification_callback f) {
  return notices_->add(channel, std::move(f));
}

// Listeners hear it on the loop. What has not come to them when the database is closed is refused, not forgotten.
void session_database::notify(const std::string& channel, std::string payload, time_point, done_callback done) {
  const char* refused = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_)
      refused = closing_words;
    else if (notices_waiting_.size() >= notices_max)
      refused = "too many notifications wait";
    else
      notices_waiting_.push_back({notification{channel, std::move(payload), false}, std::move(done)});
  }
  if (refused != nullptr) return done(fail(errc::unavailable, refused));
  boost::asio::post(loop_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->tell_next();
  });
}

void session_database::tell_next() {
  waiting_notice next;
  {
    const std::lock_guard lock(mutex_);
    if (notices_waiting_.empty()) return;
    next = std::move(notices_waiting_.front());
    notices_waiting_.pop_front();
  }
  notices_->tell(next.told);
  next.done({});
}

void session_database::after(duration wait, std::function<void(bool came)> f) {
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!stopped_) waiting_.emplace(id = ++waits_, std::move(f));
  }
  if (id == 0) return f(false);
  auto timer = std::make_shared<boost::asio::steady_timer>(loop_, wait);
  timer->async_wait([timer, id, weak = weak_from_this()](const boost::system::error_code& ended) {
    const auto self = weak.lock();
    if (const auto waiting = self ? self->take_waiting(id) : nullptr) waiting(!ended);
  });
}

std::function<void(bool)> session_database::take_waiting(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return nullptr;
  auto f = std::move(found->second);
  waiting_.erase(found);
  return f;
}

void session_database::stop() {
  std::map<std::uint64_t, std::function<void(bool)>> told;
  std::deque<waiting_notice> unheard;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    told.swap(waiting_);
    unheard.swap(notices_waiting_);
  }
  for (const auto& [id, f] : told) f(false);
  for (const auto& n : unheard) n.done(fail(errc::unavailable, closing_words));
}

}  // namespace troupe
