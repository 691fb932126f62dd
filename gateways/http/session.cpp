#include "gateways/http/session.hpp"

#include <algorithm>
#include <exception>

#include <boost/asio/buffer.hpp>

#include "gateways/http/dispatch.hpp"

namespace troupe {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

bool valid_request_id(std::string_view id) noexcept {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !id.empty() && id.size() <= http_session::request_id_max && std::all_of(id.begin(), id.end(), fits);
}

}  // namespace

http_session::http_session(std::shared_ptr<http_lane> lane, asio::ip::tcp::socket socket, std::size_t slot)
    : lane_(std::move(lane)),
      socket_(std::move(socket)),
      slot_(slot),
      parser_(lane_->shared().limits.header_max, lane_->shared().limits.body_max),
      writer_(out_) {}

void http_session::start() {
  now_ = std::chrono::steady_clock::now();
  enter_waiting_phase();
  read();
}

void http_session::refuse_connection() {
  now_ = std::chrono::steady_clock::now();
  refuse(http_refusal::connections_max, 503, "there are as many connections as this node allows");
  if (!flush()) return close();
  end();
}

void http_session::read() {
  if (reading_ || closed_) return;
  reading_ = true;
  const auto room = in_.prepare(parser_.size_hint());
  socket_.async_read_some(asio::buffer(room.at, room.size),
                          [self = shared_from_this()](const error_code& ec, std::size_t n) {
                            self->reading_ = false;
                            if (self->closed_) return;
                            if (ec) return self->close();
                            self->on_read(n);
                          });
}

void http_session::on_read(std::size_t n) {
  http_counts::add(lane_->counts().bytes_in, n);
  if (phase_ == phase::lingering || refused_ || stream_) {  // nobody will look at it
    lingered_ += n;
    if (lingered_ > linger_bytes_max) return close();
    return read();
  }
  in_.commit(n);
  now_ = std::chrono::steady_clock::now();
  work();
}

bool http_session::may_take_request() const noexcept {
  return !closed_ && !waiting_ && !stream_ && !close_after_ && !in_.empty() && out_.size() - sent_ < output_high_water;
}

void http_session::work() {
  while (!closed_) {
    bool starved = false;
    while (!starved && may_take_request()) starved = !take_request();
    if (!flush()) return;
    if (stream_ && !pump()) return;
    if (waiting_) return;
    if (close_after_ && !stream_) return end();
    if (stream_ || !may_take_request() || starved) break;
  }
  enter_waiting_phase();
  read();
}

bool http_session::take_request() {
  const parse_status status = parser_.feed(in_.view());
  if (status == parse_status::ready) {
    answer_request(parser_.request());
    in_.consume(parser_.consumed());
    parser_.reset();
    continue_sent_ = false;
    if (!waiting_) phase_ = phase::idle;
    return true;
  }
  if (status != parse_status::need_more) {
    refuse(status);
    return true;
  }
  if (parser_.header_done() && parser_.request().expects_continue && !continue_sent_) {
    continue_sent_ = true;
    out_.append(continue_line);
  }
  return false;
}

void http_session::frame(const http_request& request, bool keep_alive) {
  answer_writer::framing f;
  f.date = lane_->date();
  f.request_id = {id_.data(), id_size_};
  f.http_1_0 = request.http_1_0;
  f.keep_alive = keep_alive;
  f.head_only = request.method == http_method::head;
  writer_.frame(f);
  close_after_ = !keep_alive;
}

void http_session::choose_request_id(http_request& request) noexcept {
  const std::string_view given = request.field("X-Request-Id");
  if (valid_request_id(given)) {
    std::copy(given.begin(), given.end(), id_.begin());
    id_size_ = given.size();
  } else {
    lane_->make_request_id(id_.data());
    id_size_ = http_lane::request_id_size;
  }
  request.id = {id_.data(), id_size_};
}

void http_session::answer_request(http_request& request) {
  choose_request_id(request);
  frame(request, request.keep_alive && !lane_->draining());
  const std::size_t start = out_.size();
  request_ = &request;
  bool failed = false;
  try {
    dispatch(lane_->shared().routes, request, *this, lane_->shared().admin_allowed);
  } catch (const std::exception&) {
    failed = true;
  }
  request_ = nullptr;
  if (waiting_ || stream_) return;
  if (take_over_ && !failed) return hand_over();
  if (failed || !writer_.complete()) {
    out_.resize(start);
    write_problem(writer_, {.status = 500, .type = "about:blank", .detail = "the handler failed", .errors = {}});
  }
  count_answer();
}

void http_session::count_answer() {
  http_counts::add(lane_->counts().answers[static_cast<std::size_t>(writer_.status()) / 100 % 6]);
}

void http_session::refuse(parse_status why) {
  switch (why) {
    case parse_status::header_too_large:
      return refuse(http_refusal::header_too_large, 431,
                    "the header is larger than http.header_max, or has too many fields");
    case parse_status::uri_too_long:
      return refuse(http_refusal::uri_too_long, 414, "the request line is longer than http.header_max");
    case parse_status::body_too_large:
      return refuse(http_refusal::body_too_large, 413, "the body is larger than http.body_max");
    case parse_status::bad_expectation:
      return refuse(http_refusal::bad_expectation, 417, "the only expectation is 100-continue");
    case parse_status::not_implemented:
      return refuse(http_refusal::not_implemented, 501, "the only transfer coding is chunked");
    default: return refuse(http_refusal::bad_request, 400, "the request is malformed");
  }
}

void http_session::refuse(http_refusal why, int status, std::string detail) {
  lane_->counts().refuse(why);
  lane_->make_request_id(id_.data());
  id_size_ = http_lane::request_id_size;
  frame(http_request{}, false);
  refused_ = true;
  write_problem(writer_,
                {.status = status, .type = std::string(name_of(why)), .detail = std::move(detail), .errors = {}});
  count_answer();
}

