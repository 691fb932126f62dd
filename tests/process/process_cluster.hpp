// Several real programs that make one cluster, profile `fast`, on free ports of loopback. The lease is long, so
// that a busy machine unseats no leader.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "gateways/http/client.hpp"
#include "tests/process/program.hpp"

namespace troupe::test {

/// Asks again and again, for at most `patience`.
template <class Holds>
[[nodiscard]] bool eventually(Holds holds) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

/// One program; it starts when it is made. Its data directory stays until it goes.
class node_program {
 public:
  using words = std::vector<std::string>;

  node_program(std::string name, const words& extra, program::environment environment = {});

  void start();
  /// kill -9 and start again on the same addresses and data directory.
  void restart();

  [[nodiscard]] int get_status(const std::string& path) const;
  [[nodiscard]] nlohmann::json get(const std::string& path) const;
  [[nodiscard]] bool ready() const { return get_status("/readyz") == 200; }
  [[nodiscard]] std::string reasons() const { return get("/readyz").dump(); }
  /// The incarnation id and the state of `member` as seen here; empty when it is not known.
  [[nodiscard]] std::pair<std::string, std::string> sees(const std::string& member) const;
  /// A counter without labels from /metrics; 0 when it is not there.
  [[nodiscard]] double metric(const std::string& metric) const;
  [[nodiscard]] bool logged(const std::string& text) const { return process->err().find(text) != std::string::npos; }
  [[nodiscard]] long resident_kib() const;

  const std::string name;
  std::unique_ptr<program> process;
  std::string http;     // host:port
  std::string cluster;  // host:port

 private:
  temporary_directory home_;
  words extra_;
  program::environment environment_;
};

class process_cluster {
 public:
  /// Waits until all are ready.
  explicit process_cluster(std::size_t nodes, const node_program::words& extra = {},
                           const std::vector<program::environment>& environments = {});

  [[nodiscard]] node_program& at(std::size_t i) { return *nodes_.at(i); }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  /// All are alive and ready, or soon again, and no term was begun since the start.
  [[nodiscard]] bool undisturbed();
  [[nodiscard]] bool all_alive();
  /// Flags that let another node join.
  [[nodiscard]] node_program::words joining() const;

 private:
  std::vector<std::unique_ptr<node_program>> nodes_;
  std::uint64_t term_ = 0;
};

}  // namespace troupe::test
