#include "actors/modules/module_hooks.hpp"

#include <exception>
#include <utility>

namespace troupe {

namespace {

/// The fault of a hook; empty: it has done well.
template <class F>
std::string fault_of_call(const char* hook, F f) {
  try {
    const expected<void> done = f();
    if (done) return {};
    return done.error().context.empty() ? describe(done.error()) : done.error().context;
  } catch (const std::exception& e) {
    return std::string(hook) + " threw: " + e.what();
  } catch (...) {
    return std::string(hook) + " threw something that is no std::exception";
  }
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
void module_hooks::tell_started(module_inbox& inbox, std::size_t index, std::uint64_t run, const std::string& fault,
                                const std::shared_ptr<std::uint64_t>& answered) {
  inbox.push([index, run, fault, answered](module_machine& m, time_point now, module_output& out) {
    if (run <= *answered) return;
    *answered = run;
    m.on_start(index, fault, now, out);
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
           [inbox = inbox_, index, answered = answered_](std::uint64_t run, const std::string& fault) {
             tell_started(*inbox, index, run, fault, answered);
           }}) {}

void module_hooks::start(std::vector<found_import> found, std::uint64_t run) {
  context_.set_imports(std::move(found));
  context_.begin_start(run);
  std::string fault;
  if (module_.start) fault = fault_of_call("start", [this] { return module_.start(context_); });
  const bool goes_on = context_.end_start();
  if (!fault.empty() || !goes_on) tell_started(*inbox_, index_, run, fault, answered_);
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
