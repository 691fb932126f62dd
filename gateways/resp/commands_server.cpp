// Commands about the server: CONFIG, INFO, SLOWLOG, LATENCY, TIME and what is refused.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "gateways/resp/command_docs.hpp"
#include "gateways/resp/command_syntax.hpp"
#include "gateways/resp/command_table.hpp"
#include "gateways/resp/commands.hpp"
#include "gateways/resp/compatibility.hpp"
#include "gateways/resp/connection.hpp"
#include "gateways/resp/info_text.hpp"
#include "gateways/resp/parameters.hpp"
#include "runtime/base/glob.hpp"
#include "runtime/base/integer_text.hpp"

namespace troupe::resp {

namespace {

void reply_ok(connection& c) {
  c.reply([](reply_writer& w) { w.ok(); });
}

struct wanted_value {
  const parameter* row;
  std::string value;
};

void refuse_config(connection& c, std::string_view name, const std::string& why) {
  c.reply_error("ERR CONFIG SET failed (possibly related to argument '" + std::string(name) + "') - " + why);
}

std::string upper_case(std::string_view text) {
  std::string upper(text);
  for (auto& letter : upper) letter = letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - ('a' - 'A')) : letter;
  return upper;
}

}  // namespace

void run_config_get(connection& c, const arguments& words) {
  auto& e = c.shared();
  std::vector<std::pair<std::string_view, std::string>> found;
  for (const auto& p : all_parameters()) {
    for (std::size_t i = 2; i < words.size(); ++i) {
      if (!glob_matches_any_case(words[i], p.name)) continue;
      found.emplace_back(p.name, value_of(e, p));
      break;
    }
  }
  c.reply([&](reply_writer& w) {
    w.map(found.size());
    for (const auto& [name, value] : found) w.bulk(name), w.bulk(value);
  });
}

// All or none.
void run_config_set(connection& c, const arguments& words) {
  if (words.size() % 2 != 0) return c.reply_error("ERR syntax error");
  std::vector<wanted_value> wanted;
  for (std::size_t i = 2; i < words.size(); i += 2) {
    const auto* row = find_parameter(words[i]);
    if (row == nullptr) {
      return c.reply_error("ERR Unknown option or number of arguments for CONFIG SET - '" + std::string(words[i]) +
                           "'");
    }
    const bool twice = std::any_of(wanted.begin(), wanted.end(), [&](const auto& w) { return w.row == row; });
    if (twice) return refuse_config(c, words[i], "duplicate parameter");
    std::string value;
    if (const auto why = refuse_value(*row, words[i + 1], value)) return refuse_config(c, words[i], *why);
    wanted.push_back({row, std::move(value)});
  }
  auto& e = c.shared();
  std::vector<std::string> before;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto& [row, value] = wanted[i];
    before.push_back(value_of(e, *row));
    if (row->apply == nullptr) {
      e.live.keep(row->same_as.empty() ? row->name : row->same_as, value);
      continue;
    }
    const auto why = row->apply(e, value);
    if (!why) continue;
    while (i-- > 0) {
      const auto& done = *wanted[i].row;
      if (done.apply != nullptr)
        (void)done.apply(e, before[i]);
      else
        e.live.keep(done.same_as.empty() ? done.name : done.same_as, before[i]);
    }
    return refuse_config(c, row->name, *why);
  }
  reply_ok(c);
}

void run_config_resetstat(connection& c, const arguments&) {
  c.shared().numbers.reset_shown();
  c.shared().memory_peak = 0;
  reply_ok(c);
}

// What CONFIG SET changes lasts as long as the node: the configuration file is the operator's.
void run_config_rewrite(connection& c, const arguments&) {
  c.reply_error("ERR The server is running without a config file");
}

// There are no functions to flush.
void run_function_flush(connection& c, const arguments& words) {
  const bool sound =
      words.size() == 2 || (words.size() == 3 && (same_word(words[2], "async") || same_word(words[2], "sync")));
  if (!sound) return c.reply_error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
  reply_ok(c);
}

