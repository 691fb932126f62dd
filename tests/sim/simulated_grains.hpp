// Grains of a simulated node: the real grain_shards, as actors/grains runs them, with activations that take their time
// to load, to handle a message and to go to rest. grain_truth is what the whole run knows: no grain is served by two
// activations at once, none by one after a later one, and a message is handled once or refused.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/random.hpp"
#include "runtime/grains/grain_shard.hpp"
#include "runtime/sharding/shard_table.hpp"
#include "tests/sim/simulated_stores.hpp"

namespace troupe::sim {

inline constexpr std::uint32_t simulated_grains_total = 64;  // two of each shard

class grain_truth {
 public:
  struct numbers {
    std::uint64_t activations = 0;
    std::uint64_t rested = 0;
    std::uint64_t cut = 0;
    std::uint64_t handled = 0;
    std::uint64_t forwarded = 0;
    std::uint64_t held = 0;
  };

  [[nodiscard]] std::uint64_t begin() { return ++count.activations; }
  void handled(std::uint32_t grain, std::uint64_t activation, std::uint64_t message);
  void refused(std::uint64_t message);
  [[nodiscard]] std::uint64_t new_message() { return ++messages_; }
  /// The first thing that must not be; empty: there was none.
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

  numbers count;

 private:
  std::map<std::uint32_t, std::uint64_t> latest_;  // by grain: the activation that handled last
  std::set<std::uint64_t> over_;                   // activations that a later one followed
  std::map<std::uint64_t, bool> ends_;             // by message: handled
  std::uint64_t messages_ = 0;
  std::string fault_;
};

class simulated_grains {
 public:
  /// False: an error.
  using answer = std::function<void(bool)>;

  simulated_grains(simulated_stores& stores, std::uint32_t shards, grain_truth& truth, random rng);

  void set_lease(std::function<time_point()> ends) { lease_ends_ = std::move(ends); }
  /// After every call of the process: what the stores serve now, by this table.
  void follow(const shard_table& t, std::uint64_t my_pid, time_point now);
  void on_message(std::uint64_t from, std::string_view bytes, time_point now);
  [[nodiscard]] static bool is_mine(char tag) noexcept { return tag == request_tag || tag == reply_tag; }
  /// What was sent there has no answer any more.
  void on_lost(std::uint64_t pid);
  void on_tick(time_point now);
  [[nodiscard]] time_point next_tick() const;
  [[nodiscard]] std::vector<std::pair<std::uint64_t, std::string>> take_messages() { return std::exchange(out_, {}); }

  /// A client of this node asks a grain.
  void ask(std::uint32_t grain, time_point now, answer done);
  /// Grains that an activation here may serve at `now`: bit g.
  [[nodiscard]] std::uint64_t serves(time_point now) const;
  [[nodiscard]] std::size_t unanswered() const noexcept { return pending_.size(); }

 private:
  static constexpr char request_tag = 'g', reply_tag = 'G';
  static constexpr duration sweep_interval = std::chrono::milliseconds(200);
  static constexpr duration held_tick = std::chrono::milliseconds(20);
  static constexpr duration patience = std::chrono::seconds(10);

  struct letter final : held_message {
    std::uint64_t message = 0;
    std::uint32_t grain = 0;
    std::uint32_t hops = 0;
    stamp known{};
    std::uint64_t from = 0;   // PID that waits for the reply; 0: a client here
    std::uint64_t token = 0;  // there
  };
  using letter_ptr = std::unique_ptr<letter>;
  struct activation final : grain_activation {
    std::uint64_t name = 0;    // in the whole run
    std::uint64_t number = 0;  // of its shard
    std::uint32_t grain = 0;
    std::uint64_t tenure = 0;
    std::deque<letter_ptr> mailbox;
    time_point busy_until{};
    bool resting = false;
    bool gone = false;
  };
  struct waiting {
    std::uint64_t peer = 0;
    std::uint64_t from = 0;
    std::uint64_t token = 0;
    time_point until{};
    answer done{};
  };
  struct beginning {
    std::uint32_t grain = 0;
    std::uint64_t number = 0;
    time_point at{};
  };

  [[nodiscard]] static std::string key_of(std::uint32_t grain) { return "grain " + std::to_string(grain); }
  [[nodiscard]] std::uint32_t shard_of(std::uint32_t grain) const noexcept { return grain % shards_; }
  [[nodiscard]] bool leased(time_point now) const { return lease_ends_ && now <= lease_ends_(); }
  void route(letter_ptr m, time_point now);
  void carry_out(grain_output& out, time_point now);
  void start(const beginning& b, time_point now);
  void work(activation& a, time_point now);
  void lapse(activation& a, time_point now);
  void end(letter_ptr m, bool ok);
  void reply(std::uint64_t from, std::uint64_t token, bool ok);
  void send(std::uint64_t to, char tag, std::initializer_list<std::uint64_t> numbers);
  [[nodiscard]] duration some_time(duration most) { return rng_.between(duration(0), most); }

  simulated_stores& stores_;
  const std::uint32_t shards_;
  grain_truth& truth_;
  random rng_;
  std::function<time_point()> lease_ends_;
  grain_ledger ledger_;
  std::vector<std::unique_ptr<grain_shard>> machines_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> tenures_;  // by shard: the number, the creation it is of
  std::uint64_t last_tenure_ = 0;
  stamp followed_;
  std::vector<std::shared_ptr<activation>> activations_;
  std::vector<beginning> beginnings_;
  std::map<std::uint64_t, waiting> pending_;  // by token
  std::uint64_t last_token_ = 0;
  time_point sweep_at_{};
  time_point held_at_ = time_point::max();
  time_point now_{};
  std::vector<std::pair<std::uint64_t, std::string>> out_;
};

}  // namespace troupe::sim
