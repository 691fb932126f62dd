// One node's memory in the consensus: what it promised, what it accepted, whom it gave a lease.
// The acceptor of Paxos (Lamport, "Paxos Made Simple", 2001) with a lease beside each promise.
//
//   call            refuses when                                        durable before the answer
//   ask_term        term <= promised (but the same holder), or a lease   promise and holder
//                   given to another process is still running
//   accept          term < promised, or the stamp is below the accepted  promise and record
//   renew           term < promised                                      promise, if it rises
//   learn           term < promised, or the stamp is not above           record (no answer waits)
//
// The rules change memory at once, so that nothing lower passes meanwhile; `version()` rises with each
// change that must be durable, and an answer may leave when `durable()` has reached the version seen
// after the call. One write is under way at a time. Leases live in memory only: a voter that starts
// with a record counts as if it had given one to an unknown holder just then.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include <troupe/time.hpp>

#include "runtime/election/record.hpp"
#include "runtime/election/vote_file.hpp"

namespace troupe {

enum class refusal : std::uint8_t {
  none,
  lease,      // a lease given to another process is running
  promised,   // a higher term was promised, or this one to another
  stale,      // the stamp is below the accepted one
  no_record,  // nothing to vote about yet
};

struct verdict {
  refusal why = refusal::none;
  duration lease_left{};  // of a lease given before, released or not

  [[nodiscard]] bool granted() const noexcept { return why == refusal::none; }
};

/// Bytes to write whole to the vote file; on_persisted(token) says that they are durable.
struct persist_request {
  std::string bytes;
  std::uint64_t token = 0;
};

class voter {
 public:
  /// `lease`: what a lease given before a restart may have been.
  voter(vote_file file, duration lease, time_point now);

  /// `leave`: of the process whose running lease does not hinder, since it lets the candidate stand.
  [[nodiscard]] verdict ask_term(std::uint64_t term, const member_ref& candidate, time_point now,
                                 const incarnation_id& leave = {});
  [[nodiscard]] verdict accept(record_ptr record, const member_ref& leader, duration lease, time_point now);
  [[nodiscard]] verdict renew(std::uint64_t term, const member_ref& leader, duration lease, time_point now);
  /// The leader of `term` gives its lease back. What is left of it is still told to candidates.
  void release(std::uint64_t term, const member_ref& leader);

  /// Takes a record that somebody knows to be committed. False: refused, nothing changed.
  bool learn(record_ptr record);
  /// The record with this stamp is committed. False: neither that one nor a later one is known here.
  bool mark_committed(const stamp& at);

  /// Accepts a founding if there is no record at all; true when this one is the accepted (again).
  bool accept_founding(record_ptr record, const voter_id& founder);
  /// The founding is complete: everyone accepted it.
  void declare_founded();

  [[nodiscard]] const voter_id& id() const noexcept { return file_.voter; }
  [[nodiscard]] std::uint64_t promised() const noexcept { return file_.promised; }
  /// To whom that was granted; empty: nobody, or not known.
  [[nodiscard]] const member_ref& holder() const noexcept { return file_.holder; }
  [[nodiscard]] const record_ptr& accepted() const noexcept { return file_.accepted; }
  /// The latest record that is known to be committed and is on the disk, or a later one is; null: none. While
  /// records come faster than the disk writes, it is one or two behind the accepted, and never stands still.
  [[nodiscard]] record_ptr committed() const;
  [[nodiscard]] bool founding() const noexcept { return file_.founding; }
  [[nodiscard]] const voter_id& founder() const noexcept { return file_.founder; }
  /// {0, 0} without a record.
  [[nodiscard]] stamp accepted_at() const noexcept { return file_.accepted ? file_.accepted->at : stamp{}; }

  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }
  [[nodiscard]] std::uint64_t durable() const noexcept { return durable_; }
  [[nodiscard]] bool accepted_is_durable() const noexcept { return accepted_version_ <= durable_; }
  /// What to write next, if something changed and no write is under way.
  [[nodiscard]] std::optional<persist_request> take_write();
  /// Unknown tokens are ignored.
  void on_persisted(std::uint64_t token);

 private:
  struct known_record {
    record_ptr record;
    std::uint64_t version = 0;  // with which it was accepted
  };

  void promise(std::uint64_t term, const member_ref& holder);
  void take(record_ptr record, bool committed);
  void note_committed();
  [[nodiscard]] bool sole_voter() const;
  [[nodiscard]] duration left(time_point now) const;

  vote_file file_;
  member_ref lease_holder_;  // empty name: unknown (after a restart)
  bool lease_released_ = false;
  time_point lease_end_;
  std::uint64_t version_ = 0;
  std::uint64_t accepted_version_ = 0;
  std::uint64_t writing_ = 0;  // 0: no write is under way
  std::uint64_t durable_ = 0;
  std::deque<known_record> committed_;  // the last that is durable, the last that is being written, the last of all
};

}  // namespace troupe
