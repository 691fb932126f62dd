// The simulated world: N nodes on virtual time in one thread, every choice drawn from one 64-bit seed.
//
// The picture: a heap of happenings. step() takes the earliest, hands it to one process, lets every
// checker look at that process, and asks it when it wants its next tick. The world owns the disks, so
// a node can crash and come back; each start of a process has a clock of its own, up to days apart
// from the others. A checker that finds a fault calls fail(): the run stops there.
//
// It does not promise real latencies: figures from it compare rules, not machines.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/event_queue.hpp"
#include "tests/sim/network.hpp"
#include "tests/sim/process.hpp"
#include "tests/sim/trace.hpp"

namespace troupe::sim {

class world;

/// Watches for what must never be. Called after every call into a process.
class checker {
 public:
  virtual ~checker() = default;
  /// `changed` was started or called just now and is running (or just finished).
  virtual void on_step(world& w, node_index changed) = 0;
  /// `gone` crashed or exited: what was known of its process is void.
  virtual void on_gone(world&, node_index) {}
};

struct world_options {
  std::uint32_t nodes = 3;
  std::uint64_t seed = 1;
  link_conditions link;
  duration write_min = std::chrono::microseconds(100);
  duration write_max = std::chrono::milliseconds(5);
  duration reset_delay = std::chrono::milliseconds(1);        // until the end of a killed process is seen
  duration break_delay_min = std::chrono::milliseconds(500);  // until a cut link is given up
  duration break_delay_max = std::chrono::seconds(5);         //
  duration retransmission = std::chrono::milliseconds(200);   // what a lost stream packet costs
  duration clock_skew_max = std::chrono::hours(100);          // between the clocks of two processes
  std::int64_t clock_drift_ppm_max = 200;                     // each runs faster or slower by up to this
  std::size_t inbox_max = 2000;                               // datagrams waiting for a paused or slow process
  std::size_t trace_lines_max = 300;                          // TROUPE_SIM_TRACE_LINES overrides it
  bool trace_packets = false;                                 // TROUPE_SIM_PACKETS=1 sets it
};

/// How a process ends. `killed`: its host lives and closes its links at once. `powered_off`: peers see nothing.
enum class crash_kind : std::uint8_t { killed, powered_off };

class world {
 public:
  world(world_options options, process_factory factory);
  ~world();
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  // --- running
  /// Handles the next happening; false when there is none or the run has failed.
  bool step();
  void run_for(duration d);
  /// Runs until `done` holds, looking every `every`; false when `limit` passed (or the run failed) before.
  bool run_until(const std::function<bool()>& done, duration limit, duration every = std::chrono::milliseconds(10));
  /// Calls `act` when `after` has passed from now: the way to write a plan.
  void after(duration after, std::function<void()> act);
  /// Time since the run began.
  [[nodiscard]] duration now() const noexcept { return now_ - time_point{}; }
  [[nodiscard]] random& rng() noexcept { return rng_; }

  // --- nodes
  [[nodiscard]] std::uint32_t size() const noexcept { return options_.nodes; }
  /// Starts the node's process, with what is on its disk. Nothing happens when it runs already.
  void start(node_index n);
  void start_all();
  void crash(node_index n, crash_kind how = crash_kind::killed, bool keep_disk = true);
  void leave(node_index n);
  [[nodiscard]] bool running(node_index n) const { return nodes_[n].program != nullptr; }
  [[nodiscard]] bool paused(node_index n) const { return nodes_[n].pauses > 0; }
  /// Runs, is not paused, not blocked and not slow: liveness may be asked of it.
  [[nodiscard]] bool healthy(node_index n) const;
  /// Counts the starts: 1 after the first. 0: never started.
  [[nodiscard]] std::uint32_t starts(node_index n) const { return nodes_[n].starts; }
  /// The process of `n`, as the type that the factory made; null when it does not run.
  template <class Process>
  [[nodiscard]] Process* process_of(node_index n) const {
    return static_cast<Process*>(nodes_[n].program.get());
  }
  /// For a test that acts on a process (e.g. asks it to propose): calls `act` as if it were an event
  /// of that process, so that checkers look and its tick is planned anew. Nothing when it does not run.
  void with_process(node_index n, const std::function<void(process&, time_point now)>& act);
  /// The node's clock now, as its process would read it.
  [[nodiscard]] time_point clock_of(node_index n) const { return to_local(nodes_[n], now_); }
  [[nodiscard]] disk& disk_of(node_index n) { return nodes_[n].files; }

