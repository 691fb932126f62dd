// News waiting to be piggybacked: at most one item a member, the least sent first and among those the
// newest first (so that a flood of joins does not starve the news of a death), each sent a bounded
// number of times.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "runtime/base/function_ref.hpp"

namespace troupe::membership {

class broadcast_queue {
 public:
  /// Replaces what waited for `member`.
  void push(const std::string& member, std::string encoded);
  void erase(const std::string& member);

  /// Offers items in order; `take` returns whether it took the item (it did not fit otherwise). Taken
  /// items count as sent once more; those sent `limit` times are dropped.
  void offer(std::uint32_t limit, function_ref<bool(const std::string& member, const std::string& encoded)> take);

  [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  [[nodiscard]] bool holds(const std::string& member) const { return items_.count(member) > 0; }

 private:
  struct item {
    std::uint32_t sent = 0;
    std::uint64_t number = 0;
    std::string encoded;
  };
  struct place {
    std::uint32_t sent;
    std::uint64_t newest;  // the complement of the item's number
    const std::string* member;
    bool operator<(const place& other) const noexcept {
      return sent != other.sent ? sent < other.sent : newest < other.newest;
    }
  };
  [[nodiscard]] static place place_of(const std::string& member, const item& i) { return {i.sent, ~i.number, &member}; }

  std::map<std::string, item> items_;
  std::set<place> order_;  // points at the keys of items_
  std::uint64_t next_number_ = 0;
};

}  // namespace troupe::membership
