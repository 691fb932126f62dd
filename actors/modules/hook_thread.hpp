// The thread of one module: its hooks, one after the other, for as long as they like. Unlike job_thread it can be left
// behind: a hook that does not return must not hold up the end of the node.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <troupe/time.hpp>

namespace troupe {

class hook_thread {
 public:
  /// `name`: of the thread, cut at 15 characters.
  explicit hook_thread(const std::string& name);
  ~hook_thread();

  hook_thread(const hook_thread&) = delete;
  hook_thread& operator=(const hook_thread&) = delete;

  /// Runs `f` after those before it. What it holds must be its own: it may outlive everything. Not after stop().
  void push(std::function<void()> f);

  /// Waits until all were run, for at most `limit`. False: one has not returned; its thread is left behind, and what
  /// waited behind it is dropped. Idempotent.
  bool stop(duration limit);

 private:
  struct state;
  const std::shared_ptr<state> state_;
};

}  // namespace troupe
