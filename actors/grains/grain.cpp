// An activation of a grain: each message is handled under its tenure and the lease, its state is read before the first
// one, and it goes to rest when what was delivered is handled.
#include <utility>

#include <caf/exit_reason.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/system_messages.hpp>

#include "actors/grains/grain_mail.hpp"
#include "actors/grains/grain_service.hpp"
#include "actors/messages/error.hpp"

namespace troupe {

namespace {

using caf::invoke_message_result;

/// Nobody takes the shard over by a planned move while it stands open.
class open_gate {
 public:
  explicit open_gate(grain_seat& seat) : seat_(seat), open_(seat.service->enter(seat)) {}
  ~open_gate() {
    if (open_) seat_.service->leave(seat_);
  }
  open_gate(const open_gate&) = delete;
  open_gate& operator=(const open_gate&) = delete;
  explicit operator bool() const noexcept { return open_; }

 private:
  grain_seat& seat_;
  const bool open_;
};

bool ends_it(errc code) { return code == errc::condition_failed || code == errc::outcome_unknown; }

}  // namespace

grain::grain(caf::actor_config& cfg, std::shared_ptr<grain_seat> seat) : grain(cfg, std::move(seat), {}) {}

grain::grain(caf::actor_config& cfg, std::shared_ptr<grain_seat> seat, function f)
    : caf::event_based_actor(cfg), seat_(std::move(seat)), function_(std::move(f)) {}

grain::~grain() = default;

const std::string& grain::type() const noexcept { return seat_->type; }
const std::string& grain::grain_id() const noexcept { return seat_->id; }
const stamp& grain::token() const noexcept { return seat_->token; }

// ---- beginning ----

caf::behavior grain::on_wake() { return function_ ? function_(this) : caf::behavior{}; }

void grain::on_rest() {
  if (resting_) resting_();
}

// Nothing that was handled is of a grain that is not remembered.
caf::behavior grain::make_behavior() {
  auto its = seat_->kind->states ? caf::behavior{} : wake();
  if (seat_->kind->options.remembered) remember();
  if (seat_->kind->states) load();
  return its ? std::move(its) : caf::behavior{[](const grain_nudge&) {}};
}

// None: it was refused.
caf::behavior grain::wake() {
  try {
    auto its = on_wake();
    if (its) return its;
    refuse({errc::unavailable, "the grain has no behavior"});
  } catch (const std::exception& fault) {
    refuse({errc::unavailable, "the grain threw when it woke: " + std::string(fault.what())});
  }
  return {};
}

void grain::on_loaded(std::optional<std::string> bytes, std::uint64_t version) {
  loading_ = false;
  state_ = std::move(bytes);
  version_ = version;
  if (auto its = wake()) become(std::move(its));
}

// Messages wait meanwhile, as with request().await().
void grain::load() {
  loading_ = true;
  const auto id = new_request_id(caf::message_priority::normal);
  const auto failed = [this](const caf::error& e) {
    const auto why = from_caf(e);
    if (why.code == errc::not_found) return on_loaded(std::nullopt, 0);
    loading_ = false;
    refuse({errc::unavailable, "the grain's state cannot be read: " + describe(why)});
  };
  add_awaited_response_handler(id.response_id(), caf::behavior{[this](std::string& bytes, std::uint64_t version) {
                                                                 on_loaded(std::move(bytes), version);
                                                               },
                                                               failed});
  auto states = *seat_->kind->states;
  states.get(seat_->key, [self = caf::strong_actor_ptr(ctrl()), id](expected<cache_value> r) {
    auto answer = r ? caf::make_message(std::move(r->bytes), r->version) : caf::make_message(to_caf(r.error()));
    self->enqueue(nullptr, id.response_id(), std::move(answer), nullptr);
  });
}

// It has no behavior: who waits is told, then it goes.
void grain::refuse(error why) {
  if (!seat_ || lapsed_) return;
  refused_ = std::move(why);
  seat_->service->note_failed(*seat_, *refused_);
  seat_->service->wish(*seat_);
}

// ---- its state ----

void grain::save(std::string bytes, saved_callback told) { write(std::move(bytes), std::move(told)); }

void grain::forget(saved_callback told) { write(std::nullopt, std::move(told)); }

void grain::write(std::optional<std::string> bytes, saved_callback told) {
  if (!seat_ || !seat_->kind->states) {
    if (told) told(fail(errc::invalid_argument, "the grain has no cache for its state"));
    return;
  }
  unsaved_.push_back({std::move(bytes), std::move(told)});
  if (unsaved_.size() == 1) write_next();
}

void grain::write_next() {
  const auto id = new_request_id(caf::message_priority::normal);
  add_awaited_response_handler(id.response_id(),
                               caf::behavior{
                                   [this](std::uint64_t version) { on_written(version); },
                                   [this](const caf::error& e) { on_written(tl::unexpected<error>(from_caf(e))); },
                               });
  const auto answer = [self = caf::strong_actor_ptr(ctrl()), id](const expected<std::uint64_t>& version) {
    auto m = version ? caf::make_message(*version) : caf::make_message(to_caf(version.error()));
    self->enqueue(nullptr, id.response_id(), std::move(m), nullptr);
  };
  auto states = *seat_->kind->states;
  const auto& bytes = unsaved_.front().bytes;
  if (bytes) {
    put_options how;
    how.condition = version_ == 0 ? write_condition::if_absent : write_condition::if_version;
    how.version = version_;
    return states.put(seat_->key, *bytes, how, answer);
  }
  if (version_ == 0) return answer(std::uint64_t{0});
  states.erase_version(seat_->key, version_, [answer](expected<bool> r) {
    answer(r ? expected<std::uint64_t>(0) : expected<std::uint64_t>(tl::unexpected<error>(r.error())));
  });
}

// The first one stays until its callback has returned, which may save again.
void grain::on_written(expected<std::uint64_t> version) {
  auto& first = unsaved_.front();
  expected<void> result;
  if (version) {
    version_ = *version;
    state_ = std::move(first.bytes);
  } else {
    result = tl::unexpected<error>(version.error());
    if (ends_it(version.error().code)) lapsed_ = true;
  }
  const auto told = std::move(first.done);
  if (told) told(result);
  unsaved_.pop_front();
  if (lapsed_) {
    for (auto& left : std::exchange(unsaved_, {})) {
      if (left.done) left.done(result);
    }
    return seat_->service->on_lapsed(*seat_);
  }
  if (!unsaved_.empty()) write_next();
}

// ---- messages ----

invoke_message_result grain::consume(caf::mailbox_element& x) {
  const auto seat = seat_;  // it lets go of it when it ends in here
  if (!seat) return caf::event_based_actor::consume(x);
  const auto* letter = dynamic_cast<grain_letter*>(&x);
  const bool is_exit = letter == nullptr && x.content().size() == 1 && x.content().match_element<caf::exit_msg>(0);
  if (is_exit) return caf::event_based_actor::consume(x);
  const open_gate gate(*seat);
  if (lapsed_ || !gate) {
    lapse(&x);
    return invoke_message_result::consumed;
  }
  auto result = invoke_message_result::consumed;
  if (refused_)
    answer(x, *refused_);
  else if (const auto taken = take(x))
    result = *taken;
  else if (x.content().size() != 1 || !x.content().match_element<grain_nudge>(0))
    result = handle(x);
  if (result != invoke_message_result::skipped) settle(letter != nullptr);
  return result;
}

// Who asked is told when the next message wakes another activation already: it may ask again at once. This one handles
// nothing more.
invoke_message_result grain::handle(caf::mailbox_element& x) {
  try {
    return caf::event_based_actor::consume(x);
  } catch (const std::exception& fault) {
    const error why{errc::outcome_unknown, std::string("the grain threw: ") + fault.what()};
    threw_ = true;
    lapse();
    seat_->service->note_failed(*seat_, why);
    answer(x, why);
    return invoke_message_result::consumed;
  }
}

void grain::answer(const caf::mailbox_element& x, const error& why) {
  if (x.sender && x.mid.is_request() && !x.mid.is_answered())
    x.sender->enqueue(nullptr, x.mid.response_id(), caf::make_message(to_caf(why)), context());
}

void grain::lapse() {
  if (seat_ && !std::exchange(lapsed_, true)) seat_->service->on_lapsed(*seat_);
}

// What came by the grain's name finds who serves it now; what was for this activation alone does not.
void grain::lapse(caf::mailbox_element* x) {
  lapse();
  auto* letter = dynamic_cast<grain_letter*>(x);
  if (letter != nullptr) {
    auto what = caf::make_mailbox_element(letter->sender, letter->mid, std::move(letter->stages),
                                          letter->move_content_to_message());
    seat_->service->send_on(*seat_, std::move(what), letter->hops(), context());
  } else {
    answer(*x, {errc::unavailable, "the grain is served elsewhere by now"});
  }
  settle(letter != nullptr);
}

// After each message: is it time to end?
void grain::settle(bool in_a_message) {
  if (!lapsed_ && !seat_->rests.load(std::memory_order_acquire)) return;
  if (seat_->waiting.load(std::memory_order_acquire) > (in_a_message ? 1U : 0U)) return;
  const bool asks = !awaited_responses_.empty() || !multiplexed_responses_.empty();
  if (!lapsed_ && (asks || loading_ || !unsaved_.empty())) return;
  if (!lapsed_ && !refused_ && !std::exchange(rested_, true)) {
    try {
      on_rest();
    } catch (const std::exception& fault) {
      seat_->service->note_failed(*seat_, {errc::unavailable, std::string("on_rest threw: ") + fault.what()});
    }
    if (!unsaved_.empty() || !awaited_responses_.empty()) return;
  }
  quit(threw_ ? caf::exit_reason::unhandled_exception : caf::exit_reason::normal);
}

void grain::rest() {
  if (seat_) seat_->service->wish(*seat_);
}

void grain::on_exit() {
  if (const auto seat = std::exchange(seat_, nullptr)) seat->service->on_ended(*seat);
  for (auto& left : std::exchange(unsaved_, {})) {
    if (left.done) left.done(fail(errc::outcome_unknown, "the grain has ended"));
  }
  for (auto& [number, told] : std::exchange(asked_, {})) {
    if (told) told(fail(errc::outcome_unknown, "the grain has ended"));
  }
}

}  // namespace troupe
