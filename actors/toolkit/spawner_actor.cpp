#include "actors/toolkit/spawner_actor.hpp"

#include <algorithm>

#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>
#include <caf/send.hpp>
#include <caf/system_messages.hpp>

#include "actors/clock.hpp"
#include "actors/messages/error.hpp"

namespace troupe {

namespace {

time_point read_clock() { return clock_now(); }

error as_error(const caf::error& e, const std::string& type) {
  if (e == caf::sec::unknown_type) return {errc::not_implemented, "the actor type " + type + " is not registered here"};
  if (e == caf::sec::cannot_spawn_actor_from_arguments)
    return {errc::invalid_argument, "the actor type " + type + " takes other arguments"};
  return from_caf(e);
}

}  // namespace

spawner_actor::spawner_actor(caf::actor_config& cfg, std::shared_ptr<actor_directory> directory,
                             std::shared_ptr<spawner_state> state, event_log& log, std::size_t spawned_max)
    : caf::event_based_actor(cfg),
      directory_(std::move(directory)),
      state_(std::move(state)),
      log_(log),
      spawned_max_(spawned_max) {}

caf::behavior spawner_actor::make_behavior() {
  set_down_handler([this](caf::down_msg& down) { on_child_down(down.source); });
  return {
      [this](spawn_atom, const std::string& type, const caf::message& arguments) { return spawn_for(type, arguments); },
      [this](load_atom) -> std::uint64_t { return spawned_.size(); },
      [this](const spawn_call_ptr& call) { begin(call); },
      [this](stop_atom) {
        stopped_ = make_response_promise();
        stop_all();
        return stopped_;
      },
  };
}

void spawner_actor::on_exit() {
  stopped_ = {};  // a promise holds its own actor alive
  for (const auto& [addr, a] : spawned_) caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  spawned_.clear();
}

// ---- for others ----

caf::result<caf::actor> spawner_actor::spawn_for(const std::string& type, const caf::message& arguments) {
  auto made = make(type, arguments);
  ++state_->results[static_cast<std::size_t>(made ? errc::ok : made.error().code)];
  if (!made) {
    state_->log_refusal(log_, type, made.error());
    return to_caf(made.error());
  }
  monitor(*made);
  spawned_.emplace(made->address(), *made);
  state_->alive = spawned_.size();
  return std::move(*made);
}

expected<caf::actor> spawner_actor::make(const std::string& type, const caf::message& arguments) {
  if (state_->leaves || stopped_.pending()) return fail(errc::unavailable, "the node leaves");
  if (spawned_.size() >= spawned_max_)
    return fail(errc::unavailable, "the node has " + std::to_string(spawned_max_) + " spawned actors");
  try {
    auto made = system().spawn<caf::actor>(type, arguments, context(), false);
    if (!made) return tl::unexpected<error>(as_error(made.error(), type));
    return std::move(*made);
  } catch (const std::exception& fault) {
    return fail(errc::unavailable, "the actor type " + type + " threw: " + fault.what());
  }
}

void spawner_actor::on_child_down(const caf::actor_addr& who) {
  spawned_.erase(who);
  state_->alive = spawned_.size();
  if (spawned_.empty() && stopped_.pending()) stopped_.deliver(caf::atom_value{caf::ok_atom::get_value()});
}

void spawner_actor::stop_all() {
  state_->leaves = true;
  for (const auto& [addr, a] : spawned_) send_exit(a, caf::exit_reason::user_shutdown);
  if (spawned_.empty()) stopped_.deliver(caf::atom_value{caf::ok_atom::get_value()});
}

// ---- for this node ----

void spawner_actor::begin(const spawn_call_ptr& call) {
  if (call->by_load && call->candidates.size() > 1)
    ask_loads(call);
  else
    try_next(call);
}

void spawner_actor::ask_loads(const spawn_call_ptr& call) {
  auto survey = std::make_shared<load_survey>();
  survey->call = call;
  call->candidates.resize(std::min(call->candidates.size(), loads_asked_max));  // a random choice of them
  survey->open = call->candidates.size();
  const auto limit = std::min<duration>(load_answer_max, std::max(call->deadline - read_clock(), duration(1)) / 2);
  for (const auto& c : call->candidates) {
    const auto there = directory_->find({c.address, c.id}, published_as);
    if (!there) {
      on_load(survey, c.id, UINT64_MAX);
      continue;
    }
    request(*there, limit, load_atom::value)
        .then([this, survey, id = c.id](std::uint64_t load) { on_load(survey, id, load); },
              [this, survey, id = c.id](const caf::error&) { on_load(survey, id, UINT64_MAX); });
  }
}

// Who does not say is tried last. What this node has asked for meanwhile counts too.
void spawner_actor::on_load(const std::shared_ptr<load_survey>& survey, const incarnation_id& id, std::uint64_t load) {
  survey->loads[id] = load;
  if (--survey->open > 0) return;
  for (auto& [each, known] : survey->loads) {
    const auto more = under_way_.find(each);
    if (known != UINT64_MAX && more != under_way_.end()) known += more->second;
  }
  auto& all = survey->call->candidates;
  std::stable_sort(all.begin(), all.end(),
                   [&](const auto& a, const auto& b) { return survey->loads[a.id] < survey->loads[b.id]; });
  try_next(survey->call);
}

void spawner_actor::try_next(const spawn_call_ptr& call) {
  const auto left = call->deadline - read_clock();
  if (left <= duration::zero()) return call->done(fail(errc::deadline_exceeded, "no member was asked in time"));
  const auto& c = call->candidates[call->next++];
  const auto there = directory_->find({c.address, c.id}, published_as);
  ++under_way_[c.id];
  if (!there) return on_result(call, c.id, fail(errc::unavailable, c.name + ": " + there.error().context));
  request(*there, std::chrono::duration_cast<std::chrono::nanoseconds>(left), spawn_atom::value, call->type,
          call->arguments)
      .then([this, call, id = c.id](const caf::actor& a) { on_result(call, id, a); },
            [this, call, id = c.id, member = c.name](const caf::error& e) {
              auto why = from_caf(e);
              if (why.code == errc::not_found) why = {errc::unavailable, "the member runs no actors of applications"};
              on_result(call, id, fail(why.code, member + ": " + why.context));
            });
}

void spawner_actor::on_result(const spawn_call_ptr& call, const incarnation_id& at, expected<caf::actor> result) {
  if (const auto row = under_way_.find(at); row != under_way_.end() && --row->second == 0) under_way_.erase(row);
  const bool again =
      !result && result.error().code == errc::unavailable && call->next < std::min(call->candidates.size(), tried_max);
  if (again) return try_next(call);
  call->done(std::move(result));
}

void spawner_state::log_refusal(event_log& log, const std::string& type, const error& why) {
  {
    const std::lock_guard lock(mutex_);
    const auto now = read_clock();
    if (line_ != time_point{} && now < line_ + line_interval) return;
    line_ = now;
  }
  log.warn("actors", "spawn_refused", {{"type", type}, {"reason", name_of(why.code)}, {"words", why.context}});
}

void spawner_state::register_metrics(metrics& m, const std::shared_ptr<spawner_state>& state) {
  for (const auto code : {errc::ok, errc::unavailable, errc::not_implemented, errc::invalid_argument}) {
    m.read_counter("troupe_actors_spawns_total", "Actors that were to be spawned here by name, by result",
                   {{"result", std::string(name_of(code))}}, [state, code] {
                     return static_cast<double>(state->results[static_cast<std::size_t>(code)].load());
                   });
  }
  m.read_counter("troupe_actors_spawns_unplaced_total", "Spawns for which this node had no member to ask", {},
                 [state] { return static_cast<double>(state->unplaced.load()); });
  m.read_gauge("troupe_actors_spawned_count", "Actors spawned by name that live here", {},
               [state] { return static_cast<double>(state->alive.load()); });
}

}  // namespace troupe
