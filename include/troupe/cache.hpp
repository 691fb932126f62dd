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

#include <troupe/error.hpp>
#include <troupe/time.hpp>

namespace troupe {

struct cache_value {
  std::string bytes;
  std::uint64_t version = 0;    // rises with every write of the key, also across a delete
  std::optional<duration> ttl;  // what is left of it; none: never expires
};

enum class write_condition : std::uint8_t { none, if_absent, if_present, if_version };

struct put_options {
  std::optional<duration> ttl;  // none: the value does not expire
  bool keep_ttl = false;        // keep the expiry that the old value had
  write_condition condition = write_condition::none;
  std::uint64_t version = 0;  // for if_version
};

class cache_access;  // runtime/cache: what a handle calls

class cache {
 public:
  using value_callback = std::function<void(expected<cache_value>)>;
  using version_callback = std::function<void(expected<std::uint64_t>)>;
  using bool_callback = std::function<void(expected<bool>)>;

  /// The default deadline of every request, as on the HTTP door.
  static constexpr duration default_deadline = std::chrono::seconds(2);

  cache(std::shared_ptr<cache_access> access, std::string name);

  /// Blocking calls, for threads that are neither an actor's nor an I/O thread of the node.
  /// get: errc::not_found when there is no value. put: the new version; errc::condition_failed when
  /// the condition did not hold. erase: whether there was a value.
  [[nodiscard]] expected<cache_value> get(std::string_view key, duration deadline = default_deadline);
  [[nodiscard]] expected<std::uint64_t> put(std::string_view key, std::string_view value, const put_options& = {},
                                            duration deadline = default_deadline);
  [[nodiscard]] expected<bool> erase(std::string_view key, duration deadline = default_deadline);

  /// The same without blocking. The callback runs exactly once, on a thread of the node or, when
  /// the answer is at hand, before the call returns; it must not block.
  void get(std::string_view key, value_callback done, duration deadline = default_deadline);
  void put(std::string_view key, std::string_view value, const put_options&, version_callback done,
           duration deadline = default_deadline);
  void erase(std::string_view key, bool_callback done, duration deadline = default_deadline);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  std::shared_ptr<cache_access> access_;
  std::string name_;
};

}  // namespace troupe
