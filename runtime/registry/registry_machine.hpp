// The registered actors of all nodes, as one node knows them: a ledger for each node, changed by its owner alone.
//
// Spread by gossip: a node that learned something asks a few others at random, "this is what I know"; the answer holds
// what they know better, and what they want to know. After a few rounds without news it asks rarely, for repair. A node
// that appears is asked for its own actors at once, so that everybody who joins knows everything within a round trip.
// Who is no member is forgotten with all that it registered, and nothing of it is believed any more.
//
//   add, remove (of this node) --> its ledger --> rounds --> messages out
//   message in --> ledgers, keys that changed; at most one message back
//
// Not promised: order between nodes, or that an actor that is found still lives. Pure, on the caller's clock.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <troupe/time.hpp>

#include "runtime/base/random.hpp"
#include "runtime/registry/registry_message.hpp"

namespace troupe {

/// A registered actor of any node.
struct registry_row {
  incarnation_id owner;
  std::uint64_t actor = 0;

  auto operator<=>(const registry_row&) const = default;
};

class registry_machine {
 public:
  static constexpr duration quick_round = std::chrono::milliseconds(50);  // while there is news
  static constexpr duration slow_round = std::chrono::seconds(5);         // repair
  static constexpr std::size_t fanout = 3;                                // asked in a quick round
  static constexpr std::uint32_t calm_rounds = 3;  // quick ones without news, and log2 of the nodes
  static constexpr duration ask_first = std::chrono::milliseconds(200);  // until a newcomer is asked again; doubles
  static constexpr duration ask_last = std::chrono::seconds(5);

  registry_machine(incarnation_id self, random rng) : self_(self), rng_(rng) {}

  /// The other nodes that take part, whenever they change.
  void set_members(const std::set<incarnation_id>& others, time_point now);

  /// Of this node; errors as registry_ledger::add.
  [[nodiscard]] expected<void> add(const registry_entry& e, time_point now);
  void remove(const registry_entry& e, time_point now);
  /// All of this node: it leaves.
  void remove_all(time_point now);

  using outgoing = std::pair<incarnation_id, registry_message>;
  [[nodiscard]] std::vector<outgoing> on_tick(time_point now);
  /// time_point::max(): never, as long as nothing happens.
  [[nodiscard]] time_point next_tick() const;
  /// What another node said, asked or not; the answer, if there is one.
  [[nodiscard]] std::optional<registry_message> on_message(const incarnation_id& from, const registry_message& m,
                                                           time_point now);

  [[nodiscard]] std::vector<registry_row> find(std::string_view key) const;
  /// Keys under which something came or went since the last call.
  [[nodiscard]] std::set<std::string> take_changed() { return std::exchange(changed_, {}); }
  [[nodiscard]] const registry_ledger& mine() const noexcept { return mine_; }
  /// What is known of another node; null when it is no member.
  [[nodiscard]] const registry_ledger* of(const incarnation_id& owner) const;
  [[nodiscard]] std::size_t entries() const;  // of all nodes

  struct counters {
    std::uint64_t rounds = 0;   // nodes asked
    std::uint64_t applied = 0;  // updates that told something
    std::uint64_t refused = 0;  // of nodes that are no members, of this one, or that do not fit
  };
  [[nodiscard]] const counters& counts() const noexcept { return counts_; }

 private:
  struct peer {
    registry_ledger ledger;
    bool heard = false;  // told something about its own actors, if only that there are none
    duration wait{};
    time_point ask_at{};
  };

  void hurry(time_point now);
  void calm_down(time_point now);
  void ask_newcomers(time_point now, std::vector<outgoing>& out);
  void ask_some(time_point now, std::vector<outgoing>& out);
  [[nodiscard]] bool apply(const registry_message& m);
  [[nodiscard]] static bool tells_of(const incarnation_id& from, const registry_message& m, const peer& p);
  [[nodiscard]] registry_message digest() const;
  [[nodiscard]] std::uint64_t known(const incarnation_id& owner) const;
  [[nodiscard]] const registry_ledger* ledger_of(const incarnation_id& owner) const;
  void answer(const registry_message& m, registry_message& out) const;
  static bool add_update(const registry_ledger& l, const registry_version& of, std::size_t& bytes,
                         registry_message& out);

  const incarnation_id self_;
  random rng_;
  registry_ledger mine_;
  std::map<incarnation_id, peer> peers_;
  std::set<std::string> changed_;
  std::uint32_t quick_left_ = 0;  // rounds
  time_point last_round_{};
  time_point next_round_ = time_point::max();
  counters counts_;
};

}  // namespace troupe
