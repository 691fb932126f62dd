// A member's cells: the acceptor of CASPaxos for every key, and what of it must be durable before an answer.
//
//   call      refuses when                                 durable before the answer
//   prepare   ballot <= what is promised (but a repeat)     promise
//   accept    ballot < what is promised                     promise and value
//   look      never                                         what it shows
//   drop      anything but this very tombstone is there     floor; no answer
//
// A key without a cell counts as promised up to `floor`: a cell may be forgotten once the floor has its promise,
// so a message that comes late brings nothing back. The rules change memory at once; `version()` rises with each
// change, and an answer may leave when `durable()` has reached what version_of() said. One write is under way
// at a time. Memory is bounded: what would go beyond is refused with `full`; tombstones never are.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <troupe/time.hpp>

#include "runtime/kvs/journal.hpp"
#include "runtime/kvs/messages.hpp"

namespace troupe {

/// Bytes for the member's file; on_persisted(token) says that they are durable.
struct kvs_write {
  std::string bytes;
  std::uint64_t token = 0;
  bool whole = false;  // replaces the file; otherwise it is appended
};

class kvs_acceptor {
 public:
  static constexpr duration promise_keep = std::chrono::seconds(10);  // of a cell that never got a value
  static constexpr std::uint64_t appended_min = 4U << 20U;            // the file is written anew beyond this and
                                                                      // twice what it holds

  kvs_acceptor(kvs_image restored, std::uint64_t memory_max, time_point now);

  /// Fills the answer's fields.
  void prepare(const kvs_message& m, time_point now, kvs_message& answer);
  void accept(const kvs_message& m, time_point now, kvs_message& answer);
  void look(const std::string& key, time_point now, kvs_message& answer) const;
  void drop(const std::string& key, std::uint64_t ballot);

  /// Cells behind `after`, up to a page's limits.
  void fill_page(const kvs_message& m, kvs_message& page) const;
  /// A cell of another member, for one that was taken in again.
  void learn(const std::string& key, const kvs_cell& cell, time_point now);
  void raise_floor(std::uint64_t floor);
  /// Drops every cell: this disk counts for nothing any more.
  void clear();

  [[nodiscard]] const kvs_meta& meta() const noexcept { return meta_; }
  void set_meta(kvs_meta meta);

  // What time asks for.
  struct due {
    std::string key;
    std::uint64_t version = 0;
  };
  /// Present cells whose time is over here; each is told again after `again`.
  [[nodiscard]] std::vector<due> take_expired(time_point now, duration again, std::size_t most);
  /// Tombstones that lie here; in the order of keys, from where the last call ended.
  [[nodiscard]] std::vector<std::string> next_tombstones(std::size_t most);
  /// Present cells, the same way.
  [[nodiscard]] std::vector<std::string> next_present(std::size_t most);
  /// How long this member has had the version of a key that is here.
  [[nodiscard]] duration age_of(const std::string& key, time_point now) const;
  [[nodiscard]] bool has_tombstones() const noexcept { return !tombstones_.empty(); }
  /// Forgets promises that nothing followed.
  void forget_promises(time_point now);
  /// When forget_promises or take_expired has something to do.
  [[nodiscard]] time_point next_due() const;

  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }
  [[nodiscard]] std::uint64_t durable() const noexcept { return durable_; }
  /// The version at which this key last changed.
  [[nodiscard]] std::uint64_t version_of(const std::string& key) const;
  /// What to write next, if something changed and no write is under way.
  [[nodiscard]] std::optional<kvs_write> take_write();
  /// `done` false: it was not written; the next take_write writes everything anew. Unknown tokens are ignored.
  void on_persisted(std::uint64_t token, bool done);

  [[nodiscard]] std::size_t cells() const noexcept { return cells_.size(); }
  [[nodiscard]] std::size_t present() const noexcept { return present_; }
  [[nodiscard]] std::size_t tombstones() const noexcept { return tombstones_.size(); }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::uint64_t refused_full() const noexcept { return refused_full_; }
  [[nodiscard]] const kvs_cell* find(const std::string& key) const;

 private:
  struct held : kvs_cell {
    std::uint64_t changed = 0;           // version()
    time_point since{};                  // when this member took the value's version, or started
    time_point due = time_point::max();  // in due_
  };
  using cell_map = std::map<std::string, held>;

  [[nodiscard]] bool has_room(const std::string& key, const held* there, std::size_t value_bytes) const;
  held& make(const std::string& key, time_point now);
  void put(const std::string& key, held& cell, const kvs_value& value, time_point now);
  void changed(const std::string& key, held& cell);
  void erase(const std::string& key);
  void plan(const std::string& key, held& cell, time_point at);
  void count(const std::string& key, const held& cell, int sign);
  void show(const held& cell, time_point now, kvs_message& answer) const;
  [[nodiscard]] static time_point end_of(const held& cell);

  kvs_meta meta_;
  cell_map cells_;
  const std::uint64_t memory_max_;
  std::uint64_t bytes_ = 0;
  std::size_t present_ = 0;
  std::set<std::string> tombstones_;
  std::string tombstone_cursor_;
  std::string present_cursor_;
  std::set<std::pair<time_point, std::string>> due_;

  std::set<std::string> dirty_;
  bool meta_dirty_ = false;
  bool whole_ = true;  // the next write is of everything: the first one, after a failure, and to shrink the file
  std::uint64_t appended_ = 0;
  std::uint64_t version_ = 0;
  std::uint64_t writing_ = 0;
  std::uint64_t durable_ = 0;
  std::uint64_t refused_full_ = 0;
};

}  // namespace troupe
