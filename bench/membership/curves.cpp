// The curves of membership, from the simulator: how soon a death is known, how many healthy members are
// declared failed while one member is stalled at random, and what it all costs, by size, loss and with or
// without Lifeguard.
//
// Usage: membership_curves [DIRECTORY]. Prints CSV; with a directory writes membership.csv and the plots there.
// TROUPE_BENCH_MEMBERS_MAX=100 leaves larger clusters out, TROUPE_BENCH_FIRST=47 the first 47 cells.
// TROUPE_BENCH_FULL=1 takes the real size (half an hour of one core), without it the smallest, against rot. As many
// cells run at once as there are cores; TROUPE_BENCH_JOBS says otherwise.
//
// All times are virtual but for the last column. The stalled member's I/O is blocked for 0 to 20 s and free for
// 0 to 20 s, in turn: it runs, its timers fire, and nothing goes in or out (the experiment of Dadgar et al.).
// `without` is SWIM as published, on the same settings: profile lan.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "bench/membership/plot.hpp"
#include "tests/sim/membership_stage.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;
using membership::event_kind;

constexpr node_index stalled = 1, victim = 2;

struct cell {
  std::uint32_t nodes = 3;
  double loss = 0;
  bool lifeguard = true;
  duration window{};  // of stalls
  int deaths = 1;
};

struct result {
  double idle_packets = 0, idle_bytes = 0;  // a member and second
  double packets = 0;                       // the same, while one is stalled
  std::uint64_t false_failures = 0;         // member_failed events about members that were never stalled
  double first = 0, all = 0;                // seconds, medians
  double cpu = 0;                           // real seconds of processor time
};

double seconds(duration d) { return std::chrono::duration<double>(d).count(); }

/// Processor time of this thread.
double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

