#include "gateways/http/request_parser.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace troupe {

namespace {

namespace beast_http = boost::beast::http;
using boost::beast::http::field;
using boost::beast::http::verb;
using boost::system::error_code;
using beast_view = boost::beast::string_view;

// Every valid rest of a chunked body that starts at a chunk's header is at least "0\r\n\r\n" long; Beast
// asserts it, so fewer bytes are held back.
constexpr std::size_t chunked_rest_min = 5;

struct slice {
  std::uint32_t start = 0;
  std::uint32_t size = 0;
};

http_method method_of(verb v) noexcept {
  switch (v) {
    case verb::get: return http_method::get;
    case verb::head: return http_method::head;
    case verb::put: return http_method::put;
    case verb::post: return http_method::post;
    case verb::patch: return http_method::patch;
    case verb::delete_: return http_method::erase;
    case verb::options: return http_method::options;
    default: return http_method::other;
  }
}

bool is(beast_view a, std::string_view b) { return boost::beast::iequals(a, beast_view(b.data(), b.size())); }

// What one message leaves behind while Beast walks over it. Positions, not views: the buffer may move.
struct message_slices {
  const char* base = nullptr;  // of the buffer during a put
  std::size_t size = 0;
  http_method method = http_method::other;
  bool http_1_0 = false;
  bool header_done = false;
  bool has_host = false;
  bool expects_continue = false;
  bool unknown_coding = false;
  bool unknown_expectation = false;
  bool too_many_fields = false;
  slice target;
  std::vector<std::pair<slice, slice>> fields;
  std::string chunks;

  void clear() {
    message_slices fresh;
    fresh.fields.swap(fields);
    fresh.chunks.swap(chunks);
    *this = std::move(fresh);
    fields.clear();
    chunks.clear();
    constexpr std::size_t chunks_kept_max = 64 * 1024;
    if (chunks.capacity() > chunks_kept_max) std::string().swap(chunks);
  }

  [[nodiscard]] std::optional<slice> locate(beast_view v) const noexcept {
    if (v.empty()) return slice{};
    if (v.data() < base || v.data() + v.size() > base + size) return std::nullopt;
    return slice{static_cast<std::uint32_t>(v.data() - base), static_cast<std::uint32_t>(v.size())};
  }
};

class one_message final : public beast_http::basic_parser<true> {
 public:
  explicit one_message(message_slices& to) : to_(to) {}

 private:
  void on_request_impl(verb method, beast_view, beast_view target, int version, error_code&) override {
    to_.method = method_of(method);
    to_.http_1_0 = version == 10;
    to_.target = *to_.locate(target);
  }

  void on_field_impl(field id, beast_view name, beast_view value, error_code& ec) override {
    if (to_.header_done) return;  // trailers are read and forgotten
    if (to_.fields.size() == request_parser::fields_max) {
      to_.too_many_fields = true;
      ec = beast_http::error::header_limit;
      return;
    }
    const auto name_at = to_.locate(name);
    const auto value_at = to_.locate(value);
    // A value elsewhere was folded over lines: obsolete, and refused (RFC 9112 section 5.2).
    if (!name_at || !value_at) return refuse(ec);
    to_.fields.emplace_back(*name_at, *value_at);
    if (id == field::host) {
      if (to_.has_host) return refuse(ec);
      to_.has_host = true;
    } else if (id == field::transfer_encoding) {
      if (to_.http_1_0) return refuse(ec);
      to_.unknown_coding = to_.unknown_coding || !is(value, "chunked");
    } else if (id == field::expect) {
      if (is(value, "100-continue"))
        to_.expects_continue = !to_.http_1_0;
      else
        to_.unknown_expectation = true;
    }
  }

  static void refuse(error_code& ec) { ec = beast_http::error::bad_value; }

  void on_header_impl(error_code& ec) override {
    to_.header_done = true;
    if (!to_.has_host && !to_.http_1_0) refuse(ec);
  }

  std::size_t on_chunk_body_impl(std::uint64_t, beast_view bytes, error_code&) override {
    to_.chunks.append(bytes.data(), bytes.size());
    return bytes.size();
  }

  std::size_t on_body_impl(beast_view bytes, error_code&) override { return bytes.size(); }
  void on_response_impl(int, beast_view, int, error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  void on_chunk_header_impl(std::uint64_t, beast_view, error_code&) override {}
  void on_finish_impl(error_code&) override {}

  message_slices& to_;
};

}  // namespace

class request_parser::beast_parser {
 public:
  beast_parser(std::uint64_t header_max, std::uint64_t body_max) : header_max_(header_max), body_max_(body_max) {
    reset();
  }

  void reset() {
    slices_.clear();
    message_.emplace(slices_);
    message_->header_limit(static_cast<std::uint32_t>(std::min<std::uint64_t>(header_max_, UINT32_MAX)));
    message_->body_limit(body_max_);
    request_ = http_request{};
    fed_ = 0;
  }

  parse_status feed(std::string_view bytes) {
    if (fed_ == 0 && bytes.starts_with('\r')) {  // an empty line before a request is forgiven (RFC 9112 2.2)
      if (bytes.size() < 2) return parse_status::need_more;
      if (bytes[1] == '\n') fed_ = 2;
    }
    while (!message_->is_header_done()) {
      const auto status = put_header(bytes);
      if (status != parse_status::ready) return status;
    }
    return message_->chunked() ? feed_chunks(bytes) : feed_body(bytes);
  }

