#include "gateways/resp/request_parser.hpp"

#include <cstring>
#include <optional>
#include <utility>

#include "gateways/resp/inline_words.hpp"
#include "runtime/base/integer_text.hpp"

namespace troupe::resp {

parse_result request_parser::parse(char* bytes, std::size_t count) {
  if (stage_ == stage::failed) return parse_result::error;
  if (stage_ == stage::start) {
    position_ = scanned_ = 0;
    words_.clear();
    if (count == 0) return parse_result::incomplete;
    stage_ = bytes[0] == '*' ? stage::count : stage::inline_line;
  }
  base_ = bytes;
  missing_ = 1;
  parse_result result = parse_result::incomplete;
  while (step(bytes, count, result)) {
  }
  return result;
}

// One step of the grammar; false when `result` is to be told.
bool request_parser::step(char* bytes, std::size_t count, parse_result& result) {
  switch (stage_) {
    case stage::count: return read_count(bytes, count, result);
    case stage::length: return read_length(bytes, count, result);
    case stage::bulk: return read_bulk(count, result);
    case stage::inline_line: return read_inline(bytes, count, result);
    case stage::start:
    case stage::failed: break;
  }
  return false;
}

// The line at position_, without its type byte, when its CR LF (of which only the CR is looked at, as
// in Redis) is there; moves position_ behind it. False: incomplete, or failed with `too_big`.
bool request_parser::find_line(const char* bytes, std::size_t count, std::string_view& line, const char* too_big) {
  if (scanned_ < position_) scanned_ = position_;
  const void* found = std::memchr(bytes + scanned_, '\r', count - scanned_);
  if (found == nullptr) {
    scanned_ = count;
    if (count - position_ > limits_.line_max) fail_with(too_big);
    return false;
  }
  const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - bytes);
  scanned_ = end;
  if (end - position_ > limits_.line_max) {  // said whether or not the end has come: cuts change nothing
    fail_with(too_big);
    return false;
  }
  if (end + 1 >= count) return false;
  line = {bytes + position_ + 1, end - position_ - 1};
  position_ = end + 2;
  return true;
}

bool request_parser::read_count(const char* bytes, std::size_t count, parse_result& result) {
  std::string_view line;
  if (!find_line(bytes, count, line, "Protocol error: too big mbulk count string")) {
    if (stage_ == stage::failed) result = parse_result::error;
    return false;
  }
  const auto words = read_integer_text(line);
  if (!words || *words > limits_.words_max) {
    result = fail_with("Protocol error: invalid multibulk length");
    return false;
  }
  if (*words <= 0) {
    result = finish();
    return false;
  }
  words_left_ = *words;
  stage_ = stage::length;
  return true;
}

bool request_parser::read_length(const char* bytes, std::size_t count, parse_result& result) {
  if (position_ == count) return false;
  if (bytes[position_] != '$') {
    const char got = bytes[position_];
    result = fail_with(std::string("Protocol error: expected '$', got '") +
                       (got == '\r' || got == '\n' || got == '\0' ? ' ' : got) + "'");
    return false;
  }
  std::string_view line;
  if (!find_line(bytes, count, line, "Protocol error: too big bulk count string")) {
    if (stage_ == stage::failed) result = parse_result::error;
    return false;
  }
  const auto length = read_integer_text(line);
  if (!length || *length < 0 || static_cast<std::uint64_t>(*length) > limits_.bulk_max) {
    result = fail_with("Protocol error: invalid bulk length");
    return false;
  }
  bulk_ = static_cast<std::size_t>(*length);
  stage_ = stage::bulk;
  return true;
}

bool request_parser::read_bulk(std::size_t count, parse_result& result) {
  const std::size_t needed = bulk_ + 2;
  if (count - position_ < needed) {
    missing_ = needed - (count - position_);
    return false;
  }
  words_.push_back({position_, bulk_});
  position_ += needed;
  if (--words_left_ == 0) {
    result = finish();
    return false;
  }
  stage_ = stage::length;
  return true;
}

bool request_parser::read_inline(char* bytes, std::size_t count, parse_result& result) {
  const void* found = std::memchr(bytes + scanned_, '\n', count - scanned_);
  if (found == nullptr) {
    scanned_ = count;
    if (count > limits_.line_max) result = fail_with("Protocol error: too big inline request");
    return false;
  }
  auto length = static_cast<std::size_t>(static_cast<const char*>(found) - bytes);
  position_ = length + 1;
  if (length > limits_.line_max) {
    result = fail_with("Protocol error: too big inline request");
    return false;
  }
  if (length != 0 && bytes[length - 1] == '\r') --length;
  result = split_inline(bytes, length, words_) ? finish() : fail_with("Protocol error: unbalanced quotes in request");
  return false;
}

parse_result request_parser::fail_with(std::string text) {
  stage_ = stage::failed;
  message_ = std::move(text);
  return parse_result::error;
}

parse_result request_parser::finish() noexcept {
  stage_ = stage::start;
  missing_ = 1;
  return parse_result::command;
}

}  // namespace troupe::resp
