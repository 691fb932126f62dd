#include "runtime/cache/procedures/sorted_range.hpp"

#include <algorithm>

namespace troupe::procedures {

std::optional<score_bound> read_score_bound(std::string_view text) noexcept {
  score_bound b;
  b.exclusive = text.starts_with('(');
  const auto number = text.substr(b.exclusive ? 1 : 0);
  const auto score = number.empty() ? std::optional(0.0) : read_real(number);
  if (!score) return std::nullopt;
  b.score = *score;
  return b;
}

std::optional<member_bound> read_member_bound(std::string_view text) noexcept {
  member_bound b;
  if (text == "-" || text == "+") {
    b.infinite = text == "-" ? -1 : 1;
    return b;
  }
  if (!text.starts_with('(') && !text.starts_with('[')) return std::nullopt;
  b.exclusive = text.front() == '(';
  b.member = text.substr(1);
  return b;
}

bool sorted_range::read_bounds(procedure_call& c, std::size_t i) {
  if (by == range_by::place) {
    const auto from = integer_word(c, i);
    if (!from) return false;
    const auto to = integer_word(c, i + 1);
    if (!to) return false;
    start = *from;
    stop = *to;
    return true;
  }
  const auto lower = c[reverse ? i + 1 : i];
  const auto upper = c[reverse ? i : i + 1];
  if (by == range_by::score) {
    const auto from = read_score_bound(lower);
    const auto to = read_score_bound(upper);
    if (!from || !to) {
      c.reply.error("ERR min or max is not a float");
      return false;
    }
    low = *from;
    high = *to;
    return true;
  }
  const auto from = read_member_bound(lower);
  const auto to = read_member_bound(upper);
  if (!from || !to) {
    c.reply.error("ERR min or max not valid string range item");
    return false;
  }
  first = *from;
  last = *to;
  return true;
}

index_range sorted_range::places(const sorted_set_value& z) const {
  if (by == range_by::place) {
    auto part = clip_range(start, stop, z.size());
    if (reverse && part.count > 0) part.first = z.size() - part.first - part.count;
    return part;
  }
  std::size_t begin = 0;
  std::size_t end = 0;
  if (by == range_by::score) {
    begin =
        z.count_while([&](double s, std::string_view) { return s < low.score || (s == low.score && low.exclusive); });
    end = z.count_while(
        [&](double s, std::string_view) { return s < high.score || (s == high.score && !high.exclusive); });
  } else {
    begin = z.count_while([&](double, std::string_view m) {
      return first.infinite == 0 ? m < first.member || (m == first.member && first.exclusive) : first.infinite > 0;
    });
    end = z.count_while([&](double, std::string_view m) {
      return last.infinite == 0 ? m < last.member || (m == last.member && !last.exclusive) : last.infinite > 0;
    });
  }
  return begin < end ? index_range{begin, end - begin} : index_range{};
}

void sorted_range::visit(const sorted_set_value& z,
                         function_ref<void(std::string_view member, double score)> show) const {
  auto part = places(z);
  if (offset < 0 || static_cast<std::uint64_t>(offset) >= part.count) return;
  const auto skipped = static_cast<std::size_t>(offset);
  auto left = part.count - skipped;
  if (limit >= 0) left = std::min(left, static_cast<std::size_t>(limit));
  if (left == 0) return;
  const auto each = [&](std::string_view member, double score) {
    show(member, score);
    return --left > 0;
  };
  if (reverse)
    z.visit_back(part.first + part.count - 1 - skipped, each);
  else
    z.visit(part.first + skipped, each);
}

}  // namespace troupe::procedures
