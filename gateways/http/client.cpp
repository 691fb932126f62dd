#include "gateways/http/client.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace troupe {

namespace {

namespace asio = boost::asio;
namespace beast_http = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t read_size = 64 * 1024;
constexpr std::size_t line_max = 1024 * 1024;
constexpr std::uint32_t answer_header_max = 64 * 1024;

struct place {
  std::string host;
  std::string port = "80";
  std::string prefix;  // a path in the url

  [[nodiscard]] std::string text() const {
    return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + port;
  }
};

expected<place> read_url(std::string_view url) {
  const auto refuse = [&](const char* why) {
    return fail(errc::invalid_argument, "'" + std::string(url) + "' " + why + ", expected http://host:port");
  };
  std::string_view rest = url;
  if (rest.starts_with("https://")) return refuse("needs TLS, which this client does not speak");
  if (rest.starts_with("http://")) rest.remove_prefix(7);
  place p;
  if (const auto slash = rest.find('/'); slash != rest.npos) {
    p.prefix = rest.substr(slash);
    while (p.prefix.ends_with('/')) p.prefix.pop_back();
    rest = rest.substr(0, slash);
  }
  auto colon = rest.rfind(':');
  if (rest.starts_with('[')) {
    const auto end = rest.find(']');
    if (end == rest.npos) return refuse("has no closing bracket");
    p.host = rest.substr(1, end - 1);
    colon = end + 1 < rest.size() ? end + 1 : rest.npos;
    if (colon != rest.npos && rest[colon] != ':') return refuse("is no address");
  } else {
    p.host = rest.substr(0, colon);
  }
  if (colon != rest.npos) p.port = rest.substr(colon + 1);
  const bool digits = std::all_of(p.port.begin(), p.port.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  if (p.host.empty() || p.port.empty() || p.port.size() > 5 || !digits) return refuse("is no address");
  return p;
}

// One connection whose steps are asynchronous inside and blocking outside, each until the deadline.
class connection {
 public:
  explicit connection(place p) : place_(std::move(p)), socket_(context_) {}

  void expire_at(time_point deadline) { deadline_ = deadline; }

  expected<void> connect() {
    error_code ec;
    asio::ip::tcp::resolver resolver(context_);
    const auto endpoints = resolver.resolve(place_.host, place_.port, ec);
    if (ec) return fail(errc::unavailable, place_.text() + ": " + ec.message());
    std::optional<error_code> done;
    asio::async_connect(socket_, endpoints, [&](error_code e, const asio::ip::tcp::endpoint&) { done = e; });
    return finish(done);
  }

  expected<void> write(std::string_view bytes) {
    std::optional<error_code> done;
    asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()), [&](error_code e, std::size_t) { done = e; });
    return finish(done);
  }

  /// The bytes read; 0 at the end of the stream.
  expected<std::size_t> read(char* at, std::size_t room) {
    std::optional<error_code> done;
    std::size_t size = 0;
    socket_.async_read_some(asio::buffer(at, room), [&](error_code e, std::size_t n) {
      done = e == asio::error::eof ? error_code() : e;
      size = n;
    });
    if (auto r = finish(done); !r) return tl::unexpected(r.error());
    return size;
  }

  [[nodiscard]] const place& to() const noexcept { return place_; }

 private:
  expected<void> finish(const std::optional<error_code>& done) {
    context_.restart();
    context_.run_until(deadline_);
    if (!done) {
      error_code ignored;
      socket_.close(ignored);
      context_.restart();
      context_.run();
      return fail(errc::deadline_exceeded, place_.text() + " did not answer in time");
    }
    if (*done) return fail(errc::unavailable, place_.text() + ": " + done->message());
    return {};
  }

  place place_;
  asio::io_context context_{1};
  asio::ip::tcp::socket socket_;
  time_point deadline_{};
};

using answer_parser = beast_http::response_parser<beast_http::string_body>;

http_answer take_header(const answer_parser& parser) {
  http_answer a;
  a.status = static_cast<int>(parser.get().result_int());
  for (const auto& field : parser.get()) {
    std::string name(field.name_string());
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    a.headers[name] = std::string(field.value());
  }
  return a;
}

std::string write_request(const place& to, std::string_view method, std::string_view target, std::string_view body,
                          const std::map<std::string, std::string>& headers) {
  std::string request(method);
  request.append(" ").append(to.prefix).append(target).append(" HTTP/1.1\r\nHost: ").append(to.text());
  request.append("\r\nConnection: close\r\n");
  if (!body.empty() || method == "PUT" || method == "POST" || method == "PATCH") {
    request.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  }
  for (const auto& [name, value] : headers) request.append(name).append(": ").append(value).append("\r\n");
  return request.append("\r\n").append(body);
}

