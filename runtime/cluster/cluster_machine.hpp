// One node's part in its cluster, as one pure machine: membership, leadership and the shard table, and
// how an event of one moves the others. A shell (actors/cluster_actor, or a process of the simulator)
// feeds it packets, time and finished writes, and carries out what it puts into the output.
//
//   membership (SWIM) --alive, failed--> leadership (bully, votes, record) --record--> shard table
//
// With kvs.type = local_standalone there is no election: the node leads itself, PID 1, under a term
// that it raises on disk at each start.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <troupe/cluster.hpp>
#include <troupe/config.hpp>
#include <troupe/error.hpp>
#include <troupe/ids.hpp>
#include <troupe/time.hpp>

#include "runtime/base/random.hpp"
#include "runtime/cluster/beat_watch.hpp"
#include "runtime/cluster/leadership.hpp"
#include "runtime/cluster/split_brain.hpp"
#include "runtime/durability/restoration.hpp"
#include "runtime/link/peer_identity.hpp"
#include "runtime/locks/lock_client.hpp"
#include "runtime/locks/lock_server.hpp"
#include "runtime/membership/swim.hpp"
#include "runtime/membership/tags.hpp"
#include "runtime/membership/talk.hpp"
#include "runtime/sharding/hand_over.hpp"
#include "runtime/sharding/placement.hpp"
#include "runtime/sharding/shard_table.hpp"

namespace troupe {

/// Who this node is; the rest comes from its configuration.
struct node_identity {
  std::string name;
  incarnation_id id;
  std::string address;                  // advertised, with its real port
  bool more_seeds = false;              // sources besides cluster.seeds may name some: on_seeds
  std::uint64_t first_incarnation = 1;  // membership::local_member
};

/// May this member hold shards?
[[nodiscard]] bool holds_data(const membership::record& r);

/// What the shell has to do, in this order: write, send, adopt, tell.
struct cluster_output {
  struct datagram {
    std::string to;
    std::string bytes;
  };
  struct link_message {
    std::string to;     // address
    incarnation_id id;  // only this incarnation may have it; empty: whoever is there
    std::string bytes;
    bool bulk = false;  // a page of a shard: the small messages go before it
  };
  struct write {
    std::string file;  // a name in the data directory
    std::string bytes;
    std::uint64_t token = 0;  // for on_written
  };
  struct happening {
    std::string kind;
    std::vector<std::pair<std::string, std::string>> fields;
  };

  std::vector<write> writes;
  std::optional<store_request> store;  // answered by on_store
  std::vector<datagram> datagrams;
  std::vector<link_message> link_messages;
  std::vector<happening> events;
  std::vector<membership::asked_query> asked;        // by others or here, for the handlers
  std::vector<membership::finished_query> finished;  // asked here
  std::vector<lock_event> locks;                     // what became of this process' claims
  std::optional<std::string> transfer_fault;         // why a hand-over that was asked for here came to nothing
  std::vector<incarnation_id> failed;                // links to these are to be given up
  bool table_changed = false;                        // table() is to be adopted by the shard stores
  bool picture_changed = false;                      // describe() says something new
  bool departed = false;                             // the departure is known to the others
  bool expelled = false;                             // the others hold this process for departed: it has to end
  bool seeds_wanted = false;                         // seeds were tried: on_seeds may tell of newer ones
};

class cluster_machine {
 public:
  /// Files of the data directory as they were at start, by name.
  using files = std::map<std::string, std::string>;

  /// A leader that begins without a table waits so long for the expected members to get their PIDs.
  static constexpr duration first_table_wait = std::chrono::seconds(1);
  /// Of node.drain_timeout, in parts of a hundred.
  static constexpr int leave_hand_over_part = 60;
  /// A leader that departs waits so long for another one.
  static constexpr duration successor_wait = std::chrono::seconds(1);
  /// A leader gives no shard up as lost sooner after its election: for two leases it may still hold members for gone
  /// that it did not hear before, and whose asking for a lease tells that they live.
  static constexpr int picture_settles_after_leases = 2;
  /// What was found on disk is told again so often, until a row decides.
  static constexpr duration holdings_interval = std::chrono::milliseconds(500);

