#include "gateways/resp/client_line.hpp"

#include <algorithm>
#include <chrono>

#include "gateways/resp/command_table.hpp"

namespace troupe::resp {

namespace {

class line_writer {
 public:
  line_writer& operator()(std::string_view key, std::string_view value) {
    if (!text_.empty()) text_ += ' ';
    text_.append(key).append("=").append(value);
    return *this;
  }
  line_writer& operator()(std::string_view key, std::uint64_t value) { return (*this)(key, std::to_string(value)); }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::uint64_t seconds(duration d) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(d).count());
}

std::string flags_of(const connection& c) {
  std::string flags;
  const auto* more = c.more_if_any();
  if (c.is(connection::listening)) flags += 'P';
  if (c.blocked()) flags += 'b';
  if (c.is(connection::queueing)) flags += 'x';
  if (c.closing()) flags += 'c';
  if (more != nullptr && more->no_evict) flags += 'e';
  if (more != nullptr && more->no_touch) flags += 'T';
  return flags.empty() ? "N" : flags;
}

}  // namespace

std::string client_line(connection& c) {
  const auto s = c.gate().socket();
  const client_state none;
  const auto& more = c.more_if_any() != nullptr ? *c.more_if_any() : none;
  const auto memory = sizeof(connection) + s.received + s.receive_room + s.to_send;
  line_writer out;
  out("id", c.id())("addr", s.peer)("laddr", s.local)("fd", std::to_string(s.descriptor))("name", c.name());
  out("age", seconds(s.age))("idle", seconds(s.idle))("flags", flags_of(c))("db", 0);
  out("sub", more.channels.size())("psub", more.patterns.size())("ssub", more.shard_channels.size());
  out("multi", c.is(connection::queueing) ? std::to_string(more.transaction.queue.size()) : "-1");
  out("qbuf", s.received)("qbuf-free", s.receive_room);
  out("argv-mem", 0)("multi-mem", more.transaction.bytes)("rbs", 0)("rbp", 0)("obl", s.to_send)("oll", 0)("omem",
                                                                                                          s.to_send);
  out("tot-mem", memory)("events", s.to_send != 0 ? "rw" : "r");
  out("cmd", c.last_command() != nullptr ? c.last_command()->name : std::string_view("NULL"));
  out("user", "default")("redir", "-1")("resp", static_cast<std::uint64_t>(c.protocol()));
  if (!more.library.empty() || !more.library_version.empty())
    out("lib-name", more.library)("lib-ver", more.library_version);
  return out.take();
}

std::optional<client_type> parse_client_type(std::string_view word) noexcept {
  if (same_word(word, "normal")) return client_type::normal;
  if (same_word(word, "master")) return client_type::master;
  if (same_word(word, "slave") || same_word(word, "replica")) return client_type::replica;
  if (same_word(word, "pubsub")) return client_type::pubsub;
  return std::nullopt;
}

client_type type_of(const connection& c) noexcept {
  return c.is(connection::listening) ? client_type::pubsub : client_type::normal;
}

bool client_filter::matches(connection& c) const {
  if (skip_me && c.id() == me) return false;
  if (id && c.id() != *id) return false;
  if (type && type_of(c) != *type) return false;
  if (!peer && !local) return true;
  const auto s = c.gate().socket();
  return (!peer || s.peer == *peer) && (!local || s.local == *local);
}

}  // namespace troupe::resp
