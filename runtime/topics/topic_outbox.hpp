// Messages on their way to one other node: a queue with a bound in bytes, sent in batches, one under way at a time,
// each again until it is answered: the receiver knows by the counts what it has.
//
// What has no room is not sent: how many messages of which topic were missed is told in their place, with the next one
// of that topic or by itself. Pure, for one thread.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "runtime/topics/topic_message.hpp"

namespace troupe {

class topic_outbox {
 public:
  static constexpr std::size_t waiting_bytes_max = 16 * 1024 * 1024;
  static constexpr std::size_t batch_bytes_max = 512 * 1024;  // a larger message travels alone
  static constexpr std::size_t missed_topics_max = 1'024;     // then all topics are said to have missed some

  /// False when it had no room: it counts as missed.
  bool add(topic_message m);
  [[nodiscard]] bool due() const noexcept { return !sending_ && (!waiting_.empty() || !missed_.empty() || anew_); }
  /// The next batch, which is under way then. `clock` is the node's count: it rises for what is told without a message.
  [[nodiscard]] topic_packet take(std::uint64_t& clock);
  /// How that ended; returns how many messages it was.
  std::size_t on_sent(topic_outcome how);

  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }  // and under way

 private:
  void miss(const std::string& topic, std::uint32_t count);

  std::deque<topic_message> waiting_;
  std::size_t bytes_ = 0;
  std::map<std::string, std::uint32_t> missed_;  // after all that wait
  std::size_t under_way_ = 0;                    // the first ones of those that wait
  bool anew_ = true;                             // what that node was sent before is not known
  bool sent_anew_ = false;
  bool sending_ = false;
};

}  // namespace troupe
