// Runs the cluster machine: turns what arrives into calls, and what the machine puts out into writes,
// packets, a new shard table, events and a new picture on the board. It decides nothing.
//
//   in               out
//   wake_atom        the inbox (packets, finished writes, links lost, the alarm, leave) goes through the machine;
//                    the alarm is set to cluster_machine::next_tick
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <caf/event_based_actor.hpp>

#include "actors/actor_inbox.hpp"
#include "actors/alarm.hpp"
#include "actors/atoms.hpp"
#include "actors/cache/shard_host.hpp"
#include "actors/cluster/membership_numbers.hpp"
#include "actors/disk/disk_writer.hpp"
#include "actors/event_hub.hpp"
#include "actors/log.hpp"
#include "actors/node_status.hpp"
#include "actors/supervision/supervisor_actor.hpp"
#include "runtime/cluster/cluster_machine.hpp"

namespace troupe {

/// What waits for the cluster actor.
struct datagram_arrived {
  std::string from;
  std::string bytes;
};
struct link_message_arrived {
  peer_identity from;
  std::string bytes;
};
struct link_lost {
  std::string name;
  membership::link_loss how = membership::link_loss::closed;
};
struct write_finished {
  std::uint64_t token = 0;
  bool durable = false;
};
struct link_refused {  // a connection that was dialled: its host answers, nothing listens there
  std::string address;
};
struct leave_asked {};
struct alarm_rang {};
struct store_answered {
  store_answer answer;
};
struct store_hinted {};  // the leader store's entry may have changed
struct laggards_seen {
  std::vector<shard_host::laggard> who;
};
struct seeds_found {
  std::vector<std::string> addresses;
  bool complete = false;
};

struct force_leave_asked {
  std::string name;
};

/// Anything else that another thread wants of the machine: runs on the actor's thread (cluster_calls.hpp).
struct call_asked {
  std::function<void(cluster_machine& machine, time_point now, cluster_output& out)> run;
};

using cluster_item =
    std::variant<datagram_arrived, link_message_arrived, link_lost, link_refused, write_finished, leave_asked,
                 alarm_rang, laggards_seen, seeds_found, force_leave_asked, call_asked, store_answered, store_hinted>;

class cluster_calls;

/// The way in, for I/O threads and the disk's thread.
class cluster_inbox : public actor_inbox<cluster_item> {
 public:
  static constexpr std::size_t items_max = 65'536;

  cluster_inbox(std::shared_ptr<child_slot> actor, boost::asio::io_context& loop)
      : actor_inbox(items_max, std::move(actor), loop) {}
};

/// Of hand_over_counters, for readers on other threads.
struct hand_over_numbers {
  std::atomic<std::uint64_t> shards_given{0};
  std::atomic<std::uint64_t> shards_taken{0};
  std::atomic<std::uint64_t> bytes_sent{0};
  std::atomic<std::uint64_t> attempts_failed{0};
  std::atomic<std::uint64_t> refused_for_room{0};
  std::atomic<std::uint64_t> shards_to_give{0};
  std::atomic<std::uint64_t> replicas_made{0};
  std::atomic<std::uint64_t> replicas_dropped{0};
};

/// What the actor acts upon; everything outlives it.
struct cluster_ports {
  cluster_inbox& in;
  alarm& clock;                                                                                // pushes alarm_rang
  std::function<void(std::string file, std::string bytes, disk_writer::callback done)> write;  // durably, in order
  shard_host& shards;
  node_status& status;
  event_hub& events;
  event_log& log;
  std::atomic<std::uint64_t>& shards_lost;
  hand_over_numbers& moves;
  membership_numbers& membership;
  std::function<void(const std::string& to, std::string bytes)> send_datagram;
  std::function<void(store_request)> ask_store;  // with an outside leader store; its answer comes by the inbox
  std::function<void(std::optional<store_sight>)> watch_store;    // what is known of it, after each change
  std::function<void(const std::string& fault)> on_store_health;  // after each change; empty: it is well
  std::function<void(const link_target& to, const std::string& bytes)> send_link;
  std::function<void(const link_target& to, const std::string& bytes)> send_bulk;  // behind whatever is small
  std::function<void(std::map<std::uint64_t, link_target>)> on_addresses;          // PIDs, after each change
  std::function<void(const incarnation_id&)> on_failed;                            // its link is to be given up
  std::function<void()> on_adopted;       // the shard stores go by another table
  std::function<void()> on_seeds_wanted;  // seeds were tried: seeds_found may follow
  std::function<void()> on_expelled;      // the others hold this node for departed: it has to end
  std::function<void()> on_departed;      // called once the departure is known to the others
  cluster_calls* calls = nullptr;         // who asked and who answers queries
};

/// Between two pictures in a rush, for each member: their price grows with the cluster.
inline constexpr duration picture_rest_each = std::chrono::milliseconds(1);
inline constexpr duration picture_rest_max = std::chrono::milliseconds(100);

class cluster_actor : public caf::event_based_actor {
 public:
  using machine_ptr = std::unique_ptr<cluster_machine>;

  cluster_actor(caf::actor_config& cfg, machine_ptr machine, cluster_ports ports);

  caf::behavior make_behavior() override;
  const char* name() const override { return "cluster"; }

 private:
  void on_wake();
  void carry_out();
  void show();
  [[nodiscard]] time_point next_picture() const;
  void count();
  void tell_events();
  void write(cluster_output::write& w);
  [[nodiscard]] bool adopt_table();
  void tell_store_health();
  void tell_store_sight();
  void publish_picture();
  void set_alarm();

  machine_ptr machine_;
  cluster_ports ports_;
  cluster_output out_;
  std::vector<cluster_output::happening> untold_;  // events of this batch
  bool picture_old_ = false;                       // the board shows what was before this batch
  time_point shown_at_{};                          // when the board last got a picture
  time_point alarm_at_ = time_point::max();
  std::string store_health_;  // as last told
  std::optional<store_sight> store_sight_;
};

}  // namespace troupe
