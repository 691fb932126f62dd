// Who leads, under which term, with which record: one node's part in it, as a pure machine.
//
// Bully (Garcia-Molina, "Elections in a Distributed Computing System", 1982) proposes the highest-ranked
// member that is alive; a majority of the record's voters decides by granting a term (Paxos' first
// phase, Lamport 2001); the winner re-commits the highest record it was shown (second phase) and only
// then says COORDINATOR. From then on it changes the record in the second phase alone, under a lease.
//
// The shell calls in with the time, carries out what is in `out` and forgets it: sends `packets` over the
// cluster link, writes `persist` whole to the vote file and calls on_persisted, publishes `events`. It
// calls on_tick at next_tick(). Every packet may be lost; the machine retries by its timers.
//
// It does not promise that there is a leader, nor that a leader seen here leads still: before every act
// the leader asks may_act(now), and receivers refuse terms below what they know.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "runtime/base/random.hpp"
#include "runtime/election/messages.hpp"
#include "runtime/election/options.hpp"
#include "runtime/election/output.hpp"
#include "runtime/election/record.hpp"
#include "runtime/election/roll.hpp"
#include "runtime/election/store.hpp"
#include "runtime/election/voter.hpp"

namespace troupe {

/// What the leader's owner may change. Voters, PIDs and the stamp are the machine's own.
struct record_change {
  std::optional<std::string> shard_table;
  std::map<std::string, std::string> values;  // set; an empty value removes the key
  std::optional<std::string> locks{};
};

void apply(const record_change& change, cluster_record& record);

class election {
 public:
  /// `file`: what open_vote_file made of the node's disk.
  election(election_options options, vote_file file, random rng, time_point now);

  /// `by_seeds`: others brought it here, who may have a cluster; options.by_seeds was a guess.
  void on_start(bool by_seeds, time_point now, election_output& out);
  void on_member(const election_member& m, time_point now, election_output& out);
  void on_message(const member_ref& from, std::string_view bytes, time_point now, election_output& out);
  /// What another member's digest() said, through gossip.
  void on_digest(const member_ref& from, std::string_view bytes, time_point now, election_output& out);
  void on_tick(time_point now, election_output& out);
  void on_persisted(std::uint64_t token, time_point now, election_output& out);
  /// The end of election_output::store. Only with options.store_kind.
  void on_store(const store_answer& answer, time_point now, election_output& out);
  /// The store's entry may have changed since sight_of_store(). It brings the next reading forward, no more.
  void on_store_changed(time_point now, election_output& out);

  /// Changes the record. The number of the proposal, whose end is a proposal_ended event; unavailable when
  /// this node does not lead or proposals_max are waiting, too_large, invalid_argument.
  [[nodiscard]] expected<std::uint64_t> propose(record_change change, time_point now, election_output& out);
  /// Gives leadership up; this node does not stand for a while. Nothing when it does not lead.
  void step_down(time_point now, election_output& out);
  /// Has leadership handed to the member of this name, or to the highest-ranked other one if it is empty. The leader
  /// leads on until that one is ready (election_handover.cpp); any other node asks it to. A failure at the leader
  /// follows as handover_ended. unavailable when no leader is known or it hands over already, not_found.
  [[nodiscard]] expected<void> transfer(const std::string& name, time_point now, election_output& out);
  /// While true this node stands for nothing; if it leads, it resigns.
  void stand_aside(bool aside, time_point now, election_output& out);
  /// This node departs: it hands over if it leads, and never stands again.
  void leave(time_point now, election_output& out);

  [[nodiscard]] time_point next_tick() const;

