// What the HTTP door counts. One set an I/O thread, written by that thread alone without a locked
// instruction and read by whoever scrapes.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "actors/metrics.hpp"

namespace troupe {

/// Why a request or a connection was refused or cut off.
enum class http_refusal : std::uint8_t {
  bad_request,
  uri_too_long,
  header_too_large,
  body_too_large,
  bad_expectation,
  not_implemented,
  header_timeout,
  body_timeout,
  output_timeout,  // the client does not read
  answer_timeout,  // a handler gave no answer in its time
  connections_max,
};

inline constexpr std::size_t http_refusals = 11;

[[nodiscard]] std::string_view name_of(http_refusal r) noexcept;

struct http_counts {
  using number = std::atomic<std::uint64_t>;

  std::array<number, 6> answers{};  // by status / 100
  std::array<number, http_refusals> refused{};
  number accepted{0};
  number bytes_in{0};
  number bytes_out{0};

  /// For the one thread that writes.
  static void add(number& n, std::uint64_t more = 1) noexcept {
    n.store(n.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }
  void refuse(http_refusal r) noexcept { add(refused[static_cast<std::size_t>(r)]); }
};

/// Shows the sums as troupe_http_*. The metrics may outlive the door: they keep the counts.
void expose_counts(metrics& to, std::vector<std::shared_ptr<http_counts>> lanes);

}  // namespace troupe
