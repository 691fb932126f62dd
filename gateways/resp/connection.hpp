// One client's conversation, without its socket: bytes in, replies out, in order.
//
// The picture: while nothing is in flight, a command that can be done at once (cache_access::try_now)
// writes its reply straight into output(). A command that must wait opens a *slot*; from then on
// every reply goes to a slot of its own, and slots leave in order. Commands on data behind a slot
// are submitted too, so the order of one key's commands is kept. run() stops early when in_flight_max
// slots are open, when a slot asks to be alone (hold), or when the topology changed under them.
//
// All calls on one thread. It does not limit output(): its owner looks after each run.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include <troupe/time.hpp>

#include "gateways/resp/byte_buffer.hpp"
#include "gateways/resp/client_state.hpp"
#include "gateways/resp/command_table.hpp"
#include "gateways/resp/environment.hpp"
#include "gateways/resp/reply_writer.hpp"
#include "gateways/resp/request_parser.hpp"
#include "runtime/cache/command.hpp"

namespace troupe::resp {

class connection;
class lane_subscribers;

/// Makes the reply of a command that is one request to the cache. `context` is for people.
using single_reply = void (*)(connection& c, reply_writer& w, const cache_reply& r, std::string_view context);

/// The reply of a command that takes several requests to the cache.
class compound_reply {
 public:
  virtual ~compound_reply() = default;
  /// One request's answer. True: write() can be called. It may submit further requests for the same
  /// slot as the last thing it does (their answer may end this object), and returns false then.
  [[nodiscard]] virtual bool on_answer(connection& c, std::uint64_t slot, owned_reply answer) = 0;
  virtual void write(reply_writer& w) = 0;
};

/// What a connection asks of whoever owns it.
class completion_gate {
 public:
  virtual ~completion_gate() = default;
  /// Turns a slot into the callback of cache_access::submit. The callback comes on any thread, even
  /// before submit returns; it must end in connection::complete on the connection's own.
  [[nodiscard]] virtual reply_callback callback_for(std::uint64_t slot) = 0;

  /// The time, for requests that follow an answer; the smallest: what it was before.
  [[nodiscard]] virtual time_point read_clock() const { return time_point::min(); }
  /// output() has grown though nothing was received.
  virtual void output_grew() {}
  /// Ends the connection, soon.
  virtual void end() {}
  /// run() is called again at `until`; when it said paused, also when the pause ends.
  virtual void run_again_at(time_point) {}
  [[nodiscard]] virtual socket_state socket() const { return {}; }
  /// Of the connection's thread, and that thread's number among client_groups.
  [[nodiscard]] virtual lane_subscribers* subscribers() { return nullptr; }
  [[nodiscard]] virtual std::size_t group() const noexcept { return 0; }
};

enum class run_result : std::uint8_t {
  need_input,   // all complete commands are done
  output_full,  // output_batch_max more bytes are to be sent: send, look at the sum, run again
  waiting,      // for replies in flight: run again after complete()
  closing,      // no more commands are taken; close when finished()
  paused,       // a command waits for the end of CLIENT PAUSE: completion_gate::run_again_at
};

class connection {
 public:
  static constexpr std::size_t in_flight_max = 1024;
  static constexpr std::size_t output_batch_max = 64 * 1024;

  connection(environment& shared, lane_numbers& numbers, completion_gate& gate);

  /// Takes complete commands off `in` and executes them, all at the time `now`.
  [[nodiscard]] run_result run(byte_buffer& in, time_point now);

  /// The answer to a submitted request of `slot`. True when output() grew or run() may go on.
  bool complete(std::uint64_t slot, owned_reply answer);

