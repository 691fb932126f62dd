#include "runtime/pubsub/pubsub_message.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/wire_fields.hpp"
#include "troupe/wire/pubsub.pb.h"

namespace troupe::pubsub {

namespace {

constexpr std::size_t other_fields_max = 16;

tl::unexpected<error> corrupt(const char* why) { return fail(errc::corrupt, std::string("pubsub: ") + why); }

bool sound(const wire::Interest& i) { return i.kind() < topic_kinds && i.name().size() <= topic_name_bytes_max; }

bool sound(const wire::ChannelMessage& m) {
  return (m.kind() == static_cast<std::uint32_t>(topic_kind::channel) ||
          m.kind() == static_cast<std::uint32_t>(topic_kind::shard_channel)) &&
         m.channel().size() <= topic_name_bytes_max;
}

}  // namespace

std::string encode(const interest_update& u) {
  wire::Pubsub w;
  w.set_from(u.from);
  w.set_to(u.to);
  w.set_have(u.have);
  for (const auto& i : u.items) {
    auto& into = *w.add_items();
    into.set_kind(static_cast<std::uint32_t>(i.what.kind));
    into.set_name(i.what.name);
    into.set_listeners(i.listeners);
  }
  w.set_count(static_cast<std::uint32_t>(u.items.size()) + 1);  // never left out
  return w.SerializeAsString();
}

std::string encode(const std::vector<channel_message>& messages) {
  wire::Pubsub w;
  for (const auto& m : messages) {
    auto& into = *w.add_messages();
    into.set_kind(static_cast<std::uint32_t>(m.kind));
    into.set_channel(m.channel);
    into.set_payload(m.payload);
  }
  w.set_count(static_cast<std::uint32_t>(messages.size()) + 1);
  return w.SerializeAsString();
}

expected<pubsub_message> decode_pubsub(std::string_view bytes) {
  wire::Pubsub w;
  if (!has_at_most_fields(bytes, std::max(update_items_max, batch_messages_max) + other_fields_max) ||
      !w.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return corrupt("cannot be read");
  const auto items = static_cast<std::size_t>(w.items_size());
  const auto messages = static_cast<std::size_t>(w.messages_size());
  if (items + messages + 1 != w.count() || items > update_items_max || messages > batch_messages_max)
    return corrupt("bad number of items");
  if (items != 0 && messages != 0) return corrupt("an update with messages");
  if (w.to() < w.from()) return corrupt("versions that go back");
  if (!std::all_of(w.items().begin(), w.items().end(), [](const auto& i) { return sound(i); }) ||
      !std::all_of(w.messages().begin(), w.messages().end(), [](const auto& m) { return sound(m); }))
    return corrupt("an item that makes no sense");
  pubsub_message m;
  m.update.from = w.from();
  m.update.to = w.to();
  m.update.have = w.have();
  m.update.items.reserve(items);
  for (auto& i : *w.mutable_items())
    m.update.items.push_back({{static_cast<topic_kind>(i.kind()), std::move(*i.mutable_name())}, i.listeners()});
  m.messages.reserve(messages);
  for (auto& i : *w.mutable_messages())
    m.messages.push_back(
        {static_cast<topic_kind>(i.kind()), std::move(*i.mutable_channel()), std::move(*i.mutable_payload())});
  return m;
}

std::string encode_pubsub_answer(std::uint64_t version) {
  wire::PubsubAnswer w;
  w.set_version(version);
  return w.SerializeAsString();
}

expected<std::uint64_t> decode_pubsub_answer(std::string_view bytes) {
  wire::PubsubAnswer w;
  if (!w.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return corrupt("an answer that cannot be read");
  return w.version();
}

}  // namespace troupe::pubsub
