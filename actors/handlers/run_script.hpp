// Runs a program as a child: input on its standard input, the head of its standard output taken. Blocks: for
// a thread of the handler pool only.
//
// The child leads a process group of its own and inherits no descriptor but those three; standard error goes
// nowhere. At the deadline, at too much output, or when the node stops, the whole group is killed; so is what
// the script left running behind itself.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

namespace troupe {

struct script {
  static constexpr std::size_t input_bytes_max = 32 * 1024;     // fits the pipe, so writing never blocks
  static constexpr std::size_t output_bytes_max = 1024 * 1024;  // more kills it

  std::string path;  // run as it is, without a shell
  std::string input;
  std::vector<std::pair<std::string, std::string>> environment;  // beside this process's, less its TROUPE_*
  duration timeout = std::chrono::seconds(30);
  std::size_t output_kept_max = 1024;
};

struct script_end {
  int exit_code = 0;  // 128 + number for a signal
  bool timed_out = false;
  bool printed_too_much = false;
  bool stopped = false;  // with the node
  bool output_cut = false;
  std::string output;
};

/// errc::not_found when it is not there or cannot be run, errc::unavailable when no process can be made.
[[nodiscard]] expected<script_end> run_script(const script& s, const std::atomic<bool>& stopping);

}  // namespace troupe
