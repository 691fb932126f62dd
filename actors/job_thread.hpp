// One thread that carries out jobs in the order in which they were given, for work that blocks: disks, stores on
// other hosts. It takes all that waits at once.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>

namespace troupe {

template <class Job>
class job_thread {
 public:
  /// `run` is called on the thread. `name`: at most 15 characters.
  job_thread(const char* name, std::function<void(std::vector<Job>&)> run)
      : run_(std::move(run)), thread_([this] { loop(); }) {
    pthread_setname_np(thread_.native_handle(), name);
  }
  ~job_thread() { stop(); }

  job_thread(const job_thread&) = delete;
  job_thread& operator=(const job_thread&) = delete;

  /// False once it was stopped: the job was not taken and is as it was.
  [[nodiscard]] bool push(Job& job) {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    jobs_.push_back(std::move(job));
    work_.notify_all();
    return true;
  }

  /// Until nothing waits and nothing runs.
  void wait_idle() {
    std::unique_lock lock(mutex_);
    work_.wait(lock, [this] { return jobs_.empty() && !busy_; });
  }

  /// Carries out what waits, then ends. Idempotent.
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      work_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  void loop() {
    std::unique_lock lock(mutex_);
    for (;;) {
      work_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      std::vector<Job> batch;
      batch.swap(jobs_);
      busy_ = true;
      lock.unlock();
      run_(batch);
      batch.clear();
      lock.lock();
      busy_ = false;
      work_.notify_all();
    }
  }

  const std::function<void(std::vector<Job>&)> run_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::vector<Job> jobs_;
  bool busy_ = false;
  bool stopping_ = false;
  std::thread thread_;  // the last: it runs from here on
};

}  // namespace troupe
