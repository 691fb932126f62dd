// Discovery on one network: says the cluster's name and this node's address to an IPv4 multicast group,
// and tells of the addresses that others of the same cluster say.
//
// A node that searches announces itself each second; who hears it answers with its own announcement,
// at most one a second; a member says a word each 30 s. Packets are sealed when the cluster has a
// secret; what does not open, or is of another cluster, is counted and dropped. Nothing but addresses
// is learnt. Everything runs on the thread of its io_context.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "actors/net/announcement.hpp"
#include "actors/net/packet_seal.hpp"

namespace troupe {

class multicast_beacon {
 public:
  static constexpr duration search_interval = std::chrono::seconds(1);
  static constexpr duration member_interval = std::chrono::seconds(30);
  static constexpr duration answer_delay_max = std::chrono::milliseconds(300);
  static constexpr duration answer_pause = std::chrono::seconds(1);
  static constexpr int hops = 1;  // it stays on this network

  struct numbers {
    std::atomic<std::uint64_t> sent{0};
    std::atomic<std::uint64_t> heard{0};    // of this cluster, from others
    std::atomic<std::uint64_t> foreign{0};  // of other clusters
    std::atomic<std::uint64_t> dropped{0};  // neither opened nor decoded
  };
  using heard_callback = std::function<void(const std::string& address)>;

  /// `seal` is null without a secret.
  multicast_beacon(boost::asio::io_context& loop, announcement self, std::shared_ptr<packet_seal> seal);
  ~multicast_beacon();

  multicast_beacon(const multicast_beacon&) = delete;
  multicast_beacon& operator=(const multicast_beacon&) = delete;

  /// `group` is "239.1.2.3:7071"; `on` the address of the interface, a wildcard for the system's choice.
  /// errc::unavailable with the group when it cannot be joined.
  [[nodiscard]] expected<void> open(const std::string& group, const boost::asio::ip::address& on);
  void start(heard_callback heard);
  /// The node is a member now. From any thread.
  void found();
  /// From any thread, or after the loop ended. Idempotent.
  void close();

  [[nodiscard]] const numbers& count() const noexcept;

 private:
  class core;
  std::shared_ptr<core> core_;
};

}  // namespace troupe
