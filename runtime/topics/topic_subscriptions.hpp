// Who listens to which topics at one node: each by itself, or as one of a group whose members take turns.
//
// It also knows what a subscription was given: a retained value that comes by repair may be ahead of messages that its
// publisher sent earlier, which are too late then, or behind messages that it sent later. Pure, for one thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "runtime/base/function_ref.hpp"
#include "runtime/topics/topic_message.hpp"

namespace troupe {

inline constexpr std::size_t topic_subscriptions_max = 65'536;  // of one node

using topic_subscription_id = std::uint64_t;

class topic_subscriptions {
 public:
  struct row {
    std::string topic;
    std::string group;                                // empty: by itself
    std::map<incarnation_id, std::uint64_t> given{};  // of each publisher the highest count; not of groups
    topic_stamp retained{};                           // the highest of what was retained
  };

  /// errc::invalid_argument for a topic or group that is none, errc::unavailable beyond topic_subscriptions_max.
  [[nodiscard]] expected<topic_subscription_id> add(std::string_view topic, std::string_view group);
  /// What it was; nothing when it is unknown.
  [[nodiscard]] std::optional<row> remove(topic_subscription_id id);

  /// Those of a topic that are in no group.
  void each(std::string_view topic, function_ref<void(topic_subscription_id id)> show) const;
  /// All that are in no group.
  void each_of_all(function_ref<void(topic_subscription_id id, const row& r)> show) const;
  /// Whose turn it is.
  [[nodiscard]] std::optional<topic_subscription_id> next(std::string_view topic, std::string_view group);

  /// A message in its turn is given; false: it is too late.
  [[nodiscard]] bool give(topic_subscription_id id, const topic_stamp& s, bool retained);
  enum class standing : std::uint8_t {
    known,  // it was given this one, or one that was retained later: it is not given
    first,  // it was given nothing of that publisher
    next,   // what it was given of that publisher is older
    late,   // it was given newer messages of that publisher
  };
  /// A retained value, whose turn may be another, is given; how it stands to what was given before.
  [[nodiscard]] standing give_retained(topic_subscription_id id, const topic_stamp& s);
  /// What was given of other publishers is not remembered any more.
  void remember_only(const std::set<incarnation_id>& publishers);

  [[nodiscard]] const row* find(topic_subscription_id id) const;
  [[nodiscard]] std::size_t size() const noexcept { return rows_.size(); }

 private:
  struct members {
    std::set<topic_subscription_id> ids;
    topic_subscription_id last = 0;  // had its turn
  };
  std::map<topic_subscription_id, row> rows_;
  std::map<std::string, std::map<std::string, members, std::less<>>, std::less<>> topics_;  // by group; "": no group
  topic_subscription_id last_id_ = 0;
};

}  // namespace troupe
