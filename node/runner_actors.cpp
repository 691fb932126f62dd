// The part of the composition root for the application's own actors.
#include "node/runner.hpp"
#include "runtime/base/check.hpp"

namespace troupe {

expected<void> node::runner::open_toolkit() {
  if (!application_) return {};
  auto made = actor_toolkit::make_runtime(*application_);
  if (!made) return tl::unexpected(std::move(made.error()));
  application_system_ = std::move(*made);
  const actor_toolkit::surroundings lent{
      *application_system_,
      io_,
      cluster_.shared_link(),
      board_,
      events_,
      *log_,
      cluster_.calls(),
      drawn_.id,
      drawn_.machine_seed + 4,
      shards_,
      [this](std::uint64_t pid) { return cluster_.find(pid); },
      catalogue_,
      [this](const std::string& name) { return open_cache(name); },
      [this](const std::string& name, std::vector<migration> m, const journal_options& o) {
        return open_journal(name, std::move(m), o);
      }};
  toolkit_ = std::make_unique<actor_toolkit>(lent, *application_);
  contents_.set_work(&toolkit_->work());
  try {
    if (application_->prepare) application_->prepare(*toolkit_);
  } catch (const std::exception& fault) {
    return fail(errc::bad_config, std::string("actor_options::prepare threw: ") + fault.what());
  }
  return {};
}

cluster_actors& node::runner::actors() {
  TROUPE_CHECK(toolkit_ != nullptr);
  return *toolkit_;
}

void node::runner::pause() {
  if (still_) return;
  std::vector<actor_runtime*> systems{&actors_};
  if (application_system_) systems.push_back(application_system_.get());
  still_ = std::make_unique<standstill>(io_, systems);
}

void node::runner::resume() { still_.reset(); }

}  // namespace troupe
