// The grains of one shard at one node: what is to be done with a message for a grain. Whoever owns it calls it from one
// thread at a time, passes the time and says whether this node's lease as a primary runs; it carries out what comes.
//
//   this node                     a message for a grain that
//                                 is awake     begins or ends   is at rest
//   serves the shard              deliver      hold (with it)   start, and hold until it has started
//   is about to give it up        hold         hold             hold
//   has no lease now              hold         hold             hold
//   does not; nobody is known to  hold
//   does not; another one does    forward, or hold when the sender went by a later table or it cannot be reached
//
// A grain at rest is nothing here. Its activation belongs to a tenure: the time in which this node is primary of the
// shard, numbered. When that ends, so do all activations of the shard (cut), whatever they were at; what waited is
// decided anew. That an activation handles nothing after its tenure or without the lease is the caller's to see to, at
// each message (actors/cache/shard_tenures): the shard then hears of it by on_lapsed().
//
// Held messages are bounded by the node's ledger, and each by held_for_max. Messages of one sender to one grain stay in
// order as long as the shard stays where it is.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/ids.hpp>
#include <troupe/time.hpp>

#include "runtime/base/function_ref.hpp"
#include "runtime/grains/grain_ledger.hpp"

namespace troupe {

/// A grain that is awake. Its own thread counts here what the shard reads.
struct grain_activation {
  virtual ~grain_activation() = default;
  std::atomic<std::uint32_t> waiting{0};  // messages that were delivered and are not handled yet
  std::atomic<std::int64_t> used{0};      // time of the latest one
  std::atomic<bool> idle{false};          // its rest is its own: it wished, or nobody sent it anything
};
using grain_activation_ptr = std::shared_ptr<grain_activation>;

/// A message as long as it waits here.
struct held_message {
  virtual ~held_message() = default;
  std::uint64_t bytes = 0;  // about
  time_point until{};       // then it is refused
};
using held_message_ptr = std::unique_ptr<held_message>;

struct grain_output {
  struct refusal {
    held_message_ptr message;
    errc code;
    const char* words;
  };
  std::vector<grain_activation_ptr> rest;  // are to end when they have handled what was delivered: on_ended follows
  std::vector<grain_activation_ptr> cut;   // are to end now, and count for nothing any more
  std::vector<held_message_ptr> again;     // are to be brought to on_message again, in this order
  std::vector<refusal> refused;
};

class grain_shard {
 public:
  /// prepare: it would have to be held; the same call comes again with a keeper that has it ready.
  enum class fate : std::uint8_t { deliver, start, hold, prepare, forward, refuse };
  struct verdict {
    fate what = fate::hold;
    grain_activation_ptr to{};  // deliver: it is counted as waiting there
    std::uint64_t number = 0;   // start: of the activation that is to begin; started() or failed() follows
    std::uint64_t owner = 0;    // forward: PID
    errc code = errc::ok;       // refuse
    const char* words = "";
  };
  struct call {
    std::string_view key{};
    std::uint32_t hops = 0;
    stamp known{};            // of the table by which the sender chose this node
    time_point until{};       // of a message that was held before
    bool owner_lost = false;  // the one that was named for this message cannot be reached: it waits
  };
  /// Gives the message away, or nothing when it is not ready to be held; called at most once.
  using keeper = function_ref<held_message_ptr()>;

  explicit grain_shard(grain_ledger& ledger) : ledger_(ledger) {}

  /// A table was adopted, or this node gave the shard up or took that back. `tenure`: 0 when this node does not serve
  /// the shard, otherwise a number that each time of serving has for itself. `owner`: PID, 0 when nobody is known to.
  void on_row(std::uint64_t owner, std::uint64_t tenure, stamp table, grain_output& out);

  [[nodiscard]] verdict on_message(const call& c, bool leased, time_point now, keeper keep);

  /// The activation lives. False when its tenure has ended meanwhile: it is to be cut. `idle_after`: without messages
  /// it rests then; zero: never.
  [[nodiscard]] bool started(std::string_view key, std::uint64_t number, grain_activation_ptr a, duration idle_after);
  /// After started(), again and again until it is empty: what waited, to be delivered in this order.
  [[nodiscard]] std::vector<held_message_ptr> take_held(std::string_view key, std::uint64_t number, grain_output& out);
  /// No activation could be made: what waited for it is refused.
  void failed(std::string_view key, std::uint64_t number, errc code, const char* words, grain_output& out);
  /// It has ended, by itself or because it was to.
  void on_ended(std::string_view key, std::uint64_t number, grain_output& out);
  /// It found at a message that its time is over, and ends.
  void on_lapsed(std::string_view key, std::uint64_t number, grain_output& out) { on_ended(key, number, out); }
  /// It asks to rest.
  void on_wish(std::string_view key, std::uint64_t number, grain_output& out);

  /// The shard is about to be given up: all go to rest and none begins. True when none is left; asked again until then.
  [[nodiscard]] bool calm(grain_output& out);
  /// It is not given up after all.
  void stir(grain_output& out);

  /// Those that were idle for long enough go to rest.
  void sweep(time_point now, grain_output& out);
  /// What waited too long is refused; what waited for the lease, or for an owner to be reached, is decided anew. Often
  /// while the ledger holds messages.
  void on_tick(bool leased, time_point now, grain_output& out);
  /// The node stops.
  void close(grain_output& out);

  [[nodiscard]] std::size_t size() const noexcept { return records_.size(); }
  [[nodiscard]] std::uint64_t tenure() const noexcept { return tenure_; }
  [[nodiscard]] stamp table() const noexcept { return table_; }
  [[nodiscard]] bool calming() const noexcept { return calming_; }

 private:
  enum class state : std::uint8_t { starting, active, ending };
  struct record {
    std::uint64_t number = 0;
    state is = state::starting;
    bool rests_next = false;  // asked for while it was starting
    duration idle_after{};
    grain_activation_ptr activation{};
    std::vector<held_message_ptr> held{};
  };
  struct hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const noexcept { return std::hash<std::string_view>()(key); }
  };
  using records = std::unordered_map<std::string, record, hash, std::equal_to<>>;

  [[nodiscard]] static verdict refuse(errc code, const char* words) { return {fate::refuse, {}, 0, 0, code, words}; }
  [[nodiscard]] verdict pass_on(const call& c, time_point now, keeper keep);
  [[nodiscard]] verdict begin(const call& c, time_point now, keeper keep);
  [[nodiscard]] verdict hold(std::vector<held_message_ptr>& where, const call& c, time_point now, keeper keep);
  [[nodiscard]] record* find(std::string_view key, std::uint64_t number);
  void bring_again(std::vector<held_message_ptr>& held, grain_output& out);
  void refuse_late(std::vector<held_message_ptr>& held, time_point now, grain_output& out);
  void put_to_rest(record& r, grain_output& out);
  void end_all(grain_output& out);

  grain_ledger& ledger_;
  std::uint64_t owner_ = 0;
  std::uint64_t tenure_ = 0;
  stamp table_;
  bool calming_ = false;
  std::uint64_t next_number_ = 1;
  records records_;
  std::vector<held_message_ptr> room_;  // wait for an owner, the lease, or the end of a hand-over
};

}  // namespace troupe
