#include "runtime/topics/topic_outbox.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace troupe {

bool topic_outbox::add(topic_message m) {
  if (!waiting_.empty() && bytes_ + m.size() > waiting_bytes_max) {
    miss(m.topic, 1);
    return false;
  }
  if (const auto at = missed_.find(m.topic); at != missed_.end()) {
    m.missed = at->second;
    missed_.erase(at);
  }
  bytes_ += m.size();
  waiting_.push_back(std::move(m));
  return true;
}

void topic_outbox::miss(const std::string& topic, std::uint32_t count) {
  if (missed_.size() >= missed_topics_max && !missed_.contains(topic)) {
    missed_.clear();
    anew_ = true;
    return;
  }
  auto& n = missed_[topic];
  n = n > std::numeric_limits<std::uint32_t>::max() - count ? std::numeric_limits<std::uint32_t>::max() : n + count;
}

topic_packet topic_outbox::take(std::uint64_t& clock) {
  for (const auto& [topic, count] : std::exchange(missed_, {})) {
    topic_message notice{topic, ++clock};
    notice.what = topic_message::kind::missed;
    notice.missed = count;
    bytes_ += notice.size();
    waiting_.push_back(std::move(notice));
  }
  topic_packet p;
  p.part = topic_packet::kind::messages;
  p.anew = sent_anew_ = std::exchange(anew_, false);
  sending_ = true;
  std::size_t bytes = 0;
  for (const auto& m : waiting_) {
    if (p.messages.size() == topic_batch_messages_max || (bytes != 0 && bytes + m.size() > batch_bytes_max)) break;
    bytes += m.size();
    p.messages.push_back(m);
  }
  under_way_ = p.messages.size();
  if (p.anew) p.version = p.messages.empty() ? ++clock : p.messages.front().count;
  return p;
}

std::size_t topic_outbox::on_sent(topic_outcome how) {
  sending_ = false;
  const auto count = std::exchange(under_way_, 0);
  const bool anew = std::exchange(sent_anew_, false);
  if (how != topic_outcome::answered) anew_ = anew_ || anew;
  if (how == topic_outcome::silence) return count;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& m = waiting_.front();
    if (how == topic_outcome::refused && m.what == topic_message::kind::content) miss(m.topic, 1);
    bytes_ -= m.size();
    waiting_.pop_front();
  }
  return count;
}

}  // namespace troupe
