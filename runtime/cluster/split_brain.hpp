// Is this node on the side of a split network that stays? A node judges by its own picture of the members,
// after the verdict has stood for a while (settling, as Akka's split brain resolver does), and knows so that
// it is the cut-off one. What makes two sides safe is not here: leaders need a majority of the voters,
// primaries a lease. A policy only lets fewer sides go on than could.
//
//   policy         a side stays while
//   keep_majority  it has a majority of the voters (before there is a record: of the expected members);
//                  with a leader store always: the store says who leads
//   static_quorum  it has at least `quorum` members
//   keep_oldest    it has the member with the lowest PID of all that are not departed, unless that one is alone
//                  and there are more than two: then the others stay
//   none           always
//
// A node that hears none of several others is cut off under every policy but none and keep_oldest.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <troupe/time.hpp>

namespace troupe {

enum class split_policy : std::uint8_t { keep_majority, static_quorum, keep_oldest, none };

/// keep_majority for any other word.
[[nodiscard]] split_policy split_policy_of(std::string_view word) noexcept;

/// What a node sees; departed members do not count anywhere.
struct split_picture {
  std::size_t known = 1;  // members, this one included
  std::size_t heard = 1;  // of those: alive, suspect or departing; this one included
  std::size_t voters = 0;
  std::size_t voters_heard = 0;
  bool store_decides = false;  // a leader store in the voters' place: whoever reaches it may go on
  std::string_view oldest;     // the name; empty: no member has a PID
  bool oldest_heard = false;
};

class split_brain {
 public:
  struct settings {
    split_policy policy = split_policy::keep_majority;
    std::size_t quorum = 1;
    duration settle{};
  };

  explicit split_brain(settings s) noexcept : settings_(s) {}

  /// True when cut_off() has changed. Called with every new picture and at next_tick().
  bool on_picture(const split_picture& p, time_point now);
  [[nodiscard]] time_point next_tick() const noexcept { return doubted_ ? verdict_at_ : time_point::max(); }

  /// Why this node is on the side that does not stay; empty: it is not.
  [[nodiscard]] const std::string& cut_off() const noexcept { return cut_off_; }
  /// The node must neither lead nor serve, whatever leases it has: the policy says less than votes would allow.
  [[nodiscard]] bool stands_aside() const noexcept;

  /// The verdict at once, without settling; empty: this side stays.
  [[nodiscard]] static std::string fault_of(const settings& s, const split_picture& p);

 private:
  settings settings_;
  std::string cut_off_;
  bool doubted_ = false;  // the verdict is bad, and settles until verdict_at_
  time_point verdict_at_{};
};

}  // namespace troupe
