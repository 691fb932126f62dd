#include "gateways/resp/connection.hpp"

#include <algorithm>
#include <utility>

#include "gateways/resp/blocked_command.hpp"
#include "gateways/resp/command_table.hpp"
#include "gateways/resp/lane_subscribers.hpp"
#include "runtime/base/check.hpp"

namespace troupe::resp {

namespace {

// How much of a strange command its error repeats (as Redis).
constexpr std::size_t echoed_name_max = 128;
constexpr std::size_t echoed_words_max = 128;

std::string_view up_to_nul(std::string_view text, std::size_t length_max) {
  return text.substr(0, std::min(text.find('\0'), length_max));
}

parser_limits limits_of(const config& c) {
  parser_limits limits;
  limits.bulk_max = c.resp.bulk_max;
  return limits;
}

}  // namespace

connection::connection(environment& shared, lane_numbers& numbers, completion_gate& gate)
    : shared_(shared),
      numbers_(numbers),
      gate_(gate),
      parser_(limits_of(shared.settings)),
      id_(shared.connection_ids.fetch_add(1, std::memory_order_relaxed) + 1) {}

run_result connection::run(byte_buffer& in, time_point now) {
  now_ = now;
  last_tick_ = std::chrono::steady_clock::now();
  parser_.set_bulk_max(shared_.live.bulk_max.load(std::memory_order_relaxed));
  if (blocked()) more_->waits->on_turn(*this);
  std::uint64_t done = 0;
  const std::size_t output_stop = output_.size() + held_back_ + output_batch_max;
  auto result = run_result::need_input;
  while (true) {
    if (closing_) {
      result = run_result::closing;
      break;
    }
    if (!slots_.empty() && must_wait()) {
      result = run_result::waiting;
      break;
    }
    if (output_.size() + held_back_ >= output_stop) {
      result = run_result::output_full;
      break;
    }
    if (in.empty()) break;
    if (!std::exchange(postponed_, false)) {
      const auto parsed = parser_.parse(in.data(), in.size());
      if (parsed == parse_result::incomplete) break;
      if (parsed == parse_result::error) {
        refuse_protocol(parser_.message());
        continue;
      }
    }
    const auto words = parser_.words();
    if (words.size() != 0) {
      if (shared_.pause.until.load(std::memory_order_relaxed) != 0 && held_by_pause(words)) {
        postponed_ = true;
        result = run_result::paused;
        break;
      }
      if (!execute(words)) {
        postponed_ = true;
        result = run_result::waiting;
        break;
      }
      ++done;
    }
    in.consume(parser_.size());
  }
  numbers_.commands.add(done);
  return result;
}

bool connection::must_wait() {
  return held_ || slots_.size() >= in_flight_max || topology_ != shared_.caches.topology_version();
}

bool connection::held_by_pause(const arguments& words) {
  const time_point until{duration(shared_.pause.until.load(std::memory_order_relaxed))};
  if (now_ >= until) return false;
  if (shared_.pause.writes_only.load(std::memory_order_relaxed)) {
    const auto* row = find_command(words[0]);
    if (row == nullptr || (row->flags & (flag_write | flag_may_replicate)) == 0) return false;
  }
  gate_.run_again_at(until);
  return true;
}

// False: not yet, earlier replies have to be given first.
bool connection::execute(const arguments& words) {
  const auto* row = find_row(words);
  if (row == nullptr) return true;
  if ((row->flags & flag_alone) != 0 && !slots_.empty()) return false;
  if (modes_ != 0)
    execute_in_mode(*row, words);
  else
    run_row(*row, words);
  return true;
}

// Null: the command was refused.
const command_row* connection::find_row(const arguments& words) {
  const auto* row = find_command(words[0]);
  if (row == nullptr) {
    refuse_unknown(words);
    return nullptr;
  }
  if (row->container && words.size() > 1) {
    const auto* sub = find_subcommand(*row, words[1]);
    if (sub == nullptr) {
      std::string text = "ERR unknown subcommand '";
      text.append(up_to_nul(words[1], echoed_name_max)).append("'. Try ");
      for (const char c : row->name) text += static_cast<char>(c - ('a' - 'A'));
      reject(nullptr, text + " HELP.");
      return nullptr;
    }
    row = sub;
  }
  if (!row->takes(words.size())) {
    reject(row, "ERR wrong number of arguments for '" + std::string(row->name) + "' command");
    return nullptr;
  }
  return row;
}

void connection::run_row(const command_row& row, const arguments& words) {
  last_ = &row;
  const std::size_t before = output_.size();
  row.run(*this, words);
  account(row, words, before);
}

// The end of one command is the start of the next: one look at the clock each.
void connection::account(const command_row& row, const arguments& words, std::size_t output_before) {
  const auto end = std::chrono::steady_clock::now();
  const auto taken = std::exchange(last_tick_, end);
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(end - taken).count();
  auto& tally = numbers_.by_command[index_of(row)];
  tally.calls.add(1);
  tally.nanoseconds.add(static_cast<std::uint64_t>(nanoseconds));
  if (output_.size() > output_before && output_.data()[output_before] == '-') {
    tally.failed.add(1);
    numbers_.count_error(output_.view().substr(output_before));
  }
  const auto slow = shared_.live.slow_microseconds.load(std::memory_order_relaxed);
  if (slow >= 0 && nanoseconds / 1000 >= slow && (row.flags & flag_skip_slowlog) == 0)
    note_slow(words, nanoseconds / 1000);
}

void connection::note_slow(const arguments& words, std::int64_t microseconds) {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  slow_command entry;
  entry.at = std::chrono::duration_cast<std::chrono::seconds>(wall).count();
  entry.microseconds = microseconds;
  entry.words = slow_log::shorten(words);
  entry.address = gate_.socket().peer;
  entry.client = name_;
  shared_.slow.add(std::move(entry), shared_.live.slow_entries_max.load(std::memory_order_relaxed));
}

// What stands in the way of a plain reply: CLIENT REPLY, subscriptions, MULTI.
void connection::execute_in_mode(const command_row& row, const arguments& words) {
  set(mute_this, is(mute_next));
  set(mute_next, false);
  if (admit(row, words)) {
    if (is(queueing) && (row.flags & flag_transaction) == 0)
      queue(row, words);
    else
      run_row(row, words);
  }
  set(mute_this, false);
}

void connection::leave_topic(pubsub::topic_kind kind, std::string_view name) {
  if (more_ == nullptr) return;
  auto& mine = kind == pubsub::topic_kind::channel   ? more_->channels
               : kind == pubsub::topic_kind::pattern ? more_->patterns
                                                     : more_->shard_channels;
  const auto at = mine.find(name);
  if (at == mine.end()) return;
  gate_.subscribers()->remove({kind, name}, *this);
  shared_.channels->change({kind, name}, -1);
  mine.erase(at);
  set(listening, more_->listens());
}

void connection::leave_all_topics() {
  if (more_ == nullptr) return;
  while (!more_->channels.empty()) leave_topic(pubsub::topic_kind::channel, std::string(*more_->channels.begin()));
  while (!more_->patterns.empty()) leave_topic(pubsub::topic_kind::pattern, std::string(*more_->patterns.begin()));
  while (!more_->shard_channels.empty())
    leave_topic(pubsub::topic_kind::shard_channel, std::string(*more_->shard_channels.begin()));
}

void connection::end_conversation() {
  if (blocked()) more_->waits->leave(*this);
  leave_all_topics();
}

void connection::end_transaction() {
  set(queueing, false);
  if (more_ != nullptr) more_->transaction = {};
}

void connection::forget_all() {
  leave_all_topics();
  in_exec_ = false;
  modes_ = 0;
  protocol_ = 2;
  name_.clear();
  more_.reset();
}

byte_buffer& connection::nowhere() noexcept {
  auto& unsaid = more().unsaid;
  unsaid.clear();
  unsaid.trim();
  return unsaid;
}

// A RESP2 client with subscriptions cannot tell replies from messages, so it may say little.
bool connection::admit(const command_row& row, const arguments&) {
  if (!is(listening) || protocol_ >= 3 || (row.flags & flag_subscriber) != 0) return true;
  reject(&row, "ERR Can't execute '" + std::string(row.name) +
                   "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context");
  return false;
}

void connection::reject(const command_row* row, std::string_view text) {
  if (row != nullptr) numbers_.by_command[index_of(*row)].rejected.add(1);
  numbers_.count_error(text);
  if (is(queueing)) more().transaction.spoiled = true;
  set(mute_this, is(mute_this) || is(mute_next));
  set(mute_next, false);
  reply_error(text);
  set(mute_this, false);
}

void connection::refuse_unknown(const arguments& words) {
  // A browser made to send its request here: the door closes before a body can smuggle commands in.
  if (same_word(words[0], "post") || same_word(words[0], "host:")) {
    numbers_.protocol_errors.add(1);
    closing_ = true;
    return;
  }
  std::string rest;
  for (std::size_t i = 1; i < words.size() && rest.size() < echoed_words_max; ++i) {
    const auto word = up_to_nul(words[i], echoed_words_max - rest.size());
    rest.append("'").append(word).append("' ");
  }
  std::string text = "ERR unknown command '";
  text.append(up_to_nul(words[0], echoed_name_max)).append("', with args beginning with: ").append(rest);
  reject(nullptr, text);
}

void connection::refuse_protocol(std::string_view message) {
  numbers_.protocol_errors.add(1);
  reply_error("ERR " + std::string(message));
  closing_ = true;
}

void connection::request(const cache_command& command, single_reply write) {
  const bool done = try_now(command, [&](const cache_reply& r) {
    reply_writer w(place(), protocol_);
    write(*this, w, r, {});
  });
  if (done) return;
  const auto number = open_slot(nullptr);
  slots_.back().write = write;
  submit(number, command);
}

std::uint64_t connection::open_slot(std::unique_ptr<compound_reply> reply) {
  if (slots_.empty()) topology_ = shared_.caches.topology_version();
  auto& s = slots_.emplace_back();
  s.row = last_;
  s.muted = silent();
  s.protocol = protocol_;
  s.compound = std::move(reply);
  return first_slot_ + slots_.size() - 1;
}

void connection::submit(std::uint64_t number, const cache_command& command) {
  shared_.caches.submit(command, now_ + shared_.settings.cache.deadline, gate_.callback_for(number));
}

void connection::submit_marked(std::uint64_t number, const cache_command& command, std::uint64_t mark) {
  shared_.caches.submit(command, now_ + shared_.settings.cache.deadline,
                        [mark, done = gate_.callback_for(number)](owned_reply answer) {
                          answer.version = mark;
                          done(std::move(answer));
                        });
}

void connection::submit_placed(std::uint64_t number, const cache_command& command, std::size_t place) {
  shared_.caches.submit(command, now_ + shared_.settings.cache.deadline,
                        [place, done = gate_.callback_for(number)](owned_reply answer) {
                          answer.value = std::to_string(place);
                          done(std::move(answer));
                        });
}

bool connection::complete(std::uint64_t number, owned_reply answer) {
  if (number < first_slot_) return false;  // a wait that ended before its answer
  TROUPE_CHECK(number - first_slot_ < slots_.size());
  const auto& s = slots_[number - first_slot_];
  if (s.compound != nullptr) now_ = std::max(now_, gate_.read_clock());  // it may ask for more
  if (s.compound != nullptr && !s.compound->on_answer(*this, number, std::move(answer))) return false;
  return give(number, answer);
}

bool connection::give(std::uint64_t number, const owned_reply& answer) {
  const bool first = number == first_slot_;
  auto& s = slots_[number - first_slot_];
  s.ready = true;
  auto& into = first ? output_ : s.text;
  const std::size_t before = into.size();
  write_reply(s, reply_writer(into, s.protocol), answer);
  if (into.size() > before && into.data()[before] == '-') {
    if (s.row != nullptr) numbers_.by_command[index_of(*s.row)].failed.add(1);
    numbers_.count_error(into.view().substr(before));
  }
  if (s.muted) into.cut(before);
  if (!first) {
    held_back_ += s.text.size();
    return false;
  }
  release_ready();
  return true;
}

void connection::write_reply(slot& s, reply_writer w, const owned_reply& answer) {
  if (s.compound != nullptr) return s.compound->write(w);
  cache_reply r;
  r.code = answer.code;
  r.version = answer.version;
  r.ttl = answer.ttl;
  r.value = answer.value;
  s.write(*this, w, r, answer.context);
}

void connection::release_ready() {
  while (!slots_.empty() && slots_.front().ready) {
    output_.append(slots_.front().text.view());
    held_back_ -= slots_.front().text.size();
    slots_.pop_front();
    ++first_slot_;
  }
  if (!slots_.empty()) return;
  held_ = false;
  end_exec();
}

void connection::end_exec() {
  if (!in_exec_ || !slots_.empty()) return;
  in_exec_ = false;
  if (more_ == nullptr || more_->pushes.empty()) return;
  output_.append(more_->pushes.view());
  more_->pushes.clear();
  more_->pushes.trim();
}

}  // namespace troupe::resp
