// The shard table: for every shard, who is its primary, who are its replicas and which of them are
// in sync. It is part of the cluster record; the leader makes a new one, stamped (term, epoch), and
// everybody else only replaces an older table by a newer one.
//
// Owners are PIDs, unique for each incarnation of a member; 0 means nobody. The table knows nothing
// of names, addresses or leases.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/ids.hpp>

namespace troupe {

namespace wire {
class ShardTable;
}

/// Longest list of replicas that a row may carry.
inline constexpr std::size_t replicas_max = 16;

struct shard_row {
  std::uint64_t primary = 0;            // 0: the shard has none
  std::vector<std::uint64_t> replicas;  // without the primary, no PID twice, none 0
  std::vector<std::uint64_t> in_sync;   // the replicas that hold every acknowledged write, in their order
  std::uint64_t epoch = 0;              // of the record that gave the row this content
  std::uint64_t created = 0;            // of the record that made the shard, empty; data of an older one is void
  std::uint64_t heir = 0;               // the replica to which the living primary is to give the shard; 0: it keeps it

  bool operator==(const shard_row&) const = default;

  [[nodiscard]] bool has_replica(std::uint64_t pid) const noexcept;
  [[nodiscard]] bool has_in_sync(std::uint64_t pid) const noexcept;
};

/// Same shard with the same primary, replicas, in-sync set and heir, whatever the epoch.
[[nodiscard]] bool same_owners(const shard_row& a, const shard_row& b) noexcept;

struct shard_table {
  troupe::stamp stamp;
  std::vector<shard_row> rows;  // index: the shard; empty: no table was made yet

  bool operator==(const shard_table&) const = default;
};

/// errc::corrupt with the reason when a row breaks a rule above, or there are not 1..shards_max rows.
[[nodiscard]] expected<void> check(const shard_table& t);

/// The table a node goes by. Its stamp never goes down.
class accepted_table {
 public:
  /// Takes a table with a higher stamp. A repetition of the present one is accepted and changes
  /// nothing. errc::stale_term for a lower stamp, or for the same stamp with other content; counted.
  expected<void> accept(shard_table t);

  [[nodiscard]] const shard_table& now() const noexcept { return table_; }
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

 private:
  shard_table table_;
  std::uint64_t refused_ = 0;
};

/// The wire form (runtime/proto/troupe/wire/shard_table.proto): PIDs once, rows as packed indexes.
void to_wire(const shard_table& t, wire::ShardTable& out);
/// errc::corrupt for anything that check() would refuse; allocates no more than the message holds.
[[nodiscard]] expected<shard_table> from_wire(const wire::ShardTable& in);

[[nodiscard]] std::string encode(const shard_table& t);
[[nodiscard]] expected<shard_table> decode_shard_table(std::string_view bytes);

}  // namespace troupe
