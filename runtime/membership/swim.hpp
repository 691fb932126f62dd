// SWIM: who is in the cluster and who is alive, as one pure machine (Das, Gupta, Motivala 2002, with
// Lifeguard, Dadgar et al. 2018: local health, NACKs, the shrinking suspicion, the told suspect).
//
// The picture: each probe_interval one member, in a random round, is pinged; when it is silent, others
// are asked to ping it; when nobody hears it, it is suspect; when it does not refute in time, it has
// failed. News rides on these packets and in short rounds of gossip; hashes of the whole table are
// compared now and then, so that what gossip missed is found.
//
// The caller brings time, packets and ticks, and carries out the output. Nothing here reads a clock or
// sends. Packets are believed when they decode and carry the cluster's hash: authentication is the
// caller's, around these bytes. Clocks of different members are never compared.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>

#include "runtime/base/backoff.hpp"
#include "runtime/base/random.hpp"
#include "runtime/membership/accusation_limit.hpp"
#include "runtime/membership/broadcast_queue.hpp"
#include "runtime/membership/gossip_rider.hpp"
#include "runtime/membership/health_score.hpp"
#include "runtime/membership/member_table.hpp"
#include "runtime/membership/output.hpp"
#include "runtime/membership/packet.hpp"
#include "runtime/membership/protocol.hpp"
#include "runtime/membership/settings.hpp"
#include "runtime/membership/suspicion.hpp"

namespace troupe::membership {

/// This member, as it introduces itself.
struct local_member {
  std::string cluster = "troupe";
  std::string name;
  std::string address;  // advertised "host:port"
  incarnation_id id;    // drawn at the start of the process, never empty
  /// Of this process, 1..incarnation_max / 2. Best above that of any earlier process of the name
  /// (first_incarnation.hpp): neighbours that never heard of an earlier one cannot number this one above it, and
  /// whoever did hear of it would take this one for dead until it refutes. Any number is safe.
  std::uint64_t first_incarnation = 1;
  std::uint32_t expected_members = 1;
  bool accept_joiners = true;
  attributes told;
  minor_range speaks{};
};

/// errc::invalid_argument or errc::too_large when others would refuse what it says of itself.
[[nodiscard]] expected<void> check(const local_member& m);

/// How a link ended. `closed`: the peer's host answered with a reset, an end of stream or a refused
/// connection, so its host lives and its process may not. `timed_out`: nothing was heard.
enum class link_loss : std::uint8_t { closed, timed_out };

class swim {
 public:
  /// `self` must pass check().
  swim(const local_member& self, const settings& s, random rng);

  /// Starts. Seeds may be this member's own address, may be down, and any one of them is enough; without
  /// other seeds this member is a cluster by itself at once, unless `more_may_come` by set_seeds.
  void join(std::vector<std::string> seeds, time_point now, output& out, bool more_may_come = false);

  /// The seeds are these from now on. Those that are new are contacted at once by a member that still
  /// searches. `complete`: no others will come, so that without any it is a cluster by itself.
  void set_seeds(std::vector<std::string> seeds, bool complete, time_point now, output& out);

  /// `from_address` is where an answer goes. Anything may be in `bytes`.
  void on_packet(std::string_view from_address, channel how, std::string_view bytes, time_point now, output& out);
  void on_tick(time_point now, output& out);
  /// When on_tick must be called; time_point::max() once this member has left.
  [[nodiscard]] time_point next_tick() const noexcept { return planned_; }

  /// A hint, never a verdict: `peer` is probed at once, directly and by others.
  void on_link_lost(std::string_view peer, link_loss how, time_point now, output& out);

  /// A connection to `address` was refused: its host lives and nothing listens there. The same as a closed
  /// link of the live member that has this address.
  void on_link_refused(std::string_view address, time_point now, output& out);

  /// By an operator's word: asks the failed member once more, and when it stays silent, it has departed for
  /// all (event member_departed; otherwise force_leave_refused). errc::not_found when it is not known,
  /// errc::condition_failed while it is not failed, errc::unavailable when too many are under way.
  expected<void> force_leave(std::string_view name, time_point now, output& out);

  /// Announces the departure; this member still works (drains). Idempotent.
  void depart(time_point now, output& out);
  /// Departs for good; event `left` when it is told to all, at once when alone.
  void leave(time_point now, output& out);

  /// Tells all what this member now is. errc::too_large beyond the limits of member.hpp.
  expected<void> set_local(attributes told, time_point now, output& out);
  expected<void> set_local_meta(std::string meta, time_point now, output& out);
  /// Rides on every packet from here, without being news. errc::too_large above digest_bytes_max.
  expected<void> set_local_digest(std::string digest);

