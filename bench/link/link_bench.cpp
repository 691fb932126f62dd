// Remote messages side by side, in one run: raw Asio, CAF's own remote actors, Erlang's, troupe's. Each server
// is a process of its own (this program again, with --serve); 100-byte payloads over loopback.
//
//   link_bench                        the real size, three rounds, medians
//   link_bench --only TEXT,TEXT       of the contenders whose names hold one of them
//   link_bench --benchmark_min_time=  the small size that runs with the tests
//
// The last column, processor time of both processes for each request, is the one to read when other
// work shares the machine.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

#include "bench/link/child_process.hpp"
#include "bench/link/sides.hpp"

namespace troupe::bench {
namespace {

struct contender {
  const char* name;
  const char* serve;
  std::unique_ptr<client> (*ask)(const std::string& where);
};

constexpr contender contenders[] = {
    {"raw Asio echo", "raw", ask_raw},
    {"CAF remote actors, defaults", "basp", [](const std::string& w) { return ask_basp(w, false); }},
    {"CAF remote actors, sharing", "basp-tuned", [](const std::string& w) { return ask_basp(w, true); }},
    {"Erlang", "erlang", ask_erlang},
    {"troupe actors", "troupe", ask_troupe_actor},
    {"troupe link requests", "troupe", ask_troupe_request},
};

struct sizes {
  int alone;     // requests, 1 in flight
  int windowed;  // requests, 256 in flight
  int one_way;
  int rounds;
};

constexpr int window = 256;

int serve(const std::string& kind) {
  const auto ready = [](const std::string& where) {
    std::printf("%s\n", where.c_str());
    std::fflush(stdout);
  };
  const auto ended = [] {
    char byte = 0;
    while (::read(STDIN_FILENO, &byte, 1) > 0) {
    }
  };
  if (kind == "raw") serve_raw()(ready, ended);
  if (kind == "basp") serve_basp(false)(ready, ended);
  if (kind == "basp-tuned") serve_basp(true)(ready, ended);
  if (kind == "erlang") serve_erlang()(ready, ended);
  if (kind == "troupe") serve_troupe()(ready, ended);
  return 0;
}

/// The server process of one contender; ends with this object.
class server_process {
 public:
  explicit server_process(const char* kind) : process_({"/proc/self/exe", "--serve", kind}) {}
  [[nodiscard]] const std::string& where() const noexcept { return where_; }

 private:
  child_process process_;
  std::string where_ = process_.read_line();
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

/// Of this process and of the children that have ended.
double cpu_seconds() {
  double seconds = 0;
  for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage used{};
    ::getrusage(who, &used);
    for (const auto& t : {used.ru_utime, used.ru_stime})
      seconds += static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  }
  return seconds;
}

struct result {
  std::vector<double> round_trip_us;
  std::vector<double> windowed_rate;
  std::vector<double> one_way_rate;
  std::vector<double> cpu_us;
};

void measure(const contender& c, const sizes& s, result& r) {
  {
    const server_process process(c.serve);
    const auto asker = c.ask(process.where());
    (void)asker->requests(s.alone / 10 + 1, 1);  // connects and warms up
    r.round_trip_us.push_back(asker->requests(s.alone, 1) / s.alone * 1e6);
    if (const auto seconds = asker->one_way(s.one_way); seconds > 0) r.one_way_rate.push_back(s.one_way / seconds);
  }
  const auto cpu_before = cpu_seconds();
  {
    const server_process process(c.serve);
    const auto asker = c.ask(process.where());
    r.windowed_rate.push_back(s.windowed / asker->requests(s.windowed, window));
  }
  r.cpu_us.push_back((cpu_seconds() - cpu_before) / s.windowed * 1e6);
}

/// Whether one of the parts of a name, divided by commas, is in this one; "" is in all.
bool names(const std::string& parts, const std::string& name) {
  std::istringstream in(parts + ",");
  for (std::string part; std::getline(in, part, ',');) {
    if (name.find(part) != std::string::npos) return true;
  }
  return false;
}

/// The rows that bench/README.md asks for.
void compare_with_erlang(const result& troupe, const result& erlang) {
  std::printf(
      "troupe actors beside Erlang: round trip %.2f of its time, 256 in flight %.2f times, one-way %.2f times\n",
      median(troupe.round_trip_us) / median(erlang.round_trip_us),
      median(troupe.windowed_rate) / median(erlang.windowed_rate),
      median(troupe.one_way_rate) / median(erlang.one_way_rate));
}

int run(const sizes& s, const std::string& only) {
  std::array<result, std::size(contenders)> results;
  const bool erlang = has_erlang();
  if (!erlang) std::printf("Erlang is not installed (erlang-base): not compared\n");
  const auto wanted = [&](const contender& c) { return names(only, c.name) && (erlang || c.ask != ask_erlang); };
  for (int round = 0; round < s.rounds; ++round) {
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (wanted(contenders[i])) measure(contenders[i], s, results[i]);
    }
  }
  const auto caf = median(results[1].windowed_rate);
  const auto caf_tuned = median(results[2].windowed_rate);
  const auto other = median(results[3].windowed_rate);
  std::printf("%-30s %14s %18s %12s %8s %12s %9s %14s\n", "100-byte payloads", "round trip us", "256 in flight /s",
              "one-way /s", "x CAF", "x CAF shar.", "x Erlang", "CPU us/request");
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!wanted(contenders[i])) continue;
    const auto& r = results[i];
    const auto rate = median(r.windowed_rate);
    std::printf("%-30s %14.1f %18.0f %12.0f %8.2f %12.2f %9.2f %14.2f\n", contenders[i].name, median(r.round_trip_us),
                rate, median(r.one_way_rate), rate / caf, rate / caf_tuned, rate / other, median(r.cpu_us));
  }
  if (wanted(contenders[3]) && wanted(contenders[4])) compare_with_erlang(results[4], results[3]);
  return 0;
}

}  // namespace
}  // namespace troupe::bench

int main(int argc, char** argv) {
  using namespace troupe::bench;
  if (argc == 3 && std::strcmp(argv[1], "--serve") == 0) return serve(argv[2]);
  const sizes real{.alone = 20000, .windowed = 300000, .one_way = 300000, .rounds = 3};
  const sizes small{.alone = 100, .windowed = 2000, .one_way = 2000, .rounds = 1};
  if (argc == 3 && std::strcmp(argv[1], "--only") == 0) return run(real, argv[2]);
  return run(argc > 1 ? small : real, "");
}
