#include "actors/db/database_pool.hpp"

#include <algorithm>

namespace troupe {
namespace {

// Trouble that may pass by itself: the namespace is kept and tried again.
bool may_heal(errc code) noexcept { return code == errc::storage_failed || code == errc::unavailable; }

// After these the session's picture of the database may be wrong: the next batch opens another.
bool spoils_session(errc code) noexcept { return code == errc::outcome_unknown || code == errc::corrupt; }

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

expected<lane_id> database_pool::open(const std::string& name_space, std::vector<migration> migrations) {
  auto made = std::make_unique<lane>();
  made->name_space = name_space;
  made->migrations = std::move(migrations);
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

expected<void> database_pool::connect(lane& l) {
  auto session = driver_->open(l.name_space);
  if (!session) return tl::unexpected(session.error());
  if (auto migrated = (*session)->migrate(l.migrations); !migrated) return migrated;
  l.session = std::move(*session);
  return {};
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

void database_pool::submit(lane_id id, std::shared_ptr<database_job> job) {
  const auto bytes = job->bytes();
  const auto deadline = job->deadline();
  bool stopping = false;
  {
    const std::lock_guard lock(mutex_);
    const bool idle = !scheduler_.running(id) && scheduler_.waiting(id) == 0;
    if (scheduler_.admit(id, std::move(job), bytes, deadline)) {
      // A lane that runs or waits already has its worker, or one that is on its way.
      if (idle) work_.notify_one();
      return;
    }
    stopping = stopping_;
  }
  counters_.refused.fetch_add(1, std::memory_order_relaxed);
  job->done(
      fail(errc::unavailable, stopping ? "the database service is stopping" : "too many jobs wait for the database"));
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
      if (!l.failed || times.now < l.probe_at) continue;
      l.probe_at = times.now + probe_interval;
      scheduler_.poke(static_cast<lane_id>(i));
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
  }
  if (b.jobs.empty()) return;
  auto outcome = run_batch(*l.session, b.jobs, times);
  counters_.batches.fetch_add(1, std::memory_order_relaxed);
  counters_.jobs.fetch_add(b.jobs.size(), std::memory_order_relaxed);
  if (outcome.storage_error) {
    counters_.failed_batches.fetch_add(1, std::memory_order_relaxed);
    settle(l, outcome.storage_error, false, times);
    if (spoils_session(outcome.storage_error->code)) l.session.reset();
  }
  for (std::size_t i = 0; i < b.jobs.size(); ++i) b.jobs[i]->done(std::move(outcome.of_jobs[i]));
}

void database_pool::settle(lane& l, const std::optional<error>& failure, bool healed, const batch_times& times) {
  if (!failure && !healed) return;
  {
    const std::lock_guard lock(mutex_);
    if (failure && !l.failed) l.probe_at = times.now + probe_interval;
    l.failed = failure.has_value();
  }
  if (failure)
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
