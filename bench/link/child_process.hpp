// A process with a pipe to its input and one from its output; its input ends, and it is waited for, with this object.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace troupe::bench {

class child_process {
 public:
  explicit child_process(const std::vector<std::string>& command) {
    int to_child[2];
    int from_child[2];
    if (::pipe2(to_child, O_CLOEXEC) != 0 || ::pipe2(from_child, O_CLOEXEC) != 0) std::exit(1);
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(to_child[0], STDIN_FILENO);
      ::dup2(from_child[1], STDOUT_FILENO);
      std::vector<char*> arguments;
      for (const auto& a : command) arguments.push_back(const_cast<char*>(a.c_str()));
      arguments.push_back(nullptr);
      ::execv(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(to_child[0]);
    ::close(from_child[1]);
    in_ = to_child[1];
    out_ = from_child[0];
  }
  ~child_process() {
    ::close(in_);
    ::waitpid(child_, nullptr, 0);
    ::close(out_);
  }
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  /// False when it does not read any more.
  bool write(const std::string& text) const {
    return ::write(in_, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  }
  /// Its next line without the end; empty, too, when there is none.
  [[nodiscard]] std::string read_line() const {
    std::string line;
    char byte = 0;
    while (::read(out_, &byte, 1) == 1 && byte != '\n') line += byte;
    return line;
  }

 private:
  pid_t child_ = 0;
  int in_ = -1;
  int out_ = -1;
};

}  // namespace troupe::bench