  /// Leading, and under a lease at `now`. To be asked before every act.
  [[nodiscard]] bool may_act(time_point now) const;
  [[nodiscard]] bool leading() const noexcept { return phase_ == phase::leading; }
  /// When this node's leadership ends unless it is renewed.
  [[nodiscard]] time_point lease_end() const;
  [[nodiscard]] const std::optional<known_leader>& leader_now() const noexcept { return leader_; }
  [[nodiscard]] std::uint64_t term_heard() const noexcept;                        // the highest
  [[nodiscard]] const record_ptr& record() const noexcept { return committed_; }  // null until one is known
  [[nodiscard]] std::uint64_t pid() const;                                        // 0: none yet
  [[nodiscard]] member_lease own_lease() const;
  /// At the leader: until when this member may act for its shards, whoever gave the lease; no new primary before.
  [[nodiscard]] time_point lease_may_run_until(const std::string& name) const;
  /// The same, of leases that others than its present incarnation have. A new one shows that the one before is dead
  /// only if it was heard itself; the word of a third node may be about a process that is dead.
  [[nodiscard]] time_point earlier_lease_may_run_until(const std::string& name) const;
  /// At the leader: until when it counts that a member asked for a lease after it was called failed (past: never).
  [[nodiscard]] time_point surely_lives_until(const member_ref& who) const;
  /// For gossip, at most election_digest_bytes_max bytes.
  [[nodiscard]] std::string digest() const;
  [[nodiscard]] const voter& vote() const noexcept { return voter_; }
  [[nodiscard]] const election_counters& counters() const noexcept { return counters_; }
  [[nodiscard]] std::string_view phase_name() const noexcept;
  [[nodiscard]] bool in_store() const noexcept { return store_.has_value(); }
  /// What is to be watched for changes; none: this node leads, or has read nothing yet.
  [[nodiscard]] std::optional<store_sight> sight_of_store() const;
  /// What is wrong with the store, or with what is in it; empty: nothing, or there is none.
  [[nodiscard]] std::string store_fault() const { return store_ ? store_->fault : std::string(); }

 private:
  enum class phase : std::uint8_t {
    without_record,       // looks for a cluster or for founders
    following,            // a leader is known
    waiting_rank,         // an election begins when those that rank higher had their time
    waiting_ok,           // ELECTION is sent
    waiting_coordinator,  // somebody higher stands
    asking,               // candidate: asks the voters for a term
    taking_over,          // has the term, re-commits the record
    leading,
  };

  struct deferred {  // leaves when the voter's version is durable
    std::uint64_t version;
    member_ref to;
    election_message message;
  };
  struct candidacy {
    std::uint64_t term = 0;
    record_ptr best;  // highest shown
    std::set<voter_id> granted;
    std::map<std::string, time_point> ask_at;  // by voter's name
    bool own_asked = false;
    std::optional<time_point> members_asked;
    bool handed_over = false;
    incarnation_id leave;  // of the leader that leads on meanwhile
    std::string cause;
    time_point own_at{};  // not before: own lease to another
    time_point give_up{};
    time_point inherited{};
  };
  struct pending_change {
    record_ptr record;
    std::vector<record_voter> old_voters;
    std::set<voter_id> accepted;
    std::uint64_t proposal = 0;  // 0: the machine's own
  };
  struct queued_proposal {
    std::uint64_t number;
    record_change change;
  };
  struct planned_handover {
    member_ref to;
    std::string reason;
    std::optional<member_ref> asked_by;
    bool told = false;
    bool outbid = false;  // some voter has promised a higher term: its, or a stranger's
    time_point deadline{};
  };
  struct reign {
    std::uint64_t term = 0;
    time_point since{};
    record_ptr base;                             // the latest committed here, or the one taken over
    std::map<voter_id, time_point> answered;     // latest round answered: when it was sent
    std::map<std::uint64_t, time_point> rounds;  // the latest rounds: when sent
    time_point next_renewal{};
    time_point renewed_at{};    // members were last sent a renewal
    time_point leased_until{};  // what members were given leases against
    time_point inherited{};
    std::optional<pending_change> pending;
    std::deque<queued_proposal> queue;
    std::string cause;
    incarnation_id leave;                        // of the leader before, which has not said go
    time_point not_before = time_point::min();   // it may act until then
    time_point ready_again = time_point::min();  // when it is asked for its word next
    std::optional<planned_handover> handover;    // under way, at the leader
  };

  struct store_attempt {
    time_point sent{};
    stamp at;  // of the record; {0, 0}: a renewal, or the taking of a term
    std::uint64_t round = 0;
    bool floor_open = false;
  };
  struct store_seat {
    std::uint64_t next_number = 0;
    std::optional<store_request> under_way;
    time_point sent{};
    time_point again{};                       // the next request, not before
    time_point hint_due = time_point::max();  // but a reading that a hint asks for
    std::uint64_t readings = 0;
    std::optional<std::uint64_t> seen;  // version of the entry, 0: there is none; unchanged since seen_since
    time_point seen_since{};
    std::optional<std::uint64_t> run;
    time_point run_since{};
    std::uint64_t held = 0;                           // version that this node wrote last
    std::map<std::uint64_t, store_attempt> attempts;  // by version: what is there, or may be
    time_point taken_at{};
    bool must_read = false;
    bool must_write = false;
    bool renew_due = false;
    bool release_due = false;
    bool floor_open = false;
    std::set<std::string> floor_heard;
    std::string may_forget = "the store was not reached yet";
    std::string fault;
    std::string address;  // of another node, as the entry last said
  };

