// One kept-alive HTTP/1.1 connection to an etcd member, used by one thread; every step ends at its deadline. Whatever
// ends a step without an answer closes it.
#pragma once

#include <memory>
#include <string>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

namespace troupe {

class etcd_connection {
 public:
  static constexpr std::size_t answer_bytes_max = 8U << 20U;
  static constexpr std::size_t line_bytes_max = 64U << 10U;

  struct answer {
    unsigned status = 0;
    std::string body;
  };

  etcd_connection();
  ~etcd_connection();

  /// errc::unavailable, errc::deadline_exceeded; so the others.
  [[nodiscard]] expected<void> open(const std::string& address, time_point deadline);
  [[nodiscard]] bool is_open() const noexcept { return open_ != nullptr; }
  void close() noexcept;

  [[nodiscard]] expected<answer> post(const std::string& path, const std::string& body, const std::string& token,
                                      time_point deadline);

  /// Asks for an answer that goes on and on; of no other use from then on. What the server said if it refuses.
  [[nodiscard]] expected<answer> stream(const std::string& path, const std::string& body, const std::string& token,
                                        time_point deadline);
  /// The next line of it, without its end. errc::deadline_exceeded: none yet, it stays open; what has come already is
  /// taken also when the deadline has passed.
  [[nodiscard]] expected<std::string> line(time_point deadline);

 private:
  class socket;
  [[nodiscard]] expected<void> write(const std::string& path, const std::string& body, const std::string& token,
                                     time_point deadline);
  [[nodiscard]] error lost(errc code, const std::string& why = {});

  std::string host_;
  std::unique_ptr<socket> open_;
};

}  // namespace troupe
