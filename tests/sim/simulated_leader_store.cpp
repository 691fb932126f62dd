#include "tests/sim/simulated_leader_store.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace troupe::sim {

namespace {

using namespace std::chrono_literals;

constexpr auto one_way_max = 2ms;
constexpr auto awake_again = 20ms;

}  // namespace

void simulated_leader_store::call(node_index from, const store_request& request, answered done) {
  if (request.what == store_call::read) ++readings[from];
  const auto start = w_.starts(from);
  const auto there = w_.rng().between(100us, one_way_max) + (slow > 0ns ? w_.rng().between(0ns, slow) : 0ns);
  const auto back = w_.rng().between(100us, one_way_max) + (slow > 0ns ? w_.rng().between(0ns, slow) : 0ns);
  const auto answered_once = std::make_shared<bool>(false);
  const auto answer = [this, from, start, number = request.number, done, answered_once](expected<leader_reading> r) {
    if (std::exchange(*answered_once, true)) return;
    answer_when_awake(from, start, {number, std::move(r), durable_ ? "" : "the simulated store forgets"}, done);
  };
  w_.after(request.limit, [answer] { answer(fail(errc::deadline_exceeded, "the store")); });
  w_.after(there, [this, from, request, back, answer] {
    if (cut_off.contains(from)) return;
    if (down) return answer(fail(errc::unavailable, "the store"));
    auto result = apply(request);
    w_.after(back, [this, from, answer, result = std::move(result), run = run_]() mutable {
      if (cut_off.contains(from)) return;
      if (run != run_) return answer(fail(errc::unavailable, "the store restarted"));
      answer(std::move(result));
    });
  });
}

void simulated_leader_store::answer_when_awake(node_index to, std::uint32_t start, const store_answer& a,
                                               const answered& done) {
  if (!w_.running(to) || w_.starts(to) != start) return;
  if (w_.paused(to)) {
    w_.after(awake_again, [this, to, start, a, done] { answer_when_awake(to, start, a, done); });
    return;
  }
  w_.with_process(to, [&](process&, time_point) { done(a); });
}

expected<leader_reading> simulated_leader_store::apply(const store_request& r) {
  if (r.what == store_call::read) return leader_reading{entry, run_};
  const auto version = entry ? entry->version : 0;
  if (version != r.version) return fail(errc::condition_failed, "another version");
  if (!entry && r.what != store_call::set) return fail(errc::condition_failed, "no entry");
  before_ = entry;
  if (r.what == store_call::set) {
    entry = r.next;
    entry->released = false;
  } else {
    entry->version = r.next.version;
    entry->released = entry->released || r.what == store_call::release;
  }
  tell_all();
  return leader_reading{};
}

void simulated_leader_store::restart(loss what) {
  w_.trace(what == loss::nothing ? "the store restarted"
           : what == loss::all   ? "the store came back empty"
                                 : "the store lost its last write");
  if (what == loss::last_write) entry = before_;
  if (what == loss::all) entry.reset();
  before_ = entry;
  ++run_;
  tell_all();
}

void simulated_leader_store::watch(node_index who, told changed) {
  if (!tells) return;
  watchers_[who] = {w_.starts(who), std::move(changed)};
  if (tells->false_each > 0ns) tell_falsely(who, w_.starts(who));
}

void simulated_leader_store::tell_all() {
  if (!tells) return;
  const auto version = entry ? entry->version : 0;
  for (const auto& [who, w] : watchers_) {
    const int words = w_.rng().chance(tells->lost) ? 0 : w_.rng().chance(tells->twice) ? 2 : 1;
    for (int i = 0; i < words; ++i) {
      const auto late = tells->late_max > 0ns ? w_.rng().between(0ns, tells->late_max) : 0ns;
      w_.after(w_.rng().between(100us, one_way_max) + late,
               [this, who = who, start = w.start, version] { tell(who, start, version); });
    }
  }
}

void simulated_leader_store::tell(node_index to, std::uint32_t start, std::optional<std::uint64_t> version) {
  if (!w_.running(to) || w_.starts(to) != start || down || cut_off.contains(to)) return;
  if (w_.paused(to)) {
    w_.after(awake_again, [this, to, start, version] { tell(to, start, version); });
    return;
  }
  w_.with_process(to, [&](process&, time_point) { watchers_.at(to).changed(version); });
}

void simulated_leader_store::tell_falsely(node_index to, std::uint32_t start) {
  w_.after(w_.rng().between(1ns, 2 * tells->false_each), [this, to, start] {
    if (!w_.running(to) || w_.starts(to) != start) return;
    tell(to, start, std::nullopt);
    tell_falsely(to, start);
  });
}

void plan_store_faults(world& w, simulated_leader_store& store, duration length) {
  const auto gap = w.rng().between(1s, 8s);
  if (gap > length) return;
  w.after(gap, [&w, &store, rest = length - gap] {
    const auto lasts = w.rng().between(100ms, 8s);
    switch (w.rng().below(5)) {
      case 0:
        store.down = true;
        w.trace("the store is down");
        w.after(lasts, [&store] { store.down = false; });
        break;
      case 1:
        store.slow = w.rng().between(10ms, 2s);
        w.trace("the store is slow");
        w.after(lasts, [&store] { store.slow = {}; });
        break;
      case 2: {
        const auto n = static_cast<node_index>(w.rng().below(w.size()));
        store.cut_off.insert(n);
        w.trace("node " + std::to_string(n) + " does not reach the store");
        w.after(lasts, [&store, n] { store.cut_off.erase(n); });
        break;
      }
      default: {
        using loss = simulated_leader_store::loss;
        store.down = true;
        const auto what = store.durable() ? loss::nothing : static_cast<loss>(w.rng().below(3));
        w.after(w.rng().between(1ms, 3s), [&store, what] {
          store.restart(what);
          store.down = false;
        });
      }
    }
    plan_store_faults(w, store, rest);
  });
}

}  // namespace troupe::sim
