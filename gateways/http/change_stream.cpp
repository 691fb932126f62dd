#include "gateways/http/change_stream.hpp"

#include <utility>

#include "gateways/http/cache_batch_json.hpp"

namespace troupe {

void append_change(std::string& out, const cache_change& c) {
  out.append("event: ").append(name_of(c.kind));
  out.append("\ndata: ").append(cache_change_json(c)).append("\n\n");
}

void change_stream::alarm_clock::set(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
  if (rung_ && wake_) wake_();
}

void change_stream::alarm_clock::ring() {
  const std::lock_guard lock(mutex_);
  rung_ = true;
  if (wake_) wake_();
}

bool change_stream::pull(std::string& out, std::size_t room, time_point now) {
  const std::size_t start = out.size();
  while (out.size() - start < room) {
    const auto next = changes_.next(duration::zero());
    if (next) {
      append_change(out, *next);
      continue;
    }
    if (next.error().code != errc::deadline_exceeded) return false;  // the node stops
    break;
  }
  if (!last_output_ && out.size() == start) {
    out.append(": troupe changes\n\n");
  } else if (out.size() == start && now - *last_output_ >= heartbeat) {
    out.append(": heartbeat\n\n");
  }
  if (out.size() != start) last_output_ = now;
  return true;
}

}  // namespace troupe
