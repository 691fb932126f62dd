#include "gateways/kvs/etcd_connection.hpp"

#include <optional>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "gateways/kvs/host_port.hpp"
#include "gateways/kvs/store_watcher.hpp"

namespace troupe {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

class etcd_connection::socket {
 public:
  using parser = http::response_parser<http::string_body>;

  /// False when the deadline came first: the step is cancelled, and the connection of no use any more.
  bool run(time_point deadline) {
    io.restart();
    io.run_until(deadline);
    if (io.stopped()) return true;
    stream.close();
    io.run();
    return false;
  }

  /// Reads on until something came; false when the deadline came first: the reading goes on then with the next call.
  bool read_some(time_point deadline) {
    if (!reading) {
      reading = true;
      http::async_read_some(stream, buffer, *flow, [this](beast::error_code e, std::size_t) {
        reading = false;
        failed = e;
      });
    }
    io.restart();
    io.poll();
    if (reading) io.run_until(deadline);
    return !reading;
  }

  asio::io_context io{1};
  beast::tcp_stream stream{io};
  beast::flat_buffer buffer;
  std::optional<parser> flow;  // of an answer that goes on
  std::string text;            // of it, and not yet taken
  beast::error_code failed;
  bool reading = false;
};

etcd_connection::etcd_connection() = default;
etcd_connection::~etcd_connection() = default;
void etcd_connection::close() noexcept { open_.reset(); }

error etcd_connection::lost(errc code, const std::string& why) {
  open_.reset();
  return {code, "etcd " + host_ + (why.empty() ? "" : ": " + why)};
}

expected<void> etcd_connection::open(const std::string& address, time_point deadline) {
  host_ = address;
  open_ = std::make_unique<socket>();
  const auto [host, port] = host_port_of(address);
  asio::ip::tcp::resolver resolver(open_->io);
  beast::error_code failed;
  const auto ends = resolver.resolve(host, std::to_string(port), failed);
  if (failed) return tl::unexpected(lost(errc::unavailable, failed.message()));
  open_->stream.async_connect(ends, [&](beast::error_code e, const auto&) { failed = e; });
  if (!open_->run(deadline)) return tl::unexpected(lost(errc::deadline_exceeded));
  if (failed) return tl::unexpected(lost(errc::unavailable, failed.message()));
  return {};
}

expected<void> etcd_connection::write(const std::string& path, const std::string& body, const std::string& token,
                                      time_point deadline) {
  http::request<http::string_body> request{http::verb::post, path, 11};
  request.set(http::field::host, host_);
  request.set(http::field::content_type, "application/json");
  if (!token.empty()) request.set(http::field::authorization, token);
  request.body() = body;
  request.prepare_payload();
  beast::error_code failed;
  http::async_write(open_->stream, request, [&](beast::error_code e, std::size_t) { failed = e; });
  if (!open_->run(deadline)) return tl::unexpected(lost(errc::deadline_exceeded));
  if (failed) return tl::unexpected(lost(errc::unavailable, failed.message()));
  return {};
}

expected<etcd_connection::answer> etcd_connection::post(const std::string& path, const std::string& body,
                                                        const std::string& token, time_point deadline) {
  if (auto written = write(path, body, token, deadline); !written) return tl::unexpected(std::move(written.error()));
  socket::parser parser;
  parser.body_limit(answer_bytes_max);
  beast::error_code failed;
  http::async_read(open_->stream, open_->buffer, parser, [&](beast::error_code e, std::size_t) { failed = e; });
  if (!open_->run(deadline)) return tl::unexpected(lost(errc::deadline_exceeded));
  if (failed) return tl::unexpected(lost(errc::unavailable, failed.message()));
  return answer{parser.get().result_int(), std::move(parser.get().body())};
}

expected<etcd_connection::answer> etcd_connection::stream(const std::string& path, const std::string& body,
                                                          const std::string& token, time_point deadline) {
  if (auto written = write(path, body, token, deadline); !written) return tl::unexpected(std::move(written.error()));
  watch_peer(open_->stream.socket().native_handle());
  auto& flow = open_->flow.emplace();
  flow.body_limit(boost::none);  // each line has a limit
  beast::error_code failed;
  http::async_read_header(open_->stream, open_->buffer, flow, [&](beast::error_code e, std::size_t) { failed = e; });
  if (!open_->run(deadline)) return tl::unexpected(lost(errc::deadline_exceeded));
  if (failed) return tl::unexpected(lost(errc::unavailable, failed.message()));
  answer begun{flow.get().result_int(), {}};
  if (begun.status == 200) return begun;
  if (auto said = line(deadline)) begun.body = std::move(*said);
  return begun;
}

expected<std::string> etcd_connection::line(time_point deadline) {
  for (;;) {
    auto& s = *open_;
    if (const auto end = s.text.find('\n'); end != s.text.npos) {
      auto first = s.text.substr(0, end);
      s.text.erase(0, end + 1);
      return first;
    }
    if (s.text.size() > line_bytes_max) return tl::unexpected(lost(errc::unavailable, "a line without an end"));
    if (!s.reading && s.flow->is_done() && !s.text.empty()) return std::exchange(s.text, {});
    if (!s.reading && s.flow->is_done()) return tl::unexpected(lost(errc::unavailable, "it ended what it was to tell"));
    if (!s.read_some(deadline)) return fail(errc::deadline_exceeded, "etcd: nothing was told");
    if (s.failed) return tl::unexpected(lost(errc::unavailable, s.failed.message()));
    s.text += s.flow->get().body();
    s.flow->get().body().clear();
  }
}

}  // namespace troupe