  /// What rides beside the news of members; outlives this machine. Before join().
  void set_rider(gossip_rider* r) noexcept { rider_ = r; }
  /// The rider has something new to send.
  void carry_rides(time_point now, output& out);

  [[nodiscard]] const record& self() const noexcept { return self_; }
  /// All others that are known, failed and departed ones too.
  [[nodiscard]] const member_table::map& others() const noexcept { return table_.all(); }
  [[nodiscard]] const record* find(std::string_view name) const;
  /// Live members, this one included.
  [[nodiscard]] std::size_t live_count() const noexcept { return table_.live_count() + 1; }
  /// The minor versions that all live members share, and so what is spoken: the highest of them.
  [[nodiscard]] minor_range shared_minors() const;
  [[nodiscard]] bool joined() const noexcept { return joined_; }
  [[nodiscard]] bool has_left() const noexcept { return phase_ == phase::left; }
  [[nodiscard]] const counters& counts() const noexcept { return counters_; }
  /// Rises whenever anything that self(), others() or find() show has changed (digests excepted).
  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }
  [[nodiscard]] std::size_t news_waiting() const noexcept { return queue_.size(); }
  /// How far this member doubts itself, below settings::health_max; 0 is healthy.
  [[nodiscard]] std::uint32_t health() const noexcept { return health_.value(); }

 private:
  enum class phase : std::uint8_t { idle, working, leaving, left, expelled };
  enum class source : std::uint8_t { gossip, state, welcome };

  /// The member that a packet came from, and how.
  struct sender {
    std::string_view address;
    channel how;
    source kind;
    const packet& said;
  };
  struct accusation {
    std::string by;
    bool link_closed = false;
  };
  struct probe {
    std::string target;
    incarnation_id id;
    time_point indirect_at;
    time_point verdict_at;
    bool asked_others = false;
    bool link_closed = false;
    time_point nacks_by{};              // what helpers have not said by then they owe
    bool second_look = false;           // made to doubt ourselves before we accuse
    bool helper_heard = false;          // one of the helpers said NACK
    std::vector<std::string> silent{};  // helpers that were asked and have not said NACK
    time_point sent{};                  // the first datagram
  };
  struct relay {  // a probe on behalf of another member
    std::string origin;
    channel how;
    std::uint64_t sequence;
    time_point until;
    time_point nack_at = time_point::max();
  };
  struct dismissal {  // a failed member that an operator wants to be gone, asked once more
    incarnation_id id;
    std::uint64_t sequence;
    time_point next_ask;
    time_point until;
  };
  struct claim {  // a joiner that wants the name of a live member at another address
    update joiner;
    std::string reply_to;
    bool want;
    std::uint64_t sequence;
    time_point next_ask;
    time_point until;
  };

  // swim.cpp: packets in, the plan of ticks
  void dispatch(const packet& p, std::string_view from, channel how, time_point now, output& out);
  [[nodiscard]] bool of_this_cluster(const packet& p, std::string_view from, output& out);
  void note_sender(const sender& s, time_point now, output& out);
  void note_time(time_point now);
  void plan();
  void prune(time_point now);

  // swim_probe.cpp
  void start_round_probe(time_point now, output& out);
  void hint_probe(record& target, bool link_closed, bool over_link, time_point now, output& out);
  void step_probes(time_point now, output& out);
  void ask_others(std::uint64_t sequence, probe& p, bool over_link, time_point now, output& out);
  void on_ping(const sender& s, time_point now, output& out);
  void on_ack(const sender& s, output& out);
  void on_nack(const sender& s);
  void judge_own_health(const probe& failed);
  bool may_accuse(const probe& failed, time_point now);
  void look_again(record& r, bool link_closed, time_point now, output& out);
  void step_relays(time_point now, output& out);
  void on_ping_request(const sender& s, time_point now, output& out);
  void send_ping(const record& to, std::uint64_t sequence, channel how, time_point now, output& out);

  // swim_news.cpp: what is believed
  void apply(const update& u, const sender& s, time_point now, output& out);
  void on_news_of_self(const update& u, const sender& s, time_point now, output& out);
  void on_other_bearer(const update& u, const sender& s, time_point now, output& out);
  void learn(const update& u, const sender& s, time_point now, output& out);
  void replace(record& known, const update& u, const sender& s, time_point now, output& out);
  void change(record& known, const update& u, const sender& s, time_point now, output& out);
  void suspect(record& r, const accusation& a, time_point now, output& out);
  void confirm(record& r, const accusation& a, time_point now);
  void declare_failed(record& r, std::string why, time_point now, output& out);
  void step_suspicions(time_point now, output& out);
  [[nodiscard]] std::size_t accusers_needed(const record& r) const;
  [[nodiscard]] bool failure_is_confirmed(const update& u, const record& known, const std::string& teller,
                                          time_point now) const;
  void refute(std::uint64_t above, const sender& s, time_point now, output& out);
  void lose_name(const update& winner, time_point now, output& out);

