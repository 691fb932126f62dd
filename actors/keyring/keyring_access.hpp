// The key ring of the whole cluster, as doors ask for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <troupe/error.hpp>

namespace troupe {

/// One key and who has it.
struct keyring_row {
  std::string fingerprint;
  std::size_t held_by = 0;     // members that hold it
  std::size_t primary_of = 0;  // members that seal with it
};

struct keyring_list {
  std::vector<keyring_row> keys;  // this node's first, its primary before all
  std::string primary;            // of this node
  std::size_t members = 0;        // live ones, this node included
  std::vector<std::string> not_reached;
};

enum class keyring_verb : std::uint8_t { install, use, remove };

/// What became of a change at one member.
struct keyring_member_result {
  enum class outcome : std::uint8_t { done, refused, not_reached };
  std::string name;
  outcome result = outcome::not_reached;
  std::string reason;  // when it is not done
};

[[nodiscard]] std::string_view name_of(keyring_member_result::outcome o) noexcept;

struct keyring_result {
  std::string fingerprint;
  std::vector<keyring_member_result> members;
  [[nodiscard]] bool complete() const noexcept;  // done everywhere
};

class keyring_access {
 public:
  virtual ~keyring_access() = default;

  /// `done` runs once, on any thread, within keyring_deadline.
  virtual void list(std::function<void(keyring_list)> done) = 0;

  /// `key` is the base64 of 32 bytes, or for use and remove a fingerprint. errc::invalid_argument when it is
  /// neither. `use` and `remove` change nothing unless every live member answered that it can do it.
  virtual void change(keyring_verb verb, const std::string& key,
                      std::function<void(expected<keyring_result>)> done) = 0;
};

}  // namespace troupe
