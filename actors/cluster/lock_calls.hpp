// What other threads ask of the cluster actor about locks and roles, and what it says of them. Calls return at once,
// their answers come on the actor's thread.
//
//   lock() --call_asked--> inbox --> machine --granted--> done(a hold) ... the hold's clock is set after each step
//   campaign() --> machine --granted, lost--> the role's callback, until resign()
//   follow() --> who holds it by the committed record, now and after each change
//
// An actor that is restarted has forgotten all claims: holds are over, roles are campaigned for anew.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/lock.hpp>

#include "actors/metrics.hpp"
#include "runtime/cluster/cluster_machine.hpp"

namespace troupe {

class cluster_inbox;

class lock_calls {
 public:
  using hold = std::shared_ptr<lock_holding>;
  template <class Result>
  using callback = std::function<void(expected<Result>)>;
  using ticket = std::shared_ptr<std::atomic<claim_number>>;
  using holder_callback = std::function<void(const lock_grant*)>;

  explicit lock_calls(cluster_inbox& in);
  ~lock_calls();

  /// `done` gets a hold, which is released with its last copy. errc::condition_failed when it is held by others and
  /// the request does not wait; errc::deadline_exceeded, errc::unavailable, errc::invalid_argument.
  ticket lock(lock_request request, callback<hold> done);
  /// Takes back what lock() asked for: a request that waits ends without a word, a hold ends.
  void cancel(const ticket& t);
  /// Until when that hold is sure, as far as is known now; time_point::min() when it is over or was released.
  [[nodiscard]] static time_point sure_until(const hold& h);

  /// Tells the first holder of `key` by the committed record, null for none: soon, and after each change. On the
  /// actor's thread: it must only hand over. Ends with unfollow(); a call may be under way then.
  std::uint64_t follow(lock_key key, holder_callback told);
  void unfollow(std::uint64_t id);

  /// The same, for who cannot keep a hold but knows its token: kept here until `ttl` passes without keep().
  void lock_for_token(lock_request request, callback<std::uint64_t> done);
  void keep(std::uint64_t token, duration ttl, callback<void> done);
  void release(std::uint64_t token, callback<void> done);

  /// errc::invalid_argument for a bad name, errc::condition_failed when it is campaigned for already.
  void campaign(std::string role, duration ttl, role_callback f, callback<void> done);
  void resign(std::string role, callback<void> done);

  /// By the actor after each step.
  void take(cluster_output& out, const cluster_machine& machine);

  void register_metrics(metrics& m);

 private:
  class holding;
  struct way_in {
    std::mutex mutex;
    cluster_inbox* in;
  };
  struct campaigner {
    role_callback told;
    duration ttl{};
    claim_number claim = 0;  // 0: on its way
  };
  struct follower {
    lock_key key;
    holder_callback told;
    std::optional<std::uint64_t> token{};  // told last; 0: nobody
  };
  struct kept_hold {
    hold held;
    claim_number claim;
  };
  using step = std::function<void(cluster_machine& machine, time_point now, cluster_output& out)>;

  [[nodiscard]] static bool push(way_in& way, step run);
  void claim_role(const std::string& role, callback<void> done = {});
  void on_event(const lock_event& e, time_point held_until);
  void on_role(const std::string& role, const lock_event& e);
  [[nodiscard]] std::vector<callback<hold>> take_forgotten(const lock_client& claims);
  [[nodiscard]] std::vector<std::pair<holder_callback, std::optional<lock_grant>>> new_holders(const lock_table& table);

  const std::shared_ptr<way_in> way_;
  std::mutex mutex_;
  std::map<claim_number, callback<hold>> waiting_;
  std::map<claim_number, std::weak_ptr<holding>> holds_;
  std::map<std::uint64_t, kept_hold> kept_;  // by token
  std::map<std::string, campaigner> roles_;
  std::map<std::uint64_t, follower> followers_;
  std::uint64_t last_follower_ = 0;

  enum number : std::size_t { granted, released, expired, refused, malformed, held_count, numbers };
  std::array<std::atomic<std::uint64_t>, numbers> numbers_{};
};

}  // namespace troupe