  [[nodiscard]] bool header_done() const noexcept { return message_->is_header_done(); }

  [[nodiscard]] std::uint64_t size_hint() const noexcept {
    if (!header_done() || message_->chunked()) return 0;
    return header_size_ + message_->content_length().value_or(0);
  }

  http_request request_;
  std::size_t fed_ = 0;  // bytes of the buffer done with; all of the request's when ready

 private:
  // One step of Beast. `ready` means that it went on, not that the header is done.
  parse_status put_header(std::string_view bytes) {
    slices_.base = bytes.data();
    slices_.size = bytes.size();
    error_code ec;
    fed_ += message_->put(boost::asio::buffer(bytes.data() + fed_, bytes.size() - fed_), ec);
    if (!ec && !slices_.header_done) return parse_status::ready;
    if (ec == beast_http::error::need_more) {
      return bytes.size() >= header_max_ ? oversized() : parse_status::need_more;
    }
    if (ec == beast_http::error::header_limit) return oversized();
    if (ec == beast_http::error::body_limit) return parse_status::body_too_large;
    if (ec) return parse_status::malformed;
    if (fed_ > header_max_) return oversized();
    header_size_ = fed_;
    if (slices_.unknown_coding) return parse_status::not_implemented;
    if (slices_.unknown_expectation) return parse_status::bad_expectation;
    return fill(bytes) ? parse_status::ready : parse_status::malformed;
  }

  [[nodiscard]] parse_status oversized() const noexcept {
    const bool in_target = slices_.target.size == 0 && slices_.fields.empty() && !slices_.too_many_fields;
    return in_target ? parse_status::uri_too_long : parse_status::header_too_large;
  }

  parse_status feed_body(std::string_view bytes) {
    const std::uint64_t length = message_->content_length().value_or(0);
    if (bytes.size() - header_size_ < length) return parse_status::need_more;
    fed_ = header_size_ + static_cast<std::size_t>(length);
    if (bytes.data() != filled_from_) fill(bytes);  // the buffer has moved since the header was read
    request_.body = bytes.substr(header_size_, static_cast<std::size_t>(length));
    return parse_status::ready;
  }

  parse_status feed_chunks(std::string_view bytes) {
    slices_.base = bytes.data();
    slices_.size = bytes.size();
    while (!message_->is_done()) {
      // The buffer keeps the chunked form: many tiny chunks must not make it grow without bound.
      if (fed_ - header_size_ > 2 * body_max_ + request_parser::chunk_overhead_max) return parse_status::body_too_large;
      const std::size_t rest = bytes.size() - fed_;
      if (rest < chunked_rest_min) return parse_status::need_more;
      error_code ec;
      fed_ += message_->put(boost::asio::buffer(bytes.data() + fed_, rest), ec);
      if (ec == beast_http::error::need_more) {
        return bytes.size() - fed_ > chunk_line_max ? parse_status::malformed : parse_status::need_more;
      }
      if (ec == beast_http::error::body_limit) return parse_status::body_too_large;
      if (ec) return parse_status::malformed;
    }
    fill(bytes);
    request_.body = slices_.chunks;
    return parse_status::ready;
  }

  // Turns positions into views; false when the target is none that this door takes.
  bool fill(std::string_view bytes) {
    const auto view = [&](slice s) { return bytes.substr(s.start, s.size); };
    filled_from_ = bytes.data();
    fields_.clear();
    for (const auto& [name, value] : slices_.fields) fields_.push_back({view(name), view(value)});
    request_.fields = fields_;
    request_.method = slices_.method;
    request_.http_1_0 = slices_.http_1_0;
    request_.keep_alive = message_->keep_alive();
    request_.expects_continue = slices_.expects_continue;
    std::string_view target = view(slices_.target);
    if (target.size() > 7 && is({target.data(), 7}, "http://")) {  // absolute form: the host is not ours to judge
      const auto path = target.find_first_of("/?", 7);
      target = path == target.npos ? std::string_view("/") : target.substr(path);
    }
    const auto mark = target.find('?');
    request_.path = target.substr(0, mark);
    request_.query = mark == target.npos ? std::string_view() : target.substr(mark + 1);
    return target.starts_with('/') || target.starts_with('?') || slices_.method == http_method::options ||
           slices_.method == http_method::other;
  }

  const std::uint64_t header_max_;
  const std::uint64_t body_max_;
  message_slices slices_;
  std::optional<one_message> message_;
  std::vector<http_field> fields_;
  std::size_t header_size_ = 0;
  const char* filled_from_ = nullptr;
};

request_parser::request_parser(std::uint64_t header_max, std::uint64_t body_max)
    : parser_(std::make_unique<beast_parser>(header_max, body_max)) {}

request_parser::~request_parser() = default;

parse_status request_parser::feed(std::string_view bytes) { return parser_->feed(bytes); }

bool request_parser::header_done() const noexcept { return parser_->header_done(); }

std::uint64_t request_parser::size_hint() const noexcept { return parser_->size_hint(); }

http_request& request_parser::request() noexcept { return parser_->request_; }

std::size_t request_parser::consumed() const noexcept { return parser_->fed_; }

void request_parser::reset() { parser_->reset(); }

}  // namespace troupe