// The connection leaves HTTP. Input behind the request is dropped: a client waits for the answer first.
void http_session::hand_over() {
  const auto f = std::exchange(take_over_, nullptr);
  if (!flush() || lane_->draining()) return close();  // an earlier answer that the client does not take
  const auto self = shared_from_this();
  closed_ = true;
  auto socket = std::move(socket_);
  lane_->remove(*this);
  f(std::move(socket), lane_);
}

http_later http_session::later(time_point deadline) {
  waiting_ = true;
  phase_ = phase::answering;
  deadline_ = deadline + answer_grace;
  return [gate = lane_->gate(), session = weak_from_this(), ticket = ++ticket_](http_reply reply) {
    gate->post([session, ticket, r = std::move(reply)] {
      if (const auto s = session.lock()) s->on_later(ticket, r);
    });
  };
}

void http_session::on_later(std::uint64_t ticket, const http_reply& reply) {
  if (closed_ || !waiting_ || ticket != ticket_) return;
  waiting_ = false;
  phase_ = phase::idle;
  now_ = std::chrono::steady_clock::now();
  (void)lane_->date();  // the frame shows the lane's text: bring it up to date
  write_reply(writer_, reply);
  count_answer();
  work();
}

void http_session::stream(std::string_view content_type, std::unique_ptr<http_stream> body) {
  frame(*request_, false);
  writer_.open(200);
  writer_.close_unbounded(content_type);
  if (writer_.framed().head_only) return;
  count_answer();
  stream_ = std::move(body);
  stream_->start([gate = lane_->gate(), session = weak_from_this()] {
    gate->post([session] {
      const auto s = session.lock();
      if (!s || s->closed_ || s->writing_) return;
      s->now_ = std::chrono::steady_clock::now();
      s->work();
    });
  });
}

// Sends what the stream has; false when the connection waits or is closed.
bool http_session::pump() {
  while (true) {
    const bool more = stream_->pull(out_, stream_room, now_);
    const bool nothing = out_.empty();
    if (!more) stream_.reset();
    if (!flush()) return false;
    if (nothing || !more) return true;
  }
}

void http_session::enter_waiting_phase() {
  const auto& limits = lane_->shared().limits;
  const auto enter = [&](phase p, duration d) {
    if (phase_ == p && p != phase::idle) return;  // the clock of a header or body runs from its first byte
    phase_ = p;
    deadline_ = now_ + d;
  };
  if (stream_) {
    phase_ = phase::streaming;
  } else if (in_.empty()) {
    enter(phase::idle, limits.idle_timeout);
  } else if (!parser_.header_done()) {
    enter(phase::header, limits.header_timeout);
  } else {
    enter(phase::body, limits.body_timeout);
  }
}

bool http_session::flush() {
  while (sent_ < out_.size()) {
    error_code ec;
    const std::size_t n = socket_.write_some(asio::buffer(out_.data() + sent_, out_.size() - sent_), ec);
    sent_ += n;
    http_counts::add(lane_->counts().bytes_out, n);
    if (n != 0 && writing_) output_deadline_ = now_ + lane_->shared().limits.body_timeout;
    if (ec == asio::error::would_block || ec == asio::error::try_again) {
      wait_writable();
      return false;
    }
    if (ec) {
      close();
      return false;
    }
  }
  if (writing_) {
    writing_ = false;
    if (!waiting_) phase_ = phase::idle;  // nothing was read meanwhile: the clock of a header or body starts anew
  }
  sent_ = 0;
  if (out_.capacity() > output_kept_max)
    std::string().swap(out_);
  else
    out_.clear();
  return true;
}

void http_session::wait_writable() {
  if (!writing_) {
    writing_ = true;
    output_deadline_ = now_ + lane_->shared().limits.body_timeout;
  }
  if (awaiting_writable_) return;
  awaiting_writable_ = true;
  socket_.async_wait(asio::socket_base::wait_write, [self = shared_from_this()](const error_code& ec) {
    self->awaiting_writable_ = false;
    if (self->closed_) return;
    if (ec) return self->close();
    self->now_ = std::chrono::steady_clock::now();
    self->work();
  });
}

// The last answer is out. A client that is still sending would lose it to a reset, so a refused one is
// read on for a while.
void http_session::end() {
  if (!refused_ && in_.empty()) return close();
  error_code ignored;
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  refused_ = true;
  phase_ = phase::lingering;
  deadline_ = now_ + linger_time;
  read();
}

void http_session::sweep(time_point now) {
  now_ = now;
  if (writing_ && now >= output_deadline_) {
    lane_->counts().refuse(http_refusal::output_timeout);
    return close();
  }
  if (writing_ && !waiting_) return;
  if (phase_ == phase::streaming) return work();
  if (now < deadline_) return;
  switch (phase_) {
    case phase::header: refuse(http_refusal::header_timeout, 408, "the header did not arrive in time"); return work();
    case phase::body: refuse(http_refusal::body_timeout, 408, "the body did not arrive in time"); return work();
    case phase::answering: {
      lane_->counts().refuse(http_refusal::answer_timeout);
      return on_later(ticket_, problem_reply(error{errc::outcome_unknown, "no answer came in time"}));
    }
    default: return close();
  }
}

void http_session::drain() {
  if (stream_ || ((phase_ == phase::idle || phase_ == phase::header) && !writing_)) return close();
  close_after_ = true;
}

void http_session::close() {
  if (closed_) return;
  closed_ = true;
  const auto self = shared_from_this();
  stream_.reset();
  error_code ignored;
  socket_.close(ignored);
  lane_->remove(*this);
}

}  // namespace troupe
