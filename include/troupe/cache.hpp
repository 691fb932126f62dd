// The cache as an application uses it: named maps from bytes to bytes, spread over the cluster's
// shards. The same data is served over HTTP (/v1/cache/{cache}/{key}) and RESP.
//
// A handle is cheap to copy, may be used from any thread and must not outlive its node.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/cache_changes.hpp>
#include <troupe/error.hpp>
#include <troupe/time.hpp>

namespace troupe {

struct cache_value {
  std::string bytes;
  std::uint64_t version = 0;    // rises with every write of the key, also across a delete
  std::optional<duration> ttl;  // what is left of it; none: never expires
  bool stale = false;           // its life is over: it is given while it is loaded anew (caches.NAME.stale_for), and
                                // ttl is how long it still may be
};

enum class write_condition : std::uint8_t { none, if_absent, if_present, if_version };

struct put_options {
  std::optional<duration> ttl;  // none: the value does not expire
  bool keep_ttl = false;        // keep the expiry that the old value had
  write_condition condition = write_condition::none;
  std::uint64_t version = 0;  // for if_version
};

/// A number kept as its decimal digits, as Redis' INCRBY keeps it.
struct increment_options {
  std::int64_t by = 1;
  std::optional<duration> ttl_if_new;  // when there was no value; one that is there keeps the life it has
};

struct cache_entry {
  std::string key;
  std::string value;
  put_options options;
};

struct cache_scan {
  std::string next;           // of the page before; empty: from the start
  std::string pattern = "*";  // glob, as Redis' KEYS
  std::size_t count = 100;    // about how many keys are looked at, 1 to 4096
};

/// Each key that is there during the whole scan comes at least once, others perhaps.
struct cache_page {
  std::vector<std::string> keys;
  std::string next;  // empty: that was the end
};

class cache_access;  // runtime/cache: what a handle calls

class cache {
 public:
  using value_callback = std::function<void(expected<cache_value>)>;
  using version_callback = std::function<void(expected<std::uint64_t>)>;
  using bool_callback = std::function<void(expected<bool>)>;
  using number_callback = std::function<void(expected<std::int64_t>)>;
  using values_callback = std::function<void(std::vector<expected<cache_value>>)>;
  using versions_callback = std::function<void(std::vector<expected<std::uint64_t>>)>;
  using bools_callback = std::function<void(std::vector<expected<bool>>)>;
  using page_callback = std::function<void(expected<cache_page>)>;
  using done_callback = std::function<void(expected<void>)>;

  /// The default deadline of every request, as on the HTTP door.
  static constexpr duration default_deadline = std::chrono::seconds(2);
  /// Keys of one batch.
  static constexpr std::size_t batch_max = 4096;
  /// Of all values that get_all() gives back.
  static constexpr std::size_t batch_bytes_max = 64 << 20;

  cache(std::shared_ptr<cache_access> access, std::string name);

  /// Blocking calls, for threads that are neither an actor's nor an I/O thread of the node.
  /// get: errc::not_found when there is no value. put: the new version; errc::condition_failed when
  /// the condition did not hold. erase: whether there was a value; with if_version as put.
  [[nodiscard]] expected<cache_value> get(std::string_view key, duration deadline = default_deadline);
  [[nodiscard]] expected<std::uint64_t> put(std::string_view key, std::string_view value, const put_options& = {},
                                            duration deadline = default_deadline);
  [[nodiscard]] expected<bool> erase(std::string_view key, duration deadline = default_deadline);
  [[nodiscard]] expected<bool> erase_version(std::string_view key, std::uint64_t if_version,
                                             duration deadline = default_deadline);
  /// The new number. errc::wrong_type for a list, set or the like, errc::invalid_argument when the value is no integer
  /// of 64 bits or would leave their range.
  [[nodiscard]] expected<std::int64_t> increment(std::string_view key, const increment_options& = {},
                                                 duration deadline = default_deadline);

  /// Batches: each key is done by itself, wherever it lives, all at the same time; an answer for each, in their order.
  /// More than batch_max: errc::too_large for each; a value beyond batch_bytes_max: errc::too_large for its key.
  [[nodiscard]] std::vector<expected<cache_value>> get_all(const std::vector<std::string>& keys,
                                                           duration deadline = default_deadline);
  [[nodiscard]] std::vector<expected<std::uint64_t>> put_all(const std::vector<cache_entry>& entries,
                                                             duration deadline = default_deadline);
  [[nodiscard]] std::vector<expected<bool>> erase_all(const std::vector<std::string>& keys,
                                                      duration deadline = default_deadline);

  /// A page of the keys of all nodes. errc::invalid_argument for a `next` that no page gave, errc::not_implemented for
  /// a cache that a database backs.
  [[nodiscard]] expected<cache_page> scan(const cache_scan&, duration deadline = default_deadline);

  /// All values are gone, at once for every read that begins after the answer; their memory is freed in the background.
  /// Loads that began before bring nothing back. errc::outcome_unknown or unavailable: some shards may have been
  /// dropped and others not; it may be called again. errc::not_implemented for a cache that a database backs.
  [[nodiscard]] expected<void> drop(duration deadline = default_deadline);

  /// What happens to the cache's keys from now on, in the whole cluster (cache_changes.hpp). errc::invalid_argument for
  /// options beyond their limits, errc::unavailable when too many subscribe at this node, or it stops.
  [[nodiscard]] expected<change_subscription> subscribe(const change_options& options = {});
  /// Where the key lives, as changes name it.
  [[nodiscard]] std::uint32_t shard_of(std::string_view key) const;

  /// The same without blocking. The callback runs exactly once, on a thread of the node or, when
  /// the answer is at hand, before the call returns; it must not block.
  void get(std::string_view key, value_callback done, duration deadline = default_deadline);
  void put(std::string_view key, std::string_view value, const put_options&, version_callback done,
           duration deadline = default_deadline);
  void erase(std::string_view key, bool_callback done, duration deadline = default_deadline);
  void erase_version(std::string_view key, std::uint64_t if_version, bool_callback done,
                     duration deadline = default_deadline);
  void increment(std::string_view key, const increment_options&, number_callback done,
                 duration deadline = default_deadline);
  void get_all(const std::vector<std::string>& keys, values_callback done, duration deadline = default_deadline);
  void put_all(const std::vector<cache_entry>& entries, versions_callback done, duration deadline = default_deadline);
  void erase_all(const std::vector<std::string>& keys, bools_callback done, duration deadline = default_deadline);
  void scan(const cache_scan&, page_callback done, duration deadline = default_deadline);
  void drop(done_callback done, duration deadline = default_deadline);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  std::shared_ptr<cache_access> access_;
  std::string name_;
};

}  // namespace troupe
