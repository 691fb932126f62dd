#include "runtime/journal/append_queue.hpp"

#include <iterator>
#include <utility>

#include "runtime/journal/journal_statements.hpp"

namespace troupe {
namespace {

// The storage, or the way to it, is at fault, not what was to be written.
bool is_of_the_storage(errc code) {
  switch (code) {
    case errc::invalid_argument:
    case errc::too_large:
    case errc::already_exists:
    case errc::missing_reference: return false;
    default: return true;
  }
}

}  // namespace

expected<void> append_queue::add(entry& e) {
  const auto bytes = bytes_of(e.what);
  if (waiting_.size() >= limits_.waiting_max || bytes_ + bytes > limits_.waiting_bytes_max)
    return fail(errc::unavailable, "too many appends to the journal wait at this node");
  bytes_ += bytes;
  waiting_.push_back(std::move(e));
  return {};
}

const std::vector<stream_append>& append_queue::next() {
  if (!batch_.empty() || waiting_.empty()) return nothing_;
  std::size_t events = 0;
  std::size_t bytes = 0;
  bool alone = false;
  while (!waiting_.empty() && !alone) {
    auto& e = waiting_.front();
    const auto its = bytes_of(e.what);
    const bool fits =
        events + e.what.events.size() <= limits_.batch_events_max && bytes + its <= limits_.batch_bytes_max;
    if (!batch_.empty() && (!fits || e.alone)) break;
    alone = e.alone;
    events += e.what.events.size();
    bytes += its;
    bytes_ -= its;
    batch_.push_back(std::move(e.what));
    going_.push_back(std::move(e));
    waiting_.pop_front();
  }
  return batch_;
}

std::vector<append_queue::told> append_queue::on_done(const expected<std::vector<expected<appended>>>& outcome) {
  std::vector<told> all;
  auto batch = std::exchange(batch_, {});
  auto going = std::exchange(going_, {});
  if (!outcome && going.size() > 1 && !is_of_the_storage(outcome.error().code)) {
    for (std::size_t i = going.size(); i-- > 0;) {
      going[i].what = std::move(batch[i]);
      going[i].alone = true;
      bytes_ += bytes_of(going[i].what);
      waiting_.push_front(std::move(going[i]));
    }
    return all;
  }
  for (std::size_t i = 0; i < going.size(); ++i) {
    if (!outcome)
      all.push_back({std::move(going[i].done), tl::unexpected<error>(outcome.error())});
    else if (i < outcome->size())
      all.push_back({std::move(going[i].done), (*outcome)[i]});
    else
      all.push_back({std::move(going[i].done), fail(errc::corrupt, "an append without an outcome")});
  }
  return all;
}

}  // namespace troupe
