// Runs the machine of the key-value service: turns what arrives into calls, and what the machine puts out into
// writes, messages on the cluster link and answers. It decides nothing.
//
//   in               out
//   wake_atom        the inbox (messages, requests, finished writes) goes through the machine
//   timer_atom, id   kvs_machine::on_tick; timer_atom to itself at next_tick
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <caf/event_based_actor.hpp>

#include "actors/actor_inbox.hpp"
#include "actors/alarm.hpp"
#include "actors/atoms.hpp"
#include "actors/cluster_board.hpp"
#include "actors/kvs/kvs_file.hpp"
#include "actors/supervision/supervisor_actor.hpp"
#include "runtime/kvs/kvs_machine.hpp"

namespace troupe {

/// What waits for the actor.
struct kvs_message_arrived {
  std::string from;
  std::string bytes;
};
struct kvs_asked {
  kvs_request request;
};
struct kvs_written {
  std::uint64_t generation = 0;  // of the actor that wrote: another's token says nothing
  std::uint64_t token = 0;
  bool durable = false;
};
struct kvs_members_changed {};
struct kvs_alarm_rang {};

using kvs_item = std::variant<kvs_message_arrived, kvs_asked, kvs_written, kvs_members_changed, kvs_alarm_rang>;

/// The way in, from any thread.
class kvs_inbox : public actor_inbox<kvs_item> {
 public:
  static constexpr std::size_t items_max = 16'384;

  kvs_inbox(std::shared_ptr<child_slot> actor, boost::asio::io_context& loop)
      : actor_inbox(items_max, std::move(actor), loop) {}
};

/// What the actor acts upon; everything outlives it.
struct kvs_ports {
  kvs_inbox& in;
  alarm& clock;              // pushes kvs_alarm_rang
  kvs_file* file = nullptr;  // null: the node does not run the service
  cluster_board& board;
  std::string self;
  std::uint64_t generation = 0;  // counts the starts of the actor
  std::function<void(const member& to, const std::string& bytes)> send;
  std::function<void(std::vector<kvs_result>)> answer;
  std::function<void(const kvs_status&)> show;  // after each batch
  std::function<void(const std::string& line)> tell;
  std::function<void(const error& why)> on_write_failed;
};

class kvs_actor : public caf::event_based_actor {
 public:
  /// Without a machine it ends at once.
  kvs_actor(caf::actor_config& cfg, std::unique_ptr<kvs_machine> machine, kvs_ports ports);

  caf::behavior make_behavior() override;
  const char* name() const override { return "kvs"; }

 private:
  void on_wake();
  void look_at_members();
  void carry_out();
  void show();
  void set_alarm();

  std::unique_ptr<kvs_machine> machine_;
  kvs_ports ports_;
  kvs_output out_;
  std::shared_ptr<const cluster_view> view_;
  std::vector<kvs_peer> peers_;
  time_point alarm_at_ = time_point::max();
};

}  // namespace troupe
