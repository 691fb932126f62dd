// CLIENT: what a connection says of itself, and the pause of all.
#include <algorithm>
#include <string>

#include "gateways/resp/command_table.hpp"
#include "gateways/resp/commands.hpp"
#include "gateways/resp/connection.hpp"
#include "gateways/resp/printable.hpp"
#include "runtime/base/integer_text.hpp"

namespace troupe::resp {

namespace {

constexpr const char* syntax_error = "ERR syntax error";

void reply_ok(connection& c) {
  c.reply([](reply_writer& w) { w.ok(); });
}

// "on" or "off"; false: neither, and that was replied.
bool read_switch(connection& c, std::string_view word, bool& on) {
  on = same_word(word, "on");
  if (on || same_word(word, "off")) return true;
  c.reply_error(syntax_error);
  return false;
}

}  // namespace

void run_client_caching(connection& c, const arguments&) {
  c.reply_error(
      "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled");
}

void run_client_getname(connection& c, const arguments&) {
  c.reply([&](reply_writer& w) { c.name().empty() ? w.null() : w.bulk(c.name()); });
}

void run_client_getredir(connection& c, const arguments&) {
  c.reply([](reply_writer& w) { w.integer(-1); });
}

void run_client_id(connection& c, const arguments&) {
  c.reply([&](reply_writer& w) { w.integer(static_cast<std::int64_t>(c.id())); });
}

void run_client_no_evict(connection& c, const arguments& words) {
  bool on = false;
  if (!read_switch(c, words[2], on)) return;
  c.more().no_evict = on;
  reply_ok(c);
}

void run_client_no_touch(connection& c, const arguments& words) {
  bool on = false;
  if (!read_switch(c, words[2], on)) return;
  c.more().no_touch = on;
  reply_ok(c);
}

void run_client_pause(connection& c, const arguments& words) {
  if (words.size() > 4) return c.reply_error("ERR wrong number of arguments for 'client|pause' command");
  bool writes_only = false;
  if (words.size() == 4) {
    writes_only = same_word(words[3], "write");
    if (!writes_only && !same_word(words[3], "all")) return c.reply_error("ERR CLIENT PAUSE mode must be WRITE or ALL");
  }
  const auto asked = read_integer_text(words[2]);
  if (!asked) return c.reply_error("ERR timeout is not an integer or out of range");
  if (*asked < 0) return c.reply_error("ERR timeout is negative");
  constexpr std::int64_t milliseconds_max = std::chrono::milliseconds(std::chrono::hours(24 * 365)).count();
  const auto until = c.now() + std::chrono::milliseconds(std::min(*asked, milliseconds_max));
  auto& pause = c.shared().pause;
  const auto now = c.now().time_since_epoch().count();
  const bool running = pause.until.load() > now;
  // The stricter of two, and the later end.
  pause.writes_only = writes_only && (!running || pause.writes_only);
  if (!running || pause.until.load() < until.time_since_epoch().count()) pause.until = until.time_since_epoch().count();
  reply_ok(c);
}

void run_client_unpause(connection& c, const arguments&) {
  c.shared().pause.until = 0;
  if (auto* groups = c.shared().clients) {
    for (std::size_t i = 0; i < groups->count(); ++i) groups->visit(i, [](client_group& g) { g.look_at_paused(); });
  }
  reply_ok(c);
}

// OFF and SKIP have no reply.
void run_client_reply(connection& c, const arguments& words) {
  if (same_word(words[2], "on")) {
    c.set(connection::muted, false);
    return reply_ok(c);
  }
  if (same_word(words[2], "off")) return c.set(connection::muted, true);
  if (!same_word(words[2], "skip")) return c.reply_error(syntax_error);
  if (!c.is(connection::muted)) c.set(connection::mute_next, true);
}

void run_client_setinfo(connection& c, const arguments& words) {
  const bool library = same_word(words[2], "lib-name");
  if (!library && !same_word(words[2], "lib-ver")) {
    return c.reply_error("ERR Unrecognized option '" + std::string(words[2]) + "'");
  }
  if (!is_printable(words[3])) {
    return c.reply_error("ERR " + std::string(words[2]) + " cannot contain spaces, newlines or special characters.");
  }
  (library ? c.more().library : c.more().library_version) = words[3];
  reply_ok(c);
}

void run_client_setname(connection& c, const arguments& words) {
  if (!is_printable(words[2])) return c.reply_error(bad_client_name);
  c.name() = words[2];
  reply_ok(c);
}

void run_client_tracking(connection& c, const arguments& words) {
  if (same_word(words[2], "off")) return reply_ok(c);
  if (!same_word(words[2], "on")) return c.reply_error(syntax_error);
  c.reply_error("ERR client side caching is not offered by this server");
}

void run_client_trackinginfo(connection& c, const arguments&) {
  c.reply([](reply_writer& w) {
    w.map(3);
    w.bulk("flags"), w.set(1), w.bulk("off");
    w.bulk("redirect"), w.integer(-1);
    w.bulk("prefixes"), w.array(0);
  });
}

}  // namespace troupe::resp
