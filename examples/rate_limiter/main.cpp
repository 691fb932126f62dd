// A rate limiter for many front ends: so many requests of a key in a window, counted in the cluster's cache, whichever
// node is asked. README.md says why it has a small HTTP server of its own.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <troupe/local_cluster.hpp>
#include <troupe/node.hpp>

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using namespace std::chrono_literals;

struct verdict {
  bool allowed = false;
  std::int64_t left = 0;
  std::chrono::seconds retry_after{};
};

// The counter of a key and a window is one value at its shard's primary: increments of all nodes are one after the
// other. A window is a stretch of the wall clock, so front ends whose clocks differ count the seconds between in the
// next one.
class limiter {
 public:
  using callback = std::function<void(troupe::expected<verdict>)>;
  using clock = std::function<std::chrono::seconds()>;
  limiter(troupe::cache counters, std::int64_t tokens, std::chrono::seconds window, clock now)
      : counters_(std::move(counters)), tokens_(tokens), window_(window), now_(std::move(now)) {}

  void ask(const std::string& key, callback done) {
    const auto now = now_();
    const auto number = now / window_;
    const auto wait = window_ * (number + 1) - now;
    // It lives a little longer than its window, for clocks that are behind; then the cache forgets it by itself.
    counters_.increment("tokens:" + key + ":" + std::to_string(number), {.by = 1, .ttl_if_new = 2 * window_},
                        [this, wait, done = std::move(done)](troupe::expected<std::int64_t> taken) {
                          if (!taken) return done(tl::unexpected(taken.error()));
                          done(verdict{*taken <= tokens_, std::max<std::int64_t>(0, tokens_ - *taken), wait});
                        });
  }

 private:
  troupe::cache counters_;
  const std::int64_t tokens_;
  const std::chrono::seconds window_;
  const clock now_;
};

// POST /take/KEY: 204 when there was a token, 429 when there was none, 503 when the counter could not be reached.
class connection : public std::enable_shared_from_this<connection> {
 public:
  connection(tcp::socket socket, limiter& limits) : stream_(std::move(socket)), limits_(limits) {}

  void read() {
    parser_.emplace();
    parser_->header_limit(4096);
    parser_->body_limit(1024);
    stream_.expires_after(30s);
    http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](auto failed, std::size_t) {
      if (!failed) self->take(self->parser_->get());
    });
  }

 private:
  static constexpr std::string_view path = "/take/";

  void take(const http::request<http::string_body>& request) {
    const auto target = std::string_view(request.target().data(), request.target().size());
    keep_alive_ = request.keep_alive();
    const auto key = target.starts_with(path) ? target.substr(path.size()) : std::string_view();
    if (key.empty() || key.size() > 200) return answer(http::status::not_found, {});
    if (request.method() != http::verb::post) return answer(http::status::method_not_allowed, {});
    // The answer may come on a thread of the node: it is written on this connection's own.
    limits_.ask(std::string(key), [self = shared_from_this()](troupe::expected<verdict> v) {
      asio::post(self->stream_.get_executor(), [self, v = std::move(v)] {
        if (!v) return self->answer(http::status::service_unavailable, {});
        self->answer(v->allowed ? http::status::no_content : http::status::too_many_requests, *v);
      });
    });
  }

  void answer(http::status status, const verdict& v) {
    reply_ = {status, 11};
    reply_.keep_alive(keep_alive_);
    reply_.set("X-RateLimit-Remaining", std::to_string(v.left));
    if (status == http::status::too_many_requests) reply_.set("Retry-After", std::to_string(v.retry_after.count()));
    reply_.prepare_payload();
    http::async_write(stream_, reply_, [self = shared_from_this()](auto failed, std::size_t) {
      if (!failed && self->keep_alive_) self->read();
    });
  }

  boost::beast::tcp_stream stream_;
  limiter& limits_;
  boost::beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::empty_body> reply_;
  bool keep_alive_ = false;
};

// One front end: a limiter on a node's cache, behind a port.
class front_end {
 public:
  front_end(asio::io_context& loop, troupe::cache counters, limiter::clock now, std::uint16_t port)
      : limits_(std::move(counters), 10, 60s, std::move(now)),
        acceptor_(loop, tcp::endpoint(asio::ip::address_v4::loopback(), port)) {
    accept();
  }
  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  void accept() {
    acceptor_.async_accept([this](auto failed, tcp::socket socket) {
      if (failed) return;
      std::make_shared<connection>(std::move(socket), limits_)->read();
      accept();
    });
  }
  limiter limits_;
  tcp::acceptor acceptor_;
};

int take(std::uint16_t port, const std::string& key) {
  asio::io_context loop;
  boost::beast::tcp_stream stream(loop);
  stream.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port));
  http::request<http::empty_body> request(http::verb::post, "/take/" + key, 11);
  request.set(http::field::host, "localhost");
  http::write(stream, request);
  boost::beast::flat_buffer buffer;
  http::response<http::string_body> reply;
  http::read(stream, buffer, reply);
  return static_cast<int>(reply.result_int());
}

}  // namespace

// Two nodes, a front end at each; requests of one key go to them in turn. With a port they stay until the program is
// ended; without one time goes by at our word.
int main(int argc, char** argv) {
  auto cluster = troupe::local_cluster::start({.nodes = 2, .services = {"cache"}});
  if (!cluster) return 1;
  const bool stays = argc > 1;
  std::atomic<std::int64_t> told{0};
  const auto now = [&]() -> std::chrono::seconds {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return stays ? std::chrono::duration_cast<std::chrono::seconds>(since) : std::chrono::seconds(told.load());
  };
  asio::io_context loop;
  std::vector<std::unique_ptr<front_end>> doors;
  for (std::size_t i = 0; i < cluster->size(); ++i) {
    const auto port = static_cast<std::uint16_t>(stays ? std::stoi(argv[1]) + static_cast<int>(i) : 0);
    doors.push_back(std::make_unique<front_end>(loop, *cluster->at(i).open_cache(), now, port));
    std::printf("POST http://127.0.0.1:%u/take/KEY\n", doors.back()->port());
    std::fflush(stdout);
  }
  std::thread serving([&] { loop.run(); });
  if (stays) serving.join();

  const auto spend = [&](const std::string& key) {
    int allowed = 0;
    for (std::size_t i = 0; i < 12; ++i) allowed += take(doors[i % doors.size()]->port(), key) == 204 ? 1 : 0;
    return allowed;
  };
  const int allowed = spend("alice");
  std::printf("alice: %d of 12, then %d\n", allowed, take(doors[1]->port(), "alice"));
  std::printf("bob: %d\n", take(doors[0]->port(), "bob"));
  told = 60;
  std::printf("alice in the next window: %d of 12\n", spend("alice"));
  std::printf("no key: %d\n", take(doors[0]->port(), ""));
  loop.stop();
  serving.join();
}
