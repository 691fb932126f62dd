// Copies of a small cache at every simulated node (caches.default.replicas = "all"): what actors/cache does with
// change_link and local_copy_link, over the link of the simulator.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/cache/change_feed.hpp"
#include "runtime/cache/change_source.hpp"
#include "runtime/cache/copy_reading.hpp"
#include "runtime/cache/local_copy.hpp"
#include "runtime/sharding/shard_table.hpp"
#include "tests/sim/simulated_stores.hpp"

namespace troupe::sim {

class simulated_copies final : public change_listener {
 public:
  static constexpr std::uint64_t bytes_max = std::uint64_t{16} << 20;

  simulated_copies(simulated_stores& stores, std::uint32_t shards, random rng);

  void on_adopted(const shard_table& t, std::uint64_t my_pid, time_point now);
  /// `serves`: this node's lease runs.
  void on_tick(bool serves, time_point now);
  [[nodiscard]] time_point next_tick() const noexcept { return next_tick_; }
  /// Of the kinds that is_mine() says.
  void on_message(std::uint64_t from, std::string_view bytes, bool serves, time_point now);
  [[nodiscard]] static bool is_mine(char tag) noexcept { return tag >= poll_tag && tag <= page_tag; }
  /// What was asked of it is lost.
  void on_lost(std::uint64_t pid, time_point now);
  [[nodiscard]] std::vector<std::pair<std::uint64_t, std::string>> take_messages() { return std::exchange(out_, {}); }

  [[nodiscard]] std::optional<local_copy::shown> find(std::uint32_t shard, std::string_view key, time_point now) {
    return copy_.find(0, shard, key, feed_.confirmed(shard), now);
  }
  [[nodiscard]] const local_copy& held() const noexcept { return copy_; }

  [[nodiscard]] bool wants(cache_id cache) const noexcept override { return source_.wants(cache); }
  void on_change(std::uint32_t s, const key_change& c, std::uint64_t n) override { source_.on_change(s, c, n); }
  void on_committed(std::uint32_t shard, std::uint64_t n) override { source_.on_committed(shard, n); }
  void on_begin(std::uint32_t shard, std::uint64_t epoch, std::uint64_t version) override {
    source_.on_begin(shard, epoch, version);
  }
  void on_end(std::uint32_t shard, std::uint64_t version) override { source_.on_end(shard, version); }

 private:
  // Beside the tags of the cluster machine and of the streams.
  static constexpr char poll_tag = '1', answer_tag = '2', request_tag = '3', page_tag = '4';
  static constexpr duration tick = std::chrono::milliseconds(20);

  void send(std::uint64_t to, char tag, std::uint64_t number, std::string_view bytes);
  void take_poll(std::uint64_t from, std::string_view bytes, bool serves, time_point now);
  void hear(std::uint64_t from, std::uint64_t session, std::string_view bytes, time_point now);
  void take_request(std::uint64_t from, std::string_view bytes, bool serves, time_point now);
  void take_page(std::uint64_t token, std::string_view bytes, time_point now);
  void deliver(time_point now);
  void pump(time_point now);

  simulated_stores& stores_;
  const std::uint32_t shards_;
  std::uint64_t my_pid_ = 0;
  change_source source_;
  change_feed feed_;
  local_copy copy_;
  std::map<std::uint64_t, std::uint64_t> waiting_;                         // polls that wait here: session to PID
  std::map<std::uint64_t, std::uint64_t> asked_;                           // polls under way: session to PID
  std::map<std::uint64_t, std::pair<std::uint64_t, copy_request>> pages_;  // by token: whom
  std::vector<std::pair<std::uint64_t, std::string>> out_;
  time_point next_tick_{};
};

}  // namespace troupe::sim