  [[nodiscard]] byte_buffer& output() noexcept { return output_; }
  /// Bytes of replies that wait behind a slot, and of pushes that wait for the end of EXEC.
  [[nodiscard]] std::size_t held_back() const noexcept {
    return held_back_ + (more_ == nullptr ? 0 : more_->pushes.size());
  }
  /// The same and output() together.
  [[nodiscard]] std::size_t waiting_output() const noexcept { return output_.size() + held_back(); }
  [[nodiscard]] bool idle() const noexcept { return slots_.empty(); }
  [[nodiscard]] bool closing() const noexcept { return closing_; }
  [[nodiscard]] std::size_t missing_input() const noexcept { return parser_.missing(); }

  // For the commands.

  /// Calls `write(reply_writer&)`: the one reply of a command that needs nothing from the cache.
  template <class Write>
  void reply(const Write& write) {
    if (slots_.empty()) {
      reply_writer w(place(), protocol_);
      return write(w);
    }
    auto& s = slots_.emplace_back();
    s.ready = true;
    s.row = last_;
    if (silent()) return;
    reply_writer w(s.text, protocol_);
    write(w);
    held_back_ += s.text.size();
  }
  void reply_error(std::string_view text) {
    reply([text](reply_writer& w) { w.error(text); });
  }

  /// Does one request and replies with it.
  void request(const cache_command& command, single_reply write);

  /// try_now, unless something is in flight already. False: nothing was done, open a slot.
  [[nodiscard]] bool try_now(const cache_command& command, cache_access::visitor visit) {
    return slots_.empty() && shared_.caches.try_now(command, now_, visit);
  }
  /// A slot for a compound reply, whose number submit() takes.
  [[nodiscard]] std::uint64_t open_slot(std::unique_ptr<compound_reply> reply);
  void submit(std::uint64_t slot, const cache_command& command);
  /// The same; the answer's version is `mark`, to tell several requests of one slot apart.
  void submit_marked(std::uint64_t slot, const cache_command& command, std::uint64_t mark);
  /// The same for a head, whose answer has no value: that is the decimal `place`.
  void submit_placed(std::uint64_t slot, const cache_command& command, std::size_t place);
  /// The compound reply of `slot` is complete though no answer of its came.
  void finish(std::uint64_t number) { (void)give(number, {}); }
  /// No command is taken until all slots are done.
  void hold() noexcept { held_ = true; }
  /// The requests of later commands see the time moved on by `d`.
  void advance(duration d) noexcept { now_ += d; }

  void close_after_reply() noexcept { closing_ = true; }

  /// The rarely used part, made when it is first asked for.
  [[nodiscard]] client_state& more() {
    if (more_ == nullptr) more_ = std::make_unique<client_state>();
    return *more_;
  }
  /// Its command waits for elements.
  [[nodiscard]] bool blocked() const noexcept { return more_ != nullptr && more_->waits != nullptr; }
  /// The same to look at; null when nothing was ever asked of it.
  [[nodiscard]] const client_state* more_if_any() const noexcept { return more_.get(); }

  /// As if it had just connected (RESET): no name, no mode, no subscription, RESP2.
  void forget_all();
  /// The client is gone: listens and waits no more.
  void end_conversation();
  /// Listens to that no more, if it did.
  void leave_topic(pubsub::topic_kind kind, std::string_view name);
  void leave_all_topics();

  // Modes of the conversation: what makes execute() look twice.
  enum mode : std::uint8_t {
    listening = 1,  // has subscriptions
    muted = 2,      // CLIENT REPLY OFF
    mute_next = 4,  // CLIENT REPLY SKIP: the next command is not answered
    mute_this = 8,  // it is the next command
    queueing = 16,  // MULTI
  };
  [[nodiscard]] bool is(mode m) const noexcept { return (modes_ & m) != 0; }
  void set(mode m, bool on) noexcept { modes_ = static_cast<std::uint8_t>(on ? modes_ | m : modes_ & ~m); }

  /// The reply of EXEC begins: until all of it is written, pushes wait.
  void begin_exec() noexcept { in_exec_ = true; }
  /// The same when its last part was given, or waits in a slot.
  void end_exec();
  /// Runs what waited for EXEC.
  void run_queued(const queued_command& q);
  [[nodiscard]] bool runs_queued() const noexcept { return runs_queued_; }
  /// Neither MULTI nor watched keys from now on.
  void end_transaction();

