#include "runtime/cache/procedures/procedures.hpp"

#include <array>

#include "runtime/cache/procedures/functions.hpp"

namespace troupe {

namespace {

constexpr std::uint16_t nothing = 0xffff;

constexpr auto rows_by_number = [] {
  std::array<std::uint16_t, procedures_end> rows{};
  rows.fill(nothing);
  for (std::size_t i = 0; i < procedure_table.size(); ++i)
    rows[static_cast<std::size_t>(procedure_table[i].number)] = static_cast<std::uint16_t>(i);
  return rows;
}();

// Where SORT stores: behind the last STORE among its options. 0: nowhere.
std::size_t store_of_sort(const word_list& words) noexcept {
  std::size_t store = 0;
  for (std::size_t i = 1; i + 1 < words.size(); ++i) {
    if (procedures::is_word(words[i], "limit"))
      i += 2;
    else if (procedures::is_word(words[i], "get") || procedures::is_word(words[i], "by"))
      ++i;
    else if (procedures::is_word(words[i], "store"))
      store = ++i;
  }
  return store;
}

// What can be said before anything is done: a key that cannot be refuses all of it.
bool refuses_keys(const procedure_row& row, const word_list& words, reply_text& reply) {
  std::size_t keys = 0;
  bool too_long = false;
  keys_of(row, words, [&](std::string_view key) {
    ++keys;
    too_long = too_long || key.size() > key_bytes_max;
  });
  if (too_long) return reply.error("ERR a key is longer than 65536 bytes"), true;
  const bool too_many = (row.flags & procedure_write) != 0 && keys > procedures::written_keys_max;
  if (too_many) reply.error("ERR too many keys in one command");
  return too_many;
}

using lookup = procedures::function (*)(procedure) noexcept;
constexpr lookup lookups[] = {
    procedures::bit_function,          procedures::bitfield_function,   procedures::counter_function,
    procedures::hash_function,         procedures::key_function,        procedures::list_function,
    procedures::list_search_function,  procedures::set_function,        procedures::set_algebra_function,
    procedures::shard_function,        procedures::sort_function,       procedures::sorted_algebra_function,
    procedures::sorted_range_function, procedures::sorted_set_function, procedures::string_function,
    procedures::transaction_function};

using function_array = std::array<procedures::function, procedures_end>;

function_array all_functions() noexcept {
  function_array all{};
  for (const auto& row : procedure_table) {
    for (const auto look_up : lookups) {
      if (const auto f = look_up(row.number)) all[static_cast<std::size_t>(row.number)] = f;
    }
  }
  return all;
}

}  // namespace

procedures::function procedures::function_of(procedure p) noexcept {
  static const auto all = all_functions();
  return all[static_cast<std::size_t>(p)];
}

const procedure_row* row_of(procedure p) noexcept {
  const auto number = static_cast<std::size_t>(p);
  if (number >= rows_by_number.size() || rows_by_number[number] == nothing) return nullptr;
  return &procedure_table[rows_by_number[number]];
}

void keys_of(const procedure_row& row, const word_list& words, function_ref<void(std::string_view key)> show) {
  const int names = row.names();
  const int total = static_cast<int>(words.size()) + names;
  const auto show_at = [&](int i) {
    if (i >= names && i < total) show(words[static_cast<std::size_t>(i - names)]);
  };
  if (row.first_key > 0) {
    const int last = row.last_key < 0 ? total + row.last_key : row.last_key;
    for (int i = row.first_key; i <= last && i < total; i += row.key_step) show_at(i);
  }
  if (row.number == procedure::sort) {
    if (const auto store = store_of_sort(words); store != 0) show(words[store]);
  }
  if (row.count_word == 0 || row.count_word >= total) return;
  const auto count = procedures::read_integer(words[static_cast<std::size_t>(row.count_word - names)]);
  for (int i = 0; count && i < *count && row.count_word + 1 + i < total; ++i) show_at(row.count_word + 1 + i);
}

void run_procedure(const procedure_row& row, const word_list& words, keyspace& keys, reply_text& reply) {
  if (!row.takes(words.size() + static_cast<std::size_t>(row.names())))
    return reply.error("ERR wrong number of arguments for '" + std::string(row.name) + "' command");
  if (refuses_keys(row, words, reply)) return;
  const bool looks_in = row.number == procedure::object_encoding || row.number == procedure::object_freq ||
                        row.number == procedure::object_idletime || row.number == procedure::object_refcount ||
                        row.number == procedure::memory_usage;
  keys.tell_missed((row.flags & procedure_readonly) != 0 && !looks_in);
  procedure_call call{keys, words, reply, row.name};
  const auto begin = reply.size();
  procedures::function_of(row.number)(call);
  if (!reply.full()) return;
  reply.rewind(begin);
  reply.error("ERR the reply is too large");
}

errc run_procedure(const cache_command& command, keyspace& keys, std::string& reply) {
  const auto* row = row_of(command.procedure);
  word_list words;
  if (row == nullptr || !words.read(command.value)) return errc::invalid_argument;
  reply_text text(reply, command.protocol);
  run_procedure(*row, words, keys, text);
  return errc::ok;
}

bool needs_room(const cache_command& command) noexcept {
  const auto* row = row_of(command.procedure);
  return row != nullptr && (row->flags & procedure_denyoom) != 0;
}

}  // namespace troupe