  // election.cpp: the common parts
  void enter(time_point now, election_output& out);
  void finish(election_output& out);
  void dispatch(const member_ref& from, const election_message& m);
  bool belongs_here(const member_ref& from, const election_message& m);
  void send(const member_ref& to, election_message m);
  void send_when_durable(const member_ref& to, election_message m);
  void release_deferred();
  void publish_committed();
  void hear(std::uint64_t term) noexcept;
  [[nodiscard]] election_message make(election_kind kind) const;
  [[nodiscard]] bool has_cluster() const noexcept { return voter_.accepted() != nullptr; }
  [[nodiscard]] bool founded() const noexcept { return has_cluster() && !voter_.founding(); }
  [[nodiscard]] std::optional<member_ref> reach(const std::string& name) const;
  void run_timers();

  // election_record.cpp: how a committed record spreads
  void on_record(const member_ref& from, const election_message& m);
  void on_record_ask(const member_ref& from, const election_message& m);
  void on_committed(const member_ref& from, const stamp& at);
  void ask_for_record(const member_ref& from);
  void adopted();

  // election_join.cpp: founding and joining
  void run_join();
  void say_hello();
  [[nodiscard]] std::vector<member_ref> whom_to_greet();
  [[nodiscard]] member_ref highest_present() const;
  void note_cluster(const member_ref& from);
  void consider_founding();
  void propose_founding();
  void consider_founded();
  void on_hello(const member_ref& from, const election_message& m);
  void on_found(const member_ref& from, const election_message& m);
  void on_found_accepted(const member_ref& from, const election_message& m);
  void on_founded(const member_ref& from, const election_message& m);
  void on_refused(const member_ref& from, const election_message& m);
  void founding_complete();
  void report_refusal(std::string reason);
  void refuse_joiner(const member_ref& from, std::string reason);
  [[nodiscard]] std::string fault_of_joiner(const member_ref& from, const election_message& m) const;

  // election_bully.cpp: who stands
  void begin_election();
  void call_higher();
  void on_election(const member_ref& from);
  void on_ok(const member_ref& from);
  void on_stand(const member_ref& from, const election_message& m);
  void wait_for_coordinator();
  void run_bully();
  void lose_leader(std::string reason);
  void follow(const member_ref& from, const election_message& m);
  void note_leader_sign(const member_ref& from, duration lease);
  [[nodiscard]] duration rank_delay();
  [[nodiscard]] std::vector<member_ref> higher_present() const;
  [[nodiscard]] bool may_stand() const;
  [[nodiscard]] bool keeps_out() const noexcept { return leaving_ || aside_; }

  // election_candidate.cpp: the term
  void stand(const election_message* handed_over = nullptr, const incarnation_id& by = {});
  void ask_voters();
  void ask_own_voter();
  void on_term_answer(const member_ref& from, const election_message& m);
  void count_grants();
  void run_candidacy();
  void give_up_candidacy(duration pause);

  // election_voting.cpp: this node's voter answers
  void on_ask_term(const member_ref& from, const election_message& m);
  void on_accept(const member_ref& from, const election_message& m);
  void on_renew(const member_ref& from, const election_message& m);
  void on_release(const member_ref& from, const election_message& m);
  void on_lease(const member_ref& from, const election_message& m);
  void use_kept_leases();
  [[nodiscard]] bool stale(const member_ref& from, const election_message& m);

  // election_reign.cpp: leading
  void take_over();
  void start_change(cluster_record next, std::uint64_t proposal);
  void send_accepts();
  void on_accept_answer(const member_ref& from, const election_message& m);
  void on_renew_answer(const member_ref& from, const election_message& m);
  void consider_commit();
  void commit();
  void publish(const pending_change& change);
  void announce();
  void outbid();
  void renew();
  void send_renewals(std::uint64_t round);
  void count_answer(const voter_id& id, std::uint64_t sequence);
  void give_leases();
  void give_lease(const member_ref& to, roll_row& row);
  void next_change();
  [[nodiscard]] bool vet(const member_ref& from, const election_message& m);
  void end_reign(const std::string& reason);
  void resign(const std::string& reason, const std::optional<member_ref>& successor);
  void run_reign();
  [[nodiscard]] std::uint64_t new_round();

