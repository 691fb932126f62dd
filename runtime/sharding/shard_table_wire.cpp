#include <algorithm>

#include "runtime/sharding/shard_table.hpp"
#include "runtime/sharding/slot.hpp"
#include "troupe/wire/shard_table.pb.h"

namespace troupe {

namespace {

// A row has at most a primary and replicas_max replicas, so a table names no more owners than this.
constexpr std::size_t owners_max_per_shard = replicas_max + 1;
constexpr int bits_per_byte = 8;

std::vector<std::uint64_t> owners_of(const shard_table& t) {
  std::vector<std::uint64_t> pids;
  for (const auto& row : t.rows) {
    if (row.primary != 0) pids.push_back(row.primary);
    pids.insert(pids.end(), row.replicas.begin(), row.replicas.end());
  }
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

tl::unexpected<error> corrupt(const char* why) { return fail(errc::corrupt, std::string("shard table: ") + why); }

// The lengths that the lists must have among themselves, before anything is allocated for them.
expected<void> check_lengths(const wire::ShardTable& in) {
  const auto shards = static_cast<std::size_t>(in.primaries_size());
  if (shards == 0 || shards > shards_max) return corrupt("bad number of shards");
  if (static_cast<std::size_t>(in.epochs_size()) != shards) return corrupt("bad number of epochs");
  if (static_cast<std::size_t>(in.created_size()) != shards) return corrupt("bad number of creations");
  if (in.heirs_size() != 0 && static_cast<std::size_t>(in.heirs_size()) != shards)
    return corrupt("bad number of heirs");
  if (static_cast<std::size_t>(in.pids_size()) > shards * owners_max_per_shard) return corrupt("too many owners");
  std::size_t replicas = 0;
  if (in.replica_counts_size() != 0) {
    if (static_cast<std::size_t>(in.replica_counts_size()) != shards) return corrupt("bad number of replica counts");
    for (const auto count : in.replica_counts()) {
      if (count > replicas_max) return corrupt("too many replicas");
      replicas += count;
    }
  }
  if (static_cast<std::size_t>(in.replicas_size()) != replicas) return corrupt("bad number of replicas");
  if (in.in_sync().size() != (replicas + bits_per_byte - 1) / bits_per_byte) return corrupt("bad in-sync bits");
  for (int i = 0; i < in.pids_size(); ++i) {
    if (in.pids(i) <= (i == 0 ? 0 : in.pids(i - 1))) return corrupt("owners out of order");
  }
  return {};
}

}  // namespace

void to_wire(const shard_table& t, wire::ShardTable& out) {
  out.Clear();
  out.mutable_stamp()->set_term(t.stamp.term);
  out.mutable_stamp()->set_epoch(t.stamp.epoch);
  const auto pids = owners_of(t);
  for (const auto pid : pids) out.add_pids(pid);
  const auto reference = [&pids](std::uint64_t pid) -> std::uint32_t {
    if (pid == 0) return 0;
    return static_cast<std::uint32_t>(std::lower_bound(pids.begin(), pids.end(), pid) - pids.begin()) + 1;
  };
  const bool any_replica =
      std::any_of(t.rows.begin(), t.rows.end(), [](const shard_row& r) { return !r.replicas.empty(); });
  const bool any_heir = std::any_of(t.rows.begin(), t.rows.end(), [](const shard_row& r) { return r.heir != 0; });
  std::size_t bit = 0;
  for (const auto& row : t.rows) {
    out.add_primaries(reference(row.primary));
    out.add_epochs(row.epoch);
    out.add_created(row.created);
    if (any_heir) out.add_heirs(reference(row.heir));
    if (any_replica) out.add_replica_counts(static_cast<std::uint32_t>(row.replicas.size()));
    for (const auto pid : row.replicas) {
      out.add_replicas(reference(pid));
      if (bit % bits_per_byte == 0) out.mutable_in_sync()->push_back('\0');
      if (row.has_in_sync(pid)) {
        char& byte = out.mutable_in_sync()->back();
        byte = static_cast<char>(static_cast<unsigned char>(byte) | (1u << (bit % bits_per_byte)));
      }
      ++bit;
    }
  }
}

expected<shard_table> from_wire(const wire::ShardTable& in) {
  if (auto sound = check_lengths(in); !sound) return tl::unexpected<error>(sound.error());
  const auto owners = static_cast<std::uint32_t>(in.pids_size());
  shard_table t;
  t.stamp = {in.stamp().term(), in.stamp().epoch()};
  t.rows.resize(static_cast<std::size_t>(in.primaries_size()));
  int next = 0;
  for (int shard = 0; shard < in.primaries_size(); ++shard) {
    auto& row = t.rows[static_cast<std::size_t>(shard)];
    if (in.primaries(shard) > owners) return corrupt("an owner that is not named");
    if (in.primaries(shard) != 0) row.primary = in.pids(static_cast<int>(in.primaries(shard)) - 1);
    row.epoch = in.epochs(shard);
    row.created = in.created(shard);
    if (in.heirs_size() != 0 && in.heirs(shard) > owners) return corrupt("an owner that is not named");
    if (in.heirs_size() != 0 && in.heirs(shard) != 0) row.heir = in.pids(static_cast<int>(in.heirs(shard)) - 1);
    const std::uint32_t count = in.replica_counts_size() == 0 ? 0 : in.replica_counts(shard);
    for (std::uint32_t i = 0; i < count; ++i, ++next) {
      const std::uint32_t reference = in.replicas(next);
      if (reference == 0 || reference > owners) return corrupt("an owner that is not named");
      row.replicas.push_back(in.pids(static_cast<int>(reference) - 1));
      const auto byte = static_cast<unsigned char>(in.in_sync()[static_cast<std::size_t>(next) / bits_per_byte]);
      if ((byte >> (next % bits_per_byte) & 1u) != 0) row.in_sync.push_back(row.replicas.back());
    }
  }
  if (auto sound = check(t); !sound) return tl::unexpected<error>(sound.error());
  return t;
}

std::string encode(const shard_table& t) {
  wire::ShardTable message;
  to_wire(t, message);
  return message.SerializeAsString();
}

expected<shard_table> decode_shard_table(std::string_view bytes) {
  wire::ShardTable message;
  if (bytes.size() > static_cast<std::size_t>(INT32_MAX) ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return corrupt("not a message");
  return from_wire(message);
}

}  // namespace troupe
