#include "runtime/replication/stream_message.hpp"

#include <cstdint>
#include <limits>
#include <utility>

#include "runtime/base/wire_view.hpp"
#include "runtime/cache/shard_store.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe {

namespace {

constexpr std::uint64_t entry_overhead = 32;  // of an entry on the wire, about
constexpr std::size_t cache_name_max = 255;
constexpr std::size_t message_bytes_max = std::numeric_limits<std::int32_t>::max();  // protobuf's

// Fields of runtime/proto/troupe/wire/replication.proto.
constexpr std::uint32_t sender_field = 1;   // of a batch
constexpr std::uint32_t items_field = 2;    // of a batch
constexpr std::uint32_t answers_field = 1;  // of answers
constexpr std::uint32_t count_field = 15;

tl::unexpected<error> corrupt(const char* why) { return fail(errc::corrupt, std::string("replication: ") + why); }

/// False for what no primary sends, and for more entries than `left`.
bool take_entry(std::string_view bytes, std::size_t& left, std::vector<named_entry>& into) {
  if (left == 0) return false;
  --left;
  return read_entry(bytes, into.emplace_back());
}

bool take_item(std::string_view bytes, std::size_t& left, stream_item& into) {
  std::uint64_t shard = 0;
  field_reader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case varint_tag(1): shard = r.number(); break;
      case varint_tag(2): into.at.epoch = r.number(); break;
      case varint_tag(3): into.ask = r.number() != 0; break;
      case varint_tag(4): into.at.after = r.number(); break;
      case varint_tag(5): into.at.committed = r.number(); break;
      case bytes_tag(6):
        if (!take_entry(r.bytes(), left, into.entries)) return false;
        break;
      default: break;
    }
  }
  into.at.shard = static_cast<std::uint32_t>(shard);
  return !r.failed() && shard < shards_max;
}

bool take_answer(std::string_view bytes, std::size_t& left, stream_answer& into) {
  std::uint64_t shard = 0, outcome = 0;
  field_reader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case varint_tag(1): shard = r.number(); break;
      case varint_tag(2): into.epoch = r.number(); break;
      case varint_tag(3): outcome = r.number(); break;
      case varint_tag(4): into.sequence = r.number(); break;
      case bytes_tag(5):
        if (!take_entry(r.bytes(), left, into.entries)) return false;
        break;
      case varint_tag(6): into.ask = r.number() != 0; break;
      case varint_tag(7): into.asked_after = r.number(); break;
      default: break;
    }
  }
  into.shard = static_cast<std::uint32_t>(shard);
  into.outcome = static_cast<stream_outcome>(outcome);
  return !r.failed() && shard < shards_max && outcome <= static_cast<std::uint64_t>(stream_outcome::no_room);
}

}  // namespace

void put_entry(std::string& to, const named_entry& from) {
  const auto& e = from.entry;
  put_bytes(to, 1, from.cache);
  put_bytes(to, 2, e.key);
  put_bytes(to, 3, e.value);
  put_varint(to, 4, e.version);
  put_varint(to, 5, e.ttl.count());
  put_varint(to, 6, std::uint64_t{e.erased});
  put_varint(to, 7, static_cast<std::uint64_t>(e.form));
  put_varint(to, 8, static_cast<std::uint64_t>(e.edit));
  put_varint(to, 9, e.base);
  put_varint(to, 10, std::uint64_t{e.more});
}

bool read_entry(std::string_view bytes, named_entry& n) {
  std::uint64_t form = 0, edit = 0;
  field_reader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case bytes_tag(1): n.cache = r.bytes(); break;
      case bytes_tag(2): n.entry.key = r.bytes(); break;
      case bytes_tag(3): n.entry.value = r.bytes(); break;
      case varint_tag(4): n.entry.version = r.number(); break;
      case varint_tag(5): n.entry.ttl = duration(r.signed_number()); break;
      case varint_tag(6): n.entry.erased = r.number() != 0; break;
      case varint_tag(7): form = r.number(); break;
      case varint_tag(8): edit = r.number(); break;
      case varint_tag(9): n.entry.base = r.number(); break;
      case varint_tag(10): n.entry.more = r.number() != 0; break;
      default: break;
    }
  }
  const bool sound = n.entry.key.size() <= key_bytes_max && n.cache.size() <= cache_name_max &&
                     form <= static_cast<std::uint64_t>(entry_form::edit) && edit <= UINT8_MAX;
  n.entry.form = static_cast<entry_form>(form);
  n.entry.edit = static_cast<value_edit>(edit);
  return !r.failed() && sound;
}

