#include "gateways/resp/connection.hpp"

#include <algorithm>
#include <utility>

#include "gateways/resp/command_table.hpp"
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
    const auto parsed = parser_.parse(in.data(), in.size());
    if (parsed == parse_result::incomplete) break;
    if (parsed == parse_result::error) {
      refuse_protocol(parser_.message());
      continue;
    }
    const auto words = parser_.words();
    if (words.size() != 0) {
      ++done;
      execute(words);
    }
    in.consume(parser_.size());
  }
  numbers_.commands.add(done);
  return result;
}

bool connection::must_wait() {
  return held_ || slots_.size() >= in_flight_max || topology_ != shared_.caches.topology_version();
}

void connection::execute(const arguments& words) {
  const auto* row = find_command(words[0]);
  if (row == nullptr) return refuse_unknown(words);
  if (row->container && words.size() > 1) {
    const auto* sub = find_subcommand(*row, words[1]);
    if (sub == nullptr) {
      std::string text = "ERR unknown subcommand '";
      text.append(up_to_nul(words[1], echoed_name_max)).append("'. Try ");
      for (const char c : row->name) text += static_cast<char>(c - ('a' - 'A'));
      return reply_error(text + " HELP.");
    }
    row = sub;
  }
  if (!row->takes(words.size())) {
    return reply_error("ERR wrong number of arguments for '" + std::string(row->name) + "' command");
  }
  row->run(*this, words);
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
  reply_error(text);
}

void connection::refuse_protocol(std::string_view message) {
  numbers_.protocol_errors.add(1);
  reply_error("ERR " + std::string(message));
  closing_ = true;
}

void connection::request(const cache_command& command, single_reply write) {
  const bool done = try_now(command, [&](const cache_reply& r) {
    reply_writer w(output_, protocol_);
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
  s.protocol = protocol_;
  s.compound = std::move(reply);
  return first_slot_ + slots_.size() - 1;
}

void connection::submit(std::uint64_t number, const cache_command& command) {
  shared_.caches.submit(command, now_ + shared_.settings.cache.deadline, gate_.callback_for(number));
}

bool connection::complete(std::uint64_t number, owned_reply answer) {
  TROUPE_CHECK(number >= first_slot_ && number - first_slot_ < slots_.size());
  const bool first = number == first_slot_;
  auto& s = slots_[number - first_slot_];
  if (s.compound != nullptr) {
    if (!s.compound->on_answer(*this, number, std::move(answer))) return false;
  }
  s.ready = true;
  write_reply(s, reply_writer(first ? output_ : s.text, s.protocol), answer);
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
  if (slots_.empty()) held_ = false;
}

}  // namespace troupe::resp
