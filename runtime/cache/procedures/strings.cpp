// Strings: whole values and pieces of them.
#include <algorithm>
#include <vector>

#include "runtime/cache/procedures/functions.hpp"

namespace troupe::procedures {

namespace {

/// Cells of the table that LCS fills.
constexpr std::uint64_t lcs_cells_max = std::uint64_t{16} << 20;

void get(procedure_call& c) {
  const auto s = find_string(c, c[0]);
  if (!s.good) return;
  s.present ? c.reply.bulk(s.bytes) : c.reply.null();
}

void mget(procedure_call& c) {
  c.reply.array(c.size());
  for (const auto key : c.words) {
    const auto found = c.keys.find(key);
    found && found->type == value_type::string ? c.reply.bulk(found->bytes) : c.reply.null();
  }
}

struct set_request {
  bool if_absent = false;
  bool if_present = false;
  bool give_old = false;
  bool keep_ttl = false;
  bool persist = false;  // of GETEX
  std::optional<std::int64_t> expiry_ms;
};

// The options of SET from word `i` on, or of GETEX. False: an error is the reply.
bool read_options(procedure_call& c, std::size_t i, bool getex, set_request& r) {
  bool timed = false;
  for (; i < c.size(); ++i) {
    const auto word = c[i];
    const bool seconds = is_word(word, "ex") || is_word(word, "exat");
    const bool absolute = is_word(word, "exat") || is_word(word, "pxat");
    const bool times = seconds || absolute || is_word(word, "px");
    if (times && !timed && !r.keep_ttl && !r.persist && i + 1 < c.size()) {
      timed = true;
      r.expiry_ms = read_expiry(c, c[++i], seconds, absolute);
      if (!r.expiry_ms) return false;
    } else if (!getex && is_word(word, "nx") && !r.if_present) {
      r.if_absent = true;
    } else if (!getex && is_word(word, "xx") && !r.if_absent) {
      r.if_present = true;
    } else if (!getex && is_word(word, "get")) {
      r.give_old = true;
    } else if (!getex && is_word(word, "keepttl") && !timed) {
      r.keep_ttl = true;
    } else if (getex && is_word(word, "persist") && !timed) {
      r.persist = true;
    } else {
      c.reply.error(syntax_error);
      return false;
    }
  }
  return true;
}

// A time that has passed already leaves nothing.
bool store(procedure_call& c, std::string_view key, std::string_view bytes, std::optional<std::int64_t> expiry_ms,
           time_point otherwise = keyspace::never) {
  if (expiry_ms && *expiry_ms <= c.keys.wall_ms()) {
    (void)c.keys.erase(key);
    return true;
  }
  if (!put_string(c, key, bytes, expiry_ms ? expiry_at(c, *expiry_ms) : otherwise)) return false;
  c.keys.tell(event_kind::string, "set", key);
  if (expiry_ms) c.keys.tell(event_kind::generic, "expire", key);
  return true;
}

void set(procedure_call& c) {
  set_request r;
  if (!read_options(c, 2, false, r)) return;
  const auto found = c.keys.find(c[0]);
  if (r.give_old && found && found->type != value_type::string) return c.reply.wrong_type();
  std::string old;
  if (r.give_old && found) old = found->bytes;
  const bool held = !(r.if_absent && found) && !(r.if_present && !found);
  const auto expiry = r.keep_ttl && found ? found->expiry : keyspace::never;
  if (held && !store(c, c[0], c[1], r.expiry_ms, expiry)) return;
  if (r.give_old) return found ? c.reply.bulk(old) : c.reply.null();
  held ? c.reply.ok() : c.reply.null();
}

void setnx(procedure_call& c) {
  if (c.keys.find(c[0])) return c.reply.integer(0);
  if (store(c, c[0], c[1], std::nullopt)) c.reply.integer(1);
}

void set_for(procedure_call& c, bool seconds) {
  const auto at = read_expiry(c, c[1], seconds, false);
  if (at && store(c, c[0], c[2], at)) c.reply.ok();
}
void setex(procedure_call& c) { set_for(c, true); }
void psetex(procedure_call& c) { set_for(c, false); }

// False: an error is the reply.
bool check_pairs(procedure_call& c) {
  if (c.size() % 2 != 0) {
    c.reply.error("ERR wrong number of arguments for '" + std::string(c.name) + "' command");
    return false;
  }
  if (c.size() / 2 <= written_keys_max) return true;
  c.reply.error("ERR too many keys of one slot in one command");
  return false;
}

// Sizes are looked at before the first is written; all values together cross to a copy in one message.
bool put_pairs(procedure_call& c) {
  std::uint64_t bytes = 0;
  for (std::size_t i = 1; i < c.size(); i += 2) bytes += c[i].size();
  if (bytes > longest_string(c)) {
    c.reply.error(too_long);
    return false;
  }
  for (std::size_t i = 0; i < c.size(); i += 2) {
    if (!store(c, c[i], c[i + 1], std::nullopt)) return false;
  }
  return true;
}

void mset(procedure_call& c) {
  if (check_pairs(c) && put_pairs(c)) c.reply.ok();
}

void msetnx(procedure_call& c) {
  if (!check_pairs(c)) return;
  for (std::size_t i = 0; i < c.size(); i += 2) {
    if (c.keys.find(c[i])) return c.reply.integer(0);
  }
  if (put_pairs(c)) c.reply.integer(1);
}

void getset(procedure_call& c) {
  const auto s = find_string(c, c[0]);
  if (!s.good) return;
  const std::string old(s.bytes);
  if (!store(c, c[0], c[1], std::nullopt)) return;
  s.present ? c.reply.bulk(old) : c.reply.null();
}

void getdel(procedure_call& c) {
  const auto s = find_string(c, c[0]);
  if (!s.good) return;
  if (!s.present) return c.reply.null();
  c.reply.bulk(s.bytes);
  (void)c.keys.erase(c[0]);
}

void getex(procedure_call& c) {
  set_request r;
  if (!read_options(c, 1, true, r)) return;
  const auto s = find_string(c, c[0]);
  if (!s.good) return;
  if (!s.present) return c.reply.null();
  c.reply.bulk(s.bytes);
  if (r.expiry_ms && *r.expiry_ms <= c.keys.wall_ms())
    (void)c.keys.erase(c[0]);
  else if (r.expiry_ms)
    change_expiry(c, c[0], expiry_at(c, *r.expiry_ms));
  else if (r.persist && s.expiry != keyspace::never)
    change_expiry(c, c[0], keyspace::never);
}

// The reply is the size of the whole.
void write_piece(procedure_call& c, const string_lookup& s, std::size_t offset, std::string_view piece) {
  const auto size = std::max(s.bytes.size(), offset + piece.size());
  if (!put_piece(c, c[0], s, offset, piece)) return;
  c.keys.tell(event_kind::string, c.name, c[0]);
  c.reply.integer(static_cast<std::int64_t>(size));
}

void append(procedure_call& c) {
  const auto s = find_string(c, c[0]);
  if (!s.good) return;
  if (s.present && c[1].empty()) return c.reply.integer(static_cast<std::int64_t>(s.bytes.size()));
  write_piece(c, s, s.bytes.size(), c[1]);
}

void setrange(procedure_call& c) {
  const auto offset = integer_word(c, 1);
  if (!offset) return;
  if (*offset < 0) return c.reply.error("ERR offset is out of range");
  const auto s = find_string(c, c[0]);
  if (!s.good) return;
  if (c[2].empty()) return c.reply.integer(static_cast<std::int64_t>(s.bytes.size()));
  if (static_cast<std::uint64_t>(*offset) > string_bytes_max) return c.reply.error(too_long);
  write_piece(c, s, static_cast<std::size_t>(*offset), c[2]);
}

void strlen(procedure_call& c) {
  const auto s = find_string(c, c[0]);
  if (s.good) c.reply.integer(static_cast<std::int64_t>(s.bytes.size()));
}

void getrange(procedure_call& c) {
  auto start = integer_word(c, 1);
  if (!start) return;
  auto stop = integer_word(c, 2);
  if (!stop) return;
  const auto s = find_string(c, c[0]);
  if (!s.good) return;
  const auto size = static_cast<std::int64_t>(s.bytes.size());
  if (size == 0 || (*start < 0 && *stop < 0 && *start > *stop)) return c.reply.bulk(std::string_view());
  if (*start < 0) start = std::max<std::int64_t>(size + *start, 0);
  if (*stop < 0) stop = std::max<std::int64_t>(size + *stop, 0);
  const auto part = clip_range(*start, *stop, s.bytes.size());
  c.reply.bulk(s.bytes.substr(part.first, part.count));
}

// --- the longest common subsequence

struct lcs_request {
  bool length = false;
  bool places = false;
  bool with_lengths = false;
  std::int64_t shortest = 0;
};

bool read_lcs(procedure_call& c, lcs_request& r) {
  for (std::size_t i = 2; i < c.size(); ++i) {
    if (is_word(c[i], "len")) {
      r.length = true;
    } else if (is_word(c[i], "idx")) {
      r.places = true;
    } else if (is_word(c[i], "withmatchlen")) {
      r.with_lengths = true;
    } else if (is_word(c[i], "minmatchlen") && i + 1 < c.size()) {
      const auto n = integer_word(c, ++i);
      if (!n) return false;
      r.shortest = std::max<std::int64_t>(*n, 0);
    } else {
      c.reply.error(syntax_error);
      return false;
    }
  }
  if (!r.length || !r.places) return true;
  c.reply.error("ERR If you want both the length and indexes, please just use IDX.");
  return false;
}

struct lcs_match {
  std::size_t a_first, a_last, b_first, b_last;
};

// From the ends of both on, so matches come last first. cells[i][j]: length for the first i and j bytes.
std::string walk_back(std::string_view a, std::string_view b, const std::vector<std::uint32_t>& cells,
                      std::vector<lcs_match>& matches) {
  const auto width = b.size() + 1;
  std::string common;
  std::size_t i = a.size();
  std::size_t j = b.size();
  bool in_match = false;
  while (i > 0 && j > 0) {
    if (a[i - 1] == b[j - 1]) {
      common.push_back(a[i - 1]);
      --i;
      --j;
      if (in_match && matches.back().a_first == i + 1 && matches.back().b_first == j + 1) {
        matches.back().a_first = i;
        matches.back().b_first = j;
      } else {
        matches.push_back({i, i, j, j});
        in_match = true;
      }
      continue;
    }
    if (cells[(i - 1) * width + j] > cells[i * width + j - 1])
      --i;
    else
      --j;
  }
  std::reverse(common.begin(), common.end());
  return common;
}

void write_places(procedure_call& c, const lcs_request& r, std::vector<lcs_match> matches, std::size_t length) {
  std::erase_if(matches,
                [&](const lcs_match& m) { return static_cast<std::int64_t>(m.a_last - m.a_first + 1) < r.shortest; });
  c.reply.map(2);
  c.reply.bulk("matches");
  c.reply.array(matches.size());
  for (const auto& m : matches) {
    c.reply.array(r.with_lengths ? 3 : 2);
    for (const auto& [first, last] : {std::pair(m.a_first, m.a_last), std::pair(m.b_first, m.b_last)}) {
      c.reply.array(2);
      c.reply.integer(static_cast<std::int64_t>(first));
      c.reply.integer(static_cast<std::int64_t>(last));
    }
    if (r.with_lengths) c.reply.integer(static_cast<std::int64_t>(m.a_last - m.a_first + 1));
  }
  c.reply.bulk("len");
  c.reply.integer(static_cast<std::int64_t>(length));
}

void lcs(procedure_call& c) {
  const auto first = c.keys.find(c[0]);
  const auto second = c.keys.find(c[1]);
  if ((first && first->type != value_type::string) || (second && second->type != value_type::string))
    return c.reply.error("ERR The specified keys must contain string values");
  lcs_request r;
  if (!read_lcs(c, r)) return;
  const auto a = first ? first->bytes : std::string_view();
  const auto b = second ? second->bytes : std::string_view();
  const auto width = b.size() + 1;
  if ((a.size() + 1) * std::uint64_t{width} > lcs_cells_max)
    return c.reply.error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
  std::vector<std::uint32_t> cells((a.size() + 1) * width);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      cells[i * width + j] = a[i - 1] == b[j - 1] ? cells[(i - 1) * width + j - 1] + 1
                                                  : std::max(cells[(i - 1) * width + j], cells[i * width + j - 1]);
    }
  }
  if (r.length) return c.reply.integer(cells.back());
  std::vector<lcs_match> matches;
  const auto common = walk_back(a, b, cells, matches);
  if (!r.places) return c.reply.bulk(common);
  write_places(c, r, std::move(matches), common.size());
}

}  // namespace

function string_function(procedure p) noexcept {
  switch (p) {
    case procedure::get: return get;
    case procedure::mget: return mget;
    case procedure::set: return set;
    case procedure::setnx: return setnx;
    case procedure::setex: return setex;
    case procedure::psetex: return psetex;
    case procedure::mset: return mset;
    case procedure::msetnx: return msetnx;
    case procedure::getset: return getset;
    case procedure::getdel: return getdel;
    case procedure::getex: return getex;
    case procedure::append: return append;
    case procedure::setrange: return setrange;
    case procedure::strlen: return strlen;
    case procedure::getrange:
    case procedure::substr: return getrange;
    case procedure::lcs: return lcs;
    default: return nullptr;
  }
}

}  // namespace troupe::procedures