batch_writer::batch_writer(std::uint64_t sender_pid) { put_varint(message_, sender_field, sender_pid); }

void batch_writer::append(const stream_position& at, const named_entry& e) {
  const bool grows = may_grow_ && last_.shard == at.shard && last_.epoch == at.epoch && last_.after == at.after;
  if (!grows) begin_item(at, false);
  entry_.clear();
  put_entry(entry_, e);
  put_message(open_entries_, 6, entry_);
  ++entries_;
  bytes_ += e.cache.size() + e.entry.key.size() + e.entry.value.size() + entry_overhead;
  last_ = at;
  ++last_.after;
  may_grow_ = true;
}

void batch_writer::ask(const stream_position& at) {
  begin_item(at, true);
  last_ = at;
  bytes_ += entry_overhead;
  may_grow_ = false;
}

void batch_writer::begin_item(const stream_position& at, bool ask) {
  end_item();
  put_varint(open_, 1, std::uint64_t{at.shard});
  put_varint(open_, 2, at.epoch);
  put_varint(open_, 3, std::uint64_t{ask});
  put_varint(open_, 4, at.after);
  shards_.push_back(at.shard);
  ++items_;
}

/// An item is written when it has all its entries; what is committed is what its last one said.
void batch_writer::end_item() {
  if (items_ == 0) return;
  put_varint(open_, 5, last_.committed);
  open_ += open_entries_;
  put_message(message_, items_field, open_);
  open_.clear();
  open_entries_.clear();
}

std::string batch_writer::finish() && {
  end_item();
  put_varint(message_, count_field, std::uint64_t{items_} + 1);
  return std::move(message_);
}

expected<read_batch> read_batch::from(std::string_view bytes) {
  if (bytes.size() > message_bytes_max) return corrupt("a batch that is too large");
  read_batch read;
  std::uint64_t count = 0;
  std::size_t entries_left = stream_entries_max;
  field_reader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case varint_tag(sender_field): read.sender = r.number(); break;
      case bytes_tag(items_field):
        if (read.items.size() == stream_entries_max) return corrupt("too many items");
        if (!take_item(r.bytes(), entries_left, read.items.emplace_back())) return corrupt("an item out of bounds");
        break;
      case varint_tag(count_field): count = r.number(); break;
      default: break;
    }
  }
  if (r.failed() || count != read.items.size() + 1) return corrupt("a batch that was cut off");
  return read;
}

void answers_writer::add(const stream_answer& a) {
  answer_.clear();
  put_varint(answer_, 1, std::uint64_t{a.shard});
  put_varint(answer_, 2, a.epoch);
  put_varint(answer_, 3, static_cast<std::uint64_t>(a.outcome));
  put_varint(answer_, 4, a.sequence);
  for (const auto& e : a.entries) {
    entry_.clear();
    put_entry(entry_, e);
    put_message(answer_, 5, entry_);
  }
  put_varint(answer_, 6, std::uint64_t{a.ask});
  put_varint(answer_, 7, a.asked_after);
  put_message(message_, answers_field, answer_);
  ++answers_;
}

std::string answers_writer::finish() && {
  put_varint(message_, count_field, std::uint64_t{answers_} + 1);
  return std::move(message_);
}

expected<read_answers> read_answers::from(std::string_view bytes) {
  if (bytes.size() > message_bytes_max) return corrupt("answers that are too large");
  read_answers read;
  std::uint64_t count = 0;
  std::size_t entries_left = stream_entries_max;
  field_reader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case bytes_tag(answers_field):
        if (read.answers.size() == stream_entries_max) return corrupt("too many answers");
        if (!take_answer(r.bytes(), entries_left, read.answers.emplace_back()))
          return corrupt("an answer out of bounds");
        break;
      case varint_tag(count_field): count = r.number(); break;
      default: break;
    }
  }
  if (r.failed() || count != read.answers.size() + 1) return corrupt("answers that were cut off");
  return read;
}

}  // namespace troupe
