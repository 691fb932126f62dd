// What a user asks of the key-value service, and its answer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

namespace troupe {

enum class kvs_op : std::uint8_t {
  get,
  put,
  erase,     // not_found when there is nothing
  list,      // a page of the keys behind `key`, in order
  is_alive,  // a majority answers
};

enum class kvs_condition : std::uint8_t { none, absent, present, version };

struct kvs_request {
  std::uint64_t id = 0;  // the caller's, never 0, not used twice
  kvs_op op = kvs_op::get;
  std::string key;
  std::string value;
  duration ttl{};  // 0: it does not expire
  kvs_condition condition = kvs_condition::none;
  std::uint64_t version = 0;
  time_point deadline{};
};

/// ok; invalid_argument, too_large: nothing was asked of anybody. not_found, condition_failed. out_of_memory: a
/// majority has no room. unavailable, deadline_exceeded: not done. outcome_unknown: done, or not, or yet to be.
struct kvs_result {
  std::uint64_t id = 0;
  errc code = errc::ok;
  std::string context;
  std::uint64_t version = 0;  // get, put: of the value
  std::string value;
  duration ttl_left{};            // get: at least; 0: it does not expire
  std::vector<std::string> keys;  // list
  bool last = false;              // list: no more keys behind
};

}  // namespace troupe
