// Writes replies in RESP2 or RESP3 to the end of a buffer. What RESP2 has no type for it gets in the
// form that Redis gives it: a map as a flat array, a null as an empty bulk, verbatim text as a bulk.
#pragma once

#include <cstdint>
#include <string_view>

#include <troupe/error.hpp>

#include "gateways/resp/byte_buffer.hpp"

namespace troupe::resp {

class reply_writer {
 public:
  reply_writer(byte_buffer& out, int protocol) noexcept : out_(&out), protocol_(protocol) {}

  void ok() { out_->append("+OK\r\n"); }
  void simple(std::string_view text);
  /// `text` starts with its prefix ("ERR ..."); ends of line in it become spaces.
  void error(std::string_view text);
  /// "<prefix> <message>: <context>" of a code.
  void error(errc code, std::string_view context);
  void integer(std::int64_t value) { head(':', value); }
  void bulk(std::string_view bytes);
  /// Text for people: "txt:" in RESP3.
  void verbatim(std::string_view text);
  /// A whole reply that was written for this protocol already.
  void raw(std::string_view reply) { out_->append(reply); }
  void null() { out_->append(protocol_ >= 3 ? "_\r\n" : "$-1\r\n"); }
  void null_array() { out_->append(protocol_ >= 3 ? "_\r\n" : "*-1\r\n"); }
  void array(std::size_t items) { head('*', static_cast<std::int64_t>(items)); }
  /// Out of turn: a message, not a reply.
  void push(std::size_t items) { head(protocol_ >= 3 ? '>' : '*', static_cast<std::int64_t>(items)); }
  void set(std::size_t items) { head(protocol_ >= 3 ? '~' : '*', static_cast<std::int64_t>(items)); }
  /// `pairs` keys with their values follow.
  void map(std::size_t pairs) {
    if (protocol_ >= 3)
      head('%', static_cast<std::int64_t>(pairs));
    else
      head('*', static_cast<std::int64_t>(pairs * 2));
  }

 private:
  void head(char type, std::int64_t number);

  byte_buffer* out_;
  int protocol_;
};

}  // namespace troupe::resp
