// BITFIELD: integers of 1 to 64 bits inside a string.
#include <algorithm>
#include <limits>
#include <vector>

#include "runtime/cache/procedures/functions.hpp"

namespace troupe::procedures {

namespace {

enum class overflow { wrap, saturate, fail };
enum class field_step { get, set, increment };

struct field_type {
  bool is_signed = false;
  unsigned width = 0;
};

struct field_operation {
  field_step step = field_step::get;
  field_type type;
  std::uint64_t offset = 0;
  std::int64_t value = 0;
  overflow on_overflow = overflow::wrap;
};

std::optional<field_type> read_type(std::string_view text) noexcept {
  if (text.empty() || (text.front() != 'i' && text.front() != 'u')) return std::nullopt;
  field_type t;
  t.is_signed = text.front() == 'i';
  const auto width = read_integer(text.substr(1));
  if (!width || *width < 1 || *width > (t.is_signed ? 64 : 63)) return std::nullopt;
  t.width = static_cast<unsigned>(*width);
  return t;
}

bool read_overflow(procedure_call& c, std::string_view word, overflow& into) {
  if (is_word(word, "wrap"))
    into = overflow::wrap;
  else if (is_word(word, "sat"))
    into = overflow::saturate;
  else if (is_word(word, "fail"))
    into = overflow::fail;
  else {
    c.reply.error("ERR Invalid OVERFLOW type specified");
    return false;
  }
  return true;
}

// Words from `i` on as one operation; moves `i` behind it. False: an error is the reply.
bool read_operation(procedure_call& c, std::size_t& i, overflow present, field_operation& op) {
  op.on_overflow = present;
  const auto left = c.size() - i;
  const char* wrong = nullptr;
  if (is_word(c[i], "get") && left >= 3)
    op.step = field_step::get;
  else if (is_word(c[i], "set") && left >= 4)
    op.step = field_step::set;
  else if (is_word(c[i], "incrby") && left >= 4)
    op.step = field_step::increment;
  else
    wrong = "ERR syntax error";
  const auto type = wrong == nullptr ? read_type(c[i + 1]) : std::nullopt;
  if (wrong == nullptr && !type)
    wrong = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";
  if (wrong == nullptr) {
    op.type = *type;
    const bool counts = c[i + 2].starts_with('#');
    const auto n = read_integer(c[i + 2].substr(counts ? 1 : 0));
    std::int64_t offset = n.value_or(-1);
    const bool fits = offset >= 0 && (!counts || !__builtin_mul_overflow(offset, std::int64_t{type->width}, &offset)) &&
                      static_cast<std::uint64_t>(offset) / 8 < string_bytes_max;
    if (!fits) wrong = "ERR bit offset is not an integer or out of range";
    op.offset = static_cast<std::uint64_t>(offset);
  }
  if (wrong != nullptr) {
    c.reply.error(wrong);
    return false;
  }
  if (op.step != field_step::get) {
    const auto value = integer_word(c, i + 3);
    if (!value) return false;
    op.value = *value;
  }
  i += op.step == field_step::get ? 3 : 4;
  return true;
}

std::uint64_t read_bits(std::string_view bytes, std::uint64_t offset, unsigned width) noexcept {
  std::uint64_t value = 0;
  for (auto i = offset; i < offset + width; ++i) {
    const auto byte = static_cast<std::size_t>(i / 8);
    const auto bit = byte < bytes.size() ? static_cast<unsigned char>(bytes[byte]) >> (7 - i % 8) & 1U : 0U;
    value = value << 1 | bit;
  }
  return value;
}

void write_bits(std::string& bytes, std::uint64_t offset, unsigned width, std::uint64_t value) noexcept {
  for (unsigned k = 0; k < width; ++k) {
    const auto i = offset + k;
    auto& byte = bytes[static_cast<std::size_t>(i / 8)];
    const auto mask = 0x80U >> (i % 8);
    const bool on = (value >> (width - 1 - k) & 1U) != 0;
    byte = static_cast<char>(on ? static_cast<unsigned char>(byte) | mask : static_cast<unsigned char>(byte) & ~mask);
  }
}

std::int64_t extended(std::uint64_t bits, const field_type& t) noexcept {
  if (!t.is_signed || t.width == 64) return static_cast<std::int64_t>(bits);
  const auto top = std::uint64_t{1} << (t.width - 1);
  return static_cast<std::int64_t>((bits ^ top) - top);
}

// old + by in the type; none when that fails.
std::optional<std::int64_t> fit(std::int64_t old, std::int64_t by, const field_type& t, overflow how) noexcept {
  __extension__ using wide = __int128;
  const wide one = 1;
  const wide high = t.is_signed ? (one << (t.width - 1)) - 1 : (one << t.width) - 1;
  const wide low = t.is_signed ? -(one << (t.width - 1)) : 0;
  // An unsigned SET takes a negative number as its bits.
  const wide start = t.is_signed || old >= 0 ? wide{old} : wide{static_cast<std::uint64_t>(old)};
  const wide sum = start + by;
  if (sum >= low && sum <= high) return static_cast<std::int64_t>(sum);
  if (how == overflow::fail) return std::nullopt;
  if (how == overflow::saturate) return static_cast<std::int64_t>(sum > high ? high : low);
  const auto mask = t.width == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << t.width) - 1;
  return extended(static_cast<std::uint64_t>(sum) & mask, t);
}

// False: it failed on overflow, and nothing is written.
bool carry_out(procedure_call& c, const field_operation& op, std::string_view seen, std::string& bytes) {
  const auto old = extended(read_bits(seen, op.offset, op.type.width), op.type);
  if (op.step == field_step::get) {
    c.reply.integer(old);
    return false;
  }
  const auto fresh = op.step == field_step::set ? fit(op.value, 0, op.type, op.on_overflow)
                                                : fit(old, op.value, op.type, op.on_overflow);
  if (!fresh) {
    c.reply.null();
    return false;
  }
  write_bits(bytes, op.offset, op.type.width, static_cast<std::uint64_t>(*fresh));
  c.reply.integer(op.step == field_step::set ? old : *fresh);
  return true;
}

struct changed_field {
  std::size_t first = 0;  // byte
  std::size_t count = 0;
};

// A large string gets the bytes that changed, field by field: they may lie far apart. False: an error is the reply.
bool write_fields(procedure_call& c, const string_lookup& s, std::string_view bytes,
                  const std::vector<changed_field>& changed) {
  if (!s.present || bytes.size() <= stored_anew_max) return put_string(c, c[0], bytes, s.expiry);
  for (const auto& field : changed) {
    if (c.keys.splice(c[0], field.first, bytes.substr(field.first, field.count)) == errc::ok) continue;
    c.reply.error(out_of_memory_words);
    return false;
  }
  return true;
}

void run_fields(procedure_call& c, bool reads_only) {
  std::vector<field_operation> operations;
  overflow present = overflow::wrap;
  std::size_t size = 0;  // that writes need
  for (std::size_t i = 1; i < c.size();) {
    if (is_word(c[i], "overflow") && i + 1 < c.size()) {
      if (!read_overflow(c, c[i + 1], present)) return;
      i += 2;
      continue;
    }
    auto& op = operations.emplace_back();
    if (!read_operation(c, i, present, op)) return;
    if (op.step != field_step::get)
      size = std::max(size, static_cast<std::size_t>((op.offset + op.type.width + 7) / 8));
  }
  if (reads_only && size > 0) return c.reply.error("ERR BITFIELD_RO only supports the GET subcommand");
  const auto s = find_string(c, c[0]);
  if (!s.good) return;
  if (size > longest_string(c)) return c.reply.error(too_long);
  std::string bytes;  // as it becomes; reads alone look at the string where it lies
  if (size > 0) bytes = s.bytes;
  if (size > bytes.size()) bytes.resize(size);
  std::vector<changed_field> changed;
  const auto begin = c.reply.size();
  c.reply.array(operations.size());
  for (const auto& op : operations) {
    if (!carry_out(c, op, size > 0 ? bytes : s.bytes, bytes)) continue;
    const auto first = static_cast<std::size_t>(op.offset / 8);
    changed.push_back({first, static_cast<std::size_t>((op.offset + op.type.width + 7) / 8) - first});
  }
  if (size > s.bytes.size()) changed.push_back({size - 1, 1});  // it grows, whatever was refused on overflow
  if (changed.empty()) return;
  const bool differs = size > s.bytes.size() || std::any_of(changed.begin(), changed.end(), [&](const auto& f) {
                         return s.bytes.substr(f.first, f.count) != std::string_view(bytes).substr(f.first, f.count);
                       });
  const auto reply_end = c.reply.size();
  if (write_fields(c, s, bytes, changed)) {
    if (differs) c.keys.tell(event_kind::string, "setbit", c[0]);
    return;
  }
  // The error is all of the reply.
  c.reply.erase(begin, reply_end);
}

void bitfield(procedure_call& c) { run_fields(c, false); }
void bitfield_ro(procedure_call& c) { run_fields(c, true); }

}  // namespace

function bitfield_function(procedure p) noexcept {
  switch (p) {
    case procedure::bitfield: return bitfield;
    case procedure::bitfield_ro: return bitfield_ro;
    default: return nullptr;
  }
}

}  // namespace troupe::procedures
