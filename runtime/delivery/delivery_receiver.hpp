// The receiving end of a reliable delivery: takes pieces in order, once, from any number of producers, and puts
// messages together again.
//
//   on_frame    -> the next piece is taken, and with the last one of a message that is handed over; what came before,
//   or
//                  comes too early, is not. Either way the producer is told what is here
//   on_handled  -> the producer is told that it is done with
//
// A producer that is not known begins where it says: everything below was handled, by whoever. So a receiver that
// starts afresh needs nothing from the one before. Pure, without a clock.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/delivery/delivery_message.hpp"

namespace troupe {

inline constexpr std::size_t delivery_producers_max = 1'024;                    // remembered by one receiver
inline constexpr std::size_t delivery_unhandled_bytes_max = 128 * 1024 * 1024;  // of all of them

class delivery_receiver {
 public:
  struct handed {
    incarnation_id producer;
    std::uint64_t number = 0;  // for on_handled
    std::string content;
  };
  struct output {
    std::vector<delivery_ack> acks;
    std::vector<handed> messages;
  };

  explicit delivery_receiver(incarnation_id self) : self_(self) {}

  void on_frame(const delivery_frame& f, output& out);
  /// In any order; the producer hears of it when all before are.
  void on_handled(const incarnation_id& producer, std::uint64_t number, errc how, output& out);

  [[nodiscard]] std::size_t producers() const noexcept { return producers_.size(); }
  [[nodiscard]] std::size_t unhandled() const noexcept { return unhandled_; }

  struct counters {
    std::uint64_t taken = 0, repeated = 0, early = 0, malformed = 0, no_room = 0, handled = 0;
  };
  [[nodiscard]] const counters& counts() const noexcept { return counts_; }

 private:
  struct waiting {
    std::size_t bytes = 0;
    bool handled = false;
  };
  struct producer {
    incarnation_id session;
    std::uint64_t expected = 1;
    std::uint64_t handled = 0;
    bool open = false;  // a message has begun
    std::string partial;
    std::map<std::uint64_t, waiting> in_hand;
    std::map<std::uint64_t, errc> failures;  // until the producer knows of them
    std::uint64_t used = 0;
  };

  [[nodiscard]] producer* find_or_make(const delivery_frame& f);
  void begin_at(producer& p, std::uint64_t base);
  void take(producer& p, const delivery_frame& f, output& out);
  void acknowledge(const incarnation_id& id, const producer& p, output& out) const;

  const incarnation_id self_;
  std::map<incarnation_id, producer> producers_;
  std::uint64_t uses_ = 0;
  std::uint64_t sessions_ = 0;
  std::size_t unhandled_ = 0;
  std::size_t bytes_ = 0;  // handed over and not handled, and of messages that have begun
  counters counts_;
};

}  // namespace troupe
