// Strings as rows of bits; bit 0 is the highest of the first byte.
#include <algorithm>
#include <bit>
#include <vector>

#include "runtime/cache/procedures/functions.hpp"

namespace troupe::procedures {

namespace {

constexpr std::string_view bad_offset = "ERR bit offset is not an integer or out of range";

bool bit_at(std::string_view bytes, std::uint64_t i) noexcept {
  const auto byte = static_cast<std::size_t>(i / 8);
  return byte < bytes.size() && (static_cast<unsigned char>(bytes[byte]) >> (7 - i % 8) & 1U) != 0;
}

// "17", or "#3": three times `width`.
std::optional<std::uint64_t> read_offset(std::string_view text, unsigned width) noexcept {
  const bool counts = width > 0 && text.starts_with('#');
  const auto n = read_integer(text.substr(counts ? 1 : 0));
  if (!n || *n < 0) return std::nullopt;
  std::int64_t offset = *n;
  if (counts && __builtin_mul_overflow(offset, static_cast<std::int64_t>(width), &offset)) return std::nullopt;
  if (static_cast<std::uint64_t>(offset) / 8 >= string_bytes_max) return std::nullopt;
  return static_cast<std::uint64_t>(offset);
}

void getbit(procedure_call& c) {
  const auto offset = read_offset(c[1], 0);
  if (!offset) return c.reply.error(bad_offset);
  const auto s = find_string(c, c[0]);
  if (s.good) c.reply.integer(bit_at(s.bytes, *offset) ? 1 : 0);
}

void setbit(procedure_call& c) {
  const auto offset = read_offset(c[1], 0);
  if (!offset) return c.reply.error(bad_offset);
  if (c[2] != "0" && c[2] != "1") return c.reply.error("ERR bit is not an integer or out of range");
  const auto s = find_string(c, c[0]);
  if (!s.good) return;
  const bool old = bit_at(s.bytes, *offset);
  const bool fresh = c[2] == "1";
  const auto at = static_cast<std::size_t>(*offset / 8);
  if (at >= s.bytes.size() || old != fresh) {
    auto byte = at < s.bytes.size() ? static_cast<unsigned char>(s.bytes[at]) : 0U;
    const auto mask = 0x80U >> (*offset % 8);
    byte = fresh ? byte | mask : byte & ~mask;
    const char piece = static_cast<char>(byte);
    if (!put_piece(c, c[0], s, at, {&piece, 1})) return;
    c.keys.tell(event_kind::string, "setbit", c[0]);
  }
  c.reply.integer(old ? 1 : 0);
}

// --- a range of bytes or bits

struct bit_range {
  std::uint64_t first = 0, end = 0;  // bits
};

// start [end [BYTE|BIT]] from word `i` on, of a string of `size` bytes. False: an error is the reply. BITCOUNT knows
// ranges that are turned round before it looks at the unit, BITPOS knows none.
bool read_bit_range(procedure_call& c, std::size_t i, std::size_t size, bit_range& r, bool counts) {
  std::int64_t start = 0;
  std::int64_t stop = -1;
  bool bits = false;
  if (c.size() > i) {
    const auto n = integer_word(c, i);
    if (!n) return false;
    start = *n;
  }
  if (c.size() > i + 1) {
    const auto n = integer_word(c, i + 1);
    if (!n) return false;
    stop = *n;
  }
  if (counts && start < 0 && stop < 0 && start > stop) return true;
  if (c.size() > i + 2) {
    bits = is_word(c[i + 2], "bit");
    if (c.size() > i + 3 || (!bits && !is_word(c[i + 2], "byte"))) {
      c.reply.error(syntax_error);
      return false;
    }
  }
  const auto total = static_cast<std::int64_t>(bits ? size * 8 : size);
  if (total == 0) return true;
  if (start < 0) start = std::max<std::int64_t>(total + start, 0);
  if (stop < 0) stop = std::max<std::int64_t>(total + stop, 0);
  stop = std::min(stop, total - 1);
  if (start > stop) return true;
  const std::uint64_t unit = bits ? 1 : 8;
  r = {static_cast<std::uint64_t>(start) * unit, (static_cast<std::uint64_t>(stop) + 1) * unit};
  return true;
}

std::uint64_t count_bits(std::string_view bytes, const bit_range& r) noexcept {
  std::uint64_t count = 0;
  auto i = r.first;
  for (; i < r.end && i % 8 != 0; ++i) count += bit_at(bytes, i) ? 1 : 0;
  for (; i + 8 <= r.end; i += 8) {
    const auto byte = static_cast<unsigned char>(bytes[static_cast<std::size_t>(i / 8)]);
    count += static_cast<std::uint64_t>(std::popcount(byte));
  }
  for (; i < r.end; ++i) count += bit_at(bytes, i) ? 1 : 0;
  return count;
}

void bitcount(procedure_call& c) {
  const auto s = find_string(c, c[0]);
  if (!s.good) return;
  if (!s.present) return c.reply.integer(0);
  if (c.size() == 2) return c.reply.error(syntax_error);
  bit_range r;
  if (read_bit_range(c, 1, s.bytes.size(), r, true)) c.reply.integer(static_cast<std::int64_t>(count_bits(s.bytes, r)));
}

void bitpos(procedure_call& c) {
  const auto bit = integer_word(c, 1);
  if (!bit) return;
  if (*bit != 0 && *bit != 1) return c.reply.error("ERR The bit argument must be 1 or 0.");
  const auto s = find_string(c, c[0]);
  if (!s.good) return;
  if (!s.present) return c.reply.integer(*bit == 1 ? -1 : 0);
  bit_range r;
  if (!read_bit_range(c, 2, s.bytes.size(), r, false)) return;
  const auto skipped = static_cast<char>(*bit == 1 ? 0 : 0xff);
  for (auto i = r.first; i < r.end;) {
    if (i % 8 == 0 && i + 8 <= r.end && s.bytes[static_cast<std::size_t>(i / 8)] == skipped) {
      i += 8;
    } else if (bit_at(s.bytes, i) == (*bit == 1)) {
      return c.reply.integer(static_cast<std::int64_t>(i));
    } else {
      ++i;
    }
  }
  // Behind the string all bits are 0, unless the end was given.
  const bool padded = *bit == 0 && c.size() <= 3 && r.end > r.first;
  c.reply.integer(padded ? static_cast<std::int64_t>(s.bytes.size() * 8) : -1);
}

void bitop(procedure_call& c) {
  const bool conjunction = is_word(c[0], "and");
  const bool disjunction = is_word(c[0], "or");
  const bool negation = is_word(c[0], "not");
  if (!conjunction && !disjunction && !negation && !is_word(c[0], "xor")) return c.reply.error(syntax_error);
  if (negation && c.size() != 3) return c.reply.error("ERR BITOP NOT must be called with a single source key.");
  std::vector<std::string_view> sources;
  std::size_t longest = 0;
  for (std::size_t i = 2; i < c.size(); ++i) {
    const auto s = find_string(c, c[i]);
    if (!s.good) return;
    sources.push_back(s.bytes);
    longest = std::max(longest, s.bytes.size());
  }
  std::string result(sources.front());
  result.resize(longest);
  for (std::size_t k = 1; k < sources.size(); ++k) {
    for (std::size_t i = 0; i < longest; ++i) {
      const char other = i < sources[k].size() ? sources[k][i] : '\0';
      result[i] = static_cast<char>(conjunction   ? result[i] & other
                                    : disjunction ? result[i] | other
                                                  : result[i] ^ other);
    }
  }
  if (negation) {
    for (auto& byte : result) byte = static_cast<char>(~byte);
  }
  if (longest == 0)
    (void)c.keys.erase(c[1]);
  else if (!put_string(c, c[1], result))
    return;
  if (longest != 0) c.keys.tell(event_kind::string, "set", c[1]);
  c.reply.integer(static_cast<std::int64_t>(longest));
}

}  // namespace

function bit_function(procedure p) noexcept {
  switch (p) {
    case procedure::getbit: return getbit;
    case procedure::setbit: return setbit;
    case procedure::bitcount: return bitcount;
    case procedure::bitpos: return bitpos;
    case procedure::bitop: return bitop;
    default: return nullptr;
  }
}

}  // namespace troupe::procedures
