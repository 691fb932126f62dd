// A key's value as one type, to be read or to be changed.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "runtime/cache/procedures/call.hpp"
#include "runtime/cache/values/hash_value.hpp"
#include "runtime/cache/values/list_value.hpp"
#include "runtime/cache/values/set_value.hpp"
#include "runtime/cache/values/sorted_set_value.hpp"

namespace troupe::procedures {

template <class Value>
inline constexpr value_type type_for = value_type::string;
template <>
inline constexpr value_type type_for<hash_value> = value_type::hash;
template <>
inline constexpr value_type type_for<list_value> = value_type::list;
template <>
inline constexpr value_type type_for<set_value> = value_type::set;
template <>
inline constexpr value_type type_for<sorted_set_value> = value_type::sorted_set;

/// `good` false: it is of another type, and that is the reply. Null: there is no such key.
template <class Value>
struct value_lookup {
  bool good = true;
  Value* value = nullptr;

  [[nodiscard]] std::size_t size() const noexcept { return value == nullptr ? 0 : value->size(); }
};

template <class Value>
[[nodiscard]] value_lookup<Value> find_value(procedure_call& c, std::string_view key) {
  const auto found = c.keys.find(key);
  if (!found) return {};
  if (found->type != type_for<Value>) {
    c.reply.wrong_type();
    return {false, nullptr};
  }
  return {true, static_cast<Value*>(found->object)};
}

/// Whether a value is asked if it may take the words of the call; not where the caller knows what it takes.
enum class growth : bool { asked, known };

/// A value that is there, or a new one: changed, then committed.
template <class Value>
class opened_value {
 public:
  opened_value(procedure_call& c, std::string_view key, growth g = growth::asked)
      : c_(c), key_(key), found_(find_value<Value>(c, key)) {
    if (found_.value != nullptr && g == growth::asked) found_.good = may_grow(c, *found_.value);
    if (!found_.good || found_.value != nullptr) return;
    fresh_ = c.keys.make(type_for<Value>);
    found_.value = static_cast<Value*>(fresh_.get());
  }

  [[nodiscard]] bool good() const noexcept { return found_.good; }
  [[nodiscard]] bool fresh() const noexcept { return fresh_ != nullptr; }
  Value* operator->() const noexcept { return found_.value; }
  Value& operator*() const noexcept { return *found_.value; }

  /// It was changed by `edit` with these packed words. False: an error is the reply.
  [[nodiscard]] bool commit(value_edit edit, std::string_view words) {
    if (!fresh_) {
      c_.keys.edited(key_, edit, words);
      return true;
    }
    const auto code = c_.keys.put(key_, std::move(fresh_));
    if (code != errc::ok)
      c_.reply.error(code == errc::too_large ? "ERR the value would be larger than cache.value_max"
                                             : out_of_memory_words);
    return code == errc::ok;
  }

 private:
  procedure_call& c_;
  std::string_view key_;
  value_lookup<Value> found_;
  std::unique_ptr<value_object> fresh_;
};

/// Stores a whole object, or erases the key when it is empty. False: an error is the reply.
[[nodiscard]] bool put_object(procedure_call& c, std::string_view key, std::unique_ptr<value_object> object,
                              time_point expiry = keyspace::never);

/// The options of HSCAN, SSCAN and ZSCAN from word 1 on: cursor [MATCH pattern] [COUNT n].
struct scan_request {
  std::uint64_t cursor = 0;
  std::size_t count = 10;
  std::string_view pattern;  // empty: all
};
[[nodiscard]] bool read_scan(procedure_call& c, scan_request& r);

// Words of LMPOP and ZMPOP: numkeys key ... which [COUNT n], behind a timeout in their waiting forms. None: an error is
// the reply.
/// The place of `which`, behind the keys, which stand from `count_at` + 1 on.
[[nodiscard]] std::optional<std::size_t> read_pop_keys(procedure_call& c, std::size_t count_at = 0);
/// What follows it; 1 without the option.
[[nodiscard]] std::optional<std::size_t> read_pop_count(procedure_call& c, std::size_t which);

}  // namespace troupe::procedures
