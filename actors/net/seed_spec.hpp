// A seed as people write it: an address (10.0.0.1:7070, [::1]:7070), a host name with a port
// (db-1.example:7070), or a service record (srv:NAME, or _service._proto.name) whose answers bring
// their own ports. Nothing is resolved here. Also the file of seeds: one a line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>

namespace troupe {

struct seed_spec {
  enum class kind : std::uint8_t { address, host, service };
  kind what = kind::address;
  std::string host;  // numeric, a name, or the name of the record
  std::uint16_t port = 0;

  [[nodiscard]] bool operator==(const seed_spec&) const = default;
};

/// errc::invalid_argument with a sentence.
[[nodiscard]] expected<seed_spec> parse_seed(std::string_view text);

/// "10.0.0.1:7070", "[::1]:7070".
[[nodiscard]] std::string address_text(std::string_view numeric_host, std::uint16_t port);

struct seeds_in_file {
  static constexpr std::size_t bytes_max = 64 * 1024;
  static constexpr std::size_t seeds_max = 1024;

  struct bad_line {
    std::size_t number = 0;
    std::string reason;
  };
  std::vector<std::string> seeds;  // each passes parse_seed
  std::vector<bad_line> bad;       // at most the first 100
};

/// Blank lines and what follows a # are passed over; a bad line costs only itself.
[[nodiscard]] seeds_in_file parse_seeds(std::string_view text);

}  // namespace troupe
