// When the modules of a node start and stop: Roboconf's exports and imports (Linagora, 2013), as a machine of one node.
//
//   a module is  becomes             by
//   waiting      starting            all that it requires has been there for the settle time
//   starting     running             its start has done well: what it exports counts from now on
//   starting     failed              its start has failed, or has not returned in time
//   failed       waiting             the back-off is over, or what it requires has changed; not beyond the budget
//   running      unhealthy           its health check: what it exports is withdrawn, it runs on
//   unhealthy    running             two checks in a row that pass
//   running...   stopping            something that it requires is gone, or the node stops: withdrawn at once, stopped
//   when
//                                    no module here needs it any more
//   stopping     waiting, stopped    its stop has returned
//
// Promises: a module starts only when all that it requires is there, and is stopped after those at this node that need
// it. A hook that does not return in time is said (`overdue`) and holds up nobody else from then on. Not promised:
// that modules at other nodes have stopped when one is; when the node leaves they get `farewell` to see it coming.
// Pure; one call at a time, on the caller's clock.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "runtime/base/backoff.hpp"
#include "runtime/base/random.hpp"
#include "runtime/modules/module_spec.hpp"
#include "runtime/modules/module_world.hpp"

namespace troupe {

enum class module_state : std::uint8_t { waiting, starting, running, unhealthy, stopping, stopped, failed };

[[nodiscard]] std::string_view name_of(module_state s) noexcept;

enum class module_hook : std::uint8_t { start, stop, health, update };

[[nodiscard]] std::string_view name_of(module_hook h) noexcept;

struct module_output {
  struct call {
    std::size_t module;
    module_hook hook;
  };
  struct change {
    std::size_t module;
    module_state from, to;
    std::string reason;
    errc code = errc::ok;  // of a start that failed
  };
  std::vector<call> calls;      // each is answered once, by on_<hook>
  std::vector<change> changes;  // of a state or of its reason
  std::vector<call> overdue;    // have not returned in time, said once
  bool exports_changed = false;
};

class module_machine {
 public:
  static constexpr duration settle_first = std::chrono::milliseconds(100);
  static constexpr duration settle_last = std::chrono::seconds(10);  // doubles with each loss of an import
  static constexpr duration calm = std::chrono::minutes(1);          // run so long, the settle time is short again
  static constexpr duration retry_first = std::chrono::milliseconds(500);
  static constexpr duration retry_last = std::chrono::seconds(30);
  static constexpr duration restart_window = std::chrono::minutes(10);
  static constexpr duration farewell = std::chrono::milliseconds(500);
  static constexpr std::uint32_t healthy_again = 2;  // checks in a row

  /// `all` were found sound by faults_of.
  module_machine(std::vector<module_spec> all, random rng);

  void set_world(module_world w, time_point now, module_output& out);
  /// Answers of hooks; an empty fault: done. What comes unasked is passed over.
  void on_start(std::size_t m, const expected<void>& done, time_point now, module_output& out);
  void on_stop(std::size_t m, time_point now, module_output& out);
  void on_health(std::size_t m, const std::string& fault, time_point now, module_output& out);
  void on_update(std::size_t m, time_point now, module_output& out);
  /// Variables of an export, from now on.
  void set_variables(std::size_t m, const std::string& name, export_variables v, time_point now, module_output& out);
  void on_tick(time_point now, module_output& out);
  /// Stops all for good; from now on no hook is waited for longer than `hook_max`. `leaving`: others are given
  /// `farewell`. Idempotent.
  void stop(bool leaving, duration hook_max, time_point now, module_output& out);

  /// max(): nothing is to come but by an event.
  [[nodiscard]] time_point next_tick() const;
  /// After stop(): nothing runs and no hook is under way.
  [[nodiscard]] bool ended() const;

