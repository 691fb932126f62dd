// News waiting to be piggybacked: the latest of each member, and beside it the names of those who confirm
// a suspicion. The least sent goes first and among those the newest (so that a flood of joins does not
// starve the news of a death); each is sent a bounded number of times.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "runtime/base/function_ref.hpp"

namespace troupe::membership {

class broadcast_queue {
 public:
  /// Replaces all that waited for `member`.
  void push(const std::string& member, std::string encoded);
  /// Adds what `by` says of `member` beside what waits: two who suspect at once must not silence each other.
  void add(const std::string& member, const std::string& by, std::string encoded);
  void erase(const std::string& member);

  /// Offers items in order; `take` returns whether it took the item (it did not fit otherwise). Taken
  /// items count as sent once more; those sent `limit` times are dropped.
  void offer(std::uint32_t limit, function_ref<bool(const std::string& encoded)> take);

  [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }

 private:
  struct item {
    std::uint32_t sent = 0;
    std::uint64_t number = 0;
    std::string encoded;
  };
  struct place {
    std::uint32_t sent;
    std::uint64_t newest;  // the complement of the item's number
    const std::string* key;
    bool operator<(const place& other) const noexcept {
      return sent != other.sent ? sent < other.sent : newest < other.newest;
    }
  };
  [[nodiscard]] static place place_of(const std::string& key, const item& i) { return {i.sent, ~i.number, &key}; }
  void insert(std::string key, std::string encoded);

  std::map<std::string, item> items_;  // by member, and member + separator + by
  std::set<place> order_;              // points at the keys of items_
  std::uint64_t next_number_ = 0;
};

}  // namespace troupe::membership
