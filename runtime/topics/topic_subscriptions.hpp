// Who listens to which topics at one node: each by itself, or as one of a group whose members take turns.
//
// It also knows what a subscription was given ahead of its turn: a retained value may come before the messages that its
// publisher sent earlier; those are too late then. Pure, for one thread.
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
    std::map<incarnation_id, std::uint64_t> given{};  // counts of publishers up to which messages are too late
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

  enum class given_before : std::uint8_t { nothing, earlier, this_or_later };
  /// A value ahead of its turn: what it was given so of that publisher before.
  [[nodiscard]] given_before give(topic_subscription_id id, const topic_stamp& s);
  /// Whether a message in its turn is still to be given.
  [[nodiscard]] bool takes(topic_subscription_id id, const topic_stamp& s);

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
