#include "actors/simulation/simulated_world.hpp"

#include <algorithm>

namespace troupe {

class simulated_world::clock final : public virtual_clock {
 public:
  clock(simulated_world& world, std::size_t node) : world_(world), node_(node) {}
  [[nodiscard]] time_point now() const noexcept override { return world_.now_; }
  void call_at(time_point at, std::function<void()> f) override { world_.call_at(at, node_, std::move(f)); }

 private:
  simulated_world& world_;
  const std::size_t node_;
};

simulated_world::simulated_world(std::size_t nodes, std::uint64_t seed)
    : rng_(seed), driver_(std::make_unique<clock>(*this, nobody)), places_(nodes) {
  for (std::size_t i = 0; i < nodes; ++i) places_[i].time = std::make_unique<clock>(*this, i);
}

simulated_world::~simulated_world() = default;

virtual_clock& simulated_world::clock_of(std::size_t node) { return *places_[node].time; }
virtual_clock& simulated_world::clock_of_driver() { return *driver_; }

void simulated_world::plan(time_point at, happening h) {
  queue_.emplace(std::pair(std::max(at, now_), ++sequence_), std::move(h));
}

void simulated_world::call_at(time_point at, std::size_t node, std::function<void()> f) {
  plan(at, {node, node == nobody ? 0 : places_[node].life, std::move(f)});
}

void simulated_world::run(std::size_t node, const std::function<void()>& f) {
  const virtual_clock::scope here(clock_of(node));
  f();
  const auto& p = places_[node];
  if (p.pump && !p.pump() && fault_.empty())
    fault_ = "the actors of n" + std::to_string(node + 1) + " do not come to rest";
}

bool simulated_world::step(time_point end) {
  if (queue_.empty() || queue_.begin()->first.first > end) {
    now_ = std::max(now_, end);
    return false;
  }
  auto next = queue_.extract(queue_.begin());
  now_ = next.key().first;
  auto& h = next.mapped();
  if (h.node == nobody) {
    const virtual_clock::scope here(*driver_);
    h.f();
    return true;
  }
  auto& p = places_[h.node];
  if (h.life != p.life || !p.pump) return true;
  if (p.pauses > 0)
    p.held.push_back(std::move(h));
  else
    run(h.node, h.f);
  return true;
}

void simulated_world::begin(std::size_t node, std::function<bool()> pump) {
  auto& p = places_[node];
  p.pump = std::move(pump);
  p.pauses = 0;
  ++p.life;
}

// What was planned for it is dropped as it comes, and what it plans while it ends too.
void simulated_world::end(std::size_t node) {
  auto& p = places_[node];
  p.pump = nullptr;
  p.held.clear();
  p.pauses = 0;
  ++p.life;
}

void simulated_world::resume(std::size_t node) {
  auto& p = places_[node];
  if (p.pauses == 0 || --p.pauses > 0) return;
  for (auto& h : std::exchange(p.held, {})) plan(now_, std::move(h));
}

}  // namespace troupe
