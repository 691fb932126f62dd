#include "gateways/resp/request_parser.hpp"

#include <gtest/gtest.h>

#include "gateways/resp/byte_buffer.hpp"
#include "runtime/base/random.hpp"

namespace troupe::resp {
namespace {

using word_list = std::vector<std::string>;

// All commands of a stream, and the message that ended it; the stream arrives in pieces of `piece`.
struct outcome {
  std::vector<word_list> commands;
  std::string message;

  bool operator==(const outcome&) const = default;
};

class stream {
 public:
  explicit stream(parser_limits limits = {}) : parser_(limits) {}

  void receive(std::string_view bytes) {
    buffer_.append(bytes);
    while (seen.message.empty()) {
      const auto result = parser_.parse(buffer_.data(), buffer_.size());
      if (result == parse_result::incomplete) return;
      if (result == parse_result::error) {
        seen.message = parser_.message();
        return;
      }
      word_list words;
      for (std::size_t i = 0; i < parser_.words().size(); ++i) words.emplace_back(parser_.words()[i]);
      seen.commands.push_back(std::move(words));
      buffer_.consume(parser_.size());
    }
  }

  outcome seen;
  [[nodiscard]] std::size_t capacity() const { return buffer_.capacity(); }
  [[nodiscard]] std::size_t missing() const { return parser_.missing(); }

