#include "runtime/cache/command_batch.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/wire_fields.hpp"
#include "runtime/cache/shard_store.hpp"
#include "troupe/wire/cache.pb.h"

namespace troupe {

namespace {

using std::chrono::milliseconds;

// The stamp, the count, and as many of later versions.
constexpr std::size_t other_fields_max = 16;

tl::unexpected<error> corrupt(const char* why) { return fail(errc::corrupt, std::string("cache batch: ") + why); }

template <class Message>
bool parse(std::string_view bytes, Message& into) {
  if (!has_at_most_fields(bytes, batch_commands_max + other_fields_max)) return false;
  return into.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

void put(const stamp& s, wire::Stamp& into) {
  into.set_term(s.term);
  into.set_epoch(s.epoch);
}

stamp stamp_of(const wire::Stamp& s) { return {s.term(), s.epoch()}; }

void put(const batched_command& b, wire::CacheCommand& into) {
  const auto& c = b.command;
  into.set_op(static_cast<std::uint32_t>(c.op));
  into.set_cache(b.cache.data(), b.cache.size());
  into.set_condition(static_cast<std::uint32_t>(c.condition));
  into.set_keep_ttl(c.keep_ttl);
  into.set_version(c.version);
  into.set_ttl_ns(c.ttl.count());
  into.set_key(c.key.data(), c.key.size());
  into.set_value(c.value.data(), c.value.size());
  if (c.op == cache_op::run) {
    into.set_procedure(static_cast<std::uint32_t>(c.procedure));
    into.set_protocol(c.protocol);
  }
  const auto left = std::clamp(b.left, duration::zero(), forward_deadline_max);
  into.set_left_ms(static_cast<std::uint64_t>(std::chrono::ceil<milliseconds>(left).count()));
}

bool sound(const wire::CacheCommand& w) {
  const bool run = w.op() == static_cast<std::uint32_t>(cache_op::run);
  if (run && (w.procedure() == 0 || w.procedure() >= procedures_end || w.protocol() < 2 || w.protocol() > 3))
    return false;
  return w.op() <= static_cast<std::uint32_t>(cache_op::run) &&
         w.condition() <= static_cast<std::uint32_t>(write_condition::if_version) &&
         w.cache().size() <= cache_name_bytes_max && w.key().size() <= key_bytes_max;
}

batched_command read(const wire::CacheCommand& w) {
  batched_command b;
  b.command.op = static_cast<cache_op>(w.op());
  b.command.condition = static_cast<write_condition>(w.condition());
  b.command.keep_ttl = w.keep_ttl();
  b.command.version = w.version();
  b.command.ttl = duration(w.ttl_ns());
  b.command.key = w.key();
  b.command.value = w.value();
  if (b.command.op == cache_op::run) {
    b.command.procedure = static_cast<procedure>(w.procedure());
    b.command.protocol = static_cast<std::uint8_t>(w.protocol());
  }
  b.cache = w.cache();
  constexpr auto left_max = std::chrono::duration_cast<milliseconds>(forward_deadline_max).count();
  b.left = milliseconds(std::min<std::uint64_t>(w.left_ms(), left_max));
  return b;
}

}  // namespace

std::string encode_commands(const stamp& s, const std::vector<batched_command>& commands) {
  wire::CacheBatch w;
  put(s, *w.mutable_stamp());
  for (const auto& c : commands) put(c, *w.add_commands());
  w.set_count(static_cast<std::uint32_t>(commands.size()));
  return w.SerializeAsString();
}

expected<command_batch> decode_commands(std::string_view bytes) {
  const auto w = std::make_shared<wire::CacheBatch>();
  if (!parse(bytes, *w)) return corrupt("cannot be read");
  const auto count = static_cast<std::size_t>(w->commands_size());
  if (count == 0 || count > batch_commands_max || count != w->count()) return corrupt("bad number of commands");
  if (!std::all_of(w->commands().begin(), w->commands().end(), sound)) return corrupt("a command that makes no sense");
  command_batch b;
  b.stamp = stamp_of(w->stamp());
  b.commands.reserve(count);
  for (const auto& c : w->commands()) b.commands.push_back(read(c));
  b.bytes = w;
  return b;
}

std::string encode_replies(const stamp& s, const std::vector<owned_reply>& replies) {
  wire::CacheBatchReply w;
  put(s, *w.mutable_stamp());
  for (const auto& r : replies) {
    auto& into = *w.add_replies();
    into.set_code(static_cast<std::uint32_t>(r.code));
    into.set_version(r.version);
    into.set_ttl_ns(r.ttl.count());
    into.set_value(r.value);
    into.set_context(r.context.data(), std::min(r.context.size(), reply_context_bytes_max));
  }
  w.set_count(static_cast<std::uint32_t>(replies.size()));
  return w.SerializeAsString();
}

expected<reply_batch> decode_replies(std::string_view bytes) {
  wire::CacheBatchReply w;
  if (!parse(bytes, w)) return corrupt("the replies cannot be read");
  const auto count = static_cast<std::size_t>(w.replies_size());
  if (count == 0 || count > batch_commands_max || count != w.count()) return corrupt("bad number of replies");
  reply_batch b;
  b.stamp = stamp_of(w.stamp());
  b.replies.reserve(count);
  for (auto& r : *w.mutable_replies()) {
    if (r.code() > static_cast<std::uint32_t>(errc_last)) return corrupt("an unknown code");
    auto& reply = b.replies.emplace_back();
    reply.code = static_cast<errc>(r.code());
    reply.version = r.version();
    reply.ttl = duration(r.ttl_ns());
    reply.value = std::move(*r.mutable_value());
    reply.context = std::move(*r.mutable_context());
  }
  return b;
}

}  // namespace troupe
