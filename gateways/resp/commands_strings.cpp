// GET and SET.
#include <memory>
#include <string>

#include "gateways/resp/commands.hpp"
#include "gateways/resp/connection.hpp"
#include "gateways/resp/set_and_get.hpp"
#include "gateways/resp/set_options.hpp"

namespace troupe::resp {

namespace {

void write_get(connection& c, reply_writer& w, const cache_reply& r, std::string_view context) {
  if (r.code == errc::ok) {
    c.numbers().hits.add(1);
    return w.bulk(r.value);
  }
  if (r.code != errc::not_found) return w.error(r.code, context);
  c.numbers().misses.add(1);
  w.null();
}

void write_set(connection&, reply_writer& w, const cache_reply& r, std::string_view context) {
  if (r.code == errc::ok) return w.ok();
  // A condition that did not hold: NX or XX, and XX of a key that is not there.
  if (r.code == errc::condition_failed || r.code == errc::not_found) return w.null();
  w.error(r.code, context);
}

}  // namespace

void run_get(connection& c, const arguments& words) { c.request(c.command_on(cache_op::get, words[1]), write_get); }

void run_set(connection& c, const arguments& words) {
  auto command = c.command_on(cache_op::put, words[1]);
  command.value = words[2];
  if (words.size() == 3) return c.request(command, write_set);

  set_options options;
  const auto wall = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  if (const char* wrong = read_set_options(words, wall, options)) return c.reply_error(wrong);
  command.condition = options.condition;
  command.keep_ttl = options.keep_ttl;
  command.ttl = options.ttl;
  if (options.get)
    set_and_get(c, command);
  else
    c.request(command, write_set);
  // An expiry in the past: stored for one nanosecond, which ends before the next command.
  if (options.already_over) c.advance(options.ttl);
}

}  // namespace troupe::resp
