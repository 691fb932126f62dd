#include "config/value.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "config/text.hpp"

namespace troupe {
namespace {

template <class T>
bool holds(const field& f) noexcept {
  return std::holds_alternative<T*>(f);
}

/// A number of the key as people write it there: 64MiB, 30s, 7.
std::string shown(const field& f, std::int64_t number) {
  if (holds<duration>(f)) return format_duration(duration(number));
  if (holds<std::uint64_t>(f)) return format_size(static_cast<std::uint64_t>(number));
  return std::to_string(number);
}

verdict out_of_range(const key& k, const field& f, std::string_view number) {
  return "must be " + range_name(k, f) + ", is " + std::string(number);
}

bool in_range(const key& k, std::int64_t number) noexcept {
  return (number >= k.min && number <= k.max) || (number == 0 && !k.zero.empty());
}

verdict wrong_type(const key& k, const field& f, std::string_view text) {
  return "must be " + type_name(k, f) + ", is " + in_quotes(text);
}

verdict store_bool(const key& k, bool* f, std::string_view text) {
  if (text != "true" && text != "false") return wrong_type(k, f, text);
  *f = text == "true";
  return {};
}

verdict store_integer_text(const key& k, const field& f, std::string_view text) {
  std::int64_t number = 0;
  if (!k.word.empty() && text == k.word) return store_word(k, f, text);
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed == std::errc::result_out_of_range) return out_of_range(k, f, in_quotes(text));
  if (failed != std::errc() || end != text.data() + text.size()) return wrong_type(k, f, text);
  return store_integer(k, f, number);
}

verdict store_list(string_list* f, std::string_view text) {
  string_list elements = split_list(text);
  if (std::find(elements.begin(), elements.end(), "") != elements.end()) {
    return "has an empty element: " + in_quotes(text);
  }
  *f = std::move(elements);
  return {};
}

verdict store_map(const key& k, string_map* f, std::string_view text) {
  string_map entries;
  for (const std::string& element : split_list(text)) {
    const std::size_t equals = element.find('=');
    if (equals == std::string::npos) return wrong_type(k, f, text);
    if (!entries.emplace(element.substr(0, equals), element.substr(equals + 1)).second) {
      return "has " + in_quotes(element.substr(0, equals)) + " twice";
    }
  }
  *f = std::move(entries);
  return {};
}

std::string toml_map(const string_map& entries) {
  std::string out;
  for (const auto& [name, value] : entries) {
    out += (out.empty() ? " " : ", ") + (is_name(name, "_-") ? name : toml_string(name)) + " = " + toml_string(value);
  }
  return out.empty() ? "{}" : "{" + out + " }";
}

std::string toml_list(const string_list& elements) {
  string_list strings;
  for (const std::string& element : elements) strings.push_back(toml_string(element));
  return "[" + joined(strings) + "]";
}

}  // namespace

verdict store_integer(const key& k, field f, std::int64_t value) {
  if (!in_range(k, value)) return out_of_range(k, f, std::to_string(value));
  // A row's range may be wider than its field: the field is a limit too.
  const auto store = [&](auto* number) -> verdict {
    using number_type = std::remove_pointer_t<decltype(number)>;
    if (!std::in_range<number_type>(value)) return out_of_range(k, f, std::to_string(value));
    *number = static_cast<number_type>(value);
    return {};
  };
  if (auto* const* number = std::get_if<std::uint32_t*>(&f)) return store(*number);
  if (auto* const* number = std::get_if<std::int32_t*>(&f)) return store(*number);
  return "must be " + type_name(k, f) + ", is the integer " + std::to_string(value);
}

verdict store_word(const key& k, field f, std::string_view text) {
  auto* const* number = std::get_if<std::uint32_t*>(&f);
  if (number == nullptr || k.word.empty() || text != k.word) return wrong_type(k, f, text);
  **number = static_cast<std::uint32_t>(k.word_number);
  return {};
}

verdict store_size(const key& k, std::uint64_t* f, std::int64_t bytes) {
  if (!in_range(k, bytes)) return out_of_range(k, f, std::to_string(bytes));
  *f = static_cast<std::uint64_t>(bytes);
  return {};
}

verdict store_size(const key& k, std::uint64_t* f, std::string_view text) {
  const auto bytes = parse_size(text);
  if (!bytes) return wrong_type(k, f, text);
  if (!in_range(k, static_cast<std::int64_t>(*bytes))) return out_of_range(k, f, text);
  *f = *bytes;
  return {};
}

