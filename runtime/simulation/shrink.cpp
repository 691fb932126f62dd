#include "runtime/simulation/shrink.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

namespace {

constexpr duration lasts_least = std::chrono::milliseconds(10);

class shrinker {
 public:
  shrinker(fault_plan plan, const std::function<bool(const fault_plan&)>& fails, std::size_t trials_max)
      : plan_(std::move(plan)), fails_(fails), trials_max_(trials_max) {}

  shrunk_plan run() {
    if (!try_instead({})) drop_parts();
    shorten();
    return {std::move(plan_), trials_};
  }

 private:
  bool try_instead(fault_plan candidate) {
    if (trials_ >= trials_max_) return false;
    ++trials_;
    if (!fails_(candidate)) return false;
    plan_ = std::move(candidate);
    return true;
  }

  // The plan without one of `parts` parts of it.
  bool drop_one_of(std::size_t parts) {
    const auto size = plan_.size();
    for (std::size_t i = 0; i < parts; ++i) {
      const auto from = plan_.begin() + static_cast<std::ptrdiff_t>(i * size / parts);
      const auto to = plan_.begin() + static_cast<std::ptrdiff_t>((i + 1) * size / parts);
      fault_plan rest(plan_.begin(), from);
      rest.insert(rest.end(), to, plan_.end());
      if (try_instead(std::move(rest))) return true;
    }
    return false;
  }

  void drop_parts() {
    std::size_t parts = 2;
    while (plan_.size() > 1 && parts <= plan_.size()) {
      if (drop_one_of(parts))
        parts = std::max<std::size_t>(2, parts - 1);
      else if (parts == plan_.size())
        return;
      else
        parts = std::min(plan_.size(), parts * 2);
    }
  }

  void shorten() {
    for (std::size_t i = 0; i < plan_.size(); ++i) {
      while (plan_[i].lasts > lasts_least) {
        auto shorter = plan_;
        const auto half = std::chrono::duration_cast<std::chrono::milliseconds>(plan_[i].lasts / 2);
        shorter[i].lasts = std::max<duration>(lasts_least, half);
        if (!try_instead(std::move(shorter))) break;
      }
    }
  }

  fault_plan plan_;
  const std::function<bool(const fault_plan&)>& fails_;
  const std::size_t trials_max_;
  std::size_t trials_ = 0;
};

}  // namespace

shrunk_plan shrink(fault_plan plan, const std::function<bool(const fault_plan&)>& fails, std::size_t trials_max) {
  return shrinker(std::move(plan), fails, trials_max).run();
}

}  // namespace troupe
