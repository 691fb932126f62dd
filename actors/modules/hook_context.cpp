#include "actors/modules/hook_context.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "runtime/modules/module_world.hpp"

namespace troupe {

namespace {

error node_gone() { return {errc::unavailable, "the node has stopped"}; }

std::vector<std::string> names_of_exports(const module& m) {
  std::vector<std::string> names{m.name};
  for (const auto& e : m.exports) names.push_back(e.name);
  return names;
}

}  // namespace

/// The one answer of a start that goes on.
class hook_context::promise {
 public:
  explicit promise(std::function<void(const expected<void>&)> tell) : tell_(std::move(tell)) {}
  ~promise() { settle(fail(errc::unavailable, "its start was dropped without a word")); }

  promise(const promise&) = delete;
  promise& operator=(const promise&) = delete;

  void settle(const expected<void>& done) {
    if (!settled_.exchange(true)) tell_(done);
  }

 private:
  const std::function<void(const expected<void>&)> tell_;
  std::atomic<bool> settled_{false};
};

hook_context::hook_context(const module& m, module_block block, ways w)
    : name_(m.name), block_(std::move(block)), exports_(names_of_exports(m)), ways_(std::move(w)) {}

void hook_context::set_imports(std::vector<found_import> found) {
  const std::lock_guard lock(mutex_);
  imports_ = std::move(found);
}

void hook_context::begin_start(std::uint64_t run) {
  const std::lock_guard lock(mutex_);
  run_ = run;
  in_start_ = true;
  goes_on_ = false;
}

bool hook_context::end_start() {
  const std::lock_guard lock(mutex_);
  in_start_ = false;
  return goes_on_;
}

std::vector<found_import> hook_context::imports() const {
  const std::lock_guard lock(mutex_);
  return imports_;
}

expected<void> hook_context::set_variables(const std::string& export_name, export_variables v) {
  if (std::find(exports_.begin(), exports_.end(), export_name) == exports_.end())
    return fail(errc::invalid_argument, "module " + name_ + " does not export " + export_name);
  if (const auto text = text_of(v); !text) return tl::unexpected(text.error());
  ways_.tell_variables(export_name, std::move(v));
  return {};
}

module_started hook_context::later() {
  const std::lock_guard lock(mutex_);
  if (!in_start_ || goes_on_) return [](const expected<void>&) {};
  goes_on_ = true;
  auto shared = std::make_shared<promise>(
      [tell = ways_.tell_started, run = run_](const expected<void>& done) { tell(run, done); });
  return [shared](const expected<void>& done) { shared->settle(done); };
}

expected<cache> hook_context::open_cache(const std::string& cache_name) {
  return ways_.gate->with<expected<cache>>(tl::unexpected<error>(node_gone()),
                                           [&](const module_surface& s) { return s.open_cache(cache_name); });
}

expected<database> hook_context::open_database(const std::string& namespace_name, std::vector<migration> migrations) {
  return ways_.gate->with<expected<database>>(tl::unexpected<error>(node_gone()), [&](const module_surface& s) {
    return s.open_database(namespace_name, std::move(migrations));
  });
}

cluster_actors* hook_context::actors() {
  return ways_.gate->with<cluster_actors*>(nullptr, [](const module_surface& s) { return s.actors(); });
}

std::shared_ptr<const cluster_view> hook_context::view() const {
  return ways_.gate->with<std::shared_ptr<const cluster_view>>(std::make_shared<const cluster_view>(),
                                                               [](const module_surface& s) { return s.view(); });
}

}  // namespace troupe
