#include "gateways/resp/set_options.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "gateways/resp/command_table.hpp"
#include "runtime/base/integer_text.hpp"

namespace troupe::resp {

namespace {

constexpr const char* syntax_error = "ERR syntax error";
constexpr const char* not_an_integer = "ERR value is not an integer or out of range";
constexpr const char* invalid_expire = "ERR invalid expire time in 'set' command";

struct expiry_form {
  std::string_view word;
  bool seconds;
  bool absolute;
};
constexpr expiry_form forms[] = {
    {"ex", true, false}, {"px", false, false}, {"exat", true, true}, {"pxat", false, true}};

const expiry_form* form_of(std::string_view word) {
  for (const auto& form : forms) {
    if (same_word(word, form.word)) return &form;
  }
  return nullptr;
}

// The bounds are Redis': positive, and a point in time that fits 64 bits of milliseconds.
const char* read_expiry(std::string_view text, const expiry_form& form, wall_time now, set_options& result) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  const auto value = read_integer_text(text);
  if (!value) return not_an_integer;
  if (*value <= 0 || (form.seconds && *value > most / 1000)) return invalid_expire;
  std::int64_t ms = form.seconds ? *value * 1000 : *value;
  const std::int64_t now_ms = now.time_since_epoch().count();
  if (form.absolute) {
    ms -= now_ms;
  } else if (ms > most - now_ms) {
    return invalid_expire;
  }
  result.already_over = ms <= 0;
  constexpr auto ms_max = std::chrono::duration_cast<std::chrono::milliseconds>(ttl_max).count();
  result.ttl = result.already_over ? duration(1) : std::chrono::milliseconds(std::min(ms, ms_max));
  return nullptr;
}

}  // namespace

const char* read_set_options(const arguments& words, wall_time now, set_options& result) {
  const expiry_form* form = nullptr;
  std::string_view expiry;
  for (std::size_t i = 3; i < words.size(); ++i) {
    const auto word = words[i];
    if (same_word(word, "nx") && result.condition != write_condition::if_present) {
      result.condition = write_condition::if_absent;
    } else if (same_word(word, "xx") && result.condition != write_condition::if_absent) {
      result.condition = write_condition::if_present;
    } else if (same_word(word, "get")) {
      result.get = true;
    } else if (same_word(word, "keepttl") && form == nullptr) {
      result.keep_ttl = true;
    } else if (const auto* found = form_of(word);
               found != nullptr && (form == nullptr || form == found) && !result.keep_ttl && i + 1 < words.size()) {
      form = found;  // the same one twice is fine: the last counts
      expiry = words[++i];
    } else {
      return syntax_error;
    }
  }
  return form == nullptr ? nullptr : read_expiry(expiry, *form, now, result);  // after the syntax, as in Redis
}

}  // namespace troupe::resp
