#include "runtime/cache/values/value_object.hpp"

#include "runtime/cache/values/hash_value.hpp"
#include "runtime/cache/values/list_value.hpp"
#include "runtime/cache/values/set_value.hpp"
#include "runtime/cache/values/sorted_set_value.hpp"

namespace troupe {

namespace {

constexpr char layout_version = 1;
/// Words of a serialised value that are taken at once; even, for those that come in pairs.
constexpr std::size_t words_step = 1024;

}  // namespace

std::string_view name_of(value_type t) noexcept {
  switch (t) {
    case value_type::string: return "string";
    case value_type::list: return "list";
    case value_type::set: return "set";
    case value_type::sorted_set: return "zset";
    case value_type::hash: return "hash";
  }
  return "none";
}

value_type type_of(value_edit e) noexcept {
  const auto number = static_cast<unsigned>(e);
  if (number < 10) return value_type::string;
  if (number < 20) return value_type::list;
  if (number < 30) return value_type::set;
  if (number < 40) return value_type::hash;
  return value_type::sorted_set;
}

std::unique_ptr<value_object> make_value(value_type t, const value_limits& limits, std::uint64_t seed) {
  switch (t) {
    case value_type::string: return nullptr;
    case value_type::list: return std::make_unique<list_value>(limits);
    case value_type::set: return std::make_unique<set_value>(limits, seed);
    case value_type::sorted_set: return std::make_unique<sorted_set_value>(limits, seed);
    case value_type::hash: return std::make_unique<hash_value>(limits, seed);
  }
  return nullptr;
}

void serialise(const value_object& o, std::string& into) {
  into.push_back(static_cast<char>(o.type));
  into.push_back(layout_version);
  o.write_words(into);
}

std::unique_ptr<value_object> read_value(std::string_view bytes, const value_limits& limits, std::uint64_t seed) {
  if (bytes.size() < 2 || bytes[1] != layout_version) return nullptr;
  const auto type = static_cast<value_type>(bytes[0]);
  auto made = make_value(type, limits, seed);
  if (made == nullptr) return nullptr;
  bytes.remove_prefix(2);
  auto edit = value_edit::push_back;
  if (type == value_type::set) edit = value_edit::set_add;
  if (type == value_type::hash) edit = value_edit::hash_put;
  if (type == value_type::sorted_set) edit = value_edit::scores_put;
  word_list words;
  while (!bytes.empty()) {
    const auto word = take_word(bytes);
    if (!word) return nullptr;
    words.add(*word);
    if (words.size() < words_step && !bytes.empty()) continue;
    if (!made->apply(edit, words)) return nullptr;
    words.clear();
  }
  return made->size() == 0 ? nullptr : std::move(made);
}

}  // namespace troupe