verdict store_duration(const key& k, duration* f, std::string_view text) {
  const auto d = parse_duration(text);
  if (!d) return wrong_type(k, f, text);
  if (!in_range(k, d->count())) return out_of_range(k, f, text);
  *f = *d;
  return {};
}

verdict store_string(const key& k, std::string* f, std::string_view text) {
  if (!k.words.empty() && std::find(k.words.begin(), k.words.end(), text) == k.words.end()) {
    return "must be " + range_name(k, f) + ", is " + in_quotes(text) +
           did_you_mean(text, string_list(k.words.begin(), k.words.end()));
  }
  *f = text;
  return {};
}

verdict check_value(const key& k, const field& f) {
  const auto check = [&](std::int64_t number) -> verdict {
    if (!k.word.empty() && number == k.word_number) return "";
    return in_range(k, number) ? "" : out_of_range(k, f, shown(f, number));
  };
  if (auto* const* number = std::get_if<std::uint32_t*>(&f)) return check(**number);
  if (auto* const* number = std::get_if<std::int32_t*>(&f)) return check(**number);
  if (auto* const* d = std::get_if<duration*>(&f)) return check((*d)->count());
  if (auto* const* size = std::get_if<std::uint64_t*>(&f)) {
    return **size <= static_cast<std::uint64_t>(k.max) ? check(static_cast<std::int64_t>(**size))
                                                       : out_of_range(k, f, format_size(**size));
  }
  if (auto* const* string = std::get_if<std::string*>(&f)) {
    std::string same = **string;
    return store_string(k, &same, **string);
  }
  return {};
}

verdict store_text(const key& k, field f, std::string_view text) {
  if (!is_utf8(text)) return "is not UTF-8";
  if (auto* const* string = std::get_if<std::string*>(&f)) return store_string(k, *string, text);
  if (auto* const* flag = std::get_if<bool*>(&f)) return store_bool(k, *flag, text);
  if (auto* const* size = std::get_if<std::uint64_t*>(&f)) return store_size(k, *size, text);
  if (auto* const* d = std::get_if<duration*>(&f)) return store_duration(k, *d, text);
  if (auto* const* list = std::get_if<string_list*>(&f)) return store_list(*list, text);
  if (auto* const* map = std::get_if<string_map*>(&f)) return store_map(k, *map, text);
  return store_integer_text(k, f, text);
}

std::string type_name(const key& k, const field& f) {
  if (holds<bool>(f)) return "true or false";
  if (holds<std::uint64_t>(f)) return "a size such as 1048576 or \"64MiB\"";
  if (holds<duration>(f)) return "a duration such as \"30s\" (ms, s, m, h, d)";
  if (holds<std::string>(f)) return k.words.empty() ? "a string" : range_name(k, f);
  if (holds<string_list>(f)) return "a list of strings";
  if (holds<string_map>(f)) return "a table of strings, e.g. zone = \"a\"";
  return k.word.empty() ? "an integer" : "an integer or " + in_quotes(k.word);
}

std::string range_name(const key& k, const field& f) {
  if (!k.words.empty()) {
    string_list words;
    for (const std::string_view word : k.words) words.push_back(word.empty() ? "\"\"" : std::string(word));
    return "one of " + joined(words);
  }
  const bool is_number =
      holds<std::uint32_t>(f) || holds<std::int32_t>(f) || holds<std::uint64_t>(f) || holds<duration>(f);
  if (!is_number) return {};
  const std::string zero = k.zero.empty() ? "" : shown(f, 0) + " (" + std::string(k.zero) + ") or ";
  const std::string word = k.word.empty() ? "" : ", or " + in_quotes(k.word);
  return zero + "from " + shown(f, k.min) + " to " + shown(f, k.max) + word;
}

std::string toml_value(const key& k, const field& f) {
  if (auto* const* flag = std::get_if<bool*>(&f)) return **flag ? "true" : "false";
  if (auto* const* size = std::get_if<std::uint64_t*>(&f)) return toml_string(format_size(**size));
  if (auto* const* d = std::get_if<duration*>(&f)) return toml_string(format_duration(**d));
  if (auto* const* string = std::get_if<std::string*>(&f)) return toml_string(**string);
  if (auto* const* list = std::get_if<string_list*>(&f)) return toml_list(**list);
  if (auto* const* map = std::get_if<string_map*>(&f)) return toml_map(**map);
  if (auto* const* number = std::get_if<std::int32_t*>(&f)) return std::to_string(**number);
  const auto number = **std::get_if<std::uint32_t*>(&f);
  return !k.word.empty() && number == k.word_number ? toml_string(k.word) : std::to_string(number);
}

}  // namespace troupe
