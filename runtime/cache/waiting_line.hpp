// Clients that wait for a key to hold a list or a sorted set, at the primary of its shard: who came first is called
// first.
//
//   state     meaning                                              ends
//   waiting   its node waits for an answer                         called; at the time it asked for: away (not_found)
//   called    its turn: its node sends the command that pops       leave(), or call_max later
//   away      answered that nothing came: its node asks again      wait() under its id, or away_max later
//
// One at a time is called for a key; the next when that one has left. So elements go to clients in the order in which
// these came, by any way to this node. Who waits again under its id keeps its place; who comes from another primary
// says how long it has waited.
//
// Pure: whoever owns it passes the time, says which keys hold what, and gives the answers that it gathers. It does NOT
// pop: an element leaves its key only by the command of the client's node, as any write.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/function_ref.hpp"
#include "runtime/cache/command.hpp"
#include "runtime/cache/values/value_object.hpp"

namespace troupe {

/// An answer that may be given now.
struct called_client {
  owned_reply reply;
  reply_callback done;
};

class waiting_line {
 public:
  static constexpr std::size_t clients_max = 16'384;
  static constexpr std::size_t keys_max = 65'536;  // of all of them
  static constexpr duration call_max = std::chrono::milliseconds(500);
  static constexpr duration away_max = std::chrono::milliseconds(500);

  /// The key holds a value of that type now.
  using holds = function_ref<bool(cache_id cache, std::string_view key, value_type type)>;

  struct request {
    std::uint64_t id = 0;  // one for all attempts of one command; of no other command in the cluster
    cache_id cache = 0;
    value_type type = value_type::list;
    std::vector<std::string> keys;
    duration waited{};   // before it came here
    time_point until{};  // when it wants an answer at the latest
  };

  /// `done` is answered: ok, it is called; not_found, nothing came until then; not_owner, it is to ask elsewhere;
  /// unavailable, too many wait.
  void wait(request r, reply_callback done, time_point now, holds held);
  /// It popped, or does not want to any more.
  void leave(std::uint64_t id, time_point now, holds held);
  /// The key was written.
  void on_written(cache_id cache, std::string_view key, time_point now, holds held);
  void on_tick(time_point now, holds held);
  /// Everybody is to ask elsewhere.
  void give_up();

  /// Somebody who came before `id` waits for one of the keys, which holds what it wants.
  [[nodiscard]] bool is_ahead_of(std::uint64_t id, time_point since, cache_id cache,
                                 const std::vector<std::string_view>& keys, holds held) const;

  [[nodiscard]] bool empty() const noexcept { return clients_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return clients_.size(); }
  [[nodiscard]] bool has_called() const noexcept { return !called_.empty(); }
  /// An answer that was decided elsewhere, in its order.
  void tell(owned_reply reply, reply_callback done) { called_.push_back({std::move(reply), std::move(done)}); }
  /// Answers, in order; given without the shard's lock.
  [[nodiscard]] std::vector<called_client> take_called() { return std::exchange(called_, {}); }

 private:
  enum class state : std::uint8_t { waiting, called, away };
  struct client {
    request asked;
    time_point since{};
    state now = state::waiting;
    reply_callback done;  // of waiting
  };
  using place = std::pair<time_point, std::uint64_t>;  // since, id
  using key_name = std::pair<cache_id, std::string>;
  struct key_order {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const noexcept {
      if (a.first != b.first) return a.first < b.first;
      return std::string_view(a.second) < std::string_view(b.second);
    }
  };
  using client_map = std::map<std::uint64_t, client>;

  void answer(client& c, errc code);
  void end_at(client& c, time_point until) noexcept;
  void call(client& c, time_point now);
  /// Who of those that wait for a key want what it holds.
  struct wanted_types {
    bool list = false, sorted_set = false;
    [[nodiscard]] bool none() const noexcept { return !list && !sorted_set; }
    [[nodiscard]] bool wants(const client& c) const noexcept {
      return c.asked.type == value_type::list ? list : sorted_set;
    }
  };
  [[nodiscard]] static wanted_types look(cache_id cache, std::string_view key, holds held) {
    return {held(cache, key, value_type::list), held(cache, key, value_type::sorted_set)};
  }
  void call_first(cache_id cache, std::string_view key, time_point now, holds held);
  void remove(client_map::iterator at, time_point now, holds held);

  client_map clients_;
  std::map<key_name, std::set<place>, key_order> by_key_;
  std::size_t keys_ = 0;
  time_point soonest_ = time_point::max();  // nothing ends before this
  std::vector<called_client> called_;
};

}  // namespace troupe
