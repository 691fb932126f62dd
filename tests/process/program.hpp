// The real program as a child process: started on port 0 with a temporary data directory, watched
// through what it prints, ended by signals. Only processes started here are ever signalled.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

#include <troupe/time.hpp>

namespace troupe::test {

constexpr duration patience = std::chrono::seconds(20);  // a deadline, never a measure

class temporary_directory {
 public:
  temporary_directory();
  ~temporary_directory();
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string write(const std::string& name, const std::string& text) const;

 private:
  std::string path_;
};

class program {
 public:
  using environment = std::map<std::string, std::string>;

  /// Starts build/troupe with `arguments`; variables beginning with TROUPE_ are not inherited.
  explicit program(const std::vector<std::string>& arguments, const environment& extra = {},
                   const std::string& input = {});
  /// Another program, e.g. redis-cli.
  program(const std::string& path, const std::vector<std::string>& arguments, const environment& extra,
          const std::string& input);
  ~program();  // kills it when it still runs

  program(const program&) = delete;
  program& operator=(const program&) = delete;

  void signal(int number) const;
  void kill_at_once();

  /// The exit code, 128 + number for a signal, or -1 when the deadline passed.
  int wait_exit(duration deadline = patience);

  /// Waits until standard output or standard error holds `text`.
  [[nodiscard]] bool wait_for(const std::string& text, duration deadline = patience);

  [[nodiscard]] std::string out() const;  // standard output so far
  [[nodiscard]] std::string err() const;
  void join_readers();  // after wait_exit: everything printed is in out() and err()
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

 private:
  void start(const std::string& path, const std::vector<std::string>& arguments, const environment& extra,
             const std::string& input);
  void read_from(int descriptor, std::string& into);

  pid_t pid_ = -1;
  bool reaped_ = false;
  int exit_code_ = -1;
  mutable std::mutex mutex_;
  std::string out_;
  std::string err_;
  std::thread out_reader_;
  std::thread err_reader_;
};

struct outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};

/// Runs build/troupe to its end.
[[nodiscard]] outcome run(const std::vector<std::string>& arguments, const program::environment& extra = {},
                          const std::string& input = {});

/// Runs another program to its end.
[[nodiscard]] outcome run_tool(const std::string& path, const std::vector<std::string>& arguments,
                               const std::string& input = {});

/// A node of mode `single` on free ports, ready.
class single_node {
 public:
  explicit single_node(const std::vector<std::string>& extra = {});

  [[nodiscard]] std::string url() const { return "http://" + http; }
  /// kill -9 and start again on the same data directory and, again, free ports.
  void crash_and_restart();
  void start();

  temporary_directory home;
  std::string http;
  std::string resp;
  std::string cluster;
  std::unique_ptr<program> process;

 private:
  std::vector<std::string> extra_;
};

/// The word after `label` in `text`, e.g. the address after "resp ".
[[nodiscard]] std::string word_after(const std::string& text, const std::string& label);

}  // namespace troupe::test
