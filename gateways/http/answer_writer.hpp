// Writes HTTP/1.1 answers into an output string by hand: no allocation but the string's own growth.
//
// One answer is open(), any field()s, then one close(). What is the same for all answers of a request
// (date, request id, keep-alive, HEAD) is set before by frame().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// "Not Found" for 404; "Unknown" for a status the door never sends.
[[nodiscard]] std::string_view reason_of(int status) noexcept;

class answer_writer {
 public:
  struct framing {
    std::string_view date;        // RFC 9110 date
    std::string_view request_id;  // both live until close()
    bool http_1_0 = false;
    bool keep_alive = true;
    bool head_only = false;  // HEAD: fields as for GET, no body
  };

  explicit answer_writer(std::string& out) noexcept : out_(out) {}

  void frame(const framing& f) noexcept {
    framing_ = f;
    status_ = 0;
  }
  [[nodiscard]] const framing& framed() const noexcept { return framing_; }

  void open(int status);
  void field(std::string_view name, std::string_view value);
  void field(std::string_view name, std::uint64_t value);
  /// ETag: "<version>"
  void entity_tag(std::uint64_t version);

  /// Ends the answer with a body.
  void close(std::string_view content_type, std::string_view body);
  /// Ends a HEAD answer whose body of `size` bytes is not at hand.
  void close_head(std::string_view content_type, std::uint64_t size);
  /// Ends an answer that has no body by its status: 204, 304.
  void close();
  /// Ends the head of a body that only the end of the connection ends.
  void close_unbounded(std::string_view content_type);

  /// Status of the answer written since frame(); 0: none yet.
  [[nodiscard]] int status() const noexcept { return status_; }
  /// True when an answer was opened and ended.
  [[nodiscard]] bool complete() const noexcept { return status_ != 0 && !open_; }

 private:
  void number(std::uint64_t value);

  std::string& out_;
  framing framing_;
  int status_ = 0;
  bool open_ = false;
};

}  // namespace troupe
