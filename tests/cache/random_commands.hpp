// Redis commands at random: on a few keys of one slot, with few members, so that they meet; now and then with words
// that are wrong. Commands whose reply is drawn at random are left out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/random.hpp"

namespace troupe {

class random_commands {
 public:
  /// `waiting`: with commands that wait, which cost a real server its time.
  explicit random_commands(std::uint64_t seed, bool waiting = false) : rng_(seed), waiting_(waiting) {}

  std::vector<std::string> next() {
    const auto& shape = pick_shape();
    std::vector<std::string> words;
    for (std::size_t i = 0; i < shape.size();) {
      const auto end = std::min(shape.find(' ', i), shape.size());
      add(shape.substr(i, end - i), words);
      i = end + 1;
    }
    // Ranges by member are defined where all scores are equal only.
    const bool spared = words.size() > 1 && words[1] == "{t}lex";
    if (rng_.below(60) == 0 && words.size() > 1 && !spared)
      words[1 + rng_.below(words.size() - 1)] = pick({"", "x", "-1", "1.5x"});
    return words;
  }
  random& rng() { return rng_; }

 private:
  const std::string& pick_shape() {
    for (;;) {
      const auto& shape = shapes()[rng_.below(shapes().size())];
      if (waiting_ || shape.find("0.001") == std::string::npos) return shape;
    }
  }
  std::string pick(std::initializer_list<const char*> from) { return *(from.begin() + rng_.below(from.size())); }
  std::string key() { return "{t}" + std::string(1, static_cast<char>('a' + rng_.below(8))); }
  std::string member() {
    const auto dice = rng_.below(12);
    if (dice == 0) return std::string(70, 'L') + std::to_string(rng_.below(3));
    return dice < 5 ? std::to_string(static_cast<int>(rng_.below(12)) - 3)
                    : std::string(1, static_cast<char>('a' + rng_.below(8)));
  }
  std::string score() { return pick({"0", "1", "2", "3", "-1", "1.5", "-2.25", "inf", "-inf", "1e3", "7", "2"}); }
  std::string bound() { return pick({"-inf", "+inf", "0", "1", "(1", "(2", "3", "(-inf", "1.5", "inf"}); }
  std::string member_bound() { return pick({"-", "+", "[a", "(a", "[c", "(d", "[zz", "(0"}); }
  std::string integer() { return std::to_string(static_cast<int>(rng_.below(14)) - 6); }
  std::string count() { return std::to_string(rng_.below(5)); }

  // K key, M member, S score, B score bound, L member bound, I integer, N count; a * repeats what stands before it, a ?
  // leaves the rest out now and then; a|b is one of them.
  void add(std::string_view word, std::vector<std::string>& into) {
    if (word == "?") return;
    if (word.ends_with('*')) {
      for (auto n = 1 + rng_.below(4); n > 0; --n) {
        for (const char c : word.substr(0, word.size() - 1)) add(std::string_view(&c, 1), into);
      }
      return;
    }
    if (word.find('|') != std::string_view::npos) {
      std::vector<std::string_view> choices;
      for (std::size_t i = 0; i <= word.size();) {
        const auto end = std::min(word.find('|', i), word.size());
        choices.push_back(word.substr(i, end - i));
        i = end + 1;
      }
      const auto choice = choices[rng_.below(choices.size())];
      if (!choice.empty()) into.emplace_back(choice);
      return;
    }
    if (word == "K") return into.push_back(key());
    if (word == "M") return into.push_back(member());
    if (word == "S") return into.push_back(score());
    if (word == "B") return into.push_back(bound());
    if (word == "L") return into.push_back(member_bound());
    if (word == "I") return into.push_back(integer());
    if (word == "N") return into.push_back(count());
    into.emplace_back(word);
  }

