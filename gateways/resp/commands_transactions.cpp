// MULTI, EXEC, WATCH: commands on keys of one slot at one moment. Those on data are done together at the primary of
// their keys; those without keys are run by this node, after them, and every reply stands where its command stood.
#include <algorithm>
#include <charconv>
#include <memory>
#include <string>
#include <utility>

#include "gateways/resp/command_table.hpp"
#include "gateways/resp/commands.hpp"
#include "gateways/resp/connection.hpp"
#include "gateways/resp/key_positions.hpp"
#include "gateways/resp/reply_items.hpp"
#include "runtime/cache/procedures/table.hpp"
#include "runtime/cache/procedures/transaction.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe::resp {

namespace {

constexpr std::string_view aborted = "EXECABORT Transaction discarded because of previous errors.";

const procedure_row* procedure_named(std::string_view name) {
  const auto at = std::find_if(procedure_table.begin(), procedure_table.end(), [&](const procedure_row& p) {
    return p.name == name && (p.flags & procedure_at_once) == 0;
  });
  return at == procedure_table.end() ? nullptr : &*at;
}

// What the owner of the keys answered, and the queue it belongs to.
class executed final : public compound_reply {
 public:
  executed(connection& c, std::vector<queued_command> queue) : c_(c), queue_(std::move(queue)) {}

  void take(errc code, std::string_view reply) {
    answer_.code = code;
    answer_.value = reply;
  }
  bool on_answer(connection&, std::uint64_t, owned_reply answer) override {
    answer_ = std::move(answer);
    return true;
  }

  void write(reply_writer& w) override {
    if (answer_.code != errc::ok) return w.error(answer_.code, answer_.context);
    const bool all_data = std::all_of(queue_.begin(), queue_.end(), [](const auto& q) { return q.does.has_value(); });
    const auto items = items_of(answer_.value);
    // The null array of a watched key that changed, or an error.
    if (all_data || !items) return w.raw(answer_.value);
    c_.begin_exec();
    w.array(queue_.size());
    std::size_t next = 0;
    bool first = true;
    for (const auto& q : queue_) {
      if (q.does) {
        const auto item = next < items->size() ? (*items)[next++] : std::string_view("-ERR a reply is missing\r\n");
        // After a command of this node's, which has taken a place behind this one.
        first ? w.raw(item) : c_.reply([&](reply_writer& later) { later.raw(item); });
        continue;
      }
      first = false;
      c_.run_queued(q);
    }
  }

 private:
  connection& c_;
  const std::vector<queued_command> queue_;
  owned_reply answer_;
};

class watching final : public compound_reply {
 public:
  watching(connection& c, const arguments& words) : c_(c) {
    for (std::size_t i = 1; i < words.size(); ++i) keys_.emplace_back(words[i]);
    versions_.resize(keys_.size());
  }
  [[nodiscard]] const std::vector<std::string>& keys() const noexcept { return keys_; }

  void settle(std::size_t key, errc code, std::uint64_t version, std::string_view context) {
    ++settled_;
    if (code == errc::not_found) version = 0;
    if (code != errc::ok && code != errc::not_found) {
      failed_ = failed_ == errc::ok ? code : failed_;
      context_ = context;
      return;
    }
    versions_[key] = version;
  }
  bool on_answer(connection&, std::uint64_t, owned_reply answer) override {
    std::size_t key = 0;
    (void)std::from_chars(answer.value.data(), answer.value.data() + answer.value.size(), key);
    settle(std::min(key, keys_.size() - 1), answer.code, answer.version, answer.context);
    return settled_ == keys_.size();
  }
  // All of them are watched, or none.
  void write(reply_writer& w) override {
    auto& t = c_.more().transaction;
    if (failed_ != errc::ok) {
      if (t.watched.empty()) t.watched_slot.reset();
      return w.error(failed_, context_);
    }
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      const auto same = [&](const auto& watch) { return watch.key == keys_[i]; };
      if (std::none_of(t.watched.begin(), t.watched.end(), same)) t.watched.push_back({keys_[i], versions_[i]});
    }
    w.ok();
  }

 private:
  connection& c_;
  std::vector<std::string> keys_;
  std::vector<std::uint64_t> versions_;  // by key; 0: it is not there
  std::size_t settled_ = 0;
  errc failed_ = errc::ok;
  std::string context_;
};

}  // namespace

