#include "actors/cache/cache_server.hpp"

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "actors/clock.hpp"
#include "runtime/cache/command_batch.hpp"

namespace troupe {

namespace {

/// Replies of one batch, gathered from whatever threads they come on.
class served_batch {
 public:
  served_batch(link_responder responder, cache_router& router, std::size_t commands)
      : responder_(std::move(responder)), router_(router), left_(commands) {
    replies_.resize(commands, owned_reply::failed(errc::outcome_unknown));
  }
  // Somebody let go of a callback: what that command did is not known, but the others' replies are.
  ~served_batch() {
    if (left_ == 0) return;
    for (auto& r : replies_) {
      if (r.code == errc::outcome_unknown && r.context.empty()) r.context = "the command was dropped unanswered";
    }
    answer();
  }

  /// Before its reply.
  void tell_of(std::size_t index) {
    const std::lock_guard lock(mutex_);
    told_.resize(replies_.size());
    told_[index] = true;
  }

  /// Each index once. A read that has no room is asked again; a write was done, and its reply is kept.
  void put(std::size_t index, owned_reply reply, bool wrote = false) {
    if (!has_room(reply.value.size()) && !wrote)
      reply = owned_reply::failed(errc::peer_lost, "the batch's answer was full");
    replies_[index] = std::move(reply);
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) answer();
  }

  /// The shard was refused: its later commands must not be done after all, should a table arrive now.
  void refuse(std::uint32_t shard) {
    const std::lock_guard lock(mutex_);
    refused_.push_back(shard);
  }
  [[nodiscard]] bool refuses(std::uint32_t shard) const {
    const std::lock_guard lock(mutex_);
    return std::find(refused_.begin(), refused_.end(), shard) != refused_.end();
  }

 private:
  [[nodiscard]] bool has_room(std::uint64_t bytes) {
    if (bytes == 0) return true;
    const auto before = value_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    if (before == 0 || before + bytes <= cache_server_counters::reply_bytes_max) return true;
    value_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  void answer() { responder_.answer(encode_replies(router_.table_stamp(), replies_, told_)); }

  link_responder responder_;
  cache_router& router_;
  std::vector<owned_reply> replies_;
  std::atomic<std::size_t> left_;
  std::atomic<std::uint64_t> value_bytes_{0};
  mutable std::mutex mutex_;
  std::vector<std::uint32_t> refused_;
  std::vector<bool> told_;
};

void serve(cache_router& router, const command_batch& batch, link_responder responder) {
  const auto gathered = std::make_shared<served_batch>(std::move(responder), router, batch.commands.size());
  const time_point now = clock_now();
  for (std::size_t i = 0; i < batch.commands.size(); ++i) {
    const auto& b = batch.commands[i];
    const auto cache = router.find_any(b.cache);
    if (!cache) {
      gathered->put(i, owned_reply::failed(errc::not_found, "no such cache on the shard's owner"));
      continue;
    }
    const auto shard = router.shard_of_key(b.command.key);
    if (gathered->refuses(shard)) {
      gathered->put(i, owned_reply::failed(errc::not_owner));
      continue;
    }
    auto command = b.command;
    command.cache = *cache;
    const bool writes = is_write(command);
    if (command.op == cache_op::get && command.version != 0 && router.note_near_read(command)) gathered->tell_of(i);
    router.submit_forwarded(command, now + b.left, [gathered, i, shard, writes](owned_reply reply) {
      if (reply.code == errc::not_owner) gathered->refuse(shard);
      gathered->put(i, std::move(reply), writes);
    });
  }
}

}  // namespace

std::shared_ptr<const cache_server_counters> serve_cache_requests(link_table& link, cache_router& router) {
  auto numbers = std::make_shared<cache_server_counters>();
  link.handle_requests(link_request_kind::cache, [numbers, &router](const link_request& request, link_responder r) {
    const auto batch = decode_commands(request.body);
    if (!batch) {
      numbers->malformed.fetch_add(1, std::memory_order_relaxed);
      return r.answer(tl::unexpected<error>(batch.error()));
    }
    numbers->batches.fetch_add(1, std::memory_order_relaxed);
    numbers->served.fetch_add(batch->commands.size(), std::memory_order_relaxed);
    serve(router, *batch, std::move(r));
  });
  return numbers;
}

void register_metrics(metrics& m, const std::shared_ptr<const cache_server_counters>& numbers) {
  m.read_counter("troupe_cache_forward_served_total", "Commands done here for other nodes", {},
                 [numbers] { return static_cast<double>(numbers->served.load()); });
  m.read_counter("troupe_cache_forward_malformed_total", "Batches of other nodes that could not be read", {},
                 [numbers] { return static_cast<double>(numbers->malformed.load()); });
}

}  // namespace troupe
