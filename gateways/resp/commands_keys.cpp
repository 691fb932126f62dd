// Commands on keys, whatever they hold.
#include <algorithm>
#include <memory>
#include <utility>

#include "gateways/resp/commands.hpp"
#include "gateways/resp/connection.hpp"
#include "gateways/resp/parts_in_turn.hpp"
#include "runtime/cache/procedures/words.hpp"

namespace troupe::resp {

namespace {

// How many of several keys were there; the first real error wins.
class key_count final : public parts_in_turn {
 public:
  explicit key_count(cache_op op) : op_(op) {}
  void add(errc code, std::string_view context) {
    if (code == errc::ok) {
      ++found_;
    } else if (code != errc::not_found && failed_ == errc::ok) {
      failed_ = code;
      context_ = context;
    }
  }
  /// Keys that run() asks for, packed.
  void wait_for(std::string keys) {
    packed_ = std::move(keys);
    rest_ = packed_;
  }
  void write(reply_writer& w) override { failed_ == errc::ok ? w.integer(found_) : w.error(failed_, context_); }

 private:
  void ask(connection& c, std::uint64_t slot) override {
    c.submit(slot, c.command_on(op_, take_word(rest_).value_or(std::string_view())));
  }
  void take(owned_reply answer) override { add(answer.code, answer.context); }

  const cache_op op_;
  std::string packed_;
  std::string_view rest_;
  std::int64_t found_ = 0;
  errc failed_ = errc::ok;
  std::string context_;
};

// Here as long as the keys are here, the rest wherever it is.
void count_keys(connection& c, const arguments& words, cache_op op) {
  auto count = std::make_unique<key_count>(op);
  std::size_t i = 1;
  for (; i < words.size(); ++i) {
    const bool done =
        c.try_now(c.command_on(op, words[i]), [&](const cache_reply& r) { count->add(r.code, std::string_view()); });
    if (!done) break;
  }
  if (i == words.size()) return c.reply([&](reply_writer& w) { count->write(w); });
  std::string rest;
  for (std::size_t k = i; k < words.size(); ++k) pack_word(rest, words[k]);
  count->wait_for(std::move(rest));
  parts_in_turn::run(c, std::move(count), words.size() - i);
}

constexpr std::int64_t ttl_no_key = -2;
constexpr std::int64_t ttl_none = -1;

// Rounded up: a key that is there has time left.
std::int64_t milliseconds_left(duration ttl) { return std::chrono::ceil<std::chrono::milliseconds>(ttl).count(); }

template <class Convert>
void write_ttl(reply_writer& w, const cache_reply& r, std::string_view context, const Convert& convert) {
  if (r.code == errc::not_found) return w.integer(ttl_no_key);
  if (r.code != errc::ok) return w.error(r.code, context);
  w.integer(r.ttl == duration::zero() ? ttl_none : convert(milliseconds_left(r.ttl)));
}

void write_ttl_seconds(connection&, reply_writer& w, const cache_reply& r, std::string_view context) {
  write_ttl(w, r, context, [](std::int64_t ms) { return (ms + 500) / 1000; });
}

void write_ttl_milliseconds(connection&, reply_writer& w, const cache_reply& r, std::string_view context) {
  write_ttl(w, r, context, [](std::int64_t ms) { return ms; });
}

}  // namespace

void run_del(connection& c, const arguments& words) { count_keys(c, words, cache_op::erase); }

void run_exists(connection& c, const arguments& words) { count_keys(c, words, cache_op::head); }

void run_pttl(connection& c, const arguments& words) {
  c.request(c.command_on(cache_op::head, words[1]), write_ttl_milliseconds);
}

void run_ttl(connection& c, const arguments& words) {
  c.request(c.command_on(cache_op::head, words[1]), write_ttl_seconds);
}

}  // namespace troupe::resp