  [[nodiscard]] std::size_t size() const noexcept { return rows_.size(); }
  [[nodiscard]] const module_spec& spec(std::size_t m) const { return rows_[m].spec; }
  [[nodiscard]] module_state state(std::size_t m) const { return rows_[m].state; }
  [[nodiscard]] const std::string& reason(std::size_t m) const { return rows_[m].reason; }
  [[nodiscard]] bool pending(std::size_t m, module_hook h) const;
  /// What a module was told last, with its start or an update.
  [[nodiscard]] const std::vector<found_import>& told(std::size_t m) const { return rows_[m].told; }
  [[nodiscard]] const module_world& world() const noexcept { return world_; }
  /// What this node exports now, by name.
  [[nodiscard]] std::map<std::string, export_variables> exported() const;
  /// Why the import is not there for the module; empty: it is. `steadily`: as for a start.
  [[nodiscard]] std::string missing(std::size_t m, const module_import& i, bool steadily) const;
  /// Modules without which the node is not ready, with the reason.
  [[nodiscard]] std::vector<std::string> unready() const;

  struct counters {
    std::uint64_t starts = 0;        // hooks called
    std::uint64_t stops = 0;         // hooks called
    std::uint64_t failures = 0;      // starts that failed
    std::uint64_t unhealthy = 0;     // times that a module became it
    std::uint64_t lost_imports = 0;  // times that a module was stopped for one
    std::uint64_t overdue = 0;       // hooks that did not return in time
  };
  [[nodiscard]] const counters& counts() const noexcept { return counts_; }

 private:
  struct hook {
    bool pending = false;
    bool overdue = false;
    time_point until{};
  };
  struct row {
    module_spec spec;
    backoff wait{retry_first, retry_last};
    module_state state = module_state::waiting;
    std::string reason{};
    errc code = errc::ok;  // of the last start that failed
    module_state told_state = module_state::waiting;
    std::string told_reason{};
    bool ending = false;   // exports are withdrawn; to be stopped when nobody needs it
    bool started = false;  // its start has done well and its stop was not called yet
    std::map<module_hook, hook> hooks{};
    std::optional<time_point> there_since{};  // all that it requires
    duration settle = settle_first;
    time_point ran_since{};
    std::optional<time_point> end_after{};  // farewell
    std::optional<time_point> retry_at{};
    time_point check_at{};
    std::deque<time_point> failures{};
    bool gave_up = false;
    std::uint32_t passed = 0;  // health checks in a row
    std::uint64_t order = 0;   // of its start
    std::vector<found_import> told{};
    std::map<std::string, export_variables> variables{};
  };

  void settle(time_point now, module_output& out);
  [[nodiscard]] bool advance(std::size_t m, time_point now, module_output& out);
  void advance_waiting(std::size_t m, time_point now, module_output& out);
  [[nodiscard]] bool advance_failed(std::size_t m, time_point now);
  [[nodiscard]] bool advance_started(std::size_t m, time_point now, module_output& out);
  void keep_going(std::size_t m, time_point now, module_output& out);
  void look_at_limits(std::size_t m, time_point now, module_output& out);
  void call(std::size_t m, module_hook h, duration limit, time_point now, module_output& out);
  [[nodiscard]] bool finish(std::size_t m, module_hook h);
  void begin_start(std::size_t m, time_point now, module_output& out);
  void begin_ending(row& r, std::string why, bool lost, time_point now);
  void begin_stop(std::size_t m, time_point now, module_output& out);
  void fail_start(row& r, const error& fault, time_point now);
  [[nodiscard]] bool break_circle(time_point now, module_output& out);
  void tell_changes(module_output& out);

  [[nodiscard]] std::string first_missing(std::size_t m, bool steadily) const;
  [[nodiscard]] bool gives(const row& r) const { return r.state == module_state::running && !r.ending; }
  [[nodiscard]] bool lives(const row& r) const;
  [[nodiscard]] const row* needed_by(std::size_t m) const;
  [[nodiscard]] std::vector<found_import> resolve(std::size_t m) const;

  std::vector<row> rows_;
  random rng_;
  module_world world_;
  std::map<std::string, export_variables> exported_;  // as last told
  bool stopping_ = false, leaving_ = false;
  duration stop_max_ = duration::max();  // for one stop hook
  std::uint64_t starts_ = 0;
  counters counts_;
};

}  // namespace troupe
