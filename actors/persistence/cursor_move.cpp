#include "actors/persistence/cursor_move.hpp"

#include <algorithm>

namespace troupe {

void cursor_move::run(const transaction& t) {
  auto of = t;
  of.run(move_.statement, move_.values, [self = shared_from_this(), t](const expected<sql_result>& r) {
    auto its = t;
    if (!r) return its.rollback(r.error());
    if (r->changed != 1) return its.rollback({errc::condition_failed, "the cursor of the projection stands elsewhere"});
    self->go_on(t);
  });
}

// The last answer of a round begins the next one: nothing of this object is touched after the last call of a round.
void cursor_move::go_on(const transaction& t) {
  auto of = t;
  const auto first = next_;
  const auto end = std::min(calls_->size(), first + at_once);
  if (first == end) return of.commit();
  next_ = end;
  open_ = end - first;
  const auto self = shared_from_this();
  for (auto i = first; i < end; ++i) {
    const auto& call = (*calls_)[i];
    of.run(call.statement, call.values, [self, t](const expected<sql_result>& r) { self->on_answer(t, r); });
  }
}

void cursor_move::on_answer(const transaction& t, const expected<sql_result>& r) {
  std::optional<error> fault;
  {
    const std::lock_guard lock(mutex_);
    if (!r && !fault_) fault_ = r.error();
    fault = fault_;
  }
  if (--open_ > 0) return;
  if (!fault) return go_on(t);
  auto its = t;
  its.rollback(std::move(*fault));
}

}  // namespace troupe
