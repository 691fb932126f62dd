// CLIENT LIST, INFO, KILL, UNBLOCK: what one connection asks of all.
#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <string>

#include "gateways/resp/blocked_command.hpp"
#include "gateways/resp/client_line.hpp"
#include "gateways/resp/command_table.hpp"
#include "gateways/resp/commands.hpp"
#include "gateways/resp/connection.hpp"
#include "gateways/resp/gather.hpp"
#include "runtime/base/integer_text.hpp"

namespace troupe::resp {

namespace {

constexpr const char* syntax_error = "ERR syntax error";

std::uint64_t id_at_start(std::string_view line) {
  line.remove_prefix(std::min(line.size(), std::string_view("id=").size()));
  std::uint64_t id = 0;
  (void)std::from_chars(line.data(), line.data() + line.size(), id);
  return id;
}

// The lines of all groups by the numbers of their clients.
std::map<std::uint64_t, std::string> lines_by_id(const std::vector<std::string>& texts) {
  std::map<std::uint64_t, std::string> lines;
  for (std::string_view text : texts) {
    while (!text.empty()) {
      const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
      lines.emplace(id_at_start(text), text.substr(0, end));
      text.remove_prefix(end);
    }
  }
  return lines;
}

void list(connection& c, const std::function<bool(connection&)>& wanted) {
  ask_all_clients(
      c,
      [wanted](client_group& g) {
        std::string text;
        g.each([&](connection& other) {
          if (wanted(other)) text.append(client_line(other)).append("\n");
        });
        return text;
      },
      [](reply_writer& w, const std::vector<std::string>& texts) {
        std::string all;
        for (const auto& [id, line] : lines_by_id(texts)) all += line;
        w.verbatim(all);
      });
}

// False: the reply was given.
bool read_kill_filter(connection& c, const arguments& words, client_filter& filter) {
  const auto refuse = [&](std::string text) {
    c.reply_error(text);
    return false;
  };
  for (std::size_t i = 2; i < words.size(); i += 2) {
    if (i + 1 == words.size()) return refuse(syntax_error);
    const auto option = words[i];
    const auto value = words[i + 1];
    if (same_word(option, "id")) {
      const auto id = read_integer_text(value);
      if (!id || *id < 1) return refuse("ERR client-id should be greater than 0");
      filter.id = static_cast<std::uint64_t>(*id);
    } else if (same_word(option, "type")) {
      filter.type = parse_client_type(value);
      if (!filter.type) return refuse("ERR Unknown client type '" + std::string(value) + "'");
    } else if (same_word(option, "addr")) {
      filter.peer = value;
    } else if (same_word(option, "laddr")) {
      filter.local = value;
    } else if (same_word(option, "user")) {
      if (value != "default") return refuse("ERR No such user '" + std::string(value) + "'");
    } else if (same_word(option, "skipme") && (same_word(value, "yes") || same_word(value, "no"))) {
      filter.skip_me = same_word(value, "yes");
    } else {
      return refuse(syntax_error);
    }
  }
  return true;
}

}  // namespace

void run_client_info(connection& c, const arguments&) {
  c.reply([&](reply_writer& w) { w.verbatim(client_line(c) + "\n"); });
}

void run_client_list(connection& c, const arguments& words) {
  if (words.size() == 2) return list(c, [](connection&) { return true; });
  if (words.size() == 4 && same_word(words[2], "type")) {
    const auto type = parse_client_type(words[3]);
    if (!type) return c.reply_error("ERR Unknown client type '" + std::string(words[3]) + "'");
    return list(c, [type](connection& other) { return type_of(other) == *type; });
  }
  if (words.size() < 4 || !same_word(words[2], "id")) return c.reply_error(syntax_error);
  std::set<std::uint64_t> ids;
  for (std::size_t i = 3; i < words.size(); ++i) {
    const auto id = read_integer_text(words[i]);
    if (!id) return c.reply_error("ERR Invalid client ID");
    if (*id > 0) ids.insert(static_cast<std::uint64_t>(*id));
  }
  list(c, [ids = std::move(ids)](connection& other) { return ids.contains(other.id()); });
}

void run_client_kill(connection& c, const arguments& words) {
  client_filter filter;
  filter.me = c.id();
  const bool by_address = words.size() == 3;
  if (by_address) {
    filter.peer = words[2];
    filter.skip_me = false;
  } else if (!read_kill_filter(c, words, filter)) {
    return;
  }
  const bool me = filter.matches(c);
  if (me) c.close_after_reply();
  filter.skip_me = true;  // this one ends after its reply
  ask_all_clients(
      c,
      [filter](client_group& g) {
        std::size_t killed = 0;
        g.each([&](connection& other) {
          if (!filter.matches(other)) return;
          ++killed;
          other.gate().end();
        });
        return std::string(killed, '.');
      },
      [me, by_address](reply_writer& w, const std::vector<std::string>& texts) {
        std::int64_t killed = me ? 1 : 0;
        for (const auto& t : texts) killed += static_cast<std::int64_t>(t.size());
        if (!by_address) return w.integer(killed);
        killed != 0 ? w.ok() : w.error("ERR No such client");
      });
}

void run_client_unblock(connection& c, const arguments& words) {
  if (words.size() > 4) return c.reply_error("ERR wrong number of arguments for 'client|unblock' command");
  if (words.size() == 4 && !same_word(words[3], "timeout") && !same_word(words[3], "error"))
    return c.reply_error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  const auto id = read_integer_text(words[2]);
  if (!id) return c.reply_error("ERR value is not an integer or out of range");
  const bool with_error = words.size() == 4 && same_word(words[3], "error");
  ask_all_clients(
      c,
      [id = static_cast<std::uint64_t>(*id), with_error](client_group& g) {
        blocked_command* found = nullptr;
        connection* whose = nullptr;
        g.each([&](connection& other) {
          if (other.id() != id || !other.blocked()) return;
          found = other.more().waits;
          whose = &other;
        });
        if (found != nullptr) found->unblock(*whose, with_error);
        return std::string(found == nullptr ? "" : "1");
      },
      [](reply_writer& w, const std::vector<std::string>& texts) {
        const bool any = std::any_of(texts.begin(), texts.end(), [](const auto& t) { return !t.empty(); });
        w.integer(any ? 1 : 0);
      });
}

}  // namespace troupe::resp
