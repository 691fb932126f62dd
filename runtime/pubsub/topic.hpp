// What somebody may listen to.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::pubsub {

enum class topic_kind : std::uint8_t {
  channel,        // messages of PUBLISH
  pattern,        // the same, of all channels whose names match
  shard_channel,  // messages of SPUBLISH
  group,          // members of a group that shares the messages of a topic (runtime/topics)
};
inline constexpr std::uint32_t topic_kinds = 4;

/// Of a channel or pattern: what others are told of in one message. Doors refuse longer ones.
inline constexpr std::size_t topic_name_bytes_max = 1024 * 1024;

struct topic {
  topic_kind kind = topic_kind::channel;
  std::string name;

  auto operator<=>(const topic&) const = default;
};

/// A topic that borrows its name, to look for.
struct topic_view {
  topic_kind kind;
  std::string_view name;
};

struct topic_order {
  using is_transparent = void;
  static constexpr topic_view view(const topic& t) noexcept { return {t.kind, t.name}; }
  static constexpr topic_view view(const topic_view& t) noexcept { return t; }
  template <class A, class B>
  constexpr bool operator()(const A& a, const B& b) const noexcept {
    const auto x = view(a);
    const auto y = view(b);
    return x.kind != y.kind ? x.kind < y.kind : x.name < y.name;
  }
};

}  // namespace troupe::pubsub
