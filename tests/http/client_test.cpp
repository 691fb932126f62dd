#include "gateways/http/client.hpp"

#include <thread>

#include <gmock/gmock.h>

#include "gateways/http/uri.hpp"
#include "tests/http/door_fixture.hpp"

namespace troupe {
namespace {

using testing::HasSubstr;

class http_client_test : public http_door_test {
 protected:
  [[nodiscard]] std::string url() const { return "http://" + door->address(); }
};

// A listening socket that says `bytes` to the first client and hangs up, or stays silent.
class one_answer {
 public:
  explicit one_answer(std::string bytes) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(::listen(fd_, 4), 0);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size);
    url = "http://127.0.0.1:" + std::to_string(ntohs(at.sin_port));
    if (!bytes.empty()) thread_ = std::thread([this, text = std::move(bytes)] { serve(text); });
  }
  ~one_answer() {
    ::shutdown(fd_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    ::close(fd_);
  }

  std::string url;

 private:
  void serve(const std::string& text) const {
    const int client = ::accept(fd_, nullptr, nullptr);
    if (client < 0) return;
    char request[4096];
    if (::recv(client, request, sizeof request, 0) > 0) ::send(client, text.data(), text.size(), MSG_NOSIGNAL);
    ::close(client);
  }

  int fd_;
  std::thread thread_;
};

TEST_F(http_client_test, calls_a_node) {
  open();
  const std::string key = "/v1/cache/default/" + percent_encode("a key\n");
  const auto put = http_call(url(), "PUT", key, "value", {{"If-None-Match", "*"}});
  ASSERT_TRUE(put) << describe(put.error());
  EXPECT_EQ(put->status, 204);
  EXPECT_EQ(put->headers.at("etag"), "\"1\"");
  const auto got = http_call(door->address(), "GET", key);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->body, "value");
  EXPECT_EQ(http_call(url() + "/", "GET", "/nothing")->status, 404);
  EXPECT_EQ(http_call(url() + "/v1", "GET", "/cluster")->status, 200);
  const auto head = http_call(url(), "HEAD", key);
  ASSERT_TRUE(head) << describe(head.error());
  EXPECT_EQ(head->headers.at("content-length"), "5");
}

TEST_F(http_client_test, carries_large_bodies_both_ways) {
  open();
  const std::string large(7 * mib, 'x');
  EXPECT_EQ(http_call(url(), "PUT", "/v1/cache/default/k", large)->status, 204);
  EXPECT_TRUE(http_call(url(), "GET", "/v1/cache/default/k")->body == large);
  EXPECT_EQ(http_call(url(), "PUT", "/v1/cache/default/k", large + large)->status, 413);
}

TEST_F(http_client_test, streams_lines) {
  open();
  events.publish("one");
  std::vector<std::string> kinds;
  const auto a = http_stream_lines(url(), "/v1/events", {{"Last-Event-ID", "0"}}, [&](std::string_view line) {
    if (line.starts_with("event: ")) kinds.emplace_back(line.substr(7));
    if (kinds.size() == 1) events.publish("two");
    return kinds.size() < 2;
  });
  ASSERT_TRUE(a) << describe(a.error());
  EXPECT_EQ(a->status, 200);
  EXPECT_THAT(kinds, testing::ElementsAre("one", "two"));
}

TEST_F(http_client_test, gives_a_refused_stream_its_body) {
  open();
  const auto a = http_stream_lines(url(), "/v1/nothing", {}, [](std::string_view) { return true; });
  ASSERT_TRUE(a);
  EXPECT_EQ(a->status, 404);
  EXPECT_THAT(a->body, HasSubstr("no-route"));
}

TEST_F(http_client_test, names_the_address_that_it_cannot_reach) {
  std::string gone;
  {
    const one_answer closed("");
    gone = closed.url;
  }
  const auto a = http_call(gone, "GET", "/");
  ASSERT_FALSE(a);
  EXPECT_EQ(a.error().code, errc::unavailable);
  EXPECT_THAT(a.error().context, HasSubstr(gone.substr(7)));
}

TEST_F(http_client_test, honours_its_deadline) {
  const one_answer silent("");
  const auto a = http_call(silent.url, "GET", "/", {}, {}, std::chrono::milliseconds(30));
  ASSERT_FALSE(a);
  EXPECT_EQ(a.error().code, errc::deadline_exceeded);
}

TEST_F(http_client_test, refuses_what_is_no_http) {
  const one_answer garbage("+PONG\r\n\r\n");
  EXPECT_EQ(http_call(garbage.url, "GET", "/").error().code, errc::corrupt);
}

TEST_F(http_client_test, tells_a_cut_answer_from_a_whole_one) {
  const std::string whole = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const one_answer cut(whole.substr(0, size));
    const auto a = http_call(cut.url, "GET", "/");
    ASSERT_FALSE(a) << size;
    EXPECT_EQ(a.error().code, errc::unavailable) << size;
  }
  const one_answer good(whole);
  EXPECT_EQ(http_call(good.url, "GET", "/")->body, "abc");
}

TEST_F(http_client_test, refuses_unusable_urls_and_requests) {
  for (const char* bad : {"", "http://", "https://x:1", "http://x:port", "http://[::1", "http://[::1]x", "x:"}) {
    const auto a = http_call(bad, "GET", "/");
    ASSERT_FALSE(a) << bad;
    EXPECT_EQ(a.error().code, errc::invalid_argument) << bad;
  }
  EXPECT_EQ(http_call("127.0.0.1:1", "GET", "/a b").error().code, errc::invalid_argument);
  EXPECT_EQ(http_call("127.0.0.1:1", "GET", "/", "", {{"A", "b\r\nC: d"}}).error().code, errc::invalid_argument);
}

TEST(parse_http_answer, takes_one_whole_answer_and_nothing_else) {
  const std::string whole =
      "HTTP/1.1 201 Created\r\nDate: \r\nETag: \"1\"\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\nabc";
  const auto read = parse_http_answer(whole);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->status, 201);
  EXPECT_EQ(read->headers.at("etag"), "\"1\"");
  EXPECT_EQ(read->body, "abc");
  EXPECT_EQ(parse_http_answer("HTTP/1.1 204 No Content\r\nDate: \r\n\r\n")->status, 204);
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(parse_http_answer(whole.substr(0, size)).error().code, errc::corrupt) << size;
  EXPECT_FALSE(parse_http_answer(whole + "d"));
  EXPECT_FALSE(parse_http_answer("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
}

}  // namespace
}  // namespace troupe
