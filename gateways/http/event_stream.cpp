#include "gateways/http/event_stream.hpp"

#include <deque>
#include <mutex>

#include "gateways/http/view_json.hpp"

namespace troupe {

// Shared with the hub's listener, which may still run while the stream is being destroyed.
struct event_stream::queue {
  std::mutex mutex;
  std::deque<std::shared_ptr<const event>> events;
  std::size_t room = queue_max;  // events that may still be added
  bool overrun = false;
  bool woken = false;  // a wake is on its way
  bool replaying = true;
  std::function<void()> wake;

  void push(const std::shared_ptr<const event>& e) {
    const std::lock_guard lock(mutex);
    if (overrun) return;
    if (!replaying && room == 0) {  // what is replayed is bounded by the hub's history
      overrun = true;
    } else {
      events.push_back(e);
      if (!replaying) --room;
    }
    if (!woken) {
      woken = true;
      wake();
    }
  }
};

void append_event(std::string& out, const event& e) {
  out.append("id: ").append(std::to_string(e.sequence)).append("\nevent: ").append(e.kind);
  out.append("\ndata: ").append(event_json(e)).append("\n\n");
}

event_stream::event_stream(event_hub& hub, options o, std::shared_ptr<event_stream_counts> counts)
    : hub_(hub), options_(std::move(o)), counts_(std::move(counts)), queue_(std::make_shared<queue>()) {
  counts_->open.fetch_add(1, std::memory_order_relaxed);
}

event_stream::~event_stream() {
  if (listener_ != 0) hub_.unlisten(listener_);
  counts_->open.fetch_sub(1, std::memory_order_relaxed);
}

void event_stream::start(std::function<void()> wake) {
  queue_->wake = std::move(wake);
  auto listener = [q = queue_, kinds = options_.kinds](const std::shared_ptr<const event>& e) {
    if (kinds.empty() || kinds.contains(e->kind)) q->push(e);
  };
  std::uint64_t after = options_.resume_after.value_or(UINT64_MAX);
  // A number this node has not reached is of an earlier life: all that is kept is new to the client.
  if (options_.resume_after && *options_.resume_after > hub_.last_sequence()) after = 0;
  listener_ = hub_.listen(std::move(listener), after);
  const std::lock_guard lock(queue_->mutex);
  queue_->replaying = false;
}

bool event_stream::pull(std::string& out, std::size_t room, time_point now) {
  const std::size_t start = out.size();
  std::uint64_t sent = 0;
  bool overrun = false;
  {
    const std::lock_guard lock(queue_->mutex);
    auto& q = *queue_;
    q.woken = false;
    while (!q.events.empty() && out.size() - start < room) {
      append_event(out, *q.events.front());
      q.events.pop_front();
      q.room = std::min(q.room + 1, queue_max);
      ++sent;
    }
    overrun = q.overrun;
  }
  counts_->sent.fetch_add(sent, std::memory_order_relaxed);
  if (overrun) {
    counts_->overrun.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  if (!last_output_) {
    out.append(": troupe events\n\n");
  } else if (out.size() == start && now - *last_output_ >= heartbeat) {
    out.append(": heartbeat\n\n");
  }
  if (out.size() != start) last_output_ = now;
  return true;
}

}  // namespace troupe
