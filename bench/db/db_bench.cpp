// The database service under 64 callers, each with one request in flight: inserts through group commit and
// point selects of a backed cache, beside the bare driver on one thread and beside a caller that goes
// through the database_actor's mailbox. Argument `full` is 1 for synchronous = full. Data under $TMPDIR.
#include <benchmark/benchmark.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <semaphore>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <stdlib.h>

#include "actors/db/cache_backing.hpp"
#include "actors/db/database_actor.hpp"
#include "gateways/db/sqlite_driver.hpp"

namespace troupe {
namespace {

constexpr int callers = 64;
constexpr int requests_each = 50;  // of one caller in one iteration
const std::string value(128, 'v');

class scratch {
 public:
  scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "troupe-bench-XXXXXX").string();
    if (const char* made = ::mkdtemp(pattern.data()); made != nullptr) path_ = made;
  }
  ~scratch() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;

  [[nodiscard]] std::shared_ptr<sqlite_driver> driver(const benchmark::State& state) const {
    return std::make_shared<sqlite_driver>(sqlite_driver::settings{
        path_, std::chrono::seconds(5), state.range(0) == 1 ? sqlite_synchronous::full : sqlite_synchronous::normal});
  }

 private:
  std::string path_;
};

class counting_store final : public committed_store {
 public:
  std::uint64_t next_version(cache_id, std::string_view, std::uint64_t above) override { return above + 1; }
  void apply_loaded(cache_id, std::string_view, std::string_view, std::uint64_t, duration, time_point) override {}
  void apply_committed(cache_id, std::string_view, std::string_view, std::uint64_t, duration, time_point) override {}
  void apply_erased(cache_id, std::string_view, std::uint64_t) override {}
};

// A pool with one backed cache; run() keeps one request of each caller in flight.
class backed_bench {
 public:
  explicit backed_bench(const benchmark::State& state) : pool_(disk_.driver(state), {}) {
    backing_ = std::move(*cache_backing::open(pool_, store_, {{1, "bench"}}));
    pool_.start();
  }
  ~backed_bench() { pool_.stop(); }

  void run(cache_op op) {
    left_ = callers;
    for (int c = 0; c < callers; ++c) next(op, c, requests_each);
    all_done_.acquire();
  }

  [[nodiscard]] double jobs_per_batch() const {
    const auto& n = pool_.counted();
    return static_cast<double>(n.jobs) / static_cast<double>(std::max<std::uint64_t>(1, n.batches));
  }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  void next(cache_op op, int caller, int left) {
    if (left == 0) {
      if (--left_ == 0) all_done_.release();
      return;
    }
    const std::string key = "key:" + std::to_string(caller) + ":" + std::to_string(left);
    backing_->submit({.op = op, .cache = 1, .key = key, .value = value}, time_point::max(),
                     [this, op, caller, left](const owned_reply& r) {
                       if (r.code != errc::ok) failed_ = true;
                       next(op, caller, left - 1);
                     });
  }

  scratch disk_;
  counting_store store_;
  database_pool pool_;
  std::unique_ptr<cache_backing> backing_;
  std::atomic<int> left_{0};
  std::atomic<bool> failed_{false};
  std::binary_semaphore all_done_{0};
};

void finish(benchmark::State& state, int requests, double jobs_per_batch, bool failed) {
  state.SetItemsProcessed(state.iterations() * requests);
  state.counters["jobs_per_batch"] = jobs_per_batch;
  if (failed) state.SkipWithError("a request failed");
}

void backed_put(benchmark::State& state) {
  backed_bench b(state);
  for (auto _ : state) b.run(cache_op::put);
  finish(state, callers * requests_each, b.jobs_per_batch(), b.failed());
}

void backed_load(benchmark::State& state) {
  backed_bench b(state);
  b.run(cache_op::put);
  for (auto _ : state) b.run(cache_op::get);
  finish(state, callers * requests_each, b.jobs_per_batch(), b.failed());
}

const std::vector<migration> insert_schema = {{1, "t", "CREATE TABLE t(id INTEGER PRIMARY KEY, value BLOB NOT NULL)"}};
constexpr std::string_view insert_sql = "INSERT INTO t(value) VALUES(?)";

