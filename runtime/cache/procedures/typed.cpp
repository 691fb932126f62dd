#include "runtime/cache/procedures/typed.hpp"

#include <charconv>

namespace troupe::procedures {

bool put_object(procedure_call& c, std::string_view key, std::unique_ptr<value_object> object, time_point expiry) {
  if (object == nullptr || object->size() == 0) {
    (void)c.keys.erase(key);
    return true;
  }
  const auto code = c.keys.put(key, std::move(object), expiry);
  if (code == errc::ok) return true;
  c.reply.error(code == errc::too_large ? "ERR the value would be larger than cache.value_max" : out_of_memory_words);
  return false;
}

bool read_scan(procedure_call& c, scan_request& r) {
  const auto text = c[1];
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), r.cursor);
  if (failed != std::errc{} || end != text.data() + text.size()) {
    c.reply.error("ERR invalid cursor");
    return false;
  }
  for (std::size_t i = 2; i < c.size(); i += 2) {
    const bool pairs = i + 1 < c.size();
    if (pairs && is_word(c[i], "count")) {
      const auto count = integer_word(c, i + 1);
      if (!count) return false;
      if (*count >= 1) {
        r.count = static_cast<std::size_t>(*count);
        continue;
      }
    } else if (pairs && is_word(c[i], "match")) {
      r.pattern = c[i + 1] == "*" ? std::string_view() : c[i + 1];
      continue;
    }
    c.reply.error(syntax_error);
    return false;
  }
  return true;
}

std::optional<std::size_t> read_pop_keys(procedure_call& c, std::size_t count_at) {
  const auto keys = read_integer(c[count_at]);
  if (!keys || *keys <= 0) {
    c.reply.error("ERR numkeys should be greater than 0");
    return std::nullopt;
  }
  const auto which = count_at + static_cast<std::uint64_t>(*keys) + 1;
  if (which < c.size()) return which;
  c.reply.error(syntax_error);
  return std::nullopt;
}

std::optional<std::size_t> read_pop_count(procedure_call& c, std::size_t which) {
  if (c.size() == which + 1) return 1;
  if (c.size() != which + 3 || !is_word(c[which + 1], "count")) {
    c.reply.error(syntax_error);
    return std::nullopt;
  }
  const auto count = read_integer(c[which + 2]);
  if (count && *count > 0) return static_cast<std::size_t>(*count);
  c.reply.error("ERR count should be greater than 0");
  return std::nullopt;
}

}  // namespace troupe::procedures
