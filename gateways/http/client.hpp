// A small HTTP/1.1 client for the command line: one connection a call, blocking, no TLS.
//
// It follows no redirects and keeps nothing between calls. Not for I/O threads or actors.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

namespace troupe {

struct http_answer {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case; of repeated ones the last
  std::string body;
};

inline constexpr std::uint64_t http_answer_body_max = 256ull * 1024 * 1024;

/// Sends one request to `url` ("http://host:port", "host:port"; port 80 when absent; a path in it goes
/// before `target`). `target` starts with '/' and is sent as it is: encode keys with percent_encode.
/// Any status is an answer. errc::unavailable when the address cannot be reached or hangs up (the
/// context names it), errc::deadline_exceeded, errc::invalid_argument for an unusable url,
/// errc::corrupt when what answers does not speak HTTP, errc::too_large beyond http_answer_body_max.
[[nodiscard]] expected<http_answer> http_call(std::string_view url, std::string_view method, std::string_view target,
                                              std::string_view body = {},
                                              const std::map<std::string, std::string>& headers = {},
                                              duration deadline = std::chrono::seconds(5));

/// One whole answer that came on another way than a connection of ours. errc::corrupt when it is none.
[[nodiscard]] expected<http_answer> parse_http_answer(std::string_view bytes);

/// Gets one line of a streamed body, without its line end; false ends the call.
using http_line_callback = std::function<bool(std::string_view line)>;

/// The same with GET for a body without an end (server-sent events): `on_line` sees each line as it
/// arrives. An answer other than 200 is read whole into `body` as http_call does. `deadline` bounds
/// the time to the answer's header, then the time without any byte (the door sends a comment every 15 s).
/// Returns when `on_line` says false or the server ends the stream.
[[nodiscard]] expected<http_answer> http_stream_lines(std::string_view url, std::string_view target,
                                                      const std::map<std::string, std::string>& headers,
                                                      const http_line_callback& on_line,
                                                      duration deadline = std::chrono::seconds(20));

}  // namespace troupe
