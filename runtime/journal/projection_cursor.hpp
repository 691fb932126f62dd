// A reader of all events of a journal, in the order of their positions, who remembers how far it has come.
//
//   ask -> read -> apply -> read ... -> rest (nothing more is there) -> read
//    ^______________|  the cursor stands elsewhere, or nobody knows where
//
// Each step but `rest` waits for an answer; an answer that is an error leads to a rest that grows. A page is applied
// and the cursor moved by whoever drives this, in one transaction or one after the other. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include <troupe/journal.hpp>

namespace troupe {

struct projection_settings {
  std::size_t page_events = 200;
  duration poll_every = std::chrono::seconds(1);  // without being woken
  duration wait_first = std::chrono::milliseconds(100);
  duration wait_most = std::chrono::seconds(30);
};

class projection_cursor {
 public:
  enum class doing : std::uint8_t { ask, read, apply, rest };

  explicit projection_cursor(projection_settings s) : settings_(s) {}

  void on_cursor(const expected<std::uint64_t>& position);
  void on_page(expected<std::vector<stored_event>> page);
  /// The page was applied and the cursor moved from position() to upto(), or not.
  void on_applied(const expected<void>& outcome);
  void on_rested();
  /// There may be more. True: the rest is over.
  [[nodiscard]] bool wake();

  [[nodiscard]] doing next() const noexcept { return doing_; }
  [[nodiscard]] duration rest() const noexcept { return rest_; }
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  [[nodiscard]] std::uint64_t upto() const noexcept { return page_.back().position; }
  [[nodiscard]] const std::vector<stored_event>& page() const noexcept { return page_; }
  [[nodiscard]] std::size_t page_events() const noexcept { return settings_.page_events; }
  /// Failures since the last success.
  [[nodiscard]] std::uint32_t failures() const noexcept { return failures_; }

 private:
  void fail_for_now(doing then);
  void succeed() noexcept { failures_ = 0; }

  const projection_settings settings_;
  doing doing_ = doing::ask;
  doing after_rest_ = doing::ask;
  duration rest_{};
  bool woken_ = false;  // since the last read began
  std::uint64_t position_ = 0;
  std::uint32_t failures_ = 0;
  std::vector<stored_event> page_;
};

}  // namespace troupe
