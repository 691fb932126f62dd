// Commands about the server: COMMAND, CONFIG GET, INFO.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "gateways/resp/command_table.hpp"
#include "gateways/resp/commands.hpp"
#include "gateways/resp/connection.hpp"
#include "gateways/resp/glob.hpp"
#include "gateways/resp/info_text.hpp"

namespace troupe::resp {

namespace {

bool is_subcommand(const command_row& row) { return row.name.find('|') != std::string_view::npos; }

bool belongs_to(const command_row& sub, const command_row& parent) {
  return sub.name.size() > parent.name.size() && sub.name.starts_with(parent.name) &&
         sub.name[parent.name.size()] == '|';
}

std::size_t count_commands() {
  const auto all = all_commands();
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [](const auto& r) { return !is_subcommand(r); }));
}

constexpr std::pair<std::uint32_t, std::string_view> flag_names[] = {
    {flag_write, "write"}, {flag_readonly, "readonly"}, {flag_denyoom, "denyoom"},
    {flag_admin, "admin"}, {flag_noscript, "noscript"}, {flag_loading, "loading"},
    {flag_stale, "stale"}, {flag_fast, "fast"},         {flag_no_auth, "no_auth"},
};

std::string_view category_of(command_group g) {
  switch (g) {
    case command_group::connection: return "@connection";
    case command_group::string: return "@string";
    case command_group::generic: return "@keyspace";
    case command_group::server: return "@admin";
  }
  return "@keyspace";
}

void write_names(reply_writer& w, const std::vector<std::string_view>& names) {
  w.set(names.size());
  for (const auto name : names) w.simple(name);
}

std::vector<std::string_view> flags_of(const command_row& row) {
  std::vector<std::string_view> names;
  for (const auto& [flag, name] : flag_names) {
    if ((row.flags & flag) != 0) names.push_back(name);
  }
  return names;
}

std::vector<std::string_view> categories_of(const command_row& row) {
  std::vector<std::string_view> names;
  if ((row.flags & flag_write) != 0) names.push_back("@write");
  if ((row.flags & flag_readonly) != 0) names.push_back("@read");
  names.push_back(category_of(row.group));
  names.push_back((row.flags & flag_fast) != 0 ? "@fast" : "@slow");
  return names;
}

// Name, arity, flags, first key, last key, step, categories, tips, key specifications, subcommands.
void write_row(reply_writer& w, const command_row& row) {
  w.array(10);
  w.bulk(row.name);
  w.integer(row.arity);
  write_names(w, flags_of(row));
  w.integer(row.first_key);
  w.integer(row.last_key);
  w.integer(row.key_step);
  write_names(w, categories_of(row));
  w.array(0);
  w.array(0);
  std::vector<const command_row*> subs;
  for (const auto& other : all_commands()) {
    if (belongs_to(other, row)) subs.push_back(&other);
  }
  w.array(subs.size());
  for (const auto* sub : subs) write_row(w, *sub);
}

// What CONFIG GET knows: the settings that clients and tools ask for, under Redis' names.
std::vector<std::pair<std::string, std::string>> parameters_of(const environment& e) {
  const auto& s = e.settings;
  const auto address = e.address();
  const auto colon = address.rfind(':');
  return {
      {"appendonly", "no"},
      {"bind", address.substr(0, colon)},
      {"databases", "1"},
      {"maxclients", std::to_string(s.resp.connections_max)},
      {"maxmemory", std::to_string(s.cache.memory_max)},
      {"maxmemory-policy", s.cache.eviction == "lru" ? "allkeys-lru" : "noeviction"},
      {"port", colon == std::string::npos ? "0" : address.substr(colon + 1)},
      {"proto-max-bulk-len", std::to_string(s.resp.bulk_max)},
      {"protected-mode", "yes"},
      {"save", ""},
      {"timeout", std::to_string(std::chrono::duration_cast<std::chrono::seconds>(s.resp.idle_timeout).count())},
  };
}

}  // namespace

void run_command(connection& c, const arguments&) {
  c.reply([](reply_writer& w) {
    w.array(count_commands());
    for (const auto& row : all_commands()) {
      if (!is_subcommand(row)) write_row(w, row);
    }
  });
}

void run_command_count(connection& c, const arguments&) {
  c.reply([](reply_writer& w) { w.integer(static_cast<std::int64_t>(count_commands())); });
}

void run_command_docs(connection& c, const arguments&) {
  c.reply([](reply_writer& w) { w.map(0); });
}

void run_command_info(connection& c, const arguments& words) {
  if (words.size() == 2) return run_command(c, words);
  c.reply([&](reply_writer& w) {
    w.array(words.size() - 2);
    for (std::size_t i = 2; i < words.size(); ++i) {
      if (const auto* row = find_command(words[i]))
        write_row(w, *row);
      else
        w.null();
    }
  });
}

void run_command_list(connection& c, const arguments& words) {
  if (words.size() != 2) return c.reply_error("ERR syntax error");
  c.reply([](reply_writer& w) {
    w.set(count_commands());
    for (const auto& row : all_commands()) {
      if (!is_subcommand(row)) w.bulk(row.name);
    }
  });
}

void run_config_get(connection& c, const arguments& words) {
  auto parameters = parameters_of(c.shared());
  std::erase_if(parameters, [&](const auto& parameter) {
    for (std::size_t i = 2; i < words.size(); ++i) {
      if (glob_matches(words[i], parameter.first)) return false;
    }
    return true;
  });
  c.reply([&](reply_writer& w) {
    w.map(parameters.size());
    for (const auto& [name, value] : parameters) w.bulk(name), w.bulk(value);
  });
}

void run_info(connection& c, const arguments& words) {
  std::vector<std::string_view> sections;
  for (std::size_t i = 1; i < words.size(); ++i) sections.push_back(words[i]);
  const auto text = info_text(c.shared(), sections, c.now());
  c.reply([&](reply_writer& w) { w.verbatim(text); });
}

}  // namespace troupe::resp
