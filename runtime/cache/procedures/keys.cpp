// Keys, whatever they hold.
#include <algorithm>
#include <limits>

#include "runtime/base/crc32c.hpp"
#include "runtime/cache/procedures/functions.hpp"
#include "runtime/cache/procedures/typed.hpp"

namespace troupe::procedures {

namespace {

constexpr std::int64_t no_key = -2;
constexpr std::int64_t no_expiry = -1;
/// Bytes of a string that OBJECT ENCODING calls embstr.
constexpr std::size_t embedded_max = 44;
constexpr std::size_t dump_crc_bytes = 4;
/// What an entry can remember: about a year.
constexpr std::int64_t idle_seconds_max = std::int64_t{360} * 24 * 3600;

void erase_keys(procedure_call& c) {
  std::int64_t erased = 0;
  for (const auto key : c.words) erased += c.keys.erase(key) ? 1 : 0;
  c.reply.integer(erased);
}

void exists(procedure_call& c) {
  std::int64_t found = 0;
  for (const auto key : c.words) found += c.keys.look(key) ? 1 : 0;
  c.reply.integer(found);
}

void touch(procedure_call& c) {
  std::int64_t found = 0;
  for (const auto key : c.words) found += c.keys.find(key) ? 1 : 0;
  c.reply.integer(found);
}

void type(procedure_call& c) {
  const auto found = c.keys.look(c[0]);
  c.reply.simple(found ? name_of(found->type) : "none");
}

// --- expiry

enum class expiry_form { left_seconds, left_ms, at_seconds, at_ms };

void tell_expiry(procedure_call& c, expiry_form form) {
  const auto found = c.keys.look(c[0]);
  if (!found) return c.reply.integer(no_key);
  if (found->expiry == keyspace::never) return c.reply.integer(no_expiry);
  switch (form) {
    case expiry_form::left_seconds: return c.reply.integer((milliseconds_left(c, found->expiry) + 500) / 1000);
    case expiry_form::left_ms: return c.reply.integer(milliseconds_left(c, found->expiry));
    case expiry_form::at_seconds: return c.reply.integer((wall_ms_of(c, found->expiry) + 500) / 1000);
    case expiry_form::at_ms: return c.reply.integer(wall_ms_of(c, found->expiry));
  }
}
void ttl(procedure_call& c) { tell_expiry(c, expiry_form::left_seconds); }
void pttl(procedure_call& c) { tell_expiry(c, expiry_form::left_ms); }
void expiretime(procedure_call& c) { tell_expiry(c, expiry_form::at_seconds); }
void pexpiretime(procedure_call& c) { tell_expiry(c, expiry_form::at_ms); }

struct expire_conditions {
  bool nx = false, xx = false, gt = false, lt = false;
};

bool read_conditions(procedure_call& c, expire_conditions& when) {
  for (std::size_t i = 2; i < c.size(); ++i) {
    bool* const which = is_word(c[i], "nx")   ? &when.nx
                        : is_word(c[i], "xx") ? &when.xx
                        : is_word(c[i], "gt") ? &when.gt
                        : is_word(c[i], "lt") ? &when.lt
                                              : nullptr;
    if (which == nullptr) {
      c.reply.error("ERR Unsupported option " + std::string(c[i]));
      return false;
    }
    *which = true;
  }
  if (when.nx && (when.xx || when.gt || when.lt)) {
    c.reply.error("ERR NX and XX, GT or LT options at the same time are not compatible");
    return false;
  }
  if (when.gt && when.lt) {
    c.reply.error("ERR GT and LT options at the same time are not compatible");
    return false;
  }
  return true;
}

// Milliseconds since 1970 of the word, which may lie in the past.
std::optional<std::int64_t> read_moment(procedure_call& c, bool seconds, bool absolute) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  const auto value = integer_word(c, 1);
  if (!value) return std::nullopt;
  const auto base = absolute ? 0 : c.keys.wall_ms();
  const bool fits = !seconds || (*value <= most / 1000 && *value >= least / 1000);
  const auto ms = fits && seconds ? *value * 1000 : *value;
  if (fits && ms <= most - base) return ms + base;
  c.reply.error("ERR invalid expire time in '" + std::string(c.name) + "' command");
  return std::nullopt;
}

void expire_at(procedure_call& c, bool seconds, bool absolute) {
  expire_conditions when;
  if (!read_conditions(c, when)) return;
  const auto moment = read_moment(c, seconds, absolute);
  if (!moment) return;
  const auto found = c.keys.find(c[0]);
  if (!found) return c.reply.integer(0);
  const bool has = found->expiry != keyspace::never;
  const auto present = has ? wall_ms_of(c, found->expiry) : 0;
  if ((when.nx && has) || (when.xx && !has) || (when.gt && (!has || *moment <= present)) ||
      (when.lt && has && *moment >= present))
    return c.reply.integer(0);
  if (*moment <= c.keys.wall_ms())
    (void)c.keys.erase(c[0]);
  else
    change_expiry(c, c[0], expiry_at(c, *moment));
  c.reply.integer(1);
}
void expire(procedure_call& c) { expire_at(c, true, false); }
void pexpire(procedure_call& c) { expire_at(c, false, false); }
void expireat(procedure_call& c) { expire_at(c, true, true); }
void pexpireat(procedure_call& c) { expire_at(c, false, true); }

void persist(procedure_call& c) {
  const auto found = c.keys.find(c[0]);
  const bool has = found && found->expiry != keyspace::never;
  if (has) change_expiry(c, c[0], keyspace::never);
  c.reply.integer(has ? 1 : 0);
}

// --- to another key

// What takes another one's place is new, as if that had been deleted before; it is told by the store when nothing was
// there.
void tell_replaced(procedure_call& c, std::string_view key, bool replaces) {
  if (replaces) c.keys.tell(event_kind::fresh, "new", key);
}

// False: an error is the reply.
bool copy_to(procedure_call& c, const keyspace::found& from, std::string_view key) {
  auto object = from.object == nullptr ? nullptr : from.object->clone();
  const std::string bytes(from.bytes);
  const auto expiry = from.expiry;
  const bool replaces = c.keys.look(key).has_value();
  const bool stored =
      object == nullptr ? put_string(c, key, bytes, expiry) : put_object(c, key, std::move(object), expiry);
  if (stored) tell_replaced(c, key, replaces);
  return stored;
}

void move_key(procedure_call& c, bool if_absent) {
  const auto from = c.keys.find(c[0]);
  if (!from) return c.reply.error(no_such_key);
  if (c[0] == c[1]) return if_absent ? c.reply.integer(0) : c.reply.ok();
  if (if_absent && c.keys.look(c[1])) return c.reply.integer(0);
  if (!copy_to(c, *from, c[1])) return;
  (void)c.keys.take_away(c[0]);
  c.keys.tell(event_kind::generic, "rename_from", c[0]);
  c.keys.tell(event_kind::generic, "rename_to", c[1]);
  if_absent ? c.reply.integer(1) : c.reply.ok();
}
void rename(procedure_call& c) { move_key(c, false); }
void renamenx(procedure_call& c) { move_key(c, true); }

void copy(procedure_call& c) {
  bool replace = false;
  for (std::size_t i = 2; i < c.size(); ++i) {
    if (is_word(c[i], "replace")) {
      replace = true;
    } else if (is_word(c[i], "db") && i + 1 < c.size()) {
      const auto db = integer_word(c, ++i);
      if (!db) return;
      if (*db != 0) return c.reply.error("ERR DB index is out of range");
    } else {
      return c.reply.error(syntax_error);
    }
  }
  if (c[0] == c[1]) return c.reply.error("ERR source and destination objects are the same");
  const auto from = c.keys.find(c[0]);
  if (!from || (!replace && c.keys.look(c[1]))) return c.reply.integer(0);
  if (!copy_to(c, *from, c[1])) return;
  c.keys.tell(event_kind::generic, "copy_to", c[1]);
  c.reply.integer(1);
}

// --- looking in

void object_encoding(procedure_call& c) {
  const auto found = c.keys.look(c[0]);
  if (!found) return c.reply.null();
  if (found->object != nullptr) return c.reply.bulk(found->object->encoding());
  if (read_integer(found->bytes)) return c.reply.bulk("int");
  c.reply.bulk(found->bytes.size() <= embedded_max ? "embstr" : "raw");
}

void object_refcount(procedure_call& c) { c.keys.look(c[0]) ? c.reply.integer(1) : c.reply.null(); }

constexpr std::string_view takes_time =
    " Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.";

void object_idletime(procedure_call& c) {
  const auto found = c.keys.look(c[0]);
  if (!found) return c.reply.null();
  if (counts_frequency(c.keys.eviction()))
    return c.reply.error("ERR An LFU maxmemory policy is selected, idle time not tracked." + std::string(takes_time));
  const auto idle = recency::idle(found->used, c.keys.now()) + recency::unit;
  c.reply.integer(std::chrono::duration_cast<std::chrono::seconds>(idle).count());
}

void object_freq(procedure_call& c) {
  const auto found = c.keys.look(c[0]);
  if (!found) return c.reply.null();
  if (!counts_frequency(c.keys.eviction()))
    return c.reply.error("ERR An LFU maxmemory policy is not selected, access frequency not tracked." +
                         std::string(takes_time));
  c.reply.integer(frequency::current(found->used, c.keys.now()));
}

void memory_usage(procedure_call& c) {
  if (c.size() > 1) {
    if (c.size() != 3 || !is_word(c[1], "samples")) return c.reply.error(syntax_error);
    const auto samples = integer_word(c, 2);
    if (!samples) return;
    if (*samples < 0) return c.reply.error(syntax_error);
  }
  const auto bytes = c.keys.footprint_of(c[0]);
  bytes == 0 ? c.reply.null() : c.reply.integer(static_cast<std::int64_t>(bytes));
}

// --- bytes of a value: docs/WIRE.md, Values

void dump(procedure_call& c) {
  const auto found = c.keys.find(c[0]);
  if (!found) return c.reply.null();
  std::string bytes;
  if (found->object != nullptr) {
    serialise(*found->object, bytes);
  } else {
    bytes.append({static_cast<char>(value_type::string), 1}).append(found->bytes);
  }
  auto crc = crc32c(bytes);
  for (std::size_t i = 0; i < dump_crc_bytes; ++i, crc >>= 8) bytes.push_back(static_cast<char>(crc & 0xff));
  c.reply.bulk(bytes);
}

bool is_whole_dump(std::string_view bytes) {
  if (bytes.size() < 2 + dump_crc_bytes) return false;
  std::uint32_t told = 0;
  for (std::size_t i = 0; i < dump_crc_bytes; ++i)
    told |= std::uint32_t{static_cast<unsigned char>(bytes[bytes.size() - dump_crc_bytes + i])} << (8 * i);
  return told == crc32c(bytes.substr(0, bytes.size() - dump_crc_bytes));
}

struct restore_request {
  bool replace = false;
  bool absolute = false;
  std::optional<std::int64_t> idle_seconds;
  std::optional<std::int64_t> frequency;
};

bool read_restore(procedure_call& c, restore_request& r) {
  for (std::size_t i = 3; i < c.size(); ++i) {
    const bool idle = is_word(c[i], "idletime");
    if (is_word(c[i], "replace")) {
      r.replace = true;
    } else if (is_word(c[i], "absttl")) {
      r.absolute = true;
    } else if ((idle || is_word(c[i], "freq")) && i + 1 < c.size()) {
      const auto n = integer_word(c, ++i);
      if (!n) return false;
      (idle ? r.idle_seconds : r.frequency) = *n;
      if (*n >= 0 && (idle || *n <= 255)) continue;
      c.reply.error(idle ? "ERR Invalid IDLETIME value, must be >= 0"
                         : "ERR Invalid FREQ value, must be >= 0 and <= 255");
      return false;
    } else {
      c.reply.error(syntax_error);
      return false;
    }
  }
  return true;
}

// What counts under the policy; the other is forgotten.
void set_use(procedure_call& c, const restore_request& r) {
  const auto now = c.keys.now();
  if (counts_frequency(c.keys.eviction())) {
    if (r.frequency) c.keys.set_used(c[0], frequency::with(static_cast<std::uint32_t>(*r.frequency), now));
  } else if (r.idle_seconds) {
    const auto idle = std::min<std::int64_t>(*r.idle_seconds, idle_seconds_max);
    c.keys.set_used(c[0], recency::before(now, std::chrono::seconds(idle)));
  }
}

void restore(procedure_call& c) {
  restore_request r;
  if (!read_restore(c, r)) return;
  const bool replaces = c.keys.look(c[0]).has_value();
  if (!r.replace && replaces) return c.reply.error("BUSYKEY Target key name already exists.");
  const auto ttl_ms = integer_word(c, 1);
  if (!ttl_ms) return;
  if (*ttl_ms < 0) return c.reply.error("ERR Invalid TTL value, must be >= 0");
  const auto bytes = c[2];
  if (!is_whole_dump(bytes)) return c.reply.error("ERR DUMP payload version or checksum are wrong");
  const auto body = bytes.substr(0, bytes.size() - dump_crc_bytes);
  const bool is_string = body[0] == static_cast<char>(value_type::string) && body[1] == 1;
  auto object = is_string ? nullptr : read_value(body, c.keys.limits(), c.keys.hash_seed());
  if (!is_string && object == nullptr) return c.reply.error("ERR Bad data format");
  const auto moment = r.absolute || *ttl_ms > std::numeric_limits<std::int64_t>::max() - c.keys.wall_ms()
                          ? *ttl_ms
                          : *ttl_ms + c.keys.wall_ms();
  if (*ttl_ms != 0 && moment <= c.keys.wall_ms()) {
    (void)c.keys.erase(c[0]);
    return c.reply.ok();
  }
  const auto expiry = *ttl_ms == 0 ? keyspace::never : expiry_at(c, moment);
  const bool stored =
      is_string ? put_string(c, c[0], body.substr(2), expiry) : put_object(c, c[0], std::move(object), expiry);
  if (!stored) return;
  set_use(c, r);
  tell_replaced(c, c[0], replaces);
  c.keys.tell(event_kind::generic, "restore", c[0]);
  c.reply.ok();
}

}  // namespace

function key_function(procedure p) noexcept {
  switch (p) {
    case procedure::del:
    case procedure::unlink: return erase_keys;
    case procedure::exists: return exists;
    case procedure::touch: return touch;
    case procedure::type: return type;
    case procedure::ttl: return ttl;
    case procedure::pttl: return pttl;
    case procedure::expiretime: return expiretime;
    case procedure::pexpiretime: return pexpiretime;
    case procedure::expire: return expire;
    case procedure::pexpire: return pexpire;
    case procedure::expireat: return expireat;
    case procedure::pexpireat: return pexpireat;
    case procedure::persist: return persist;
    case procedure::rename: return rename;
    case procedure::renamenx: return renamenx;
    case procedure::copy: return copy;
    case procedure::object_encoding: return object_encoding;
    case procedure::object_refcount: return object_refcount;
    case procedure::object_idletime: return object_idletime;
    case procedure::object_freq: return object_freq;
    case procedure::memory_usage: return memory_usage;
    case procedure::dump: return dump;
    case procedure::restore: return restore;
    default: return nullptr;
  }
}

}  // namespace troupe::procedures
