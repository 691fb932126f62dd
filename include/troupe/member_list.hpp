// Membership alone: who is in a group of processes and who of them lives, by SWIM, without a node. No election, no
// shards, no doors, no files.
//
//   auto list = troupe::member_list::start({.name = "a", .bind = "127.0.0.1:7070", .seeds = {"127.0.0.1:7071"}});
//   for (const auto& m : list->members()) use(m.name, m.address, m.state);
//
// A member is known to all within a moment of joining one of them, and held for failed within seconds of falling silent
// (docs/EMBEDDING.md has the numbers). Every member has its own view: two may differ for a moment, and both sides of a
// split network hold the other one for failed. Not a member of a cluster of nodes: the two do not hear each other.
//
// One I/O thread; another one when seeds are names, and one for query handlers from the first query on. It installs no
// signal handler and never ends the process. Several in one process are strangers to each other. Thread-safe; calls
// that say so block, and must not come from a callback of this object.
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
#include <troupe/query.hpp>
#include <troupe/time.hpp>

namespace troupe {

struct member_list_options {
  std::string name{};                // among the members: 1 to 64 letters, digits, . _ or -
  std::string cluster = "troupe";    // only members of the same one hear each other
  std::string bind = "127.0.0.1:0";  // address or interface name; UDP and TCP; port 0: any
  std::string advertise{};           // what others are told; default: what bind resolves to. Port 0: the bound one
  std::vector<std::string> seeds{};  // host:port, srv:NAME; one that lives is enough. None: it begins alone
  std::string profile = "lan";       // lan | wan | local | fast
  std::map<std::string, std::string> tags{};
  /// With one of them gossip is encrypted and strangers are neither heard nor answered; needed outside loopback.
  std::string secret{};  // at least one character that is no white space
  std::string secret_file{};
  bool insecure = false;            // true: outside loopback without a secret, where anyone may join
  std::string log_level = "error";  // error | warn | info | debug, to standard error; off
};

class member_list {
 public:
  using event_callback = std::function<void(const event&)>;
  using tag_map = std::map<std::string, std::string>;

  /// Returns when it listens; it may not have joined yet. errc::bad_config with every fault, under the names that the
  /// keys have in the configuration of a node; errc::unavailable with the address when it cannot be bound.
  [[nodiscard]] static expected<member_list> start(member_list_options options);

  member_list(member_list&&) noexcept;
  member_list& operator=(member_list&&) noexcept;
  /// As stop().
  ~member_list();

  [[nodiscard]] const std::string& name() const;
  /// host:port that others are told.
  [[nodiscard]] const std::string& address() const;

  /// All that are known by name, this one too; failed ones for a day, departed ones for an hour.
  [[nodiscard]] std::vector<member> members() const;
  [[nodiscard]] std::optional<member> find(const std::string& name) const;
  /// Accepted by a seed, or alone from the beginning.
  [[nodiscard]] bool joined() const;
  /// Blocks until `holds` is true of the members or the deadline passes; says which.
  [[nodiscard]] bool wait_until(const std::function<bool(const std::vector<member>&)>& holds,
                                duration deadline = std::chrono::seconds(10)) const;

  /// Calls `f` for each later event, in order, on a thread of this object: member_joined, member_alive, member_suspect,
  /// member_failed, member_departed, member_updated, user_event, joined, join_refused, ... It must not block, nor call
  /// this object but for members(), find() and joined(), which show what belongs to the event.
  void on_event(event_callback f);

  /// Blocks. All tags of this member after the change. errc::invalid_argument, errc::too_large.
  [[nodiscard]] expected<tag_map> change_tags(tag_map set, std::vector<std::string> erase = {});
  /// Blocks. Says a user event to every member, this one too, at most once to each: at most 64 and 512 bytes; its
  /// Lamport time. errc::unavailable above 10 a second.
  [[nodiscard]] expected<std::uint64_t> raise_event(std::string name, std::string payload = {});
  /// Blocks until all that match have answered, or until the query's timeout.
  [[nodiscard]] expected<query_result> ask(query q);
  /// Answers queries here; the first handler with an answer counts. What it throws is no answer.
  void on_query(query_handler h);
  /// Blocks. errc::not_found while it is not known here.
  [[nodiscard]] expected<duration> round_trip(std::string a, std::string b) const;
  /// Blocks. By an operator's word a failed member, that stays silent once more, has departed: event member_departed,
  /// otherwise force_leave_refused. errc::not_found, errc::condition_failed while it is not failed.
  expected<void> force_leave(std::string name);

  /// In the Prometheus text format: troupe_membership_*, troupe_gossip_*, troupe_link_*.
  [[nodiscard]] std::string metrics() const;

  /// Says that it leaves, then stops; blocks. errc::deadline_exceeded: it has stopped, and others may not know why.
  expected<void> leave(duration limit = std::chrono::seconds(5));
  /// Stops without saying so: the others find that it has failed. Idempotent; calls are answered errc::unavailable.
  void stop();

 private:
  class runner;
  explicit member_list(std::unique_ptr<runner> r);
  std::unique_ptr<runner> runner_;
};

}  // namespace troupe