// Refused commands spoil the transaction, as in Redis.
void connection::queue(const command_row& row, const arguments& words) {
  auto& t = more().transaction;
  if ((row.flags & flag_no_multi) != 0) return reject(&row, "ERR Command not allowed inside a transaction");
  if (t.queue.size() >= transaction_steps_max) return reject(&row, "ERR too many commands in a transaction");
  queued_command q;
  q.row = &row;
  const auto spoil = [&](std::string_view why) {
    t.queue = {};
    reject(&row, why);
  };
  if (const auto* p = procedure_named(row.name)) {
    q.does = p->number;
    const auto at = common_slot(row, words);
    if (at.crosses || (at.slot && t.queued_slot && *t.queued_slot != *at.slot) ||
        (at.slot && t.watched_slot && *t.watched_slot != *at.slot))
      return reject(&row, cross_slot);
    if (at.slot) {
      t.queued_slot = at.slot;
      const auto places = keys_of(row, words);
      t.key = words[places->front()];
    }
  }
  // They travel to the owner of their keys in one message, as a value does.
  for (std::size_t i = 0; i < words.size() && !t.spoiled; ++i) t.bytes += sizeof(std::string) + words[i].size();
  if (t.bytes > shared_.settings.cache.value_max) return spoil("ERR the commands of the transaction are too large");
  for (std::size_t i = 0; i < words.size() && !t.spoiled; ++i) q.words.emplace_back(words[i]);
  if (!t.spoiled) t.queue.push_back(std::move(q));
  reply([](reply_writer& w) { w.simple("QUEUED"); });
}

void connection::run_queued(const queued_command& q) {
  std::string bytes;
  std::vector<slice> slices;
  for (const auto& word : q.words) {
    slices.push_back({bytes.size(), word.size()});
    bytes += word;
  }
  runs_queued_ = true;
  run_row(*q.row, arguments(bytes.data(), slices));
  runs_queued_ = false;
}

void run_discard(connection& c, const arguments&) {
  if (!c.is(connection::queueing)) return c.reply_error("ERR DISCARD without MULTI");
  c.end_transaction();
  c.reply([](reply_writer& w) { w.ok(); });
}

void run_exec(connection& c, const arguments&) {
  if (!c.is(connection::queueing)) return c.reply_error("ERR EXEC without MULTI");
  auto t = std::move(c.more().transaction);
  c.end_transaction();
  if (t.spoiled) return c.reply_error(aborted);

  transaction_words words;
  bool data = false;
  for (const auto& w : t.watched) words.watch(w.key, w.version);
  for (const auto& q : t.queue) {
    if (!q.does) continue;
    data = true;
    std::string packed;
    const std::size_t names = q.row->name.find('|') == std::string_view::npos ? 1 : 2;
    for (std::size_t i = names; i < q.words.size(); ++i) pack_word(packed, q.words[i]);
    words.add(*q.does, packed);
  }
  if (!data && t.watched.empty()) {
    c.begin_exec();
    c.reply([&](reply_writer& w) { w.array(t.queue.size()); });
    for (const auto& q : t.queue) c.run_queued(q);
    return c.end_exec();
  }
  const auto packed = words.packed();
  const std::string key = !t.key.empty() || t.watched.empty() ? t.key : t.watched.front().key;
  auto command = c.command_on(cache_op::run, key);
  command.procedure = procedure::transaction;
  command.protocol = static_cast<std::uint8_t>(c.protocol());
  command.value = packed;
  auto done = std::make_unique<executed>(c, std::move(t.queue));
  const bool here = c.try_now(command, [&](const cache_reply& r) { done->take(r.code, r.value); });
  if (here) {
    c.reply([&](reply_writer& w) { done->write(w); });
    return c.end_exec();
  }
  c.hold();
  c.submit(c.open_slot(std::move(done)), command);
}

void run_multi(connection& c, const arguments&) {
  if (c.is(connection::queueing)) return c.reply_error("ERR MULTI calls can not be nested");
  c.set(connection::queueing, true);
  (void)c.more();
  c.reply([](reply_writer& w) { w.ok(); });
}

void run_unwatch(connection& c, const arguments&) {
  c.more().transaction.forget_watches();
  c.reply([](reply_writer& w) { w.ok(); });
}

void run_watch(connection& c, const arguments& words) {
  if (c.is(connection::queueing)) return c.reply_error("ERR WATCH inside MULTI is not allowed");
  auto& t = c.more().transaction;
  const auto first = slot_of(words[1]);
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (slot_of(words[i]) != t.watched_slot.value_or(first)) return c.reply_error(cross_slot);
  }
  t.watched_slot = first;
  auto watch = std::make_unique<watching>(c, words);
  std::size_t i = 0;
  for (; i < watch->keys().size(); ++i) {
    const bool here = c.try_now(c.command_on(cache_op::head, watch->keys()[i]),
                                [&](const cache_reply& r) { watch->settle(i, r.code, r.version, {}); });
    if (!here) break;
  }
  if (i == watch->keys().size()) return c.reply([&](reply_writer& w) { watch->write(w); });
  const auto keys = watch->keys();
  const auto slot = c.open_slot(std::move(watch));
  for (; i < keys.size(); ++i) c.submit_placed(slot, c.command_on(cache_op::head, keys[i]), i);
}

}  // namespace troupe::resp
