// A server that gives prepared answers, one to each request of one connection after the other, and then keeps the
// connection open without a word.
#pragma once

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe::test {

[[nodiscard]] inline std::string http_answer(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

/// The beginning of an answer that goes on.
[[nodiscard]] inline std::string http_stream(const std::string& body) {
  char size[20];
  (void)std::snprintf(size, sizeof size, "%zx", body.size());
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  return body.empty() ? head : head + size + "\r\n" + body + "\r\n";
}

class silent_server {
 public:
  explicit silent_server(std::vector<std::string> answers) : answers_(std::move(answers)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof a;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&a), size) != 0 || ::listen(listener_, 1) != 0) return;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&a), &size);
    address_ = "127.0.0.1:" + std::to_string(ntohs(a.sin_port));
    thread_ = std::thread([this] { serve(); });
  }
  ~silent_server() {
    ::shutdown(listener_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    ::close(listener_);
  }
  silent_server(const silent_server&) = delete;
  silent_server& operator=(const silent_server&) = delete;

  [[nodiscard]] const std::string& address() const noexcept { return address_; }

 private:
  void serve() {
    const int peer = ::accept(listener_, nullptr, nullptr);
    if (peer < 0) return;
    char request[4096];
    for (const auto& answer : answers_) {
      if (::recv(peer, request, sizeof request, 0) <= 0) break;
      (void)::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
    while (::recv(peer, request, sizeof request, 0) > 0) continue;  // until the client goes
    ::close(peer);
  }

  const std::vector<std::string> answers_;
  int listener_ = -1;
  std::string address_;
  std::thread thread_;
};

}  // namespace troupe::test
