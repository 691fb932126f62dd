// Actors whose state is the events of a stream in a journal (journal.hpp), and projections that read all streams.
//
//   const auto rules = std::make_shared<troupe::event_rules<account>>();
//   rules->on<deposited>("deposited", 1, [](account& a, const deposited& e) { a.balance += e.amount; });
//
//   caf::behavior an_account(troupe::grain* self, troupe::journal journal) {     // or a caf::event_based_actor*
//     troupe::event_source<account> its(self, journal, "account-" + self->grain_id(), rules);
//     return {[=](deposit_atom, std::int32_t amount) mutable {
//       auto answer = self->make_response_promise<std::int32_t>();
//       its.persist(deposited{amount}, [=](const troupe::expected<void>& stored) mutable { ... });
//       return answer;
//     }};
//   }
//
// The events that are there are applied before the first message; an event is stored before it is applied, and until it
// is stored no other message is handled. A command decides what happened; only events change the state.
//
//   what happens                                  the actor
//   another one wrote to the stream               persist() is told errc::condition_failed; it ends
//   nobody can tell whether the events are stored asked again by the id of the append for settle_for; then, and when
//                                                 another one wrote meanwhile, errc::outcome_unknown, and it ends
//   the events cannot be read or applied          its messages are answered with the reason; it ends
// A grain that ended is woken by its next message and reads the stream again; another actor is who spawned it's to
// restart (caf_supervision.hpp).
//
// What is NOT promised: an exit message waits for the database as other messages do. With SQLite a journal is of one
// node: a grain that moves needs PostgreSQL.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <typeindex>
#include <utility>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/make_message.hpp>
#include <caf/message.hpp>

#include <troupe/caf_protobuf.hpp>
#include <troupe/error.hpp>
#include <troupe/journal.hpp>
#include <troupe/time.hpp>

namespace troupe {

/// Of caf_persistence.hpp itself: a value of a registered type as bytes. Errors as for a message that leaves the node.
[[nodiscard]] expected<std::string> event_bytes(const caf::message& value, caf::actor_system& system);
[[nodiscard]] expected<caf::message> event_value(const std::string& bytes, caf::actor_system& system);

template <class T>
[[nodiscard]] expected<std::string> write_event(const T& value, caf::actor_system& system) {
  if constexpr (protobuf_message<T>)
    return value.SerializePartialAsString();
  else
    return event_bytes(caf::make_message(value), system);
}

template <class T>
[[nodiscard]] expected<T> read_event(const std::string& bytes, caf::actor_system& system) {
  if constexpr (protobuf_message<T>) {
    T value;
    if (!value.ParsePartialFromString(bytes)) return fail(errc::corrupt, "bytes that are no " + value.GetTypeName());
    return value;
  } else {
    auto value = event_value(bytes, system);
    if (!value) return tl::unexpected<error>(std::move(value.error()));
    if (!value->template match_elements<T>()) return fail(errc::corrupt, "bytes of another type");
    return value->template get_as<T>(0);
  }
}

/// What is known of the types of events, whatever the state is.
class event_catalogue {
 public:
  static constexpr std::size_t upcasts_max = 64;  // of one event, one after the other

  using upcast = std::function<expected<journal_event>(journal_event)>;
  struct reader {
    std::uint32_t version = 1;
    bool reads_older = false;
    std::function<expected<void>(void* state, const std::string& bytes, caf::actor_system&)> apply;
  };
  using writer = std::function<expected<journal_event>(const void* event, caf::actor_system&)>;

  /// Each type and each C++ type once: the last one counts.
  void add(const std::string& type, reader r) { readers_[type] = std::move(r); }
  void add(std::type_index type, writer w) { writers_.insert_or_assign(type, std::move(w)); }
  void add(const std::string& type, std::uint32_t from, upcast f) { upcasts_[{type, from}] = std::move(f); }

  /// The event as this program knows it. errc::not_implemented for an unknown type, a newer version and an older one
  /// without an upcast; what an upcast says.
  [[nodiscard]] expected<journal_event> raised(journal_event e) const;
  [[nodiscard]] expected<void> apply(void* state, const journal_event& e, caf::actor_system& system) const;
  /// errc::not_implemented for a type without rules.
  [[nodiscard]] expected<journal_event> write(std::type_index type, const void* event, caf::actor_system& system) const;