  // swim_identity.cpp: names over time
  void note_return(record& r, time_point now, output& out);
  void step_quarantines(time_point now, output& out);
  void decay_flaps(time_point now);
  void step_dismissals(time_point now, output& out);
  void refuse_dismissal(const std::string& name, output& out);

  // swim_gossip.cpp: how it spreads
  void announce(time_point now);
  void spread(const record& r, time_point now);
  void spread_suspicion(const record& r, const accusation& a, bool first, time_point now);
  void gossip_soon(time_point now);
  void gossip_round(time_point now, output& out);
  void tell(const record& about, std::string_view address, time_point now, output& out);
  void compare_tables(record* with, time_point now, output& out);
  void on_state_hash(const sender& s, time_point now, output& out);
  void on_state(const sender& s, time_point now, output& out);
  void send_state(std::string_view address, const std::string& peer, bool welcome, bool want, time_point now,
                  output& out);
  void step_leaving(time_point now, output& out);
  [[nodiscard]] update update_of(const record& r, bool whole, time_point now) const;
  [[nodiscard]] packet header(packet_kind kind) const;
  void send(const packet& p, std::string_view address, const std::string& peer, channel how, output& out);
  void send_bytes(std::string bytes, std::string_view address, const std::string& peer, channel how, output& out);

  // swim_rides.cpp
  void board(std::string& bytes, packet_kind kind);
  [[nodiscard]] bool has_gossip() const;
  void take_ride(const sender& s, time_point now, output& out);

  // swim_join.cpp
  void contact_seeds(time_point now, output& out);
  void take_seeds(std::vector<std::string> seeds);
  void found_alone(output& out);
  void note_silence(time_point now, output& out);
  void contact_failed(time_point now, output& out);
  void on_join(const packet& p, std::string_view from, time_point now, output& out);
  void on_refusal(const packet& p, time_point now, output& out);
  void on_welcome(time_point now, output& out);
  void admit(const update& joiner, std::string_view reply_to, bool want, time_point now, output& out);
  void refuse(const packet& p, std::string_view to, join_refusal why, std::string text, output& out);
  [[nodiscard]] bool worth_telling(const std::string& joiner);
  void begin_claim(const packet& p, std::string_view from, time_point now, output& out);
  void step_claims(time_point now, output& out);

  record self_;
  std::string digest_;
  std::string cluster_name_;
  std::uint32_t cluster_;
  std::uint32_t expected_members_;
  bool accept_joiners_;
  settings settings_;
  random rng_;

  phase phase_ = phase::idle;
  bool joined_ = false;
  member_table table_;
  broadcast_queue queue_;
  gossip_rider* rider_ = nullptr;
  std::map<std::string, suspicion, std::less<>> suspicions_;  // exactly of the suspect members
  std::map<std::uint64_t, probe> probes_;                     // at most one a member
  std::map<std::uint64_t, relay> relays_;
  std::map<std::string, claim, std::less<>> claims_;  // by name
  std::deque<incarnation_id> replaced_;               // ids whose names other processes took, the latest last
  std::map<std::string, time_point> refusals_told_;   // when the refusal of that joiner was last an event
  std::vector<std::string> seeds_;                    // without this member's own address
  bool heard_ = false;                                // something readable, since the last word on silence
  time_point word_on_silence_{};
  std::map<std::string, dismissal, std::less<>> dismissals_;  // by name
  health_score health_;
  accusation_limit accusations_;
  backoff silent_backoff_;
  backoff refused_backoff_;
  std::uint64_t next_sequence_;
  std::uint64_t version_ = 1;
  counters counters_;

  time_point planned_ = time_point::max();
  time_point heard_at_{};  // the last packet
  time_point next_probe_ = time_point::max();
  time_point next_gossip_ = time_point::max();
  time_point last_gossip_{};
  time_point next_compare_ = time_point::max();
  duration compare_wait_{};
  time_point next_reconnect_ = time_point::max();
  time_point next_join_ = time_point::max();
  time_point next_prune_ = time_point::max();
  time_point next_nack_ = time_point::max();     // the earliest of relays_
  time_point next_release_ = time_point::max();  // the earliest end of a quarantine
  time_point left_at_ = time_point::max();
  time_point newcomer_until_{};   // what it is told until then is no news to the others
  time_point strangers_asked_{};  // when a sender that we do not know was last asked for its table
};

}  // namespace troupe::membership
