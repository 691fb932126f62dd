#include "actors/db/database_pool.hpp"

#include <algorithm>

#include "actors/db/awaited_answer.hpp"

namespace troupe {
namespace {

// Trouble that may pass by itself: the namespace is kept and tried again.
bool may_heal(errc code) noexcept {
  switch (code) {
    case errc::storage_failed:
    case errc::unavailable:
    case errc::out_of_memory:
    case errc::conflict:                 // a deadlock with another program, a lock that was not to be had
    case errc::deadline_exceeded:        // a statement that an operator cancelled
    case errc::outcome_unknown:          // the connection broke at the commit of a migration
    case errc::stale_term: return true;  // another leads by now
    default: return false;
  }
}

// Ends a reservation whose time is over: a job that keeps nothing.
class abandoned final : public database_job {
 public:
  abandoned() : database_job(time_point::max()) {}
  bool writes() const noexcept override { return false; }
  expected<void> run(database_session&, const batch_times&) override { return {}; }
  void done(expected<void>) override {}
};

// Nothing else runs in the lane meanwhile.
class reset_job final : public database_job {
 public:
  using finish = std::function<void(expected<void>)>;
  reset_job(std::uint64_t reservation, std::vector<migration> migrations, database_pool::evolution evolve,
            database_pool::leader_right right, database_pool::gate g, finish done)
      : database_job(time_point::max()),
        reservation_(reservation),
        migrations_(std::move(migrations)),
        evolve_(std::move(evolve)),
        right_(std::move(right)),
        gate_(std::move(g)),
        done_(std::move(done)) {}
  bool writes() const noexcept override { return true; }
  std::uint64_t reservation() const noexcept override { return reservation_; }
  bool wants_reopening() const noexcept override { return emptied_; }
  // Who leads is asked now, not when the job began to wait. Calls that come meanwhile find a closed gate; one that is
  // emptied and not migrated stays so until it is opened anew.
  expected<void> run(database_session& session, const batch_times&) override {
    const auto right = right_ ? right_() : std::nullopt;
    gate_(false);
    auto done = session.reset(right);
    emptied_ = done.has_value();
    if (done) done = session.migrate(migrations_, right);
    if (done && evolve_) done = evolve_(session, right);
    if (done || !emptied_) gate_(true);
    return done;
  }
  void done(expected<void> outcome) override { done_(std::move(outcome)); }

 private:
  const std::uint64_t reservation_;
  const std::vector<migration> migrations_;
  const database_pool::evolution evolve_;
  const database_pool::leader_right right_;
  const database_pool::gate gate_;
  const finish done_;
  bool emptied_ = false;
};

}  // namespace

database_pool::database_pool(std::shared_ptr<database_driver> driver, settings s, clock now)
    : driver_(std::move(driver)), settings_(s), now_(std::move(now)), scheduler_(s.lanes) {}

database_pool::~database_pool() { stop(); }

database_pool::settings database_pool::settings_of(const db_config& c) {
  settings s;
  s.threads = std::max<std::uint32_t>(1, c.pool_threads);
  s.lanes.queue_max = c.queue_max;
  return s;
}

batch_times database_pool::read_clocks() {
  return {std::chrono::steady_clock::now(),
          std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now())};
}

expected<lane_id> database_pool::open(const std::string& name_space, std::vector<migration> migrations,
                                      std::function<void()> on_open, evolution evolve) {
  auto made = std::make_unique<lane>();
  made->name_space = name_space;
  made->migrations = std::move(migrations);
  made->on_open = std::move(on_open);
  made->evolve = std::move(evolve);
  const auto connected = connect(*made);
  if (!connected && !may_heal(connected.error().code)) return tl::unexpected(connected.error());
  const auto times = now_();
  lane* added = made.get();
  lane_id id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = scheduler_.add_lane();
    lanes_.push_back(std::move(made));
  }
  if (!connected) settle(*added, connected.error(), false, times);
  return id;
}

// Without the leader's token all that is missing is for the leader; the database answers, so nothing has failed.
expected<void> database_pool::bring_up_to_date(lane& l, database_session& session) {
  if (l.reader) return {};
  const auto right = driver_->shared() && right_ ? right_() : std::nullopt;
  auto done = session.migrate(l.migrations, right);
  if (done && l.evolve) done = l.evolve(session, right);
  if (!done && driver_->shared() && !right && done.error().code == errc::unavailable)
    l.awaits_leader = session.run("select 1", {}).has_value();
  return done;
}

expected<void> database_pool::connect(lane& l) {
  l.awaits_leader = false;
  auto session = l.reader ? driver_->open_reader(l.name_space) : driver_->open(l.name_space);
  if (!session) return tl::unexpected(session.error());
  if (auto done = bring_up_to_date(l, **session); !done) return done;
  l.session = std::move(*session);
  if (l.on_open) l.on_open();
  return {};
}

