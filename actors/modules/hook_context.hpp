// What a module's hooks get of their node: the module_context that they see, and the gate that closes when the node
// stops, so that a hook that is left behind finds nobody instead of something that is gone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include <troupe/module.hpp>

namespace troupe {

/// What the composition root lends to modules.
struct module_surface {
  std::function<expected<cache>(const std::string& name)> open_cache;
  std::function<expected<database>(const std::string& name, std::vector<migration> migrations)> open_database;
  std::function<cluster_actors*()> actors;
  std::function<std::shared_ptr<const cluster_view>()> view;
};

class module_gate {
 public:
  explicit module_gate(module_surface s) : surface_(std::move(s)) {}

  /// Calls `f` with the surface, or gives `gone` when the node has stopped.
  template <class Result, class F>
  [[nodiscard]] Result with(Result gone, F f) {
    const std::shared_lock lock(mutex_);
    return open_ ? f(surface_) : std::move(gone);
  }
  /// Waits for calls that are under way.
  void close() {
    const std::unique_lock lock(mutex_);
    open_ = false;
  }

 private:
  std::shared_mutex mutex_;
  bool open_ = true;
  const module_surface surface_;
};

class hook_context final : public module_context {
 public:
  /// `tell_variables`, `tell_started`: from any thread; they only hand over.
  struct ways {
    std::shared_ptr<module_gate> gate;
    std::function<void(const std::string& export_name, export_variables v)> tell_variables;
    std::function<void(std::uint64_t run, const expected<void>& done)> tell_started;
  };
  hook_context(const module& m, module_block block, ways w);

  void set_imports(std::vector<found_import> found);
  /// Before start is called, with the number of the run; after it, whether it goes on.
  void begin_start(std::uint64_t run);
  [[nodiscard]] bool end_start();

  // module_context
  [[nodiscard]] const std::string& name() const noexcept override { return name_; }
  [[nodiscard]] module_settings settings() const override { return module_settings(name_, block_); }
  [[nodiscard]] std::vector<found_import> imports() const override;
  expected<void> set_variables(const std::string& export_name, export_variables v) override;
  [[nodiscard]] module_started later() override;
  [[nodiscard]] expected<cache> open_cache(const std::string& cache_name) override;
  [[nodiscard]] expected<database> open_database(const std::string& namespace_name,
                                                 std::vector<migration> migrations) override;
  [[nodiscard]] cluster_actors* actors() override;
  [[nodiscard]] std::shared_ptr<const cluster_view> view() const override;

 private:
  class promise;

  const std::string name_;
  const module_block block_;
  const std::vector<std::string> exports_;  // its name first
  const ways ways_;
  mutable std::mutex mutex_;
  std::vector<found_import> imports_;
  std::uint64_t run_ = 0;
  bool in_start_ = false;
  bool goes_on_ = false;
};

}  // namespace troupe
