// Requests for entities that this node does not serve, to a member that does (runtime/entities/entity_duty.hpp): over
// the cluster link, as the HTTP that they are. The other end is entity_server, which forwards nothing: no request is
// forwarded twice.
//
//   what became of it                                   a read             a write
//   not sent; refused with not_owner or unavailable     another member     another member
//   answered 503: nothing was done                      another member     another member
//   connection broke, or no answer in time              another member     504 outcome-unknown
//   nobody (else) to ask                                503                503
//
// Another member is asked once. A read gives the first one half of its time. PUT and DELETE are not repeated either: a
// second one could undo what others wrote in between, or miss its condition.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/cluster_board.hpp"
#include "actors/link/link_table.hpp"
#include "actors/metrics.hpp"
#include "gateways/http/message.hpp"

namespace troupe {

class entity_forwarder : public std::enable_shared_from_this<entity_forwarder> {
 public:
  static constexpr std::uint64_t requests_max = 1024;              // under way
  static constexpr std::uint64_t bytes_max = 64 * 1024 * 1024;     // of theirs, kept until they are answered
  static constexpr duration way = std::chrono::milliseconds(250);  // for an answer to come back after its deadline

  /// `deadline`: of a request. Both references outlive the link's last callback.
  entity_forwarder(link_table& link, const cluster_board& board, duration deadline);

  /// Answers it, perhaps later. `path`: of the entity; empty: of the model as a whole.
  void forward(http_exchange& ex, std::string_view path);

  enum class failure : std::uint8_t { nobody, too_much, not_done, lost, malformed };
  static constexpr std::array<const char*, 5> failure_names = {"nobody", "too_much", "not_done", "lost", "malformed"};
  struct counters {
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> repeated{0};
    std::array<std::atomic<std::uint64_t>, failure_names.size()> failures{};
  };
  [[nodiscard]] const counters& numbers() const noexcept { return numbers_; }
  /// troupe_entities_forwarded_total, troupe_entities_forward_repeated_total, troupe_entities_forward_failures_total.
  void register_metrics(metrics& m) const;

 private:
  struct place {
    std::string name;
    link_target at;
  };
  struct run {
    std::string request;
    std::string path;
    bool reads = false;
    std::vector<place> places;
    std::size_t next = 0;
    time_point deadline;
    http_later later;
  };
  using run_ptr = std::shared_ptr<run>;

  void ask(const run_ptr& r);
  void on_answer(const run_ptr& r, const expected<std::string_view>& answer);
  [[nodiscard]] bool ask_another(const run_ptr& r);
  void finish(const run_ptr& r, http_reply reply);
  void count(failure f) { numbers_.failures[static_cast<std::size_t>(f)].fetch_add(1, std::memory_order_relaxed); }

  link_table& link_;
  const cluster_board& board_;
  const duration deadline_;
  counters numbers_;
  std::atomic<std::uint64_t> turn_{0};
  std::atomic<std::uint64_t> under_way_{0};
  std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace troupe
