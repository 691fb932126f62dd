// Who listens to what on one node, in numbers, and how that changed: each change has a version, so that another node is
// told only what is new since the version it has.
//
// Topics that nobody listens to any more are kept as 0 for a while, because others have to hear of it; when too many
// are, the oldest are forgotten, and who is further behind than that is told everything anew.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "runtime/base/function_ref.hpp"
#include "runtime/pubsub/topic.hpp"

namespace troupe::pubsub {

inline constexpr std::size_t update_items_max = 4096;
inline constexpr std::size_t update_bytes_max = 512 * 1024;  // of names
inline constexpr std::size_t gone_kept_max = 65536;
inline constexpr std::size_t gone_bytes_max = 4 * 1024 * 1024;  // of their names

struct interest {
  topic what;
  std::uint32_t listeners = 0;
};

/// What changed after version `from` up to `to`. `from` 0: forget what was known, this is all (or its first part).
struct interest_update {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::vector<interest> items;
  std::uint64_t have = 0;  // the version that the sender has of the receiver's interest
};

class interest_ledger {
 public:
  /// `by` more (or fewer) listen. Never below 0. The name has topic_name_bytes_max bytes at most.
  void change(const topic_view& t, std::int64_t by);

  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }
  /// The next part of what is new after `known`; one with to == known when nothing is.
  [[nodiscard]] interest_update since(std::uint64_t known) const;

  /// Listeners of this very topic.
  [[nodiscard]] std::uint64_t listeners(const topic_view& t) const;
  /// Who would get a message of a channel: of kind channel, those of matching patterns too.
  [[nodiscard]] std::uint64_t audience(topic_kind kind, std::string_view channel) const;
  /// Topics of a kind that somebody listens to, in order of names.
  void each(topic_kind kind, function_ref<void(std::string_view name, std::uint64_t listeners)> show) const {
    each(kind, {}, show);
  }
  /// Those whose names begin so.
  void each(topic_kind kind, std::string_view prefix,
            function_ref<void(std::string_view name, std::uint64_t listeners)> show) const;
  [[nodiscard]] std::uint64_t count(topic_kind kind) const noexcept { return alive_[static_cast<std::size_t>(kind)]; }

 private:
  struct state {
    std::uint64_t listeners = 0;
    std::uint64_t changed = 0;  // version
  };
  using table = std::map<topic, state, topic_order>;

  void note_change(table::iterator at);
  void count_gone(const topic& t, bool more) noexcept;
  void forget_oldest();

  table topics_;
  std::map<std::uint64_t, const topic*> by_version_;  // into topics_
  std::uint64_t version_ = 0;
  std::uint64_t forgotten_ = 0;  // who knows less than this must hear everything
  std::size_t gone_ = 0;         // topics with no listener
  std::size_t gone_bytes_ = 0;   // of their names
  std::uint64_t alive_[topic_kinds] = {};
};

}  // namespace troupe::pubsub
