// A name server for tests: answers A, AAAA and SRV from a table over UDP on loopback, on a thread of its own.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe::testing {

class dns_server {
 public:
  static constexpr int type_a = 1;
  static constexpr int type_aaaa = 28;
  static constexpr int type_srv = 33;

  dns_server() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (::bind(socket_, reinterpret_cast<sockaddr*>(&at), size) != 0) std::abort();
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&at), &size);
    address_ = "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
    thread_ = std::thread([this] { serve(); });
  }
  ~dns_server() {
    stopping_ = true;
    thread_.join();
    ::close(socket_);
  }

  [[nodiscard]] const std::string& address() const noexcept { return address_; }
  [[nodiscard]] std::size_t questions() const noexcept { return questions_; }
  void set_silent(bool silent) { silent_ = silent; }

  void set_a(const std::string& name, const std::vector<std::string>& ips) {
    std::vector<std::string> rows;
    for (const auto& ip : ips) {
      std::array<char, 4> raw{};
      ::inet_pton(AF_INET, ip.c_str(), raw.data());
      rows.emplace_back(raw.data(), raw.size());
    }
    set(name, type_a, std::move(rows));
  }
  void set_srv(const std::string& name, const std::vector<std::pair<std::string, std::uint16_t>>& targets) {
    std::vector<std::string> rows;
    for (const auto& [host, port] : targets) {
      std::string row(4, '\0');  // priority and weight
      row += static_cast<char>(port >> 8);
      row += static_cast<char>(port & 0xff);
      rows.push_back(row + wire_name(host));
    }
    set(name, type_srv, std::move(rows));
  }

 private:
  static std::string wire_name(const std::string& name) {
    std::string wire;
    std::string label;
    for (const char c : name + ".") {
      if (c != '.') {
        label += c;
        continue;
      }
      wire += static_cast<char>(label.size());
      wire += label;
      label.clear();
    }
    return wire + '\0';
  }

  void set(const std::string& name, int type, std::vector<std::string> rows) {
    const std::lock_guard lock(mutex_);
    table_[{name, type}] = std::move(rows);
  }

  void serve() {
    std::array<char, 2048> buffer{};
    while (!stopping_) {
      pollfd watched{socket_, POLLIN, 0};
      if (::poll(&watched, 1, 20) <= 0) continue;
      sockaddr_in from{};
      socklen_t from_size = sizeof from;
      const auto size =
          ::recvfrom(socket_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &from_size);
      if (size < 17 || silent_) continue;
      ++questions_;
      const auto reply = answer({buffer.data(), static_cast<std::size_t>(size)});
      ::sendto(socket_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), from_size);
    }
  }

  std::string answer(const std::string& question) {
    std::size_t at = 12;
    std::string name;
    while (at < question.size() && question[at] != 0) {
      const auto length = static_cast<std::size_t>(question[at]);
      name += (name.empty() ? "" : ".") + question.substr(at + 1, length);
      at += length + 1;
    }
    const int type = static_cast<unsigned char>(question[at + 2]);
    const std::string asked = question.substr(12, at + 5 - 12);
    const std::lock_guard lock(mutex_);
    const auto known = table_.lower_bound({name, 0});
    const bool exists = known != table_.end() && known->first.first == name;
    const auto rows = table_.contains({name, type}) ? table_[{name, type}] : std::vector<std::string>{};
    std::string reply = question.substr(0, 2);
    reply += static_cast<char>(0x85);                  // an answer, authoritative, recursion wanted
    reply += static_cast<char>(exists ? 0x80 : 0x83);  // or: no such name
    reply += std::string("\0\1\0", 3) + static_cast<char>(rows.size()) + std::string(4, '\0') + asked;
    for (const auto& row : rows) {
      reply += std::string("\xC0\x0C\0", 3) + static_cast<char>(type) + std::string("\0\1\0\0\0\0", 6);
      reply += static_cast<char>(row.size() >> 8);
      reply += static_cast<char>(row.size() & 0xff);
      reply += row;
    }
    return reply;
  }

  const int socket_;
  std::string address_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> silent_{false};
  std::atomic<std::size_t> questions_{0};
  std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::vector<std::string>> table_;
  std::thread thread_;
};

}  // namespace troupe::testing