  /// `settings` and `contents`, the stores of this node's shards, outlive the machine. errc::corrupt when a file is
  /// damaged: starting without it could break a promise. errc::invalid_argument when the others would refuse what this
  /// node says of itself.
  [[nodiscard]] static expected<std::unique_ptr<cluster_machine>> make(const config& settings, node_identity self,
                                                                       shard_contents& contents, const files& disk,
                                                                       random rng, time_point now);

  /// The names of the files that make() wants to see.
  [[nodiscard]] static std::vector<std::string> file_names();

  void on_start(time_point now, cluster_output& out);
  void on_datagram(std::string_view from, std::string_view bytes, time_point now, cluster_output& out);
  /// `from` was proven by the link's handshake.
  void on_link_message(const member_ref& from, std::string_view address, std::string_view bytes, time_point now,
                       cluster_output& out);
  void on_link_lost(std::string_view name, membership::link_loss how, time_point now, cluster_output& out);
  /// Nothing listens at `address`, though its host answers: as a closed link of the member there.
  void on_link_refused(std::string_view address, time_point now, cluster_output& out);
  void on_written(std::uint64_t token, bool durable, time_point now, cluster_output& out);
  /// The end of cluster_output::store.
  void on_store(const store_answer& answer, time_point now, cluster_output& out);
  /// election::on_store_changed
  void on_store_changed(time_point now, cluster_output& out);
  /// The stores go by table() now, as cluster_output::table_changed asked.
  void on_adopted(time_point now, cluster_output& out);
  void on_tick(time_point now, cluster_output& out);
  [[nodiscard]] time_point next_tick() const;
  /// The seeds are these from now on, all of them if `complete`: a source may not have answered yet.
  void on_seeds(std::vector<std::string> addresses, bool complete, time_point now, cluster_output& out);

  /// Begins a graceful departure: this node's shards go to others first, for at most leave_hand_over_part of
  /// node.drain_timeout; alone or without a leader it goes at once. cluster_output::departed follows.
  void leave(time_point now, cluster_output& out);

  /// By an operator's word: event member_departed follows for a failed member that stays silent, otherwise
  /// force_leave_refused with the reason.
  void force_leave(std::string_view name, time_point now, cluster_output& out);

  /// Has the lead handed to the member of this name, or to the highest-ranked other one if it is empty, as
  /// election::transfer does. It is done when that one leads; cluster_output::transfer_fault says that it is not.
  expected<void> transfer(const std::string& name, time_point now, cluster_output& out);

  // cluster_locks.cpp: as the functions of lock_client; what comes of it is in cluster_output::locks.
  expected<claim_number> claim(lock_request request, bool stays, time_point now, cluster_output& out);
  void drop_claim(claim_number claim, time_point now, cluster_output& out);
  expected<void> keep_claim(claim_number claim, time_point until, time_point now, cluster_output& out);
  [[nodiscard]] const lock_client& claims() const noexcept { return claims_; }
  [[nodiscard]] const lock_server& locks() const noexcept { return locks_; }
  [[nodiscard]] std::uint64_t locks_malformed() const noexcept { return locks_malformed_; }

  // cluster_talk.cpp: what is said beside who lives. Each as the function of membership::talk, swim or tags.
  expected<std::uint64_t> raise_event(std::string name, std::string payload, time_point now, cluster_output& out);
  expected<std::uint64_t> ask(query q, time_point now, cluster_output& out);
  void answer_query(const membership::announcement_id& id, std::optional<std::string> payload, time_point now,
                    cluster_output& out);
  /// The tags of this node after the change.
  expected<std::map<std::string, std::string>> change_tags(const membership::tag_change& change, time_point now,
                                                           cluster_output& out);
  /// The services that the others see from now on, and the tags that go with them (exports of modules): at once.
  struct offer {
    std::vector<std::string> services;
    std::map<std::string, std::string> export_tags{};  // all that there are, by the tag's whole name
  };
  expected<void> change_services(offer o, time_point now, cluster_output& out);
  /// The estimated round trip between two live members, by name.
  [[nodiscard]] expected<duration> round_trip(std::string_view a, std::string_view b) const;
  [[nodiscard]] const membership::talk& talk() const noexcept { return talk_; }

