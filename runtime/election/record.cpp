#include "runtime/election/record.hpp"

#include <algorithm>
#include <set>

#include "troupe/wire/record.pb.h"

namespace troupe {
namespace {

void put(const incarnation_id& id, wire::IncarnationId& out) {
  out.set_high(id.high);
  out.set_low(id.low);
}

incarnation_id get(const wire::IncarnationId& in) { return {in.high(), in.low()}; }

bool text_ok(std::string_view text) { return !text.empty() && text.size() <= record_text_max; }

std::string fault_of_voters(const cluster_record& record) {
  if (record.voters.empty() || record.voters.size() > record_voters_max) return "number of voters";
  std::set<voter_id> ids;
  std::set<std::string_view> names;
  for (const auto& v : record.voters) {
    if (v.id.empty() || !text_ok(v.name) || v.address.size() > record_text_max) return "a voter's fields";
    if (!ids.insert(v.id).second || !names.insert(v.name).second) return "a voter named twice";
  }
  return {};
}

std::string fault_of_pids(const cluster_record& record) {
  if (record.pids.size() > record_members_max) return "number of members";
  std::set<std::uint64_t> seen;
  for (const auto& [who, pid] : record.pids) {
    if (!text_ok(who.name) || who.id.empty()) return "a member's fields";
    if (pid == 0 || pid > record.highest_pid || !seen.insert(pid).second) return "a PID out of order";
  }
  return {};
}

}  // namespace

std::uint64_t cluster_record::pid_of(const member_ref& who) const {
  const auto found = pids.find(who);
  return found == pids.end() ? 0 : found->second;
}

bool cluster_record::has_voter(const voter_id& id) const {
  return std::any_of(voters.begin(), voters.end(), [&](const record_voter& v) { return v.id == id; });
}

const record_voter* cluster_record::voter_named(std::string_view name) const {
  const auto found = std::find_if(voters.begin(), voters.end(), [&](const record_voter& v) { return v.name == name; });
  return found == voters.end() ? nullptr : &*found;
}

std::string fault_of(const cluster_record& record) {
  if (record.cluster.empty() || !text_ok(record.cluster_name)) return "the cluster's identity";
  if (record.expected_members == 0 || record.expected_members > record_voters_max) return "expected_members";
  if (record.at.term >= term_max || record.at.epoch >= term_max || record.highest_pid >= term_max) {
    return "a counter at its limit";
  }
  if (record.shard_table.size() > record_bytes_max) return "the size of the shard table";
  if (record.locks.size() > record_locks_bytes_max) return "the size of the lock table";
  if (record.values.size() > record_values_max) return "number of values";
  for (const auto& [key, value] : record.values) {
    if (!text_ok(key) || value.size() > record_value_bytes_max) return "a value";
  }
  auto fault = fault_of_voters(record);
  return fault.empty() ? fault_of_pids(record) : fault;
}

void to_wire(const cluster_record& record, wire::ClusterRecord& out) {
  put(record.cluster, *out.mutable_cluster());
  out.set_cluster_name(record.cluster_name);
  out.set_expected_members(record.expected_members);
  for (const auto& v : record.voters) {
    auto& voter = *out.add_voters();
    put(v.id, *voter.mutable_id());
    voter.set_name(v.name);
    voter.set_address(v.address);
  }
  out.set_highest_pid(record.highest_pid);
  for (const auto& [who, pid] : record.pids) {
    auto& entry = *out.add_pids();
    entry.set_name(who.name);
    put(who.id, *entry.mutable_incarnation());
    entry.set_pid(pid);
  }
  out.set_shard_table(record.shard_table);
  for (const auto& [key, value] : record.values) {
    auto& entry = *out.add_values();
    entry.set_key(key);
    entry.set_value(value);
  }
  out.set_locks(record.locks);
  out.mutable_stamp()->set_term(record.at.term);
  out.mutable_stamp()->set_epoch(record.at.epoch);
}

expected<cluster_record> from_wire(const wire::ClusterRecord& in) {
  cluster_record record;
  record.cluster = get(in.cluster());
  record.cluster_name = in.cluster_name();
  record.expected_members = in.expected_members();
  for (const auto& v : in.voters()) record.voters.push_back({get(v.id()), v.name(), v.address()});
  record.highest_pid = in.highest_pid();
  for (const auto& p : in.pids()) {
    if (!record.pids.emplace(member_ref{p.name(), get(p.incarnation())}, p.pid()).second) {
      return fail(errc::corrupt, "cluster record: a member named twice");
    }
  }
  record.shard_table = in.shard_table();
  for (const auto& v : in.values()) record.values[v.key()] = v.value();
  record.at = {in.stamp().term(), in.stamp().epoch()};
  record.locks = in.locks();
  if (auto fault = fault_of(record); !fault.empty()) return fail(errc::corrupt, "cluster record: " + fault);
  return record;
}

std::string encode(const cluster_record& record) {
  wire::ClusterRecord out;
  to_wire(record, out);
  return out.SerializeAsString();
}

expected<cluster_record> decode_record(std::string_view bytes) {
  wire::ClusterRecord in;
  if (bytes.size() > record_bytes_max || !in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(errc::corrupt, "cluster record: not decodable");
  }
  return from_wire(in);
}

}  // namespace troupe
