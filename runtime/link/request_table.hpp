// The requests that wait for an answer of one peer. Whoever asks keeps an entry until the answer
// comes, the deadline passes or the peer is lost, and exactly one of the three takes it out.
//
// Not thread-safe: the shell has a lock around it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include <troupe/time.hpp>

namespace troupe {

template <class Entry>
class request_table {
 public:
  explicit request_table(std::size_t entries_max) noexcept : entries_max_(entries_max) {}

  /// False when entries_max wait already, or the id is taken; then `entry` is untouched.
  [[nodiscard]] bool add(std::uint64_t id, time_point deadline, Entry& entry) {
    if (entries_.size() >= entries_max_ || entries_.contains(id)) return false;
    const auto place = deadlines_.emplace(deadline, id);
    entries_.emplace(id, row{place, std::move(entry)});
    return true;
  }

  /// The entry of an answer; none when it has been taken before.
  [[nodiscard]] std::optional<Entry> take(std::uint64_t id) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return std::nullopt;
    std::optional<Entry> entry(std::move(found->second.entry));
    deadlines_.erase(found->second.place);
    entries_.erase(found);
    return entry;
  }

  /// Everything whose deadline is not after `now`, earliest first.
  [[nodiscard]] std::vector<Entry> expire(time_point now) {
    std::vector<Entry> entries;
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
      entries.push_back(*take(deadlines_.begin()->second));
    }
    return entries;
  }

  /// Everything, earliest deadline first: the peer is lost.
  [[nodiscard]] std::vector<Entry> take_all() {
    std::vector<Entry> entries;
    while (!deadlines_.empty()) entries.push_back(*take(deadlines_.begin()->second));
    return entries;
  }

  /// Takes over the rows of `other`, whose ids must differ from those here.
  void absorb(request_table& other) {
    while (!other.deadlines_.empty()) {
      const auto [deadline, id] = *other.deadlines_.begin();
      auto entry = *other.take(id);
      const auto place = deadlines_.emplace(deadline, id);
      entries_.emplace(id, row{place, std::move(entry)});
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

 private:
  using by_deadline = std::multimap<time_point, std::uint64_t>;
  struct row {
    by_deadline::iterator place;
    Entry entry;
  };

  std::size_t entries_max_;
  std::unordered_map<std::uint64_t, row> entries_;
  by_deadline deadlines_;
};

}  // namespace troupe
