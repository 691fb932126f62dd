#include "gateways/http/answer_writer.hpp"

#include <charconv>

namespace troupe {

namespace {

struct status_line {
  int status;
  std::string_view reason;
};

constexpr status_line status_lines[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

}  // namespace

std::string_view reason_of(int status) noexcept {
  for (const auto& line : status_lines) {
    if (line.status == status) return line.reason;
  }
  return "Unknown";
}

void answer_writer::number(std::uint64_t value) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out_.append(digits, static_cast<std::size_t>(end - digits));
}

void answer_writer::open(int status) {
  status_ = status;
  open_ = true;
  if (status == 200) {
    out_.append("HTTP/1.1 200 OK\r\nDate: ");
  } else {
    out_.append("HTTP/1.1 ");
    number(static_cast<std::uint64_t>(status));
    out_.append(" ").append(reason_of(status)).append("\r\nDate: ");
  }
  out_.append(framing_.date).append("\r\nX-Request-Id: ").append(framing_.request_id);
  if (!framing_.keep_alive) {
    out_.append("\r\nConnection: close\r\n");
  } else if (framing_.http_1_0) {
    out_.append("\r\nConnection: keep-alive\r\n");
  } else {
    out_.append("\r\n");
  }
}

void answer_writer::field(std::string_view name, std::string_view value) {
  out_.append(name).append(": ").append(value).append("\r\n");
}

void answer_writer::field(std::string_view name, std::uint64_t value) {
  out_.append(name).append(": ");
  number(value);
  out_.append("\r\n");
}

void answer_writer::entity_tag(std::uint64_t version) {
  out_.append("ETag: \"");
  number(version);
  out_.append("\"\r\n");
}

void answer_writer::close(std::string_view content_type, std::string_view body) {
  close_head(content_type, body.size());
  if (!framing_.head_only) out_.append(body);
}

void answer_writer::close_head(std::string_view content_type, std::uint64_t size) {
  out_.append("Content-Type: ").append(content_type).append("\r\nContent-Length: ");
  number(size);
  out_.append("\r\n\r\n");
  open_ = false;
}

void answer_writer::close() {
  out_.append("\r\n");
  open_ = false;
}

void answer_writer::close_unbounded(std::string_view content_type) {
  out_.append("Content-Type: ").append(content_type).append("\r\nCache-Control: no-cache\r\n\r\n");
  open_ = false;
}

}  // namespace troupe