std::vector<lane_id> database_pool::open_readers(const std::string& name_space, std::size_t count) {
  std::vector<lane_id> opened;
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < count; ++i) {
    auto made = std::make_unique<lane>();
    made->name_space = name_space;
    made->reader = true;
    opened.push_back(scheduler_.add_lane());
    lanes_.push_back(std::move(made));
  }
  return opened;
}

void database_pool::start() {
  for (std::uint32_t i = 0; i < settings_.threads; ++i) threads_.emplace_back([this] { work(); });
}

void database_pool::stop() {
  job_list refused;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    refused = scheduler_.stop();
  }
  work_.notify_all();
  refuse(refused, errc::unavailable, "the database service is stopping", counters_.refused);
  for (auto& t : threads_) t.join();
  threads_.clear();
  for (auto& l : lanes_) l->session.reset();
}

expected<void> database_pool::reset(lane_id id, gate g) {
  std::vector<migration> migrations;
  evolution evolve;
  {
    const std::lock_guard lock(mutex_);
    migrations = lanes_[id]->migrations;
    evolve = lanes_[id]->evolve;
  }
  return await_answer<void>(time_point::max(), errc::unavailable, [&](reset_job::finish done) {
    submit(id, std::make_shared<reset_job>(new_reservation(), std::move(migrations), std::move(evolve),
                                           driver_->shared() ? right_ : leader_right{}, std::move(g), std::move(done)));
  });
}

// Under the lock: true when it was taken.
bool database_pool::admit(lane_id id, std::shared_ptr<database_job>& job) {
  const bool idle = !scheduler_.running(id) && scheduler_.waiting(id) == 0;
  const auto bytes = job->bytes();
  const auto deadline = job->deadline();
  const bool alone = job->reservation() != 0;
  if (!scheduler_.admit(id, std::move(job), bytes, deadline, alone)) return false;
  // A lane that runs or waits already has its worker, or one that is on its way.
  if (idle) work_.notify_one();
  return true;
}

void database_pool::submit(lane_id id, std::shared_ptr<database_job> job) { submit_to_any({id}, std::move(job)); }

void database_pool::submit_to_any(const std::vector<lane_id>& lanes, std::shared_ptr<database_job> job) {
  bool stopping = false;
  {
    const std::lock_guard lock(mutex_);
    const auto load = [this](lane_id id) {
      return scheduler_.waiting(id) + (scheduler_.running(id) ? 1 : 0) + (scheduler_.reservation(id) != 0 ? 1000 : 0);
    };
    const auto least =
        std::min_element(lanes.begin(), lanes.end(), [&load](lane_id a, lane_id b) { return load(a) < load(b); });
    if (admit(*least, job)) return;
    stopping = stopping_;
  }
  counters_.refused.fetch_add(1, std::memory_order_relaxed);
  job->done(
      fail(errc::unavailable, stopping ? "the database service is stopping" : "too many jobs wait for the database"));
}

owned_admission database_pool::submit_owned(lane_id id, std::uint64_t reservation, std::shared_ptr<database_job> job,
                                            bool ends) {
  const std::lock_guard lock(mutex_);
  const auto bytes = job->bytes();
  const auto admitted = scheduler_.admit_owned(id, reservation, std::move(job), bytes, ends);
  if (admitted == owned_admission::taken) work_.notify_one();
  return admitted;
}

std::optional<lane_id> database_pool::lane_of(std::uint64_t reservation) const {
  const std::lock_guard lock(mutex_);
  for (lane_id id = 0; id < lanes_.size(); ++id)
    if (reservation != 0 && scheduler_.reservation(id) == reservation) return id;
  return std::nullopt;
}

void database_pool::tick() {
  const auto times = now_();
  job_list expired;
  bool poked = false;
  {
    const std::lock_guard lock(mutex_);
    expired = scheduler_.expire(times.now);
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      auto& l = *lanes_[i];
      const auto id = static_cast<lane_id>(i);
      if (times.now >= l.reserved_until) {
        l.reserved_until = time_point::max();
        poked |= scheduler_.admit_owned(id, scheduler_.reservation(id), std::make_shared<abandoned>(), 0, true) ==
                 owned_admission::taken;
      }
      if (!l.failed || times.now < l.probe_at) continue;
      l.probe_at = times.now + l.probe_after;
      scheduler_.poke(id);
      poked = true;
    }
  }
  if (poked) work_.notify_all();
  refuse(expired, errc::deadline_exceeded, "the job waited for the database until its deadline", counters_.expired);
}

std::size_t database_pool::waiting() const {
  const std::lock_guard lock(mutex_);
  std::size_t sum = 0;
  for (std::size_t i = 0; i < lanes_.size(); ++i) sum += scheduler_.waiting(static_cast<lane_id>(i));
  return sum;
}

void database_pool::work() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    auto batch = scheduler_.next(now_().now);
    if (!batch) {
      work_.wait(lock);
      continue;
    }
    lane& l = *lanes_[batch->lane];
    lock.unlock();
    carry_out(l, *batch);
    const lane_id id = batch->lane;
    batch.reset();  // jobs end outside the lock
    lock.lock();
    scheduler_.finished(id);
  }
}

