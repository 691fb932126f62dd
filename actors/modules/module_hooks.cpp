#include "actors/modules/module_hooks.hpp"

#include <exception>
#include <utility>

namespace troupe {

namespace {

/// What a hook says, or errc::unavailable when it throws: not done, and tried again.
template <class F>
expected<void> guarded(const char* hook, F f) {
  try {
    return f();
  } catch (const std::exception& e) {
    return fail(errc::unavailable, std::string(hook) + " threw: " + e.what());
  } catch (...) {
    return fail(errc::unavailable, std::string(hook) + " threw something that is no std::exception");
  }
}

/// The fault of a hook; empty: it has done well.
template <class F>
std::string fault_of_call(const char* hook, F f) {
  const auto done = guarded(hook, std::move(f));
  if (done) return {};
  return done.error().context.empty() ? describe(done.error()) : done.error().context;
}

template <class F>
std::string fault_of_void(const char* hook, F f) {
  return fault_of_call(hook, [&]() -> expected<void> {
    f();
    return {};
  });
}

}  // namespace

// A run is answered once: a promise that is kept after its start had failed is not the answer of the next one.
void module_hooks::tell_started(module_inbox& inbox, std::size_t index, std::uint64_t run, const expected<void>& done,
                                const std::shared_ptr<std::uint64_t>& answered) {
  inbox.push([index, run, done, answered](module_machine& m, time_point now, module_output& out) {
    if (run <= *answered) return;
    *answered = run;
    m.on_start(index, done, now, out);
  });
}

module_hooks::module_hooks(std::size_t index, module m, module_block block, std::shared_ptr<module_gate> gate,
                           std::shared_ptr<module_inbox> inbox)
    : index_(index),
      module_(std::move(m)),
      inbox_(std::move(inbox)),
      context_(
          module_, std::move(block),
          {std::move(gate),
           [inbox = inbox_, index](const std::string& name, export_variables v) {
             inbox->push([index, name, v = std::move(v)](module_machine& machine, time_point now, module_output& out) {
               machine.set_variables(index, name, v, now, out);
             });
           },
           [inbox = inbox_, index, answered = answered_](std::uint64_t run, const expected<void>& done) {
             tell_started(*inbox, index, run, done, answered);
           }}) {}

void module_hooks::start(std::vector<found_import> found, std::uint64_t run) {
  context_.set_imports(std::move(found));
  context_.begin_start(run);
  expected<void> done;
  if (module_.start) done = guarded("start", [this] { return module_.start(context_); });
  const bool goes_on = context_.end_start();
  if (!done || !goes_on) tell_started(*inbox_, index_, run, done, answered_);
}

void module_hooks::stop() {
  if (module_.stop) note(fault_of_void("stop", [this] { module_.stop(context_); }));
  inbox_->push([i = index_](module_machine& m, time_point now, module_output& out) { m.on_stop(i, now, out); });
}

void module_hooks::check() {
  const auto fault = fault_of_call("the health check", [this] { return module_.health(context_); });
  inbox_->push(
      [i = index_, fault](module_machine& m, time_point now, module_output& out) { m.on_health(i, fault, now, out); });
}

void module_hooks::update(std::vector<found_import> found) {
  context_.set_imports(std::move(found));
  if (module_.updated) note(fault_of_void("updated", [this] { module_.updated(context_); }));
  inbox_->push([i = index_](module_machine& m, time_point now, module_output& out) { m.on_update(i, now, out); });
}

void module_hooks::note(const std::string& fault) {
  if (fault.empty()) return;
  const std::lock_guard lock(mutex_);
  ++thrown_;
  complaint_ = fault;
}

std::uint64_t module_hooks::thrown() const {
  const std::lock_guard lock(mutex_);
  return thrown_;
}

std::string module_hooks::take_complaint() {
  const std::lock_guard lock(mutex_);
  return std::exchange(complaint_, {});
}

}  // namespace troupe
