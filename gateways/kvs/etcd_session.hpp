// A user's requests to etcd's JSON gateway over one connection: logs in, names what the gateway refuses, and what
// JSON and base64 need.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "gateways/kvs/etcd_connection.hpp"

namespace troupe {

class etcd_session {
 public:
  /// The user whose password kvs.password_file holds.
  static constexpr const char* user = "troupe";

  /// An empty password: no authentication. errc::access_denied, errc::unavailable, errc::deadline_exceeded.
  [[nodiscard]] expected<void> open(const std::string& address, const std::string& password, time_point deadline);
  [[nodiscard]] bool is_open() const noexcept { return connection_.is_open(); }
  void close() noexcept { connection_.close(); }

  /// An object. It stays open when the gateway refuses: errc::access_denied, errc::too_large, errc::unavailable.
  [[nodiscard]] expected<nlohmann::json> post(const std::string& path, const nlohmann::json& body, time_point deadline);
  /// An answer that goes on, and the `result` of its next line, an object; errors as post and etcd_connection::line.
  [[nodiscard]] expected<void> stream(const std::string& path, const nlohmann::json& body, time_point deadline);
  [[nodiscard]] expected<nlohmann::json> next(time_point deadline);

 private:
  etcd_connection connection_;
  std::string token_;
};

/// What the gateway said is wrong, by its words: it has no codes that tell these apart.
[[nodiscard]] error etcd_refusal(const std::string& why);

/// What is at `where` if it is a string; nothing else is trusted to be there.
[[nodiscard]] std::optional<std::string> text_at(const nlohmann::json& answer, const std::string& where);

}  // namespace troupe
