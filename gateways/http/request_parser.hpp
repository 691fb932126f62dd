// One HTTP/1.x request out of a byte stream, at any cut: Boost.Beast's parser fed by hand, with the
// rules that Beast leaves to its user (one Host, no doubtful Transfer-Encoding, limits, no folded fields).
//
// Sans-I/O. The caller keeps ONE buffer that starts with the request's first byte and only grows while
// the request is read; the request's views point into it (or, for a chunked body, into the parser).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateways/http/message.hpp"

namespace troupe {

enum class parse_status : std::uint8_t {
  need_more,
  ready,             // request() and consumed() are valid
  malformed,         // 400
  header_too_large,  // 431
  uri_too_long,      // 414
  body_too_large,    // 413
  bad_expectation,   // 417
  not_implemented,   // 501: a transfer coding other than chunked
};

class request_parser {
 public:
  static constexpr std::size_t fields_max = 100;
  static constexpr std::size_t chunk_line_max = 4096;           // a chunk's size line, or all trailers together
  static constexpr std::size_t chunk_overhead_max = 64 * 1024;  // beyond twice body_max

  request_parser(std::uint64_t header_max, std::uint64_t body_max);
  ~request_parser();

  request_parser(const request_parser&) = delete;
  request_parser& operator=(const request_parser&) = delete;

  /// Reads on: `bytes` is everything since the request's first byte. After a status other than
  /// need_more nothing may be fed before reset().
  [[nodiscard]] parse_status feed(std::string_view bytes);

  /// True once the header is complete; then request() is valid but for its body.
  [[nodiscard]] bool header_done() const noexcept;

  /// How many bytes the whole request will take as far as is known: a hint for the buffer.
  [[nodiscard]] std::uint64_t size_hint() const noexcept;

  [[nodiscard]] http_request& request() noexcept;

  /// Bytes of the buffer that belonged to the request.
  [[nodiscard]] std::size_t consumed() const noexcept;

  /// Ready for the next request.
  void reset();

 private:
  class beast_parser;
  std::unique_ptr<beast_parser> parser_;
};

}  // namespace troupe
