#include "actors/supervision/actor_runtime.hpp"

#include <algorithm>
#include <utility>

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include "actors/messages/error.hpp"

namespace troupe {

// Set in code: CAF would also read caf-application.ini from the working directory.
struct actor_runtime::system_config : caf::actor_system_config {
  system_config(std::size_t threads, caf::atom_value policy) {
    set("scheduler.policy", policy);
    set("scheduler.max-threads", threads);
    troupe::add_error_category(*this);
  }
};

namespace {

supervision_callback report_to(event_log& log, event_hub& events) {
  return [&log, &events](const supervision_report& r) {
    if (r.what != supervision_report::kind::failed) {
      log.error("supervisor", "actor_killed", {{"actor", r.child}, {"reason", r.reason}});
      return;
    }
    const auto wait_ms = std::chrono::duration_cast<std::chrono::milliseconds>(r.wait).count();
    log.error("supervisor", "actor_failed", {{"actor", r.child}, {"reason", r.reason}, {"restart_in_ms", wait_ms}});
    events.publish("actor_failed", {{"actor", r.child}, {"reason", r.reason}});
  };
}

}  // namespace

actor_runtime::actor_runtime(const node_config& c) : actor_runtime(c.actor_threads, nullptr) {}

actor_runtime::actor_runtime(std::size_t workers, const std::function<void(caf::actor_system_config&)>& configure)
    // Sharing: no idle polling, short blocking requests.
    : actor_runtime(std::max<std::size_t>(1, workers),
                    std::make_unique<system_config>(std::max<std::size_t>(1, workers), caf::atom("sharing")),
                    configure) {}

std::unique_ptr<actor_runtime> actor_runtime::stepped(const std::function<void(caf::actor_system_config&)>& configure) {
  return std::unique_ptr<actor_runtime>(
      new actor_runtime(1, std::make_unique<system_config>(1, caf::atom("testing")), configure));
}

actor_runtime::actor_runtime(std::size_t workers, std::unique_ptr<system_config> settings,
                             const std::function<void(caf::actor_system_config&)>& configure)
    : workers_(workers), config_(std::move(settings)) {
  if (configure) configure(*config_);
  system_ = std::make_unique<caf::actor_system>(*config_);
  system_->await_actors_before_shutdown(false);
}

actor_runtime::~actor_runtime() { stop(); }

void actor_runtime::start(std::vector<child_spec> children, event_log& log, event_hub& events, std::uint64_t seed) {
  supervisor_options options;
  options.restarts_max = supervisor_options::no_limit;  // there is nobody above who could do better
  std::vector<supervised_child> all;
  for (auto& c : children) all.push_back(supervised(std::move(c)));
  supervisor_ = system_->spawn<supervisor_actor>(options, std::move(all), report_to(log, events), seed);
  const caf::scoped_actor caller(*system_);
  caller->request(supervisor_, caf::infinite, start_atom::value)
      .receive([](caf::atom_value) {},
               [&](const caf::error& e) {
                 log.error("supervisor", "start_failed", {{"reason", system_->render(e)}});
               });
}

void actor_runtime::run_on_each_worker(const std::function<void()>& f) {
  for (std::size_t i = 0; i < workers_; ++i) system_->spawn([f] { f(); });
}

bool actor_runtime::stop() {
  const auto supervisor = std::exchange(supervisor_, nullptr);
  if (!supervisor) return true;
  bool in_time = false;
  const caf::scoped_actor caller(*system_);
  caller->request(supervisor, stop_max, stop_atom::value)
      .receive([&](caf::atom_value) { in_time = true; }, [](const caf::error&) {});
  return in_time;
}

}  // namespace troupe
