// Election alone: a group of processes of which at most one leads, without a node. Membership is part of it; there are
// no shards and no doors.
//
//   auto election = troupe::leader_election::start({.name = "a", .data_dir = "./a", .seeds = {...}, .expected_members =
//   3}); election->on_change([](const troupe::leadership_change& c) { c.leads_here ? begin() : end(); }); if (auto
//   token = election->fencing_token()) write(..., *token);
//
// Who leads is decided by votes of a majority of `expected_members`, kept on each one's disk, or by a compare-and-set
// in a store outside (`store`). Each leader has a term, higher than all before it, and leads until its lease ends,
// which it renews. Every member campaigns, the one with the highest priority first. A leader that stands still leads no
// more by its own clock when the others choose another one; what it writes to should keep the highest token it has seen
// (<troupe/fenced.hpp>). Not a member of a cluster of nodes: the two do not hear each other.
//
// Threads: one for I/O, two of an actor system, one for the disk, with a store one or two more. It installs no signal
// handler and never ends the process. Several in one process work, each with a data directory of its own. Thread-safe;
// calls that say so block, and must not come from a callback of this object.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <troupe/cluster.hpp>
#include <troupe/error.hpp>
#include <troupe/event.hpp>
#include <troupe/fenced.hpp>
#include <troupe/leader_store.hpp>
#include <troupe/lock.hpp>
#include <troupe/time.hpp>

namespace troupe {

struct leader_election_options {
  std::string name{};                  // among the members: 1 to 64 letters, digits, . _ or -
  std::string cluster = "troupe";      // only members of the same one hear each other
  std::string data_dir{};              // made when it is missing; votes have to outlive the process
  std::string bind = "127.0.0.1:0";    // address or interface name; UDP and TCP; port 0: any
  std::string advertise{};             // host:port that others are told; default: what bind resolves to
  std::vector<std::string> seeds{};    // host:port, srv:NAME; one that lives is enough
  std::uint32_t expected_members = 1;  // the same at all: a majority of them has to agree
  std::string profile = "lan";         // lan | wan | local | fast
  std::map<std::string, std::string> tags{};
  std::string secret_file{};  // needed outside loopback: gossip is encrypted, strangers are neither heard nor answered
  bool insecure = false;      // true: outside loopback without a secret, where anyone may join
  duration lease{};           // 0: what the profile says; the same at all
  std::int32_t priority = 0;  // the highest one leads, when it may
  bool take_over = false;     // also from one that leads
  std::string store = "votes";  // votes | redis | memcached | etcd | postgres; the same at all
  std::vector<std::string> store_addresses{};
  std::string store_dsn{};  // postgres
  std::string store_password_file{};
  std::shared_ptr<leader_store> own_store{};  // in the place of `store`
  std::string log_level = "error";            // error | warn | info | debug, to standard error; off
};

struct leadership_change {
  std::optional<leader> leader_now;  // as known here
  bool leads_here = false;
};

class leader_election {
 public:
  using change_callback = std::function<void(const leadership_change&)>;
  using event_callback = std::function<void(const event&)>;

  /// Returns when it takes part; somebody may not lead yet. errc::bad_config with every fault, under the names that the
  /// keys have in the configuration of a node; errc::unavailable with the address when it cannot be bound;
  /// errc::storage_failed when the data directory cannot be used, or another process has it.
  [[nodiscard]] static expected<leader_election> start(leader_election_options options);

  leader_election(leader_election&&) noexcept;
  leader_election& operator=(leader_election&&) noexcept;
  /// As stop().
  ~leader_election();

  [[nodiscard]] const std::string& name() const;
  /// host:port that others are told.
  [[nodiscard]] const std::string& address() const;

  /// As known here: it may be over already.
  [[nodiscard]] std::optional<leader> leader_now() const;
  /// This process leads and its lease runs.
  [[nodiscard]] bool leads() const;
  /// To be shown to what it writes to as the leader. errc::unavailable when it does not lead.
  [[nodiscard]] expected<fenced> fencing_token() const;
  /// Blocks until somebody leads and has accepted this member. errc::deadline_exceeded with the reasons.
  [[nodiscard]] expected<void> wait_for_leader(duration deadline = std::chrono::seconds(10)) const;
  /// Blocks until `holds` is true of what this member knows or the deadline passes; says which.
  [[nodiscard]] bool wait_until(const std::function<bool(const cluster_view&)>& holds,
                                duration deadline = std::chrono::seconds(10)) const;
  [[nodiscard]] std::vector<member> members() const;

  /// Calls `f` after each change from now on, on a thread of this object; it must not block, nor call this object but
  /// for what shows something. What it is told is the latest: changes that follow each other at once may come as one,
  /// twice.
  void on_change(change_callback f);
  /// The same of every event: leader_elected, leader_lost, member_failed, ...
  void on_event(event_callback f);

  /// Blocks. Has the lead handed to the member of this name, or to the highest-ranked other one if it is empty; any
  /// member may ask. The new leader's name, when it leads. errc::not_found, errc::unavailable with the reason.
  [[nodiscard]] expected<std::string> hand_over(std::string to = {});

  /// As node::lock, node::lead and node::resign_role: locks, semaphores and roles of the group. All three block.
  [[nodiscard]] expected<held_lock> lock(lock_request request);
  expected<void> lead(std::string role, role_callback f, duration ttl = std::chrono::seconds(5));
  expected<void> resign_role(std::string role);

  /// In the Prometheus text format: troupe_election_*, troupe_membership_*, troupe_lock_*, ...
  [[nodiscard]] std::string metrics() const;

  /// Gives its lead back, says that it leaves, then stops; blocks. errc::deadline_exceeded: it has stopped, and others
  /// may have to find that out.
  expected<void> leave(duration limit = std::chrono::seconds(5));
  /// Stops without saying so: the others find that it has failed. Idempotent; calls are answered with an error.
  void stop();

 private:
  class runner;
  explicit leader_election(std::unique_ptr<runner> r);
  std::unique_ptr<runner> runner_;
};

}  // namespace troupe