 private:
  request_parser parser_;
  byte_buffer buffer_;
};

outcome parse_all(std::string_view bytes, std::size_t piece, parser_limits limits = {}) {
  stream s(limits);
  for (std::size_t at = 0; at < bytes.size(); at += piece) s.receive(bytes.substr(at, piece));
  return s.seen;
}

struct table_row {
  std::string_view bytes;
  outcome expected;
};

const table_row table[] = {
    {"*1\r\n$4\r\nPING\r\n", {{{"PING"}}, ""}},
    {"*2\r\n$3\r\nGET\r\n$0\r\n\r\n", {{{"GET", ""}}, ""}},
    {"*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n*1\r\n$4\r\nQUIT\r\n", {{{"GET", "a\r\nb"}, {"QUIT"}}, ""}},
    {"*0\r\n*-1\r\nPING\r\n", {{{}, {}, {"PING"}}, ""}},
    {"\r\n\nPING\n", {{{}, {}, {"PING"}}, ""}},
    {"  set  key\tvalue \r\n", {{{"set", "key", "value"}}, ""}},
    {"set k \"a b\\n\\x41\\\"\" 'it\\'s'\r\n", {{{"set", "k", "a b\nA\"", "it's"}}, ""}},
    {"set k \"\" ''\r\n", {{{"set", "k", "", ""}}, ""}},
    {"set k \"\\xzz\\q\"\n", {{{"set", "k", "xzzq"}}, ""}},
    {std::string_view("get a\0b\r\n", 9), {{{"get", std::string("a\0b", 3)}}, ""}},
    {"set k \"open\r\n", {{}, "Protocol error: unbalanced quotes in request"}},
    {"set k 'open\r\n", {{}, "Protocol error: unbalanced quotes in request"}},
    {"set k \"a\"b\r\n", {{}, "Protocol error: unbalanced quotes in request"}},
    {"*abc\r\n", {{}, "Protocol error: invalid multibulk length"}},
    {"*\r\n", {{}, "Protocol error: invalid multibulk length"}},
    {"*01\r\n", {{}, "Protocol error: invalid multibulk length"}},
    {"*1048577\r\n", {{}, "Protocol error: invalid multibulk length"}},
    {"*99999999999999999999\r\n", {{}, "Protocol error: invalid multibulk length"}},
    {"*1\r\nPING\r\n", {{}, "Protocol error: expected '$', got 'P'"}},
    {"*1\r\n\r\n", {{}, "Protocol error: expected '$', got ' '"}},
    {"*1\r\n$-1\r\n", {{}, "Protocol error: invalid bulk length"}},
    {"*1\r\n$x\r\n", {{}, "Protocol error: invalid bulk length"}},
    {"*1\r\n$+4\r\nPING\r\n", {{}, "Protocol error: invalid bulk length"}},
    {"*1\r\n$536870913\r\n", {{}, "Protocol error: invalid bulk length"}},
    {"*1\r\n$4294967296\r\n", {{}, "Protocol error: invalid bulk length"}},
    {"PING\r\n*2\r\n$4\r\nECHO\r\n$bad\r\nPING\r\n", {{{"PING"}}, "Protocol error: invalid bulk length"}},
};

TEST(request_parser, reads_the_same_however_the_stream_is_cut) {
  for (const auto& row : table) {
    for (std::size_t piece = 1; piece <= row.bytes.size(); ++piece) {
      const auto seen = parse_all(row.bytes, piece);
      EXPECT_EQ(seen.commands, row.expected.commands) << row.bytes << " in pieces of " << piece;
      EXPECT_EQ(seen.message, row.expected.message) << row.bytes << " in pieces of " << piece;
    }
  }
}

TEST(request_parser, gives_no_command_for_a_prefix_of_it) {
  const std::string whole = "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n";
  for (std::size_t count = 0; count < whole.size(); ++count) {
    EXPECT_EQ(parse_all(whole.substr(0, count), whole.size()), outcome{}) << count;
  }
}

TEST(request_parser, limits_inline_commands_and_length_lines_at_any_cut) {
  parser_limits limits;
  limits.line_max = 32;
  const struct {
    std::string bytes;
    std::string_view message;
  } rows[] = {
      {std::string(33, 'a') + "\r\n", "Protocol error: too big inline request"},
      {std::string(200, 'a'), "Protocol error: too big inline request"},
      {"*" + std::string(33, '1') + "\r\n", "Protocol error: too big mbulk count string"},
      {"*1\r\n$" + std::string(33, '1') + "\r\n", "Protocol error: too big bulk count string"},
  };
  for (const auto& row : rows) {
    for (const std::size_t piece : {1, 7, 1000}) {
      EXPECT_EQ(parse_all(row.bytes, piece, limits).message, row.message) << row.bytes << piece;
    }
  }
  EXPECT_EQ(parse_all(std::string(31, 'a') + "\n", 5, limits).commands.size(), 1u);
}

TEST(request_parser, takes_no_memory_for_what_a_length_claims) {
  parser_limits limits;
  limits.bulk_max = std::uint64_t{8} << 30;
  stream s(limits);
  s.receive("*1048576\r\n$4294967296\r\nabc");
  EXPECT_TRUE(s.seen.message.empty());
  EXPECT_LE(s.capacity(), byte_buffer::capacity_kept_max);
  EXPECT_EQ(s.missing(), (std::size_t{4} << 30) + 2 - 3);
}

// 64 MiB in pieces of 1 KiB would take minutes if each piece were looked at from the start.
TEST(request_parser, reads_a_large_value_in_linear_time) {
  const std::size_t size = 64 * 1024 * 1024;
  const std::string piece(1024, '\r');
  stream s;
  s.receive("*2\r\n$4\r\nECHO\r\n$" + std::to_string(size) + "\r\n");
  for (std::size_t sent = 0; sent < size; sent += piece.size()) s.receive(piece);
  EXPECT_TRUE(s.seen.commands.empty());
  s.receive("\r\n");
  ASSERT_EQ(s.seen.commands.size(), 1u);
  EXPECT_EQ(s.seen.commands[0][1].size(), size);
}

TEST(request_parser, reads_the_most_words_that_a_command_may_have) {
  const std::size_t count = 1024 * 1024;
  std::string bytes = "*" + std::to_string(count) + "\r\n";
  for (std::size_t i = 0; i < count; ++i) bytes += "$1\r\nx\r\n";
  const auto seen = parse_all(bytes, 16 * 1024);
  ASSERT_EQ(seen.commands.size(), 1u);
  EXPECT_EQ(seen.commands[0].size(), count);
}

TEST(request_parser, survives_garbage_and_never_depends_on_its_cuts) {
  constexpr std::string_view alphabet = "*$\r\n0123456789-\"'\\x ab";
  random rng(20240601);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes;
    const auto length = rng.below(60);
    for (std::uint64_t i = 0; i < length; ++i) {
      bytes += rng.chance(0.9) ? alphabet[rng.below(alphabet.size())] : static_cast<char>(rng.below(256));
    }
    const auto whole = parse_all(bytes, 64);
    EXPECT_EQ(whole, parse_all(bytes, 1)) << bytes;
    EXPECT_EQ(whole, parse_all(bytes, 1 + rng.below(8))) << bytes;
  }
}

TEST(request_parser, survives_damaged_requests) {
  const std::string sound = "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n";
  for (std::size_t at = 0; at < sound.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      auto bytes = sound;
      bytes[at] = static_cast<char>(byte);
      EXPECT_EQ(parse_all(bytes, 100), parse_all(bytes, 3)) << at << " " << byte;
    }
  }
}

}  // namespace
}  // namespace troupe::resp
