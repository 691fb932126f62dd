// Grains: actors with a name, (type, id), that are always there. A message to one wakes it at the node that holds its
// shard, wherever the sender is; after a while without messages it goes to rest and costs nothing.
//
//   brings.actors->prepare = [](troupe::cluster_actors& cluster) {
//     cluster.grains().add("account", [](troupe::grain* self) -> caf::behavior { return {...}; });
//   };
//   auto account = cluster.grains().ref("account", "42");  // at any node
//   self->request(*account, 1s, deposit, 100).then(...);
//
// At most one activation of a grain handles messages at any time, in the whole cluster: only where its shard has its
// primary, under the lease of that primary, as with the cache. Grain (account, 42) and the keys of caches with the hash
// tag {42} live at the same node. So grains need nodes that run the service `cache`, and every such node needs actors
// and the grain types. docs/ACTORS.md has the whole picture.
//
// What is NOT promised: a message is handled at most once, not exactly once; two messages of one sender stay in order
// as long as the shard stays where it is; a handler that runs when the lease ends, because its node stood still, runs
// to its end (its token and the version of its state are what others tell it by).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/invoke_message_result.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/message.hpp>
#include <caf/spawn_options.hpp>

#include <troupe/error.hpp>
#include <troupe/ids.hpp>
#include <troupe/reminder.hpp>
#include <troupe/time.hpp>

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::reminder_fired)

namespace troupe {

struct grain_options {
  duration idle_after = std::chrono::minutes(1);  // without messages it goes to rest then; zero: never
  std::string state_cache{};                      // the cache that keeps its state; empty: it has none
  /// The cache that keeps its reminders, and the list of those that are remembered. Neither backed nor with a ttl; how
  /// much of the cluster may die before they are lost is its replicas, and durable.
  std::string reminder_cache{};
  /// A grain that was woken once is woken again wherever its shard goes, when it threw or was cut, and when the cluster
  /// starts anew, without a message, until it calls forget_me(). Wants a reminder_cache; an idle_after of zero keeps it
  /// awake there.
  bool remembered = false;
};

/// What sets a reminder of a grain from anywhere, or forgets one: self->request(*ref, 1s, remind_message(r)). The grain
/// is woken and answers caf::ok_atom when it is written, or the error of grain::remind; its behavior sees nothing of
/// it.
[[nodiscard]] caf::message remind_message(const reminder& r);
[[nodiscard]] caf::message forget_reminder_message(const std::string& name);

class grain_seat;  // actors/grains: what an activation is given by its node

/// One activation of a grain. Derive from it (on_wake) or give a function; what it is told is as with any actor of CAF.
class grain : public caf::event_based_actor {
 public:
  using function = std::function<caf::behavior(grain*)>;
  using saved_callback = std::function<void(const expected<void>&)>;

  grain(caf::actor_config& cfg, std::shared_ptr<grain_seat> seat);
  grain(caf::actor_config& cfg, std::shared_ptr<grain_seat> seat, function f);
  ~grain() override;

  [[nodiscard]] const std::string& type() const noexcept;
  [[nodiscard]] const std::string& grain_id() const noexcept;
  /// Rises with each move of the grain: show it to what the grain writes to, which refuses lower ones (fenced.hpp).
  [[nodiscard]] const stamp& token() const noexcept;

  /// What was saved last, by whichever activation; it was read before the first message. None: nothing was.
  [[nodiscard]] const std::optional<std::string>& state() const noexcept { return state_; }
  /// Writes the state, if nobody else did since it was read, and handles no message until that is done. `done` runs
  /// before the next one. errc::invalid_argument without a state_cache; errc::unavailable, too_large or out_of_memory:
  /// not done. After errc::condition_failed (another activation wrote) or outcome_unknown this activation ends: its
  /// next message wakes another one, which reads what is there.
  void save(std::string bytes, saved_callback done = {});
  /// The same with nothing: the grain is as it was before its first message.
  void forget(saved_callback done = {});

  /// Sets a reminder, in place of one of the same name. It is sent to the grain as a reminder_fired, wherever its shard
  /// is by then, which wakes it: at least once, at its time or later. No message is handled until it is written; `done`
  /// runs before the next one. errc::invalid_argument without a reminder_cache, for what is beyond its limits
  /// (reminder.hpp), and for a grain with a '}' in its id; errc::unavailable: not set, or too many of this grain's;
  /// errc::condition_failed: this activation's time is over; errc::outcome_unknown: perhaps set.
  void remind(reminder r, saved_callback done = {});
  void remind(std::string name, duration delay, duration period = {}, std::string payload = {},
              saved_callback done = {});
  /// No handler begins with it from the time that this was answered without an error; there need not be one.
  void forget_reminder(const std::string& name, saved_callback done = {});
  /// This grain's, by name. errc::unavailable for a moment after its shard came here.
  [[nodiscard]] expected<std::vector<reminder>> reminders() const;
  /// It is not woken again by itself; its reminders stay, and its next activation is remembered anew.
  void forget_me(saved_callback done = {});

