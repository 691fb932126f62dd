// One thread that asks a leader store, whose calls block, for an actor that must not. Requests are carried
// out in the order asked; a call that hangs beyond its deadline delays the next ones and nothing else.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <troupe/leader_store.hpp>

#include "actors/job_thread.hpp"
#include "runtime/election/store.hpp"

namespace troupe {

class store_runner {
 public:
  /// Runs on the runner's thread; must only hand over.
  using callback = std::function<void(store_answer)>;

  store_runner(std::shared_ptr<leader_store> store, std::string key);

  store_runner(const store_runner&) = delete;
  store_runner& operator=(const store_runner&) = delete;

  /// The deadline counts from now, not from the turn of the request.
  void ask(store_request request, callback done);

  /// Carries out what waits (a leader that departs gives its lease back), then ends. Idempotent.
  void stop() { thread_.stop(); }

 private:
  struct job {
    store_request request;
    time_point deadline;
    callback done;
  };

  [[nodiscard]] expected<leader_reading> carry_out(const job& j);

  const std::shared_ptr<leader_store> store_;
  const std::string key_;
  job_thread<job> thread_;
};

}  // namespace troupe