expected<void> insert_row(database_session& session) {
  auto row = session.run(insert_sql, {blob{std::string(value)}});
  if (!row) return tl::unexpected(row.error());
  return {};
}

class insert_job final : public database_job {
 public:
  insert_job(std::function<void(bool)> done) : database_job(time_point::max()), done_(std::move(done)) {}
  bool writes() const noexcept override { return true; }
  expected<void> run(database_session& session, const batch_times&) override { return insert_row(session); }
  void done(expected<void> outcome) override { done_(outcome.has_value()); }

 private:
  std::function<void(bool)> done_;
};

// The same inserts, submitted to the pool from the callbacks of the ones before.
void pool_insert(benchmark::State& state) {
  scratch disk;
  database_pool pool(disk.driver(state), {});
  const auto lane = *pool.open("bench", insert_schema);
  pool.start();
  std::atomic<int> left{0};
  std::atomic<bool> failed{false};
  std::binary_semaphore all_done{0};
  std::function<void(int)> next = [&](int requests) {
    if (requests == 0) {
      if (--left == 0) all_done.release();
      return;
    }
    pool.submit(lane, std::make_shared<insert_job>([&next, &failed, requests](bool ok) {
                  if (!ok) failed = true;
                  next(requests - 1);
                }));
  };
  for (auto _ : state) {
    left = callers;
    for (int c = 0; c < callers; ++c) next(requests_each);
    all_done.acquire();
  }
  pool.stop();
  finish(state, callers * requests_each,
         static_cast<double>(pool.counted().jobs) / static_cast<double>(pool.counted().batches), failed);
}

using go_atom = caf::atom_constant<caf::atom("go")>;

// An actor with one request of each caller in flight at the database_actor.
class caller_actor : public caf::event_based_actor {
 public:
  caller_actor(caf::actor_config& cfg, caf::actor database, lane_id lane, std::binary_semaphore& all_done)
      : caf::event_based_actor(cfg), database_(std::move(database)), done_(all_done) {
    request_ = std::make_shared<database_request>(database_request{
        lane, true, time_point::max(), [](database_session& s, const batch_times&) { return insert_row(s); }});
  }

  caf::behavior make_behavior() override {
    return {[this](go_atom) {
              left_ = callers * requests_each;
              for (int c = 0; c < callers; ++c) send(database_, request_);
            },
            [this](const database_answer&) {
              --left_;
              if (left_ >= callers) send(database_, request_);
              if (left_ == 0) done_.release();
            }};
  }

 private:
  caf::actor database_;
  std::binary_semaphore& done_;
  database_request_ptr request_;
  int left_ = 0;
};

// The same inserts through the mailbox of the database_actor, the answers through the caller's.
void actor_insert(benchmark::State& state) {
  scratch disk;
  database_pool pool(disk.driver(state), {});
  const auto lane = *pool.open("bench", insert_schema);
  pool.start();
  caf::actor_system_config config;
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", std::size_t{1});
  config.set("logger.verbosity", caf::atom("quiet"));
  {
    caf::actor_system system(config);
    std::binary_semaphore done{0};
    auto database = system.spawn<database_actor>(pool, std::function<void()>{});
    auto caller = system.spawn<caller_actor>(database, lane, done);
    for (auto _ : state) {
      caf::anon_send(caller, go_atom::value);
      done.acquire();
    }
    caf::anon_send_exit(caller, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(database, caf::exit_reason::user_shutdown);
    caller = nullptr;
    database = nullptr;
    pool.stop();
  }
  finish(state, callers * requests_each,
         static_cast<double>(pool.counted().jobs) / static_cast<double>(pool.counted().batches), false);
}

// The bare driver on one thread, a transaction for each row: what group commit is compared to.
void driver_insert(benchmark::State& state) {
  scratch disk;
  auto session = std::move(*disk.driver(state)->open("bench"));
  bool failed = !session->migrate(insert_schema);
  for (auto _ : state)
    for (int i = 0; i < callers; ++i) failed |= !insert_row(*session);
  finish(state, callers, 1, failed);
}

BENCHMARK(driver_insert)->ArgName("full")->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(pool_insert)->ArgName("full")->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(actor_insert)->ArgName("full")->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(backed_put)->ArgName("full")->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(backed_load)->ArgName("full")->Arg(0)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace troupe
