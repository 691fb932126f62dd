#include "tests/process/process_cluster.hpp"

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace troupe::test {

node_program::node_program(std::string n, const words& extra, program::environment environment)
    : name(std::move(n)),
      http("127.0.0.1:0"),
      cluster("127.0.0.1:0"),
      extra_(extra),
      environment_(std::move(environment)) {
  start();
}

void node_program::start() {
  words all{
      "node", "--name",    name,    "--services", "http,cache",          "--data-dir", home_.path() + "/data", "--http",
      http,   "--cluster", cluster, "--set",      "gossip.profile=fast", "--set",      "election.lease=2s"};
  all.insert(all.end(), extra_.begin(), extra_.end());
  process = std::make_unique<program>(all, environment_);
  if (!process->wait_for("Try:")) throw std::runtime_error("the node did not start:\n" + process->err());
  const std::string printed = process->out();
  http = word_after(printed, "http://");
  cluster = word_after(printed, "  cluster ");
}

void node_program::restart() {
  process->kill_at_once();
  start();
}

int node_program::get_status(const std::string& path) const {
  const auto answer = http_call("http://" + http, "GET", path, {}, {}, patience);
  return answer ? answer->status : 0;
}

nlohmann::json node_program::get(const std::string& path) const {
  const auto answer = http_call("http://" + http, "GET", path, {}, {}, patience);
  return answer ? nlohmann::json::parse(answer->body, nullptr, false) : nlohmann::json();
}

std::pair<std::string, std::string> node_program::sees(const std::string& member) const {
  for (const auto& m : get("/v1/cluster/members")) {
    if (m["name"] == member) return {m["id"], m["state"]};
  }
  return {};
}

double node_program::metric(const std::string& metric) const {
  const auto answer = http_call("http://" + http, "GET", "/metrics", {}, {}, patience);
  const auto at = answer ? answer->body.find("\n" + metric + " ") : std::string::npos;
  return at == std::string::npos ? 0 : std::atof(answer->body.c_str() + at + metric.size() + 2);
}

long node_program::resident_kib() const {
  std::ifstream status("/proc/" + std::to_string(process->pid()) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::atol(line.c_str() + 6);
  }
  return -1;
}

process_cluster::process_cluster(std::size_t nodes, const node_program::words& extra,
                                 const std::vector<program::environment>& environments) {
  for (std::size_t i = 0; i < nodes; ++i) {
    auto words = i == 0 ? node_program::words{} : node_program::words{"--seeds", nodes_[0]->cluster};
    words.insert(words.end(), {"--set", "cluster.expected_members=" + std::to_string(nodes)});
    words.insert(words.end(), extra.begin(), extra.end());
    nodes_.push_back(std::make_unique<node_program>(
        "n" + std::to_string(i + 1), words, i < environments.size() ? environments[i] : program::environment{}));
  }
  if (!eventually([this] { return all_alive(); })) throw std::runtime_error("no cluster: " + nodes_[0]->reasons());
  term_ = nodes_[0]->get("/v1/cluster")["term"];
}

bool process_cluster::all_alive() {
  for (const auto& node : nodes_) {
    if (!node->ready()) return false;
    for (const auto& other : nodes_) {
      if (node->sees(other->name).second != "alive") return false;
    }
  }
  return true;
}

bool process_cluster::undisturbed() {
  return eventually([this] { return all_alive(); }) && nodes_[0]->get("/v1/cluster")["term"] == term_;
}

node_program::words process_cluster::joining() const {
  return {"--seeds", nodes_[0]->cluster, "--set", "cluster.expected_members=" + std::to_string(nodes_.size())};
}

}  // namespace troupe::test
