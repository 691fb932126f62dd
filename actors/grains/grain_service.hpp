// The grains of a node: the machines of runtime/grains, one a shard behind a lock, and what they ask for. What is sent
// to a grain's handle, here or by another node, is decided on the sender's thread.
//
//   handle, gate (other nodes) --> machine of the shard --> activation | the owner's gate | held | an error
//   tables, releases           --> machines             --> activations end, held messages are decided anew
//   alarm                      --> machines             --> idle ones rest, late messages are refused
//
// Nothing of CAF and nothing of the application runs under a machine's lock.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/mailbox_element.hpp>

#include <troupe/caf_grains.hpp>

#include "actors/alarm.hpp"
#include "actors/cache/shard_host.hpp"
#include "actors/cluster_board.hpp"
#include "actors/grains/grain_seat.hpp"
#include "actors/grains/reminder_runner.hpp"
#include "actors/io_pool.hpp"
#include "actors/link/actor_directory.hpp"
#include "actors/log.hpp"
#include "actors/metrics.hpp"
#include "runtime/cache/catalogue.hpp"
#include "runtime/grains/grain_shard.hpp"

namespace troupe {

class grain_service final : public grains, public shard_work, public std::enable_shared_from_this<grain_service> {
 public:
  static constexpr duration held_tick = std::chrono::milliseconds(20);
  static constexpr duration sweep_interval = std::chrono::seconds(1);
  static constexpr duration rest_max = std::chrono::seconds(1);   // for all to rest when the node stops
  static constexpr duration close_max = std::chrono::seconds(1);  // for their actors to end
  static constexpr duration line_interval = std::chrono::seconds(1);

  struct surroundings {
    caf::actor_system& system;
    io_pool& io;
    shard_host& shards;
    cluster_board& board;
    event_log& log;
    std::shared_ptr<actor_directory> directory;
    std::function<std::optional<link_target>(std::uint64_t pid)> find;
    const cache_catalogue& caches;
    std::function<expected<cache>(const std::string& name)> open_cache;
    grain_limits limits{};
  };
  explicit grain_service(surroundings s);

  /// Follows the shards; before any is adopted.
  void attach();
  /// Shows the gate. errc::unavailable when the system gives no timer.
  [[nodiscard]] expected<void> start();
  /// All grains go to rest, for at most rest_max; the node stops then.
  void rest_all();
  /// Nothing is routed any more, activations end. Before the directory closes.
  void close();
  /// The same, and waits for nobody: the node is gone (actors/simulation).
  void cut() { (void)shut(); }
  void register_metrics(metrics& m);
  /// From attach() on.
  [[nodiscard]] reminder_runner& reminders() noexcept { return *reminders_; }

  // grains
  expected<void> add_maker(const std::string& type, maker make, const grain_options& options) override;
  [[nodiscard]] expected<caf::actor> ref(const std::string& type, const std::string& id) override;
  [[nodiscard]] expected<std::string> place_of(const std::string& type, const std::string& id) override;

  // shard_work
  [[nodiscard]] bool calm(std::uint32_t shard) override;
  void stir(std::uint32_t shard) override;

  /// A message for a grain; views are borrowed for the call.
  struct call {
    std::string_view type, id, key;
    std::uint32_t shard = 0;
    std::uint32_t hops = 0;
    stamp known{};
    time_point until{};       // of one that was held
    bool owner_lost = false;  // the node that holds the shard cannot be reached now
    caf::mailbox_element_ptr what{};
  };
  void route(call c, caf::execution_unit* host);
  /// Tells whoever asked, and the log.
  void refuse(const call& c, const error& why, caf::execution_unit* host);
  [[nodiscard]] std::uint32_t shard_of(std::string_view key) const noexcept { return with_.shards.shard_of_key(key); }

