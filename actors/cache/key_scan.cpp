#include "actors/cache/key_scan.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "runtime/cache/procedures/scan_cursor.hpp"
#include "runtime/cache/procedures/shards.hpp"

namespace troupe {

namespace {

/// Shards that one page looks at though they are empty.
constexpr std::uint32_t shards_max = 64;

std::optional<scan_cursor> read_next(const std::string& text, std::uint32_t shards) {
  if (text.empty()) return scan_cursor{};
  const auto number = parse_cursor(text);
  if (!number || *number == 0) return std::nullopt;
  const auto cursor = scan_cursor::of(*number);
  return cursor.shard < shards ? std::optional(cursor) : std::nullopt;
}

// Answers may come before submit returns: then the loop that asked takes them, so that no stack grows.
class key_walk : public std::enable_shared_from_this<key_walk> {
 public:
  key_walk(cache_access& caches, cache_id cache, const cache_scan& scan, scan_cursor at, time_point deadline,
           page_callback done)
      : caches_(caches), cache_(cache), scan_(scan), at_(at), deadline_(deadline), done_(std::move(done)) {}

  void go() {
    do {
      turn_.store(asking, std::memory_order_release);
      ask();
      // Whoever comes second of ask() and its answer goes on.
    } while (turn_.exchange(waiting, std::memory_order_acq_rel) == answered && take());
  }

 private:
  enum turn : int { asking, answered, waiting };

  void ask() {
    shard_scan_request r;
    r.tag = at_.tag;
    r.position = at_.position;
    r.count = std::clamp<std::uint64_t>(scan_.count - std::min(scan_.count - 1, looked_at_), 1, scan_count_max);
    r.pattern = scan_.pattern;
    const auto words = pack(r);
    cache_command c;
    c.op = cache_op::run;
    c.cache = cache_;
    c.procedure = procedure::shard_scan;
    c.key = caches_.key_in_shard(at_.shard);
    c.value = words;
    caches_.submit(c, deadline_, [self = shared_from_this()](owned_reply answer) {
      self->reply_ = std::move(answer);
      if (self->turn_.exchange(answered, std::memory_order_acq_rel) == waiting && self->take()) self->go();
    });
  }

  // True: the page is not full yet.
  bool take() {
    if (reply_.code != errc::ok) return done_(fail(reply_.code, reply_.context)), false;
    const auto page = read_shard_page(reply_.value);
    if (!page) return done_(fail(errc::corrupt, "a shard's answer cannot be read")), false;
    for (const auto key : page->keys) page_.keys.emplace_back(key);
    looked_at_ += page->looked_at;
    at_ = page->next != 0 ? scan_cursor{at_.shard, page->tag, page->next} : scan_cursor{at_.shard + 1, 0, 0};
    if (page->next == 0) ++shards_done_;
    const bool end = at_.shard >= caches_.shards();
    if (!end && looked_at_ < scan_.count && shards_done_ < shards_max) return true;
    if (!end) page_.next = std::to_string(at_.number());
    done_(std::move(page_));
    return false;
  }

  cache_access& caches_;
  const cache_id cache_;
  const cache_scan scan_;
  scan_cursor at_;
  const time_point deadline_;
  const page_callback done_;
  std::atomic<int> turn_{asking};
  owned_reply reply_;
  cache_page page_;
  std::uint64_t looked_at_ = 0;
  std::uint32_t shards_done_ = 0;
};

}  // namespace

void scan_keys(cache_access& caches, cache_id cache, const cache_scan& scan, time_point deadline, page_callback done) {
  if (scan.count == 0 || scan.count > scan_count_max)
    return done(fail(errc::invalid_argument, "count is from 1 to " + std::to_string(scan_count_max)));
  const auto at = read_next(scan.next, caches.shards());
  if (!at) return done(fail(errc::invalid_argument, "no page gave this place to go on from"));
  std::make_shared<key_walk>(caches, cache, scan, *at, deadline, std::move(done))->go();
}

}  // namespace troupe
