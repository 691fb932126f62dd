#include "tests/db/postgres_cluster.hpp"

#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <unistd.h>

#include "tests/process/free_port.hpp"

namespace troupe::test {

std::string postgres_node::tool(const std::string& name) { return "/usr/lib/postgresql/15/bin/" + name; }
bool postgres_node::is_installed() { return ::access(tool("postgres").c_str(), X_OK) == 0; }

std::unique_ptr<postgres_node> postgres_node::make() {
  return is_installed() ? std::make_unique<postgres_node>() : nullptr;
}

postgres_node::postgres_node(empty) : port_(free_port()) {
  if (::geteuid() == 0) (void)run_tool("chown", {"postgres", home_.path()});
}

postgres_node::postgres_node() : postgres_node(empty{}) {
  must({tool("initdb"), "-D", data(), "-A", "trust", "-U", "troupe", "--no-sync", "-E", "UTF8", "--locale=C"});
}

postgres_node::~postgres_node() {
  if (process_) kill();
}

// setpriv executes the server itself, so that a signal reaches it.
std::vector<std::string> postgres_node::as_server_user(std::vector<std::string> words) const {
  if (::geteuid() != 0) return words;
  std::vector<std::string> all{"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

void postgres_node::must(const std::vector<std::string>& words) const {
  auto all = as_server_user(words);
  const auto first = all.front();
  all.erase(all.begin());
  program tool_run(first, all, program::environment{}, "");
  constexpr auto most = std::chrono::minutes(2);  // initdb on a busy machine
  const int code = tool_run.wait_exit(most);
  if (code != 0) throw std::runtime_error(words[0] + " ended with " + std::to_string(code) + ": " + tool_run.err());
}

void postgres_node::start(const std::vector<std::string>& settings) {
  if (!settings.empty()) settings_ = settings;
  std::vector<std::string> words{tool("postgres"),
                                 "-D",
                                 data(),
                                 "-p",
                                 std::to_string(port_),
                                 "-c",
                                 "listen_addresses=127.0.0.1",
                                 "-c",
                                 "unix_socket_directories=" + home_.path()};
  for (const auto& s : settings_) words.insert(words.end(), {"-c", s});
  words = as_server_user(words);
  const auto first = words.front();
  words.erase(words.begin());
  const auto end = std::chrono::steady_clock::now() + 2 * patience;
  for (;;) {  // after kill -9 its children need a moment to see that it is gone
    process_ = std::make_unique<program>(first, words, program::environment{}, "");
    bool ready = false;
    do ready = process_->wait_for("ready to accept", std::chrono::seconds(1));
    while (!ready && process_->wait_exit(duration::zero()) == -1 && std::chrono::steady_clock::now() < end);
    if (ready) return;
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error("postgres: " + process_->err());
  }
}

// With its children, as a machine that loses its power: one that waits for a lock of a process that is gone would wait
// for ever.
void postgres_node::kill() {
  if (!process_) return;
  const auto all = children();
  process_->signal(SIGKILL);
  for (const int pid : all) ::kill(pid, SIGKILL);
  process_.reset();
}

std::vector<int> postgres_node::children() const {
  std::istringstream pids(run_tool("pgrep", {"-P", std::to_string(process_->pid())}).out);
  std::vector<int> all;
  for (int pid = 0; pids >> pid;) all.push_back(pid);
  return all;
}

void postgres_node::restart() {
  process_->signal(SIGINT);
  if (process_->wait_exit() == -1) throw std::runtime_error("postgres does not stop");
  start();
}

void postgres_node::stand_still(bool still) {
  // All of it: the children answer, not the postmaster.
  process_->signal(still ? SIGSTOP : SIGCONT);
  for (const int pid : children()) ::kill(pid, still ? SIGSTOP : SIGCONT);
}

std::unique_ptr<postgres_node> postgres_node::make_standby() {
  std::unique_ptr<postgres_node> standby(new postgres_node(empty{}));
  standby->must({tool("pg_basebackup"), "-D", standby->data(), "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d",
                 dsn() + " application_name=standby"});
  return standby;
}

void postgres_node::promote() { must({tool("pg_ctl"), "promote", "-D", data(), "-t", "20"}); }

std::string postgres_node::sql(const std::string& text) const {
  const auto done = run_tool(tool("psql"), {dsn(), "-X", "-A", "-t", "-c", text});
  if (done.exit_code != 0) throw std::runtime_error("psql: " + done.err);
  auto out = done.out;
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
  return out;
}

void postgres_node::demand_password(const std::string& password) {
  (void)sql("alter user troupe password '" + password + "'");
  std::ofstream(data() + "/pg_hba.conf") << "host all all 127.0.0.1/32 scram-sha-256\n";
  restart();
}

void postgres_node::let_in_only(const std::string& user) {
  std::ofstream(data() + "/pg_hba.conf") << "host all " << user << " 127.0.0.1/32 trust\n";
  restart();
}

std::string postgres_node::dsn() const {
  return "hostaddr=127.0.0.1 port=" + std::to_string(port_) + " user=troupe dbname=postgres";
}

}  // namespace troupe::test