  /// Goes to rest when the messages that have come are handled and its own requests are answered (give them a
  /// deadline); the next message wakes it anew.
  void rest();
  /// Runs before it rests, in place of on_rest().
  void on_rest(std::function<void()> f) { resting_ = std::move(f); }
  /// It cannot serve: messages are answered with `why` from now on, and it rests when those that have come are.
  void refuse(error why);
  /// This activation handles nothing more: its messages go to the next one, which they wake.
  void lapse();

  const char* name() const override { return "grain"; }
  void on_exit() override;

 protected:
  /// Its behavior, after its state was read. An exception, or none: its messages are answered with errc::unavailable.
  virtual caf::behavior on_wake();
  /// It goes to rest: idle, asked to, or because its shard moves. It may save(). Not called when its node is lost, when
  /// its lease ends or when it ends by itself.
  virtual void on_rest();

  caf::behavior make_behavior() final;
  caf::invoke_message_result consume(caf::mailbox_element& x) final;

 private:
  struct unsaved {
    std::optional<std::string> bytes;
    saved_callback done;
  };
  void load();
  void on_loaded(std::optional<std::string> bytes, std::uint64_t version);
  [[nodiscard]] caf::behavior wake();
  void write(std::optional<std::string> bytes, saved_callback done);
  void write_next();
  void on_written(expected<std::uint64_t> version);
  [[nodiscard]] caf::invoke_message_result handle(caf::mailbox_element& x);
  void answer(const caf::mailbox_element& x, const error& why);
  void lapse(caf::mailbox_element* x);
  void settle(bool in_a_message);
  [[nodiscard]] std::function<void(const expected<void>&)> wait_for(saved_callback done);
  void remember();
  [[nodiscard]] std::optional<caf::invoke_message_result> take(caf::mailbox_element& x);
  [[nodiscard]] saved_callback answerer(caf::mailbox_element& x);

  std::shared_ptr<grain_seat> seat_;
  function function_;
  std::function<void()> resting_;
  std::optional<std::string> state_;
  std::uint64_t version_ = 0;                      // of the state; 0: there is none
  std::list<unsaved> unsaved_;                     // a list: nearly always empty, and costs nothing then
  std::map<std::uint64_t, saved_callback> asked_;  // reminders that are being written, by number
  std::uint64_t last_asked_ = 0;
  bool loading_ = false;
  bool lapsed_ = false;  // its time is over: messages go elsewhere
  bool rested_ = false;
  bool threw_ = false;
  std::optional<error> refused_;
};

/// Of one node. Thread-safe.
class grains {
 public:
  virtual ~grains() = default;

  using maker = std::function<caf::actor(caf::actor_system&, std::shared_ptr<grain_seat>)>;
  /// Grains of the type may wake at this node from now on. errc::invalid_argument for a bad name (1 to 64 of a-z, 0-9,
  /// '_', '-', '.') or one that was added, and for a reminder_cache that is backed or has a ttl; errc::not_found when a
  /// cache is not declared. A message that comes before
  /// is answered with errc::not_implemented: add types in actor_options::prepare.
  virtual expected<void> add_maker(const std::string& type, maker make, const grain_options& options) = 0;
  expected<void> add(const std::string& type, grain::function f, const grain_options& options = {}) {
    return add_maker(
        type,
        [f = std::move(f)](caf::actor_system& s, std::shared_ptr<grain_seat> seat) {
          return caf::actor(s.spawn<grain, caf::lazy_init>(std::move(seat), f));
        },
        options);
  }
  /// The same for a class with a constructor (caf::actor_config&, std::shared_ptr<grain_seat>), which must be short.
  template <class Grain>
  expected<void> add_class(const std::string& type, const grain_options& options = {}) {
    return add_maker(
        type,
        [](caf::actor_system& s, std::shared_ptr<grain_seat> seat) {
          return caf::actor(s.spawn<Grain, caf::lazy_init>(std::move(seat)));
        },
        options);
  }

  /// The handle of a grain, at any node, made without asking anybody. It never goes down: grains do not end. What
  /// a request for it may be answered with, beside what the grain says:
  ///   errc::not_implemented  the node that holds the shard runs no actors, or does not have the type
  ///   errc::unavailable      nobody served the grain for two seconds, a limit was reached, or it cannot wake: not done
  ///   errc::peer_lost        its node was lost with the request: perhaps done
  ///   errc::too_large        as with any actor elsewhere
  /// Here errc::invalid_argument for a bad name (an id has 1 to 256 bytes).
  [[nodiscard]] virtual expected<caf::actor> ref(const std::string& type, const std::string& id) = 0;
  /// The member at which it would wake now; errc::unavailable while nobody is known to hold its shard.
  [[nodiscard]] virtual expected<std::string> place_of(const std::string& type, const std::string& id) = 0;
};

}  // namespace troupe