 private:
  std::map<std::string, reader> readers_;
  std::map<std::type_index, writer> writers_;
  std::map<std::pair<std::string, std::uint32_t>, upcast> upcasts_;
};

/// How events make a state. Filled once, then shared by all actors of a kind and not changed any more. What is given
/// here may throw: the event cannot be applied then.
template <class State>
class event_rules {
 public:
  /// A protobuf type, by its full name; reads its message_version and all before.
  template <protobuf_message Event>
  event_rules& on(std::function<void(State&, const Event&)> apply) {
    return add<Event>(Event().GetTypeName(), message_version<Event>, true, std::move(apply));
  }
  /// A type that is registered with the actor system, without floats and handles. The name is that in the journal.
  /// Raise the version when its members change: older events need an upcast then.
  template <class Event>
  event_rules& on(const std::string& name, std::uint32_t version, std::function<void(State&, const Event&)> apply) {
    return add<Event>(name, version, false, std::move(apply));
  }
  /// Bytes that only the application reads; stored by persist_all(journal_event).
  event_rules& on_bytes(const std::string& name, std::uint32_t version,
                        std::function<expected<void>(State&, const std::string&)> apply) {
    events_.add(name,
                {version, false, [apply = std::move(apply)](void* s, const std::string& bytes, caf::actor_system&) {
                   return apply(*static_cast<State*>(s), bytes);
                 }});
    return *this;
  }
  /// What an event of this type and version is now: another version, or another type.
  event_rules& upcast(const std::string& type, std::uint32_t from, event_catalogue::upcast f) {
    events_.add(type, from, std::move(f));
    return *this;
  }
  /// A snapshot is an event, too: the image of a state. `to` makes it, `from` makes the state of it. Image is a
  /// protobuf type, or a registered one with a name and a version. Upcasts hold for it as well.
  template <class Image>
  event_rules& snapshot(std::function<Image(const State&)> to, std::function<State(const Image&)> from) {
    return snapshot<Image>(Image().GetTypeName(), message_version<Image>, std::move(to), std::move(from));
  }
  template <class Image>
  event_rules& snapshot(const std::string& name, std::uint32_t version, std::function<Image(const State&)> to,
                        std::function<State(const Image&)> from) {
    images_.add(name, {version, protobuf_message<Image>,
                       [from = std::move(from)](void* s, const std::string& bytes,
                                                caf::actor_system& system) -> expected<void> {
                         auto image = read_event<Image>(bytes, system);
                         if (!image) return tl::unexpected<error>(std::move(image.error()));
                         *static_cast<State*>(s) = from(*image);
                         return {};
                       }});
    image_of_ = [=, to = std::move(to)](const State& s, caf::actor_system& system) -> expected<journal_event> {
      auto bytes = write_event<Image>(to(s), system);
      if (!bytes) return tl::unexpected<error>(std::move(bytes.error()));
      return journal_event{name, version, std::move(*bytes)};
    };
    return *this;
  }

  [[nodiscard]] const event_catalogue& events() const noexcept { return events_; }
  [[nodiscard]] const event_catalogue& images() const noexcept { return images_; }
  [[nodiscard]] bool has_image() const noexcept { return image_of_ != nullptr; }
  [[nodiscard]] expected<journal_event> image_of(const State& s, caf::actor_system& system) const {
    return image_of_(s, system);
  }

 private:
  template <class Event>
  event_rules& add(const std::string& name, std::uint32_t version, bool reads_older,
                   std::function<void(State&, const Event&)> apply) {
    events_.add(name, {version, reads_older,
                       [apply = std::move(apply)](void* s, const std::string& bytes,
                                                  caf::actor_system& system) -> expected<void> {
                         auto event = read_event<Event>(bytes, system);
                         if (!event) return tl::unexpected<error>(std::move(event.error()));
                         apply(*static_cast<State*>(s), *event);
                         return {};
                       }});
    events_.add(std::type_index(typeid(Event)),
                [name, version](const void* e, caf::actor_system& system) -> expected<journal_event> {
                  auto bytes = write_event(*static_cast<const Event*>(e), system);
                  if (!bytes) return tl::unexpected<error>(std::move(bytes.error()));
                  return journal_event{name, version, std::move(*bytes)};
                });
    return *this;
  }

  event_catalogue events_;
  event_catalogue images_;
  std::function<expected<journal_event>(const State&, caf::actor_system&)> image_of_;
};

struct event_source_options {
  std::uint64_t snapshot_every = 0;                // events; needs a snapshot in the rules. 0: never
  bool truncate = false;                           // remove the events that a snapshot stands for
  std::size_t page_events = 500;                   // of one read of the replay; at most journal::page_events_max
  duration replay_for = std::chrono::seconds(10);  // a database that is away is asked again for so long
  duration settle_for = std::chrono::seconds(10);  // so is the outcome of an append
};

class event_source_core;  // actors/persistence

/// The state behind a core, whatever its type is.
class event_folding {
 public:
  virtual ~event_folding() = default;
  virtual void reset() = 0;
  [[nodiscard]] virtual expected<void> restore(const journal_event& snapshot, caf::actor_system& system) = 0;
  [[nodiscard]] virtual expected<void> apply(const journal_event& e, caf::actor_system& system) = 0;
  [[nodiscard]] virtual bool has_image() const = 0;
  [[nodiscard]] virtual expected<journal_event> image(caf::actor_system& system) const = 0;
};

/// Of one actor; used by nobody else. Copies are the same source.
class event_source_handle {
 public:
  using stored_callback = std::function<void(const expected<void>&)>;

