#include "gateways/resp/set_and_get.hpp"

#include <memory>
#include <string>
#include <utility>

#include "gateways/resp/connection.hpp"

namespace troupe::resp {

namespace {

enum class next_step : std::uint8_t { read, write, answer };

// The pure part: what was read and what follows from it.
class exchange {
 public:
  explicit exchange(write_condition wanted) : wanted_(wanted) {}

  next_step on_read(errc code, std::uint64_t version, std::string_view value, std::string_view context) {
    if (code != errc::ok && code != errc::not_found) return fail_with(code, context);
    found_ = code == errc::ok;
    version_ = version;
    old_ = value;
    const bool stays = found_ ? wanted_ == write_condition::if_absent : wanted_ == write_condition::if_present;
    return stays ? next_step::answer : next_step::write;
  }

  /// Makes `put` valid only for what was read.
  void condition(cache_command& put) const {
    put.condition = found_ ? write_condition::if_version : write_condition::if_absent;
    put.version = version_;
  }

  next_step on_written(errc code, std::string_view context) {
    if (code == errc::ok) return next_step::answer;
    if (code != errc::condition_failed && code != errc::not_found) return fail_with(code, context);
    if (++attempts_ < exchange_attempts_max) return next_step::read;
    return fail_with(errc::deadline_exceeded, "too many writers of this key");
  }

  void write(reply_writer& w) const {
    if (failed_ != errc::ok) return w.error(failed_, context_);
    found_ ? w.bulk(old_) : w.null();
  }

 private:
  next_step fail_with(errc code, std::string_view context) {
    failed_ = code;
    context_ = context;
    return next_step::answer;
  }

  write_condition wanted_;
  bool found_ = false;
  std::uint64_t version_ = 0;
  std::string old_;
  int attempts_ = 0;
  errc failed_ = errc::ok;
  std::string context_;
};

// The same, one submitted request at a time.
class waiting_exchange : public compound_reply {
 public:
  explicit waiting_exchange(const cache_command& put) : put_(put), steps_(put.condition) {}

  void start(connection& c, std::uint64_t slot) { go(c, slot, next_step::read); }

  bool on_answer(connection& c, std::uint64_t slot, owned_reply answer) override {
    const auto next = reading_ ? steps_.on_read(answer.code, answer.version, answer.value, answer.context)
                               : steps_.on_written(answer.code, answer.context);
    if (next == next_step::answer) return true;
    go(c, slot, next);
    return false;
  }

  void write(reply_writer& w) override { steps_.write(w); }

 private:
  void go(connection& c, std::uint64_t slot, next_step next) {
    reading_ = next == next_step::read;
    auto command = put_.borrow();
    if (reading_)
      command = c.command_on(cache_op::get, command.key);
    else
      steps_.condition(command);
    c.submit(slot, command);  // last: its answer may end this object
  }

  owned_command put_;
  exchange steps_;
  bool reading_ = true;
};

void wait_for_exchange(connection& c, const cache_command& put) {
  auto waiting = std::make_unique<waiting_exchange>(put);
  auto& started = *waiting;
  c.hold();
  started.start(c, c.open_slot(std::move(waiting)));
}

}  // namespace

void set_and_get(connection& c, const cache_command& put) {
  exchange steps(put.condition);
  auto next = next_step::read;
  while (next != next_step::answer) {
    auto command = put;
    if (next == next_step::read)
      command = c.command_on(cache_op::get, put.key);
    else
      steps.condition(command);
    const bool done = c.try_now(command, [&](const cache_reply& r) {
      next = next == next_step::read ? steps.on_read(r.code, r.version, r.value, {}) : steps.on_written(r.code, {});
    });
    if (!done) return wait_for_exchange(c, put);
  }
  c.reply([&](reply_writer& w) { steps.write(w); });
}

}  // namespace troupe::resp