// Of every container, from the documentation of its subcommands.
void run_help(connection& c, const arguments& words) {
  const auto* parent = find_command(words[0]);
  std::vector<std::string> lines{upper_case(parent->name) +
                                 " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"};
  for (const auto& row : all_commands()) {
    if (!is_subcommand(row) || !row.name.starts_with(std::string(parent->name) + "|")) continue;
    const auto name = upper_case(row.name.substr(parent->name.size() + 1));
    const auto* doc = find_doc(row.name);
    if (name == "HELP" || doc == nullptr) continue;
    lines.push_back(doc->syntax.empty() ? name : name + " " + shown_syntax(doc->syntax));
    lines.push_back("    " + std::string(doc->summary));
  }
  lines.push_back("HELP");
  lines.push_back("    Prints this help.");
  c.reply([&](reply_writer& w) {
    w.array(lines.size());
    for (const auto& line : lines) w.simple(line);
  });
}

void run_info(connection& c, const arguments& words) {
  std::vector<std::string_view> sections;
  for (std::size_t i = 1; i < words.size(); ++i) sections.push_back(words[i]);
  const auto text = info_text(c.shared(), sections, c.now());
  c.reply([&](reply_writer& w) { w.verbatim(text); });
}

void run_latency_doctor(connection& c, const arguments&) {
  c.reply([](reply_writer& w) {
    w.verbatim(
        "Latency monitoring is not offered by this server. SLOWLOG shows the commands that took longest, INFO "
        "commandstats the time each command takes.");
  });
}

void run_latency_latest(connection& c, const arguments&) {
  c.reply([](reply_writer& w) { w.array(0); });
}

void run_latency_reset(connection& c, const arguments&) {
  c.reply([](reply_writer& w) { w.integer(0); });
}

void run_lolwut(connection& c, const arguments&) {
  c.reply([](reply_writer& w) { w.verbatim("Redis ver. " + std::string(compatible_version) + "\n"); });
}

// To a client every node is a primary that has all keys.
void run_role(connection& c, const arguments&) {
  c.reply([](reply_writer& w) {
    w.array(3);
    w.bulk("master");
    w.integer(0);
    w.array(0);
  });
}

void run_shutdown(connection& c, const arguments&) {
  c.reply_error("ERR SHUTDOWN is not allowed through the gateway: stop the node with `troupe leave` or a signal");
}

void run_slowlog_get(connection& c, const arguments& words) {
  if (words.size() > 3)
    return c.reply_error("ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.");
  constexpr std::size_t shown_default = 10;
  std::size_t count = shown_default;
  if (words.size() == 3) {
    const auto asked = read_integer_text(words[2]);
    if (!asked || *asked < -1) return c.reply_error("ERR count should be greater than or equal to -1");
    count = *asked < 0 ? c.shared().slow.size() : static_cast<std::size_t>(*asked);
  }
  const auto entries = c.shared().slow.newest(count);
  c.reply([&](reply_writer& w) {
    w.array(entries.size());
    for (const auto& e : entries) {
      w.array(6);
      w.integer(e.id);
      w.integer(e.at);
      w.integer(e.microseconds);
      w.array(e.words.size());
      for (const auto& word : e.words) w.bulk(word);
      w.bulk(e.address);
      w.bulk(e.client);
    }
  });
}

void run_slowlog_len(connection& c, const arguments&) {
  c.reply([&](reply_writer& w) { w.integer(static_cast<std::int64_t>(c.shared().slow.size())); });
}

void run_slowlog_reset(connection& c, const arguments&) {
  c.shared().slow.clear();
  reply_ok(c);
}

void run_time(connection& c, const arguments&) {
  const auto now =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch());
  c.reply([&](reply_writer& w) {
    w.array(2);
    w.bulk(std::to_string(now.count() / 1000000));
    w.bulk(std::to_string(now.count() % 1000000));
  });
}

}  // namespace troupe::resp
