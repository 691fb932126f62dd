// Members of one shard with their streams, whose messages a test carries or loses.
#pragma once

#include <cctype>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/cache/held_shard.hpp"
#include "runtime/cache/procedures/table.hpp"
#include "runtime/cache/procedures/transaction.hpp"
#include "tests/sim/simulated_channel.hpp"

namespace troupe {

using namespace std::chrono_literals;

struct member_of_shard {
  explicit member_of_shard(std::uint64_t p, const value_limits* limits = nullptr, std::uint64_t memory = 1 << 20,
                           const cache_rule_book* rules = nullptr)
      : pid(p), ledger(memory), held(store_settings{&ledger, 1, eviction_policy::lru, limits, nullptr, rules}) {
    channel.set_sender(p);
  }

  std::uint64_t pid;
  memory_ledger ledger;
  held_shard held;
  sim::simulated_channel channel;
};

struct stream_fixture : ::testing::Test {
  stream_fixture() {
    for (std::uint64_t pid = 1; pid <= 3; ++pid) members[pid] = std::make_unique<member_of_shard>(pid);
    row = {1, {2, 3}, {2, 3}, 1, 1};
  }
  void adopt(std::uint64_t pid) { (void)members[pid]->held.take_role(row, pid); }
  void adopt_all() {
    for (const auto& [pid, m] : members) adopt(pid);
  }
  held_shard& at(std::uint64_t pid) { return members[pid]->held; }

  struct outcome {
    bool answered = false;
    owned_reply reply;
  };
  std::shared_ptr<outcome> run(std::uint64_t pid, cache_op op, std::string_view key, std::string_view value = {}) {
    auto o = std::make_shared<outcome>();
    cache_command c;
    c.op = op;
    c.key = key;
    c.value = value;
    const auto r = at(pid).replicate(c, now, members[pid]->channel);
    owned_reply reply;
    reply.code = r.reply.code;
    reply.value.assign(r.reply.value);
    at(pid).stream().hold(r.wait_for, std::move(reply), op != cache_op::get, now + 2s, [o](owned_reply got) {
      o->answered = true;
      o->reply = std::move(got);
    });
    tell();
    return o;
  }
  /// A procedure, its words apart from each other.
  std::shared_ptr<outcome> run_words(std::uint64_t pid, const std::vector<std::string>& words) {
    auto o = std::make_shared<outcome>();
    std::string name;
    for (const char c : words[0]) name += static_cast<char>(std::tolower(c));
    std::string packed;
    for (std::size_t i = 1; i < words.size(); ++i) pack_word(packed, words[i]);
    cache_command c;
    c.op = cache_op::run;
    for (const auto& known : procedure_table) {
      if (known.name == name) c.procedure = known.number;
    }
    c.wall = wall;
    c.key = words.size() > 1 ? std::string_view(words[1]) : std::string_view();
    c.value = packed;
    const auto r = at(pid).replicate(c, now, members[pid]->channel);
    owned_reply reply;
    reply.code = r.reply.code;
    reply.version = r.reply.version;
    reply.value.assign(r.reply.value);
    at(pid).stream().hold(r.wait_for, std::move(reply), is_write(c), now + 2s, [o](owned_reply got) {
      o->answered = true;
      o->reply = std::move(got);
    });
    tell();
    return o;
  }
  std::shared_ptr<outcome> put(std::uint64_t pid, std::string_view key, std::string_view value) {
    return run(pid, cache_op::put, key, value);
  }
  std::string held_at(std::uint64_t pid, std::string_view key) {
    const auto found = at(pid).store().peek(0, key, now);
    return found ? std::string(found->value) : std::string("-");
  }
  /// Carries batches and answers until all are quiet; those that `lose` names are lost.
  void carry() {
    for (bool moved = true; moved;) {
      moved = false;
      for (const auto& [from, m] : members) {
        for (const auto& [to, bytes] : m->channel.take()) {
          moved = true;
          if (!lose.contains({from, to})) deliver(from, to, bytes);
        }
      }
      tell();
    }
  }
  void deliver(std::uint64_t from, std::uint64_t to, const std::string& bytes) {
    const auto batch = read_batch::from(bytes);
    ASSERT_TRUE(batch);
    for (const auto& item : batch->items) {
      std::vector<stream_entry> entries;
      for (const auto& e : item.entries) entries.push_back(e.entry);
      std::vector<stream_entry> beyond;
      std::deque<std::string> kept;
      const auto keep = [&](std::string_view text) { return std::string_view(kept.emplace_back(text)); };
      const auto a = item.ask ? at(to).stream().on_ask(from, item.at, at(to).store(), now,
                                                       [&](stream_entry e) {
                                                         e.key = keep(e.key);
                                                         e.value = keep(e.value);
                                                         beyond.push_back(e);
                                                       })
                              : at(to).stream().on_append(from, item.at, entries, at(to).store(), now);
      if (!lose.contains({to, from})) at(from).on_answer(to, a, beyond, now, members[from]->channel);
    }
  }
  void tell() {
    for (const auto& [pid, m] : members) {
      for (auto& r : m->held.stream().take_ready()) r.done(std::move(r.reply));
    }
  }
  void tick(duration d = 20ms) {
    now += d;
    for (const auto& [pid, m] : members) m->held.stream().on_tick(m->held.store(), now, m->channel);
    carry();
  }
  std::vector<std::uint64_t> laggards(std::uint64_t pid) {
    std::vector<std::uint64_t> found;
    at(pid).stream().laggards(now, [&](std::uint64_t slow) { found.push_back(slow); });
    return found;
  }
  void founded() {
    adopt_all();
    tick();
  }

  std::map<std::uint64_t, std::unique_ptr<member_of_shard>> members;
  std::set<std::pair<std::uint64_t, std::uint64_t>> lose;
  shard_row row;
  time_point now{std::chrono::hours(1)};
  duration wall = std::chrono::hours(24 * 365 * 50);
};

}  // namespace troupe
