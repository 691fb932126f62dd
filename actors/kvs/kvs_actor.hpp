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

#include "actors/atoms.hpp"
#include "actors/cluster_board.hpp"
#include "actors/inbox.hpp"
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

using kvs_item = std::variant<kvs_message_arrived, kvs_asked, kvs_written, kvs_members_changed>;

/// The way in, from any thread: survives a restart of the actor.
class kvs_inbox {
 public:
  static constexpr std::size_t items_max = 16'384;

  explicit kvs_inbox(std::shared_ptr<child_slot> actor) : items_(items_max), actor_(std::move(actor)) {}

  /// False when the inbox is full: the item is dropped.
  bool push(kvs_item item);
  [[nodiscard]] std::vector<kvs_item> take() { return items_.take(); }

 private:
  inbox<kvs_item> items_;
  std::shared_ptr<child_slot> actor_;
};

/// What the actor acts upon; everything outlives it.
struct kvs_ports {
  kvs_inbox& in;
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
  void on_timer(std::uint64_t id);
  void look_at_members();
  void carry_out();
  void show();
  void set_timer();

  std::unique_ptr<kvs_machine> machine_;
  kvs_ports ports_;
  kvs_output out_;
  std::shared_ptr<const cluster_view> view_;
  std::vector<kvs_peer> peers_;
  std::uint64_t timer_id_ = 0;
  time_point timer_at_ = time_point::max();
};

}  // namespace troupe
