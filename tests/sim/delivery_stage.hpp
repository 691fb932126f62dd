// Reliable delivery in the simulated world: node 0 receives, the others send, all of them crash and come back without
// memory. Whether the receiver can be reached is told by a look at the world that comes late and is at times wrong.
//
// The checker knows what was offered: each receiving process hands a message over at most once, whole, in the order of
// its sender, and leaves out only what another process before it had handled; what is confirmed was handled.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "runtime/delivery/delivery_receiver.hpp"
#include "runtime/delivery/delivery_sender.hpp"
#include "tests/sim/world.hpp"

namespace troupe::sim {

class delivery_stage;

class sending_process final : public process {
 public:
  static constexpr duration look_interval = std::chrono::milliseconds(100);

  sending_process(delivery_stage& stage, node_index self, outside& out, random rng);

  void on_start(time_point now) override { look(now); }
  void on_packet(node_index from, channel how, std::string_view bytes, time_point now) override;
  void on_link_lost(node_index, time_point) override {}
  void on_tick(time_point now) override;
  [[nodiscard]] time_point next_tick() const override { return std::min(look_at_, machine_.next_tick()); }
  void leave(time_point) override {}

  void offer(time_point now);
  [[nodiscard]] std::size_t waiting() const { return machine_.waiting(); }
  [[nodiscard]] const delivery_sender& machine() const noexcept { return machine_; }

 private:
  void look(time_point now);
  void carry_out(const delivery_sender::output& out);

  delivery_stage& stage_;
  const node_index self_;
  outside& out_;
  random rng_;
  const incarnation_id id_;
  delivery_sender machine_;
  std::map<std::uint64_t, std::uint64_t> offered_;  // number to index
  std::uint64_t next_index_ = 0;
  std::uint64_t next_confirmed_ = 0;
  const void* routed_to_ = nullptr;
  time_point look_at_{};
};

class receiving_process final : public process {
 public:
  receiving_process(delivery_stage& stage, outside& out, random rng);

  void on_start(time_point) override {}
  void on_packet(node_index from, channel how, std::string_view bytes, time_point now) override;
  void on_link_lost(node_index, time_point) override {}
  void on_tick(time_point now) override;
  [[nodiscard]] time_point next_tick() const override {
    return in_hand_.empty() ? time_point::max() : in_hand_.front().until;
  }
  void leave(time_point) override {}

 private:
  struct job {
    time_point until;
    node_index from;
    delivery_receiver::handed message;
  };
  void carry_out(node_index from, const delivery_receiver::output& out, time_point now);
  void check(const delivery_receiver::handed& m);

  delivery_stage& stage_;
  outside& out_;
  random rng_;
  delivery_receiver machine_;
  std::deque<job> in_hand_;
  std::map<incarnation_id, std::uint64_t> next_;  // index, of each producer
};

class delivery_stage {
 public:
  delivery_stage(world_options options, channel by, double false_alarms_given);

  const channel how;
  double false_alarms;
  world w;

  void run_offers(duration pause_max, duration until);
  [[nodiscard]] const sending_process* sender(node_index n) const {
    return n == 0 ? nullptr : w.process_of<sending_process>(n);
  }
  [[nodiscard]] const process* receiver() const { return w.process_of<process>(0); }
  [[nodiscard]] bool all_confirmed() const;

  struct record {
    std::vector<std::string> offered;  // by index
    std::set<std::uint64_t> handled;
  };
  std::map<incarnation_id, record> truth;
  std::uint64_t offered = 0, handled = 0, confirmed = 0, again = 0;
};

}  // namespace troupe::sim
