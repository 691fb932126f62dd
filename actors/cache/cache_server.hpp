// The other end of link_forwarder: batches of commands that other nodes send because this one owns
// their shards. A batch is started on the connection's thread, in order, and answered once, when all
// its commands are done.
//
//   a batch that cannot be read          errc::corrupt, nothing was done
//   an undeclared cache                  not_found
//   the shard is not ours                not_owner, also for later commands of the shard in the batch
//   values beyond reply_bytes_max        peer_lost: the read has to be asked again
//   a command that was dropped by others outcome_unknown
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include <troupe/config.hpp>

#include "actors/cache/cache_router.hpp"
#include "actors/link/link_table.hpp"
#include "actors/metrics.hpp"

namespace troupe {

struct cache_server_counters {
  /// Values in one answer, beyond the first of them.
  static constexpr std::uint64_t reply_bytes_max = 16 * mib;

  std::atomic<std::uint64_t> served{0};  // commands
  std::atomic<std::uint64_t> batches{0};
  std::atomic<std::uint64_t> malformed{0};  // batches
};

/// Registers the handler of link_request_kind::cache; before link.start(). `router` outlives the link.
std::shared_ptr<const cache_server_counters> serve_cache_requests(link_table& link, cache_router& router);

/// troupe_cache_forward_served_total, troupe_cache_forward_malformed_total.
void register_metrics(metrics& m, const std::shared_ptr<const cache_server_counters>& numbers);

}  // namespace troupe
