// The retained value of each topic, as one node has it: every node that runs actors has all of them.
//
// The higher stamp wins, so that all nodes end with the same. Values reach the others as messages do; what did not
// arrive is repaired: a node asks another whether their sums are equal, and when they are not, rows are exchanged. What
// was taken back is remembered for a while and told to whoever still shows it; it is no part of the sum.
// Pure, for one thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/topics/topic_message.hpp"

namespace troupe {

inline constexpr std::size_t retained_topics_max = 4'096;              // of the cluster
inline constexpr std::size_t retained_bytes_max = 64 * 1024 * 1024;    // of the cluster
inline constexpr std::size_t retained_excess = 2;                      // times that, when several add at once
inline constexpr std::size_t retained_gone_max = 1'024;                // then the oldest is forgotten
inline constexpr std::size_t retained_packet_bytes_max = 1024 * 1024;  // but for the first value of a packet

class retained_table {
 public:
  /// errc::unavailable when this node may not add a value: there are too many, or too large ones.
  [[nodiscard]] expected<void> may_add(std::string_view topic, std::size_t bytes) const;

  /// True when it is newer than what was there. What is beyond the limits is refused and counted.
  bool put(std::string_view topic, retained_value v);
  /// Null when nothing is retained.
  [[nodiscard]] const retained_value* find(std::string_view topic) const;

  /// Asks another node whether it has the same.
  [[nodiscard]] retained_message question() const;
  /// What another node said, asked or not. Adds the rows that are new here to `stored`. Nothing: no more to be said.
  [[nodiscard]] std::optional<retained_message> on_message(const retained_message& m,
                                                           std::vector<retained_row>& stored);

  [[nodiscard]] std::size_t topics() const noexcept { return live_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
  [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }
  [[nodiscard]] const std::map<std::string, retained_value, std::less<>>& rows() const noexcept { return rows_; }

 private:
  void account(const std::string& topic, const retained_value& v, bool more);
  void forget_gone();
  [[nodiscard]] static bool add(retained_message& to, const std::string& topic, const retained_value& v,
                                std::size_t& bytes);
  void compare(const retained_message& m, retained_message& out) const;
  void add_wanted(const retained_message& m, retained_message& out) const;
  void list(retained_message& out) const;

  std::map<std::string, retained_value, std::less<>> rows_;
  std::map<topic_stamp, std::string> gone_;  // rows without a value
  std::size_t live_ = 0;
  std::size_t bytes_ = 0;  // of contents
  std::uint64_t sum_ = 0;  // of live rows
  std::uint64_t refused_ = 0;
};

}  // namespace troupe
