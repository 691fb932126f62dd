#include "gateways/resp/blocked_command.hpp"

#include <algorithm>
#include <utility>

#include "runtime/cache/procedures/waiting_words.hpp"

namespace troupe::resp {

namespace {

time_point end_of(time_point now, duration timeout) noexcept {
  return timeout == duration::zero() ? time_point::max() : now + timeout;
}

// The command was not done, and may be soon.
bool may_come(errc code) noexcept {
  return code == errc::unavailable || code == errc::deadline_exceeded || code == errc::peer_lost ||
         code == errc::not_owner;
}

bool is_paused(connection& c) {
  return c.now() < time_point(duration(c.shared().pause.until.load(std::memory_order_relaxed)));
}

}  // namespace

blocked_command::blocked_command(connection& c, request r)
    : asked_(std::move(r)), since_(c.now()), deadline_(end_of(c.now(), asked_.timeout)) {}

cache_command blocked_command::pop_of(const connection& c, const request& r, duration waited) {
  auto command = c.command_on(cache_op::run, r.key);
  command.procedure = r.row.number;
  command.protocol = static_cast<std::uint8_t>(c.protocol());
  command.version = r.id;
  command.ttl = waited;
  command.value = r.words;
  return command;
}

cache_command blocked_command::wait_command(connection& c, procedure p) const {
  auto command = c.command_on(cache_op::run, asked_.key);
  command.procedure = p;
  command.version = asked_.id;
  command.ttl = c.now() - since_;
  command.value = asked_.waiting;
  return command;
}

void blocked_command::begin(connection& c, std::uint64_t slot, bool looked) {
  slot_ = slot;
  c.more().waits = this;
  if (looked ? wait(c) : look(c)) c.finish(slot);
}

// The answer may come from inside submit, and end this object: nothing follows it.
bool blocked_command::look(connection& c) {
  state_ = state::looking;
  c.submit_marked(slot_, pop_of(c, asked_, c.now() - since_), ++attempt_);
  return false;
}

bool blocked_command::wait(connection& c) {
  if (unblocked_ != unblocked::no || is_over(c)) return end(c, true);
  state_ = state::waiting;
  const auto until = std::min(deadline_, c.now() + slice);
  c.shared().caches.wait(wait_command(c, procedure::await_keys), until,
                         [attempt = ++attempt_, done = c.gate().callback_for(slot_)](owned_reply answer) {
                           answer.version = attempt;
                           done(std::move(answer));
                         });
  return false;
}

bool blocked_command::rest_a_moment(connection& c) {
  if (unblocked_ != unblocked::no || is_over(c)) return end(c, true);
  state_ = state::resting;
  rest_until_ = std::min(deadline_, c.now() + rest);
  c.gate().run_again_at(rest_until_);
  return false;
}

bool blocked_command::on_answer(connection& c, std::uint64_t, owned_reply answer) {
  if (answer.version != attempt_ || state_ == state::resting) return false;
  if (state_ == state::looking) return on_looked(c, std::move(answer));
  if (answer.code == errc::not_found) return wait(c);
  if (answer.code != errc::ok || is_paused(c)) return rest_a_moment(c);
  return look(c);
}

bool blocked_command::on_looked(connection& c, owned_reply answer) {
  const bool nothing = answer.code == errc::ok && is_null_reply(answer.value);
  if (nothing) {
    answer_ = {};
    return wait(c);
  }
  answer_ = std::move(answer);
  if (may_come(answer_.code)) return rest_a_moment(c);
  return end(c, answer_.code != errc::ok);
}

void blocked_command::on_turn(connection& c) {
  if (state_ != state::resting || c.now() < rest_until_) return;
  if (is_over(c) ? end(c, true) : is_paused(c) ? rest_a_moment(c) : look(c)) c.finish(slot_);
}

void blocked_command::unblock(connection& c, bool with_error) {
  unblocked_ = with_error ? unblocked::error : unblocked::timeout;
  if (state_ == state::looking) return;  // what it gets is still its own
  answer_ = {};
  c.gate().run_again_at(c.now());  // for what was sent behind it
  (void)end(c, true);
  c.finish(slot_);
}

void blocked_command::leave(connection& c) { (void)end(c, true); }

// `in_line`: somebody may keep a place.
bool blocked_command::end(connection& c, bool in_line) {
  c.more().waits = nullptr;
  ++attempt_;
  if (std::exchange(counted_, false)) c.shared().blocked.fetch_sub(1, std::memory_order_relaxed);
  if (in_line) tell_leaving(c);
  return true;
}

void blocked_command::tell_leaving(connection& c) {
  c.shared().caches.wait(wait_command(c, procedure::leave_keys), c.now() + slice, [](const owned_reply&) {});
}

// Redis says a null array also for the commands that reply one element.
void blocked_command::write(reply_writer& w) {
  if (answer_.code != errc::ok) return w.error(answer_.code, answer_.context);
  if (!answer_.value.empty()) return w.raw(answer_.value);
  if (unblocked_ == unblocked::error) return w.error("UNBLOCKED client unblocked via CLIENT UNBLOCK");
  w.null_array();
}

}  // namespace troupe::resp
