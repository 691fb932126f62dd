// The procedures that a shard does on its values, by number. Numbers travel between nodes: never change or reuse one.
// Those from first_writing_procedure on may write, those below never do.
#pragma once

#include <cstdint>

namespace troupe {

// clang-format off
enum class procedure : std::uint16_t {
  none = 0,

  // --- strings and bits
  get = 1, mget, strlen, getrange, substr, lcs, getbit, bitcount, bitpos, bitfield_ro,
  // --- keys
  exists = 20, ttl, pttl, type, expiretime, pexpiretime, touch, object_encoding, object_idletime, object_freq,
  object_refcount, dump, memory_usage, sort_ro,
  // --- hashes
  hget = 40, hmget, hgetall, hkeys, hvals, hlen, hexists, hstrlen, hrandfield, hscan,
  // --- lists
  llen = 60, lindex, lrange, lpos,
  // --- sets
  scard = 80, sismember, smismember, smembers, srandmember, sscan, sinter, sintercard, sunion, sdiff,
  // --- sorted sets
  zcard = 100, zscore, zmscore, zrank, zrevrank, zcount, zlexcount, zrange, zrevrange, zrangebyscore,
  zrevrangebyscore, zrangebylex, zrevrangebylex, zrandmember, zscan, zunion, zinter, zdiff, zintercard,

  // --- all keys of a shard, see shards.hpp
  shard_scan = 240, shard_count,
  // --- clients that wait, no functions of values: see waiting_words.hpp
  await_keys = 248, leave_keys,

  // --- strings and bits, writing
  set = 256, setnx, setex, psetex, mset, msetnx, append, setrange, incr, decr, incrby, decrby, incrbyfloat, getset,
  getdel, getex, setbit, bitop, bitfield,
  // --- keys
  del = 280, unlink, expire, pexpire, expireat, pexpireat, persist, rename, renamenx, copy, restore, sort,
  // --- hashes
  hset = 300, hsetnx, hmset, hdel, hincrby, hincrbyfloat,
  // --- lists
  lpush = 320, rpush, lpushx, rpushx, lpop, rpop, linsert, lset, lrem, ltrim, lmove, rpoplpush, lmpop,
  blpop, brpop, blmove, brpoplpush, blmpop,
  // --- sets
  sadd = 340, srem, smove, spop, sinterstore, sunionstore, sdiffstore,
  // --- sorted sets
  zadd = 360, zincrby, zrem, zremrangebyrank, zremrangebyscore, zremrangebylex, zpopmin, zpopmax, zmpop, zrangestore,
  zunionstore, zinterstore, zdiffstore, bzpopmin, bzpopmax, bzmpop,

  // --- several of them at one moment, see transaction.hpp
  transaction = 400,
  // --- all keys of a shard, writing, see shards.hpp
  shard_clear = 420, shard_drop,
};
// clang-format on

inline constexpr std::uint16_t first_writing_procedure = 256;
inline constexpr std::uint16_t procedures_end = 422;

/// A client waits, or does not any more: done by whoever has the shard, not by a function.
[[nodiscard]] constexpr bool is_wait(procedure p) noexcept {
  return p == procedure::await_keys || p == procedure::leave_keys;
}

[[nodiscard]] constexpr bool may_write(procedure p) noexcept {
  return static_cast<std::uint16_t>(p) >= first_writing_procedure;
}

}  // namespace troupe
