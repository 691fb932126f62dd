#include "gateways/resp/parameters.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <vector>

#include "gateways/resp/command_table.hpp"
#include "gateways/resp/keyspace_channel.hpp"
#include "gateways/resp/notify_flags.hpp"
#include "runtime/base/integer_text.hpp"

namespace troupe::resp {

namespace {

using refusal = std::optional<std::string>;
constexpr std::int64_t any = INT64_MAX;
constexpr std::int64_t one_mib = static_cast<std::int64_t>(mib);

std::string digits(std::uint64_t n) { return std::to_string(n); }
std::uint64_t number_of(const std::string& checked) {
  std::uint64_t n = 0;
  (void)std::from_chars(checked.data(), checked.data() + checked.size(), n);
  return n;
}

template <auto Member>
std::string read_number(environment& e) {
  return std::to_string((e.live.*Member).load(std::memory_order_relaxed));
}
template <auto Member>
refusal set_number(environment& e, const std::string& value) {
  if (const auto n = read_integer_text(value)) (e.live.*Member).store(static_cast<std::uint64_t>(*n));
  return std::nullopt;
}

std::string_view host_of(std::string_view address) { return address.substr(0, address.rfind(':')); }
std::string read_bind(environment& e) { return std::string(host_of(e.address())); }
std::string read_port(environment& e) {
  const auto address = e.address();
  const auto colon = address.rfind(':');
  return colon == std::string::npos ? "0" : address.substr(colon + 1);
}

std::string read_memory_max(environment& e) { return digits(e.caches.measure().bytes_max); }
refusal set_memory_max(environment& e, const std::string& value) {
  if (number_of(value) == 0) return "a node without a memory limit is not offered";
  if (e.caches.set_memory_max(number_of(value))) return std::nullopt;
  return "this node's limit cannot be changed";
}

std::string read_policy(environment& e) { return std::string(name_of(e.caches.measure().eviction)); }
refusal set_policy(environment& e, const std::string& value) {
  const auto policy = eviction_named(value);
  if (policy && e.caches.set_eviction(*policy)) return std::nullopt;
  return "this node's policy cannot be changed";
}

constexpr std::array<std::string_view, 3> class_names = {"normal", "slave", "pubsub"};

std::string read_output_limits(environment& e) {
  std::string text;
  for (std::size_t i = 0; i < class_names.size(); ++i) {
    const auto& limit = e.live.output[i];
    if (!text.empty()) text += ' ';
    text.append(class_names[i]).append(" ").append(digits(limit.hard)).append(" ").append(digits(limit.soft));
    text.append(" ").append(digits(limit.soft_seconds));
  }
  return text;
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const auto begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    const auto end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

refusal set_output_limits(environment& e, const std::string& value) {
  const auto words = split(value);
  if (words.empty() || words.size() % 4 != 0) return "Wrong number of arguments in buffer limit configuration.";
  struct wanted {
    std::size_t which;
    std::uint64_t hard, soft, seconds;
  };
  std::vector<wanted> all;
  for (std::size_t i = 0; i < words.size(); i += 4) {
    const auto is = [&](std::string_view name) { return same_word(words[i], name); };
    std::size_t which = is("normal") ? 0 : is("slave") || is("replica") ? 1 : is("pubsub") ? 2 : 3;
    if (which == 3) return "Invalid client class specified in buffer limit configuration.";
    const auto hard = parse_memory(words[i + 1]);
    const auto soft = parse_memory(words[i + 2]);
    const auto seconds = read_integer_text(words[i + 3]);
    if (!hard || !soft || !seconds || *seconds < 0 || *seconds > INT32_MAX)
      return "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
    all.push_back({which, *hard, *soft, static_cast<std::uint64_t>(*seconds)});
  }
  for (const auto& w : all) {
    auto& limit = e.live.output[w.which];
    limit.hard = w.hard, limit.soft = w.soft, limit.soft_seconds = w.seconds;
  }
  return std::nullopt;
}

refusal set_slow_length(environment& e, const std::string& value) {
  e.live.slow_entries_max = number_of(value);
  e.slow.cut(number_of(value));
  return std::nullopt;
}

std::string read_notify(environment& e) { return notify_text(e.live.notify.load()); }
refusal set_notify(environment& e, const std::string& value) {
  const auto flags = parse_notify(value);
  if (!flags) return "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
  e.live.notify = *flags;
  if (e.events != nullptr) e.events->set(*flags);
  return std::nullopt;
}

refusal set_save(environment& e, const std::string& value) {
  const auto words = split(value);
  const bool sound = words.size() % 2 == 0 && std::all_of(words.begin(), words.end(), [](std::string_view w) {
                       const auto n = read_integer_text(w);
                       return n && *n >= 0;
                     });
  if (!sound) return "Invalid save parameters";
  e.live.keep("save", value);
  return std::nullopt;
}

// Of the cache that RESP serves: the configuration says whether it is durable (caches.NAME.durable), and a running node
// does not change that. Setting what is so already is what clients do to be sure of it.
constexpr const char* not_while_running = "can't set immutable config";
const named_cache_config* default_cache(const environment& e) {
  const auto found = e.settings.caches.find("default");
  return found == e.settings.caches.end() ? nullptr : &found->second;
}
bool is_durable(const environment& e) {
  const auto* c = default_cache(e);
  return c != nullptr && c->durable && !c->backed;
}
std::string read_append_only(environment& e) { return is_durable(e) ? "yes" : "no"; }
refusal set_append_only(environment& e, const std::string& value) {
  if (value == read_append_only(e)) return std::nullopt;
  return not_while_running;
}
// Of a cache without a log it means nothing, as in Redis, and is kept for whoever asks.
std::string read_append_fsync(environment& e) {
  return is_durable(e) ? default_cache(e)->fsync : e.live.kept("appendfsync", "everysec");
}
refusal set_append_fsync(environment& e, const std::string& value) {
  if (is_durable(e) && value != default_cache(e)->fsync) return not_while_running;
  if (!is_durable(e)) e.live.keep("appendfsync", value);
  return std::nullopt;
}

constexpr std::string_view policies =
    "volatile-lru, volatile-lfu, volatile-random, volatile-ttl, allkeys-lru, allkeys-lfu, allkeys-random, noeviction";

using enum value_kind;
using live = live_settings;

// clang-format off
constexpr auto rows = std::to_array<parameter>({
    {"activedefrag",               yes_no, 0, 0, "no", {}},
    {"appendfsync",                word,   0, 0, "everysec, always, no", {}, read_append_fsync, set_append_fsync},
    {"appendonly",                 yes_no, 0, 0, "no", {}, read_append_only, set_append_only},
    {"bind",                       fixed,  0, 0, {}, {}, read_bind},
    {"busy-reply-threshold",       number, 0, any, "5000", "lua-time-limit"},
    {"client-output-buffer-limit", text,   0, 0, {}, {}, read_output_limits, set_output_limits},
    {"client-query-buffer-limit",  memory, one_mib, any, {}, {}, read_number<&live::query_buffer_max>, set_number<&live::query_buffer_max>},
    {"cluster-enabled",            fixed,  0, 0, "yes", {}},
    {"databases",                  fixed,  0, 0, "1", {}},
    {"hash-max-listpack-entries",  number, 0, any, "512", "hash-max-ziplist-entries"},
    {"hash-max-listpack-value",    number, 0, any, "64", "hash-max-ziplist-value"},
    {"hash-max-ziplist-entries",   number, 0, any, "512", "hash-max-ziplist-entries"},
    {"hash-max-ziplist-value",     number, 0, any, "64", "hash-max-ziplist-value"},
    {"hz",                         number, 0, INT_MAX, "10", {}},
    {"latency-monitor-threshold",  number, 0, any, "0", {}},
    {"latency-tracking",           yes_no, 0, 0, "no", {}},
    {"lazyfree-lazy-eviction",     yes_no, 0, 0, "no", {}},
    {"lazyfree-lazy-expire",       yes_no, 0, 0, "no", {}},
    {"lazyfree-lazy-server-del",   yes_no, 0, 0, "no", {}},
    {"lazyfree-lazy-user-del",     yes_no, 0, 0, "no", {}},
    {"lazyfree-lazy-user-flush",   yes_no, 0, 0, "no", {}},
    {"lfu-decay-time",             number, 0, INT_MAX, "1", {}},
    {"lfu-log-factor",             number, 0, INT_MAX, "10", {}},
    {"list-compress-depth",        number, 0, INT_MAX, "0", {}},
    {"list-max-listpack-size",     number, INT_MIN, INT_MAX, "-2", "list-max-ziplist-size"},
    {"list-max-ziplist-size",      number, INT_MIN, INT_MAX, "-2", "list-max-ziplist-size"},
    {"lua-time-limit",             number, 0, any, "5000", "lua-time-limit"},
    {"maxclients",                 number, 1, UINT_MAX, {}, {}, read_number<&live::connections_max>, set_number<&live::connections_max>},
    {"maxmemory",                  memory, 0, any, {}, {}, read_memory_max, set_memory_max},
    {"maxmemory-policy",           word,   0, 0, policies, {}, read_policy, set_policy},
    {"maxmemory-samples",          number, 1, INT_MAX, "5", {}},
    {"notify-keyspace-events",     text,   0, 0, {}, {}, read_notify, set_notify},
    {"port",                       fixed,  0, 0, {}, {}, read_port},
    {"protected-mode",             fixed,  0, 0, "yes", {}},
    {"proto-max-bulk-len",         memory, one_mib, any, {}, {}, read_number<&live::bulk_max>, set_number<&live::bulk_max>},
    {"save",                       text,   0, 0, "", {}, nullptr, set_save},
    {"set-max-intset-entries",     number, 0, any, "512", {}},
    {"set-max-listpack-entries",   number, 0, any, "128", {}},
    {"set-max-listpack-value",     number, 0, any, "64", {}},
    {"slowlog-log-slower-than",    number, -1, any, {}, {}, read_number<&live::slow_microseconds>, set_number<&live::slow_microseconds>},
    {"slowlog-max-len",            number, 0, any, {}, {}, read_number<&live::slow_entries_max>, set_slow_length},
    {"tcp-backlog",                fixed,  0, 0, "511", {}},
    {"tcp-keepalive",              number, 0, INT_MAX, "300", {}},
    {"timeout",                    number, 0, INT_MAX, {}, {}, read_number<&live::idle_seconds>, set_number<&live::idle_seconds>},
    {"zset-max-listpack-entries",  number, 0, any, "128", "zset-max-ziplist-entries"},
    {"zset-max-listpack-value",    number, 0, any, "64", "zset-max-ziplist-value"},
    {"zset-max-ziplist-entries",   number, 0, any, "128", "zset-max-ziplist-entries"},
    {"zset-max-ziplist-value",     number, 0, any, "64", "zset-max-ziplist-value"},
});
// clang-format on

refusal refuse_number(const parameter& p, std::string_view given, std::string& value) {
  const auto n = read_integer_text(given);
  if (!n) return "argument couldn't be parsed into an integer";
  if (*n < p.min || *n > p.max)
    return "argument must be between " + std::to_string(p.min) + " and " + std::to_string(p.max) + " inclusive";
  value = std::to_string(*n);
  return std::nullopt;
}

refusal refuse_memory(const parameter& p, std::string_view given, std::string& value) {
  const auto n = parse_memory(given);
  if (!n) return "argument must be a memory value";
  if (*n < static_cast<std::uint64_t>(p.min) || *n > static_cast<std::uint64_t>(p.max))
    return "argument must be between " + std::to_string(p.min) + " and " + std::to_string(p.max) + " inclusive";
  value = digits(*n);
  return std::nullopt;
}

refusal refuse_word(const parameter& p, std::string_view given, std::string& value) {
  for (std::string_view rest = p.words; !rest.empty();) {
    const auto comma = std::min(rest.find(", "), rest.size());
    if (same_word(given, rest.substr(0, comma))) {
      value = rest.substr(0, comma);
      return std::nullopt;
    }
    rest.remove_prefix(std::min(comma + 2, rest.size()));
  }
  return "argument(s) must be one of the following: " + std::string(p.words);
}

}  // namespace

std::span<const parameter> all_parameters() noexcept { return rows; }

const parameter* find_parameter(std::string_view name) noexcept {
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const parameter& p) { return same_word(name, p.name); });
  return found == rows.end() ? nullptr : &*found;
}