  static const std::vector<std::string>& shapes() {
    static const std::vector<std::string> all{
        "GET K",
        "SET K M",
        "SET K I NX|XX| GET|",
        "SETNX K M",
        "GETSET K M",
        "GETDEL K",
        "APPEND K M",
        "STRLEN K",
        "GETRANGE K I I",
        "SETRANGE K N M",
        "INCR K",
        "DECR K",
        "INCRBY K I",
        "DECRBY K I",
        "MGET K*",
        "MSET KM*",
        "MSETNX KM*",
        "LCS K K IDX|LEN| WITHMATCHLEN|",
        "INCRBYFLOAT K S",
        "SETBIT K N 0|1",
        "SETBIT K 70 1",
        "GETBIT K N",
        "BITCOUNT K",
        "BITCOUNT K I I BYTE|BIT|",
        "BITPOS K 0|1",
        "BITPOS K 0|1 I",
        "BITPOS K 0|1 I I BYTE|BIT|",
        "BITOP AND|OR|XOR K K*",
        "BITOP NOT K K",
        "BITFIELD K INCRBY u5|i5 N I GET u4 0",
        "BITFIELD K OVERFLOW SAT|FAIL|WRAP SET i8|u3 #1 I INCRBY u2 100 1",
        "BITFIELD_RO K GET i16 N",
        "DEL K",
        "UNLINK K*",
        "EXISTS K*",
        "TYPE K",
        "TOUCH K K",
        "RENAME K K",
        "RENAMENX K K",
        "COPY K K REPLACE|",
        "PERSIST K",
        "EXPIREAT K 4000000000 NX|XX|GT|LT|",
        "EXPIREAT K 4000005000 GT|LT",
        "TTL K",
        "PEXPIREAT K 4000000000123",
        "PEXPIRETIME K",
        "EXPIRETIME K",
        "EXPIRE K -1",
        "HSET K MM*",
        "HSET K M M",
        "HSETNX K M M",
        "HGET K M",
        "HMGET K M*",
        "HDEL K M*",
        "HLEN K",
        "HEXISTS K M",
        "HSTRLEN K M",
        "HINCRBY K M I",
        "HINCRBYFLOAT K M S",
        "HGETALL K",
        "HKEYS K",
        "HVALS K",
        "HMSET K MM*",
        "LPUSH K M*",
        "RPUSH K M*",
        "RPUSH K M*",
        "LPUSHX K M*",
        "RPUSHX K M",
        "LPOP K",
        "RPOP K",
        "LPOP K N",
        "RPOP K N",
        "LLEN K",
        "LINDEX K I",
        "LRANGE K I I",
        "LRANGE K 0 -1",
        "LPOS K M",
        "LPOS K M RANK I COUNT N",
        "LPOS K M COUNT 0 MAXLEN N",
        "LINSERT K BEFORE|AFTER M M",
        "LSET K I M",
        "LREM K I M",
        "LTRIM K I I",
        "LMOVE K K LEFT|RIGHT LEFT|RIGHT",
        "RPOPLPUSH K K",
        "LMPOP 2 K K LEFT|RIGHT COUNT 2",
        "LMPOP 1 K LEFT",
        "BLPOP K K 0.001",
        "BRPOP K 0.001",
        "BLMOVE K K LEFT|RIGHT LEFT|RIGHT 0.001",
        "BRPOPLPUSH K K 0.001",
        "BLMPOP 0.001 2 K K LEFT|RIGHT COUNT 2",
        "BZPOPMIN K K 0.001",
        "BZPOPMAX K 0.001",
        "BZMPOP 0.001 2 K K MIN|MAX",
        "SADD K M*",
        "SADD K M*",
        "SREM K M*",
        "SCARD K",
        "SISMEMBER K M",
        "SMISMEMBER K M*",
        "SMEMBERS K",
        "SMOVE K K M",
        "SINTER K*",
        "SUNION K*",
        "SDIFF K*",
        "SINTERSTORE K K*",
        "SUNIONSTORE K K*",
        "SDIFFSTORE K K*",
        "SINTERCARD 2 K K",
        "SINTERCARD 2 K K LIMIT N",
        "SPOP K 100",
        "ZADD K SM*",
        "ZADD K SM*",
        "ZADD K NX|XX|GT|LT| CH|INCR| S M",
        "ZADD K NX|XX| GT|LT| CH S M",
        "ZINCRBY K S M",
        "ZREM K M*",
        "ZADD {t}lex 0 M",
        "ZADD {t}lex 0 M",
        "ZCARD K",
        "ZSCORE K M",
        "ZMSCORE K M*",
        "ZRANK K M",
        "ZREVRANK K M",
        "ZCOUNT K B B",
        "ZLEXCOUNT {t}lex L L",
        "ZRANGE K I I WITHSCORES|",
        "ZRANGE K I I REV WITHSCORES|",
        "ZRANGE K B B BYSCORE REV| LIMIT N N WITHSCORES|",
        "ZRANGE K B B BYSCORE REV| WITHSCORES|",
        "ZRANGE {t}lex L L BYLEX REV|",
        "ZREVRANGE K I I WITHSCORES|",
        "ZRANGEBYSCORE K B B WITHSCORES| LIMIT N I",
        "ZREVRANGEBYSCORE K B B WITHSCORES|",
        "ZRANGEBYLEX {t}lex L L",
        "ZREVRANGEBYLEX {t}lex L L LIMIT N N",
        "ZRANGESTORE K K I I REV|",
        "ZRANGESTORE K K B B BYSCORE LIMIT N N",
        "ZREMRANGEBYRANK K I I",
        "ZREMRANGEBYSCORE K B B",
        "ZREMRANGEBYLEX {t}lex L L",
        "ZPOPMIN K",
        "ZPOPMAX K N",
        "ZMPOP 2 K K MIN|MAX COUNT 2",
        "ZUNION 2 K K WITHSCORES|",
        "ZUNION 2 K K WEIGHTS 2 S AGGREGATE SUM|MIN|MAX WITHSCORES",
        "ZINTER 2 K K WITHSCORES|",
        "ZINTER 2 K K WEIGHTS S 1 AGGREGATE SUM|MIN|MAX WITHSCORES",
        "ZDIFF 2 K K WITHSCORES|",
        "ZUNIONSTORE K 2 K K AGGREGATE SUM|MIN|MAX",
        "ZINTERSTORE K 2 K K",
        "ZDIFFSTORE K 2 K K",
        "ZINTERCARD 2 K K LIMIT N",
        "SORT K ALPHA DESC|ASC|",
        "SORT K",
        "SORT K LIMIT N N ALPHA",
        "SORT K ALPHA STORE K",
    };
    return all;
  }

  random rng_;
  const bool waiting_;
};

}  // namespace troupe
