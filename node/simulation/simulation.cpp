#include <troupe/simulation.hpp>

#include <utility>

#include "node/simulation/simulation_state.hpp"
#include "runtime/base/check.hpp"

namespace troupe {

simulation::simulation(std::unique_ptr<state> s) : state_(std::move(s)) {}
simulation::~simulation() = default;

expected<std::unique_ptr<simulation>> simulation::make(simulation_options options) {
  if (auto sound = state::check(options); !sound) return tl::unexpected(std::move(sound.error()));
  return std::unique_ptr<simulation>(new simulation(std::make_unique<state>(std::move(options))));
}

void simulation::every(duration interval, step f) { state_->every(interval, std::move(f)); }
void simulation::after(duration d, step f) { state_->after(d, std::move(f)); }
void simulation::on_start(std::function<void(std::size_t index)> f) { state_->on_start.push_back(std::move(f)); }
void simulation::check(std::string name, invariant holds) {
  state_->invariants.emplace_back(std::move(name), std::move(holds));
}
void simulation::at_end(std::string name, invariant holds) {
  state_->last_ones.emplace_back(std::move(name), std::move(holds));
}

std::size_t simulation::size() const noexcept { return state_->nodes.size(); }
bool simulation::running(std::size_t index) const { return state_->nodes.at(index) != nullptr; }

cluster_actors& simulation::at(std::size_t index) {
  TROUPE_CHECK(index < size() && running(index));
  return state_->nodes[index]->actors();
}

std::shared_ptr<const cluster_view> simulation::view(std::size_t index) {
  TROUPE_CHECK(index < size() && running(index));
  return state_->nodes[index]->view();
}

expected<cache> simulation::open_cache(std::size_t index, const std::string& name) {
  TROUPE_CHECK(index < size() && running(index));
  return state_->nodes[index]->open_cache(name);
}

bool simulation::ask(std::size_t index, const caf::actor& whom, caf::message what, duration deadline, answer done) {
  if (index >= size() || !running(index) || !whom) return false;
  const auto told = [&world = state_->world, index, life = state_->world.life_of(index),
                     done = std::move(done)](expected<caf::message> r) {
    if (world.lives(index) && world.life_of(index) == life) done(std::move(r));
  };
  ask_once(at(index).system(), whom, std::move(what), deadline, told);
  state_->world.call_after(duration::zero(), index, [] {});  // the client runs, unless its node stands still
  return true;
}

duration simulation::now() const { return state_->now(); }
std::uint64_t simulation::draw(std::uint64_t bound) { return bound == 0 ? 0 : state_->drawn.below(bound); }
void simulation::note(std::string line) { state_->note(std::move(line)); }
simulation_result simulation::run() { return state_->run(); }

}  // namespace troupe
