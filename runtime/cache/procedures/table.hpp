// Every procedure as data: its name as a Redis client says it, how many words it takes, what it may do, where its keys
// stand. Doors make their command tables of it; the functions are in procedures.cpp, by number.
//
// Words are counted as Redis counts them, the command's name being word 0 (and a subcommand's word 1); a procedure gets
// those after the names.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "runtime/base/function_ref.hpp"
#include "runtime/cache/procedures/procedure.hpp"
#include "runtime/cache/procedures/words.hpp"

namespace troupe {

/// Of a procedure, as COMMAND names them.
enum procedure_flags : std::uint32_t {
  procedure_write = 1u << 0,
  procedure_readonly = 1u << 1,
  procedure_denyoom = 1u << 2,  // refused when memory is full
  procedure_fast = 1u << 3,
  procedure_movable = 1u << 4,   // some keys stand where other words say
  procedure_at_once = 1u << 5,   // no command of its own: only what a door makes
  procedure_blocking = 1u << 6,  // a client may wait for it: here it replies null when there is nothing
  procedure_noscript = 1u << 7,
};

enum class procedure_group : std::uint8_t { string, bitmap, generic, hash, list, set, sorted_set, transaction, shard };

struct procedure_row {
  std::string_view name;  // lower case; "object|encoding" for a subcommand
  procedure number;
  int arity;  // words including the name(s); negative: at least that many
  std::uint32_t flags;
  procedure_group group;
  int first_key;  // 0: none that stands always there
  int last_key;   // negative: counted from the end
  int key_step;
  int count_word = 0;  // where the number of the keys stands that follow it; 0: nowhere

