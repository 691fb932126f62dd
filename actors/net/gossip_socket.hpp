// The UDP socket of gossip: hands each datagram to one receiver, sends from any thread.
//
// It knows nothing of what is in a datagram, but that it is sealed when a seal was given; what is not
// for this cluster's eyes is counted by its reason and dropped, and never answered. A send that the
// kernel refuses is counted and forgotten: gossip lives with loss.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

#include <troupe/error.hpp>

#include "actors/net/network_faults.hpp"
#include "actors/net/packet_seal.hpp"

namespace troupe {

class gossip_socket {
 public:
  /// Called on the I/O thread; must only hand over. `from` is "host:port".
  using receiver = std::function<void(std::string from, std::string bytes)>;

  /// Called on the I/O thread for each datagram that was dropped; must only hand over.
  using drop_receiver = std::function<void(const std::string& from, packet_drop why)>;

  static constexpr std::size_t datagram_bytes_max = 65'507;

  struct numbers {
    std::atomic<std::uint64_t> packets_in{0};
    std::atomic<std::uint64_t> packets_out{0};
    std::atomic<std::uint64_t> bytes_in{0};
    std::atomic<std::uint64_t> bytes_out{0};
    std::atomic<std::uint64_t> send_failures{0};
    std::array<std::atomic<std::uint64_t>, packet_drops> dropped{};
  };

  /// `faults` are of tests; most have none.
  explicit gossip_socket(boost::asio::io_context& loop, std::shared_ptr<const network_faults> faults = nullptr);
  ~gossip_socket();

  gossip_socket(const gossip_socket&) = delete;
  gossip_socket& operator=(const gossip_socket&) = delete;

  /// errc::unavailable with the address when it is taken.
  [[nodiscard]] expected<void> bind(const boost::asio::ip::udp::endpoint& where);
  /// Before anything is sent: what is sent is sealed, and only what is sealed is received. Null: all in the clear.
  void set_seal(std::shared_ptr<packet_seal> seal);
  void start(receiver r, drop_receiver on_drop = {});
  /// From any thread. `to` is "host:port" with a numeric host; anything else is counted as a failure.
  void send(std::string_view to, std::string bytes);
  /// From any thread, or after the I/O threads ended. Idempotent.
  void close();

  [[nodiscard]] const numbers& count() const noexcept;

 private:
  class core;
  std::shared_ptr<core> core_;
};

}  // namespace troupe
