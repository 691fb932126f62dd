// The key-value service of one node: its actor, its file, and the way in for doors, the leader's store and the link.
//
//   door, store --ask--> inbox --> kvs_actor --> machine --> link --> members
//   link --on_link--> inbox                      machine --> file --> inbox
//
// Thread-safe. An answer that the actor cannot give any more, because it was started anew or the node stops, is
// outcome_unknown.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/config.hpp>
#include <troupe/error.hpp>

#include "actors/event_hub.hpp"
#include "actors/kvs/kvs_access.hpp"
#include "actors/kvs/kvs_actor.hpp"
#include "actors/link/link_table.hpp"
#include "actors/log.hpp"
#include "actors/metrics.hpp"

namespace troupe {

class kvs_service final : public kvs_access {
 public:
  struct surroundings {
    const config& settings;
    std::string data_dir;
    incarnation_id id;
    std::uint64_t seed = 0;
    boost::asio::io_context& loop;  // of its alarm
    cluster_board& board;
    event_hub& events;
    event_log& log;
    /// A message to a member; what cannot be sent is lost.
    std::function<void(const link_target& to, const std::string& bytes)> send;
    /// After each change; empty: it is well. On the actor's thread.
    std::function<void(const std::string& fault)> on_health;
  };

  explicit kvs_service(surroundings s);
  ~kvs_service() override;

  /// The child that runs the machine. Reads the member's file: errc::corrupt, errc::storage_failed.
  [[nodiscard]] expected<child_spec> make_actor();
  /// Begins to listen to the cluster's events.
  void start();
  void on_link(const peer_identity& from, std::string_view bytes);
  /// After the actors were stopped: who still waits is answered, the file is closed. Idempotent.
  void stop();

  void ask(kvs_request r, callback done) override;
  [[nodiscard]] kvs_status status() const override;
  void register_metrics(metrics& m);

 private:
  [[nodiscard]] expected<std::unique_ptr<kvs_machine>> make_machine();
  [[nodiscard]] kvs_ports ports();
  void answer(std::vector<kvs_result> results);
  void fail_all(const char* why);
  void show(const kvs_status& s);

  surroundings with_;
  std::shared_ptr<child_slot> slot_;
  kvs_inbox in_;
  alarm clock_;
  std::unique_ptr<kvs_file> file_;  // null: the node does not run the service
  std::uint64_t listener_ = 0;
  std::uint64_t generation_ = 0;
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::uint64_t> write_failures_{0};

  mutable std::mutex mutex_;  // of the rest
  std::map<std::uint64_t, callback> waiting_;
  std::uint64_t next_id_ = 1;
  bool stopped_ = false;
  kvs_status status_;
  std::string fault_shown_ = "not asked yet";
};

}  // namespace troupe
