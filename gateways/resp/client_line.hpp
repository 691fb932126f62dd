// One connection as CLIENT LIST and CLIENT INFO show it, and the filters of CLIENT KILL.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateways/resp/connection.hpp"

namespace troupe::resp {

/// "id=3 addr=127.0.0.1:5000 ...", without an end of line.
[[nodiscard]] std::string client_line(connection& c);

/// normal or pubsub; this door has no others.
enum class client_type : std::uint8_t { normal, master, replica, pubsub };
[[nodiscard]] std::optional<client_type> parse_client_type(std::string_view word) noexcept;
[[nodiscard]] client_type type_of(const connection& c) noexcept;

/// All that are given must hold.
struct client_filter {
  std::optional<std::uint64_t> id;
  std::optional<client_type> type;
  std::optional<std::string> peer;
  std::optional<std::string> local;
  bool skip_me = true;
  std::uint64_t me = 0;

  [[nodiscard]] bool matches(connection& c) const;
};

}  // namespace troupe::resp
