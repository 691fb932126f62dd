// Writes the reply of a procedure as the bytes that a Redis client gets, in RESP2 or RESP3: what RESP2 has no type for
// takes the form that Redis gives it there (a map is a flat array, a set an array, a double a bulk). So a door sends
// them as they are, also when another node made them.
//
// It does NOT count: whoever says array(3) writes three replies.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

class reply_text {
 public:
  /// Appends to `out`, which outlives it; `protocol` 2 or 3.
  reply_text(std::string& out, int protocol) noexcept : out_(&out), protocol_(protocol) {}

  [[nodiscard]] int protocol() const noexcept { return protocol_; }
  [[nodiscard]] bool resp3() const noexcept { return protocol_ >= 3; }
  [[nodiscard]] std::size_t size() const noexcept { return out_->size(); }
  /// More bytes than that are not written: whoever called for them takes the reply back and says so.
  static constexpr std::size_t bytes_max = std::size_t{256} << 20;
  [[nodiscard]] bool full() const noexcept { return out_->size() > bytes_max; }
  /// Takes back what was written after size() said `to`.
  void rewind(std::size_t to) { out_->resize(to); }
  /// Takes back what was written in between.
  void erase(std::size_t from, std::size_t to) { out_->erase(from, to - from); }

  void ok() { out_->append("+OK\r\n"); }
  void simple(std::string_view text) { out_->append("+").append(text).append("\r\n"); }
  /// `text` starts with its prefix ("ERR ..."). Ends of line in it become spaces.
  void error(std::string_view text);
  void wrong_type() { error("WRONGTYPE Operation against a key holding the wrong kind of value"); }
  void integer(std::int64_t value) { head(':', value); }
  void bulk(std::string_view bytes);
  void bulk(std::int64_t number);
  void null() { out_->append(resp3() ? "_\r\n" : "$-1\r\n"); }
  void null_array() { out_->append(resp3() ? "_\r\n" : "*-1\r\n"); }
  void real(double value);
  /// Text for a double that is part of a flat list in both protocols.
  void bulk_real(double value);
  void array(std::size_t items) { head('*', static_cast<std::int64_t>(items)); }
  void set(std::size_t items) { head(resp3() ? '~' : '*', static_cast<std::int64_t>(items)); }
  /// `pairs` keys with their values follow.
  void map(std::size_t pairs) { head(resp3() ? '%' : '*', static_cast<std::int64_t>(resp3() ? pairs : pairs * 2)); }
  /// An array of pairs, each begun by pair(); flat in RESP2.
  void pairs(std::size_t count) { head('*', static_cast<std::int64_t>(resp3() ? count : count * 2)); }
  void pair() {
    if (resp3()) out_->append("*2\r\n");
  }
  /// Another one's reply, as it is.
  void raw(std::string_view reply) { out_->append(reply); }

 private:
  void head(char type, std::int64_t number);

  std::string* out_;
  int protocol_;
};

/// The shortest text that reads back to the same double, as Redis writes scores: "3", "0.1", "1e+21", "inf", "nan".
[[nodiscard]] std::string text_of(double value);

}  // namespace troupe
