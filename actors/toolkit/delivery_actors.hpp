// The two endpoints of a reliable delivery: machines of runtime/delivery as actors.
//
//   sender    in   anything                             taken, or answered with an error; answered ok when handled
//                  delivery_route                       who is registered as receiver now
//                  ack_atom, bytes                      of the receiver
//                  wake_atom, down_msg                  time; the receiver cannot be reached
//             out  frame_atom, bytes
//   receiver  in   frame_atom, bytes                    of senders, at any node
//                  an answer, or the end, of the target
//             out  the message, as a request to the target; ack_atom, bytes to the sender
//
// Handles die with a link; the registry has the next one. So a sender asks again while it has none and something waits.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/response_promise.hpp>

#include <troupe/caf_delivery.hpp>
#include <troupe/caf_registry.hpp>

#include "actors/atoms.hpp"
#include "runtime/delivery/delivery_receiver.hpp"
#include "runtime/delivery/delivery_sender.hpp"

namespace troupe {

using frame_atom = caf::atom_constant<caf::atom("dlv_frame")>;
using ack_atom = caf::atom_constant<caf::atom("dlv_ack")>;

struct delivery_route {
  std::vector<caf::actor> receivers;
};

/// Of all endpoints of a node.
struct delivery_numbers {
  std::atomic<std::uint64_t> taken{0}, refused{0}, handled{0}, again{0}, sessions{0};  // of senders
  std::atomic<std::uint64_t> received{0}, repeated{0}, failed{0}, unreadable{0}, malformed{0};
  std::atomic<std::int64_t> waiting{0};
};

class delivery_sender_actor : public caf::event_based_actor {
 public:
  static constexpr duration look_soon = std::chrono::milliseconds(50);  // when it was lost
  static constexpr duration look_again = std::chrono::seconds(1);       // while there is no receiver

  using look = std::function<std::vector<caf::actor>()>;
  struct setup {
    incarnation_id id;
    delivery_limits limits;
    std::uint64_t seed = 0;
    look receivers;  // as registered now
    std::shared_ptr<delivery_numbers> numbers;
  };
  delivery_sender_actor(caf::actor_config& cfg, setup s);

  caf::behavior make_behavior() override;
  const char* name() const override { return "delivery_sender"; }
  void on_exit() override;

 private:
  [[nodiscard]] time_point read_clock() const;
  caf::result<caf::message> take(caf::message content);
  void on_ack(const std::string& bytes);
  void choose(const std::vector<caf::actor>& receivers);
  void carry_out(const delivery_sender::output& out);
  void on_wake();
  void arm();
  void note_numbers();

  const setup with_;
  delivery_sender machine_;
  caf::actor receiver_;
  std::map<std::uint64_t, caf::response_promise> promises_;
  time_point look_at_ = time_point::max();
  time_point armed_ = time_point::max();
  delivery_sender::counters told_;
  std::size_t told_waiting_ = 0;
};

class delivery_receiver_actor : public caf::event_based_actor {
 public:
  struct setup {
    incarnation_id id;
    caf::actor target;
    std::shared_ptr<delivery_numbers> numbers;
  };
  delivery_receiver_actor(caf::actor_config& cfg, setup s);

  caf::behavior make_behavior() override;
  const char* name() const override { return "delivery_receiver"; }
  void on_exit() override;

 private:
  void on_frame(const std::string& bytes);
  void hand_over(const delivery_receiver::handed& m);
  void on_handled(const incarnation_id& producer, std::uint64_t number, errc how);
  void acknowledge(const delivery_receiver::output& out);

  setup with_;
  delivery_receiver machine_;
  std::map<incarnation_id, caf::actor> senders_;  // where to say what is here
};

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::delivery_route)
