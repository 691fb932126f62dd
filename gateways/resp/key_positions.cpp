#include "gateways/resp/key_positions.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "runtime/base/integer_text.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe::resp {

namespace {

// Commands that say how many keys follow: where that number stands, and a key before it (0: none).
struct counted_keys {
  std::string_view name;
  std::size_t count_at;
  std::size_t also;
};
constexpr auto counted = std::to_array<counted_keys>({
    {"blmpop", 2, 0},
    {"bzmpop", 2, 0},
    {"lmpop", 1, 0},
    {"sintercard", 1, 0},
    {"zdiff", 1, 0},
    {"zdiffstore", 2, 1},
    {"zinter", 1, 0},
    {"zintercard", 1, 0},
    {"zinterstore", 2, 1},
    {"zmpop", 1, 0},
    {"zunion", 1, 0},
    {"zunionstore", 2, 1},
});

std::optional<std::vector<std::size_t>> counted_keys_of(const counted_keys& rule, const arguments& words) {
  if (rule.count_at >= words.size()) return std::nullopt;
  const auto count = read_integer_text(words[rule.count_at]);
  if (!count || *count < 1 || static_cast<std::uint64_t>(*count) > words.size() - rule.count_at - 1)
    return std::nullopt;
  std::vector<std::size_t> places;
  if (rule.also != 0) places.push_back(rule.also);
  for (std::size_t i = 1; i <= static_cast<std::size_t>(*count); ++i) places.push_back(rule.count_at + i);
  return places;
}

// SORT and GEORADIUS: the first word, and what follows the last STORE.
std::vector<std::size_t> key_and_store(const arguments& words, std::size_t options_from) {
  std::vector<std::size_t> places{1};
  std::size_t store = 0;
  for (std::size_t i = options_from; i + 1 < words.size(); ++i) {
    if (same_word(words[i], "limit")) {
      i += 2;
    } else if (same_word(words[i], "get") || same_word(words[i], "by") || same_word(words[i], "count")) {
      ++i;
    } else if (same_word(words[i], "store") || same_word(words[i], "storedist")) {
      store = ++i;
    }
  }
  if (store != 0) places.push_back(store);
  return places;
}

}  // namespace

std::optional<std::vector<std::size_t>> keys_of(const command_row& row, const arguments& words) {
  const auto rule =
      std::find_if(counted.begin(), counted.end(), [&](const counted_keys& c) { return c.name == row.name; });
  if (rule != counted.end()) return counted_keys_of(*rule, words);
  if (row.name == "sort") return key_and_store(words, 2);
  if (row.name == "georadius") return key_and_store(words, 6);
  if (row.name == "georadiusbymember") return key_and_store(words, 5);
  std::vector<std::size_t> places;
  if (row.first_key <= 0) return places;
  const auto first = static_cast<std::size_t>(row.first_key);
  const auto size = static_cast<std::ptrdiff_t>(words.size());
  const std::ptrdiff_t last = row.last_key < 0 ? size + row.last_key : std::min<std::ptrdiff_t>(row.last_key, size - 1);
  for (auto i = static_cast<std::ptrdiff_t>(first); i <= last; i += std::max(row.key_step, 1))
    places.push_back(static_cast<std::size_t>(i));
  return places;
}

std::string_view key_flags_of(const command_row& row, const arguments& words, std::size_t place) noexcept {
  if ((row.flags & flag_write) == 0) {
    constexpr std::array<std::string_view, 9> untouched = {"exists", "touch", "strlen", "type", "ttl",
                                                           "pttl",   "llen",  "hlen",   "scard"};
    return std::find(untouched.begin(), untouched.end(), row.name) != untouched.end() ? "RO" : "RO access";
  }
  if (row.name == "del" || row.name == "unlink") return "RM delete";
  if (row.name == "set") {
    for (std::size_t i = 3; i < words.size(); ++i) {
      if (same_word(words[i], "get")) return "RW access update";
    }
    return "OW update";
  }
  constexpr std::array<std::string_view, 7> overwrites = {"mset",    "setex",   "psetex", "bitop",
                                                          "restore", "pfmerge", "hmset"};
  if (std::find(overwrites.begin(), overwrites.end(), row.name) != overwrites.end()) {
    return place == static_cast<std::size_t>(row.first_key) || row.key_step > 1 ? "OW update" : "RO access";
  }
  constexpr std::array<std::string_view, 14> takes = {"lpop",     "rpop",     "lmpop",   "blpop", "brpop",
                                                      "blmpop",   "zpopmin",  "zpopmax", "zmpop", "spop",
                                                      "bzpopmin", "bzpopmax", "bzmpop",  "getdel"};
  if (std::find(takes.begin(), takes.end(), row.name) != takes.end()) return "RW access delete";
  constexpr std::array<std::string_view, 4> moves = {"lmove", "blmove", "rpoplpush", "brpoplpush"};
  if (std::find(moves.begin(), moves.end(), row.name) != moves.end())
    return place == 1 ? "RW access delete" : "RW insert";
  const bool stores = row.name.ends_with("store");
  if (stores) return place == 1 ? "OW update" : "RO access";
  if (row.name == "sort" || row.name.starts_with("georadius")) return place == 1 ? "RO access" : "OW update";
  if (row.name == "copy") return place == 1 ? "RO access" : "OW update";
  return "RW access update";
}

slot_answer common_slot(const command_row& row, const arguments& words) {
  slot_answer answer;
  const auto places = keys_of(row, words);
  if (!places) return answer;
  for (const auto place : *places) {
    const auto slot = slot_of(words[place]);
    if (answer.slot && *answer.slot != slot) answer.crosses = true;
    answer.slot = slot;
  }
  return answer;
}

}  // namespace troupe::resp
