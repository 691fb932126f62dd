#include "actors/db/database_actor.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

namespace troupe {

// Carries a request through the pool and its outcome back into the actor.
class database_actor::request_job final : public database_job {
 public:
  request_job(caf::actor home, std::uint64_t id, database_request_ptr request)
      : database_job(request->deadline), home_(std::move(home)), id_(id), request_(std::move(request)) {}

  bool writes() const noexcept override { return request_->writes; }

  expected<void> run(database_session& session, const batch_times& times) override {
    return request_->work(session, times);
  }

  void done(expected<void> outcome) override {
    database_answer answer;
    if (!outcome) answer = {outcome.error().code, std::move(outcome.error().context)};
    caf::anon_send(home_, done_atom::value, id_, std::move(answer));
  }

 private:
  const caf::actor home_;
  const std::uint64_t id_;
  const database_request_ptr request_;
};

database_actor::database_actor(caf::actor_config& cfg, database_pool& pool, std::function<void()> sweep)
    : caf::event_based_actor(cfg), pool_(pool), sweep_(std::move(sweep)) {}

caf::behavior database_actor::make_behavior() {
  delayed_send(this, tick_interval, timer_atom::value);
  return {
      [this](timer_atom) { on_timer(); },
      [this](const database_request_ptr& request) { return on_request(request); },
      [this](done_atom, std::uint64_t id, const database_answer& answer) {
        const auto waiting = pending_.find(id);
        if (waiting == pending_.end()) return;
        waiting->second.deliver(answer);
        pending_.erase(waiting);
      },
  };
}

void database_actor::on_timer() {
  pool_.tick();
  if (++ticks_ % ticks_per_sweep == 0 && sweep_) sweep_();
  delayed_send(this, tick_interval, timer_atom::value);
}

caf::response_promise database_actor::on_request(const database_request_ptr& request) {
  const auto id = ++request_ids_;
  auto promise = make_response_promise();
  pending_.emplace(id, promise);
  pool_.submit(request->lane, std::make_shared<request_job>(caf::actor_cast<caf::actor>(this), id, request));
  return promise;
}

}  // namespace troupe
