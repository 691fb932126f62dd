// A part of a sorted set: by place, by score or by member. Whatever it is asked by, it ends as a range of places.
#pragma once

#include <optional>
#include <string_view>

#include "runtime/cache/procedures/typed.hpp"

namespace troupe::procedures {

enum class range_by : std::uint8_t { place, score, member };

struct score_bound {
  double score = 0;
  bool exclusive = false;
};
/// "(1.5", "2", "-inf".
[[nodiscard]] std::optional<score_bound> read_score_bound(std::string_view text) noexcept;

struct member_bound {
  std::string_view member;
  bool exclusive = false;
  int infinite = 0;  // -1: before all members, 1: behind all
};
/// "[a", "(a", "-", "+".
[[nodiscard]] std::optional<member_bound> read_member_bound(std::string_view text) noexcept;

struct sorted_range {
  range_by by = range_by::place;
  std::int64_t start = 0, stop = 0;
  score_bound low, high;
  member_bound first, last;
  bool reverse = false;
  std::int64_t offset = 0;
  std::int64_t limit = -1;

  /// Reads the bounds in the order in which they are given, which is turned round for a reversed range by score or
  /// member. False: an error is the reply.
  [[nodiscard]] bool read_bounds(procedure_call& c, std::size_t i);
  /// Which places it covers, from the low end; the limit is not taken into account.
  [[nodiscard]] index_range places(const sorted_set_value& z) const;
  /// Shows members in order, with offset and limit.
  void visit(const sorted_set_value& z, function_ref<void(std::string_view member, double score)> show) const;
};

}  // namespace troupe::procedures
