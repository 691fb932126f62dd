// The cluster record: the ONE versioned value that a cluster agrees on. It says who votes, which PIDs
// are given and where the shards are, and bears the stamp (term, epoch) under which it was proposed.
// A record is a plain value: that it is committed is not written in it but known from the protocol.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/ids.hpp>

namespace troupe::wire {
class ClusterRecord;
}

namespace troupe {

using cluster_id = incarnation_id;  // drawn once, at bootstrap
using voter_id = incarnation_id;    // drawn together with a vote file

/// One process of one member.
struct member_ref {
  std::string name;
  incarnation_id id;

  auto operator<=>(const member_ref&) const = default;
};

struct record_voter {
  voter_id id;
  std::string name;
  std::string address;

  auto operator<=>(const record_voter&) const = default;
};

struct cluster_record {
  cluster_id cluster;
  std::string cluster_name;
  std::uint32_t expected_members = 1;
  std::vector<record_voter> voters;           // ids and names are unique
  std::uint64_t highest_pid = 0;              // never falls: a PID is never given twice
  std::map<member_ref, std::uint64_t> pids;   // of the incarnations that are not gone
  std::string shard_table;                    // opaque here: sharding encodes it
  std::map<std::string, std::string> values;  // what all members must agree on, e.g. the shard count
  stamp at;
  std::string locks{};  // opaque here: locks/ encodes it

  bool operator==(const cluster_record&) const = default;

  /// 0 when the leader has given none.
  [[nodiscard]] std::uint64_t pid_of(const member_ref& who) const;
  [[nodiscard]] bool has_voter(const voter_id& id) const;
  [[nodiscard]] const record_voter* voter_named(std::string_view name) const;
};

using record_ptr = std::shared_ptr<const cluster_record>;

/// The stamp of a founding record, below the first term.
inline constexpr stamp founding_stamp{0, 1};

inline constexpr std::size_t record_bytes_max = 3U << 20U;  // a frame of the link holds one
inline constexpr std::size_t record_locks_bytes_max = 128U << 10U;
inline constexpr std::size_t record_voters_max = 31;
inline constexpr std::size_t record_members_max = 4096;
inline constexpr std::size_t record_values_max = 64;
inline constexpr std::size_t record_text_max = 255;  // names, addresses, keys
inline constexpr std::size_t record_value_bytes_max = 4096;
inline constexpr std::uint64_t term_max = 1ULL << 62U;  // terms, epochs and PIDs stay below

/// Votes that make a majority of `voters`.
[[nodiscard]] constexpr std::size_t majority_of(std::size_t voters) noexcept { return voters / 2 + 1; }

/// Why `record` breaks a bound or an invariant; empty when it is sound.
[[nodiscard]] std::string fault_of(const cluster_record& record);

[[nodiscard]] std::string encode(const cluster_record& record);
/// errc::corrupt for anything but a sound record within the bounds above.
[[nodiscard]] expected<cluster_record> decode_record(std::string_view bytes);

/// The same through the generated form, for messages that carry a record.
void to_wire(const cluster_record& record, wire::ClusterRecord& out);
[[nodiscard]] expected<cluster_record> from_wire(const wire::ClusterRecord& in);

}  // namespace troupe