  event_source_handle(caf::event_based_actor* self, const journal& j, std::string stream,
                      std::shared_ptr<event_folding> state, const event_source_options& o);

  /// Of the last event in the state.
  [[nodiscard]] std::uint64_t version() const noexcept;
  /// Stores all of them or none, behind what is being stored. Then they are in the state, and `then` runs before the
  /// next message is handled; it may persist again. errc::unavailable, too_large, invalid_argument, storage_failed: not
  /// done.
  void persist_all(std::vector<journal_event> events, stored_callback then = {});
  /// Runs once, when the events that are there are applied, before the first message.
  void on_ready(std::function<void()> f);

 protected:
  std::shared_ptr<event_source_core> core_;
};

/// Make it where the actor's behavior is made: in its function, its make_behavior() or a grain's on_wake().
template <class State>
class event_source : public event_source_handle {
 public:
  using rules = std::shared_ptr<const event_rules<State>>;

  event_source(caf::event_based_actor* self, const journal& j, std::string stream, rules r,
               const event_source_options& o = {})
      : event_source(self, j, std::move(stream), r, std::make_shared<folding>(r), o) {}

  [[nodiscard]] const State& state() const noexcept { return folding_->state; }

  template <class Event>
  [[nodiscard]] expected<journal_event> written(const Event& e) const {
    return rules_->events().write(std::type_index(typeid(Event)), &e, self_->system());
  }
  template <class Event>
  void persist(const Event& e, stored_callback then = {}) {
    persist_all(std::move(then), e);
  }
  /// All or none.
  using event_source_handle::persist_all;
  template <class... Events>
  void persist_all(stored_callback then, const Events&... events) {
    std::vector<journal_event> all;
    std::optional<error> fault;
    const auto add = [&](expected<journal_event> e) {
      if (e)
        all.push_back(std::move(*e));
      else
        fault = std::move(e.error());
    };
    (add(written(events)), ...);
    if (!fault) return event_source_handle::persist_all(std::move(all), std::move(then));
    if (then) then(tl::unexpected<error>(std::move(*fault)));
  }

 private:
  struct folding final : event_folding {
    explicit folding(rules r) : its(std::move(r)) {}
    void reset() override { state = State{}; }
    expected<void> restore(const journal_event& e, caf::actor_system& s) override {
      return its->images().apply(&state, e, s);
    }
    expected<void> apply(const journal_event& e, caf::actor_system& s) override {
      return its->events().apply(&state, e, s);
    }
    bool has_image() const override { return its->has_image(); }
    expected<journal_event> image(caf::actor_system& s) const override { return its->image_of(state, s); }

    const rules its;
    State state{};
  };

  event_source(caf::event_based_actor* self, const journal& j, std::string stream, rules r, std::shared_ptr<folding> f,
               const event_source_options& o)
      : event_source_handle(self, j, std::move(stream), f, o), self_(self), rules_(std::move(r)), folding_(f) {}

  caf::event_based_actor* self_;
  rules rules_;
  std::shared_ptr<folding> folding_;
};

/// What reads all events of a journal, in the order of their positions, and where it keeps how far it has come.
struct projection_options {
  std::string name;  // of its cursor in the journal
  /// The statements that a page of events makes, for the database of the journal: they are done in the transaction that
  /// moves the cursor, so each event has its effect exactly once. An error, or an exception, stops it there: it tries
  /// again, after longer and longer waits.
  std::function<expected<std::vector<sql_call>>(const std::vector<stored_event>&)> writes{};
  /// Instead: anything else. `done` is called once, from any thread. An event may come again: at least once.
  std::function<void(const std::vector<stored_event>&, done_callback done)> handle{};
  std::size_t page_events = 200;
  duration poll_every = std::chrono::seconds(1);  // when nothing wakes it: always, with events of other nodes in SQLite
};

/// Spawns it. It runs until it is sent an exit message; by the singleton of a name it runs once in the cluster:
///   cluster.singleton("balances", [=](const troupe::singleton_start& s) { return *run_projection(s.system, journal,
///   o); });
/// Two of one name do no harm: the cursor of one of them stands elsewhere, and it begins from there.
/// errc::invalid_argument without a name, without exactly one of `writes` and `handle`, or for bounds that are zero.
[[nodiscard]] expected<caf::actor> run_projection(caf::actor_system& system, const journal& j, projection_options o);

}  // namespace troupe
