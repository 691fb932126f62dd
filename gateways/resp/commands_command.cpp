// COMMAND: the table, as clients read it to learn where keys stand.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "gateways/resp/command_docs.hpp"
#include "gateways/resp/command_syntax.hpp"
#include "gateways/resp/command_table.hpp"
#include "gateways/resp/commands.hpp"
#include "gateways/resp/connection.hpp"
#include "gateways/resp/key_positions.hpp"
#include "runtime/base/glob.hpp"

namespace troupe::resp {

namespace {

bool belongs_to(const command_row& sub, const command_row& parent) {
  return sub.name.size() > parent.name.size() && sub.name.starts_with(parent.name) &&
         sub.name[parent.name.size()] == '|';
}

std::vector<const command_row*> subcommands_of(const command_row& parent) {
  std::vector<const command_row*> subs;
  for (const auto& other : all_commands()) {
    if (belongs_to(other, parent)) subs.push_back(&other);
  }
  return subs;
}

std::vector<const command_row*> commands_only() {
  std::vector<const command_row*> all;
  for (const auto& row : all_commands()) {
    if (!is_subcommand(row)) all.push_back(&row);
  }
  return all;
}

constexpr std::pair<std::uint32_t, std::string_view> flag_names[] = {
    {flag_write, "write"},       {flag_readonly, "readonly"},
    {flag_denyoom, "denyoom"},   {flag_admin, "admin"},
    {flag_pubsub, "pubsub"},     {flag_noscript, "noscript"},
    {flag_blocking, "blocking"}, {flag_loading, "loading"},
    {flag_stale, "stale"},       {flag_skip_slowlog, "skip_slowlog"},
    {flag_fast, "fast"},         {flag_no_auth, "no_auth"},
    {flag_no_multi, "no_multi"}, {flag_movablekeys, "movablekeys"},
};

std::string_view category_of(command_group g) {
  switch (g) {
    case command_group::connection: return "@connection";
    case command_group::string: return "@string";
    case command_group::generic: return "@keyspace";
    case command_group::pubsub: return "@pubsub";
    case command_group::transactions: return "@transaction";
    case command_group::scripting: return "@scripting";
    case command_group::bitmap: return "@bitmap";
    case command_group::hash: return "@hash";
    case command_group::list: return "@list";
    case command_group::set: return "@set";
    case command_group::sorted_set: return "@sortedset";
    case command_group::server:
    case command_group::cluster: return {};
  }
  return {};
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
  if ((row.flags & flag_admin) != 0) names.push_back("@admin"), names.push_back("@dangerous");
  if ((row.flags & flag_blocking) != 0) names.push_back("@blocking");
  if (const auto category = category_of(row.group); !category.empty()) names.push_back(category);
  names.push_back((row.flags & flag_fast) != 0 ? "@fast" : "@slow");
  return names;
}

// One specification of keys by their places, for rows whose places are fixed.
void write_key_specs(reply_writer& w, const command_row& row) {
  if (row.first_key <= 0 || (row.flags & flag_movablekeys) != 0) return w.array(0);
  w.array(1);
  w.map(3);
  std::vector<std::string_view> flags;
  for (std::string_view rest = key_flags_of(row, {}, static_cast<std::size_t>(row.first_key)); !rest.empty();) {
    const auto end = std::min(rest.find(' '), rest.size());
    flags.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  w.bulk("flags"), write_names(w, flags);
  w.bulk("begin_search"), w.map(2);
  w.bulk("type"), w.bulk("index");
  w.bulk("spec"), w.map(1), w.bulk("index"), w.integer(row.first_key);
  w.bulk("find_keys"), w.map(2);
  w.bulk("type"), w.bulk("range");
  w.bulk("spec"), w.map(3);
  w.bulk("lastkey"), w.integer(row.last_key < 0 ? row.last_key : row.last_key - row.first_key);
  w.bulk("keystep"), w.integer(row.key_step);
  w.bulk("limit"), w.integer(0);
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
  write_key_specs(w, row);
  const auto subs = subcommands_of(row);
  w.array(subs.size());
  for (const auto* sub : subs) write_row(w, *sub);
}

// "client|id" names a subcommand.
const command_row* find_full(std::string_view name) {
  const auto bar = name.find('|');
  if (bar == std::string_view::npos) return find_command(name);
  const auto* parent = find_command(name.substr(0, bar));
  return parent == nullptr ? nullptr : find_subcommand(*parent, name.substr(bar + 1));
}

void write_arguments(reply_writer& w, const std::vector<syntax_node>& nodes, int& keys) {
  w.array(nodes.size());
  for (const auto& n : nodes) {
    const bool key = n.type == "key";
    const std::size_t flags = (n.optional ? 1u : 0u) + (n.multiple ? 1u : 0u) + (n.multiple_token ? 1u : 0u);
    w.map(2u + (key ? 1u : 0u) + (n.token.empty() ? 0u : 1u) + (flags != 0 ? 1u : 0u) + (n.children.empty() ? 0u : 1u));
    w.bulk("name"), w.bulk(n.name);
    w.bulk("type"), w.bulk(n.type);
    if (key) w.bulk("key_spec_index"), w.integer(keys++);
    if (!n.token.empty()) w.bulk("token"), w.bulk(n.token);
    if (flags != 0) {
      w.bulk("flags"), w.set(flags);
      if (n.optional) w.simple("optional");
      if (n.multiple) w.simple("multiple");
      if (n.multiple_token) w.simple("multiple_token");
    }
    if (!n.children.empty()) w.bulk("arguments"), write_arguments(w, n.children, keys);
  }
}

void write_doc(reply_writer& w, const command_row& row) {
  const command_doc nothing{row.name, "7.0.0", "generic", "", "", ""};
  const auto* found = find_doc(row.name);
  const auto& doc = found != nullptr ? *found : nothing;
  const auto subs = subcommands_of(row);
  w.bulk(row.name);
  w.map(3u + (doc.complexity.empty() ? 0u : 1u) + (doc.syntax.empty() ? 0u : 1u) + (subs.empty() ? 0u : 1u));
  w.bulk("summary"), w.bulk(doc.summary);
  w.bulk("since"), w.bulk(doc.since);
  w.bulk("group"), w.bulk(doc.group);
  if (!doc.complexity.empty()) w.bulk("complexity"), w.bulk(doc.complexity);
  if (!doc.syntax.empty()) {
    int keys = 0;
    w.bulk("arguments"), write_arguments(w, parse_syntax(doc.syntax), keys);
  }
  if (subs.empty()) return;
  w.bulk("subcommands"), w.map(subs.size());
  for (const auto* sub : subs) write_doc(w, *sub);
}

// The command in the words from the third on; null: refused.
const command_row* inner_command(connection& c, const arguments& words) {
  const auto refuse = [&](const char* text) -> const command_row* {
    c.reply_error(text);
    return nullptr;
  };
  const auto* row = find_command(words[2]);
  if (row != nullptr && row->container && words.size() > 3) {
    if (const auto* sub = find_subcommand(*row, words[3])) row = sub;
  }
  if (row == nullptr) return refuse("ERR Invalid command specified");
  if (row->first_key == 0 && (row->flags & flag_movablekeys) == 0)
    return refuse("ERR The command has no key arguments");
  if (!row->takes(words.size() - 2)) return refuse("ERR Invalid number of arguments specified for command");
  return row;
}

void get_keys(connection& c, const arguments& words, bool with_flags) {
  const auto* row = inner_command(c, words);
  if (row == nullptr) return;
  const auto inner = words.from(2);
  const auto places = keys_of(*row, inner);
  if (!places || places->empty()) return c.reply_error("ERR Invalid arguments specified for command");
  c.reply([&](reply_writer& w) {
    w.array(places->size());
    for (const auto place : *places) {
      if (!with_flags) {
        w.bulk(inner[place]);
        continue;
      }
      w.array(2);
      w.bulk(inner[place]);
      std::vector<std::string_view> flags;
      for (std::string_view rest = key_flags_of(*row, inner, place); !rest.empty();) {
        const auto end = std::min(rest.find(' '), rest.size());
        flags.push_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
      write_names(w, flags);
    }
  });
}

bool in_category(const command_row& row, std::string_view category) {
  const auto all = categories_of(row);
  return std::any_of(all.begin(), all.end(), [&](std::string_view c) { return same_word(category, c.substr(1)); });
}

}  // namespace

void run_command(connection& c, const arguments&) {
  c.reply([](reply_writer& w) {
    const auto all = commands_only();
    w.array(all.size());
    for (const auto* row : all) write_row(w, *row);
  });
}

void run_command_count(connection& c, const arguments&) {
  c.reply([](reply_writer& w) { w.integer(static_cast<std::int64_t>(commands_only().size())); });
}

void run_command_docs(connection& c, const arguments& words) {
  auto shown = commands_only();
  if (words.size() > 2) {
    shown.clear();
    for (std::size_t i = 2; i < words.size(); ++i) {
      if (const auto* row = find_full(words[i])) shown.push_back(row);
    }
  }
  c.reply([&](reply_writer& w) {
    w.map(shown.size());
    for (const auto* row : shown) write_doc(w, *row);
  });
}

void run_command_getkeys(connection& c, const arguments& words) { get_keys(c, words, false); }

void run_command_getkeysandflags(connection& c, const arguments& words) { get_keys(c, words, true); }

void run_command_info(connection& c, const arguments& words) {
  if (words.size() == 2) return run_command(c, words);
  c.reply([&](reply_writer& w) {
    w.array(words.size() - 2);
    for (std::size_t i = 2; i < words.size(); ++i) {
      if (const auto* row = find_full(words[i]))
        write_row(w, *row);
      else
        w.null();
    }
  });
}

// With a filter subcommands are named too, as in Redis.
void run_command_list(connection& c, const arguments& words) {
  const bool filtered = words.size() == 5 && same_word(words[2], "filterby");
  if (words.size() != 2 && !filtered) return c.reply_error("ERR syntax error");
  std::vector<std::string_view> names;
  if (!filtered) {
    for (const auto* row : commands_only()) names.push_back(row->name);
  } else if (same_word(words[3], "aclcat") || same_word(words[3], "pattern")) {
    const bool by_category = same_word(words[3], "aclcat");
    for (const auto& row : all_commands()) {
      if (by_category ? in_category(row, words[4]) : glob_matches_any_case(words[4], row.name))
        names.push_back(row.name);
    }
  } else if (!same_word(words[3], "module")) {
    return c.reply_error("ERR syntax error");
  }
  c.reply([&](reply_writer& w) {
    w.set(names.size());
    for (const auto name : names) w.bulk(name);
  });
}

}  // namespace troupe::resp
