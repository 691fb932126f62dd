// The sending end of a reliable delivery: keeps each message until the receiver has handled it.
//
//   offer       -> cut into pieces, numbered; sent as far as the window goes. Refused when too much waits: the producer
//                  must slow down
//   on_route    -> the receiver was found: asked what it has; its answer opens the window
//   on_ack      -> handled messages are confirmed; the window moves. Another session: the receiver has forgotten
//                  everything, so all that is not confirmed goes again
//   no progress -> what was not received goes again, or the receiver is asked; later and later
//
// While both ends live a message is handled exactly once, in order; a receiver that lost its memory may get again what
// it had handled and not yet acknowledged. Pure, on the caller's clock.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <troupe/time.hpp>

#include "runtime/base/backoff.hpp"
#include "runtime/delivery/delivery_message.hpp"

namespace troupe {

struct delivery_limits {
  std::size_t message_bytes_max = 16 * 1024 * 1024;  // at most delivery_message_bytes_max
  std::size_t waiting_max = 1'000;                   // messages not confirmed
  std::size_t waiting_bytes_max = 64 * 1024 * 1024;  // of them; one message may be larger
  std::size_t window_bytes = 4 * 1024 * 1024;        // under way; one message may be larger
  std::size_t piece_bytes = 256 * 1024;              // at most delivery_piece_bytes_max
  duration retry_first = std::chrono::milliseconds(200);
  duration retry_most = std::chrono::seconds(5);
};

class delivery_sender {
 public:
  struct output {
    std::vector<delivery_frame> frames;
    std::vector<delivery_failure> confirmed;  // what offer() returned, in order, and how it ended: errc::ok, mostly
  };

  delivery_sender(incarnation_id producer, const delivery_limits& l, random rng);

  /// The number that will be confirmed. errc::too_large beyond message_bytes_max, errc::unavailable when so much waits.
  [[nodiscard]] expected<std::uint64_t> offer(std::string content, time_point now, output& out);
  /// A receiver can be reached, perhaps another one than before.
  void on_route(time_point now, output& out);
  void on_route_lost();
  void on_ack(const delivery_ack& a, time_point now, output& out);
  void on_tick(time_point now, output& out);
  /// max(): never, as long as nothing happens.
  [[nodiscard]] time_point next_tick() const noexcept { return retry_at_; }

  [[nodiscard]] std::size_t waiting() const noexcept { return messages_; }  // not confirmed
  [[nodiscard]] std::size_t waiting_bytes() const noexcept { return bytes_; }
  [[nodiscard]] bool routed() const noexcept { return state_ != state::no_route; }

  struct counters {
    std::uint64_t taken = 0, confirmed = 0, refused = 0, pieces = 0, again = 0, sessions = 0;
  };
  [[nodiscard]] const counters& counts() const noexcept { return counts_; }

 private:
  enum class state : std::uint8_t { no_route, asking, open };
  struct piece {
    std::shared_ptr<const std::string> whole;
    std::uint64_t message = 0;  // number of its first piece
    std::size_t offset = 0;
    std::size_t size = 0;
    bool begins = false;
    bool ends = false;
  };

  [[nodiscard]] std::uint64_t last() const noexcept { return base_ + pieces_.size() - 1; }
  [[nodiscard]] delivery_frame frame_of(std::uint64_t sequence) const;
  void ask(output& out);
  void rewind(std::uint64_t received);
  void confirm(const delivery_ack& a, output& out);
  void send(time_point now, output& out);
  void arm(time_point now);

  const incarnation_id producer_;
  const delivery_limits limits_;
  random rng_;
  backoff waits_;
  state state_ = state::no_route;
  incarnation_id session_;
  std::deque<piece> pieces_;     // not confirmed; the first begins a message
  std::uint64_t base_ = 1;       // number of the first
  std::uint64_t next_ = 1;       // to be sent
  std::uint64_t sent_most_ = 0;  // the highest that was ever sent
  std::uint64_t received_ = 0;   // by this session, all up to this one
  std::size_t under_way_ = 0;    // bytes of [base_, next_)
  std::size_t messages_ = 0;
  std::size_t bytes_ = 0;
  time_point retry_at_ = time_point::max();
  counters counts_;
};

}  // namespace troupe