  [[nodiscard]] constexpr bool is_subcommand() const noexcept { return name.find('|') != std::string_view::npos; }
  /// Words of the name.
  [[nodiscard]] constexpr int names() const noexcept { return is_subcommand() ? 2 : 1; }
  [[nodiscard]] constexpr bool takes(std::size_t words) const noexcept {
    return arity >= 0 ? words == static_cast<std::size_t>(arity) : words >= static_cast<std::size_t>(-arity);
  }
};

namespace procedure_rows {

using enum procedure_group;
inline constexpr std::uint32_t read = procedure_readonly;
inline constexpr std::uint32_t fast_read = procedure_readonly | procedure_fast;
inline constexpr std::uint32_t write = procedure_write;
inline constexpr std::uint32_t fast_write = procedure_write | procedure_fast;
inline constexpr std::uint32_t grow = procedure_write | procedure_denyoom;
inline constexpr std::uint32_t fast_grow = procedure_write | procedure_denyoom | procedure_fast;
inline constexpr std::uint32_t movable = procedure_movable;
inline constexpr std::uint32_t block = procedure_write | procedure_blocking | procedure_noscript;
inline constexpr std::uint32_t block_grow = block | procedure_denyoom;
inline constexpr std::uint32_t block_any = procedure_write | procedure_blocking | procedure_movable;

// clang-format off
inline constexpr auto table = std::to_array<procedure_row>({
    {"append",            procedure::append,             3, fast_grow,        string,      1,  1, 1},
    {"decr",              procedure::decr,               2, fast_grow,        string,      1,  1, 1},
    {"decrby",            procedure::decrby,             3, fast_grow,        string,      1,  1, 1},
    {"get",               procedure::get,                2, fast_read,        string,      1,  1, 1},
    {"getdel",            procedure::getdel,             2, fast_write,       string,      1,  1, 1},
    {"getex",             procedure::getex,             -2, fast_write,       string,      1,  1, 1},
    {"getrange",          procedure::getrange,           4, read,             string,      1,  1, 1},
    {"getset",            procedure::getset,             3, fast_grow,        string,      1,  1, 1},
    {"incr",              procedure::incr,               2, fast_grow,        string,      1,  1, 1},
    {"incrby",            procedure::incrby,             3, fast_grow,        string,      1,  1, 1},
    {"incrbyfloat",       procedure::incrbyfloat,        3, fast_grow,        string,      1,  1, 1},
    {"lcs",               procedure::lcs,               -3, read,             string,      1,  2, 1},
    {"mget",              procedure::mget,              -2, fast_read,        string,      1, -1, 1},
    {"mset",              procedure::mset,              -3, grow,             string,      1, -1, 2},
    {"msetnx",            procedure::msetnx,            -3, grow,             string,      1, -1, 2},
    {"psetex",            procedure::psetex,             4, grow,             string,      1,  1, 1},
    {"set",               procedure::set,               -3, grow,             string,      1,  1, 1},
    {"setex",             procedure::setex,              4, grow,             string,      1,  1, 1},
    {"setnx",             procedure::setnx,              3, fast_grow,        string,      1,  1, 1},
    {"setrange",          procedure::setrange,           4, grow,             string,      1,  1, 1},
    {"shard_clear",       procedure::shard_clear,        4, write | procedure_at_once, shard,  0,  0, 0},
    {"shard_count",       procedure::shard_count,        1, read | procedure_at_once,  shard,  0,  0, 0},
    {"shard_drop",        procedure::shard_drop,         1, write | procedure_at_once, shard,  0,  0, 0},
    {"shard_scan",        procedure::shard_scan,         7, read | procedure_at_once,  shard,  0,  0, 0},
    {"strlen",            procedure::strlen,             2, fast_read,        string,      1,  1, 1},
    {"substr",            procedure::substr,             4, read,             string,      1,  1, 1},

    {"copy",              procedure::copy,              -3, grow,             generic,     1,  2, 1},
    {"del",               procedure::del,               -2, write,            generic,     1, -1, 1},
    {"dump",              procedure::dump,               2, read,             generic,     1,  1, 1},
    {"exists",            procedure::exists,            -2, fast_read,        generic,     1, -1, 1},
    {"expire",            procedure::expire,            -3, fast_write,       generic,     1,  1, 1},
    {"expireat",          procedure::expireat,          -3, fast_write,       generic,     1,  1, 1},
    {"expiretime",        procedure::expiretime,         2, fast_read,        generic,     1,  1, 1},
    {"memory|usage",      procedure::memory_usage,      -3, read,             generic,     2,  2, 1},
    {"object|encoding",   procedure::object_encoding,    3, read,             generic,     2,  2, 1},
    {"object|freq",       procedure::object_freq,        3, read,             generic,     2,  2, 1},
    {"object|idletime",   procedure::object_idletime,    3, read,             generic,     2,  2, 1},
    {"object|refcount",   procedure::object_refcount,    3, read,             generic,     2,  2, 1},
    {"persist",           procedure::persist,            2, fast_write,       generic,     1,  1, 1},
    {"pexpire",           procedure::pexpire,           -3, fast_write,       generic,     1,  1, 1},
    {"pexpireat",         procedure::pexpireat,         -3, fast_write,       generic,     1,  1, 1},
    {"pexpiretime",       procedure::pexpiretime,        2, fast_read,        generic,     1,  1, 1},
    {"pttl",              procedure::pttl,               2, fast_read,        generic,     1,  1, 1},
    {"rename",            procedure::rename,             3, write,            generic,     1,  2, 1},
    {"renamenx",          procedure::renamenx,           3, fast_write,       generic,     1,  2, 1},
    {"restore",           procedure::restore,           -4, grow,             generic,     1,  1, 1},
    {"touch",             procedure::touch,             -2, fast_read,        generic,     1, -1, 1},
    {"ttl",               procedure::ttl,                2, fast_read,        generic,     1,  1, 1},
    {"type",              procedure::type,               2, fast_read,        generic,     1,  1, 1},
    {"unlink",            procedure::unlink,            -2, fast_write,       generic,     1, -1, 1},

    {"hdel",              procedure::hdel,              -3, fast_write,       hash,        1,  1, 1},
    {"hexists",           procedure::hexists,            3, fast_read,        hash,        1,  1, 1},
    {"hget",              procedure::hget,               3, fast_read,        hash,        1,  1, 1},
    {"hgetall",           procedure::hgetall,            2, read,             hash,        1,  1, 1},
    {"hincrby",           procedure::hincrby,            4, fast_grow,        hash,        1,  1, 1},
    {"hincrbyfloat",      procedure::hincrbyfloat,       4, fast_grow,        hash,        1,  1, 1},
    {"hkeys",             procedure::hkeys,              2, read,             hash,        1,  1, 1},
    {"hlen",              procedure::hlen,               2, fast_read,        hash,        1,  1, 1},
    {"hmget",             procedure::hmget,             -3, fast_read,        hash,        1,  1, 1},
    {"hmset",             procedure::hmset,             -4, fast_grow,        hash,        1,  1, 1},
    {"hrandfield",        procedure::hrandfield,        -2, read,             hash,        1,  1, 1},
    {"hscan",             procedure::hscan,             -3, read,             hash,        1,  1, 1},
    {"hset",              procedure::hset,              -4, fast_grow,        hash,        1,  1, 1},
    {"hsetnx",            procedure::hsetnx,             4, fast_grow,        hash,        1,  1, 1},
    {"hstrlen",           procedure::hstrlen,            3, fast_read,        hash,        1,  1, 1},
    {"hvals",             procedure::hvals,              2, read,             hash,        1,  1, 1},

    {"blmove",            procedure::blmove,             6, block_grow,       list,        1,  2, 1},
    {"blmpop",            procedure::blmpop,            -5, block_any,        list,        0,  0, 0, 2},
    {"blpop",             procedure::blpop,             -3, block,            list,        1, -2, 1},
    {"brpop",             procedure::brpop,             -3, block,            list,        1, -2, 1},
    {"brpoplpush",        procedure::brpoplpush,         4, block_grow,       list,        1,  2, 1},
    {"lindex",            procedure::lindex,             3, read,             list,        1,  1, 1},
    {"linsert",           procedure::linsert,            5, grow,             list,        1,  1, 1},
    {"llen",              procedure::llen,               2, fast_read,        list,        1,  1, 1},
    {"lmove",             procedure::lmove,              5, grow,             list,        1,  2, 1},
    {"lmpop",             procedure::lmpop,             -4, write | movable,  list,        0,  0, 0, 1},
    {"lpop",              procedure::lpop,              -2, fast_write,       list,        1,  1, 1},
    {"lpos",              procedure::lpos,              -3, read,             list,        1,  1, 1},
    {"lpush",             procedure::lpush,             -3, fast_grow,        list,        1,  1, 1},
    {"lpushx",            procedure::lpushx,            -3, fast_grow,        list,        1,  1, 1},
    {"lrange",            procedure::lrange,             4, read,             list,        1,  1, 1},
    {"lrem",              procedure::lrem,               4, write,            list,        1,  1, 1},
    {"lset",              procedure::lset,               4, grow,             list,        1,  1, 1},
    {"ltrim",             procedure::ltrim,              4, write,            list,        1,  1, 1},
    {"rpop",              procedure::rpop,              -2, fast_write,       list,        1,  1, 1},
    {"rpoplpush",         procedure::rpoplpush,          3, grow,             list,        1,  2, 1},
    {"rpush",             procedure::rpush,             -3, fast_grow,        list,        1,  1, 1},
    {"rpushx",            procedure::rpushx,            -3, fast_grow,        list,        1,  1, 1},

    {"sadd",              procedure::sadd,              -3, fast_grow,        set,         1,  1, 1},
    {"scard",             procedure::scard,              2, fast_read,        set,         1,  1, 1},
    {"sdiff",             procedure::sdiff,             -2, read,             set,         1, -1, 1},
    {"sdiffstore",        procedure::sdiffstore,        -3, grow,             set,         1, -1, 1},
    {"sinter",            procedure::sinter,            -2, read,             set,         1, -1, 1},
    {"sintercard",        procedure::sintercard,        -3, read | movable,   set,         0,  0, 0, 1},
    {"sinterstore",       procedure::sinterstore,       -3, grow,             set,         1, -1, 1},
    {"sismember",         procedure::sismember,          3, fast_read,        set,         1,  1, 1},
    {"smembers",          procedure::smembers,           2, read,             set,         1,  1, 1},
    {"smismember",        procedure::smismember,        -3, fast_read,        set,         1,  1, 1},
    {"smove",             procedure::smove,              4, fast_write,       set,         1,  2, 1},
    {"spop",              procedure::spop,              -2, fast_write,       set,         1,  1, 1},
    {"srandmember",       procedure::srandmember,       -2, read,             set,         1,  1, 1},
    {"srem",              procedure::srem,              -3, fast_write,       set,         1,  1, 1},
    {"sscan",             procedure::sscan,             -3, read,             set,         1,  1, 1},
    {"sunion",            procedure::sunion,            -2, read,             set,         1, -1, 1},
    {"sunionstore",       procedure::sunionstore,       -3, grow,             set,         1, -1, 1},

    {"bzmpop",            procedure::bzmpop,            -5, block_any,        sorted_set,  0,  0, 0, 2},
    {"bzpopmax",          procedure::bzpopmax,          -3, block | procedure_fast, sorted_set, 1, -2, 1},
    {"bzpopmin",          procedure::bzpopmin,          -3, block | procedure_fast, sorted_set, 1, -2, 1},
    {"zadd",              procedure::zadd,              -4, fast_grow,        sorted_set,  1,  1, 1},
    {"zcard",             procedure::zcard,              2, fast_read,        sorted_set,  1,  1, 1},
    {"zcount",            procedure::zcount,             4, fast_read,        sorted_set,  1,  1, 1},
    {"zdiff",             procedure::zdiff,             -3, read | movable,   sorted_set,  0,  0, 0, 1},
    {"zdiffstore",        procedure::zdiffstore,        -4, grow | movable,   sorted_set,  1,  1, 1, 2},
    {"zincrby",           procedure::zincrby,            4, fast_grow,        sorted_set,  1,  1, 1},
    {"zinter",            procedure::zinter,            -3, read | movable,   sorted_set,  0,  0, 0, 1},
    {"zintercard",        procedure::zintercard,        -3, read | movable,   sorted_set,  0,  0, 0, 1},
    {"zinterstore",       procedure::zinterstore,       -4, grow | movable,   sorted_set,  1,  1, 1, 2},
    {"zlexcount",         procedure::zlexcount,          4, fast_read,        sorted_set,  1,  1, 1},
    {"zmpop",             procedure::zmpop,             -4, write | movable,  sorted_set,  0,  0, 0, 1},
    {"zmscore",           procedure::zmscore,           -3, fast_read,        sorted_set,  1,  1, 1},
    {"zpopmax",           procedure::zpopmax,           -2, fast_write,       sorted_set,  1,  1, 1},
    {"zpopmin",           procedure::zpopmin,           -2, fast_write,       sorted_set,  1,  1, 1},
    {"zrandmember",       procedure::zrandmember,       -2, read,             sorted_set,  1,  1, 1},
    {"zrange",            procedure::zrange,            -4, read,             sorted_set,  1,  1, 1},
    {"zrangebylex",       procedure::zrangebylex,       -4, read,             sorted_set,  1,  1, 1},
    {"zrangebyscore",     procedure::zrangebyscore,     -4, read,             sorted_set,  1,  1, 1},
    {"zrangestore",       procedure::zrangestore,       -5, grow,             sorted_set,  1,  2, 1},
    {"zrank",             procedure::zrank,             -3, fast_read,        sorted_set,  1,  1, 1},
    {"zrem",              procedure::zrem,              -3, fast_write,       sorted_set,  1,  1, 1},
    {"zremrangebylex",    procedure::zremrangebylex,     4, write,            sorted_set,  1,  1, 1},
    {"zremrangebyrank",   procedure::zremrangebyrank,    4, write,            sorted_set,  1,  1, 1},
    {"zremrangebyscore",  procedure::zremrangebyscore,   4, write,            sorted_set,  1,  1, 1},
    {"zrevrange",         procedure::zrevrange,         -4, read,             sorted_set,  1,  1, 1},
    {"zrevrangebylex",    procedure::zrevrangebylex,    -4, read,             sorted_set,  1,  1, 1},
    {"zrevrangebyscore",  procedure::zrevrangebyscore,  -4, read,             sorted_set,  1,  1, 1},
    {"zrevrank",          procedure::zrevrank,          -3, fast_read,        sorted_set,  1,  1, 1},
    {"zscan",             procedure::zscan,             -3, read,             sorted_set,  1,  1, 1},
    {"zscore",            procedure::zscore,             3, fast_read,        sorted_set,  1,  1, 1},
    {"zunion",            procedure::zunion,            -3, read | movable,   sorted_set,  0,  0, 0, 1},
    {"zunionstore",       procedure::zunionstore,       -4, grow | movable,   sorted_set,  1,  1, 1, 2},

    {"bitcount",          procedure::bitcount,          -2, read,             bitmap,      1,  1, 1},
    {"bitfield",          procedure::bitfield,          -2, grow,             bitmap,      1,  1, 1},
    {"bitfield_ro",       procedure::bitfield_ro,       -2, fast_read,        bitmap,      1,  1, 1},
    {"bitop",             procedure::bitop,             -4, grow,             bitmap,      2, -1, 1},
    {"bitpos",            procedure::bitpos,            -3, read,             bitmap,      1,  1, 1},
    {"getbit",            procedure::getbit,             3, fast_read,        bitmap,      1,  1, 1},
    {"setbit",            procedure::setbit,             4, grow,             bitmap,      1,  1, 1},

    {"sort",              procedure::sort,              -2, grow | movable,   generic,     1,  1, 1},
    {"sort_ro",           procedure::sort_ro,           -2, read | movable,   generic,     1,  1, 1},

    {"transaction",       procedure::transaction,       -2, grow | procedure_at_once, transaction, 0, 0, 0},
});
// clang-format on

}  // namespace procedure_rows

inline constexpr const auto& procedure_table = procedure_rows::table;

/// Null when nothing has that number.
[[nodiscard]] const procedure_row* row_of(procedure p) noexcept;

/// Shows the keys among `words`, which are those after the names. Words that do not fit the row show what can be seen.
void keys_of(const procedure_row& row, const word_list& words, function_ref<void(std::string_view key)> show);

}  // namespace troupe
