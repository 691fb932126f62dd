// A blocking RESP client that says and hears bytes. Every wait of it ends after `patience`, so that a broken door fails
// a test instead of hanging it.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe::resp {

inline constexpr int patience_s = 20;

class client {
 public:
  /// To "127.0.0.1:port", with a receive buffer of `receive_max` bytes when that is not 0.
  explicit client(const std::string& address, int receive_max = 0) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_max != 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_max, sizeof receive_max);
    const timeval patience{patience_s, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const auto colon = address.rfind(':');
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
    ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  ~client() { ::close(socket_); }
  client(client&& other) noexcept : socket_(std::exchange(other.socket_, -1)), connected_(other.connected_) {}
  client& operator=(client&&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }

  /// False when the door closed the connection.
  bool say(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// The next `count` bytes; fewer when the connection ended before.
  std::string hear(std::size_t count) {
    std::string heard(count, '\0');
    std::size_t size = 0;
    while (size < count) {
      const auto got = ::recv(socket_, heard.data() + size, count - size, 0);
      if (got <= 0) {
        ended_ = got == 0 || errno == ECONNRESET;
        break;
      }
      size += static_cast<std::size_t>(got);
    }
    heard.resize(size);
    return heard;
  }

  std::string ask(std::string_view bytes, std::size_t reply_size) {
    say(bytes);
    return hear(reply_size);
  }

  /// Whatever comes until the door closes.
  std::string hear_all() {
    std::string all;
    while (!ended_) {
      const auto more = hear(4096);
      if (more.size() < 4096 && !ended_) break;  // out of patience
      all += more;
    }
    return all;
  }
  /// True when the door closed the connection (waits for it).
  bool ended() {
    hear_all();
    return ended_;
  }

 private:
  int socket_;
  bool connected_ = false;
  bool ended_ = false;
};

}  // namespace troupe::resp
