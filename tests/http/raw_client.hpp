// A blocking client of plain bytes for tests of the HTTP door: it can send half a request, several at
// once, or garbage, and reads answers one by one. Nothing waits longer than `patience`.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe {

struct raw_answer {
  int status = 0;                             // 0: the connection ended before a whole answer
  std::map<std::string, std::string> fields;  // names in lower case
  std::string body;

  [[nodiscard]] std::string field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second;
  }
};

class raw_client {
 public:
  static constexpr int patience_ms = 10000;

  explicit raw_client(const std::string& address, int receive_buffer = 0) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const auto colon = address.rfind(':');
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
    ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  raw_client(raw_client&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_), bytes_(std::move(other.bytes_)) {}
  raw_client& operator=(raw_client&&) = delete;
  ~raw_client() {
    if (fd_ >= 0) ::close(fd_);
  }

  [[nodiscard]] bool connected() const noexcept { return connected_; }

  /// False when the door has hung up.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  void end_sending() { ::shutdown(fd_, SHUT_WR); }

  /// The next answer; `head`: it has no body whatever its fields say.
  raw_answer read(bool head = false) {
    raw_answer a;
    const auto end = wait_for("\r\n\r\n");
    if (end == std::string::npos) return a;
    read_head(a, std::string_view(bytes_).substr(0, end));
    bytes_.erase(0, end + 4);
    if (head || a.status == 101 || a.status == 204 || a.status == 304) return a;
    const auto length = a.fields.find("content-length");
    if (length == a.fields.end()) return a;
    const auto size = static_cast<std::size_t>(std::stoull(length->second));
    while (bytes_.size() < size) {
      if (receive() <= 0) return {};
    }
    a.body = bytes_.substr(0, size);
    bytes_.erase(0, size);
    return a;
  }

  raw_answer call(std::string_view request, bool head = false) {
    send(request);
    return read(head);
  }

  /// The next line without its end; none when the connection ended.
  std::optional<std::string> line() {
    const auto end = wait_for("\n");
    if (end == std::string::npos) return std::nullopt;
    std::string text = bytes_.substr(0, end);
    bytes_.erase(0, end + 1);
    return text;
  }

  /// `size` bytes, fewer when the connection ended.
  std::string take(std::size_t size) {
    while (bytes_.size() < size && receive() > 0) {
    }
    std::string taken = bytes_.substr(0, size);
    bytes_.erase(0, taken.size());
    return taken;
  }

  /// True when the door closes the connection in time; what comes before is dropped.
  bool closed_by_door() {
    int n = 1;
    while (n > 0) n = receive();
    return n == 0;
  }

 private:
  // Position of `mark` in the bytes read, or npos at the end of the connection.
  std::size_t wait_for(std::string_view mark) {
    while (true) {
      const auto at = bytes_.find(mark);
      if (at != std::string::npos) return at;
      if (receive() <= 0) return std::string::npos;
    }
  }

  // Bytes received, 0 when the other side closed (or reset), -1 when patience ended.
  int receive() {
    pollfd waiting{fd_, POLLIN, 0};
    if (::poll(&waiting, 1, patience_ms) != 1) return -1;
    char chunk[65536];
    const auto n = ::recv(fd_, chunk, sizeof chunk, 0);
    if (n <= 0) return 0;
    bytes_.append(chunk, static_cast<std::size_t>(n));
    return static_cast<int>(n);
  }

  static void read_head(raw_answer& a, std::string_view head) {
    a.status = head.size() > 12 ? std::stoi(std::string(head.substr(9, 3))) : 0;
    for (auto at = head.find("\r\n"); at != head.npos;) {
      const auto end = head.find("\r\n", at + 2);
      const std::string_view line = head.substr(at + 2, end == head.npos ? end : end - at - 2);
      const auto colon = line.find(": ");
      std::string name(line.substr(0, colon));
      for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      a.fields[name] = colon == line.npos ? "" : std::string(line.substr(colon + 2));
      at = end;
    }
  }

  int fd_;
  bool connected_ = false;
  std::string bytes_;
};

}  // namespace troupe
