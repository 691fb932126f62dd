#include "actors/simulation/stepped_actors.hpp"

#include <algorithm>
#include <utility>

#include <caf/error.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/sec.hpp>

#include "actors/messages/error.hpp"
#include "runtime/base/check.hpp"

namespace troupe {

namespace {

caf::scheduler::test_coordinator& scheduler_of(caf::actor_system& system) {
  auto* scheduler = dynamic_cast<caf::scheduler::test_coordinator*>(&system.scheduler());
  TROUPE_CHECK(scheduler != nullptr);
  return *scheduler;
}

/// Its one message is an answer of any type, which no behavior can say.
class asker final : public caf::event_based_actor {
 public:
  using callback = std::function<void(expected<caf::message>)>;

  asker(caf::actor_config& cfg, caf::actor whom, caf::message what, duration deadline, callback told)
      : caf::event_based_actor(cfg),
        whom_(std::move(whom)),
        what_(std::move(what)),
        deadline_(deadline),
        told_(std::move(told)) {}

  caf::behavior make_behavior() override {
    const auto id = new_request_id(caf::message_priority::normal);
    answer_ = id.response_id();
    request_response_timeout(caf::duration(deadline_), id);
    const auto to = std::exchange(whom_, nullptr);
    to->enqueue(caf::make_mailbox_element(ctrl(), id, {}, std::move(what_)), context());
    return {[](const std::string&) {}};
  }

  caf::invoke_message_result consume(caf::mailbox_element& x) override {
    if (x.mid != answer_) return caf::event_based_actor::consume(x);
    const auto& content = std::as_const(x).content();
    if (const auto tell = std::exchange(told_, nullptr)) {
      if (content.size() == 1 && content.match_element<caf::error>(0))
        tell(tl::unexpected<error>(from_caf(content.get_as<caf::error>(0))));
      else if (content.size() == 1 && content.match_element<caf::sec>(0))
        tell(tl::unexpected<error>(from_caf(caf::make_error(content.get_as<caf::sec>(0)))));
      else
        tell(x.move_content_to_message());
    }
    quit();
    return caf::invoke_message_result::consumed;
  }

  const char* name() const override { return "asker"; }

 private:
  caf::actor whom_;
  caf::message what_;
  const duration deadline_;
  callback told_;
  caf::message_id answer_;
};

}  // namespace

stepped_actors::stepped_actors(caf::actor_system& system, random rng) : scheduler_(scheduler_of(system)), rng_(rng) {}

void stepped_actors::go_to(time_point now) {
  auto& clock = scheduler_.clock();
  if (now > clock.current_time) clock.advance_time(now - clock.current_time);
}

bool stepped_actors::run_one() {
  auto& jobs = scheduler_.jobs;
  if (jobs.empty()) return false;
  if (jobs.size() > 1) std::swap(jobs.front(), jobs[rng_.below(jobs.size())]);
  return scheduler_.try_run_once();
}

time_point stepped_actors::next_due() const {
  const auto& schedule = scheduler_.clock().schedule();
  return schedule.empty() ? time_point::max() : schedule.begin()->first;
}

void stepped_actors::abandon() {
  scheduler_.clock().cancel_all();
  for (auto* job : std::exchange(scheduler_.jobs, {})) caf::intrusive_ptr_release(job);
}

void ask_once(caf::actor_system& system, const caf::actor& whom, caf::message what, duration deadline,
              std::function<void(expected<caf::message>)> done) {
  system.spawn<asker>(whom, std::move(what), deadline, std::move(done));
}

}  // namespace troupe
