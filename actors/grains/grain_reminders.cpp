// An activation of a grain and its reminders: what it asks for, and what comes to it without a message of its own.
#include <utility>

#include <caf/atom.hpp>
#include <caf/make_message.hpp>

#include "actors/clock.hpp"
#include "actors/grains/grain_mail.hpp"
#include "actors/grains/grain_service.hpp"
#include "actors/messages/error.hpp"

namespace troupe {

namespace {

using caf::invoke_message_result;
using std::chrono::milliseconds;
using remind_atom = caf::atom_constant<caf::atom("tr_remind")>;
using forget_atom = caf::atom_constant<caf::atom("tr_forget")>;

bool asks_to_remind(const caf::type_erased_tuple& m) {
  return m.size() == 5 && m.match_element<caf::atom_value>(0) &&
         m.get_as<caf::atom_value>(0) == remind_atom::get_value() && m.match_element<std::string>(1) &&
         m.match_element<std::int64_t>(2) && m.match_element<std::int64_t>(3) && m.match_element<std::string>(4);
}

bool asks_to_forget(const caf::type_erased_tuple& m) {
  return m.size() == 2 && m.match_element<caf::atom_value>(0) &&
         m.get_as<caf::atom_value>(0) == forget_atom::get_value() && m.match_element<std::string>(1);
}

// Of a period that is no whole number of milliseconds the grain that gets it says that it is wrong, as of one too
// short.
std::int64_t ms_of(duration d) {
  const auto ms = std::chrono::duration_cast<milliseconds>(d);
  return ms == d ? ms.count() : -1;
}

}  // namespace

caf::message remind_message(const reminder& r) {
  return caf::make_message(caf::atom_value{remind_atom::get_value()}, r.name,
                           std::int64_t{r.due.time_since_epoch().count()}, ms_of(r.period), r.payload);
}

caf::message forget_reminder_message(const std::string& name) {
  return caf::make_message(caf::atom_value{forget_atom::get_value()}, name);
}

// As request().await(): no message is handled until the answer is there.
std::function<void(const expected<void>&)> grain::wait_for(saved_callback told) {
  const auto number = ++last_asked_;
  asked_.emplace(number, std::move(told));
  const auto id = new_request_id(caf::message_priority::normal);
  const auto tell = [this, number](const expected<void>& r) {
    const auto waits = asked_.extract(number);
    if (!waits.empty() && waits.mapped()) waits.mapped()(r);
  };
  add_awaited_response_handler(id.response_id(),
                               caf::behavior{
                                   [tell](std::uint64_t) { tell({}); },
                                   [tell](const caf::error& e) { tell(tl::unexpected<error>(from_caf(e))); },
                               });
  return [self = caf::strong_actor_ptr(ctrl()), id](const expected<void>& r) {
    auto m = r ? caf::make_message(std::uint64_t{0}) : caf::make_message(to_caf(r.error()));
    self->enqueue(nullptr, id.response_id(), std::move(m), nullptr);
  };
}

void grain::remind(reminder r, saved_callback told) {
  if (seat_) return seat_->service->reminders().remind(*seat_, r, wait_for(std::move(told)));
  if (told) told(fail(errc::unavailable, "the grain has ended"));
}

void grain::remind(std::string name, duration delay, duration period, std::string payload, saved_callback told) {
  const auto due = wall_clock_now() + delay;
  remind({std::move(name), std::chrono::ceil<milliseconds>(due), period, std::move(payload)}, std::move(told));
}

void grain::forget_reminder(const std::string& name, saved_callback told) {
  if (seat_) return seat_->service->reminders().forget(*seat_, name, wait_for(std::move(told)));
  if (told) told(fail(errc::unavailable, "the grain has ended"));
}

expected<std::vector<reminder>> grain::reminders() const {
  if (!seat_) return fail(errc::unavailable, "the grain has ended");
  return seat_->service->reminders().list(*seat_);
}

void grain::forget_me(saved_callback told) {
  if (seat_) return seat_->service->reminders().forget_grain(*seat_, wait_for(std::move(told)));
  if (told) told(fail(errc::unavailable, "the grain has ended"));
}

void grain::remember() {
  seat_->service->reminders().remember(*seat_, wait_for([this](const expected<void>& told) {
    if (!told && seat_) refuse({errc::unavailable, "the grain cannot be remembered: " + describe(told.error())});
  }));
}

grain::saved_callback grain::answerer(caf::mailbox_element& x) {
  if (!x.sender || !x.mid.is_request()) return {};
  const auto id = x.mid.response_id();
  x.mid.mark_as_answered();
  return [to = x.sender, id](const expected<void>& r) {
    auto m = r ? caf::make_message(caf::atom_value{caf::ok_atom::get_value()}) : caf::make_message(to_caf(r.error()));
    to->enqueue(nullptr, id, std::move(m), nullptr);
  };
}

// What is not for its behavior; none: it is. In the order in which it came: behind what the grain waits for.
std::optional<invoke_message_result> grain::take(caf::mailbox_element& x) {
  const auto& m = std::as_const(x).content();
  const bool wakes = m.size() == 1 && m.match_element<grain_wake>(0);
  const bool fires = m.size() == 1 && m.match_element<reminder_fired>(0);
  const bool reminds = asks_to_remind(m);
  if (!wakes && !fires && !reminds && !asks_to_forget(m)) return std::nullopt;
  if (!awaited_responses_.empty()) return invoke_message_result::skipped;
  if (fires) {
    if (seat_->service->reminders().is_due(*seat_, m.get_as<reminder_fired>(0))) return std::nullopt;
    answer(x, {errc::condition_failed, "it was set anew, or forgotten"});
    return invoke_message_result::consumed;
  }
  const auto told = answerer(x);
  if (wakes) {
    if (told) told({});
  } else if (reminds) {
    const milliseconds due(m.get_as<std::int64_t>(2));
    const milliseconds period(m.get_as<std::int64_t>(3));
    remind({m.get_as<std::string>(1), wall_time(due), period, m.get_as<std::string>(4)}, told);
  } else {
    forget_reminder(m.get_as<std::string>(1), told);
  }
  return invoke_message_result::consumed;
}

}  // namespace troupe
