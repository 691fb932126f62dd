// Who the members of the key-value service are: names, each with the id of the disk that counts for it.
//
// Founded once, by exactly as many members as expected; later only a disk changes (a member that lost its own is
// taken in again), one at a time, each change under the next epoch. A name is never added or removed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/ids.hpp>

namespace troupe {

inline constexpr std::size_t kvs_members_max = 5;

struct kvs_row {
  std::string name;
  incarnation_id disk;

  bool operator==(const kvs_row&) const = default;
};

struct kvs_roster {
  incarnation_id group;       // which service: the disk of its first row when it was founded
  std::uint64_t epoch = 0;    // 0: there is none
  std::vector<kvs_row> rows;  // by name

  bool operator==(const kvs_roster&) const = default;

  [[nodiscard]] std::size_t majority() const noexcept { return rows.size() / 2 + 1; }
  /// Null when there is no such row.
  [[nodiscard]] const kvs_row* find(std::string_view name) const noexcept;
  [[nodiscard]] std::optional<std::size_t> index_of(std::string_view name) const noexcept;
  /// "a, b, c"
  [[nodiscard]] std::string names() const;
};

/// The roster that these members found; rows in any order.
[[nodiscard]] kvs_roster founding_of(std::vector<kvs_row> rows);
/// The next one, with another disk for `name`, which has a row.
[[nodiscard]] kvs_roster with_disk(const kvs_roster& roster, std::string_view name, const incarnation_id& disk);

/// What a member must not forget beside its cells.
struct kvs_meta {
  incarnation_id disk;
  kvs_roster roster;
  bool founded = false;     // all accepted the roster
  bool syncing = false;     // its cells are not those of a member yet
  std::uint64_t floor = 0;  // promised for every key without a cell

  bool operator==(const kvs_meta&) const = default;
};

[[nodiscard]] std::string encode(const kvs_roster& roster);
/// errc::corrupt for anything out of bounds.
[[nodiscard]] expected<kvs_roster> decode_kvs_roster(std::string_view bytes);

}  // namespace troupe
