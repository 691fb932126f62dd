// One transaction that moves a cursor of a journal and does what the projection writes: the cursor first, which keeps
// every other runner of the projection out, then the statements, some at a time.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <troupe/database.hpp>

namespace troupe {

class cursor_move : public std::enable_shared_from_this<cursor_move> {
 public:
  static constexpr std::size_t at_once = 50;  // statements on their way

  /// `move` changes one row, or the cursor stands elsewhere.
  cursor_move(sql_call move, std::shared_ptr<const std::vector<sql_call>> calls)
      : move_(std::move(move)), calls_(std::move(calls)) {}

  /// The body of a transaction; one object for each try.
  void run(const transaction& t);

 private:
  void go_on(const transaction& t);
  void on_answer(const transaction& t, const expected<sql_result>& r);

  const sql_call move_;
  const std::shared_ptr<const std::vector<sql_call>> calls_;
  std::size_t next_ = 0;
  std::atomic<std::size_t> open_{0};  // answers of this round that have not come
  std::mutex mutex_;
  std::optional<error> fault_;  // the first one; guarded by mutex_
};

}  // namespace troupe
