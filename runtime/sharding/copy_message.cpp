#include "runtime/sharding/copy_message.hpp"

#include "runtime/base/wire_fields.hpp"
#include "runtime/cache/command_batch.hpp"
#include "runtime/cache/shard_store.hpp"
#include "runtime/sharding/slot.hpp"
#include "troupe/wire/shard_copy.pb.h"

namespace troupe {

namespace {

// The head's, and as many of later versions.
constexpr std::size_t other_fields_max = 32;

tl::unexpected<error> corrupt(const char* why) { return fail(errc::corrupt, std::string("shard copy: ") + why); }

void put(const copy_message& m, wire::ShardCopy& into) {
  into.set_kind(static_cast<std::uint32_t>(m.kind));
  into.set_shard(m.shard);
  into.set_epoch(m.epoch);
  into.set_attempt(m.attempt);
  into.set_sequence(m.sequence);
  into.set_outcome(static_cast<std::uint32_t>(m.outcome));
  into.set_last(m.last);
  into.set_version(m.version);
  into.set_to(m.to);
  into.set_stream(m.stream);
}

const char* fault_of(const wire::ShardCopy& w) {
  if (w.count() != static_cast<std::uint32_t>(w.entries_size()) + 1) return "cut off";
  if (w.kind() > static_cast<std::uint32_t>(copy_kind::dropped)) return "an unknown kind";
  if (w.outcome() > static_cast<std::uint32_t>(page_outcome::refused)) return "an unknown outcome";
  if (w.shard() >= shards_max) return "a shard beyond the limit";
  if (static_cast<std::size_t>(w.entries_size()) > copy_entries_max) return "too many entries";
  if (static_cast<std::size_t>(w.caches_size()) > copy_caches_max) return "too many caches";
  for (const auto& name : w.caches()) {
    if (name.size() > cache_name_bytes_max) return "a cache's name beyond its limit";
  }
  for (const auto& e : w.entries()) {
    if (e.cache() >= static_cast<std::uint32_t>(w.caches_size())) return "an entry of no cache";
    if (e.key().size() > key_bytes_max) return "a key beyond its limit";
    if (e.ttl_ns() < 0) return "a negative ttl";
  }
  return nullptr;
}

copy_message head_of(const wire::ShardCopy& w) {
  copy_message m;
  m.kind = static_cast<copy_kind>(w.kind());
  m.shard = w.shard();
  m.epoch = w.epoch();
  m.attempt = w.attempt();
  m.sequence = w.sequence();
  m.outcome = static_cast<page_outcome>(w.outcome());
  m.last = w.last();
  m.version = w.version();
  m.to = w.to();
  m.stream = w.stream();
  return m;
}

}  // namespace

page_writer::page_writer(const copy_message& head) : message_(std::make_unique<wire::ShardCopy>()) {
  put(head, *message_);
}
page_writer::~page_writer() = default;
page_writer::page_writer(page_writer&&) noexcept = default;

void page_writer::add(const copied_entry& e) {
  auto place = caches_.find(e.cache);
  if (place == caches_.end()) {
    place = caches_.emplace(e.cache, static_cast<std::uint32_t>(caches_.size())).first;
    message_->add_caches(e.cache.data(), e.cache.size());
  }
  auto& w = *message_->add_entries();
  w.set_cache(place->second);
  w.set_key(e.key.data(), e.key.size());
  w.set_value(e.value.data(), e.value.size());
  w.set_version(e.version);
  w.set_ttl_ns(e.ttl.count());
  w.set_erased(e.erased);
  w.set_object(e.object);
  w.set_drop(e.drop);
}

std::size_t page_writer::entries() const noexcept { return static_cast<std::size_t>(message_->entries_size()); }

void page_writer::finish(std::uint64_t version, std::uint64_t stream) {
  message_->set_last(true);
  message_->set_version(version);
  message_->set_stream(stream);
}

std::string page_writer::bytes() const {
  message_->set_count(static_cast<std::uint32_t>(message_->entries_size()) + 1);
  return message_->SerializeAsString();
}

read_copy::read_copy() : message_(std::make_unique<wire::ShardCopy>()) {}
read_copy::~read_copy() = default;
read_copy::read_copy(read_copy&&) noexcept = default;

expected<read_copy> read_copy::from(std::string_view bytes) {
  if (!has_at_most_fields(bytes, copy_entries_max + copy_caches_max + other_fields_max))
    return corrupt("not a message");
  read_copy r;
  auto& w = *r.message_;
  if (!w.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return corrupt("not a message");
  if (const auto* fault = fault_of(w)) return corrupt(fault);
  r.head = head_of(w);
  r.entries.reserve(static_cast<std::size_t>(w.entries_size()));
  for (const auto& e : w.entries()) {
    r.entries.push_back({w.caches(static_cast<int>(e.cache())), e.key(), e.value(), e.version(), duration(e.ttl_ns()),
                         e.erased(), e.object(), e.drop()});
  }
  return r;
}

std::string encode(const copy_message& m) {
  wire::ShardCopy w;
  put(m, w);
  w.set_count(1);
  return w.SerializeAsString();
}

}  // namespace troupe
