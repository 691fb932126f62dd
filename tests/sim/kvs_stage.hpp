// Nodes of the key-value service in the simulated world, clients that use it, and the history of what they saw.
//
// Every value that is written is another one, so a value stands for its version. After the run each key's history
// is searched for an order that explains it (linearizability.hpp): an acknowledged write that is lost, a stale
// read, two winners of one compare-and-set and a value that comes back after its deletion all have none.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/kvs/kvs_machine.hpp"
#include "tests/sim/linearizability.hpp"
#include "tests/sim/world.hpp"

namespace troupe::sim {

struct kvs_setup {
  std::uint32_t members = 3;  // the first nodes run the service, the others only use it
  channel how = channel::stream;
  double false_alarms = 0;  // chance a second and peer to be taken for dead for a while
  std::uint64_t memory_max = 64U << 20U;
};

class kvs_process final : public process {
 public:
  using on_result = std::function<void(const kvs_result&)>;

  kvs_process(node_index self, std::uint32_t nodes, kvs_setup setup, outside& out, random rng, world*& w);

  void on_start(time_point now) override;
  void on_packet(node_index from, channel how, std::string_view bytes, time_point now) override;
  void on_link_lost(node_index, time_point) override {}
  void on_tick(time_point now) override;
  [[nodiscard]] time_point next_tick() const override;
  void leave(time_point) override {}

  void request(kvs_request r, time_point now, on_result done);
  [[nodiscard]] const kvs_machine& machine() const { return *machine_; }

 private:
  void carry_out(kvs_output& o);
  void tell_peers(time_point now);

  const node_index self_;
  const std::uint32_t nodes_;
  const kvs_setup setup_;
  outside& out_;
  random rng_;
  world*& w_;
  std::unique_ptr<kvs_machine> machine_;
  time_point now_{};
  time_point peers_at_{};
  std::map<std::uint64_t, on_result> waiting_;
};

class kvs_stage {
 public:
  kvs_stage(world_options options, kvs_setup given);

  kvs_setup setup;
  world w;

  /// Any operation at a node, recorded; `done` may be empty.
  void call(node_index n, kvs_request r, const kvs_process::on_result& done = {});
  /// Waits for the answer; the result with code ok while the node did not answer in time is not given.
  [[nodiscard]] std::optional<kvs_result> ask(node_index n, kvs_request r, duration limit = std::chrono::seconds(20));
  /// A client at a random node does something random to one of `keys` keys, again and again, until `until`.
  void run_client(std::uint32_t number, std::uint32_t keys, duration until);

  [[nodiscard]] const kvs_machine* at(node_index n) const;
  /// All members run and serve with their disks.
  [[nodiscard]] bool settled() const;
  /// No member keeps anything but the roster.
  [[nodiscard]] bool empty() const;
  /// Fails the world with the first key whose history has no order.
  void check_histories();

  std::uint64_t answered = 0, unknown = 0, refused = 0;

 private:
  struct client_state {
    std::map<std::string, std::pair<std::uint64_t, std::string>> seen;  // version and value of a key
  };
  struct recorded {
    std::string key;
    register_operation what;
    duration ttl{};
    bool counts = true;  // false: it is known to have had no effect
  };
  [[nodiscard]] kvs_request random_request(client_state& c, std::uint32_t keys);
  void record_result(std::size_t index, const kvs_request& r, const kvs_result& result);

  world* self_ = nullptr;
  std::uint64_t next_id_ = 1;
  std::uint64_t next_value_ = 1;
  std::vector<recorded> history_;
  std::map<std::string, std::map<std::uint64_t, std::string>> values_;  // of a key: version to value
  std::vector<std::shared_ptr<client_state>> clients_;
};

}  // namespace troupe::sim