  // election_handover.cpp: the lead goes to another without a time in which nobody has it
  void begin_handover(const member_ref& to, const std::string& reason, const std::optional<member_ref>& asked_by);
  void tell_successor();
  void run_handover();
  void handover_failed(const std::string& fault);
  void say_ready();
  void on_ready(const member_ref& from, const election_message& m);
  void on_go(const member_ref& from, const election_message& m);
  void on_transfer_asked(const member_ref& from, const election_message& m);
  void consider_priority();
  [[nodiscard]] expected<void> transfer_here(const std::string& name, const std::optional<member_ref>& asked_by);
  [[nodiscard]] std::optional<member_ref> best_heir() const;
  [[nodiscard]] bool hands_over_to(const member_ref& who) const;

  // election_store.cpp: a leader store in the voters' place
  void ask_store(store_call what, std::uint64_t version, leader_entry next);
  [[nodiscard]] leader_entry store_entry_of(std::uint64_t term, const cluster_record& record);
  [[nodiscard]] duration store_wait(const leader_entry* entry) const;
  void note_store_fault(std::string reason);
  void observe_store(std::uint64_t version);
  void heard_of_store(std::uint64_t version);
  void on_store_reading(const leader_reading& reading);
  void on_store_written(const store_request& asked, errc code);
  [[nodiscard]] expected<record_ptr> record_in_store(const leader_entry& entry) const;
  void note_address_in(const leader_entry& entry);
  void read_as_joiner(const record_ptr& record);
  [[nodiscard]] bool may_found_in_store() const;
  void read_as_candidate(const std::optional<leader_entry>& entry, const record_ptr& record);
  void ask_members_for_more();
  void read_as_leader(const std::optional<leader_entry>& entry);
  void term_taken(std::uint64_t version);
  void seat_reign();
  void write_landed(std::uint64_t version);
  void tend_reign_in_store();
  void note_floor(const std::string& name);
  void leave_store();
  void run_store();
  void refresh_fenced();
  [[nodiscard]] std::string why_not_fenced() const;
  [[nodiscard]] time_point next_store_tick() const;

  election_options options_;
  election_timing timing_;
  random rng_;
  voter voter_;
  roll roll_;
  election_counters counters_;
  election_output* out_ = nullptr;  // of the call under way
  time_point now_;

  phase phase_ = phase::without_record;
  record_ptr committed_;
  std::deque<deferred> deferred_;
  std::uint64_t heard_ = 0;
  std::uint64_t next_proposal_ = 0;
  bool leaving_ = false;
  bool aside_ = false;
  std::string last_loss_ = "started";  // how the last leader ended, as seen here
  time_point take_over_at_{};          // by priority: not before

  // following
  std::optional<known_leader> leader_;
  std::uint64_t leader_term_ = 0;  // the highest term whose leader was seen
  incarnation_id leader_of_term_;  // a store that forgot may give a term twice: the second leader is refused
  time_point leader_until_{};
  std::uint64_t ask_ = 0;
  std::map<std::uint64_t, time_point> asks_;  // the latest asks for a lease: when sent
  member_lease own_lease_;
  std::map<stamp, member_lease> kept_leases_;  // by the record beside which they count, not committed here yet
  time_point record_asked_{};
  bool record_asked_once_ = false;

  // electing
  time_point deadline_{};     // of the phase
  time_point quiet_until_{};  // does not stand before
  std::optional<member_ref> called_;
  std::set<std::string> passed_over_;  // rank higher, said OK or nothing, and led to no leader
  std::optional<candidacy> candidacy_;
  std::optional<reign> reign_;

  std::optional<store_seat> store_;
  // joining
  std::map<std::string, greeting> greetings_;
  std::set<voter_id> founders_accepted_;
  time_point next_hello_{};
  time_point met_last_{};                              // when the last of the others came
  int hellos_said_ = 0;                                // without a cluster
  std::map<std::string, incarnation_id> in_clusters_;  // members whose digests show a cluster; while this has none
  std::map<std::string, time_point> refusals_told_;
};

}  // namespace troupe