  // Of the activations; from their own threads.
  /// False when its time is over; otherwise leave() follows.
  [[nodiscard]] bool enter(grain_seat& seat);
  void leave(const grain_seat& seat) { with_.shards.tenures().leave(seat.shard); }
  void on_lapsed(const grain_seat& seat);
  void on_ended(const grain_seat& seat);
  void wish(const grain_seat& seat);
  void send_on(const grain_seat& seat, caf::mailbox_element_ptr what, std::uint32_t hops, caf::execution_unit* host);
  void note_failed(const grain_seat& seat, const error& why);
  void note_refused(std::string_view type, std::string_view id, const error& why);

 private:
  struct alignas(64) place {
    explicit place(grain_ledger& ledger) : machine(ledger) {}
    shard_lock lock;
    grain_shard machine;  // guarded by lock
  };
  struct held_call final : held_message {
    std::string type, id, key;
    std::uint32_t shard = 0;
    std::uint32_t hops = 0;
    stamp known{};
    caf::mailbox_element_ptr what;
  };
  enum class count : std::uint8_t { started, rested, failed, cut, forwarded, held, counts };

  template <class F>
  decltype(auto) with_machine(std::uint32_t shard, F&& f) {
    auto& p = *places_[shard];
    const std::lock_guard lock(p.lock);
    return std::forward<F>(f)(p.machine);
  }
  [[nodiscard]] bool shut();
  void tell(const grain_seat& seat, const char* what) const;
  void follow();
  void run();
  void ring_by(time_point at);
  void carry_out(grain_output& out, caf::execution_unit* host);
  void begin(const call& c, std::uint64_t number, std::uint64_t tenure, stamp table, caf::execution_unit* host);
  void deliver(const std::shared_ptr<grain_seat>& seat, caf::mailbox_element_ptr what, std::uint32_t hops,
               caf::execution_unit* host);
  void forward(call c, std::uint64_t owner, stamp table, caf::execution_unit* host);
  [[nodiscard]] expected<caf::strong_actor_ptr> gate_of(std::uint64_t pid);
  void nudge(const grain_activation& a, caf::execution_unit* host);
  [[nodiscard]] std::unique_ptr<held_call> keep(call& c);
  [[nodiscard]] std::uint64_t size_of(const caf::mailbox_element& what);
  [[nodiscard]] std::shared_ptr<const grain_type> kind_of(std::string_view type) const;
  [[nodiscard]] expected<void> open_caches(grain_type& kind);
  void add(count what) { ++numbers_->by_kind[static_cast<std::size_t>(what)]; }

  const surroundings with_;
  grain_ledger ledger_;
  std::vector<std::unique_ptr<place>> places_;  // by shard
  std::shared_ptr<reminder_runner> reminders_;
  alarm clock_;
  std::mutex ring_mutex_;
  time_point rings_at_ = time_point::max();  // guarded by ring_mutex_
  std::atomic<std::int64_t> ring_hint_;      // the same, to look at first
  time_point sweep_at_{};                    // of the alarm's thread

  mutable std::shared_mutex mutex_;
  std::map<std::string, std::shared_ptr<const grain_type>, std::less<>> types_;
  std::map<std::uint64_t, caf::strong_actor_ptr> gates_;  // of other nodes, by PID
  caf::actor gate_;                                       // this node's
  std::atomic<bool> closed_{false};
  std::mutex ended_mutex_;
  std::condition_variable ended_;
  std::uint64_t alive_ = 0;  // actors; guarded by ended_mutex_
  std::atomic<std::int64_t> line_at_{0};

  static constexpr std::size_t codes = static_cast<std::size_t>(errc_last) + 1;
  struct refusal_lines {
    std::atomic<std::int64_t> line_at{0};
    std::atomic<std::uint64_t> told{0};  // of those that were counted
  };
  std::array<refusal_lines, codes> refusals_;
  struct counters {
    std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(count::counts)> by_kind{};
    std::array<std::atomic<std::uint64_t>, codes> refused{};
  };
  const std::shared_ptr<counters> numbers_ = std::make_shared<counters>();
};

}  // namespace troupe
