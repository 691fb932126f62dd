// The registry of a node: the machine of runtime/registry behind a lock, its messages over the cluster link (requests
// of kind `registry`), and handles for what is found.
//
//   add, an actor's end --> machine --> rounds --> requests to other nodes; their answers --> machine
//   keys that changed   --> subscribers, on the first I/O thread
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include <troupe/caf_registry.hpp>

#include "actors/alarm.hpp"
#include "actors/cluster_board.hpp"
#include "actors/event_hub.hpp"
#include "actors/io_pool.hpp"
#include "actors/link/actor_directory.hpp"
#include "actors/link/link_table.hpp"
#include "actors/metrics.hpp"
#include "actors/toolkit/member_distances.hpp"
#include "runtime/registry/registry_machine.hpp"

namespace troupe {

class registry_service final : public registry, public std::enable_shared_from_this<registry_service> {
 public:
  static constexpr duration answer_max = std::chrono::seconds(2);

  struct surroundings {
    io_pool& io;
    link_table& link;
    cluster_board& board;
    event_hub& events;
    std::shared_ptr<actor_directory> directory;
    std::shared_ptr<member_distances> far;
    incarnation_id self;
    std::uint64_t seed = 0;
  };
  explicit registry_service(surroundings s);

  /// Serves requests of kind registry; before the link starts.
  void serve();
  /// Follows the members from now on. errc::unavailable when the system gives no timer.
  [[nodiscard]] expected<void> start();
  /// This node leaves: what it registered goes, nothing more is registered.
  void withdraw();
  /// Says and tells nothing more. Before the link ends.
  void close();

  expected<void> add(const std::string& key, const caf::actor& actor) override;
  void remove(const std::string& key, const caf::actor& actor) override;
  [[nodiscard]] listing find(const std::string& key, const where& w) const override;
  [[nodiscard]] registry_subscription subscribe(const std::string& key, callback f) override;
  void subscribe(const std::string& key, const caf::actor& listener) override;

  /// troupe_registry_*.
  void register_metrics(metrics& m);

 private:
  struct subscriber {
    std::string key;
    callback tell;
    bool due = true;
    std::optional<listing> told{};  // of the first I/O thread
  };

  void follow_members();
  void run();
  void send(const incarnation_id& to, const registry_message& m);
  void on_answer(const incarnation_id& from, const expected<std::string_view>& answer);
  void on_request(const link_request& request, link_responder responder);
  void forget(const registry_entry& e);
  [[nodiscard]] std::uint64_t add_subscriber(const std::string& key, callback f);
  void end_subscription(std::uint64_t id);
  void settle();
  void tell();

  const surroundings with_;
  alarm clock_;
  mutable std::mutex mutex_;
  registry_machine machine_;
  mutable random rng_;
  std::map<incarnation_id, link_target> targets_;
  std::map<std::uint64_t, std::shared_ptr<subscriber>> subscribers_;
  std::uint64_t next_subscriber_ = 1;
  std::uint64_t listener_ = 0;
  bool tell_posted_ = false;
  bool leaves_ = false;
  bool closed_ = false;

  struct counters {
    std::atomic<std::uint64_t> rounds{0}, applied{0}, refused{0}, malformed{0}, unanswered{0}, entries{0}, own{0};
  };
  const std::shared_ptr<counters> numbers_ = std::make_shared<counters>();
};

}  // namespace troupe
