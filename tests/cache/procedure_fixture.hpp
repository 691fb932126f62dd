// A primary's shard that runs procedures as a Redis client would type them, and a copy that gets their effects.
#pragma once

#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/cache/held_shard.hpp"
#include "runtime/cache/procedures/table.hpp"

namespace troupe {

/// "lpush k" for each event.
struct event_recorder : keyspace_listener {
  void listen(std::uint32_t kinds) { kinds_ = kinds; }
  void on_event(std::uint32_t, std::string_view name, std::string_view key) override {
    heard.push_back(std::string(name) + " " + std::string(key));
  }
  std::vector<std::string> heard;
};

struct procedure_fixture : ::testing::Test {
  procedure_fixture() { (void)shard.take_role({5, {}, {}, 1, 1}, 5); }

  /// Words apart from each other by spaces; "" is an empty word, 'a b' one of two.
  static std::vector<std::string> split(std::string_view line) {
    std::vector<std::string> words;
    for (std::size_t i = 0; i < line.size();) {
      if (line[i] == ' ') {
        ++i;
        continue;
      }
      const char end = line[i] == '"' || line[i] == '\'' ? line[i++] : ' ';
      const auto stop = std::min(line.find(end, i), line.size());
      words.emplace_back(line.substr(i, stop - i));
      i = stop + 1;
    }
    return words;
  }

  std::string run(const std::vector<std::string>& all) {
    std::string name;
    for (const char c : all[0]) name += static_cast<char>(std::tolower(c));
    const auto* row = find(name);
    std::size_t names = 1;
    if (row == nullptr && all.size() > 1) {
      name += '|';
      for (const char c : all[1]) name += static_cast<char>(std::tolower(c));
      row = find(name);
      names = 2;
    }
    if (row == nullptr) return "no such procedure: " + name;
    std::string packed;
    for (std::size_t i = names; i < all.size(); ++i) pack_word(packed, all[i]);
    cache_command c;
    c.op = cache_op::run;
    c.procedure = row->number;
    c.protocol = static_cast<std::uint8_t>(protocol);
    c.wall = std::chrono::milliseconds(wall_ms);
    c.key = all.size() > names ? std::string_view(all[names]) : std::string_view();
    c.value = packed;
    c.version = wait_id;
    const auto r = shard.apply(c, now);
    if (r.code != errc::ok) return std::string(name_of(r.code));
    return std::string(r.value);
  }
  std::string run(std::string_view line) { return run(split(line)); }

  /// The reply in one line: 5, "text", OK, nil, nothing (a null array), [a, b], or the error's text.
  std::string say(std::string_view line) { return say(split(line)); }
  std::string say(const std::vector<std::string>& words) {
    const auto reply = run(words);
    std::string_view rest = reply;
    const auto text = read(rest);
    return rest.empty() ? text : text + " and " + std::string(rest);
  }

  void pass(duration d) {
    now += d;
    wall_ms += std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
  }

  static const procedure_row* find(std::string_view name) {
    for (const auto& row : procedure_table) {
      if (row.name == name) return &row;
    }
    return nullptr;
  }

  static std::string read(std::string_view& rest) {
    const auto end = rest.find("\r\n");
    if (rest.empty() || end == std::string_view::npos) return "?" + std::string(rest);
    const char type = rest[0];
    const std::string head(rest.substr(1, end - 1));
    rest.remove_prefix(end + 2);
    if (type == '+' || type == '-' || type == ':' || type == ',' || type == '#') return head;
    if (type == '_') return "nil";
    const int count = std::stoi(head);
    if (count < 0) return type == '$' ? "nil" : "nothing";
    if (type == '$') {
      const std::string text = "\"" + std::string(rest.substr(0, static_cast<std::size_t>(count))) + "\"";
      rest.remove_prefix(static_cast<std::size_t>(count) + 2);
      return text;
    }
    std::string all = type == '%' ? "{" : type == '~' ? "<" : "[";
    for (int i = 0; i < count * (type == '%' ? 2 : 1); ++i) all += (i == 0 ? "" : ", ") + read(rest);
    return all + (type == '%' ? "}" : type == '~' ? ">" : "]");
  }

  /// What happened to keys since the last call; from the first call of hear_events on.
  void hear_events(std::uint32_t kinds = ~0U) {
    events.listen(kinds);
    shard.listen(0, &events);
  }
  std::vector<std::string> heard() { return std::exchange(events.heard, {}); }

  event_recorder events;
  memory_ledger ledger{64 << 20};
  held_shard shard{store_settings{&ledger, 1, eviction_policy::lru}};
  time_point now{std::chrono::hours(1)};
  std::int64_t wall_ms = 1'700'000'000'000;
  int protocol = 2;
  std::uint64_t wait_id = 0;  // of the wait that commands belong to; 0: none
};

}  // namespace troupe
