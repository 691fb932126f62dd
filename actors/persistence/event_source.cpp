#include <utility>

#include <caf/atom.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/message_view.hpp>
#include <caf/send.hpp>

#include "actors/messages/error.hpp"
#include "actors/persistence/event_source_core.hpp"

namespace troupe {

namespace {

using answered_atom = caf::atom_constant<caf::atom("answered")>;
/// To itself: everything that came before is refused, now it may go. From this actor only: its type is not registered.
struct all_refused {};

persistent_stream_settings settings_of(std::string stream, const event_source_options& o, bool has_image) {
  persistent_stream_settings s;
  s.stream = std::move(stream);
  s.page_events = o.page_events;
  s.snapshot_every = has_image ? o.snapshot_every : 0;
  s.replay_for = o.replay_for;
  s.settle_for = o.settle_for;
  return s;
}

}  // namespace
}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::all_refused)

namespace troupe {

event_source_core::event_source_core(caf::event_based_actor* self, const journal& j, std::string stream,
                                     std::shared_ptr<event_folding> state, const event_source_options& o)
    : self_(self),
      grain_(dynamic_cast<grain*>(self)),
      journal_(j.core()),
      state_(std::move(state)),
      truncate_(o.truncate),
      machine_(settings_of(std::move(stream), o, state_->has_image()), *this) {}

time_point event_source_core::now() const { return time_point(self_->clock().now()); }

void event_source_core::start() {
  // Who waits for an outcome is told when the actor goes; it holds the actor's own handles.
  self_->attach_functor([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->ended_ = true;
    self->ready_ = nullptr;
    for (auto& then : std::exchange(self->told_, {}))
      if (then) then(fail(errc::outcome_unknown, "the actor has ended"));
  });
  machine_.begin(now());
  step();
}

void event_source_core::on_ready(std::function<void()> f) {
  if (replayed_) return f();
  ready_ = std::move(f);
}

expected<void> event_source_core::restore(const journal_event& snapshot) {
  return state_->restore(snapshot, self_->system());
}

expected<void> event_source_core::apply(const journal_event& e) { return state_->apply(e, self_->system()); }

// ---- steps ----

// The answer goes into a place of its own; the message says that it is there.
template <class T>
void event_source_core::await(const std::function<void(answer<T>)>& begin,
                              void (event_source_core::*then)(expected<T>)) {
  asking_ = true;
  const auto place = std::make_shared<std::optional<expected<T>>>();
  const auto id = self_->new_request_id(caf::message_priority::normal);
  self_->add_awaited_response_handler(id.response_id(),
                                      caf::behavior{[self = shared_from_this(), place, then](answered_atom) {
                                        self->asking_ = false;
                                        (self.get()->*then)(std::move(**place));
                                      }});
  begin([place, id, to = caf::strong_actor_ptr(self_->ctrl())](expected<T> r) {
    *place = std::move(r);
    to->enqueue(nullptr, id.response_id(), caf::make_message(answered_atom::value), nullptr);
  });
}

void event_source_core::step() {
  if (asking_ || ended_) return;
  const auto j = journal_;
  switch (machine_.next()) {
    case persistent_stream::doing::load:
      return await<stream_start>([this, j](answer<stream_start> done) { j->load(machine_.stream(), std::move(done)); },
                                 &event_source_core::on_start);
    case persistent_stream::doing::read:
      return await<std::vector<stored_event>>(
          [this, j](answer<std::vector<stored_event>> done) {
            j->read(machine_.stream(), machine_.version(), machine_.page(), std::move(done));
          },
          &event_source_core::on_page);
    case persistent_stream::doing::append:
      return await<appended>([this, j](answer<appended> done) { j->append(machine_.append(), std::move(done)); },
                             &event_source_core::on_appended);
    case persistent_stream::doing::wait: return wait();
    case persistent_stream::doing::ended: return end();
    case persistent_stream::doing::ready: return on_replayed();
  }
}

void event_source_core::wait() {
  asking_ = true;
  const auto id = self_->new_request_id(caf::message_priority::normal);
  self_->add_awaited_response_handler(id.response_id(), caf::behavior{[self = shared_from_this()](answered_atom) {
                                        self->asking_ = false;
                                        self->machine_.on_waited();
                                        self->step();
                                      }});
  self_->clock().schedule_message(self_->clock().now() + machine_.wait(), caf::strong_actor_ptr(self_->ctrl()),
                                  caf::make_mailbox_element(nullptr, id.response_id(), {}, answered_atom::value));
}

void event_source_core::on_start(expected<stream_start> r) {
  machine_.on_start(std::move(r), now());
  step();
}

void event_source_core::on_page(expected<std::vector<stored_event>> r) {
  machine_.on_page(r, now());
  step();
}

void event_source_core::on_replayed() {
  if (std::exchange(replayed_, true)) return;
  journal_->numbers().count_replay(true, machine_.replayed());
  save_snapshot();
  if (const auto f = std::exchange(ready_, nullptr)) f();
}

// ---- storing ----

void event_source_core::persist_all(std::vector<journal_event> events, stored_callback then) {
  if (auto taken = machine_.persist(std::move(events), journal_->new_append_id(), now()); !taken) {
    if (then) then(taken);
    return;
  }
  told_.push_back(std::move(then));
  step();
}

void event_source_core::on_appended(expected<appended> r) {
  const auto outcome = machine_.on_appended(r, now());
  if (outcome) {
    if (*outcome) save_snapshot();
    const auto then = std::move(told_.front());
    told_.pop_front();
    if (then) then(*outcome);
  }
  step();
}

// In the background: without it the next start reads more, and that is all.
void event_source_core::save_snapshot() {
  if (!machine_.take_snapshot_due()) return;
  const auto& stream = machine_.stream();
  auto image = state_->image(self_->system());
  if (!image) return journal_->warn("snapshot_failed", stream, image.error());
  journal_->save_snapshot(stream, machine_.version(), std::move(*image),
                          [j = journal_, stream, truncate = truncate_](const expected<void>& saved) {
                            if (!saved) return j->warn("snapshot_failed", stream, saved.error());
                            if (!truncate) return;
                            j->truncate(stream, [j, stream](const expected<std::uint64_t>& removed) {
                              if (!removed) j->warn("truncate_failed", stream, removed.error());
                            });
                          });
}

// ---- the end ----

void event_source_core::end() {
  if (std::exchange(ended_, true)) return;
  const auto why = machine_.why();
  ready_ = nullptr;
  if (machine_.failed_to_replay()) {
    journal_->numbers().count_replay(false, machine_.replayed());
    journal_->warn("replay_failed", machine_.stream(), why);
    return refuse();
  }
  journal_->warn(why.code == errc::condition_failed ? "written_elsewhere" : "outcome_unknown", machine_.stream(), why);
  const auto unsettled = machine_.take_unsettled();
  for (std::size_t i = 0; i < unsettled && !told_.empty(); ++i) {
    const auto then = std::move(told_.front());
    told_.pop_front();
    if (then) then(fail(errc::unavailable, "not stored: " + describe(why)));
  }
  give_up(why);
}

void event_source_core::refuse() {
  if (grain_ != nullptr) return grain_->refuse(machine_.why());
  const auto why = to_caf(machine_.why());
  self_->set_default_handler(
      [why](caf::scheduled_actor*, caf::message_view&) -> caf::result<caf::message> { return why; });
  self_->become(caf::behavior{[self = self_, why](const all_refused&) { self->quit(why); }});
  self_->enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, all_refused{}), nullptr);
}

void event_source_core::give_up(const error& why) {
  if (grain_ != nullptr) return grain_->lapse();
  self_->quit(to_caf(why));
}

// ---- handles ----

event_source_handle::event_source_handle(caf::event_based_actor* self, const journal& j, std::string stream,
                                         std::shared_ptr<event_folding> state, const event_source_options& o)
    : core_(std::make_shared<event_source_core>(self, j, std::move(stream), std::move(state), o)) {
  core_->start();
}

std::uint64_t event_source_handle::version() const noexcept { return core_->version(); }

void event_source_handle::persist_all(std::vector<journal_event> events, stored_callback then) {
  core_->persist_all(std::move(events), std::move(then));
}

void event_source_handle::on_ready(std::function<void()> f) { core_->on_ready(std::move(f)); }

}  // namespace troupe
