#include "runtime/topics/topic_message.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/wire_fields.hpp"
#include "runtime/pubsub/pubsub_message.hpp"
#include "troupe/wire/topics.pb.h"

namespace troupe {

namespace {

constexpr std::size_t other_fields_max = 32;

tl::unexpected<error> corrupt(const char* why) { return fail(errc::corrupt, std::string("topics: ") + why); }

bool sound(std::uint64_t count) noexcept { return count != 0 && count < topic_count_max; }

template <class Wire>
void set_stamp(Wire& w, const topic_stamp& s) {
  w.set_count(s.count);
  w.mutable_publisher()->set_high(s.publisher.high);
  w.mutable_publisher()->set_low(s.publisher.low);
}

template <class Wire>
topic_stamp stamp_of(const Wire& w) {
  return {w.count(), {w.publisher().high(), w.publisher().low()}};
}

void write(wire::TopicMessage& w, const topic_message& m) {
  w.set_topic(m.topic);
  w.set_count(m.count);
  for (const auto& g : m.groups) w.add_groups(g);
  w.set_retain(m.retain);
  w.set_what(static_cast<std::uint32_t>(m.what));
  if (m.content) w.set_content(*m.content);
  w.set_missed(m.missed);
}

void write(wire::Topics& w, const retained_message& m) {
  w.set_asks(m.asks);
  w.set_sum(m.sum);
  w.set_whole(m.whole);
  w.set_more(m.more);
  for (const auto& k : m.known) {
    auto& into = *w.add_known();
    into.set_topic(k.topic);
    set_stamp(into, k.stamp);
  }
  for (const auto& v : m.values) {
    auto& into = *w.add_values();
    into.set_topic(v.topic);
    set_stamp(into, v.value.stamp);
    into.set_gone(v.value.content == nullptr);
    if (v.value.content) into.set_content(*v.value.content);
  }
  for (const auto& t : m.wanted) w.add_wanted(t);
}

std::size_t rows_of(const wire::Topics& w) {
  return static_cast<std::size_t>(w.messages_size()) + static_cast<std::size_t>(w.known_size()) +
         static_cast<std::size_t>(w.values_size()) + static_cast<std::size_t>(w.wanted_size());
}

/// In rising order, so that none is there twice.
bool are_groups(const wire::TopicMessage& m) {
  const auto& all = m.groups();
  return static_cast<std::size_t>(all.size()) <= topic_groups_max &&
         std::all_of(all.begin(), all.end(), [](const auto& g) { return is_topic(g); }) &&
         std::adjacent_find(all.begin(), all.end(), [](const auto& a, const auto& b) { return a >= b; }) == all.end();
}

bool sound(const wire::TopicMessage& m) {
  return is_topic(m.topic()) && sound(m.count()) &&
         m.what() <= static_cast<std::uint32_t>(topic_message::kind::missed) &&
         m.content().size() <= topic_content_bytes_max && are_groups(m);
}

bool sound(const wire::RetainedValue& v) {
  return is_topic(v.topic()) && sound(v.count()) && v.content().size() <= topic_content_bytes_max;
}

topic_content shared(std::string&& bytes) { return std::make_shared<const std::string>(std::move(bytes)); }

expected<topic_packet> read_messages(wire::Topics& w) {
  topic_packet p;
  p.part = topic_packet::kind::messages;
  p.anew = w.anew();
  p.version = w.version();
  if (static_cast<std::size_t>(w.messages_size()) > topic_batch_messages_max || p.version >= topic_count_max)
    return corrupt("too many messages, or a count beyond all");
  p.messages.reserve(static_cast<std::size_t>(w.messages_size()));
  for (auto& m : *w.mutable_messages()) {
    if (!sound(m)) return corrupt("a message that makes no sense");
    topic_message read{std::move(*m.mutable_topic()), m.count()};
    for (auto& g : *m.mutable_groups()) read.groups.push_back(std::move(g));
    read.retain = m.retain();
    read.what = static_cast<topic_message::kind>(m.what());
    if (read.what == topic_message::kind::content) read.content = shared(std::move(*m.mutable_content()));
    read.missed = m.missed();
    p.messages.push_back(std::move(read));
  }
  return p;
}

expected<topic_packet> read_retained(wire::Topics& w) {
  topic_packet p;
  p.part = topic_packet::kind::retained;
  auto& r = p.retained;
  r.asks = w.asks();
  r.sum = w.sum();
  r.whole = w.whole();
  r.more = w.more();
  for (auto& k : *w.mutable_known()) {
    if (!is_topic(k.topic()) || !sound(k.count())) return corrupt("a version that makes no sense");
    const auto stamp = stamp_of(k);
    r.known.push_back({std::move(*k.mutable_topic()), stamp});
  }
  for (auto& v : *w.mutable_values()) {
    if (!sound(v)) return corrupt("a value that makes no sense");
    const auto stamp = stamp_of(v);
    auto content = v.gone() ? nullptr : shared(std::move(*v.mutable_content()));
    r.values.push_back({std::move(*v.mutable_topic()), {stamp, std::move(content)}});
  }
  for (auto& t : *w.mutable_wanted()) {
    if (!is_topic(t)) return corrupt("a topic that is none");
    r.wanted.push_back(std::move(t));
  }
  return p;
}

expected<topic_packet> read_interest(const wire::Topics& w) {
  auto read = pubsub::decode_pubsub(w.interest());
  if (!read) return tl::unexpected<error>(read.error());
  if (!read->messages.empty()) return corrupt("interest with messages");
  topic_packet p;
  p.part = topic_packet::kind::interest;
  p.update = std::move(read->update);
  return p;
}

}  // namespace

bool is_topic(std::string_view name) noexcept {
  return !name.empty() && name.size() <= topic_bytes_max && name.find('\0') == std::string_view::npos;
}

std::string encode(const topic_packet& p) {
  wire::Topics w;
  w.set_part(static_cast<std::uint32_t>(p.part));
  switch (p.part) {
    case topic_packet::kind::interest: w.set_interest(pubsub::encode(p.update)); break;
    case topic_packet::kind::interest_answer: w.set_version(p.version); break;
    case topic_packet::kind::messages:
      w.set_anew(p.anew);
      w.set_version(p.version);
      for (const auto& m : p.messages) write(*w.add_messages(), m);
      break;
    case topic_packet::kind::retained: write(w, p.retained); break;
  }
  w.set_count(static_cast<std::uint32_t>(rows_of(w)) + 1);
  return w.SerializeAsString();
}

expected<topic_packet> decode_topic_packet(std::string_view bytes) {
  wire::Topics w;
  if (!has_at_most_fields(bytes, 2 * retained_rows_max + other_fields_max) ||
      !w.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return corrupt("cannot be read");
  if (rows_of(w) + 1 != w.count()) return corrupt("bad number of rows");
  switch (w.part()) {
    case static_cast<std::uint32_t>(topic_packet::kind::interest): return read_interest(w);
    case static_cast<std::uint32_t>(topic_packet::kind::messages): return read_messages(w);
    case static_cast<std::uint32_t>(topic_packet::kind::retained): return read_retained(w);
    case static_cast<std::uint32_t>(topic_packet::kind::interest_answer): break;
    default: return corrupt("an unknown part");
  }
  topic_packet p;
  p.part = topic_packet::kind::interest_answer;
  p.version = w.version();
  return p;
}

}  // namespace troupe
