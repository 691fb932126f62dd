// Who runs next: order within a lane, turns among lanes, limits, deadlines, stop.
#include "runtime/services/lane_scheduler.hpp"

#include <gtest/gtest.h>

#include <map>

#include "runtime/base/random.hpp"

namespace troupe {
namespace {

using jobs = std::vector<int>;

time_point at(int ms) { return time_point(std::chrono::milliseconds(ms)); }

class lane_scheduler_test : public testing::Test {
 protected:
  bool admit(lane_id lane, int job, std::size_t bytes = 1, int deadline_ms = 1000) {
    return scheduler_.admit(lane, std::move(job), bytes, at(deadline_ms));
  }
  lane_scheduler<int>::batch next(int now_ms = 0) {
    auto b = scheduler_.next(at(now_ms));
    EXPECT_TRUE(b);
    return b ? *b : lane_scheduler<int>::batch{};
  }

  lane_scheduler<int> scheduler_{{.queue_max = 4, .queue_bytes_max = 100, .batch_max = 3, .batch_bytes_max = 50}};
  lane_id a_ = scheduler_.add_lane();
  lane_id b_ = scheduler_.add_lane();
};

TEST_F(lane_scheduler_test, gives_the_jobs_of_a_lane_in_order_and_bounded) {
  for (int i = 1; i <= 4; ++i) EXPECT_TRUE(admit(a_, i));
  EXPECT_EQ(next().jobs, (jobs{1, 2, 3}));
  scheduler_.finished(a_);
  EXPECT_EQ(next().jobs, (jobs{4}));
}

TEST_F(lane_scheduler_test, runs_one_batch_of_a_lane_at_a_time) {
  EXPECT_TRUE(admit(a_, 1));
  EXPECT_EQ(next().jobs, (jobs{1}));
  EXPECT_TRUE(admit(a_, 2));
  EXPECT_FALSE(scheduler_.ready());
  EXPECT_FALSE(scheduler_.next(at(0)));
  scheduler_.finished(a_);
  EXPECT_TRUE(scheduler_.ready());
  EXPECT_EQ(next().jobs, (jobs{2}));
}

TEST_F(lane_scheduler_test, lanes_take_turns) {
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(admit(a_, i));
    EXPECT_TRUE(admit(b_, 10 + i));
  }
  std::vector<lane_id> order;
  for (int i = 0; i < 4; ++i) {
    order.push_back(next().lane);
    scheduler_.finished(order.back());
  }
  EXPECT_EQ(order, (std::vector<lane_id>{a_, b_, a_, b_}));
}

TEST_F(lane_scheduler_test, a_full_lane_refuses_and_leaves_the_other_alone) {
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(admit(a_, i));
  EXPECT_FALSE(admit(a_, 5));
  EXPECT_TRUE(admit(b_, 6));
}

TEST_F(lane_scheduler_test, bounds_waiting_bytes_but_takes_any_job_when_empty) {
  EXPECT_TRUE(admit(a_, 1, 5000));
  EXPECT_FALSE(admit(a_, 2, 1));
  EXPECT_EQ(next().jobs, (jobs{1}));
  EXPECT_TRUE(admit(a_, 3, 60));
  EXPECT_TRUE(admit(a_, 4, 40));
  EXPECT_FALSE(admit(a_, 5, 1));
}

TEST_F(lane_scheduler_test, bounds_the_bytes_of_a_batch) {
  EXPECT_TRUE(admit(a_, 1, 30));
  EXPECT_TRUE(admit(a_, 2, 20));
  EXPECT_TRUE(admit(a_, 3, 10));
  EXPECT_EQ(next().jobs, (jobs{1, 2}));
}

TEST_F(lane_scheduler_test, a_job_past_its_deadline_does_not_start) {
  EXPECT_TRUE(admit(a_, 1, 60, 10));
  EXPECT_TRUE(admit(a_, 2, 30, 30));
  const auto b = next(10);
  EXPECT_EQ(b.jobs, (jobs{2}));
  EXPECT_EQ(b.expired, (jobs{1}));
}

TEST_F(lane_scheduler_test, expires_jobs_behind_a_running_batch) {
  EXPECT_TRUE(admit(a_, 1));
  EXPECT_EQ(next().jobs, (jobs{1}));
  EXPECT_TRUE(admit(a_, 2, 90, 10));
  EXPECT_TRUE(admit(a_, 3, 5, 30));
  EXPECT_TRUE(admit(b_, 4, 5, 10));
  EXPECT_TRUE(scheduler_.expire(at(9)).empty());
  EXPECT_EQ(scheduler_.expire(at(10)), (jobs{2, 4}));
  EXPECT_TRUE(admit(a_, 5, 90));  // their bytes are free again
  EXPECT_FALSE(scheduler_.ready());
}

TEST_F(lane_scheduler_test, a_poked_lane_comes_up_once_without_jobs) {
  scheduler_.poke(a_);
  const auto b = next();
  EXPECT_TRUE(b.poked);
  EXPECT_TRUE(b.jobs.empty());
  scheduler_.finished(a_);
  EXPECT_FALSE(scheduler_.ready());
}

TEST_F(lane_scheduler_test, bounds_what_waits_of_a_reservation_and_always_takes_its_end) {
  lane_scheduler<int> few({.queue_bytes_max = 100, .owned_max = 3});
  const auto lane = few.add_lane();
  ASSERT_TRUE(few.admit(lane, 0, 1, at(1000), true));
  ASSERT_TRUE(few.next(at(0)));
  EXPECT_EQ(few.admit_owned(lane, 7, 1), owned_admission::over);
  EXPECT_TRUE(few.reserve(lane, 7).empty());
  few.finished(lane);
  EXPECT_EQ(few.admit_owned(lane, 7, 1, 1000), owned_admission::taken) << "any size, to an empty queue";
  EXPECT_EQ(few.admit_owned(lane, 7, 2, 1), owned_admission::full) << "its bytes";
  EXPECT_EQ(few.next(at(0))->jobs, jobs{1});
  few.finished(lane);
  for (int i = 2; i <= 4; ++i) EXPECT_EQ(few.admit_owned(lane, 7, std::move(i), 1), owned_admission::taken);
  EXPECT_EQ(few.admit_owned(lane, 7, 5, 1), owned_admission::full);
  EXPECT_EQ(few.admit_owned(lane, 7, 6, 1, true), owned_admission::taken);
  EXPECT_EQ(few.admit_owned(lane, 8, 7, 1, true), owned_admission::over);
  EXPECT_EQ(few.next(at(0))->jobs, jobs{2});
  EXPECT_EQ(few.reserve(lane, 0), (jobs{3, 4, 6})) << "what is left over when it ends";
  few.finished(lane);
  EXPECT_FALSE(few.ready());
}

TEST_F(lane_scheduler_test, stop_returns_what_waits_and_refuses_what_comes) {
  EXPECT_TRUE(admit(a_, 1));
  EXPECT_EQ(next().jobs, (jobs{1}));
  EXPECT_TRUE(admit(a_, 2));
  EXPECT_TRUE(admit(b_, 3));
  EXPECT_EQ(scheduler_.stop(), (jobs{2, 3}));
  EXPECT_FALSE(admit(a_, 4));
  scheduler_.poke(b_);
  EXPECT_FALSE(scheduler_.ready());
  scheduler_.finished(a_);
  EXPECT_FALSE(scheduler_.ready());
}

// Every admitted job comes out exactly once, in its lane's order, whatever happens.
TEST(lane_scheduler, loses_and_repeats_nothing_over_random_runs) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    random rng(seed);
    lane_scheduler<int> scheduler({.queue_max = 8, .queue_bytes_max = 64, .batch_max = 4, .batch_bytes_max = 32});
    for (int i = 0; i < 3; ++i) (void)scheduler.add_lane();
    std::map<int, int> seen;  // job -> times it came out
    std::map<lane_id, int> last_started;
    std::vector<lane_id> running;
    int admitted = 0;
    int now = 0;
    const auto out = [&seen](const jobs& list) {
      for (const int j : list) ++seen[j];
    };
    for (int step = 0; step < 400; ++step) {
      const auto dice = rng.below(10);
      if (dice < 5) {
        int job = admitted + 1;
        if (scheduler.admit(static_cast<lane_id>(rng.below(3)), std::move(job), rng.below(40), at(now + 20)))
          ++admitted;
      } else if (dice < 7) {
        if (auto b = scheduler.next(at(now))) {
          for (const int j : b->jobs) {
            EXPECT_GT(j, last_started[b->lane]);
            last_started[b->lane] = j;
          }
          out(b->jobs);
          out(b->expired);
          running.push_back(b->lane);
        }
      } else if (dice < 9 && !running.empty()) {
        scheduler.finished(running.back());
        running.pop_back();
      } else {
        out(scheduler.expire(at(now += 5)));
      }
    }
    out(scheduler.stop());
    ASSERT_EQ(seen.size(), static_cast<std::size_t>(admitted)) << "seed " << seed;
    for (const auto& [job, times] : seen) ASSERT_EQ(times, 1) << "seed " << seed << " job " << job;
  }
}

}  // namespace
}  // namespace troupe
