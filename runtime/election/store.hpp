// What an election machine asks of the leader store, and what it is told; the shell runs the store on a
// thread of its own. One request is under way at a time; each is answered once, in the end.
#pragma once

#include <cstdint>
#include <string>

#include <troupe/error.hpp>
#include <troupe/leader_store.hpp>

#include "runtime/election/record.hpp"

namespace troupe {

enum class store_call : std::uint8_t { read, set, renew, release };

struct store_request {
  store_call what = store_call::read;
  std::uint64_t number = 0;
  std::uint64_t version = 0;  // that the entry must have; 0: there must be none
  leader_entry next;          // set: all of it; renew, release: its version
  duration limit{};           // the call's deadline from now
};

struct store_answer {
  std::uint64_t number = 0;
  expected<leader_reading> result;  // of set, renew and release: without an entry
  std::string may_forget;           // leader_store::may_forget
};

/// What is known of the entry: watching begins there.
struct store_sight {
  std::uint64_t version = 0;   // 0: there is none
  std::uint64_t readings = 0;  // that were answered; another number: it was looked at again

  bool operator==(const store_sight&) const = default;
};

/// The store stands in a record's list of voters, alone. No member can have this name.
[[nodiscard]] inline record_voter store_voter(const std::string& kind) {
  return {{0x74726f757065ULL, 0x73746f7265ULL}, "(store)", kind};
}

}  // namespace troupe