  /// The command now or last executed.
  [[nodiscard]] const command_row* last_command() const noexcept { return last_; }
  [[nodiscard]] completion_gate& gate() noexcept { return gate_; }
  /// Bytes out of turn, e.g. a message of a channel: sent before replies that still wait, but not within that of EXEC.
  template <class Write>
  void push(const Write& write) {
    reply_writer w(in_exec_ ? more().pushes : output_, protocol_);
    write(w);
    gate_.output_grew();
  }
  void set_protocol(int version) noexcept { protocol_ = version; }
  [[nodiscard]] int protocol() const noexcept { return protocol_; }
  [[nodiscard]] time_point now() const noexcept { return now_; }
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] std::string& name() noexcept { return name_; }
  [[nodiscard]] environment& shared() noexcept { return shared_; }
  [[nodiscard]] lane_numbers& numbers() noexcept { return numbers_; }
  /// A command on a key of the cache `default`.
  [[nodiscard]] cache_command command_on(cache_op op, std::string_view key) const noexcept {
    cache_command command;
    command.op = op;
    command.cache = shared_.cache;
    command.key = key;
    return command;
  }

 private:
  struct slot {
    bool ready = false;
    int protocol = 2;  // when the command came: a later HELLO does not change this reply
    single_reply write = nullptr;
    std::unique_ptr<compound_reply> compound;
    byte_buffer text;  // of a ready slot that is not the first
    const command_row* row = nullptr;
    bool muted = false;  // its reply is thrown away
  };

  using tick = std::chrono::steady_clock::time_point;

  [[nodiscard]] bool silent() const noexcept { return (modes_ & (muted | mute_this)) != 0; }
  /// Where a reply goes that waits for nothing.
  [[nodiscard]] byte_buffer& place() noexcept { return silent() ? nowhere() : output_; }
  [[nodiscard]] byte_buffer& nowhere() noexcept;
  [[nodiscard]] bool must_wait();
  [[nodiscard]] bool held_by_pause(const arguments& words);
  [[nodiscard]] bool execute(const arguments& words);
  void execute_in_mode(const command_row& row, const arguments& words);
  [[nodiscard]] bool admit(const command_row& row, const arguments& words);
  [[nodiscard]] const command_row* find_row(const arguments& words);
  void run_row(const command_row& row, const arguments& words);
  void account(const command_row& row, const arguments& words, std::size_t output_before);
  void queue(const command_row& row, const arguments& words);
  void note_slow(const arguments& words, std::int64_t microseconds);
  void reject(const command_row* row, std::string_view text);
  void refuse_unknown(const arguments& words);
  void refuse_protocol(std::string_view message);
  bool give(std::uint64_t number, const owned_reply& answer);
  void write_reply(slot& s, reply_writer w, const owned_reply& answer);
  void release_ready();

  environment& shared_;
  lane_numbers& numbers_;
  completion_gate& gate_;
  request_parser parser_;
  byte_buffer output_;
  std::deque<slot> slots_;        // the first one is never ready
  std::uint64_t first_slot_ = 0;  // number of slots_.front()
  std::uint64_t topology_ = 0;    // when the first slot was opened
  std::size_t held_back_ = 0;
  time_point now_{};
  int protocol_ = 2;
  std::uint8_t modes_ = 0;
  bool held_ = false;
  bool closing_ = false;
  bool in_exec_ = false;  // from its first reply to its last
  bool runs_queued_ = false;
  bool postponed_ = false;  // the parser's command was not executed yet
  const command_row* last_ = nullptr;
  tick last_tick_{};  // when the last command was done
  std::unique_ptr<client_state> more_;
  const std::uint64_t id_;
  std::string name_;
};

}  // namespace troupe::resp
