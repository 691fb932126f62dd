// Channels: who listens, and messages to all nodes. Confirmations are not replies: each topic has one of its own, and
// CLIENT REPLY does not keep them back.
#include <set>
#include <string>
#include <vector>

#include "gateways/resp/command_table.hpp"
#include "gateways/resp/commands.hpp"
#include "gateways/resp/connection.hpp"
#include "gateways/resp/lane_subscribers.hpp"
#include "runtime/base/glob.hpp"

namespace troupe::resp {

namespace {

using pubsub::topic_kind;
using topics = std::set<std::string, std::less<>>;

topics& topics_of(client_state& s, topic_kind kind) {
  switch (kind) {
    case topic_kind::channel: return s.channels;
    case topic_kind::pattern: return s.patterns;
    case topic_kind::shard_channel:
    case topic_kind::group: break;  // no client names one
  }
  return s.shard_channels;
}

std::size_t shown_count(const client_state& s, topic_kind kind) {
  return kind == topic_kind::shard_channel ? s.shard_channels.size() : s.subscriptions();
}

void confirm(connection& c, std::string_view word, const std::string_view* name, topic_kind kind) {
  const auto count = static_cast<std::int64_t>(shown_count(c.more(), kind));
  const auto write = [&](reply_writer& w) {
    w.push(3);
    w.bulk(word);
    name == nullptr ? w.null() : w.bulk(*name);
    w.integer(count);
  };
  // Within EXEC it stands where its command stood.
  c.runs_queued() ? c.reply(write) : c.push(write);
}

constexpr std::string_view name_too_long = "ERR the name of a channel is longer than 1048576 bytes";

void subscribe(connection& c, const arguments& words, topic_kind kind, std::string_view word) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i].size() > pubsub::topic_name_bytes_max) return c.reply_error(name_too_long);
  }
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto name = words[i];
    if (topics_of(c.more(), kind).emplace(name).second) {
      c.gate().subscribers()->add({kind, name}, c);
      c.shared().channels->change({kind, name}, 1);
    }
    c.set(connection::listening, true);
    confirm(c, word, &name, kind);
  }
}

void unsubscribe(connection& c, const arguments& words, topic_kind kind, std::string_view word) {
  std::vector<std::string> names;
  for (std::size_t i = 1; i < words.size(); ++i) names.emplace_back(words[i]);
  if (words.size() == 1) {
    const auto& all = topics_of(c.more(), kind);
    names.assign(all.begin(), all.end());
  }
  for (const std::string_view name : names) {
    c.leave_topic(kind, name);
    confirm(c, word, &name, kind);
  }
  if (names.empty()) confirm(c, word, nullptr, kind);
}

void publish(connection& c, const arguments& words, topic_kind kind) {
  auto& e = c.shared();
  const auto channel = words[1];
  const auto payload = words[2];
  if (channel.size() > pubsub::topic_name_bytes_max) return c.reply_error(name_too_long);
  // It crosses to another node in one message, as a value does.
  if (channel.size() + payload.size() > e.settings.cache.value_max)
    return c.reply_error("ERR the message is too large");
  const auto to = e.channels->publish(kind, channel, payload);
  if (to.here != 0) {
    c.numbers().messages.add(c.gate().subscribers()->deliver(kind, channel, payload));
    const auto message = std::make_shared<const std::pair<std::string, std::string>>(channel, payload);
    for (std::size_t i = 0; e.clients != nullptr && i < e.clients->count(); ++i) {
      if (i == c.gate().group() || e.clients->listeners(i) == 0) continue;
      e.clients->visit(i, [kind, message](client_group& g) { g.deliver(kind, message->first, message->second); });
    }
  }
  c.reply([&](reply_writer& w) { w.integer(static_cast<std::int64_t>(to.here + to.others)); });
}

void list_channels(connection& c, const arguments& words, topic_kind kind) {
  auto names = c.shared().channels->names(kind);
  if (words.size() > 3) {
    return c.reply_error("ERR wrong number of arguments for '" + std::string(c.last_command()->name) + "' command");
  }
  if (words.size() == 3) std::erase_if(names, [&](const std::string& n) { return !glob_matches(words[2], n); });
  c.reply([&](reply_writer& w) {
    w.array(names.size());
    for (const auto& n : names) w.bulk(n);
  });
}

void count_listeners(connection& c, const arguments& words, topic_kind kind) {
  c.reply([&](reply_writer& w) {
    w.array((words.size() - 2) * 2);
    for (std::size_t i = 2; i < words.size(); ++i) {
      w.bulk(words[i]);
      w.integer(static_cast<std::int64_t>(c.shared().channels->listeners({kind, words[i]})));
    }
  });
}

}  // namespace

void run_subscribe(connection& c, const arguments& words) { subscribe(c, words, topic_kind::channel, "subscribe"); }

void run_psubscribe(connection& c, const arguments& words) { subscribe(c, words, topic_kind::pattern, "psubscribe"); }

void run_ssubscribe(connection& c, const arguments& words) {
  subscribe(c, words, topic_kind::shard_channel, "ssubscribe");
}

void run_unsubscribe(connection& c, const arguments& words) {
  unsubscribe(c, words, topic_kind::channel, "unsubscribe");
}

void run_punsubscribe(connection& c, const arguments& words) {
  unsubscribe(c, words, topic_kind::pattern, "punsubscribe");
}

void run_sunsubscribe(connection& c, const arguments& words) {
  unsubscribe(c, words, topic_kind::shard_channel, "sunsubscribe");
}

void run_publish(connection& c, const arguments& words) { publish(c, words, topic_kind::channel); }

void run_spublish(connection& c, const arguments& words) { publish(c, words, topic_kind::shard_channel); }

void run_pubsub_channels(connection& c, const arguments& words) { list_channels(c, words, topic_kind::channel); }

void run_pubsub_shardchannels(connection& c, const arguments& words) {
  list_channels(c, words, topic_kind::shard_channel);
}

void run_pubsub_numsub(connection& c, const arguments& words) { count_listeners(c, words, topic_kind::channel); }

void run_pubsub_shardnumsub(connection& c, const arguments& words) {
  count_listeners(c, words, topic_kind::shard_channel);
}

void run_pubsub_numpat(connection& c, const arguments&) {
  const auto patterns = c.shared().channels->names(topic_kind::pattern).size();
  c.reply([&](reply_writer& w) { w.integer(static_cast<std::int64_t>(patterns)); });
}

}  // namespace troupe::resp
