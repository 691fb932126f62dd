#include "gateways/http/message.hpp"

#include <algorithm>

#include "runtime/base/error.hpp"

namespace troupe {

namespace {

constexpr std::string_view retry_after_seconds = "1";

// Appends `text` as a JSON string. Bytes that are not ASCII may not be UTF-8 (they can come from a
// request), so they are shown as '?'.
void append_json(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20) {
      out.append("\\u00").push_back(digits[byte >> 4]);
      out.push_back(digits[byte & 15]);
    } else {
      out.push_back(byte < 0x7f ? c : '?');
    }
  }
  out.push_back('"');
}

}  // namespace

std::string_view name_of(http_method m) noexcept {
  static constexpr std::string_view names[] = {"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "OTHER"};
  return names[static_cast<std::size_t>(m)];
}

bool same_field_name(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view http_request::field(std::string_view name) const noexcept {
  for (const auto& f : fields) {
    if (same_field_name(f.name, name)) return f.value;
  }
  return {};
}

http_reply problem_reply(int status, std::string detail, std::string type) {
  http_reply r;
  r.status = status;
  auto& problem = r.problem.emplace();
  problem.status = status;
  problem.detail = std::move(detail);
  if (!type.empty()) problem.type = std::move(type);
  return r;
}

http_reply problem_reply(const error& e) {
  std::string type(name_of(e.code));
  std::replace(type.begin(), type.end(), '_', '-');
  http_reply r = problem_reply(face_of(e.code).http_status, describe(e), std::move(type));
  if (r.status == 503) r.fields.emplace_back("Retry-After", retry_after_seconds);
  return r;
}

void write_problem(answer_writer& to, const http_problem& problem,
                   std::span<const std::pair<std::string, std::string>> fields) {
  std::string body = "{\"type\":";
  append_json(body, problem.type);
  body.append(",\"title\":");
  append_json(body, reason_of(problem.status));
  body.append(",\"status\":").append(std::to_string(problem.status)).append(",\"detail\":");
  append_json(body, problem.detail);
  body.append(",\"request_id\":");
  append_json(body, to.framed().request_id);
  if (!problem.errors.empty()) {
    body.append(",\"errors\":[");
    for (const auto& e : problem.errors) {
      if (&e != &problem.errors.front()) body.push_back(',');
      append_json(body, e);
    }
    body.push_back(']');
  }
  body.append("}\n");
  to.open(problem.status);
  for (const auto& [name, value] : fields) to.field(name, value);
  to.close("application/problem+json", body);
}

void write_reply(answer_writer& to, const http_reply& reply) {
  if (reply.problem) return write_problem(to, *reply.problem, reply.fields);
  to.open(reply.status);
  for (const auto& [name, value] : reply.fields) to.field(name, value);
  if (reply.status == 204 || reply.status == 304) return to.close();
  to.close(reply.content_type, reply.body);
}

}  // namespace troupe