std::string value_of(environment& e, const parameter& p) {
  if (p.read != nullptr) return p.read(e);
  const auto first = p.kind == value_kind::word ? p.words.substr(0, p.words.find(", ")) : p.words;
  return e.live.kept(p.same_as.empty() ? p.name : p.same_as, first);
}

refusal refuse_value(const parameter& p, std::string_view given, std::string& value) {
  switch (p.kind) {
    case value_kind::fixed: return "can't set immutable config";
    case value_kind::number: return refuse_number(p, given, value);
    case value_kind::memory: return refuse_memory(p, given, value);
    case value_kind::word: return refuse_word(p, given, value);
    case value_kind::yes_no:
      if (!same_word(given, "yes") && !same_word(given, "no")) return "argument must be 'yes' or 'no'";
      value = same_word(given, "yes") ? "yes" : "no";
      return std::nullopt;
    case value_kind::text: value = given; return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_memory(std::string_view given) noexcept {
  std::uint64_t n = 0;
  const auto [end, failed] = std::from_chars(given.data(), given.data() + given.size(), n);
  if (failed != std::errc{}) return std::nullopt;
  const auto unit = given.substr(static_cast<std::size_t>(end - given.data()));
  struct scale {
    std::string_view unit;
    std::uint64_t bytes;
  };
  constexpr scale scales[] = {{"", 1},        {"b", 1},    {"k", 1000},       {"kb", kib},
                              {"m", 1000000}, {"mb", mib}, {"g", 1000000000}, {"gb", 1024 * mib}};
  for (const auto& s : scales) {
    if (!same_word(unit, s.unit)) continue;
    if (n > UINT64_MAX / s.bytes) return std::nullopt;
    return n * s.bytes;
  }
  return std::nullopt;
}

}  // namespace troupe::resp
