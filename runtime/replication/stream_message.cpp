#include "runtime/replication/stream_message.hpp"

#include <climits>
#include <utility>

#include "runtime/base/wire_fields.hpp"
#include "runtime/cache/shard_store.hpp"
#include "runtime/sharding/slot.hpp"
#include "troupe/wire/replication.pb.h"

namespace troupe {

namespace {

// Sender and count, and as many of later versions.
constexpr std::size_t other_fields_max = 16;
constexpr std::uint64_t entry_overhead = 32;  // of an entry on the wire, about
constexpr std::size_t cache_name_max = 255;

tl::unexpected<error> corrupt(const char* why) { return fail(errc::corrupt, std::string("replication: ") + why); }

template <class Message>
bool parse(std::string_view bytes, Message& into) {
  return has_at_most_fields(bytes, stream_entries_max + other_fields_max) &&
         into.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

void put(const named_entry& from, wire::ReplicaEntry& into) {
  const auto& e = from.entry;
  into.set_cache(from.cache.data(), from.cache.size());
  into.set_key(e.key.data(), e.key.size());
  if (!e.value.empty()) into.set_value(e.value.data(), e.value.size());
  into.set_version(e.version);
  into.set_ttl_ns(e.ttl.count());
  into.set_erased(e.erased);
  into.set_form(static_cast<std::uint32_t>(e.form));
  into.set_edit(static_cast<std::uint32_t>(e.edit));
  into.set_base(e.base);
  into.set_more(e.more);
}

// False for what no primary sends.
template <class Entries>
bool take(const Entries& from, std::size_t& total, std::vector<named_entry>& into) {
  total += static_cast<std::size_t>(from.size());
  if (total > stream_entries_max) return false;
  into.reserve(static_cast<std::size_t>(from.size()));
  for (const auto& w : from) {
    if (w.key().size() > key_bytes_max || w.cache().size() > cache_name_max) return false;
    if (w.form() > static_cast<std::uint32_t>(entry_form::edit) || w.edit() > 0xff) return false;
    named_entry n;
    n.cache = w.cache();
    n.entry.key = w.key();
    n.entry.value = w.value();
    n.entry.version = w.version();
    n.entry.ttl = duration(w.ttl_ns());
    n.entry.erased = w.erased();
    n.entry.form = static_cast<entry_form>(w.form());
    n.entry.edit = static_cast<value_edit>(w.edit());
    n.entry.base = w.base();
    n.entry.more = w.more();
    into.push_back(n);
  }
  return true;
}

}  // namespace

batch_writer::batch_writer(std::uint64_t sender_pid) : message_(std::make_unique<wire::ReplicaBatch>()) {
  message_->set_sender(sender_pid);
}
batch_writer::~batch_writer() = default;
batch_writer::batch_writer(batch_writer&&) noexcept = default;
batch_writer& batch_writer::operator=(batch_writer&&) noexcept = default;

void batch_writer::append(const stream_position& at, const named_entry& e) {
  const bool grows = may_grow_ && last_.shard == at.shard && last_.epoch == at.epoch && last_.after == at.after;
  wire::ReplicaItem* item = nullptr;
  if (grows) {
    item = message_->mutable_items(message_->items_size() - 1);
  } else {
    item = message_->add_items();
    item->set_shard(at.shard);
    item->set_epoch(at.epoch);
    item->set_after(at.after);
    shards_.push_back(at.shard);
    ++items_;
  }
  item->set_committed(at.committed);
  put(e, *item->add_entries());
  ++entries_;
  bytes_ += e.cache.size() + e.entry.key.size() + e.entry.value.size() + entry_overhead;
  last_ = at;
  ++last_.after;
  may_grow_ = true;
}

void batch_writer::ask(const stream_position& at) {
  auto* item = message_->add_items();
  item->set_shard(at.shard);
  item->set_epoch(at.epoch);
  item->set_ask(true);
  item->set_after(at.after);
  item->set_committed(at.committed);
  shards_.push_back(at.shard);
  ++items_;
  bytes_ += entry_overhead;
  may_grow_ = false;
}

std::string batch_writer::finish() const {
  message_->set_count(static_cast<std::uint32_t>(message_->items_size()) + 1);
  return message_->SerializeAsString();
}

read_batch::read_batch() : message_(std::make_unique<wire::ReplicaBatch>()) {}
read_batch::~read_batch() = default;
read_batch::read_batch(read_batch&&) noexcept = default;

expected<read_batch> read_batch::from(std::string_view bytes) {
  read_batch read;
  auto& w = *read.message_;
  if (!parse(bytes, w)) return corrupt("not a batch");
  if (w.count() != static_cast<std::uint32_t>(w.items_size()) + 1) return corrupt("a batch that was cut off");
  read.sender = w.sender();
  std::size_t entries = 0;
  read.items.reserve(static_cast<std::size_t>(w.items_size()));
  for (const auto& i : w.items()) {
    if (i.shard() >= shards_max) return corrupt("a shard that cannot be");
    stream_item item;
    item.at = {i.shard(), i.epoch(), i.after(), i.committed()};
    item.ask = i.ask();
    if (!take(i.entries(), entries, item.entries)) return corrupt("entries out of bounds");
    read.items.push_back(std::move(item));
  }
  return read;
}

answers_writer::answers_writer() : message_(std::make_unique<wire::ReplicaAnswers>()) {}
answers_writer::~answers_writer() = default;
answers_writer::answers_writer(answers_writer&&) noexcept = default;

void answers_writer::add(const stream_answer& a) {
  auto& w = *message_->add_answers();
  w.set_shard(a.shard);
  w.set_epoch(a.epoch);
  w.set_outcome(static_cast<std::uint32_t>(a.outcome));
  w.set_sequence(a.sequence);
  w.set_ask(a.ask);
  w.set_asked_after(a.asked_after);
  for (const auto& e : a.entries) put(e, *w.add_entries());
}

std::string answers_writer::finish() const {
  message_->set_count(static_cast<std::uint32_t>(message_->answers_size()) + 1);
  return message_->SerializeAsString();
}

read_answers::read_answers() : message_(std::make_unique<wire::ReplicaAnswers>()) {}
read_answers::~read_answers() = default;
read_answers::read_answers(read_answers&&) noexcept = default;

expected<read_answers> read_answers::from(std::string_view bytes) {
  read_answers read;
  auto& w = *read.message_;
  if (!parse(bytes, w)) return corrupt("no answers");
  if (w.count() != static_cast<std::uint32_t>(w.answers_size()) + 1) return corrupt("answers that were cut off");
  std::size_t entries = 0;
  for (const auto& a : w.answers()) {
    if (a.shard() >= shards_max) return corrupt("a shard that cannot be");
    if (a.outcome() > static_cast<std::uint32_t>(stream_outcome::no_room)) return corrupt("an unknown outcome");
    stream_answer answer;
    answer.shard = a.shard();
    answer.epoch = a.epoch();
    answer.outcome = static_cast<stream_outcome>(a.outcome());
    answer.sequence = a.sequence();
    answer.ask = a.ask();
    answer.asked_after = a.asked_after();
    if (!take(a.entries(), entries, answer.entries)) return corrupt("entries out of bounds");
    read.answers.push_back(std::move(answer));
  }
  return read;
}

}  // namespace troupe
