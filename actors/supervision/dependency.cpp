#include <map>
#include <utility>

#include <caf/response_promise.hpp>

#include <troupe/caf_resilience.hpp>

#include "actors/atoms.hpp"
#include "actors/messages/error.hpp"

namespace troupe {
namespace {

/// Answers `owner` after the time it is told: how an actor waits without a message in its own behaviour. Ends with it.
caf::behavior sleeper(caf::event_based_actor* self, const caf::actor_addr& owner) {
  struct naps {
    std::uint64_t last = 0;
    std::map<std::uint64_t, caf::response_promise> all;
  };
  auto naps_of = std::make_shared<naps>();
  self->monitor(owner);
  self->set_down_handler([self, naps_of](const caf::down_msg&) {
    naps_of->all.clear();
    self->quit();
  });
  return {
      [self, naps_of](timer_atom, std::int64_t nanoseconds) {
        auto promise = self->make_response_promise();
        naps_of->all.emplace(++naps_of->last, promise);
        self->delayed_send(self, duration(nanoseconds), wake_atom::value, naps_of->last);
        return promise;
      },
      [naps_of](wake_atom, std::uint64_t which) {
        const auto found = naps_of->all.extract(which);
        if (!found.empty()) found.mapped().deliver(caf::atom_value{timer_atom::get_value()});
      },
  };
}

}  // namespace

struct dependency::core {
  struct call {
    attempt_function attempt;
    failed on_failed;
    time_point deadline;
    retry again;
    bool inside = false;  // the bulkhead counts it
  };

  core(caf::event_based_actor* s, std::string n, const dependency_options& o)
      : self(s), name(std::move(n)), options(o), circuit(o.circuit), hull(o.bulkhead) {}

  [[nodiscard]] time_point read_clock() const {
    return time_point(std::chrono::duration_cast<duration>(self->clock().now().time_since_epoch()));
  }

  void try_it(std::uint64_t ticket) {
    auto& c = calls.at(ticket);
    const auto at = read_clock();
    if (at >= c.deadline) return end(ticket, {errc::deadline_exceeded, name});
    if (auto open = circuit.allow(at); !open) {
      ++counts.refused_open;
      return fail_or_repeat(ticket, {errc::unavailable, name + ": " + open.error().context});
    }
    ++counts.attempts;
    c.attempt(ticket, c.again.attempt_limit(at));
  }

  void fail_or_repeat(std::uint64_t ticket, const error& e) {
    auto& c = calls.at(ticket);
    const auto wait = c.again.next(e.code, read_clock());
    if (!wait) return end(ticket, e);
    ++counts.repeated;
    after(*wait, [this, ticket] {
      if (calls.contains(ticket)) try_it(ticket);
    });
  }

  void after(duration wait, std::function<void()> f) {
    if (!clock) clock = self->spawn(sleeper, self->address());
    self->request(clock, caf::infinite, timer_atom::value, wait.count())
        .then([f = std::move(f)](caf::atom_value) { f(); }, [](const caf::error&) {});
  }

  void end(std::uint64_t ticket, const error& e) {
    auto over = calls.extract(ticket);
    if (over.empty()) return;
    ++counts.failed;
    if (over.mapped().inside) leave();
    if (over.mapped().on_failed) over.mapped().on_failed(e);
  }

  void leave() {
    bulkhead::output out;
    hull.leave(read_clock(), out);
    carry_out(out);
  }

  /// One alarm for all that wait: the next deadline.
  void arm() {
    const auto next = hull.next_tick();
    if (next >= armed) return;
    armed = next;
    after(next - read_clock(), [this] {
      armed = time_point::max();
      bulkhead::output out;
      hull.on_tick(read_clock(), out);
      carry_out(out);
      arm();
    });
  }

  void carry_out(const bulkhead::output& out) {
    for (const auto ticket : out.expired)
      end(ticket, {errc::deadline_exceeded, name + ": too many requests are under way"});
    for (const auto ticket : out.run) {
      calls.at(ticket).inside = true;
      try_it(ticket);
    }
  }

  caf::event_based_actor* self;
  std::string name;
  dependency_options options;
  circuit_breaker circuit;
  bulkhead hull;
  caf::actor clock;
  time_point armed = time_point::max();
  std::map<std::uint64_t, call> calls;
  std::uint64_t last = 0;
  numbers counts;
};

dependency::dependency(caf::event_based_actor* self, std::string name, const dependency_options& o)
    : self_(self), core_(std::make_unique<core>(self, std::move(name), o)) {}

dependency::~dependency() = default;

void dependency::begin(duration patience, attempt_function attempt, failed on_failed) {
  auto& k = *core_;
  ++k.counts.requests;
  const auto at = k.read_clock();
  const auto ticket = ++k.last;
  const auto deadline = at + patience;
  k.calls.emplace(ticket, core::call{std::move(attempt), std::move(on_failed), deadline,
                                     retry(k.options.retrying, deadline, k.self->id() * 1000003U + ticket)});
  switch (k.hull.enter(ticket, deadline, at)) {
    case bulkhead::answer::runs: k.calls.at(ticket).inside = true; return k.try_it(ticket);
    case bulkhead::answer::refused:
      ++k.counts.refused_full;
      return k.end(ticket, {errc::unavailable, k.name + ": too many requests are under way"});
    case bulkhead::answer::waits: return k.arm();
  }
}

void dependency::on_answer(std::uint64_t ticket) {
  auto& k = *core_;
  auto over = k.calls.extract(ticket);
  if (over.empty()) return;
  k.circuit.on_end(errc::ok, k.read_clock());
  k.leave();
}

void dependency::on_error(std::uint64_t ticket, const caf::error& e) {
  auto& k = *core_;
  if (!k.calls.contains(ticket)) return;
  auto ours = from_caf(e);
  ours.context = ours.context.empty() ? k.name : k.name + ": " + ours.context;
  k.circuit.on_end(ours.code, k.read_clock());
  k.fail_or_repeat(ticket, ours);
}

dependency::numbers dependency::counts() const {
  auto all = core_->counts;
  all.running = core_->hull.running();
  all.waiting = core_->hull.waiting();
  all.circuit = core_->circuit.state(core_->read_clock());
  return all;
}

}  // namespace troupe
