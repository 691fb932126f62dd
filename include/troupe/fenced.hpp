// What a leader shows to whatever it changes outside of the cluster: its term, and which process it is.
//
// The picture: a leader may lose the lead between its last look and the moment its write lands. So what is written
// to keeps the highest term that it has seen and refuses lower ones, and a second leader of the same term. `fenced`
// is the token, `fence` such a guard for a resource of your own, <troupe/fenced_sql.hpp> the same inside a database.
//
// A token alone stops nobody: still_valid() is a look at the clock, only the receiver's check is proof.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <troupe/error.hpp>
#include <troupe/ids.hpp>

namespace troupe {

/// The node's own knowledge of its lease. Thread-safe.
class fenced_lease {
 public:
  virtual ~fenced_lease() = default;
  /// True while this node leads under `term` and its lease has not ended.
  [[nodiscard]] virtual bool holds(std::uint64_t term) const = 0;
};

class fenced {
 public:
  fenced(std::uint64_t term, incarnation_id leader, std::shared_ptr<const fenced_lease> lease = nullptr)
      : term_(term), leader_(leader), lease_(std::move(lease)) {}

  /// Reads what text() wrote: "17-0123456789abcdef0123456789abcdef". errc::corrupt.
  [[nodiscard]] static expected<fenced> parse(std::string_view text);

  [[nodiscard]] std::uint64_t term() const noexcept { return term_; }
  /// Of the leader's process.
  [[nodiscard]] const incarnation_id& leader() const noexcept { return leader_; }
  [[nodiscard]] std::string text() const;

  /// Whether the lease that this token was given under runs on now. Also false for a token that came from another
  /// process (parse): nobody else can know.
  [[nodiscard]] bool still_valid() const { return lease_ && lease_->holds(term_); }

 private:
  std::uint64_t term_;
  incarnation_id leader_;
  std::shared_ptr<const fenced_lease> lease_;
};

/// Guards one resource: admits who is not below the highest seen. Not thread-safe: use it under the lock, or on
/// the thread, that orders the writes themselves. What must survive a restart keeps highest().text() with its data.
class fence {
 public:
  fence() = default;
  explicit fence(fenced highest) : highest_(std::move(highest)) {}

  /// errc::stale_term below the highest term seen, or from a second leader of that term.
  [[nodiscard]] expected<void> admit(const fenced& token);
  [[nodiscard]] const std::optional<fenced>& highest() const noexcept { return highest_; }
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

 private:
  std::optional<fenced> highest_;
  std::uint64_t refused_ = 0;
};

}  // namespace troupe
