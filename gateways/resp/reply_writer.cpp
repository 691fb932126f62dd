#include "gateways/resp/reply_writer.hpp"

#include <charconv>
#include <cstring>
#include <string>

#include "runtime/base/error.hpp"

namespace troupe::resp {

namespace {

constexpr std::size_t head_max = 1 + 20 + 2;  // type, digits and sign of 64 bits, end of line

// Writes "<type><number>\r\n" and returns the place after it.
char* put_head(char* at, char type, std::int64_t number) noexcept {
  *at++ = type;
  at = std::to_chars(at, at + head_max, number).ptr;
  *at++ = '\r';
  *at++ = '\n';
  return at;
}

}  // namespace

void reply_writer::head(char type, std::int64_t number) {
  char* const start = out_->prepare(head_max);
  out_->commit(static_cast<std::size_t>(put_head(start, type, number) - start));
}

void reply_writer::simple(std::string_view text) {
  out_->append("+");
  out_->append(text);
  out_->append("\r\n");
}

void reply_writer::error(std::string_view text) {
  char* at = out_->prepare(text.size() + 3);
  *at++ = '-';
  for (const char c : text) *at++ = c == '\r' || c == '\n' ? ' ' : c;
  *at++ = '\r';
  *at = '\n';
  out_->commit(text.size() + 3);
}

void reply_writer::error(errc code, std::string_view context) {
  const auto& face = face_of(code);
  std::string text(face.resp_prefix);
  // Redis' own words, of its log, stand alone.
  if (code == errc::storage_failed && context.starts_with("Errors writing"))
    return error(text.append(" ").append(context));
  text.append(" ").append(face.message);
  if (!context.empty()) text.append(": ").append(context);
  error(text);
}

void reply_writer::bulk(std::string_view bytes) {
  char* const start = out_->prepare(head_max + bytes.size() + 2);
  char* at = put_head(start, '$', static_cast<std::int64_t>(bytes.size()));
  if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
  at += bytes.size();
  *at++ = '\r';
  *at++ = '\n';
  out_->commit(static_cast<std::size_t>(at - start));
}

void reply_writer::verbatim(std::string_view text) {
  if (protocol_ < 3) return bulk(text);
  head('=', static_cast<std::int64_t>(text.size() + 4));
  out_->append("txt:");
  out_->append(text);
  out_->append("\r\n");
}

}  // namespace troupe::resp
