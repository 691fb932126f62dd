// Commands about the connection itself.
#include <climits>
#include <string>

#include "gateways/resp/command_table.hpp"
#include "gateways/resp/commands.hpp"
#include "gateways/resp/compatibility.hpp"
#include "gateways/resp/connection.hpp"
#include "gateways/resp/printable.hpp"
#include "runtime/base/integer_text.hpp"

namespace troupe::resp {

namespace {

constexpr std::string_view wrong_password = "WRONGPASS invalid username-password pair or user is disabled.";

// Without users and passwords, Redis has the user `default`, whose every password is right.
bool may_enter(std::string_view user) { return user == "default"; }

void write_hello(connection& c, reply_writer& w) {
  w.map(7);
  w.bulk("server"), w.bulk("redis");
  w.bulk("version"), w.bulk(compatible_version);
  w.bulk("proto"), w.integer(c.protocol());
  w.bulk("id"), w.integer(static_cast<std::int64_t>(c.id()));
  w.bulk("mode"), w.bulk("cluster");
  w.bulk("role"), w.bulk("master");
  w.bulk("modules"), w.array(0);
}

}  // namespace

void run_auth(connection& c, const arguments& words) {
  if (words.size() > 3) return c.reply_error("ERR syntax error");
  if (words.size() == 2) {
    return c.reply_error(
        "ERR AUTH <password> called without any password configured for the default user. "
        "Are you sure your configuration is correct?");
  }
  if (!may_enter(words[1])) return c.reply_error(wrong_password);
  c.reply([](reply_writer& w) { w.ok(); });
}

void run_echo(connection& c, const arguments& words) {
  c.reply([&](reply_writer& w) { w.bulk(words[1]); });
}

// HELLO [protocol [AUTH user password] [SETNAME name]]
void run_hello(connection& c, const arguments& words) {
  int protocol = c.protocol();
  std::size_t i = 1;
  if (words.size() > 1) {
    const auto asked = read_integer_text(words[i++]);
    if (!asked) return c.reply_error("ERR Protocol version is not an integer or out of range");
    if (*asked < 2 || *asked > 3) return c.reply_error("NOPROTO unsupported protocol version");
    protocol = static_cast<int>(*asked);
  }
  std::string_view user = "default";
  std::string name;
  bool named = false;
  for (; i < words.size(); ++i) {
    const std::size_t more = words.size() - 1 - i;
    if (same_word(words[i], "auth") && more >= 2) {
      user = words[i + 1];
      i += 2;
    } else if (same_word(words[i], "setname") && more >= 1) {
      name = words[++i];
      named = true;
      if (!is_printable(name)) return c.reply_error(bad_client_name);
    } else {
      return c.reply_error("ERR Syntax error in HELLO option '" + std::string(words[i]) + "'");
    }
  }
  if (!may_enter(user)) return c.reply_error(wrong_password);
  if (named) c.name() = name;
  c.set_protocol(protocol);
  c.reply([&](reply_writer& w) { write_hello(c, w); });
}

void run_ping(connection& c, const arguments& words) {
  if (words.size() > 2) return c.reply_error("ERR wrong number of arguments for 'ping' command");
  const bool between_messages = c.is(connection::listening) && c.protocol() < 3;
  c.reply([&](reply_writer& w) {
    if (!between_messages) return words.size() == 1 ? w.simple("PONG") : w.bulk(words[1]);
    w.array(2);
    w.bulk("pong");
    w.bulk(words.size() == 1 ? std::string_view() : words[1]);
  });
}

void run_quit(connection& c, const arguments&) {
  c.reply([](reply_writer& w) { w.ok(); });
  c.close_after_reply();
}

void run_reset(connection& c, const arguments&) {
  c.forget_all();
  c.reply([](reply_writer& w) { w.simple("RESET"); });
}

void run_select(connection& c, const arguments& words) {
  const auto index = read_integer_text(words[1]);
  if (!index) return c.reply_error("ERR value is not an integer or out of range");
  if (*index < INT_MIN || *index > INT_MAX)
    return c.reply_error("ERR value is out of range, value must between -2147483648 and 2147483647");
  if (*index != 0) return c.reply_error("ERR DB index is out of range");
  c.reply([](reply_writer& w) { w.ok(); });
}

// A write was acknowledged when every copy in sync had it, so there is nothing to wait for; how many copies that were
// differs from key to key, so 0 is what can be promised.
void run_wait(connection& c, const arguments& words) {
  if (!read_integer_text(words[1])) return c.reply_error("ERR value is not an integer or out of range");
  const auto timeout = read_integer_text(words[2]);
  if (!timeout) return c.reply_error("ERR timeout is not an integer or out of range");
  if (*timeout < 0) return c.reply_error("ERR timeout is negative");
  c.reply([](reply_writer& w) { w.integer(0); });
}

}  // namespace troupe::resp
