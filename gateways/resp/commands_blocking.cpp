// Commands that wait for elements: the same procedures as within MULTI, which reply null when there is nothing; here
// the client waits then.
#include <memory>
#include <string>

#include "gateways/resp/blocked_command.hpp"
#include "gateways/resp/connection.hpp"
#include "gateways/resp/procedure_rows.hpp"
#include "runtime/cache/procedures/waiting_words.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe::resp {

namespace {

/// True when it was answered.
bool look_here(connection& c, const blocked_command::request& r, bool& looked) {
  bool answered = false;
  looked = c.try_now(blocked_command::pop_of(c, r, duration::zero()), [&](const cache_reply& found) {
    if (found.code == errc::ok && is_null_reply(found.value)) return;
    answered = true;
    c.reply([&](reply_writer& w) { found.code == errc::ok ? w.raw(found.value) : w.error(found.code, {}); });
  });
  return answered;
}

}  // namespace

void run_blocking(connection& c, const arguments& given, const procedure_row& row) {
  word_list words;
  std::string packed;
  for (std::size_t i = 1; i < given.size(); ++i) {
    words.add(given[i]);
    pack_word(packed, given[i]);
  }
  // A mistake among the words is answered at once, in the procedure's words.
  std::string_view wrong;
  const auto timeout = read_timeout(timeout_of(row, words), wrong);
  const wait_words waited{waits_for(row.number), waited_keys(row, words)};
  if (!timeout || waited.keys.empty()) return run_as_procedure(c, given, row);
  if (waited.keys.size() > waited_keys_max) return c.reply_error("ERR too many keys to wait for");
  bool one_slot = true;
  keys_of(row, words, [&](std::string_view key) { one_slot = one_slot && slot_of(key) == slot_of(waited.keys[0]); });
  if (!one_slot) return c.reply_error("CROSSSLOT Keys in request don't hash to the same slot");

  auto& e = c.shared();
  blocked_command::request r{row,
                             e.wait_ids.fetch_add(1, std::memory_order_relaxed),
                             std::string(waited.keys[0]),
                             std::move(packed),
                             pack(waited),
                             *timeout};
  bool looked = false;
  if (look_here(c, r, looked)) return;
  if (e.blocked.fetch_add(1, std::memory_order_relaxed) >= blocked_command::clients_max) {
    e.blocked.fetch_sub(1, std::memory_order_relaxed);
    return c.reply_error("ERR too many clients wait at this node");
  }
  c.hold();
  auto waits = std::make_unique<blocked_command>(c, std::move(r));
  auto& begun = *waits;
  const auto slot = c.open_slot(std::move(waits));
  begun.begin(c, slot, looked);
}

}  // namespace troupe::resp