  [[nodiscard]] const shard_table& table() const noexcept { return table_; }
  [[nodiscard]] std::uint64_t pid() const;
  /// Until when this node may serve the shards it is primary of.
  [[nodiscard]] time_point serve_until() const;
  /// A copy of a shard that this node serves under the row of `epoch` holds its writes up.
  void on_laggard(std::uint32_t shard, std::uint64_t epoch, std::uint64_t pid, time_point now, cluster_output& out);

  /// Why this node takes itself for cut off; empty: it does not.
  [[nodiscard]] const std::string& cut_off() const noexcept { return split_.cut_off(); }
  /// PIDs and where to reach them, of all members that are known.
  [[nodiscard]] std::map<std::uint64_t, link_target> addresses_by_pid() const;

  /// Fills members, leader, PID, shards and the services' nodes of `view`; `wall` turns a point of this
  /// node's clock into one of the calendar.
  void describe(cluster_view& view, wall_time (*wall)(time_point)) const;

  [[nodiscard]] const membership::swim& members() const noexcept { return members_; }
  [[nodiscard]] const leadership& lead() const noexcept { return lead_; }
  [[nodiscard]] const hand_over& moves() const noexcept { return moves_; }

 private:
  /// What a message on the link is for: its first byte.
  enum class departure : std::uint8_t {
    none,
    handing_over,  // the shards
    resigned,      // leadership is given up, another leader is awaited
    leaving,       // membership tells the others
  };
  enum class link_tag : char { membership = 'm', election = 'e', shards = 's', locks = 'l', holdings = 'h' };

  struct parts {
    membership::swim members;
    leadership lead;
    bool had_record = false;
    random rng;
    std::vector<std::uint64_t> holders;  // of the file
  };
  cluster_machine(const config& settings, node_identity self, shard_contents& contents, parts p, time_point now);

  // cluster_machine.cpp: one event moves the others until nothing is left
  void settle(time_point now, cluster_output& out);
  void carry_packets(cluster_output& out);
  void carry_election(cluster_output& out);
  void carry_moves(cluster_output& out);
  void consider_leading(time_point now);
  [[nodiscard]] bool goes_by_record() const;
  void keep_aside(time_point now);
  void give_seeds(time_point now);
  [[nodiscard]] bool knows_foreign_seeds() const;
  void tell_others(time_point now);
  void carry_talk(time_point now, cluster_output& out);
  void on_membership(const membership::event& e, time_point now, cluster_output& out);
  void on_expelled(cluster_output& out);
  void put_member(const membership::record& r, time_point now);

  // cluster_events.cpp: what the election says
  void on_election(const election_event& happened, time_point now, cluster_output& out);
  void on_record(const cluster_record& record, cluster_output& out);

  // cluster_locks.cpp
  void on_lock_message(const member_ref& from, std::string_view bytes, time_point now);
  void on_lock_table(const cluster_record& record, time_point now, cluster_output& out);
  void deliver_locks(const member_ref& from, const lock_message& m, time_point now);
  void tend_locks(time_point now, cluster_output& out);
  void carry_locks(time_point now, cluster_output& out);
  [[nodiscard]] time_point next_lock_tick() const;
  void describe_locks(cluster_view& view) const;

  // cluster_split.cpp
  void consider_split(time_point now, cluster_output& out);
  [[nodiscard]] split_picture split_seen() const;

  // cluster_departure.cpp
  void consider_departure(time_point now, cluster_output& out);
  [[nodiscard]] bool has_heirs() const;
  [[nodiscard]] std::size_t heirs_count() const;
  [[nodiscard]] bool has_handed_over() const;
  void tell_what_is_left(cluster_output& out) const;
  [[nodiscard]] bool holds_shards(std::uint64_t pid) const;