bool usable(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

// Feeds the parser with what the connection sends; keeps what it did not consume.
class answer_reader {
 public:
  answer_reader(connection& from, bool head) : from_(from), parser_() {
    parser_.header_limit(answer_header_max);
    parser_.body_limit(http_answer_body_max);
    parser_.skip(head);
  }

  answer_parser& parser() noexcept { return parser_; }

  /// One put of what is at hand, after one read when that was not enough.
  expected<void> step() {
    if (need_more_) {
      const auto start = bytes_.size();
      bytes_.resize(start + read_size);
      const auto n = from_.read(bytes_.data() + start, read_size);
      bytes_.resize(start + (n ? *n : 0));
      if (!n) return tl::unexpected(n.error());
      if (*n == 0) return end_of_stream();
    }
    error_code ec;
    const auto used = parser_.put(asio::buffer(bytes_), ec);
    bytes_.erase(0, used);
    need_more_ = ec == beast_http::error::need_more || bytes_.empty();
    if (!ec || ec == beast_http::error::need_more) return {};
    if (ec == beast_http::error::body_limit) return fail(errc::too_large, from_.to().text() + ": " + ec.message());
    return fail(errc::corrupt, from_.to().text() + " does not speak HTTP: " + ec.message());
  }

 private:
  expected<void> end_of_stream() {
    error_code ec = beast_http::error::partial_message;
    if (parser_.is_header_done()) parser_.put_eof(ec);
    if (ec) return fail(errc::unavailable, from_.to().text() + " closed the connection before it answered");
    return {};
  }

  connection& from_;
  answer_parser parser_;
  std::string bytes_;
  bool need_more_ = true;
};

// Cuts what arrived into lines; false when the listener wants no more or a line has no end.
bool take_lines(std::string& pending, const http_line_callback& on_line) {
  std::size_t start = 0;
  for (auto end = pending.find('\n'); end != pending.npos; end = pending.find('\n', start)) {
    std::string_view line(pending.data() + start, end - start);
    if (line.ends_with('\r')) line.remove_suffix(1);
    start = end + 1;
    if (!on_line(line)) return false;
  }
  pending.erase(0, start);
  return pending.size() <= line_max;
}

expected<connection*> send_request(std::optional<connection>& line, std::string_view url, std::string_view method,
                                   std::string_view target, std::string_view body,
                                   const std::map<std::string, std::string>& headers, duration deadline) {
  auto to = read_url(url);
  if (!to) return tl::unexpected(to.error());
  bool sound = usable(method) && usable(target) && target.starts_with('/') && target.find(' ') == target.npos;
  for (const auto& [name, value] : headers) sound = sound && usable(name) && usable(value);
  if (!sound) return fail(errc::invalid_argument, "the request has a line break or a space where none may be");
  const std::string request = write_request(*to, method, target, body, headers);
  line.emplace(std::move(*to));
  line->expire_at(std::chrono::steady_clock::now() + deadline);
  if (auto r = line->connect(); !r) return tl::unexpected(r.error());
  // A refusal may come while a large body is still being sent: what was answered counts.
  if (auto r = line->write(request); !r && r.error().code != errc::unavailable) return tl::unexpected(r.error());
  return &*line;
}

}  // namespace

expected<http_answer> http_call(std::string_view url, std::string_view method, std::string_view target,
                                std::string_view body, const std::map<std::string, std::string>& headers,
                                duration deadline) {
  std::optional<connection> line;
  const auto sent = send_request(line, url, method, target, body, headers, deadline);
  if (!sent) return tl::unexpected(sent.error());
  answer_reader reader(*line, method == "HEAD");
  while (!reader.parser().is_done()) {
    if (auto r = reader.step(); !r) return tl::unexpected(r.error());
  }
  http_answer a = take_header(reader.parser());
  a.body = std::move(reader.parser().get().body());
  return a;
}

expected<http_answer> parse_http_answer(std::string_view bytes) {
  answer_parser parser;
  parser.eager(true);
  parser.header_limit(answer_header_max);
  parser.body_limit(http_answer_body_max);
  error_code ec;
  const auto used = parser.put(asio::buffer(bytes.data(), bytes.size()), ec);
  if (ec || !parser.is_done() || used != bytes.size()) return fail(errc::corrupt, "not one answer of HTTP");
  http_answer a = take_header(parser);
  a.body = std::move(parser.get().body());
  return a;
}

expected<http_answer> http_stream_lines(std::string_view url, std::string_view target,
                                        const std::map<std::string, std::string>& headers,
                                        const http_line_callback& on_line, duration deadline) {
  std::optional<connection> line;
  const auto sent = send_request(line, url, "GET", target, {}, headers, deadline);
  if (!sent) return tl::unexpected(sent.error());
  answer_reader reader(*line, false);
  reader.parser().body_limit(boost::none);
  std::optional<http_answer> a;
  std::string pending;
  while (!reader.parser().is_done()) {
    if (auto r = reader.step(); !r) return tl::unexpected(r.error());
    if (!reader.parser().is_header_done()) continue;
    if (!a) a = take_header(reader.parser());
    line->expire_at(std::chrono::steady_clock::now() + deadline);
    auto& body = reader.parser().get().body();
    if (a->status != 200) {
      if (body.size() > line_max) return fail(errc::too_large, "the answer is larger than a line may be");
      continue;
    }
    pending.append(body);
    body.clear();
    if (!take_lines(pending, on_line)) return *a;
  }
  if (a->status != 200) a->body = std::move(reader.parser().get().body());
  return *a;
}

}  // namespace troupe
