// The part of the composition root for modules that an embedder brings.
#include <algorithm>
#include <string_view>

#include "node/runner.hpp"
#include "runtime/modules/module_machine.hpp"

namespace troupe {

// Their rows are there before a door shows them; they start when all else does.
void node::runner::open_modules() {
  handlers_.add([this](const std::string& name, const std::string& payload) -> std::optional<std::string> {
    if (name != why_query || !modules_) return std::nullopt;
    std::string said;
    for (std::string_view rest = payload; !rest.empty();) {
      const auto end = std::min(rest.find('\n'), rest.size());
      const auto reason = modules_->short_reason(std::string(rest.substr(0, end)));
      if (!reason.empty()) said.append(said.empty() ? "" : "\n").append(reason);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return said.empty() ? std::nullopt : std::optional(std::move(said));
  });
  if (brought_.empty()) return;
  module_surface surface{
      [this](const std::string& name) { return open_cache(name); },
      [this](const std::string& name, std::vector<migration> m) { return open_database(name, std::move(m)); },
      [this]() -> cluster_actors* { return toolkit_.get(); },
      [this] { return board_.read(); },
  };
  modules_ = std::make_unique<module_host>(
      std::move(brought_),
      module_host::surroundings{settings_, board_, status_, events_, *log_, std::move(surface), known_services(),
                                [this](const module_host::exported& all, std::function<void(expected<void>)> done) {
                                  cluster_.tell_exports(all, std::move(done));
                                },
                                drawn_.machine_seed + 5});
}

std::optional<explanation> node::runner::explain_service(const std::string& name) const {
  if (modules_) return modules_->explain(name);
  module_machine none({}, random(0));
  module_output ignored;
  none.set_world(world_of(*board_.read(), known_services()), std::chrono::steady_clock::now(), ignored);
  return explain(none, name);
}

}  // namespace troupe
