// One client's stream of server-sent events: a bounded queue between the threads that publish and the
// connection that sends.
//
// A client that does not keep up loses the stream, not events in its middle: when `queue_max` live
// events wait, the stream ends and is counted, and the client resumes with Last-Event-ID.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "actors/event_hub.hpp"
#include "gateways/http/event_queue.hpp"
#include "gateways/http/message.hpp"

namespace troupe {

/// Numbers of all streams of a door; outlive the streams.
struct event_stream_counts {
  std::atomic<std::uint64_t> open{0};
  std::atomic<std::uint64_t> sent{0};     // events
  std::atomic<std::uint64_t> overrun{0};  // streams ended because their queue was full
};

class event_stream final : public http_stream {
 public:
  static constexpr std::size_t queue_max = event_queue::events_max;
  static constexpr duration heartbeat = std::chrono::seconds(15);

  struct options {
    std::set<std::string, std::less<>> kinds;  // empty: all
    std::optional<std::uint64_t> resume_after;
  };

  /// `hub` must outlive the stream.
  event_stream(event_hub& hub, options o, std::shared_ptr<event_stream_counts> counts);
  ~event_stream() override;

  void start(std::function<void()> wake) override;
  [[nodiscard]] bool pull(std::string& out, std::size_t room, time_point now) override;

 private:
  event_hub& hub_;
  options options_;
  std::shared_ptr<event_stream_counts> counts_;
  std::shared_ptr<event_queue> queue_;
  std::uint64_t listener_ = 0;
  std::optional<time_point> last_output_;
};

/// "id: 7\nevent: member_alive\ndata: {...}\n\n"
void append_event(std::string& out, const event& e);

}  // namespace troupe
