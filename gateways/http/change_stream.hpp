// One client's stream of the changes of a cache, as server-sent events without ids: what was missed cannot be asked
// for again, and is told as the event `gap`.
//
// What waits for a client is bounded by its subscription (change_queue.hpp); one that reads too slowly gets a gap.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <troupe/cache_changes.hpp>

#include "gateways/http/message.hpp"
#include "runtime/cache/cache_access.hpp"

namespace troupe {

class change_stream final : public http_stream {
 public:
  static constexpr duration heartbeat = std::chrono::seconds(15);

  /// What the subscription rings; it wakes the connection from start() on.
  class alarm_clock {
   public:
    void set(std::function<void()> wake);
    void ring();

   private:
    std::mutex mutex_;
    std::function<void()> wake_;
    bool rung_ = false;
  };

  change_stream(change_subscription changes, std::shared_ptr<alarm_clock> clock)
      : clock_(std::move(clock)), changes_(std::move(changes)) {}

  void start(std::function<void()> wake) override { clock_->set(std::move(wake)); }
  [[nodiscard]] bool pull(std::string& out, std::size_t room, time_point now) override;

 private:
  std::shared_ptr<alarm_clock> clock_;
  change_subscription changes_;
  std::optional<time_point> last_output_;
};

/// "event: put\ndata: {...}\n\n"
void append_change(std::string& out, const cache_change& c);

}  // namespace troupe
