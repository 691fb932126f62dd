// What a handler of the HTTP door sees and says: a request as views on the connection's buffer, an
// answer as plain values, and the exchange that joins the two.
//
// Views in a request are valid only inside the handler's call; what answers later copies what it needs.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "gateways/http/answer_writer.hpp"

namespace troupe {

enum class http_method : std::uint8_t { get, head, put, post, patch, erase, options, other };

/// "GET", "DELETE", ...; "OTHER" for what the door has no name for.
[[nodiscard]] std::string_view name_of(http_method m) noexcept;

/// Field names are the same in any case.
[[nodiscard]] bool same_field_name(std::string_view a, std::string_view b) noexcept;

struct http_field {
  std::string_view name;
  std::string_view value;
};

struct http_request {
  static constexpr std::size_t parameters_max = 4;

  http_method method = http_method::other;
  std::string_view path;   // as sent: still percent-encoded
  std::string_view query;  // without the '?'
  std::span<const http_field> fields;
  std::string_view body;
  std::string_view id;                                        // what X-Request-Id answers
  std::array<std::string_view, parameters_max> parameters{};  // of the route's pattern, still encoded
  bool http_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;

  /// The value of the first field of that name (any case), or an empty view.
  [[nodiscard]] std::string_view field(std::string_view name) const noexcept;
};

/// An error as RFC 7807 words it.
struct http_problem {
  int status = 500;
  std::string type = "about:blank";  // a slug such as "outcome-unknown" where a client may react to it
  std::string detail;
  std::vector<std::string> errors;
};

struct http_reply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> fields;
  std::optional<http_problem> problem;  // given: it makes status, type and body
};

[[nodiscard]] http_reply problem_reply(int status, std::string detail, std::string type = {});

/// The reply for a failed request: status by the error table, Retry-After where it may be tried again.
[[nodiscard]] http_reply problem_reply(const error& e);

/// Appends `problem` as application/problem+json to the output.
void write_problem(answer_writer& to, const http_problem& problem,
                   std::span<const std::pair<std::string, std::string>> fields = {});

void write_reply(answer_writer& to, const http_reply& reply);

/// Answers a request that was put off; exactly once, from any thread. The client may be gone by then.
using http_later = std::function<void(http_reply)>;

/// A body without an end (server-sent events), pulled by the connection whenever its output is empty.
class http_stream {
 public:
  virtual ~http_stream() = default;

  /// Called once, before the first pull. `wake` may be called from any thread and makes the
  /// connection pull again.
  virtual void start(std::function<void()> wake) = 0;

  /// Appends what is to be sent now, about `room` bytes at most; false when the stream is over.
  [[nodiscard]] virtual bool pull(std::string& out, std::size_t room, time_point now) = 0;
};

class http_lane;

/// Gets the connection of a request that is no HTTP from here on (a WebSocket's handshake), on its lane's thread.
using http_take_over = std::function<void(boost::asio::ip::tcp::socket, std::shared_ptr<http_lane>)>;

/// One request and the way to answer it. A handler does one of: write the answer, answer, later, stream, take_over.
class http_exchange {
 public:
  [[nodiscard]] virtual const http_request& request() const noexcept = 0;
  [[nodiscard]] virtual time_point now() const noexcept = 0;

  /// For hot paths: writes one whole answer (open ... close) straight into the output.
  [[nodiscard]] virtual answer_writer& writer() noexcept = 0;

  void answer(const http_reply& reply) { write_reply(writer(), reply); }

  /// Puts the answer off; later requests of the connection wait. When nothing came a second after the
  /// deadline the client gets 504 outcome-unknown.
  [[nodiscard]] virtual http_later later(time_point deadline) = 0;

  /// Answers 200 with a body without an end. Not for HEAD.
  virtual void stream(std::string_view content_type, std::unique_ptr<http_stream> body) = 0;

  /// Answers nothing: once earlier answers are out, `f` gets the socket, and with it the duty to answer.
  virtual void take_over(http_take_over f) = 0;

  /// Nobody waits for the answer any longer, when that is known.
  [[nodiscard]] virtual time_point deadline() const noexcept { return time_point::max(); }

 protected:
  ~http_exchange() = default;
};

}  // namespace troupe