// After these the session's picture of the database may be wrong, or a connection is gone: the next batch opens
// another.
bool database_pool::spoils_session(errc code) const noexcept {
  return code == errc::outcome_unknown || code == errc::corrupt || (code == errc::unavailable && driver_->shared());
}

// A connection that broke while nobody used it is noticed by the next batch, of which nothing was done: once more, but
// without the jobs of it that were committed one by one.
batch_outcome database_pool::run_with_reconnect(lane& l, const job_list& jobs, const batch_times& times) {
  auto outcome = run_batch(*l.session, jobs, times);
  if (!driver_->shared() || !outcome.storage_error || outcome.storage_error->code != errc::unavailable) return outcome;
  l.session.reset();
  if (auto connected = connect(l); !connected) return outcome;
  const auto first = static_cast<std::ptrdiff_t>(outcome.decided);
  auto rest = run_batch(*l.session, job_list(jobs.begin() + first, jobs.end()), times);
  std::move(rest.of_jobs.begin(), rest.of_jobs.end(), outcome.of_jobs.begin() + first);
  outcome.storage_error = std::move(rest.storage_error);
  outcome.committed_writes |= rest.committed_writes;
  return outcome;
}

void database_pool::carry_out(lane& l, scheduler::batch& b) {
  refuse(b.expired, errc::deadline_exceeded, "the job waited for the database until its deadline", counters_.expired);
  const auto times = now_();
  if (!l.session) {
    if (auto connected = connect(l); !connected) {
      settle(l, connected.error(), false, times);
      refuse(b.jobs, connected.error().code, connected.error().context, counters_.refused);
      return;
    }
  }
  if (b.poked) {
    const auto probed = l.session->probe();
    settle(l, probed ? std::nullopt : std::optional<error>(probed.error()), probed.has_value(), times);
    if (!probed && spoils_session(probed.error().code)) {
      l.session.reset();
      refuse(b.jobs, probed.error().code, probed.error().context, counters_.refused);
    }
  }
  if (b.jobs.empty()) return;
  if (b.alone) return carry_out_alone(l, b.lane, *b.jobs.front(), times);
  auto outcome = run_with_reconnect(l, b.jobs, times);
  counters_.batches.fetch_add(1, std::memory_order_relaxed);
  counters_.jobs.fetch_add(b.jobs.size(), std::memory_order_relaxed);
  if (outcome.storage_error) {
    counters_.failed_batches.fetch_add(1, std::memory_order_relaxed);
    settle(l, outcome.storage_error, false, times);
    if (spoils_session(outcome.storage_error->code)) l.session.reset();
  }
  for (std::size_t i = 0; i < b.jobs.size(); ++i) b.jobs[i]->done(std::move(outcome.of_jobs[i]));
}

void database_pool::carry_out_alone(lane& l, lane_id id, database_job& job, const batch_times& times) {
  auto outcome = job.run(*l.session, times);
  counters_.jobs.fetch_add(1, std::memory_order_relaxed);
  const bool reopens = !outcome && job.wants_reopening();
  const bool spoilt = reopens || (!outcome && spoils_session(outcome.error().code));
  const std::uint64_t kept = job.keeps_lane() && !spoilt ? job.reservation() : 0;
  if (kept == 0) {
    l.session->close_cursor();
    l.session->rollback();
  }
  if (reopens || (!outcome && is_storage_error(outcome.error().code))) {
    settle(l, outcome.error(), false, times);
    if (spoilt) l.session.reset();
  }
  job_list left;
  {
    const std::lock_guard lock(mutex_);
    left = scheduler_.reserve(id, kept);
    if (kept == 0) l.reserved_until = time_point::max();
    if (kept != 0 && l.reserved_until == time_point::max()) l.reserved_until = job.deadline();
  }
  job.done(std::move(outcome));
  refuse(left, errc::invalid_argument, "the transaction is over", counters_.refused);
}

void database_pool::settle(lane& l, const std::optional<error>& failure, bool healed, const batch_times& times) {
  if ((!failure && !healed) || l.reader) return;
  {
    const std::lock_guard lock(mutex_);
    if (!l.failed || !l.awaits_leader) l.probe_after = l.awaits_leader ? wait_first : probe_interval;
    if (failure && (!l.failed || l.awaits_leader)) l.probe_at = times.now + l.probe_after;
    if (l.awaits_leader) l.probe_after = std::min(2 * l.probe_after, probe_interval);
    l.failed = failure.has_value();
  }
  if (failure && l.awaits_leader)
    health_.report_waiting(l.name_space, *failure, times.wall);
  else if (failure)
    health_.report_failed(l.name_space, *failure, times.wall);
  else
    health_.report_ok(l.name_space, times.wall);
}

void database_pool::refuse(job_list& jobs, errc code, const std::string& why, std::atomic<std::uint64_t>& counter) {
  counter.fetch_add(jobs.size(), std::memory_order_relaxed);
  for (auto& job : jobs) job->done(fail(code, why));
  jobs.clear();
}

}  // namespace troupe
