#include "actors/entities/entity_switches.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

namespace {

std::vector<std::string> paths_of(const entity_model& model) {
  std::vector<std::string> paths;
  for (const auto& e : model.entities) paths.push_back(e.path);
  return paths;
}

}  // namespace

entity_switches::entity_switches(const entity_model& model, entity_duty duty, teller tell, shower show)
    : paths_(paths_of(model)),
      on_(paths_.size()),
      tell_(std::move(tell)),
      show_(std::move(show)),
      duty_(std::move(duty)) {
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    on_[i] = duty_.is_on(paths_[i]);
    show_(paths_[i], on_[i]);
  }
}

// One change at a time, so that what the others were told last is what holds.
void entity_switches::turn(const std::string& path, bool on, done_callback done) {
  std::vector<std::string> marks;
  {
    const std::lock_guard lock(mutex_);
    if (telling_) return done(fail(errc::unavailable, "another change is under way"));
    auto changed = duty_.turn(path, on);
    if (!changed) return done(tl::unexpected(std::move(changed.error())));
    if (!*changed) return done({});
    telling_ = true;
    marks = duty_.marks();
  }
  tell_(std::move(marks), [self = shared_from_this(), path, on, done = std::move(done)](expected<void> told) {
    {
      const std::lock_guard lock(self->mutex_);
      self->telling_ = false;
      if (!told) (void)self->duty_.turn(path, !on);
    }
    if (told) {
      const auto at = std::find(self->paths_.begin(), self->paths_.end(), path) - self->paths_.begin();
      self->on_[static_cast<std::size_t>(at)] = on;
      self->show_(path, on);
    }
    done(std::move(told));
  });
}

}  // namespace troupe
