// Commands that a procedure of the shards does: nothing is parsed here but where the keys stand.
//
// Those whose keys may lie in several slots are split, a request for each key: they are not atomic then.
#include <charconv>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateways/resp/commands.hpp"
#include "gateways/resp/connection.hpp"
#include "gateways/resp/parts_in_turn.hpp"
#include "gateways/resp/procedure_rows.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe::resp {

namespace {

constexpr std::string_view crossslot = "CROSSSLOT Keys in request don't hash to the same slot";

void write_procedure(connection&, reply_writer& w, const cache_reply& r, std::string_view context) {
  if (r.code == errc::ok) return w.raw(r.value);
  w.error(r.code, context);
}

// What the replies to the parts of a split command make together.
enum class split_kind : std::uint8_t { none, sum, values, all_ok };

split_kind split_kind_of(procedure p) noexcept {
  switch (p) {
    case procedure::del:
    case procedure::unlink:
    case procedure::exists:
    case procedure::touch: return split_kind::sum;
    case procedure::mget: return split_kind::values;
    case procedure::mset: return split_kind::all_ok;
    default: return split_kind::none;
  }
}

// The parts' answers come in any order: they live on several nodes.
class split_reply final : public parts_in_turn {
 public:
  split_reply(const procedure_row& row, std::size_t parts)
      : row_(row), kind_(split_kind_of(row.number)), parts_(parts) {
    if (kind_ == split_kind::values) values_.resize(parts);
  }
  /// Those from part `next` on are asked by run(): their packed words.
  void wait_for(std::size_t next, std::string packed) {
    next_ = next;
    packed_ = std::move(packed);
    rest_ = packed_;
  }

  void add(std::size_t part, errc code, std::string_view reply, std::string_view context) {
    if (code != errc::ok && failed_ == errc::ok) {
      failed_ = code;
      context_ = context;
    }
    if (code != errc::ok || !refused_.empty()) return;
    if (reply.starts_with('-')) {
      refused_ = reply;
    } else if (kind_ == split_kind::sum && reply.size() > 3) {
      std::int64_t n = 0;
      std::from_chars(reply.data() + 1, reply.data() + reply.size(), n);
      sum_ += n;
    } else if (kind_ == split_kind::values) {
      constexpr std::string_view one = "*1\r\n";
      values_[part] = reply.substr(std::min(one.size(), reply.size()));
    }
  }
  void write(reply_writer& w) override {
    if (failed_ != errc::ok) return w.error(failed_, context_);
    if (!refused_.empty()) return w.raw(refused_);
    switch (kind_) {
      case split_kind::sum: return w.integer(sum_);
      case split_kind::values:
        w.array(parts_);
        for (const auto& value : values_) w.raw(value);
        return;
      case split_kind::all_ok:
      case split_kind::none: return w.ok();
    }
  }

 private:
  void ask(connection& c, std::uint64_t slot) override;
  void take(owned_reply answer) override {
    add(answer.version, answer.code, answer.value, answer.context);  // the version is the mark of the part
  }

  const procedure_row& row_;
  const split_kind kind_;
  const std::size_t parts_;
  std::size_t next_ = 0;  // part
  std::string packed_;    // words of the parts from there on when they began to wait
  std::string_view rest_;
  std::int64_t sum_ = 0;
  std::vector<std::string> values_;  // by part
  errc failed_ = errc::ok;
  std::string context_;
  std::string refused_;  // a reply that is an error
};

cache_command run_on(connection& c, const procedure_row& row, std::string_view key, std::string_view packed) {
  auto command = c.command_on(cache_op::run, key);
  command.procedure = row.number;
  command.protocol = static_cast<std::uint8_t>(c.protocol());
  command.value = packed;
  return command;
}

// The words of a part lie side by side; the first is its key.
void split_reply::ask(connection& c, std::uint64_t slot) {
  const auto before = rest_;
  const auto key = take_word(rest_).value_or(std::string_view());
  for (int i = 1; i < row_.key_step; ++i) (void)take_word(rest_);
  c.submit_marked(slot, run_on(c, row_, key, before.substr(0, before.size() - rest_.size())), next_++);
}

void run_split(connection& c, const word_list& words, const procedure_row& row) {
  const auto step = static_cast<std::size_t>(row.key_step);
  if (words.size() % step != 0)
    return c.reply_error("ERR wrong number of arguments for '" + std::string(row.name) + "' command");
  const auto parts = words.size() / step;
  auto gathered = std::make_unique<split_reply>(row, parts);
  std::string packed;
  std::size_t part = 0;
  for (; part < parts; ++part) {
    packed.clear();
    for (std::size_t i = 0; i < step; ++i) pack_word(packed, words[part * step + i]);
    const bool done = c.try_now(run_on(c, row, words[part * step], packed),
                                [&](const cache_reply& r) { gathered->add(part, r.code, r.value, {}); });
    if (!done) break;
  }
  if (part == parts) return c.reply([&](reply_writer& w) { gathered->write(w); });
  packed.clear();
  for (std::size_t i = part * step; i < words.size(); ++i) pack_word(packed, words[i]);
  gathered->wait_for(part, std::move(packed));
  parts_in_turn::run(c, std::move(gathered), parts - part);
}

}  // namespace

void run_as_procedure(connection& c, const arguments& given, const procedure_row& row) {
  word_list words;
  std::string packed;
  for (auto i = static_cast<std::size_t>(row.names()); i < given.size(); ++i) {
    words.add(given[i]);
    pack_word(packed, given[i]);
  }
  std::string_view first;
  std::size_t keys = 0;
  bool one_slot = true;
  keys_of(row, words, [&](std::string_view key) {
    if (keys++ == 0)
      first = key;
    else
      one_slot = one_slot && slot_of(key) == slot_of(first);
  });
  if (!one_slot)
    return split_kind_of(row.number) == split_kind::none ? c.reply_error(crossslot) : run_split(c, words, row);
  c.request(run_on(c, row, first, packed), write_procedure);
}

}  // namespace troupe::resp