double median(std::vector<double> v) {
  if (v.empty()) return -1;
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

class experiment {
 public:
  explicit experiment(const cell& c) : cell_(c), s_(options_of(c)) {}

  result run() {
    const auto begin = cpu_seconds();
    result r;
    s_.start_all();
    s_.w.run_until([this] { return s_.all_see_all(); }, 120s, 1s);
    s_.w.run_for(30s);
    const auto idle = traffic_of([this] { s_.w.run_for(30s); });
    r.idle_packets = idle.first;
    r.idle_bytes = idle.second;
    const auto before = blameless_failures();
    r.packets = traffic_of([this] { stall(cell_.window); }).first;
    r.false_failures = blameless_failures() - before;
    s_.w.run_for(20s);
    measure_deaths(r);
    r.cpu = cpu_seconds() - begin;
    return r;
  }

 private:
  static stage_options options_of(const cell& c) {
    auto o = with_nodes(c.nodes, 7);
    o.links = false;
    o.world.link.loss = c.loss;
    o.world.trace_lines_max = 1;
    o.customise = [lifeguard = c.lifeguard](node_index, std::uint32_t, member_setup& m) {
      m.settings.lifeguard = lifeguard;
    };
    return o;
  }

  std::uint64_t blameless_failures() const { return s_.count(event_kind::member_failed) - s_.failures_of(stalled); }

  template <class Act>
  std::pair<double, double> traffic_of(Act act) {
    const auto packets = s_.w.counts().datagrams, bytes = s_.w.counts().datagram_bytes;
    const auto since = s_.w.now();
    act();
    const double member_seconds = seconds(s_.w.now() - since) * cell_.nodes;
    return {static_cast<double>(s_.w.counts().datagrams - packets) / member_seconds,
            static_cast<double>(s_.w.counts().datagram_bytes - bytes) / member_seconds};
  }

  void stall(duration length) {
    const auto end = s_.w.now() + length;
    while (s_.w.now() < end) {
      s_.w.block_io(stalled);
      s_.w.run_for(s_.w.rng().between(0s, 20s));
      s_.w.unblock_io(stalled);
      s_.w.run_for(s_.w.rng().between(0s, 20s));
    }
  }

  /// From a power loss to the first and to the last of the others that declares it failed.
  void measure_deaths(result& r) {
    std::vector<double> first, all;
    for (int i = 0; i < cell_.deaths; ++i) {
      s_.w.run_for(s_.w.rng().between(5s, 7s));
      const incarnation_id id = s_.at(victim).self().id;
      std::vector<duration> times;
      s_.listener = [&](node_index, const membership::event& e) {
        if (e.kind == event_kind::member_failed && e.id == id) times.push_back(s_.w.now());
      };
      const auto begin = s_.w.now();
      s_.w.crash(victim, crash_kind::powered_off);
      s_.w.run_until([&] { return times.size() + 1 >= cell_.nodes; }, 120s, 100ms);
      s_.listener = nullptr;
      if (!times.empty()) {
        first.push_back(seconds(times.front() - begin));
        all.push_back(seconds(times.back() - begin));
      }
      s_.w.start(victim);
      s_.w.run_for(10s);
    }
    r.first = median(first);
    r.all = median(all);
  }

  cell cell_;
  membership_stage s_;
};

double per_hour(const cell& c, const result& r) {
  return static_cast<double>(r.false_failures) * 3600 / seconds(c.window);
}

std::string csv_row(const cell& c, const result& r) {
  char row[256];
  std::snprintf(row, sizeof row, "%u,%g,%s,%.0f,%.2f,%.0f,%.2f,%llu,%.1f,%.2f,%.2f,%.1f\n", c.nodes, c.loss * 100,
                c.lifeguard ? "with" : "without", seconds(c.window), r.idle_packets, r.idle_bytes, r.packets,
                static_cast<unsigned long long>(r.false_failures), per_hour(c, r), r.first, r.all, r.cpu);
  return row;
}

constexpr const char* csv_head =
    "members,loss_percent,lifeguard,window_s,idle_packets_per_member_s,idle_bytes_per_member_s,"
    "stalled_packets_per_member_s,false_failures,false_failures_per_hour,first_s,all_s,cpu_s\n";

struct curve {
  const char* file;
  const char* title;
  const char* y_label;
  bool log_y;
  double (*value)(const cell&, const result&);
};

constexpr curve curves[] = {
    {"first_detection", "From a power loss to the first that declares it", "seconds", false,
     [](const cell&, const result& r) { return r.first; }},
    {"dissemination", "From the first that declares it to the last", "seconds", true,
     [](const cell&, const result& r) { return std::max(0.0, r.all - r.first); }},
    {"false_failures", "Healthy members declared failed while one is stalled", "events per hour, all observers", true,
     [](const cell& c, const result& r) { return per_hour(c, r); }},
    {"packets", "Packets while one is stalled", "per member and second", true,
     [](const cell&, const result& r) { return r.packets; }},
};

using results = std::vector<std::pair<cell, result>>;

bench::plot plot_of(const curve& of, const results& all) {
  bench::plot p{of.title, "members", of.y_label, of.log_y, {}};
  int color = 0;
  std::vector<double> losses;
  for (const auto& [c, r] : all) losses.push_back(c.loss);
  std::sort(losses.begin(), losses.end());
  losses.erase(std::unique(losses.begin(), losses.end()), losses.end());
  for (const double loss : losses) {
    for (const bool lifeguard : {true, false}) {
      char name[64];
      std::snprintf(name, sizeof name, "%g %% loss, %s", loss * 100, lifeguard ? "Lifeguard" : "plain");
      bench::plot_series s{name, color, !lifeguard, {}};
      for (const auto& [c, r] : all) {
        if (c.loss == loss && c.lifeguard == lifeguard) s.points.emplace_back(c.nodes, of.value(c, r));
      }
      p.series.push_back(std::move(s));
    }
    ++color;
  }
  return p;
}

std::vector<cell> cells_of(bool full) {
  std::vector<cell> cells;
  const auto add = [&cells](std::uint32_t nodes, double loss, duration window, int deaths) {
    for (const bool lifeguard : {true, false}) cells.push_back({nodes, loss, lifeguard, window, deaths});
  };
  if (!full) {
    for (const std::uint32_t nodes : {3U, 10U}) add(nodes, 0.05, 60s, 1);
    return cells;
  }
  struct size {
    std::uint32_t nodes;
    duration window;
    int deaths;
  };
  for (const auto& s : {size{3, 1h, 11}, size{10, 1h, 11}, size{50, 1h, 11}, size{100, 20min, 7}, size{500, 2min, 3},
                        size{1000, 1min, 1}}) {
    for (const double loss : {0.0, 0.01, 0.05, 0.25}) add(s.nodes, loss, s.window, s.deaths);
  }
  return cells;
}

/// What the goal asks for: fifty members, one stalled, a simulated day.
std::vector<cell> day_cells() {
  std::vector<cell> cells;
  for (const double loss : {0.0, 0.01}) {
    for (const bool lifeguard : {true, false}) cells.push_back({50, loss, lifeguard, 24h, 11});
  }
  return cells;
}

/// False when a file could not be written. After each cell, so that a run may be cut short.
bool write_all(const std::string& directory, const std::string& csv, const results& all) {
  const auto write = [&directory](const std::string& file, const std::string& text) {
    std::ofstream to(directory + "/" + file, std::ios::binary);
    to << text;
    to.close();
    if (!to) std::fprintf(stderr, "cannot write %s/%s\n", directory.c_str(), file.c_str());
    return !to.fail();
  };
  bool written = write("membership.csv", csv);
  for (const auto& of : curves) {
    written = write(std::string("membership_") + of.file + ".svg", bench::to_svg(plot_of(of, all))) && written;
  }
  return written;
}

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct planned {
  cell of;
  bool draw = true;
  std::promise<result> done{};
};

std::vector<planned> plan() {
  const bool full = std::getenv("TROUPE_BENCH_FULL") != nullptr;
  const auto members_max = number_from("TROUPE_BENCH_MEMBERS_MAX", 1000);
  const auto first = number_from("TROUPE_BENCH_FIRST", 0);
  std::vector<planned> cells;
  std::uint64_t number = 0;
  for (const auto& c : cells_of(full)) {
    if (number++ >= first && c.nodes <= members_max) cells.push_back({c});
  }
  for (const auto& c : full ? day_cells() : std::vector<cell>()) {
    if (number++ >= first) cells.push_back({c, false});
  }
  return cells;
}

/// Cells share nothing: each is a world of its own. Rows come in the order of the plan.
int run(const char* directory) {
  auto cells = plan();
  std::atomic<std::size_t> next{0};
  const auto work = [&cells, &next] {
    for (auto i = next++; i < cells.size(); i = next++) cells[i].done.set_value(experiment(cells[i].of).run());
  };
  std::vector<std::jthread> workers;
  const auto jobs = std::max<std::uint64_t>(1, number_from("TROUPE_BENCH_JOBS", std::thread::hardware_concurrency()));
  for (std::uint64_t i = 0; i < jobs; ++i) workers.emplace_back(work);

  std::string csv = csv_head;
  std::fputs(csv_head, stdout);
  results all;
  bool done = true;
  for (auto& c : cells) {
    const auto r = c.done.get_future().get();
    const auto row = csv_row(c.of, r);
    csv += row;
    std::fputs(row.c_str(), stdout);
    std::fflush(stdout);
    if (c.draw) all.emplace_back(c.of, r);
    done = (directory == nullptr || write_all(directory, csv, all)) && done;
  }
  for (const auto& of : curves) done = bench::to_svg(plot_of(of, all)).find("nan") == std::string::npos && done;
  return done ? 0 : 1;
}

}  // namespace
}  // namespace troupe::sim

int main(int argc, char** argv) { return troupe::sim::run(argc > 1 ? argv[1] : nullptr); }
