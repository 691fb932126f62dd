// The actors that one node has registered, each under a key, and how that changed: every change has a version, so that
// another node is told only what is new since the version it has.
//
// The owner changes its ledger; the others apply its updates to theirs, and can pass on what they know, because a
// ledger at some version is the same everywhere. What was taken back is kept as gone for a while, since others have to
// hear of it; who is further behind than that is told everything anew. Pure, for one thread.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/ids.hpp>

namespace troupe {

inline constexpr std::size_t registry_key_bytes_max = 128;
inline constexpr std::size_t registry_entries_max = 16'384;  // of one node
inline constexpr std::size_t registry_gone_max = 4'096;      // kept of one node

/// 1 to registry_key_bytes_max bytes.
[[nodiscard]] bool is_registry_key(std::string_view key) noexcept;

struct registry_entry {
  std::string key;
  std::uint64_t actor = 0;  // its id at the owner

  auto operator<=>(const registry_entry&) const = default;
};

struct registry_change {
  std::uint64_t version = 0;
  registry_entry entry;
  bool gone = false;

  bool operator==(const registry_change&) const = default;
};

/// What changed at `owner` after version `from` up to `to`, in the order of versions. `from` 0: this is all there is.
struct registry_update {
  incarnation_id owner;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::vector<registry_change> changes;

  bool operator==(const registry_update&) const = default;
};

class registry_ledger {
 public:
  // By its owner.
  /// errc::invalid_argument for a key that is none, errc::unavailable when registry_entries_max are there. Nothing
  /// changes when it is there already.
  [[nodiscard]] expected<void> add(const registry_entry& e);
  /// False when it was not there.
  bool remove(const registry_entry& e);

  // By others.
  /// Adds the keys that changed to `changed`. False, and nothing happens, when the update begins after what is known
  /// here, holds nothing new, or more than an owner may have.
  bool apply(const registry_update& u, std::set<std::string>& changed);

  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }
  /// What is new after `known`; `owner` is not set. One with to == version() and no change when nothing is.
  [[nodiscard]] registry_update since(std::uint64_t known) const;
  [[nodiscard]] std::vector<std::uint64_t> find(std::string_view key) const;
  [[nodiscard]] std::set<std::string> keys() const;
  [[nodiscard]] const std::map<registry_entry, std::uint64_t>& entries() const noexcept { return entries_; }

 private:
  struct noted {
    registry_entry entry;
    bool gone = false;
  };

  void note(std::uint64_t version, const registry_entry& e, bool gone);
  void forget_oldest();

  std::map<registry_entry, std::uint64_t> entries_;  // to the version that added it
  std::map<registry_entry, std::uint64_t> gone_;     // to the version that took it back
  std::map<std::uint64_t, noted> by_version_;        // the last change of each of both
  std::uint64_t version_ = 0;
  std::uint64_t forgotten_ = 0;  // who knows less than this must hear everything
};

}  // namespace troupe
