#include "runtime/journal/projection_cursor.hpp"

#include <algorithm>
#include <utility>

namespace troupe {
namespace {

bool rises(std::uint64_t from, const std::vector<stored_event>& page) {
  for (const auto& e : page) {
    if (e.position <= std::exchange(from, e.position)) return false;
  }
  return true;
}

}  // namespace

void projection_cursor::fail_for_now(doing then) {
  rest_ = std::min(settings_.wait_first * (1U << std::min(failures_, 16U)), settings_.wait_most);
  ++failures_;
  after_rest_ = then;
  doing_ = doing::rest;
}

void projection_cursor::on_cursor(const expected<std::uint64_t>& position) {
  if (doing_ != doing::ask) return;
  if (!position) return fail_for_now(doing::ask);
  position_ = *position;
  woken_ = false;
  doing_ = doing::read;
}

void projection_cursor::on_page(expected<std::vector<stored_event>> page) {
  if (doing_ != doing::read) return;
  if (!page || !rises(position_, *page)) return fail_for_now(doing::read);
  page_ = std::move(*page);
  if (!page_.empty()) {
    doing_ = doing::apply;
    return;
  }
  succeed();
  if (std::exchange(woken_, false)) return;  // it was told of more while it read
  rest_ = settings_.poll_every;
  after_rest_ = doing::read;
  doing_ = doing::rest;
}

void projection_cursor::on_applied(const expected<void>& outcome) {
  if (doing_ != doing::apply) return;
  if (outcome) {
    position_ = page_.back().position;
    succeed();
    doing_ = doing::read;
  } else if (outcome.error().code == errc::condition_failed || outcome.error().code == errc::outcome_unknown) {
    fail_for_now(doing::ask);  // another one runs, or it was done: the cursor tells
  } else {
    fail_for_now(doing::read);
  }
  page_.clear();
}

void projection_cursor::on_rested() {
  if (doing_ != doing::rest) return;
  woken_ = false;
  doing_ = after_rest_;
}

// What failed is not hurried.
bool projection_cursor::wake() {
  woken_ = true;
  if (doing_ != doing::rest || failures_ > 0) return false;
  on_rested();
  return true;
}

}  // namespace troupe
