// The commands that took longest to execute: the last few of them, with the words they came with (shortened as Redis
// does). What is measured is the time this node's thread spent, not what a reply waited for elsewhere.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "gateways/resp/arguments.hpp"

namespace troupe::resp {

struct slow_command {
  std::int64_t id = 0;
  std::int64_t at = 0;  // seconds since 1970
  std::int64_t microseconds = 0;
  std::vector<std::string> words;
  std::string address;
  std::string client;
};

class slow_log {
 public:
  static constexpr std::size_t words_max = 32;  // kept of a command, the last one saying how many more there were
  static constexpr std::size_t word_max = 128;  // bytes kept of a word

  /// Words as they are kept.
  [[nodiscard]] static std::vector<std::string> shorten(const arguments& words);

  /// Gives the entry its number; drops the oldest beyond `length_max`.
  void add(slow_command entry, std::size_t length_max);
  /// The newest first, at most `count`.
  [[nodiscard]] std::vector<slow_command> newest(std::size_t count) const;
  [[nodiscard]] std::size_t size() const;
  void clear();
  void cut(std::size_t length_max);

 private:
  mutable std::mutex mutex_;
  std::deque<slow_command> entries_;  // the newest first
  std::int64_t next_id_ = 0;
};

}  // namespace troupe::resp
