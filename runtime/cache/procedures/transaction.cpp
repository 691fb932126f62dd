#include "runtime/cache/procedures/transaction.hpp"

#include <vector>

#include "runtime/cache/procedures/functions.hpp"

namespace troupe::procedures {

namespace {

constexpr std::string_view malformed = "EXECABORT Transaction discarded because of previous errors.";

struct transaction_step {
  const procedure_row* row = nullptr;
  std::string_view words;
};

// The steps from word `i` on; false when something in them makes no sense.
bool read_steps(const procedure_call& c, std::size_t i, std::vector<transaction_step>& steps) {
  if ((c.size() - i) % 2 != 0 || (c.size() - i) / 2 > transaction_steps_max) return false;
  std::size_t written = 0;
  for (; i < c.size(); i += 2) {
    const auto number = number_of(c[i]);
    if (!number || *number >= procedures_end) return false;
    const auto* row = row_of(static_cast<procedure>(*number));
    if (row == nullptr || (row->flags & procedure_at_once) != 0) return false;
    word_list words;
    if (!words.read(c[i + 1])) return false;
    if ((row->flags & procedure_write) != 0) keys_of(*row, words, [&](std::string_view) { ++written; });
    if (written > written_keys_max) return false;
    steps.push_back({row, c[i + 1]});
  }
  return true;
}

void transaction(procedure_call& c) {
  const auto watches = number_of(c[0]);
  std::vector<transaction_step> steps;
  if (!watches || *watches > (c.size() - 1) / 2 || !read_steps(c, 1 + 2 * static_cast<std::size_t>(*watches), steps))
    return c.reply.error(malformed);
  for (std::size_t i = 1; i < 1 + 2 * *watches; i += 2) {
    const auto version = number_of(c[i + 1]);
    if (!version) return c.reply.error(malformed);
    const auto found = c.keys.look(c[i]);
    if ((found ? found->version : 0) != *version) return c.reply.null_array();
  }
  c.reply.array(steps.size());
  for (const auto& step : steps) {
    word_list words;
    (void)words.read(step.words);
    run_procedure(*step.row, words, c.keys, c.reply);
  }
}

}  // namespace

function transaction_function(procedure p) noexcept { return p == procedure::transaction ? transaction : nullptr; }

}  // namespace troupe::procedures
