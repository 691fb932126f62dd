// Takes commands off a receive buffer (RESP arrays of bulk strings, or inline text), without I/O and
// without copying: the words are views into the buffer. An incomplete command is resumed where its
// bytes ended, so a large value arriving in small reads costs linear time.
//
// Nothing is allocated for what a length only claims: memory follows the bytes that came.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateways/resp/arguments.hpp"

namespace troupe::resp {

struct parser_limits {
  std::uint64_t bulk_max = 512ULL * 1024 * 1024;  // one word of a command
  std::int64_t words_max = 1024 * 1024;           // words of a command
  std::size_t line_max = 64 * 1024;               // an inline command, or the digits of a length
};

enum class parse_result : std::uint8_t {
  incomplete,  // more bytes are needed
  command,     // words() and size() describe it; no word at all is an empty line, to be skipped
  error,       // message(): to be told to the client, whose connection then ends
};

class request_parser {
 public:
  explicit request_parser(const parser_limits& limits) : limits_(limits) {}

  /// From the next word on.
  void set_bulk_max(std::uint64_t bytes) noexcept { limits_.bulk_max = bytes; }

  /// Reads the first command of `bytes`. After `incomplete` it must be called again with the same
  /// bytes (they may have moved) and more after them; after `command` with what follows size() bytes.
  /// Quoted words of an inline command are unescaped in place.
  [[nodiscard]] parse_result parse(char* bytes, std::size_t count);

  /// The words of the last command; valid while the buffer is unchanged and parse() is not called.
  [[nodiscard]] arguments words() const noexcept { return {base_, words_}; }
  /// Bytes that the last command took.
  [[nodiscard]] std::size_t size() const noexcept { return position_; }
  /// What is wrong, in Redis' words: "Protocol error: invalid bulk length".
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  /// How many bytes are missing at least; a hint for the size of the next read, never a promise.
  [[nodiscard]] std::size_t missing() const noexcept { return missing_; }

 private:
  enum class stage : std::uint8_t { start, count, length, bulk, inline_line, failed };

  [[nodiscard]] bool step(char* bytes, std::size_t count, parse_result& result);
  [[nodiscard]] bool find_line(const char* bytes, std::size_t count, std::string_view& line, const char* too_big);
  [[nodiscard]] bool read_count(const char* bytes, std::size_t count, parse_result& result);
  [[nodiscard]] bool read_length(const char* bytes, std::size_t count, parse_result& result);
  [[nodiscard]] bool read_bulk(std::size_t count, parse_result& result);
  [[nodiscard]] bool read_inline(char* bytes, std::size_t count, parse_result& result);
  parse_result fail_with(std::string text);
  parse_result finish() noexcept;

  parser_limits limits_;
  stage stage_ = stage::start;
  const char* base_ = nullptr;
  std::size_t position_ = 0;     // all before it is understood
  std::size_t scanned_ = 0;      // no end of line between position_ and here
  std::int64_t words_left_ = 0;  // of the array
  std::size_t bulk_ = 0;         // length of the word that comes
  std::size_t missing_ = 0;
  std::vector<slice> words_;
  std::string message_;
};

}  // namespace troupe::resp
