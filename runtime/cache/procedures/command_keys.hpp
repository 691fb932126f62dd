// The keys that a command touches, for whoever keeps something of them elsewhere.
#pragma once

#include <string_view>

#include "runtime/base/function_ref.hpp"
#include "runtime/cache/command.hpp"
#include "runtime/cache/procedures/table.hpp"

namespace troupe {

/// Shows each; false, without showing any, when it may be any key of the cache.
inline bool keys_of_command(const cache_command& c, function_ref<void(std::string_view key)> show) {
  if (c.op != cache_op::run) {
    show(c.key);
    return true;
  }
  const auto* row = row_of(c.procedure);
  const bool all_keys = row == nullptr || row->group == procedure_group::shard ||
                        row->group == procedure_group::transaction || (row->flags & procedure_movable) != 0;
  word_list words;
  if (all_keys || !words.read(c.value)) return false;
  keys_of(*row, words, show);
  return true;
}

}  // namespace troupe
