#include "gateways/http/event_stream.hpp"

#include "gateways/http/view_json.hpp"

namespace troupe {

void append_event(std::string& out, const event& e) {
  out.append("id: ").append(std::to_string(e.sequence)).append("\nevent: ").append(e.kind);
  out.append("\ndata: ").append(event_json(e)).append("\n\n");
}

event_stream::event_stream(event_hub& hub, options o, std::shared_ptr<event_stream_counts> counts)
    : hub_(hub), options_(std::move(o)), counts_(std::move(counts)) {
  counts_->open.fetch_add(1, std::memory_order_relaxed);
}

event_stream::~event_stream() {
  if (listener_ != 0) hub_.unlisten(listener_);
  counts_->open.fetch_sub(1, std::memory_order_relaxed);
}

void event_stream::start(std::function<void()> wake) {
  queue_ = std::make_shared<event_queue>(std::move(wake));
  listener_ = event_queue::fill(queue_, hub_, options_.kinds, options_.resume_after.value_or(UINT64_MAX));
}

bool event_stream::pull(std::string& out, std::size_t room, time_point now) {
  const std::size_t start = out.size();
  std::uint64_t sent = 0;
  queue_->begin();
  const bool overrun = queue_->overrun();
  while (out.size() - start < room) {
    const auto next = queue_->pop();
    if (!next) break;
    append_event(out, *next);
    ++sent;
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