  // cluster_table.cpp: the leader's duty
  struct draft {
    shard_table table;                                              // what is to be committed
    std::vector<std::uint32_t> lost;                                // start empty
    std::vector<placement::move> moved;                             // by a release
    std::vector<std::uint32_t> waiting;                             // for members that may have them on disk
    std::vector<std::pair<std::uint32_t, std::uint64_t>> restored;  // to the member that has them on disk
  };
  void keep_table(time_point now, cluster_output& out);
  [[nodiscard]] std::optional<std::vector<placement_member>> data_members(time_point now);
  [[nodiscard]] bool may_begin_table(std::size_t members, time_point now);
  void wait_for_the_lost(time_point now, draft& d);
  [[nodiscard]] draft draft_table(const std::vector<placement_member>& members, stamp next, time_point now);
  void take_words(const std::vector<placement_member>& members, stamp next, draft& d) const;
  [[nodiscard]] draft without_the_gone(stamp next) const;
  [[nodiscard]] std::uint32_t wanted_replicas(std::size_t data_members) const;
  void propose(draft d, time_point now, cluster_output& out);

  // cluster_restore.cpp: shards of durable caches after all who held them have ended
  void tell_holdings(time_point now, cluster_output& out);
  void on_holdings(const member_ref& from, std::string_view bytes);
  void on_holders_written(std::uint64_t pid, bool durable, time_point now);
  void restore_lost(const std::vector<placement_member>& members, stamp next, time_point now, draft& d);
  void restore_own(const shard_table& before, draft& d) const;
  [[nodiscard]] bool keeps_logs() const;
  [[nodiscard]] bool is_awaited();
  [[nodiscard]] bool may_decide_by(const cluster_record& record) const;

  const config& settings_;
  node_identity self_;
  time_point started_;
  membership::talk talk_;  // rides on members_
  membership::swim members_;
  leadership lead_;
  membership::output m_;  // of the calls under way
  election_output e_;

  shard_table table_;                            // of the last committed record, under its stamp
  stamp adopted_;                                // of the table that the stores go by, as the shell said
  time_point served_until_ = time_point::min();  // as long as that was the record's
  std::optional<std::uint64_t> table_proposal_;  // under way
  bool tend_table_ = false;                      // something happened that the table may depend on
  time_point table_again_ = time_point::max();   // when a lease ends that the next table waits for
  std::optional<time_point> led_since_;
  struct ended_leader {
    leader_lost lost;
    time_point at;
  };
  std::optional<ended_leader> last_leader_;
  lock_client claims_;
  lock_server locks_;
  std::vector<lock_packet> lock_packets_;       // of the calls under way
  std::string locks_known_;                     // of the last committed record, as its bytes
  std::optional<std::uint64_t> lock_proposal_;  // under way
  std::uint64_t locks_malformed_ = 0;
  time_point locks_again_ = time_point::min();  // no proposal before
  const duration lease_;
  beat_watch beats_;  // of the election's messages
  split_brain split_;
  std::uint64_t split_judged_ = 0;  // version of the membership
  hand_over moves_;
  hand_over_output moves_out_;  // of the calls under way
  // What primaries said of their shards, by shard and the other's PID; at the leader, until the row changes.
  std::map<std::pair<std::uint32_t, std::uint64_t>, shard_word> words_;
  const bool had_record_;  // on disk, at the start
  std::vector<std::string> seeds_;
  bool seeds_complete_;     // nobody will name others
  std::string store_seed_;  // one more: who leads, as the leader store says
  std::uint64_t join_attempts_ = 0;
  restoration restoration_;
  holdings held_;                     // found on disk; no row has decided about these
  std::uint64_t holder_written_ = 0;  // this PID is durable in the holders' file
  std::uint64_t holder_writing_ = 0;
  stamp awaited_at_;  // table by which it was judged whether somebody
  bool awaited_ = false;
  std::uint64_t holdings_told_to_ = 0;
  time_point holdings_again_ = time_point::max();
  departure departure_ = departure::none;
  bool expelled_ = false;
  time_point departure_waits_until_ = time_point::max();  // in the present stage, at the latest
  bool may_lead_ = false;                                 // has a record, no foreign seeds, or was accepted by a member
  bool lead_started_ = false;
  bool aside_ = false;
  bool shards_begin_anew_ = false;  // the table on disk is of an earlier process with the same PID

  std::optional<cluster_output::write> unwritten_;  // the latest, until it is durable
  time_point write_again_ = time_point::max();
  std::uint64_t told_pid_ = 0;
  std::uint64_t pictured_ = 0;  // version of the membership that was last described
};

}  // namespace troupe
