// One connection to a Redis server, by hiredis, blocking, with time-outs. Whatever ends a call without an answer
// closes it: what the server says later must not be taken for the next answer.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

struct redisContext;
struct redisReply;

namespace troupe {

class redis_connection {
 public:
  struct freer {
    void operator()(redisReply* r) const noexcept;
  };
  using reply = std::unique_ptr<redisReply, freer>;

  /// Connects and logs in. errc::unavailable, errc::access_denied, errc::deadline_exceeded.
  [[nodiscard]] expected<void> open(const std::string& address, const std::string& password, time_point deadline);
  [[nodiscard]] bool is_open() const noexcept { return connection_ != nullptr; }
  void close() noexcept { connection_.reset(); }

  /// errc::access_denied, errc::corrupt for a key of another type, errc::unavailable for another error that the server
  /// says; it stays open after these. Closed after errc::unavailable and errc::deadline_exceeded of the connection.
  [[nodiscard]] expected<reply> send(const std::vector<std::string>& words, time_point deadline);

  /// What the server says unasked, after SUBSCRIBE. errc::deadline_exceeded: nothing yet, it stays open; what has come
  /// already is taken also when the deadline has passed.
  [[nodiscard]] expected<reply> next(time_point deadline);
  [[nodiscard]] int socket() const noexcept;

 private:
  struct closer {
    void operator()(redisContext* c) const noexcept;
  };
  [[nodiscard]] error lost(errc code);

  std::string address_;
  std::unique_ptr<redisContext, closer> connection_;
};

[[nodiscard]] std::string_view text_of(const redisReply& r) noexcept;

}  // namespace troupe