  // --- faults; each may overlap with others and is undone by its counterpart or by heal()
  void pause(node_index n);   // no packets, no ticks, no finished writes
  void resume(node_index n);  // everything at once
  /// The process runs and its ticks come, but nothing goes in or out (a stuck network thread): Lifeguard's
  /// experiment. At the end all passes at once, first what it sent.
  void block_io(node_index n);
  void unblock_io(node_index n);
  /// Each packet takes `per_packet` to handle; zero ends it.
  void set_slow(node_index n, duration per_packet);
  /// Takes effect at the next start of the process.
  void set_clock(node_index n, duration skew, std::int64_t drift_ppm);
  /// Nothing passes from any of `from` to any of `to`; with both_ways nor back.
  void cut(const std::vector<node_index>& from, const std::vector<node_index>& to, bool both_ways = true);
  void uncut(const std::vector<node_index>& from, const std::vector<node_index>& to, bool both_ways = true);
  /// Cuts `group` off from all others / joins it again.
  void partition(const std::vector<node_index>& group);
  void unpartition(const std::vector<node_index>& group);
  [[nodiscard]] link_conditions& conditions() noexcept { return net_.common(); }
  [[nodiscard]] const link_conditions& initial_conditions() const noexcept { return initial_link_; }
  void set_conditions(node_index from, node_index to, const link_conditions& c) { net_.set_conditions(from, to, c); }
  /// Opens the stream link of two running nodes, as a first packet would.
  void open_link(node_index a, node_index b);
  /// Breaks the stream link alone (an idle timeout, a middlebox); datagrams still pass.
  void break_link(node_index a, node_index b);
  /// The network as it was at the beginning, nobody paused or slow. Crashed nodes stay down unless `restart`.
  void heal(bool restart = true);

  // --- watching
  void add(checker& c) { checkers_.push_back(&c); }
  void trace(std::string line) { trace_.add(now(), std::move(line)); }
  /// Stops the run; the first call counts.
  void fail(const std::string& what);
  [[nodiscard]] bool failed() const noexcept { return !failure_.empty(); }
  /// What failed, and the last lines of the trace.
  [[nodiscard]] std::string failure_text() const;

  struct counters {
    std::uint64_t steps = 0, datagrams = 0, datagram_bytes = 0, streams = 0, stream_bytes = 0, lost = 0;
  };
  [[nodiscard]] const counters& counts() const noexcept { return counts_; }
  /// Datagrams that `n` sent since the run began.
  [[nodiscard]] std::uint64_t datagrams_of(node_index n) const { return nodes_[n].datagrams; }

 private:
  class door;  // the `outside` of one start of a process
  struct unsent {
    node_index to;
    channel how;
    std::string bytes;
  };
  struct pending_write {
    std::uint32_t number;
    std::string file, bytes;
  };
  struct node {
    std::unique_ptr<door> outside;
    std::unique_ptr<process> program;
    std::uint32_t starts = 0;
    std::uint32_t pauses = 0;
    std::uint32_t io_blocks = 0;
    bool unreachable = false;  // powered off: nothing answers, not even with a reset
    duration slow{};
    time_point busy_until{};
    time_point tick_at = time_point::max();  // the earliest tick that is in the queue
    std::deque<happening> inbox;             // while paused, blocked or slow
    std::deque<unsent> outbox;               // while blocked
    std::deque<pending_write> writes;
    std::uint32_t next_write = 0;
    time_point last_write{};
    disk files;
    std::uint64_t datagrams = 0;
    bool clock_given = false;
    duration skew{};
    std::int64_t drift_ppm = 0;
    time_point clock_base{};  // local time at clock_from
    time_point clock_from{};
  };

  [[nodiscard]] static time_point to_local(const node& n, time_point global);
  [[nodiscard]] static time_point to_global(const node& n, time_point local);
  // world.cpp
  void handle(happening& h);
  bool arrives(const happening& h);
  bool hold_back(node_index n, happening& h);
  void plan_drain(node_index n);
  void drain_one(node_index n);
  void empty_inbox(node_index n);
  void deliver(node_index n, happening& h);
  void after_call(node_index n);
  void plan_tick(node_index n);
  // world_io.cpp
  void send(node_index from, node_index to, channel how, std::string bytes);
  void send_datagram(node_index from, node_index to, std::string bytes);
  void send_stream(node_index from, node_index to, std::string bytes);
  void write(node_index n, std::string file, std::string bytes, std::function<void()> done);
  void finish_write(node& n, std::uint32_t number);
  void close_link(node_index a, node_index b, bool closed);
  void announce_loss(node_index end, node_index peer, bool closed);
  // world_faults.cpp
  void end_process(node_index n, crash_kind how);
  void flush(node_index n);
  void cut_one_way(const std::vector<node_index>& from, const std::vector<node_index>& to);
  [[nodiscard]] std::vector<node_index> all_but(const std::vector<node_index>& group) const;

  world_options options_;
  link_conditions initial_link_;
  process_factory factory_;
  random rng_;
  network net_;
  event_queue queue_;
  time_point now_{};
  std::vector<node> nodes_;
  std::vector<checker*> checkers_;
  trace_ring trace_;
  counters counts_;
  std::string failure_;
};

}  // namespace troupe::sim
