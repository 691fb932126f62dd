#include "tests/process/program.hpp"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace troupe::test {

namespace {

using clock = std::chrono::steady_clock;

constexpr auto poll_pause = std::chrono::milliseconds(2);

std::vector<std::string> child_environment(const program::environment& extra) {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (std::strncmp(*entry, "TROUPE_", 7) != 0) variables.emplace_back(*entry);
  }
  for (const auto& [name, value] : extra) variables.push_back(name + "=" + value);
  return variables;
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

struct pipe_ends {
  int read = -1;
  int write = -1;
};

pipe_ends make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  return {ends[0], ends[1]};
}

}  // namespace

temporary_directory::temporary_directory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "troupe-process-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = pattern;
}

temporary_directory::~temporary_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string temporary_directory::write(const std::string& name, const std::string& text) const {
  const std::string path = path_ + "/" + name;
  std::ofstream(path) << text;
  return path;
}

program::program(const std::vector<std::string>& arguments, const environment& extra, const std::string& input) {
  start(TROUPE_PROGRAM, arguments, extra, input);
}

program::program(const std::string& path, const std::vector<std::string>& arguments, const environment& extra,
                 const std::string& input) {
  start(path, arguments, extra, input);
}

void program::start(const std::string& path, const std::vector<std::string>& arguments, const environment& extra,
                    const std::string& input) {
  std::vector<std::string> words{path};
  words.insert(words.end(), arguments.begin(), arguments.end());
  auto variables = child_environment(extra);
  const pipe_ends in = make_pipe();
  const pipe_ends out = make_pipe();
  const pipe_ends err = make_pipe();
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in.read, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out.write, 1);
  ::posix_spawn_file_actions_adddup2(&actions, err.write, 2);
  const int failed =
      ::posix_spawnp(&pid_, path.c_str(), &actions, nullptr, pointers_to(words).data(), pointers_to(variables).data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(in.read);
  ::close(out.write);
  ::close(err.write);
  if (failed != 0) throw std::runtime_error(path + ": " + std::strerror(failed));
  std::signal(SIGPIPE, SIG_IGN);
  if (!input.empty() && ::write(in.write, input.data(), input.size()) < 0) throw std::runtime_error("write");
  ::close(in.write);
  out_reader_ = std::thread([this, fd = out.read] { read_from(fd, out_); });
  err_reader_ = std::thread([this, fd = err.read] { read_from(fd, err_); });
}

void program::read_from(int descriptor, std::string& into) {
  char buffer[4096];
  for (;;) {
    const ssize_t n = ::read(descriptor, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    const std::lock_guard lock(mutex_);
    into.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(descriptor);
}

program::~program() {
  kill_at_once();
  join_readers();
}

void program::signal(int number) const {
  if (!reaped_) ::kill(pid_, number);
}

void program::kill_at_once() {
  signal(SIGKILL);
  wait_exit();
}

int program::wait_exit(duration deadline) {
  const auto end = clock::now() + deadline;
  while (!reaped_) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      reaped_ = true;
      exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    } else if (clock::now() >= end) {
      return -1;
    } else {
      ::poll(nullptr, 0, static_cast<int>(poll_pause.count()));
    }
  }
  return exit_code_;
}

bool program::wait_for(const std::string& text, duration deadline) {
  const auto end = clock::now() + deadline;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (out_.find(text) != std::string::npos || err_.find(text) != std::string::npos) return true;
    }
    if (clock::now() >= end) return false;
    ::poll(nullptr, 0, static_cast<int>(poll_pause.count()));
  }
}

std::string program::out() const {
  const std::lock_guard lock(mutex_);
  return out_;
}

std::string program::err() const {
  const std::lock_guard lock(mutex_);
  return err_;
}

void program::join_readers() {
  if (out_reader_.joinable()) out_reader_.join();
  if (err_reader_.joinable()) err_reader_.join();
}

namespace {

outcome run_to_end(const std::string& path, const std::vector<std::string>& arguments,
                   const program::environment& extra, const std::string& input) {
  program p(path, arguments, extra, input);
  const int exit_code = p.wait_exit();
  if (exit_code == -1) p.kill_at_once();
  p.join_readers();
  return {exit_code, p.out(), p.err()};
}

}  // namespace

outcome run(const std::vector<std::string>& arguments, const program::environment& extra, const std::string& input) {
  return run_to_end(TROUPE_PROGRAM, arguments, extra, input);
}

outcome run_tool(const std::string& path, const std::vector<std::string>& arguments, const std::string& input) {
  return run_to_end(path, arguments, {}, input);
}

single_node::single_node(const std::vector<std::string>& extra) : extra_(extra) { start(); }

void single_node::start() {
  std::vector<std::string> arguments{
      "node",   "--mode",      "single", "--name",      "solo",      "--data-dir", home.path() + "/data",
      "--http", "127.0.0.1:0", "--resp", "127.0.0.1:0", "--cluster", "127.0.0.1:0"};
  arguments.insert(arguments.end(), extra_.begin(), extra_.end());
  process = std::make_unique<program>(arguments);
  if (!process->wait_for("Try:")) throw std::runtime_error("the node did not start:\n" + process->err());
  const std::string printed = process->out();
  http = word_after(printed, "http://");
  resp = word_after(printed, "  resp ");
  cluster = word_after(printed, "  cluster ");
}

void single_node::crash_and_restart() {
  process->kill_at_once();
  start();
}

std::string word_after(const std::string& text, const std::string& label) {
  const auto at = text.find(label);
  if (at == std::string::npos) return {};
  const auto begin = text.find_first_not_of(' ', at + label.size());
  return text.substr(begin, text.find_first_of(" \n", begin) - begin);
}

}  // namespace troupe::test
